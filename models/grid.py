"""The regular time grid: irregular camera frames in, positions at ``GRID_HZ`` out.

A grid frame is valid only between two valid source frames that lie at most ``MAX_GAP_S`` apart; its position is their
linear interpolation. Nothing is invented across a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.types import GRID_HZ, REGION_COUNT, FloatArray, FrameMotion

MAX_GAP_S = 0.25
"""Longest time between two source frames that is bridged by interpolation (four lost frames in a row at 15-20 fps)."""


@dataclass(frozen=True, slots=True, eq=False)
class GridFrame:
    """One frame of the grid. position_iod: (12, 2), NaN where not valid. source_frame: nearest source frame's index.

    axis: (2,) of the nearest source frame, where the face looks (``FrameMotion``).
    """

    time_s: float
    valid: bool
    position_iod: FloatArray
    quality: float
    source_frame: int
    axis: FloatArray


_MISSING: FloatArray = np.full((REGION_COUNT, 2), np.nan, np.float32)


class GridResampler:
    """Turns source frames into grid frames, one source frame of delay, the same however they are delivered."""

    def __init__(self, rate_hz: float = GRID_HZ) -> None:
        self._rate_hz = rate_hz
        self._previous: FrameMotion | None = None
        self._start_s = 0.0
        self._next = 0

    def push(self, motion: FrameMotion) -> list[GridFrame]:
        """Take the next source frame; frames must come in order of time (a frame that does not is passed over)."""
        before = self._previous
        if before is None:
            self._start_s = motion.time_s
            self._previous = motion
            return []
        if not motion.time_s > before.time_s:
            return []
        frames: list[GridFrame] = []
        step_s = motion.time_s - before.time_s
        bridged = before.valid and motion.valid and step_s <= MAX_GAP_S
        while (time_s := self._start_s + self._next / self._rate_hz) < motion.time_s - 1e-9:
            weight = min(max((time_s - before.time_s) / step_s, 0.0), 1.0)
            nearest = before if weight < 0.5 else motion
            # a grid frame that falls on a valid source frame needs no neighbour
            exact = before.valid and weight < 1e-6
            if bridged:
                position = (before.position_iod * (1.0 - weight) + motion.position_iod * weight).astype(np.float32)
            else:
                position = before.position_iod if exact else _MISSING
            quality = min(before.quality, motion.quality) if bridged else (before.quality if exact else 0.0)
            frames.append(GridFrame(time_s, bridged or exact, position, quality, nearest.index, nearest.axis))
            self._next += 1
        self._previous = motion
        return frames

    def finish(self) -> list[GridFrame]:
        """The grid frame that falls on the last source frame, if one does."""
        last = self._previous
        if last is None:
            return []
        time_s = self._start_s + self._next / self._rate_hz
        if time_s > last.time_s + 0.5 / self._rate_hz:
            return []
        self._next += 1
        position = last.position_iod if last.valid else _MISSING
        quality = last.quality if last.valid else 0.0
        return [GridFrame(time_s, last.valid, position, quality, last.index, last.axis)]
