"""OpenCV as the program wants it: quiet, and without its hands on Qt."""

from __future__ import annotations

import os
from pathlib import Path

import cv2

_QT_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")


def drop_qt_variables() -> None:
    """Take back the Qt variables that ``import cv2`` sets; with them PySide6 would load OpenCV's Qt plugins.

    A value that does not point into OpenCV's own folder is the user's and stays. Call it before Qt starts.
    """
    folder = Path(cv2.__file__).resolve().parent
    for name in _QT_VARIABLES:
        value = os.environ.get(name)
        if value and Path(value).resolve().is_relative_to(folder):
            del os.environ[name]


def silence() -> None:
    """Keep OpenCV's own messages off the terminal; what matters is raised as a sentence."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


drop_qt_variables()
silence()
