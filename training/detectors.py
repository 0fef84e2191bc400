"""Ways from scores, or from motion alone, to detections with scores; thresholds are for ``training.protocols``.

Every detector is permissive: it gives all that it finds, down to a score of ``LEAST``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from models.decode import CLASSES, DecodeSettings, Found, class_scores, decode, decode_island, islands, suppress
from models.islands import moves
from models.types import ExpressionType, FloatArray
from training.datasets import Recording
from training.relabel import turning_strength

LEAST = 0.02
FIXED = {ExpressionType.MACRO: (15, 21), ExpressionType.MICRO: (5, 7)}
"""Frames before and after the apex of the fixed windows."""
MICRO_LONGEST = 15
"""Frames (half a second): longer is a macro-expression."""

Detections = dict[str, list[Found]]
"""By the recording's name."""
Detector = Callable[[FloatArray, FloatArray], list[Found]]
"""intensity (T,), apex scores (T, 2) -> detections."""


def permissive(settings: DecodeSettings | None = None) -> DecodeSettings:
    """The decoding with every threshold at ``LEAST``."""
    settings = settings or DecodeSettings()
    # which type a movement has is for those to settle that reach their thresholds
    return replace(
        settings,
        macro=replace(settings.macro, threshold=LEAST),
        micro=replace(settings.micro, threshold=LEAST),
        one_type=False,
    )


def decoded(intensity: FloatArray, apex: FloatArray) -> list[Found]:
    """The decoding of the application."""
    return decode(intensity, apex, permissive())


def by_length(intensity: FloatArray, apex: FloatArray) -> list[Found]:
    """Intensity alone scores; its run above half its height tells a micro-expression by its length."""
    settings = permissive()
    scores = class_scores(intensity, np.stack([intensity, intensity], axis=1), settings)
    pieces = islands(intensity, settings.island)
    found = [f for island in pieces for f in decode_island(intensity, scores, island, settings)]
    micro = CLASSES.index("micro")
    return [f for f in found if (run_frames(intensity, f.apex) <= MICRO_LONGEST) == (f.class_index == micro)]


def run_frames(intensity: FloatArray, apex: int) -> int:
    """Frames round the apex whose intensity stays above half of the apex's."""
    low = np.flatnonzero(intensity <= 0.5 * intensity[apex])
    at = int(np.searchsorted(low, apex))
    first = int(low[at - 1]) + 1 if at > 0 else 0
    last = int(low[at]) - 1 if at < len(low) else len(intensity) - 1
    return last - first + 1


def fixed(intensity: FloatArray, apex: FloatArray) -> list[Found]:
    """Baseline: a window of the usual length at each apex that the network predicts."""
    return windows(class_scores(intensity, apex, DecodeSettings()))


def pick(recording: Recording) -> list[Found]:
    """Baseline without training: windows at the strongest turning points of the displacement."""
    macro = np.sum([turning_strength(recording.position_iod, k) for k in (8, 12, 18)], axis=0)
    micro = np.sum([turning_strength(recording.position_iod, k) for k in (5, 8)], axis=0)
    return windows([macro.astype(np.float32), micro.astype(np.float32)])


def windows(scores: Sequence[FloatArray]) -> list[Found]:
    """A window of fixed length at every local maximum, overlaps suppressed. scores: (T,) of each class."""
    found: list[Found] = []
    for c, score in enumerate(scores):
        before, after = FIXED[ExpressionType(CLASSES[c])]
        rising = np.concatenate([[True], score[1:] > score[:-1]])
        falling = np.concatenate([score[:-1] >= score[1:], [True]])
        peaks = np.flatnonzero(rising & falling & (score > LEAST))
        last = len(score) - 1
        every = [Found(c, max(t - before, 0), t, min(t + after, last), float(score[t])) for t in peaks.tolist()]
        found += suppress(every, DecodeSettings().nms_iou)
    return found


def trusted(found: Sequence[Found], recording: Recording) -> list[Found]:
    """Those that the application would report: no motion within the noise, no turn of the head."""
    settings = DecodeSettings()
    return [f for f in found if moves(f, lambda first, end: recording.position_iod[first:end], settings)]
