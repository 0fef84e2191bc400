"""Points drawn from intervals: the one click an expression that point supervision asks of a person.

Released point labels lie near the apex, with a standard deviation of about a sixth of the duration (method.md 1.7). The
harder draws show how much depends on that.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

import numpy as np

from training.readers.labels import CodedInterval, CodedPoint, RecordingLabels


class PointDraw(StrEnum):
    """Where in its interval a point falls.

    apex: normal about the apex, standard deviation a sixth of the duration, clipped to the interval.
    uniform: anywhere in the interval. edge: in its first or its last tenth.
    """

    APEX = "apex"
    UNIFORM = "uniform"
    EDGE = "edge"


def draw_points(recording: RecordingLabels, draw: PointDraw, seed: int) -> tuple[CodedPoint, ...]:
    """One point for each interval. The same seed gives a recording the same points, whatever else is drawn."""
    digest = hashlib.sha256(f"{recording.data_set}/{recording.name}".encode()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
    return tuple(
        CodedPoint(_frame(interval, draw, rng) / recording.fps, interval.type) for interval in recording.intervals
    )


def _frame(interval: CodedInterval, draw: PointDraw, rng: np.random.Generator) -> int:
    duration = interval.offset - interval.onset + 1
    if draw is PointDraw.UNIFORM:
        return int(rng.integers(interval.onset, interval.offset + 1))
    if draw is PointDraw.EDGE:
        depth = int(rng.integers(0, max(1, round(duration / 10))))
        return interval.onset + depth if rng.random() < 0.5 else interval.offset - depth
    frame = round(rng.normal(interval.apex, duration / 6))
    return min(max(frame, interval.onset), interval.offset)
