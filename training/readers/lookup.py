"""Which video a person means: a table's words against the files of a folder.

The same name comes spelled in different ways. Some systems keep an umlaut as one character and some as two, some tell
capitals from small letters and some do not, and a person may leave the ending or the folder out.
"""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from pathlib import Path

from models.video_endings import VIDEO_ENDINGS


class OwnVideos:
    """The files below a folder, by every name under which a person may mean them. Hidden ones are passed over."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._paths = files_below(root)
        self._whole: dict[str, list[Path]] = defaultdict(list)
        self._short: dict[str, list[Path]] = defaultdict(list)
        for path in self._paths:
            self._whole[_folded(path)].append(path)
            if path.suffix.lower() in VIDEO_ENDINGS:
                without = path.with_suffix("")
                for name in {_folded(without), _folded(Path(path.name)), _folded(Path(without.name))}:
                    self._short[name].append(path)

    @property
    def videos(self) -> list[Path]:
        """All files that end as videos do, relative to the folder."""
        return [path for path in self._paths if path.suffix.lower() in VIDEO_ENDINGS]

    def meant(self, words: str) -> list[Path]:
        """The files, relative to the folder, that a cell may mean: none, the one that it does, or several.

        words: a path below the folder, with or without its ending, or a name; as it is spelled there, or else in other
        letters.
        """
        wanted = Path(words.replace("\\", "/"))
        if wanted.is_absolute():
            roots = (self._root.absolute(), self._root.resolve())
            wanted = next((wanted.relative_to(r) for r in roots if wanted.is_relative_to(r)), Path(wanted.name))
        if not wanted.name or ".." in wanted.parts:
            return []
        for names in (self._whole, self._short):
            if found := names.get(_folded(wanted)):
                spelled_so = [path for path in found if path == wanted]
                return spelled_so or [path for path in found if _composed(path) == _composed(wanted)] or found
        return [wanted] if _is_file(self._root / wanted) else []  # by a link that was not followed


def files_below(root: Path) -> list[Path]:
    """Files below a folder, relative to it, in order; no pipes. Links are followed, but into no folder twice."""
    found: list[Path] = []
    seen: set[str] = set()
    for where, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(where)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real not in seen:
            paths = [Path(where, name) for name in files if not name.startswith(".")]
            found += [path.relative_to(root) for path in paths if _is_file(path)]
        seen.add(real)
    return sorted(found)


def _composed(path: Path) -> str:
    return unicodedata.normalize("NFC", path.as_posix())


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFC", path.as_posix().casefold())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # a name that is longer than a file's can be
