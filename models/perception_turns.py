"""What a turn of the head leaves at the regions, learnt from the turns themselves and taken away."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.types import REGION_COUNT

Array = NDArray[np.float64]

# usual size of a slope before anything was seen (IOD a radian): the landmarks' depth is wrong by about this much
_PRIOR = 0.1
# what was learnt fades, since landmarks settle differently under another light or at another distance
_MEMORY_S = 300.0
# motion that no turn explains: it is followed this fast, and never counts as less than the two limits below
_NOISE_MEMORY_S = 10.0
_FLOW_NOISE_IOD, _LEAST_FLOW_NOISE_IOD = 0.006, 0.002
_PATH_NOISE_IOD, _LEAST_PATH_NOISE_IOD = 0.010, 0.004
# a smaller turn between two pictures is as much error as motion, and would draw the slope to zero
_LEAST_TURN_RAD = 0.004
# the difference of landmarks and flow is looked at without what is slower than this; neighbouring frames tell the same,
# so that one piece of evidence takes as long as the second
_SLOW_S = 2.0
_EVIDENCE_S = 0.5


class TurnCorrection:
    """Slopes (12, 2, 2) of the error of flow and of landmarks at each region over the turn of the head.

    Two things leave motion that is none where the head turns: the rigid fit, since the depth of the landmarks is a
    guess, and the landmarks, since they slide on a turned face. Both are nearly linear in the turn, and differ from
    face to face. So both slopes are learnt while the head turns, by recursive ridge regression:

    * flow: what the rigid fit leaves at a region, on the turn since the anchor picture. Expressions are in it too, but
      come with any turn; they are held down by robust weights (Cauchy) and by the usual motion of the region.
    * landmarks: their distance from the integrated flow, without its slow part, on the face's axis. No expression is
      in it, since both see it.

    A turn is (2,): the change of x and y of the face's axis in the picture, in radians. Causal; the same input gives
    the same numbers. What was learnt outlives a face that is lost for a while; ``restart`` forgets it.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything."""
        self._flow = _Regression(_FLOW_NOISE_IOD, _LEAST_FLOW_NOISE_IOD)
        self._path = _Regression(_PATH_NOISE_IOD, _LEAST_PATH_NOISE_IOD)
        self.lose_face()

    def lose_face(self) -> None:
        """Begin a new path; the slopes stay."""
        self._integrated: Array = np.zeros((REGION_COUNT, 2))
        self._first_axis: Array | None = None
        self._slow_distance: Array | None = None
        self._slow_axis: Array = np.zeros(2)

    def in_flow(self, turn: Array) -> Array:
        """Motion (12, 2) that a turn since the anchor leaves in the flow, in IOD."""
        return self._flow.at(turn)

    def in_landmarks(self, axis: Array) -> Array:
        """Shift (12, 2) of the landmarks since the first call with this face, in IOD. axis: (2,), x and y."""
        if self._first_axis is None:
            self._first_axis = axis
        turn = axis - self._first_axis
        return self._flow.at(turn) + self._path.at(turn)

    def learn_flow(self, left_iod: Array, turn: Array, since_s: float) -> None:
        """left_iod: (12, 2) what the fit left since the anchor, nothing taken away; since_s: the anchor's age."""
        evidence = 1.0 if float(np.hypot(*turn)) >= _LEAST_TURN_RAD else 0.0
        self._flow.learn(left_iod, turn, evidence, since_s)

    def learn_landmarks(self, landmark_iod: Array, step_iod: Array, axis: Array, gap_s: float) -> None:
        """landmark_iod: (12, 2) turned to the front; step_iod: (12, 2) by flow, nothing taken away; gap_s: its time."""
        self._integrated = self._integrated + step_iod
        distance = landmark_iod - self._integrated
        if self._slow_distance is None:
            self._slow_distance, self._slow_axis = distance, axis
        share = -math.expm1(-gap_s / _SLOW_S)
        self._slow_distance = self._slow_distance + share * (distance - self._slow_distance)
        self._slow_axis = self._slow_axis + share * (axis - self._slow_axis)
        self._path.learn(distance - self._slow_distance, axis - self._slow_axis, gap_s / _EVIDENCE_S, gap_s)


class _Regression:
    """Ridge regression of a motion (12, 2) on a turn (2,), region by region, with a memory."""

    def __init__(self, noise_iod: float, least_noise_iod: float) -> None:
        self._least_variance = least_noise_iod**2
        self._variance: Array = np.full(REGION_COUNT, noise_iod**2)
        self._information: Array = np.zeros((REGION_COUNT, 2, 2))
        self._product: Array = np.zeros((REGION_COUNT, 2, 2))
        self._slope: Array = np.zeros((REGION_COUNT, 2, 2))

    def at(self, turn: Array) -> Array:
        return np.asarray(self._slope @ turn, np.float64)

    def learn(self, motion_iod: Array, turn: Array, evidence: float, gap_s: float) -> None:
        """evidence: how many independent observations this one is worth. gap_s: time since the last one."""
        error = motion_iod - self.at(turn)
        size = np.einsum("ri,ri->r", error, error)
        limit = 9.0 * self._variance
        weight = 1.0 / (1.0 + size / limit)
        share = -math.expm1(-gap_s / _NOISE_MEMORY_S)
        variance = self._variance + share * (np.minimum(size, limit) - self._variance)
        self._variance = np.maximum(variance, self._least_variance)
        gain = (evidence * weight / self._variance)[:, None, None]
        fade = math.exp(-gap_s / _MEMORY_S)
        self._information = fade * self._information + gain * np.outer(turn, turn)
        self._product = fade * self._product + gain * motion_iod[:, :, None] * turn
        # the information matrix is symmetric: slope (prior + information) = product
        prior = np.eye(2) / _PRIOR**2
        self._slope = self._product @ np.linalg.inv(self._information + prior)
