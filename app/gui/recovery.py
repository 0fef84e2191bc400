"""Recordings that broke off: looked for at the start, and put in order on request. Knows no Qt; the window polls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from app.gui.text import counted
from app.session import Recovered, find_unfinished, recover
from models.errors import ApexspotError, UsageError
from models.spotter import Spotter

log = logging.getLogger(__name__)


class Recovery:
    """Looks and recovers in threads, so that a slow disk holds up nothing. Each result is told once."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._found: list[Path] | None = None
        self._result: tuple[str, Path | None, bool] | None = None
        self._closing = threading.Event()

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def look(self, root: Path) -> None:
        """Look in a folder for recordings that broke off, unless something is under way."""
        self._run(lambda: self._look(root))

    def recover(self, folders: list[Path], own_network: Path | None = None) -> None:
        """Put these in order, unless something is under way. own_network: one of the user's that may have recorded."""
        self._run(lambda: self._recover(folders, own_network))

    def take_found(self) -> list[Path] | None:
        """What a look found, None where none has finished since."""
        found, self._found = self._found, None
        return found

    def take_result(self) -> tuple[str, Path | None, bool] | None:
        """What recovery did: a sentence, the session if it was a single one, and whether all went well."""
        result, self._result = self._result, None
        return result

    def close(self, timeout_s: float = 5.0) -> None:
        """Leave off after the recording that is being recovered; a recovery that is cut short can be run again."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self, work: Callable[[], None]) -> None:
        if not self.busy and not self._closing.is_set():
            self._thread = threading.Thread(target=work, name="apexspot-recovery", daemon=True)
            self._thread.start()

    def _look(self, root: Path) -> None:
        try:
            # a hidden one is a video's analysis that was cut short, which is made anew when the video is opened
            self._found = [folder for folder in find_unfinished(root) if not folder.name.startswith(".")]
        except UsageError:  # no such folder, or not to be read: then nothing was recorded there
            self._found = []
        except Exception:
            log.exception("looking for recordings that broke off failed")
            self._found = []

    def _recover(self, folders: list[Path], own_network: Path | None) -> None:
        done: list[Recovered] = []
        problems: list[str] = []
        try:
            own = _loaded(own_network)
            for folder in folders:
                if self._closing.is_set():
                    return
                try:
                    done.append(recover(folder, own))
                except ApexspotError as error:
                    problems.append(str(error))
        except Exception as error:
            log.exception("recovery failed")
            problems.append(f"Recovery ended unexpectedly ({type(error).__name__}); the log has details.")
        single = done[0].session.folder if len(done) == 1 else None
        self._result = " ".join([*([_sentence(done)] if done else []), *problems]), single, not problems


def _loaded(own_network: Path | None) -> Spotter | None:
    try:
        return None if own_network is None else Spotter(own_network)
    except ApexspotError as error:  # what it recorded keeps its pictures and features, and says what it lacks
        log.warning("recovery goes on without the user's network: %s", error)
        return None


def _sentence(done: list[Recovered]) -> str:
    if len(done) > 1:
        return f"{len(done)} recordings were recovered in {done[0].session.folder.parent}."
    counts = done[0].session.info.counts
    parts = [counted(counts.analysed, "frame")]
    if not done[0].session.info.scores_only:
        parts.append(counted(counts.video_written, "picture"))
    parts.append(counted(counts.intervals, "interval"))
    return f"{done[0].session.folder} was recovered: {', '.join(parts)}."
