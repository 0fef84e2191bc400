"""Results as files: intervals and frames as CSV, a summary as JSON. Each appears whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from models.errors import OutputError
from models.per_frame import FrameRows as FrameRows
from models.per_frame import at_times as at_times
from models.types import Interval, Scores

INTERVAL_COLUMNS = (
    "id",
    "type",
    "onset_s",
    "apex_s",
    "offset_s",
    "duration_s",
    "onset_frame",
    "apex_frame",
    "offset_frame",
    "score",
    "source",
    "status",
)
FRAME_COLUMNS = ("frame", "time_s", "face", "intensity", "macro", "micro", "quality")


def write_intervals(path: Path, intervals: Iterable[Interval]) -> None:
    """Write intervals as CSV, numbered from 1 in the order given. Frames count from 0; both ends are inclusive.

    Raises:
        OutputError: the file cannot be written; what was there before stays.
    """
    with whole_file(path) as file:
        file.write(",".join(INTERVAL_COLUMNS) + "\n")
        for number, i in enumerate(intervals, start=1):
            times = f"{i.onset_s:.4f},{i.apex_s:.4f},{i.offset_s:.4f},{i.duration_s:.4f}"
            frames = f"{i.onset_frame},{i.apex_frame},{i.offset_frame}"
            file.write(f"{number},{i.type.value},{times},{frames},{i.score:.4f},model,found\n")


def write_frames(path: Path, frames: FrameRows, scores: Scores) -> None:
    """Write one row per source frame; scores of the grid are interpolated at its time.

    Where no face was seen, or the grid has no score near the frame, the cells are empty.

    Raises:
        OutputError: the file cannot be written; what was there before stays.
    """
    columns = [at_times(scores, c, frames.time_s) for c in (scores.intensity, scores.macro, scores.micro)]
    quality = at_times(scores, scores.quality, frames.time_s)
    with whole_file(path) as file:
        file.write(",".join(FRAME_COLUMNS) + "\n")
        for k in range(len(frames)):
            seen = bool(frames.face[k])
            cells = [_cell(column[k], 5) if seen else "" for column in columns]
            cells.append(_cell(quality[k], 3) if seen else "")
            file.write(f"{frames.index[k]},{frames.time_s[k]:.4f},{int(seen)},{','.join(cells)}\n")


def write_summary(path: Path, summary: dict[str, object]) -> None:
    """Write a summary as JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    with whole_file(path) as file:
        json.dump(summary, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")


def check_folder(folder: Path) -> None:
    """Make the folder if need be, and make sure that files can be written there.

    Raises:
        OutputError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".apexspot-{secrets.token_hex(6)}"
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise OutputError(f"Nothing can be written to {folder} ({_reason(error)}).") from error


def existing(paths: Sequence[Path]) -> list[Path]:
    """Those of the paths where something is already."""
    return [path for path in paths if path.exists() or path.is_symlink()]


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file (UTF-8, lines end in ``\\n``) that takes its place under its name only when all of it is on the disk.

    Raises:
        OutputError: it cannot be written; a file that was there before stays as it was.
    """
    # beside the target, so that the last step is a rename within one file system
    partial = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        try:
            with partial.open("x", encoding="utf-8", newline="\n") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())  # else a power cut may leave the name with nothing in it
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({_reason(error)}).") from error


def _cell(value: float, decimals: int) -> str:
    return "" if math.isnan(value) else f"{value:.{decimals}f}"


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
