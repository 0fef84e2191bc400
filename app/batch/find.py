"""The videos that paths name, and where the results of each go."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from app.tables import look, resolved
from models.errors import UsageError
from models.video_endings import VIDEO_ENDINGS

_ADDRESSES = frozenset({"http:", "https:", "rtsp:", "rtsps:", "rtmp:", "udp:", "tcp:"})


@dataclass(frozen=True, slots=True)
class Place:
    """A video, and the place of its results below the output folder: the video's own sub-folder and a name."""

    video: Path
    folder: PurePath
    name: str

    @property
    def results(self) -> str:
        """As it stands in tables, the same on every system."""
        return (self.folder / self.name).as_posix()


@dataclass(frozen=True, slots=True)
class Found:
    """What paths name.

    in_folders: whether one of them is a folder. unread: a sentence on each sub-folder that may not be read and was
    passed over.
    """

    places: tuple[Place, ...]
    in_folders: bool
    unread: tuple[str, ...]


def find_videos(paths: Sequence[Path]) -> Found:
    """Every video that the paths name, once, in their order; folders are searched all the way down, in order of name.

    Hidden files and folders are passed over, and so is what is no regular file, such as a pipe; links to folders are
    not followed. The results of a video in a folder keep its sub-folders, so equal names in different ones do not
    meet; where they still do, see ``result_names``.

    Raises:
        UsageError: a path is missing, is an address or no regular file, or a folder cannot be read or holds no video.
    """
    found: list[tuple[Path, PurePath]] = []
    unread: list[str] = []
    in_folders = False
    for path in paths:
        if path.parts and path.parts[0].lower() in _ADDRESSES:  # what a path makes of "http://…"
            raise UsageError(f"{path} is an address; spot reads files, streams are opened in the window.")
        try:
            there = look(path)
        except UsageError:  # not ours to see; said when its turn comes
            found.append((path, PurePath()))
            continue
        if there is None:
            raise UsageError(f"There is no file {path}.")
        if stat.S_ISDIR(there.st_mode):
            in_folders = True
            found += _below(path, unread)
        elif stat.S_ISREG(there.st_mode):
            found.append((path, PurePath()))
        else:
            raise UsageError(f"{path} is a pipe or a device; spot reads video files.")
    found = _without_repeats(found)
    names: dict[int, str] = {}
    by_folder: dict[str, list[int]] = {}
    for number, (_, folder) in enumerate(found):
        by_folder.setdefault(str(folder).casefold(), []).append(number)
    for numbers in by_folder.values():
        names.update(zip(numbers, result_names([found[number][0] for number in numbers]), strict=True))
    places = tuple(Place(video, folder, names[number]) for number, (video, folder) in enumerate(found))
    return Found(places, in_folders, tuple(unread))


def result_names(videos: Sequence[Path]) -> list[str]:
    """A name for each video's results: the file name without its ending.

    Of several videos with one name the first keeps it, the next ones get ``-2``, ``-3``, … in the order given; a number
    that another video bears by itself is passed over. Case does not count, since it does not in every file system.
    """
    stems = Counter(video.stem.casefold() for video in videos)
    taken: set[str] = set()
    names = []
    for video in videos:
        name, number = video.stem, 2
        while name.casefold() in taken or (name != video.stem and name.casefold() in stems):
            name = f"{video.stem}-{number}"
            number += 1
        taken.add(name.casefold())
        names.append(name)
    return names


def _below(top: Path, unread: list[str]) -> list[tuple[Path, PurePath]]:
    def pass_over(error: OSError) -> None:
        sentence = f"The folder {error.filename} cannot be read ({error.strerror})."
        if Path(error.filename) == top:
            raise UsageError(sentence) from error
        unread.append(sentence)

    found = []
    before = len(unread)
    for folder, below, files in os.walk(top, onerror=pass_over):
        below[:] = sorted(name for name in below if not name.startswith("."))
        inside = PurePath(folder).relative_to(top)
        for name in sorted(files):
            video = Path(folder, name)
            if not name.startswith(".") and video.suffix.lower() in VIDEO_ENDINGS and _may_be_read(video):
                found.append((video, inside))
    if not found:
        if len(unread) > before:
            raise UsageError(unread[before])
        raise UsageError(f"{top} is a folder without a video in it; known are {' '.join(sorted(VIDEO_ENDINGS))}.")
    return found


def _may_be_read(video: Path) -> bool:
    """False for a pipe or a device, which would be waited for without end; what is wrong otherwise is said later."""
    try:
        there = look(video)
    except UsageError:
        return True
    return there is None or stat.S_ISREG(there.st_mode)


def _without_repeats(found: list[tuple[Path, PurePath]]) -> list[tuple[Path, PurePath]]:
    seen: set[Path] = set()
    kept = []
    for video, folder in found:
        where = resolved(video)
        if where not in seen:
            seen.add(where)
            kept.append((video, folder))
    return kept
