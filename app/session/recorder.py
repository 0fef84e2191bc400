"""Recording a live session. Takes frames, motion and updates from the session's threads and never makes them wait.

Two threads: one encodes the video (``app.session.video``), one appends to the tables, twice a second and at once when
an interval closes, and looks after the disk. Both may be slow: the tables' rows then wait in memory (some 300 bytes a
frame), the video drops pictures and counts them.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeAlias

from app.session.folder import lock, new_folder
from app.session.schema import (
    FEATURES_FILE,
    FRAMES_FILE,
    INFO_FILE,
    INTERVALS_FILE,
    POINTS_FILE,
    VIDEO_FILE,
    WRITING_SUFFIX,
    Clock,
    Counts,
    SessionInfo,
    SessionState,
    SourceInfo,
    model_info,
    thresholds,
    write_info,
)
from app.session.tables import SessionTables
from app.session.video import QUEUE_BYTES, VideoWriter
from models.errors import ApexspotError, OutputError
from models.spotter import Spotter
from models.types import ExpressionType, Frame, FrameMotion, Update

log = logging.getLogger(__name__)

GIB = 1024**3
WARN_BELOW_BYTES = 5 * GIB
STOP_BELOW_BYTES = 1 * GIB

_FLUSH_S = 0.4
_WATCH_S = 1.0
"""How often the disk is looked at, and waited for."""

CLOSE_S = 30.0
"""How long closing waits for a thread that hangs in a disk."""


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """Limits. A test of a full disk sets its own."""

    warn_below_bytes: int = WARN_BELOW_BYTES
    stop_below_bytes: int = STOP_BELOW_BYTES
    queue_bytes: int = QUEUE_BYTES


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """A recording at one moment.

    elapsed_s: from the first frame to the newest. size_bytes: of the folder's files. free_bytes: on the disk, None if
    unknown. warning: a sentence while something needs attention. error: why the session should be stopped.
    ending: the disk is nearly full; all is kept if the session is stopped now. video_error: why no more pictures are
    kept, while everything else still is. Where there is an error that is neither, nothing more is kept.
    """

    folder: Path
    elapsed_s: float
    counts: Counts
    size_bytes: int
    free_bytes: int | None
    warning: str | None
    error: str | None
    ending: bool = False
    video_error: str | None = None

    @property
    def broken(self) -> bool:
        """True once nothing more is kept, whatever comes."""
        return self.error is not None and not self.ending and self.error != self.video_error


@dataclass(frozen=True, slots=True)
class _Offered:
    index: int
    time_s: float


@dataclass(frozen=True, slots=True)
class _Point:
    time_s: float
    frame: int
    type: ExpressionType


_Item: TypeAlias = _Offered | FrameMotion | Update | _Point


class Recorder:
    """One session folder being written; a sink of ``app.live.LiveSession``.

    ``frame``, ``motion``, ``update`` and ``point`` return at once and raise nothing. Make it before the live session
    starts, so that its features are all that the analysis sees; ``close`` it when the live session is over.

    Raises:
        OutputError: the folder or a file cannot be made, or less than the least space is free.
        UsageError: the participant code does not fit a folder's name.
    """

    def __init__(
        self,
        out: Path,
        source: SourceInfo,
        spotter: Spotter,
        *,
        participant: str = "",
        consent: str = "",
        scores_only: bool = False,
        settings: RecorderSettings = RecorderSettings(),
    ) -> None:
        self._settings = settings
        self.folder = new_folder(out, participant, datetime.now())
        self._free_bytes: int | None = None
        self._size_bytes = 0
        self._error: str | None = None
        self._ending: str | None = None
        self._warning: str | None = None
        self._items: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._urgent = False
        self._closing = False
        self._whole = True
        self._closed = False
        self._claim: BinaryIO | None = None
        self._first: tuple[float, datetime] | None = None
        self._newest_s = 0.0
        self._offered = self._analysed = self._intervals = 0
        self._tables: SessionTables | None = None
        self._video: VideoWriter | None = None
        self._info = SessionInfo(
            participant=participant,
            consent=consent,
            scores_only=scores_only,
            source=source,
            created_utc=datetime.now(UTC),
            model=model_info(spotter),
            thresholds=thresholds(spotter),
        )
        try:
            self._watch_disk()
            if self._ending is not None:
                raise OutputError(self._ending)
            self._tables = SessionTables(self.folder)
            # a file of its own: the tables are closed before the video is whole, and nobody may recover it meanwhile
            self._claim = (self.folder / FEATURES_FILE).open("r+b")
            lock(self._claim)
            self._identity = self.folder.stat().st_ino
            if not scores_only:
                self._video = VideoWriter(self.folder / VIDEO_FILE, settings.queue_bytes)
            write_info(self.folder, self._info)  # last: a folder that has it has all its files
        except Exception as error:
            self._discard()
            if not isinstance(error, OSError):
                raise
            raise OutputError(f"Nothing can be written to {self.folder} ({error.strerror}).") from error
        self._thread = threading.Thread(target=self._run, name="apexspot-tables", daemon=True)
        self._thread.start()

    # -- what the live session tells ------------------------------------------------------------------------------

    def frame(self, frame: Frame) -> None:
        """A frame that the source gave; from the reading thread."""
        if self._closing:  # a session may go on after its recording
            return
        if self._first is None:
            self._first = (frame.time_s, datetime.now(UTC))
        self._newest_s = frame.time_s
        self._offered += 1
        if self._video is not None:
            self._video.put(frame)
        self._put(_Offered(frame.index, frame.time_s))

    def motion(self, motion: FrameMotion) -> None:
        """A frame's motion as the analysis takes it; from the scoring thread."""
        if self._closing:
            return
        self._analysed += 1
        self._put(replace(motion, face=None))

    def update(self, update: Update) -> None:
        """A step of the analysis; from the scoring thread."""
        if (len(update.final) or update.intervals) and not self._closing:
            self._intervals += len(update.intervals)
            self._put(update, urgent=bool(update.intervals))

    def point(self, time_s: float, frame: int, type_: ExpressionType) -> None:
        """A person's point label; from any thread."""
        self._put(_Point(time_s, frame, type_), urgent=True)

    # -- what others see ------------------------------------------------------------------------------------------

    def status(self) -> RecorderStatus:
        """The recording now; from any thread, waits for nobody."""
        video = self._video
        return RecorderStatus(
            folder=self.folder,
            elapsed_s=self._newest_s - self._first[0] if self._first else 0.0,
            counts=self._counts(),
            size_bytes=self._size_bytes,
            free_bytes=self._free_bytes,
            warning=self._warning,
            error=self._error or (video.error if video else None) or self._ending,
            ending=self._ending is not None and self._error is None,
            video_error=video.error if video else None,
        )

    def close(self, remark: str = "", whole: bool = True) -> SessionInfo | None:
        """Write everything that is left and end the session; harmless when repeated.

        remark: what a reader of the data should know of how it ended. whole: every frame that was looked at has been
        scored; else the session is left for recovery, which scores the others.

        Returns:
            What ``session.json`` says now; ``None`` where no frame ever came, and then no folder is left.
        """
        with self._changed:
            self._whole = self._whole and whole
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_S)
        if self._video is not None:
            self._video.close(CLOSE_S)
        if self._closed:
            return self._info if self._first else None
        self._closed = True
        if self._first is None:
            self._discard()
            return None
        self._measure()
        self._finish_info(remark)
        self._let_go()
        return self._info

    def _finish_info(self, remark: str) -> None:
        video_whole = not (self.folder / (VIDEO_FILE + WRITING_SUFFIX)).exists()
        complete = self._whole and self._error is None and video_whole and not self._thread.is_alive()
        error = self.status().error
        self._info = self._info.model_copy(
            update={
                # what could not be finished is left for recovery
                "state": SessionState.COMPLETE if complete else SessionState.RECORDING,
                "ended_utc": datetime.now(UTC),
                "counts": self._counts(),
                "remarks": tuple(text for text in (remark, error) if text),
            }
        )
        try:
            write_info(self.folder, self._info)
        except ApexspotError as failure:
            log.warning("%s", failure)
            self._error = self._error or str(failure)

    # -- the thread -----------------------------------------------------------------------------------------------

    def _put(self, item: _Item, urgent: bool = False) -> None:
        if self._error is not None:
            return
        self._items.append(item)
        if urgent:
            with self._changed:
                self._urgent = True
                self._changed.notify()

    def _run(self) -> None:
        tables = self._tables
        assert tables is not None
        next_watch_s = time.monotonic() + _WATCH_S
        clock_written = False
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._urgent or self._closing, _FLUSH_S)
                    self._urgent, closing = False, self._closing
                self._write(tables)
                self._measure()
                if self._first is not None and not clock_written:
                    clock_written = True
                    self._write_clock(self._first)
                if closing:
                    break
                if time.monotonic() >= next_watch_s:
                    self._watch_folder()
                    tables.sync()
                    if self._video is not None:
                        self._video.sync()
                    self._watch_disk()
                    next_watch_s = time.monotonic() + _WATCH_S
                    if self._error is not None:
                        break
        except (OSError, ApexspotError) as error:
            log.warning("the tables stopped", exc_info=error)
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._error = (
                self._error or f"Nothing more can be written to {self.folder} ({reason}); what was written can be read."
            )
        except Exception as error:
            log.error("unexpected error while recording", exc_info=error)
            self._error = f"Recording ended unexpectedly ({type(error).__name__}); the log has details."
        finally:
            try:
                tables.close(self._whole and self._error is None)
            except OSError as error:
                log.warning("the tables cannot be closed", exc_info=error)
                self._error = self._error or f"The last rows of {self.folder} cannot be written ({error.strerror})."

    def _write(self, tables: SessionTables) -> None:
        while self._items:
            match self._items.popleft():
                case _Offered(index, time_s):
                    tables.offered(index, time_s)
                case FrameMotion() as motion:
                    tables.motion(motion)
                case Update() as update:
                    tables.update(update)
                case _Point(time_s, frame, type_):
                    tables.point(time_s, frame, type_)
        tables.flush()

    def _write_clock(self, first: tuple[float, datetime]) -> None:
        self._info = self._info.model_copy(update={"clock": Clock(first_frame_s=first[0], first_frame_utc=first[1])})
        write_info(self.folder, self._info)

    def _watch_folder(self) -> None:
        # files that were deleted can still be written without an error
        with suppress(OSError):
            if self.folder.stat().st_ino == self._identity and (self.folder / FEATURES_FILE).exists():
                return
        self._error = f"The session folder {self.folder} was removed or moved while recording; nothing more is kept."

    def _measure(self) -> None:
        size_bytes = 0
        with suppress(OSError):
            for path in self.folder.iterdir():
                with suppress(OSError):  # the video changes its name
                    size_bytes += path.stat().st_size
        self._size_bytes = size_bytes or self._size_bytes

    def _watch_disk(self) -> None:
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError:
            self._free_bytes = None
            return
        self._free_bytes = free
        self._warning = None
        if free < self._settings.stop_below_bytes:
            self._ending = (
                f"Only {_size(free)} are free on the disk of {self.folder}; a recording ends below "
                f"{_size(self._settings.stop_below_bytes)}, with everything kept."
            )
        elif free < self._settings.warn_below_bytes:
            self._warning = f"Only {_size(free)} are free on the disk of {self.folder}."

    def _counts(self) -> Counts:
        video = self._video
        return Counts(
            offered=self._offered,
            analysed=self._analysed,
            dropped=max(0, self._offered - self._analysed),
            video_written=video.written if video else 0,
            video_dropped=video.dropped if video else 0,
            intervals=self._intervals,
        )

    def _discard(self) -> None:
        """Take away a session that holds nothing: its own files alone, so that a mistake can delete nothing else."""
        if self._tables is not None:
            with suppress(OSError):
                self._tables.close()
        if self._video is not None:
            self._video.close(CLOSE_S)
        self._let_go()
        with suppress(OSError):
            for name in (INFO_FILE, FRAMES_FILE, FEATURES_FILE, INTERVALS_FILE, POINTS_FILE):
                (self.folder / name).unlink(missing_ok=True)
            self.folder.rmdir()

    def _let_go(self) -> None:
        claim, self._claim = self._claim, None
        if claim is not None:
            claim.close()


def _size(size_bytes: int) -> str:
    return f"{size_bytes / GIB:.1f} GB"
