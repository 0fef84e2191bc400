"""Training recordings: positions on the grid, points for learning, intervals for evaluation only."""

from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import LabelError
from models.types import GRID_HZ, REGION_COUNT, ExpressionType, FloatArray

PX_PER_IOD = 40.0
"""Pixels of the recorded crops taken as one inter-ocular distance: at this value their noise matches a webcam's."""

EDGE_SLACK_FRAMES = 2
"""Coded frames may lie this far outside the flow, which is a frame shorter than the video; frame rates were changed."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point label: one grid frame inside an expression."""

    frame: int
    type: ExpressionType


@dataclass(frozen=True, slots=True)
class LabelledInterval:
    """A coded expression in grid frames, both ends inclusive. For evaluation, never for training."""

    onset: int
    apex: int
    offset: int
    type: ExpressionType


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One video as the network sees it. position_iod: (T, 12, 2) on the 30 Hz grid."""

    name: str
    subject: str
    data_set: str
    fps: float
    position_iod: FloatArray
    points: tuple[Point, ...]
    intervals: tuple[LabelledInterval, ...]


def load_flow12(folder: Path) -> list[Recording]:
    """Read a ``flow12`` archive: ``features.npz``, ``points.csv``, ``intervals.csv``, ``meta.json``.

    The features are flow between consecutive frames; they are integrated to positions and brought to the grid. The
    median of each channel is taken off first: it is the offset that storing flow in 8 bits left.

    Raises:
        LabelError: a file is missing or corrupt, a label names an unknown video or lies outside it.
    """
    try:
        meta = json.loads((folder / "meta.json").read_text("utf-8"))
        fps, px_per_unit = float(meta["fps"]), float(meta["px_per_unit"])
        # opened here, since numpy leaves the file open where the archive is damaged
        with (folder / "features.npz").open("rb") as file, np.load(file, allow_pickle=False) as archive:
            flows = {name: archive[name].astype(np.float64) for name in archive.files}
    except FileNotFoundError as error:
        raise LabelError(f"{folder} is not a flow12 archive: {Path(error.filename).name} is missing.") from error
    except (OSError, EOFError, zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise LabelError(f"{folder} cannot be read as a flow12 archive ({error}).") from error
    for name, flow in flows.items():
        if flow.ndim != 3 or flow.shape[1:] != (REGION_COUNT, 2) or not len(flow) or not np.isfinite(flow).all():
            raise LabelError(f"{folder / 'features.npz'}: {name} is not a (frames, 12, 2) array of finite numbers.")
    points: dict[str, list[Point]] = {name: [] for name in flows}
    for row_number, row in _rows(folder / "points.csv", ("video", "frame", "type")):
        frame = _frame(folder / "points.csv", row_number, row, "frame", flows)
        on_grid = _to_grid(frame, fps, len(flows[row["video"]]))
        points[row["video"]].append(Point(on_grid, _type(folder / "points.csv", row_number, row)))
    intervals: dict[str, list[LabelledInterval]] = {name: [] for name in flows}
    subjects: dict[str, str] = {}
    table = folder / "intervals.csv"
    for row_number, row in _rows(table, ("video", "subject", "onset_frame", "apex_frame", "offset_frame", "type")):
        onset, apex, offset = (
            _to_grid(_frame(table, row_number, row, column, flows), fps, len(flows[row["video"]]))
            for column in ("onset_frame", "apex_frame", "offset_frame")
        )
        intervals[row["video"]].append(LabelledInterval(onset, apex, offset, _type(table, row_number, row)))
        subjects[row["video"]] = row["subject"]
    recordings = []
    for name, flow in flows.items():
        subject = subjects.get(name, name.rsplit("_", 1)[0])
        position = integrate(flow * px_per_unit / PX_PER_IOD, fps)
        recordings.append(
            Recording(name, subject, folder.name, fps, position, tuple(points[name]), tuple(intervals[name]))
        )
    return recordings


def integrate(flow: NDArray[np.float64], fps: float) -> FloatArray:
    """Flow between frames (T, 12, 2) -> positions on the grid (T', 12, 2): offset removed, summed, interpolated."""
    centred = flow - np.median(flow, axis=0, keepdims=True)
    position = np.concatenate([np.zeros_like(centred[:1]), np.cumsum(centred, axis=0)])[:-1]
    if fps == GRID_HZ:
        return position.astype(np.float32)
    source_s = np.arange(len(position)) / fps
    grid_s = np.arange(_grid_length(len(position), fps)) / GRID_HZ
    flat = position.reshape(len(position), -1)
    columns = [np.interp(grid_s, source_s, flat[:, i]) for i in range(flat.shape[1])]
    return np.stack(columns, axis=1).reshape(len(grid_s), *position.shape[1:]).astype(np.float32)


def _grid_length(frames: int, fps: float) -> int:
    return int(np.floor((frames - 1) / fps * GRID_HZ)) + 1


def _to_grid(frame: int, fps: float, frames: int) -> int:
    """Nearest grid frame of a recording of that many frames; the grid may end a little before its last frame."""
    return min(round(frame * GRID_HZ / fps), _grid_length(frames, fps) - 1)


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [c for c in columns if c not in (reader.fieldnames or ())]
            if missing:
                raise LabelError(f"{path} has no column {missing[0]}; it needs {', '.join(columns)}.")
            # a line that breaks off early has None in its last cells
            return [(n, {c: row[c] or "" for c in columns}) for n, row in enumerate(reader, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelError(f"{path} cannot be read as a table ({error}).") from error


def _frame(
    path: Path, row_number: int, row: dict[str, str], column: str, videos: dict[str, NDArray[np.float64]]
) -> int:
    video = row["video"]
    if video not in videos:
        raise LabelError(f"{path}, row {row_number}: no features of a video called {video}.")
    try:
        frame = int(row[column])
    except ValueError:
        raise LabelError(f"{path}, row {row_number}: {column} is {row[column]!r}, not a frame number.") from None
    last = len(videos[video]) - 1
    if not -EDGE_SLACK_FRAMES <= frame <= last + EDGE_SLACK_FRAMES:
        raise LabelError(f"{path}, row {row_number}: frame {frame} lies outside {video}, which ends at {last}.")
    return min(max(frame, 0), last)


def _type(path: Path, row_number: int, row: dict[str, str]) -> ExpressionType:
    try:
        return ExpressionType(row["type"].strip().lower())
    except ValueError:
        raise LabelError(f"{path}, row {row_number}: type is {row['type']!r}; it must be macro or micro.") from None
