"""Where the review of a video lies: ``VIDEO.apexspot`` beside it, or in the user's data where that cannot be."""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from app.session.recovery import being_recorded
from app.session.schema import (
    FEATURES_FILE,
    FRAMES_FILE,
    INFO_FILE,
    INTERVALS_FILE,
    POINTS_FILE,
    SCORES_FILE,
    SessionInfo,
    SourceInfo,
    read_info,
)
from app.tables import check_folder
from models.digest import content_sha256
from models.errors import DataError, OutputError, UsageError

log = logging.getLogger(__name__)

SUFFIX = ".apexspot"

_FILES = (INFO_FILE, FRAMES_FILE, FEATURES_FILE, INTERVALS_FILE, POINTS_FILE, SCORES_FILE)


@dataclass(frozen=True, slots=True)
class VideoIdentity:
    """What tells a video file from another without reading it."""

    path: Path
    size_bytes: int
    modified_ns: int

    @staticmethod
    def of(video: Path) -> VideoIdentity:
        """The file as it is now.

        Raises:
            UsageError: there is no such file.
        """
        try:
            path = video.resolve()
            stat = path.stat()
        except OSError as error:
            raise UsageError(f"There is no file {video}.") from error
        return VideoIdentity(path, stat.st_size, stat.st_mtime_ns)

    def source(self) -> SourceInfo:
        """What ``session.json`` says of it; its content is read once.

        Raises:
            DataError: it cannot be read.
        """
        return SourceInfo(
            kind="file",
            name=self.path.name,
            path=str(self.path),
            sha256=content_sha256(self.path),
            size_bytes=self.size_bytes,
            modified_ns=self.modified_ns,
        )

    def is_that_of(self, source: SourceInfo) -> bool:
        """Whether this is the file that was analysed; its content is read only where it was moved or touched."""
        if source.sha256 is None or source.size_bytes != self.size_bytes:
            return False
        if source.path == str(self.path) and source.modified_ns == self.modified_ns:
            return True
        try:
            return content_sha256(self.path) == source.sha256
        except DataError:
            return False


def review_of(video: VideoIdentity) -> tuple[Path, SessionInfo] | None:
    """The review folder of a video's content, and what it says of itself; ``None`` where there is none."""
    for folder in [*_beside(video), *_in_user_data(video)]:
        with suppress(DataError):
            info = read_info(folder)
            if video.is_that_of(info.source):
                return folder, info
    return None


def new_review(video: VideoIdentity) -> Path:
    """A folder under a preliminary name, in which the review of a video is made; ``settle`` gives it its name.

    Raises:
        OutputError: neither beside the video nor in the user's data can anything be written.
    """
    parent = video.path.parent
    try:
        check_folder(parent)
    except OutputError:
        parent = user_reviews()
        check_folder(parent)
    _clear_stale(parent, video)
    folder = parent / f".{video.path.name}{SUFFIX}.{secrets.token_hex(6)}"
    try:
        folder.mkdir()
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}).") from error
    return folder


def settle(folder: Path, video: VideoIdentity) -> Path:
    """Give a review that is whole its name; one that is taken (by another content) gets -2, -3, ...

    Raises:
        OutputError: it cannot be renamed.
    """
    number = 1
    while True:
        final = folder.with_name(f"{video.path.name}{SUFFIX}" + ("" if number == 1 else f"-{number}"))
        if not final.exists():
            try:
                return folder.rename(final)
            except OSError as error:
                if not final.exists():
                    raise OutputError(f"{final} cannot be made ({error.strerror}).") from error
        number += 1


def discard(folder: Path) -> None:
    """Take away a review that was not finished: its own files alone."""
    with suppress(OSError):
        for name in _FILES:
            (folder / name).unlink(missing_ok=True)
            (folder / f".{name}").unlink(missing_ok=True)
        folder.rmdir()


def user_reviews() -> Path:
    """Where reviews are kept of videos that lie where nothing may be written."""
    return Path(platformdirs.user_data_dir("apexspot", appauthor=False)) / "reviews"


def _beside(video: VideoIdentity) -> list[Path]:
    return _folders(video.path.parent, f"{video.path.name}{SUFFIX}")


def _in_user_data(video: VideoIdentity) -> list[Path]:
    # all of them: the video may have another name by now
    return _folders(user_reviews(), "")


def _folders(parent: Path, begins: str) -> list[Path]:
    try:
        names = sorted(path.name for path in parent.iterdir() if path.name.startswith(begins) and SUFFIX in path.name)
    except OSError:
        return []
    return [parent / name for name in names if not name.startswith(".") and (parent / name / INFO_FILE).is_file()]


def _clear_stale(parent: Path, video: VideoIdentity) -> None:
    """Reviews of this video that a killed program left unfinished."""
    with suppress(OSError):
        for folder in parent.iterdir():
            stale = folder.name.startswith(f".{video.path.name}{SUFFIX}.") and folder.is_dir()
            if stale and not being_recorded(folder):
                log.info("clearing %s", folder)
                discard(folder)
