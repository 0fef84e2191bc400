"""What a person may type to go somewhere in a recording."""

from __future__ import annotations

import re

import numpy as np

from app.gui.text import clock
from app.session.reader import FrameTable
from models.errors import UsageError

_ROUNDED_S = 0.5
"""The recording's end is shown in whole seconds: so much later is still that end."""

_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,4}):)?(\d+(?:[.,]\d*)?)\s*s?")
_FRAME = re.compile(r"(?:#|f|frame)\s*(\d+)", re.IGNORECASE)


def row_of(text: str, frames: FrameTable) -> int:
    """Row of the frame nearest to a time (``75.5``, ``1:15.5``, ``1:02:03``) or a frame's number (``#1200``).

    frames: at least one.

    Raises:
        UsageError: it is neither, or lies beyond the end.
    """
    text = text.strip()
    last_s, last = float(frames.time_s[-1]), int(frames.index[-1])
    if frame := _FRAME.fullmatch(text):
        values, value, most = frames.index.astype(np.float64), float(frame[1]), float(last)
    elif time := _TIME.fullmatch(text):
        values, value, most = frames.time_s, _seconds(text, *time.groups()), last_s + _ROUNDED_S
    else:
        raise UsageError(f"“{text}” is neither a time nor a frame")
    if value > most:
        raise UsageError(f"“{text}” lies beyond the end, which is {clock(last_s, 2)}, frame {last}")
    return int(np.argmin(np.abs(values - value)))


def _seconds(text: str, hours: str | None, minutes: str | None, seconds: str) -> float:
    second = float(seconds.replace(",", "."))
    if (minutes and second >= 60) or (hours and int(minutes or 0) >= 60):
        raise UsageError(f"“{text}” is no time: minutes and seconds after a colon are less than 60")
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + second
