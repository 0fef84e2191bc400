"""The log file: what went wrong, for whoever has to find out why."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

import platformdirs

_SIZE_BYTES = 1_000_000


def log_path() -> Path:
    return Path(platformdirs.user_log_dir("apexspot", appauthor=False)) / "apexspot.log"


def start_logging() -> None:
    """Send the program's log to the log file, made when there is something to say; nothing goes to the terminal."""
    logger = logging.getLogger()
    handler: logging.Handler
    try:
        path = log_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=_SIZE_BYTES, backupCount=1, encoding="utf-8", delay=True
        )
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    except OSError:
        handler = logging.NullHandler()
    handler.setLevel(logging.WARNING)
    logger.addHandler(handler)
    # a log that cannot be written must not print its own traceback
    logging.raiseExceptions = False
