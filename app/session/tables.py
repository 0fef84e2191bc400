"""The tables of a session folder, appended row by row, or replaced whole once a session has ended. Used from one
thread; knows nothing of threads or time.

A row goes into ``frames.csv`` when its scores are final. ``flush`` writes features before intervals, so that whatever
stands in ``intervals.csv`` can be found again from ``features.npy``.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from app.disk import sync_folder
from app.session.features import FeatureWriter
from app.session.reader import Exclusion, StoredPoint
from app.session.schema import FEATURES_FILE, FRAMES_FILE, INTERVALS_FILE, POINT_COLUMNS, POINTS_FILE
from app.session.scores import keep_scores
from app.tables import FRAME_COLUMNS, INTERVAL_COLUMNS, at_times, replacing
from models.types import ExpressionType, FrameMotion, Interval, Scores, Update

_CARRY = 2
"""Grid points kept, so that the next frame finds its left neighbour."""

_JOIN_AT = 1000
"""Pieces of scores that are joined: live, each holds a frame or two, and hours of them would take much memory."""


class Lines:
    """A text table that only grows. Rows reach the system with ``flush``.

    Raises:
        OSError: the file cannot be made or written, here and from every method.
    """

    def __init__(self, path: Path, columns: Iterable[str] | None) -> None:
        """columns: of a new file, which must not be there yet; ``None`` goes on with the file that is there."""
        self._file = path.open("a" if columns is None else "x", encoding="utf-8", newline="\n")
        if columns is not None:
            self.add(",".join(columns))
            self.flush()

    def add(self, row: str) -> None:
        self._file.write(row + "\n")

    def flush(self) -> None:
        self._file.flush()

    def sync(self) -> None:
        """Wait until what was flushed is on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class FrameRowMaker:
    """Turns offered frames, their motion and final scores into rows of ``frames.csv``, in order of the frames."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, float]] = deque()
        self._faces: dict[int, bool] = {}
        self._scores = Scores.empty()

    def offered(self, index: int, time_s: float) -> None:
        self._waiting.append((index, time_s))

    def motion(self, motion: FrameMotion) -> None:
        self._faces[motion.index] = motion.valid

    def scores(self, final: Scores) -> list[str]:
        """Rows of the frames that the final scores now reach."""
        if not len(final):
            return []
        kept = self._scores
        tail = Scores(*(getattr(kept, name)[-_CARRY:] for name in Scores.__dataclass_fields__))
        self._scores = Scores.concatenate([tail, final])
        return self._rows_until(float(self._scores.time_s[-1]))

    def rest(self) -> list[str]:
        """Rows of all other frames; nothing more will come."""
        return self._rows_until(math.inf)

    def _rows_until(self, end_s: float) -> list[str]:
        frames = []
        while self._waiting and self._waiting[0][1] <= end_s:
            frames.append(self._waiting.popleft())
        if not frames:
            return []
        time_s = np.array([t for _, t in frames])
        scores = self._scores
        columns = (scores.intensity, scores.macro, scores.micro, scores.quality)
        values = np.stack([at_times(scores, column, time_s) for column in columns], axis=1)
        return [self._row(index, t, v) for (index, t), v in zip(frames, values.tolist(), strict=True)]

    def _row(self, index: int, time_s: float, values: list[float]) -> str:
        face = self._faces.pop(index, None)
        seen = "" if face is None else str(int(face))  # empty: the frame was lost before it was looked at
        cells = ",".join("" if not face or math.isnan(v) else f"{v:.5f}" for v in values)
        return f"{index},{time_s:.6f},{seen},{cells}"


class SessionTables:
    """Appends to the tables of one session folder.

    Raises:
        OSError: a file is there already or cannot be written, here and from every method.
    """

    def __init__(self, folder: Path) -> None:
        self.features = FeatureWriter(folder / FEATURES_FILE)
        self._frames = Lines(folder / FRAMES_FILE, FRAME_COLUMNS)
        self._intervals = Lines(folder / INTERVALS_FILE, INTERVAL_COLUMNS)
        self._points = Lines(folder / POINTS_FILE, POINT_COLUMNS)
        self._rows = FrameRowMaker()
        self._folder = folder
        self._finals: list[Scores] = []
        self._closed = False
        self.offered_count = self.analysed_count = self.interval_count = self.point_count = 0

    def offered(self, index: int, time_s: float) -> None:
        self.offered_count += 1
        self._rows.offered(index, time_s)

    def motion(self, motion: FrameMotion) -> None:
        self.analysed_count += 1
        self.features.append(motion)
        self._rows.motion(motion)

    def update(self, update: Update) -> None:
        for row in self._rows.scores(update.final):
            self._frames.add(row)
        if len(update.final):
            self._finals.append(update.final)
            if len(self._finals) >= _JOIN_AT:
                self._finals = [Scores.concatenate(self._finals)]
        for interval in update.intervals:
            self.interval_count += 1
            self._intervals.add(interval_row(self.interval_count, interval))

    def point(self, time_s: float, frame: int, type_: ExpressionType) -> None:
        self.point_count += 1
        self._points.add(point_row(StoredPoint(self.point_count, time_s, frame, type_, "person")))

    def flush(self) -> None:
        """Hand everything to the system: from here on a killed program loses none of it."""
        self.features.flush()
        for table in (self._frames, self._intervals, self._points):
            table.flush()

    def sync(self) -> None:
        """Wait for the disk: from here on a power cut loses none of it."""
        self.features.sync()
        for table in (self._frames, self._intervals, self._points):
            table.sync()

    def close(self, whole: bool = True) -> None:
        """Write what is left, wait for the disk and close; every file is closed even where one cannot be written.

        Harmless when repeated. whole: nothing is missing; else frames that have no final score yet get no row, so that
        recovery can still give them one.
        """
        if self._closed:
            return
        self._closed = True
        errors: list[OSError] = []
        try:
            for row in self._rows.rest() if whole else ():
                self._frames.add(row)
            self.flush()
            self.sync()
        except OSError as error:
            errors.append(error)
        for part in (self.features, self._frames, self._intervals, self._points):
            try:
                part.close()
            except OSError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        if self._finals and whole:
            keep_scores(self._folder, Scores.concatenate(self._finals))


def interval_row(number: int, i: Interval, source: str = "model", status: str = "found") -> str:
    """A row of ``intervals.csv``; times with all the digits that a frame's time has."""
    times = f"{i.onset_s:.6f},{i.apex_s:.6f},{i.offset_s:.6f},{i.duration_s:.6f}"
    frames = f"{i.onset_frame},{i.apex_frame},{i.offset_frame}"
    return f"{number},{i.type.value},{times},{frames},{i.score:.5f},{source},{status}"


def point_row(point: StoredPoint) -> str:
    """A row of ``points.csv``."""
    return f"{point.id},{point.time_s:.6f},{point.frame},{point.type.value},{point.source}"


def exclusion_row(e: Exclusion) -> str:
    """A row of ``exclusions.csv``."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(
        (e.id, f"{e.start_s:.6f}", f"{e.end_s:.6f}", e.start_frame, e.end_frame, e.reason)
    )
    return text.getvalue()


def replace_table(path: Path, columns: Iterable[str], rows: Iterable[str]) -> None:
    """Put a whole table in the place of another; at every moment the one or the other is on the disk.

    Raises:
        OSError: it cannot be written; what was there before stays.
    """
    with replacing(path) as file:
        file.writelines(f"{row}\n" for row in (",".join(columns), *rows))
    sync_folder(path.parent)
