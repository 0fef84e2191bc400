"""Moving point labels to the apex that the motion shows, without learning.

A person's click lies somewhere near the apex. The displacement's own turning point is sharper: within a few frames of
the click, take the frame at which the face has come furthest and goes back the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.types import ExpressionType, FloatArray
from training.datasets import Point

_SCALES = {ExpressionType.MACRO: (8, 12, 18), ExpressionType.MICRO: (5, 8)}
_REACH = {ExpressionType.MACRO: 8, ExpressionType.MICRO: 4}
_FACE = [0, 1, 2, 3, 4, 5, 8, 9, 10, 11]


def turning_strength(position_iod: FloatArray, scale: int) -> NDArray[np.float64]:
    """How much each frame is a turning point at one time scale (frames): (T,), > 0 where the face comes and goes back.

    Mean over the two strongest regions of sign(L.R) sqrt|L.R|, L and R the displacements from ``scale`` frames before
    and to ``scale`` frames after.
    """
    x = _smoothed(position_iod[:, _FACE].astype(np.float64))
    t = np.arange(len(x))
    left = x - x[np.maximum(t - scale, 0)]
    right = x - x[np.minimum(t + scale, len(x) - 1)]
    dot = (left * right).sum(-1)
    return np.asarray(np.sort(np.sign(dot) * np.sqrt(np.abs(dot)), axis=1)[:, -2:].mean(1))


def _smoothed(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian over time with a standard deviation of one frame; the ends are repeated."""
    kernel = np.exp(-0.5 * np.arange(-4.0, 5.0) ** 2)
    kernel /= kernel.sum()
    padded = np.concatenate([x[:1].repeat(4, axis=0), x, x[-1:].repeat(4, axis=0)])
    return np.asarray(sum(weight * padded[i : i + len(x)] for i, weight in enumerate(kernel)))


def relabel(points: Sequence[Point], position_iod: FloatArray) -> tuple[Point, ...]:
    """Each point moved to the strongest turning point near it, far ones less readily."""
    strength = {
        kind: np.sum([turning_strength(position_iod, k) for k in scales], axis=0) for kind, scales in _SCALES.items()
    }
    moved = []
    for point in points:
        reach = _REACH[point.type]
        frames = np.arange(max(point.frame - reach, 0), min(point.frame + reach, len(position_iod) - 1) + 1)
        value = strength[point.type][frames]
        cost = 0.5 * max(float(value.max()), 0.0) * ((frames - point.frame) / (2.0 * reach)) ** 2
        best = frames[value - cost == np.max(value - cost)]
        # of equals the nearest: where nothing moves a point stays
        moved.append(replace(point, frame=int(best[np.argmin(np.abs(best - point.frame))])))
    return tuple(moved)
