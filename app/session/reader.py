"""Reading a session folder, finished or broken off, and scoring it again from its features."""

from __future__ import annotations

import codecs
import csv
import io
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.session.features import motion_of, read_features
from app.session.schema import (
    EXCLUSIONS_FILE,
    FEATURES_FILE,
    FRAMES_FILE,
    INTERVALS_FILE,
    POINTS_FILE,
    VIDEO_FILE,
    WRITING_SUFFIX,
    SessionInfo,
    SessionState,
    SourceInfo,
    Status,
    read_info,
)
from app.tables import FRAME_COLUMNS
from models.analyzer import Analyzer
from models.errors import DataError
from models.spotter import Spotter
from models.types import ExpressionType, FrameMotion, Interval, Scores

_STEP_FRAMES = 300
"""Frames between two steps of the scoring; the scores do not depend on it."""

_LONGEST_S = 1e9
"""No time of a recording is longer; the clock of a camera may count from its start."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class FrameTable:
    """``frames.csv``: N frames as the source gave them.

    analysed: False where a frame was lost before it was looked at. face: whether one was seen. Scores and quality are
    NaN where there are none.
    """

    index: NDArray[np.int64]
    time_s: NDArray[np.float64]
    analysed: NDArray[np.bool_]
    face: NDArray[np.bool_]
    intensity: NDArray[np.float64]
    macro: NDArray[np.float64]
    micro: NDArray[np.float64]
    quality: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, slots=True)
class StoredInterval:
    """A row of ``intervals.csv``. source: who found it. status: what a person said of it."""

    id: int
    interval: Interval
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """A row of ``points.csv``."""

    id: int
    time_s: float
    frame: int
    type: ExpressionType
    source: str


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A row of ``exclusions.csv``: a stretch that does not count, both ends inclusive."""

    id: int
    start_s: float
    end_s: float
    start_frame: int
    end_frame: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A session as its folder holds it.

    video: its own, or that which was analysed; None where there are no pictures. features: rows of ``FEATURE_ROW``.
    """

    folder: Path
    info: SessionInfo
    video: Path | None
    frames: FrameTable
    features: NDArray[np.void]
    intervals: tuple[StoredInterval, ...]
    points: tuple[StoredPoint, ...]
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def finished(self) -> bool:
        """False where the recording broke off and has not been recovered, or still runs."""
        return self.info.state is not SessionState.RECORDING

    def motions(self) -> Iterator[FrameMotion]:
        """The motion of every analysed frame, as the live analysis took it."""
        return (motion_of(row) for row in self.features)


def read_session(folder: Path) -> Session:
    """Read a session folder; nothing in it is changed. A torn last line of an unfinished one is passed over.

    Raises:
        DataError: it is no session, or a file of it is damaged.
    """
    info = read_info(folder)
    torn = info.state is SessionState.RECORDING
    return Session(
        folder=folder,
        info=info,
        video=_video(folder, info.source),
        frames=read_frames(folder / FRAMES_FILE, torn),
        features=read_features(folder / FEATURES_FILE),
        intervals=read_intervals(folder / INTERVALS_FILE, torn),
        points=read_points(folder / POINTS_FILE, torn),
        exclusions=read_exclusions(folder),
    )


def read_intervals(path: Path, torn: bool = True) -> tuple[StoredInterval, ...]:
    """Read ``intervals.csv``. torn: a last line without an end was not written whole.

    Raises:
        DataError: it cannot be read or is damaged.
    """
    return tuple(table_rows(path, _interval, torn))


def read_points(path: Path, torn: bool = True) -> tuple[StoredPoint, ...]:
    """Read ``points.csv``. torn: a last line without an end was not written whole.

    Raises:
        DataError: it cannot be read or is damaged.
    """
    return tuple(table_rows(path, _point, torn))


def read_exclusions(folder: Path) -> tuple[Exclusion, ...]:
    """The stretches that a person took out; a session without the table has none.

    Raises:
        DataError: the table is damaged.
    """
    path = folder / EXCLUSIONS_FILE
    return tuple(table_rows(path, _exclusion, torn=False)) if path.exists() else ()


def replay(session: Session, spotter: Spotter) -> tuple[Scores, tuple[Interval, ...]]:
    """Score the recorded features again: with the model of the recording the same scores and intervals as live."""
    analyzer = Analyzer(spotter)
    scores: list[Scores] = []
    intervals: list[Interval] = []
    for number, motion in enumerate(session.motions(), start=1):
        analyzer.push(motion)
        if number % _STEP_FRAMES == 0:
            update = analyzer.update(provisional=False)
            scores.append(update.final)
            intervals += update.intervals
    update = analyzer.finish()
    return Scores.concatenate([*scores, update.final]), (*intervals, *update.intervals)


def _video(folder: Path, source: SourceInfo) -> Path | None:
    places = [folder / VIDEO_FILE, folder / (VIDEO_FILE + WRITING_SUFFIX)]
    own = next((place for place in places if place.is_file()), None)
    if own is not None or source.path is None:
        return own
    # an analysed video and its folder may have been moved together
    for place in (folder.parent / source.name, Path(source.path)):
        with suppress(OSError):
            if place.is_file() and place.stat().st_size == source.size_bytes:
                return place
    return None


def read_frames(path: Path, torn: bool = True) -> FrameTable:
    """Read ``frames.csv``. torn: a last line without an end was not written whole.

    Raises:
        DataError: it cannot be read or is damaged.
    """
    # a session of hours has hundreds of thousands of rows: NumPy parses them, but cannot name a line that is wrong
    data = _text(path, torn)
    header, _, body = data.partition(b"\n")
    if header == ",".join(FRAME_COLUMNS).encode() and (values := _numbers(body, len(FRAME_COLUMNS))) is not None:
        frame, time_s, face, *scores = np.ascontiguousarray(values.T)
        return FrameTable(frame.astype(np.int64), time_s, ~np.isnan(face), face == 1.0, *scores)
    rows = list(table_rows(path, _frame, torn))
    values = np.array([row[4:] for row in rows], np.float64).reshape(len(rows), 4)
    return FrameTable(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.float64),
        np.array([row[2] for row in rows], np.bool_),
        np.array([row[3] for row in rows], np.bool_),
        *(np.ascontiguousarray(column) for column in values.T),
    )


def _numbers(body: bytes, columns: int) -> NDArray[np.float64] | None:
    """The rows of a table that holds numbers and empty cells alone, (rows, columns); ``None`` where it does not."""
    lines = body.count(b"\n")
    if not body or body.count(b",") != lines * (columns - 1):
        return None
    cells = body.replace(b",\n", b",nan\n").replace(b",,", b",nan,").replace(b",,", b",nan,").replace(b"\n", b",")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy warns where it stops before the end
            values = np.fromstring(cells, np.float64, sep=",")
    except (DeprecationWarning, ValueError):
        return None
    if len(values) != lines * columns or np.isnan(values.reshape(lines, columns)[:, :2]).any():
        return None
    return values.reshape(lines, columns)


def _frame(row: dict[str, str]) -> tuple[int, float, bool, bool, float, float, float, float]:
    face = row["face"]
    intensity, macro, micro, quality = (
        float(row[name]) if row[name] else math.nan for name in ("intensity", "macro", "micro", "quality")
    )
    return int(row["frame"]), cell_time(row["time_s"]), face != "", face == "1", intensity, macro, micro, quality


def _interval(row: dict[str, str]) -> StoredInterval:
    interval = Interval(
        type=ExpressionType(row["type"]),
        onset_s=cell_time(row["onset_s"]),
        apex_s=cell_time(row["apex_s"]),
        offset_s=cell_time(row["offset_s"]),
        onset_frame=int(row["onset_frame"]),
        apex_frame=int(row["apex_frame"]),
        offset_frame=int(row["offset_frame"]),
        score=float(row["score"]),
    )
    if not interval.onset_s <= interval.apex_s <= interval.offset_s:
        raise ValueError
    if not interval.onset_frame <= interval.apex_frame <= interval.offset_frame:
        raise ValueError
    status = Status(row["status"].strip().lower() or Status.FOUND)  # where a person left it out, nobody has judged
    return StoredInterval(int(row["id"]), interval, row["source"], status.value)


def _point(row: dict[str, str]) -> StoredPoint:
    return StoredPoint(
        int(row["id"]), cell_time(row["time_s"]), int(row["frame"]), ExpressionType(row["type"]), row["source"]
    )


def _exclusion(row: dict[str, str]) -> Exclusion:
    if not cell_time(row["start_s"]) <= cell_time(row["end_s"]):
        raise ValueError
    return Exclusion(
        id=int(row["id"]),
        start_s=cell_time(row["start_s"]),
        end_s=cell_time(row["end_s"]),
        start_frame=int(row["start_frame"]),
        end_frame=int(row["end_frame"]),
        reason=row["reason"],
    )


def cell_time(cell: str) -> float:
    """A time in seconds, as a table's cell has it.

    Raises:
        ValueError: it is none, or none that a recording may have.
    """
    value = float(cell)
    if not is_time(value):
        raise ValueError
    return value


def is_time(value_s: float) -> bool:
    """Whether a recording may have that time."""
    return abs(value_s) < _LONGEST_S  # NaN is not


def table_rows(path: Path, parse: Callable[[dict[str, str]], _T], torn: bool) -> Iterator[_T]:
    """Parsed rows of a table. torn: a last line without an end was not written whole.

    Raises:
        DataError: it cannot be read or is damaged.
    """
    try:
        text = _text(path, torn).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is damaged: it is not UTF-8 text.") from error
    head = text.partition("\n")[0]
    if ";" in head or "\t" in head:
        raise DataError(
            f"{path} was saved with other separators than commas, as a spreadsheet may do; save it with commas."
        )
    for number, row in enumerate(csv.DictReader(io.StringIO(text)), start=2):
        try:
            if None in row or None in row.values():  # more cells than columns, or fewer
                raise ValueError
            yield parse(row)
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise DataError(f"{path} is damaged in line {number}.") from error


def _text(path: Path, torn: bool) -> bytes:
    """A table's text, without the mark that a spreadsheet may put in front.

    torn: what stands behind the last line end is a row that was not written whole; else an editor left out the end.
    """
    try:
        data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    if torn or data.endswith(b"\n") or not data:
        return data[: data.rfind(b"\n") + 1]
    return data + b"\n"
