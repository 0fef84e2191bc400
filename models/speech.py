"""Whether a face is talking, from how its lips move.

Coders of facial action hold movements of the lower face in speech to a higher standard than the same movements of a
silent face: lips that form words part, narrow and widen all the time, and rest elsewhere between the words. So does the
decoding here, which needs to know when somebody talks. Speech opens and closes the mouth at 2 to 7 Hz (Chandrasekaran
et al., PLoS Computational Biology 5(7), 2009), for longer than an expression lasts; talk goes on through its pauses, so
it is sought in the last twenty seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.types import REGION_NAMES, FloatArray

SPEAKING_IOD = 0.0015
"""Usual distance of the opening of the lips from its own mean from which on a face counts as talking. On the
calibration videos it lies above 999 of 1000 moments of silent faces and below 95 of 100 of those that talk."""

BEFORE_FRAMES, AFTER_FRAMES = 600, 40
"""Grid frames before and after an apex in which speech is sought: so many that neither a movement nor a pause is the
larger part. After it there are fewer, since the decoding must wait for them."""

_SHORT, _LONG = 3, 13
"""Grid frames of the two moving means between which the opening of speaking lips goes back and forth (30 Hz)."""

MARGIN_FRAMES = _LONG // 2
"""Frames beyond either end that the moving means of the others need."""

_UPPER, _LOWER = REGION_NAMES.index("upper lip"), REGION_NAMES.index("lower lip")


def lip_motion_iod(position_iod: FloatArray) -> float:
    """Median over the frames of how far the opening of the lips is from its mean over the frames about it.

    position_iod: (T, 12, 2), T > 0, of frames in a row. A single movement, however large, does not raise a median.
    """
    opening = (position_iod[:, _LOWER, 1] - position_iod[:, _UPPER, 1]).astype(np.float64)
    return float(np.median(np.abs(_moving_mean(opening, _SHORT) - _moving_mean(opening, _LONG))))


def _moving_mean(values: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    padded = np.pad(values, frames // 2, mode="edge")
    return np.convolve(padded, np.full(frames, 1.0 / frames), mode="valid")
