"""Names of session folders, and who may write in one."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from app.session.schema import INFO_FILE
from app.tables import check_folder
from models.errors import OutputError, UsageError

_CODE = re.compile(r"\w(?:[\w. -]{0,62}\w)?")


def check_participant(code: str) -> str:
    """The participant code, fit for a folder's name.

    Raises:
        UsageError: it is not.
    """
    if code and not _CODE.fullmatch(code):
        raise UsageError(
            f"{code!r} cannot be part of a folder's name; a participant code has letters, digits, spaces, '.', '_' and "
            "'-', 64 at most, and begins and ends with a letter or digit."
        )
    return code


def new_folder(out: Path, participant: str, now: datetime) -> Path:
    """Make the folder of a new session in ``out``: date and time, participant code, and a number where that is taken.

    Raises:
        OutputError: it cannot be made. UsageError: the participant code does not fit.
    """
    check_participant(participant)
    check_folder(out)
    stem = now.strftime("%Y-%m-%d_%H-%M-%S") + (f"_{participant}" if participant else "")
    number = 1
    while True:
        folder = out / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            raise OutputError(f"{folder} cannot be made ({error.strerror}).") from error


def is_session(folder: Path) -> bool:
    """Whether a folder is a session."""
    return (folder / INFO_FILE).is_file()


def session_folders(root: Path) -> list[Path]:
    """``root`` itself if it is a session, else the sessions in it, by name.

    Raises:
        UsageError: there is no such folder, or it cannot be read.
    """
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}.")
    if is_session(root):
        return [root]
    try:
        return sorted(filter(is_session, root.iterdir()))
    except OSError as error:
        raise UsageError(f"{root} cannot be read ({error.strerror}).") from error


def lock(file: BinaryIO) -> bool:
    """Claim an open file for this program until it is closed or the program ends; False if another one has it.

    On Windows a file that another program writes cannot be renamed, which serves the same end.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True
