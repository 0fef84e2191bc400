"""What a turn of the head leaves at the regions, learnt from the turns themselves and taken away."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.types import REGION_COUNT

Array = NDArray[np.float64]

# information before anything was seen, from the usual size of a coefficient: a slope (IOD a radian; the landmarks'
# depth is wrong by about this much) and a curvature (IOD a radian squared)
_SLOPE, _CURVATURE = 0.1, 0.3
_TERM_COUNT = 5
_PRIOR = np.diag(1.0 / np.array([_SLOPE, _SLOPE, _CURVATURE, _CURVATURE, _CURVATURE]) ** 2)
# what was learnt fades, since landmarks settle differently under another light or at another distance
_MEMORY_S = 300.0
# motion that no turn explains: it is followed this fast, and never counts as less than the two limits below
_NOISE_MEMORY_S = 10.0
_FLOW_NOISE_IOD, _LEAST_FLOW_NOISE_IOD = 0.006, 0.002
_PATH_NOISE_IOD, _LEAST_PATH_NOISE_IOD = 0.010, 0.004
# a smaller turn between two pictures is as much error as motion, and would draw the coefficients to zero
_LEAST_TURN_RAD = 0.004
# the difference of landmarks and flow is looked at without what is slower than this; neighbouring frames tell the same,
# so that one piece of evidence takes as long as the second
_SLOW_S = 2.0
_EVIDENCE_S = 0.5


class TurnCorrection:
    """The error of flow and of landmarks at each region as a quadratic function of where the face looks.

    Two things leave motion that is none where the head turns: the rigid fit, since the depth of the landmarks is a
    guess, and the landmarks, since they slide on a turned face. Both are smooth in the turn, and differ from face to
    face; not linear, since the side that turns away errs otherwise than the side that comes near. So both are learnt
    while the head turns, by recursive ridge regression on x, y, x x, x y and y y of the face's axis:

    * flow: what the rigid fit leaves at a region, on the change of these five since the anchor picture. Expressions
      are in it too, but come with any turn; they are held down by robust weights (Cauchy) and by the usual motion of
      the region.
    * landmarks: their distance from the integrated flow, without its slow part, on the five without theirs. No
      expression is in it, since both see it.

    An axis is (2,): x and y of the face's axis in the picture; a turn is its change, in radians. Causal; the same input
    gives the same numbers. What was learnt outlives a face that is lost for a while; ``restart`` forgets it.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything."""
        self._flow = _Regression(_FLOW_NOISE_IOD, _LEAST_FLOW_NOISE_IOD)
        self._path = _Regression(_PATH_NOISE_IOD, _LEAST_PATH_NOISE_IOD)
        self.lose_face()

    def lose_face(self) -> None:
        """Begin a new path; the functions stay."""
        self._integrated: Array = np.zeros((REGION_COUNT, 2))
        self._first: Array | None = None
        self._slow_distance: Array | None = None
        self._slow: Array = np.zeros(_TERM_COUNT)

    def in_flow(self, axis: Array, turn: Array) -> Array:
        """Motion (12, 2) that a turn since the anchor leaves in the flow, in IOD. axis: the face's at the anchor."""
        return self._flow.at(_terms(axis + turn) - _terms(axis))

    def in_landmarks(self, axis: Array) -> Array:
        """Shift (12, 2) of the landmarks since the first call with this face, in IOD. axis: (2,), x and y."""
        terms = _terms(axis)
        if self._first is None:
            self._first = terms
        change = terms - self._first
        return self._flow.at(change) + self._path.at(change)

    def learn_flow(self, left_iod: Array, axis: Array, turn: Array, since_s: float) -> None:
        """left_iod: (12, 2) what the fit left since the anchor, nothing taken away; axis, since_s: the anchor's."""
        evidence = 1.0 if float(np.hypot(*turn)) >= _LEAST_TURN_RAD else 0.0
        self._flow.learn(left_iod, _terms(axis + turn) - _terms(axis), evidence, since_s)

    def learn_landmarks(self, landmark_iod: Array, step_iod: Array, axis: Array, gap_s: float) -> None:
        """landmark_iod: (12, 2) turned to the front; step_iod: (12, 2) by flow, nothing taken away; gap_s: its time."""
        self._integrated = self._integrated + step_iod
        distance, terms = landmark_iod - self._integrated, _terms(axis)
        if self._slow_distance is None:
            self._slow_distance, self._slow = distance, terms
        share = -math.expm1(-gap_s / _SLOW_S)
        self._slow_distance = self._slow_distance + share * (distance - self._slow_distance)
        self._slow = self._slow + share * (terms - self._slow)
        self._path.learn(distance - self._slow_distance, terms - self._slow, gap_s / _EVIDENCE_S, gap_s)


def _terms(axis: Array) -> Array:
    x, y = axis
    return np.array([x, y, x * x, x * y, y * y])


class _Regression:
    """Ridge regression of a motion (12, 2) on terms (5,), region by region, with a memory."""

    def __init__(self, noise_iod: float, least_noise_iod: float) -> None:
        self._least_variance = least_noise_iod**2
        self._variance: Array = np.full(REGION_COUNT, noise_iod**2)
        self._information: Array = np.zeros((REGION_COUNT, _TERM_COUNT, _TERM_COUNT))
        self._product: Array = np.zeros((REGION_COUNT, 2, _TERM_COUNT))
        self._coefficients: Array = np.zeros((REGION_COUNT, 2, _TERM_COUNT))

    def at(self, terms: Array) -> Array:
        return np.asarray(self._coefficients @ terms, np.float64)

    def learn(self, motion_iod: Array, terms: Array, evidence: float, gap_s: float) -> None:
        """evidence: how many independent observations this one is worth. gap_s: time since the last one."""
        error = motion_iod - self.at(terms)
        size = np.einsum("ri,ri->r", error, error)
        limit = 9.0 * self._variance
        weight = 1.0 / (1.0 + size / limit)
        share = -math.expm1(-gap_s / _NOISE_MEMORY_S)
        variance = self._variance + share * (np.minimum(size, limit) - self._variance)
        self._variance = np.maximum(variance, self._least_variance)
        gain = (evidence * weight / self._variance)[:, None, None]
        fade = math.exp(-gap_s / _MEMORY_S)
        self._information = fade * self._information + gain * np.outer(terms, terms)
        self._product = fade * self._product + gain * motion_iod[:, :, None] * terms
        # the information matrix is symmetric: coefficients (prior + information) = product
        self._coefficients = self._product @ np.linalg.inv(self._information + _PRIOR)
