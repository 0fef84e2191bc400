"""Training recordings: positions on the grid, points for learning, intervals for evaluation only."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import LabelError
from models.types import GRID_HZ, REGION_COUNT, ExpressionType, FloatArray
from training.archive_tables import read_table, type_of

PX_PER_IOD = 40.0
"""Pixels of the recorded crops taken as one inter-ocular distance: at this value their noise matches a webcam's."""

EDGE_SLACK_FRAMES = 2
"""Coded frames may lie this far outside the flow, which is a frame shorter than the video; frame rates were changed."""

FARTHEST_IOD = 1000.0
"""No face comes this far from where it was; positions beyond it are damage, and training on them ends in no numbers."""

SLOWEST_HZ, FASTEST_HZ = 1.0, 1000.0
"""Frame rates of recordings lie between these."""

_MOST_PX_PER_UNIT = 1000.0


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
        LabelError: a file is missing or corrupt, a number is not sensible, a label names an
            unknown video, lies outside it or ends before it begins.
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
    check_rate(f"{folder / 'meta.json'}: fps", fps)
    if not 0 < px_per_unit <= _MOST_PX_PER_UNIT:
        raise LabelError(
            f"{folder / 'meta.json'}: px_per_unit is {px_per_unit:g}; it must lie above 0 and be at most "
            f"{_MOST_PX_PER_UNIT:g}, correct it."
        )
    for name, flow in flows.items():
        if flow.ndim != 3 or flow.shape[1:] != (REGION_COUNT, 2) or not len(flow) or not np.isfinite(flow).all():
            raise LabelError(
                f"{folder / 'features.npz'}: {name} is not a (frames, 12, 2) array of finite numbers; make it anew."
            )
        if np.abs(flow).max() > FARTHEST_IOD * PX_PER_IOD / px_per_unit:
            raise _too_far(folder, name)
    points: dict[str, list[Point]] = {name: [] for name in flows}
    table = folder / "points.csv"
    # a point that comes twice is believed: coders mark expressions that share an apex
    for row_number, row in _rows(table, ("video", "frame", "type")):
        frame = _frame(table, row_number, row, "frame", flows)
        on_grid = _to_grid(frame, fps, len(flows[row["video"]]))
        points[row["video"]].append(Point(on_grid, type_of(table, row_number, row)))
    intervals: dict[str, list[LabelledInterval]] = {name: [] for name in flows}
    subjects: dict[str, str] = {}
    table = folder / "intervals.csv"
    for row_number, row in _rows(table, ("video", "subject", "onset_frame", "apex_frame", "offset_frame", "type")):
        onset, apex, offset = (
            _to_grid(_frame(table, row_number, row, column, flows), fps, len(flows[row["video"]]))
            for column in ("onset_frame", "apex_frame", "offset_frame")
        )
        # the apex may lie outside: some coders left it out (0)
        if onset > offset:
            raise LabelError(f"{table}, row {row_number}: the offset lies before the onset; correct the row.")
        intervals[row["video"]].append(LabelledInterval(onset, apex, offset, type_of(table, row_number, row)))
        subjects[row["video"]] = row["subject"]
    recordings = []
    for name, flow in flows.items():
        subject = subjects.get(name, name.rsplit("_", 1)[0])
        position = integrate(flow * px_per_unit / PX_PER_IOD, fps)
        if np.abs(position).max() > FARTHEST_IOD:
            raise _too_far(folder, name)
        recordings.append(
            Recording(name, subject, folder.name, fps, position, tuple(points[name]), tuple(intervals[name]))
        )
    return recordings


def check_rate(what: str, fps: float) -> None:
    """Refuse a frame rate that no recording has. what: where it stands, for the message.

    Raises:
        LabelError: it is not a number of frames a second, or not a sensible one.
    """
    if not SLOWEST_HZ <= fps <= FASTEST_HZ:
        raise LabelError(
            f"{what} is {fps:g}, which is not a recording's number of frames a second "
            f"({SLOWEST_HZ:g} to {FASTEST_HZ:g}); correct it."
        )


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


def _too_far(folder: Path, name: str) -> LabelError:
    return LabelError(
        f"{folder / 'features.npz'}: the motion of {name} goes more than {FARTHEST_IOD:g} inter-ocular distances far, "
        "which no face does; see that it is in units of px_per_unit (meta.json), or make it anew."
    )


def _rows(path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    return read_table(path, columns, "put it back, a flow12 archive has it")


def _frame(
    path: Path, row_number: int, row: dict[str, str], column: str, videos: dict[str, NDArray[np.float64]]
) -> int:
    video, where = row["video"], f"{path}, row {row_number}"
    if video not in videos:
        raise LabelError(f"{where}: features.npz has no video called {video}; correct its name or remove the row.")
    try:
        frame = int(row[column])
    except ValueError:
        raise LabelError(f"{where}: {column} is {row[column]!r}, not a frame number; correct it.") from None
    last = len(videos[video]) - 1
    if not -EDGE_SLACK_FRAMES <= frame <= last + EDGE_SLACK_FRAMES:
        raise LabelError(
            f"{where}: frame {frame} lies outside {video}, which ends at {last}; correct or remove the row."
        )
    return min(max(frame, 0), last)
