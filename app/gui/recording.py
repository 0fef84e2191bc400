"""One recording that the window makes, from the wish to its end. Knows no Qt.

A thread of its own prepares it (the source has to be free, the model loaded, the folder made), starts the session with
the recorder as its sink, and finishes the recording when the session is over, when it is asked to, or when the disk
gives out. The window reads; nothing here waits for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.gui.text import clock, counted, lost_much, of_frames, tally
from app.live import PATIENCE_S, LiveSession
from app.session import Recorder, RecorderSettings, RecorderStatus
from app.session.schema import Counts, SessionInfo, SessionState, SourceInfo
from app.sources import SourceChoice, open_source
from models.errors import ApexspotError
from models.spotter import Spotter
from models.types import ExpressionType

log = logging.getLogger(__name__)

_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What a person decides before a recording. consent: what the participant agreed to, empty where none is noted."""

    folder: Path
    participant: str = ""
    consent: str = ""
    scores_only: bool = False


class RecordingState(StrEnum):
    """starting: until the first picture. finishing: the last scores and pictures are written. ended: all is done."""

    STARTING = "starting"
    RECORDING = "recording"
    FINISHING = "finishing"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class RecordingEnd:
    """How it ended. folder: where the session is, None where nothing was kept. good: whether it ended as it should."""

    sentence: str
    folder: Path | None
    good: bool


@dataclass(frozen=True, slots=True)
class LivePoint:
    """A point label that was put while recording."""

    time_s: float
    type: ExpressionType


class Recording:
    """``start``, ``finish`` and ``point`` return at once; ``session`` is there as soon as it can be watched."""

    def __init__(
        self,
        choice: SourceChoice,
        plan: RecordingPlan,
        spotter: Callable[[], Spotter],
        before: LiveSession | None,
        limits: RecorderSettings,
    ) -> None:
        """before: a session that has to end first; it may hold the camera."""
        self.choice = choice
        self.plan = plan
        self.session: LiveSession | None = None
        self.end: RecordingEnd | None = None
        self.points: tuple[LivePoint, ...] = ()
        self._spotter = spotter
        self._before = before
        self._limits = limits
        self._recorder: Recorder | None = None
        self._finishing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="apexspot-recording", daemon=True)

    @property
    def state(self) -> RecordingState:
        if self.end is not None:
            return RecordingState.ENDED
        if self._finishing.is_set():
            return RecordingState.FINISHING
        status = self.status()
        return RecordingState.RECORDING if status and status.counts.offered else RecordingState.STARTING

    def status(self) -> RecorderStatus | None:
        """The recorder's own account; None before there is one."""
        return self._recorder.status() if self._recorder else None

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Ask for its end; everything is kept."""
        self._finishing.set()
        if self.session is not None:
            self.session.request_stop()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for its end; False if ``timeout_s`` passed first."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def point(self, type_: ExpressionType) -> LivePoint | None:
        """Put a point label at the newest picture; None where there is no picture or nothing is kept any more."""
        frame = self.session.snapshot().frame if self.session else None
        if frame is None or self._recorder is None or self.state is not RecordingState.RECORDING:
            return None
        self._recorder.point(frame.time_s, frame.index, type_)
        point = LivePoint(frame.time_s, type_)
        self.points = (*self.points, point)
        return point

    def _run(self) -> None:
        try:
            self.end = self._record()
        except ApexspotError as error:
            self.end = RecordingEnd(str(error), None, good=False)
        except Exception as error:
            log.exception("unexpected error while recording")
            sentence = f"Recording ended unexpectedly ({type(error).__name__}); the log has details."
            self.end = RecordingEnd(sentence, self._recorder.folder if self._recorder else None, good=False)

    def _record(self) -> RecordingEnd:
        if self._before is not None:
            self._before.stop()
        spotter = self._spotter()
        kind = type(self.choice).__name__.removesuffix("Choice").lower()
        recorder = Recorder(
            self.plan.folder,
            SourceInfo(kind=kind, name=self.choice.label),
            spotter,
            participant=self.plan.participant,
            consent=self.plan.consent,
            scores_only=self.plan.scores_only,
            settings=self._limits,
        )
        self._recorder = recorder
        if self._finishing.is_set():
            recorder.close()
            return RecordingEnd("Nothing was recorded.", None, good=True)
        try:
            session = self._follow(recorder, spotter)
        except BaseException:
            recorder.close()  # its threads and its lock must not outlive it
            raise
        self._finishing.set()
        snapshot = session.snapshot()
        info = recorder.close(snapshot.error or "", whole=session.all_scored)
        return recording_end(recorder.status(), info, snapshot.error, tally(snapshot.analysis.intervals))

    def _follow(self, recorder: Recorder, spotter: Spotter) -> LiveSession:
        """Start the session and wait for its end, or for that of its recording."""
        session = LiveSession(lambda: open_source(self.choice, paced=True), spotter=spotter, sinks=(recorder,))
        session.start()
        self.session = session
        while not session.wait(_POLL_S):
            status = recorder.status()
            if status.broken:  # the session goes on without its recording
                break
            if status.ending or self._finishing.is_set():
                session.stop()
                session.wait(PATIENCE_S)
                break
        return session


def recording_end(status: RecorderStatus, info: SessionInfo | None, failed: str | None, found: str) -> RecordingEnd:
    """What is told of it. info: what ``session.json`` says, None where no picture came. failed: why the source ended,
    where that was no good end. found: the tally of its intervals."""
    if info is None:
        return RecordingEnd(
            " ".join(filter(None, (failed, "Nothing was recorded: no picture came."))), None, good=False
        )
    problem = failed or status.error
    if not status.folder.is_dir():
        return RecordingEnd(problem or f"The session folder {status.folder} is gone.", None, good=False)
    sentences = [problem] if problem else []
    sentences.append(f"Recorded {clock(status.elapsed_s)} to {status.folder} ({found}).")
    much = lost_much(info.counts.dropped, info.counts.offered)
    sentences += _losses(info.counts, much)
    if info.state is SessionState.RECORDING:
        sentences.append("It could not be finished; apexspot offers to recover it at its next start.")
    return RecordingEnd(" ".join(sentences), status.folder, good=problem is None and not much)


def _losses(counts: Counts, much: bool) -> list[str]:
    """What the scores and what the video lack, a sentence each, and what helps where it is much."""
    sentences = []
    if counts.dropped:
        were = "was" if counts.dropped == 1 else "were"
        sentences.append(f"{of_frames(counts.dropped, counts.offered)} {were} not analysed.")
    if much:
        sentences.append(
            "Expressions may have been missed there: the computer was too slow. Before the next recording close other "
            "programs, or set the camera to a smaller picture."
        )
    if counts.video_dropped:
        are = "is" if counts.video_dropped == 1 else "are"
        sentences.append(f"{counted(counts.video_dropped, 'picture')} {are} missing from its video.")
    return sentences
