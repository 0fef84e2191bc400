"""Where a talking face is usually, and whether a movement leads away from there.

An expression leaves the face's usual position and comes back to it. A mouth that has rested elsewhere, narrowed in talk
or still wide after a laugh, and returns for a moment makes the same curve of intensity; but at its apex the face is
nearer to its usual position than at either end. And a talking mouth that is drawn together forms words: coders of
facial action disregard what only serves to speak, and score what the rest of the face does meanwhile (Ekman, Friesen
and Hager, Facial Action Coding System, 2002, chapter 11). What is usual can be said of a face that has been seen for a
while, and of no other.
"""

from __future__ import annotations

import numpy as np

from models.speech import AFTER_FRAMES, BEFORE_FRAMES
from models.types import REGION_NAMES, FloatArray

USUAL_BEFORE_FRAMES, USUAL_AFTER_FRAMES = BEFORE_FRAMES, AFTER_FRAMES
"""Grid frames before and after an apex whose median is the usual position. Talk is sought in the same ones: the
decoding keeps those before and waits for those after. No expression is likely to take up half of twenty seconds."""

LONGEST_LOSS_FRAMES = 150
"""Grid frames for which a face may be lost, behind a hand or by a slow computer, and still be the one that was seen
before. After five seconds another may sit there."""

_FARTHEST = 3
"""Regions that count: a movement has few, and the noise of the others would be added."""

_LEFT, _RIGHT = REGION_NAMES.index("mouth corner left"), REGION_NAMES.index("mouth corner right")


def away_iod(position_iod: FloatArray, usual_iod: FloatArray) -> float:
    """How far a face is from its usual position: the mean of the three regions that are farthest.

    Both are (12, 2).
    """
    distance = np.linalg.norm(position_iod - usual_iod, axis=1)
    return float(np.sort(distance)[-_FARTHEST:].mean())


def narrowed_iod(position_iod: FloatArray, usual_iod: FloatArray) -> float:
    """How much nearer the corners of the mouth are to each other than usual; negative where they are farther apart.

    Both are (12, 2).
    """
    moved = (position_iod - usual_iod)[:, 0]
    return float(moved[_LEFT] - moved[_RIGHT])
