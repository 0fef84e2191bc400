"""Files and the disk: before something has been waited for, a power cut or a pulled disk takes it away."""

from __future__ import annotations

import os
from pathlib import Path


def is_same(a: Path, b: Path) -> bool:
    """Whether two names are of the same file or folder, which is there."""
    try:
        return a.samefile(b)
    except OSError:
        return False


def sync_file(path: Path) -> None:
    """Wait until a file's content is on the disk, whoever wrote it.

    Raises:
        OSError: it cannot be opened or written.
    """
    with path.open("r+b") as file:  # Windows wants the right to write
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system offers that.

    Raises:
        OSError: they cannot be written.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
