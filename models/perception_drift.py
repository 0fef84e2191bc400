"""Integrated flow for what is fast, landmarks for what is slow."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class DriftCorrection:
    """A complementary filter in seconds and in degrees, causal, for any spacing of frames.

        p(t) = p(t - dt) + step + a (landmark(t) - p(t)),   a = 1 - exp(-dt / crossover_s - turned / crossover_rad)

    Integrated flow errs a little with every second and with every degree that the head turns (its fit rests on a guess
    of the face's depth); landmarks do not add up their errors, but tremble and lag. So the landmarks draw the position
    towards them with the time and the turning that have passed.
    """

    def __init__(self, crossover_s: float, crossover_rad: float) -> None:
        self._crossover_s = crossover_s
        self._crossover_rad = crossover_rad
        self._position: Array | None = None
        self._landmark: Array | None = None

    @property
    def started(self) -> bool:
        """True once there is a position that a step can be added to."""
        return self._position is not None

    def update(self, landmark_iod: Array, step_iod: Array | None, gap_s: float, turned_rad: float) -> Array:
        """Position (12, 2) after one more frame.

        landmark_iod: (12, 2) turned to the front. step_iod: (12, 2) movement by flow since the previous frame, or
        ``None`` where it was not measured: then the landmarks' own step stands in. gap_s, turned_rad: time and angle
        between the two frames. The first frame's position is the landmarks'.
        """
        if self._position is None or self._landmark is None:
            position = landmark_iod
        else:
            moved = self._position + (landmark_iod - self._landmark if step_iod is None else step_iod)
            share = -math.expm1(-gap_s / self._crossover_s - turned_rad / self._crossover_rad)
            position = moved + share * (landmark_iod - moved)
        self._position, self._landmark = position, landmark_iod
        return position

    def restart(self) -> None:
        """Forget everything, as when the face was lost."""
        self._position = None
        self._landmark = None
