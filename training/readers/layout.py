"""Finding recordings and label tables below a folder: pictures in numbered files, or one video file a recording."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.errors import ApexspotError, LabelError, UsageError
from models.video import VideoFile
from models.video_endings import VIDEO_ENDINGS
from training.readers.rates import frame_rate_hz

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})
TABLES = frozenset({".xlsx", ".xls", ".csv"})

# what data sets keep beside the recordings: other modalities, things computed from them
_ASIDE = re.compile(r"depth|flow|landmark|feature|__macosx|^\.", re.IGNORECASE)

_NUMBER = re.compile(r"(\d+)\D*$")
_UNKNOWN_END = 10**9


@dataclass(frozen=True, slots=True)
class Source:
    """A recording on disk.

    first, last: numbers of its first and last frame, as its owner counts them. fps: frames a second of a video file,
    ``None`` where neither it nor its time stamps say, and for pictures.
    """

    path: Path
    first: int
    last: int
    fps: float | None = None


def number_of(picture: str) -> int | None:
    """Frame number in a picture's file name: its last group of digits (``img0012.jpg``, ``006_1_0012.jpg``)."""
    found = _NUMBER.search(Path(picture).stem)
    return int(found[1]) if found else None


def pictures_in(folder: Path) -> list[tuple[int, Path]]:
    """Numbered pictures of a folder in order of number; pictures without a number are passed over."""
    numbered: dict[int, Path] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if os.path.splitext(entry.name)[1].lower() in PICTURES and not entry.name.startswith("."):  # noqa: PTH122
                number = number_of(entry.name)
                if number is not None:
                    numbered.setdefault(number, Path(entry.path))
    return sorted(numbered.items())


def find_sources(root: Path, name_of: Callable[[tuple[str, ...]], str | None]) -> dict[str, Source]:
    """Recordings below ``root``, by the name that ``name_of`` makes of their path's parts (``None``: not a recording).

    The last part has no ending. Where a recording is there more than once, whole pictures are taken before cropped ones
    and numbered pictures before a video file, since these keep the coders' frame numbers.

    Raises:
        UsageError: the folder is missing.
    """
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}; --root wants the data set's folder as unpacked.")
    best: dict[str, tuple[tuple[bool, bool, int, str], Path]] = {}
    for path in _candidates(root):
        parts = path.relative_to(root).parts
        is_video = path.suffix.lower() in VIDEO_ENDINGS
        # the root's own name counts as well: somebody may point at one subject's folder
        name = name_of((root.resolve().name, *parts[:-1], path.stem if is_video else path.name))
        if name is None:
            continue
        cropped = any("crop" in part.lower() for part in parts)
        rank = (cropped, is_video, len(parts), str(path))
        if name not in best or rank < best[name][0]:
            best[name] = (rank, path)
    return {name: _source(path) for name, (_, path) in sorted(best.items())}


def _candidates(root: Path) -> Iterator[Path]:
    """Folders that hold pictures, and video files."""
    for where, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not _ASIDE.search(name))
        here = Path(where)
        endings = {Path(name).suffix.lower() for name in files}
        if endings & PICTURES:
            yield here
        yield from (here / name for name in sorted(files) if Path(name).suffix.lower() in VIDEO_ENDINGS)


def _source(path: Path) -> Source:
    if path.is_dir():
        numbered = pictures_in(path)
        return Source(path, numbered[0][0], numbered[-1][0]) if numbered else Source(path, 1, 0)
    try:
        with VideoFile(path) as video:
            return Source(path, 1, video.frame_count_estimate or _UNKNOWN_END, frame_rate_hz(video))
    except ApexspotError:
        return Source(path, 1, _UNKNOWN_END)  # named, with the reason, when it is to be read


def find_table(root: Path, given: Path | None, pattern: str, what: str) -> Path:
    """The label table: ``given``, or the file at most two folders below ``root`` whose name matches ``pattern``.

    Of several versions the one whose name sorts last is taken.

    Raises:
        UsageError: there is none.
    """
    if given is not None:
        if not given.is_file():
            raise UsageError(f"There is no file {given}; --labels wants {what}.")
        return given
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}; --root wants the data set's folder as unpacked.")
    wanted = re.compile(pattern, re.IGNORECASE)
    found = [
        path
        for depth in ("*", "*/*", "*/*/*")
        for path in root.glob(depth)
        if path.suffix.lower() in TABLES and wanted.search(path.name) and not path.name.startswith(("~", "."))
    ]
    if not found:
        raise UsageError(f"{what[:1].upper()}{what[1:]} is not below {root}; please name it with --labels.")
    return max(found, key=lambda path: path.name.lower())


def check_any(sources: dict[str, Source], root: Path, expected: str) -> None:
    """Refuse a folder without a single recording.

    Raises:
        LabelError: ``sources`` is empty.
    """
    if not sources:
        raise LabelError(f"There are no recordings below {root}; expected {expected}.")
