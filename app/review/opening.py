"""From any path to a session folder: a session itself, or a video that is analysed once and then known."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.review.analysis import Seen, look_at, seen_before, take_over, write_session
from app.review.folders import VideoIdentity, discard, new_review, review_of, settle
from app.session.reader import read_session
from app.session.schema import INFO_FILE, SessionInfo
from app.tables import check_folder
from models.digest import perception_digest, scoring_digest
from models.errors import ApexspotError, OutputError, UsageError
from models.spotter import Spotter, shipped_with
from models.video import VideoFile

log = logging.getLogger(__name__)

_LEFT_FROM_S = 1.0
"""The time left is told from this long after the start."""


class AnalysisState(StrEnum):
    """How an analysis stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AnalysisProgress:
    """share: 0 to 1. left_s: None while it cannot be told. error: the sentence for the user where state is failed."""

    share: float
    left_s: float | None
    state: AnalysisState
    error: str | None


class _Cancelled(Exception):
    pass


def session_for(path: Path, network: Path | None = None) -> Path | None:
    """The session folder that a path stands for; ``None`` for a video that is to be analysed (``AnalysisJob``).

    A session, a file in one, or a video whose content was analysed before by the models of today. An older analysis
    counts where it cannot be renewed, because nothing may be written there. network: the one that must have scored;
    without it any that ships.

    Raises:
        UsageError: there is no such path, or it is a folder that is no session.
    """
    if path.is_dir():
        if (path / INFO_FILE).is_file():
            return path
        raise UsageError(f"{path} is a folder, but no session: it has no {INFO_FILE}.")
    if not path.exists():
        raise UsageError(f"There is no file {path}.")
    if (path.parent / INFO_FILE).is_file():
        return path.parent
    known = review_of(VideoIdentity.of(path))
    if known is None:
        return None
    folder, info = known
    spotter = Spotter(network, use_gpu=False) if network else shipped_with(info.model.sha256, use_gpu=False)
    if spotter is not None and _current(info, spotter):
        return folder
    try:
        check_folder(folder)
    except OutputError:
        return folder
    return None


class AnalysisJob:
    """Analyses a video on a thread, into its review folder; what a person did there before stays.

    An analysis whose perception is that of today is only scored again.

    Attributes:
        folder: the session folder, once the state is done.
        scored_again: what another network or an older version found has been replaced.
    """

    def __init__(self, video: Path, model: Path | None = None) -> None:
        self._video, self._model = video, model
        self.folder: Path | None = None
        self.scored_again = False
        self._cancelled = threading.Event()
        self._state, self._error = AnalysisState.RUNNING, ""
        self._started_s = time.monotonic()
        self._share = 0.0
        self._thread = threading.Thread(target=self._run, name="apexspot-analysis", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._started_s = time.monotonic()
        self._thread.start()

    def progress(self) -> AnalysisProgress:
        """How it stands; from any thread, waits for nobody."""
        state, share = self._state, self._share
        took_s = time.monotonic() - self._started_s
        left_s = None
        if state is AnalysisState.RUNNING and took_s >= _LEFT_FROM_S and share > 0.0:
            left_s = took_s * (1.0 - share) / share
        return AnalysisProgress(
            1.0 if state is AnalysisState.DONE else share,
            left_s,
            state,
            self._error if state is AnalysisState.FAILED else None,
        )

    def cancel(self) -> None:
        """Ask it to end, leaving nothing behind; returns at once."""
        self._cancelled.set()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the thread; True if it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.folder = self._analyse()
            self._state = AnalysisState.DONE
        except _Cancelled:
            self._state = AnalysisState.CANCELLED
        except ApexspotError as error:
            self._error, self._state = str(error), AnalysisState.FAILED
        except Exception as error:
            log.exception("unexpected error while analysing %s", self._video)
            self._error = f"{self._video} was given up ({type(error).__name__}, unexpected); the log has details."
            self._state = AnalysisState.FAILED

    def _analyse(self) -> Path:
        spotter = Spotter(self._model)
        video = VideoIdentity.of(self._video)
        known = review_of(video)
        if known is not None and _current(known[1], spotter):
            return known[0]
        fresh = new_review(video)
        try:
            with VideoFile(self._video) as file:
                source = video.source()
                if known is not None and known[1].model.perception == perception_digest():
                    seen = seen_before(read_session(known[0]))
                else:
                    seen = look_at(file)
                write_session(fresh, self._watched(seen, file.duration_s), source, spotter)
            if VideoIdentity.of(self._video) != video:
                raise UsageError(f"{self._video} was changed while it was analysed; please open it again.")
            if known is None:
                return settle(fresh, video)
            take_over(known[0], fresh)
            self.scored_again = True
            return known[0]
        finally:
            with suppress(OSError):
                if fresh.is_dir():
                    discard(fresh)

    def _watched(self, seen: Iterator[Seen], duration_s: float | None) -> Iterator[Seen]:
        for frame in seen:
            if self._cancelled.is_set():
                raise _Cancelled
            if duration_s:
                self._share = min(frame[1] / duration_s, 0.999)
            yield frame


def _current(info: SessionInfo, spotter: Spotter) -> bool:
    model = info.model
    return (model.sha256, model.perception, model.scoring) == (
        spotter.spec.sha256,
        perception_digest(),
        scoring_digest(),
    )
