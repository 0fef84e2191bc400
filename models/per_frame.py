"""From the model's regular grid back to the frames of the source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.types import GRID_HZ, BoolArray, FloatArray, Scores


@dataclass(frozen=True, slots=True, eq=False)
class FrameRows:
    """The source's frames, one entry each: their index, time (s) and whether a face was seen."""

    index: NDArray[np.int64]
    time_s: NDArray[np.float64]
    face: BoolArray

    def __len__(self) -> int:
        return len(self.index)


def at_times(scores: Scores, values: FloatArray, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Grid ``values`` (T,) interpolated at ``time_s``.

    Between a valid and an invalid grid point the valid one counts; further than a grid step from any valid point the
    result is NaN.
    """
    result = np.full(len(time_s), np.nan)
    if not len(scores):
        return result
    grid = scores.time_s
    right = np.clip(np.searchsorted(grid, time_s), 0, len(grid) - 1)
    left = np.maximum(right - 1, 0)
    step_s = 1.0 / GRID_HZ + 1e-6
    left_ok = scores.valid[left] & (np.abs(time_s - grid[left]) <= step_s)
    right_ok = scores.valid[right] & (np.abs(time_s - grid[right]) <= step_s)
    span_s = np.maximum(grid[right] - grid[left], 1e-9)
    weight = np.clip((time_s - grid[left]) / span_s, 0.0, 1.0)
    left_value, right_value = values[left].astype(np.float64), values[right].astype(np.float64)
    both = left_ok & right_ok
    result[both] = (left_value * (1.0 - weight) + right_value * weight)[both]
    result[left_ok & ~right_ok] = left_value[left_ok & ~right_ok]
    result[right_ok & ~left_ok] = right_value[right_ok & ~left_ok]
    return result
