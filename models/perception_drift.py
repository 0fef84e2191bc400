"""Integrated flow for what is fast, landmarks for what is slow."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


# the landmark model takes some frames to settle on a new face; in this time its mean offset is learnt
_SETTLING_S = 1.0


class DriftCorrection:
    """A complementary filter in seconds and in degrees, causal, for any spacing of frames.

        q = p(t - dt) + step,   p(t) = q + a (landmark(t) - zero - q),
        a = 1 - exp(-dt / crossover_s - turned / crossover_rad)

    Integrated flow errs a little with every second and with every degree that the head turns (its fit rests on a guess
    of the face's depth); landmarks do not add up their errors, but tremble and lag. So the landmarks draw the position
    towards them with the time and the turning that have passed. ``zero`` is their mean distance from the path of the
    flow in the first second, so that the chance error of the first landmarks does not turn into a slow
    motion; until then only turning draws.
    """

    def __init__(self, crossover_s: float, crossover_rad: float) -> None:
        self._crossover_s = crossover_s
        self._crossover_rad = crossover_rad
        self.restart()

    def restart(self) -> None:
        """Forget everything, as when the face was lost."""
        self._position: Array | None = None
        self._landmark: Array | None = None
        self._zero: Array | None = None
        self._age_s = 0.0

    def update(self, landmark_iod: Array, step_iod: Array | None, gap_s: float, turned_rad: float) -> Array:
        """Position (12, 2) after one more frame.

        landmark_iod: (12, 2) turned to the front. step_iod: (12, 2) movement by flow since the previous frame, or
        ``None`` where it was not measured: then the landmarks' own step stands in. gap_s, turned_rad: time and angle
        between the two frames. The first frame's position is the landmarks'.
        """
        if self._position is None or self._landmark is None or self._zero is None:
            position = landmark_iod
            self._zero = np.zeros_like(landmark_iod)
        else:
            position = self._position + (landmark_iod - self._landmark if step_iod is None else step_iod)
            self._age_s += gap_s
            leaked = turned_rad / self._crossover_rad
            if self._age_s < _SETTLING_S and step_iod is not None:
                share = gap_s / self._age_s if self._age_s > 0.0 else 0.0
                self._zero = self._zero + share * (landmark_iod - position - self._zero)
            else:
                leaked += gap_s / self._crossover_s
            position = position - math.expm1(-leaked) * (landmark_iod - self._zero - position)
        self._position, self._landmark = position, landmark_iod
        return position
