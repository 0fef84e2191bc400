"""What a person may type to go somewhere in a recording."""

from __future__ import annotations

import re

import numpy as np

from app.session.reader import FrameTable

_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,4}):)?(\d+(?:[.,]\d*)?)\s*s?")
_FRAME = re.compile(r"(?:#|f|frame)\s*(\d+)", re.IGNORECASE)


def row_of(text: str, frames: FrameTable) -> int | None:
    """Row of the frame nearest to a time (``75.5``, ``1:15.5``, ``1:02:03``) or number (``#1200``), else None."""
    text = text.strip()
    if frame := _FRAME.fullmatch(text):
        return _nearest(frames.index.astype(np.float64), float(frame[1]))
    if time := _TIME.fullmatch(text):
        hours, minutes, seconds = time.groups()
        whole_s = 3600 * int(hours or 0) + 60 * int(minutes or 0)
        return _nearest(frames.time_s, whole_s + float(seconds.replace(",", ".")))
    return None


def _nearest(ascending: np.ndarray, value: float) -> int | None:
    return int(np.argmin(np.abs(ascending - value))) if len(ascending) else None
