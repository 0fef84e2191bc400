"""Results as files: intervals and frames as CSV, a summary as JSON. Each appears whole or not at all.

Here too is what all of the program asks of paths before it reads or writes, so that every refusal is a sentence, and
what makes a text safe in a cell.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from models.errors import OutputError, UsageError
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

_RUNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'")
"""What makes a spreadsheet take a text for a formula, at its beginning; and the apostrophe that keeps it from that."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\r\n]+")

_NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)

_NO_UTF8 = re.compile("[\ud800-\udfff]")
"""What Python makes of the bytes of a file's name that are no UTF-8."""


def write_intervals(path: Path, intervals: Iterable[Interval]) -> None:
    """Write intervals as CSV, numbered from 1 in order of onset. Frames count from 0; both ends are inclusive.

    Raises:
        OutputError: the file cannot be written; what was there before stays.
    """
    with whole_file(path) as file:
        file.write(",".join(INTERVAL_COLUMNS) + "\n")
        # an interval may become final before one that begins a little earlier
        for number, i in enumerate(sorted(intervals, key=lambda i: i.onset_s), start=1):
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
    """Write a summary as JSON; bytes of a name that are no UTF-8 become JSON's escapes, from which they come back.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
    with whole_file(path) as file:
        file.write(escape_bytes(text) + "\n")


def escape_bytes(text: str) -> str:
    """A text that UTF-8 can hold: what stands for a byte that is none becomes ``\\udcff``."""
    return _NO_UTF8.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def safe_text(text: str) -> str:
    """A text as a cell: on one line, and with an apostrophe in front where a spreadsheet would run it."""
    plain = plain_text(text)
    return f"'{plain}" if plain.lstrip().startswith(_RUNS) else plain


def bare_text(cell: str) -> str:
    """A cell as it was before ``safe_text``."""
    return cell[1:] if cell.startswith("'") and cell[1:].lstrip().startswith(_RUNS) else cell


def plain_text(text: str) -> str:
    """A text without the characters that XML forbids, on one line."""
    return _CONTROL.sub("", _BREAKS.sub(" ", text))


def check_folder(folder: Path) -> None:
    """Make the folder if need be, and make sure that files can be written there.

    Raises:
        OutputError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = short_beside(folder / "probe")
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise OutputError(f"Nothing can be written to {folder} ({_reason(error)}).") from error


def existing(paths: Sequence[Path]) -> list[Path]:
    """Those of the paths where something is already.

    Raises:
        UsageError: one may not look there.
    """
    return [path for path in paths if look(path, follow=False) is not None]


def look(path: Path, *, follow: bool = True) -> os.stat_result | None:
    """What is at a path, None where nothing is. follow: whether a link stands for what it leads to.

    Raises:
        UsageError: one may not look there, or a link leads back to itself.
    """
    try:
        return path.stat(follow_symlinks=follow)
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            return None
        raise UsageError(f"{path} cannot be read ({_reason(error)}).") from error
    except ValueError:  # no file has such a name
        return None


def is_file(path: Path) -> bool:
    """Whether there is such a file.

    Raises:
        UsageError: as ``look``.
    """
    there = look(path)
    return there is not None and stat.S_ISREG(there.st_mode)


def is_folder(path: Path) -> bool:
    """Whether there is such a folder.

    Raises:
        UsageError: as ``look``.
    """
    there = look(path)
    return there is not None and stat.S_ISDIR(there.st_mode)


def resolved(path: Path) -> Path:
    """The path that all links to a file lead to; the absolute path where a link leads back to itself."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # the second up to Python 3.12
        return path.absolute()


def short_beside(path: Path, ending: str = "") -> Path:
    """A free name beside ``path`` for what is being written; short, since the file's own may be as long as they get."""
    return path.with_name(f".apexspot-{secrets.token_hex(6)}{ending}")


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file (UTF-8, lines end in ``\\n``) that takes its place under its name only when all of it is on the disk.

    Raises:
        OutputError: it cannot be written; a file that was there before stays as it was.
    """
    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({_reason(error)}).") from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """``whole_file``, for who has a sentence of their own.

    Raises:
        OSError: it cannot be written; a file that was there before stays as it was.
    """
    # beside the target, so that the last step is a rename within one file system
    partial = short_beside(path)
    try:
        with partial.open("x", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the name with nothing in it
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _cell(value: float, decimals: int) -> str:
    return "" if math.isnan(value) else f"{value:.{decimals}f}"


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
