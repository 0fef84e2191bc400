"""Gaussian instance-adaptive intensity modelling: soft labels from points (method.md 1.5).

Every function works on all instances of a recording at once; no loop over frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.types import ExpressionType, FloatArray
from training.datasets import Point

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassRule:
    """Frames (30 Hz) of one class.

    hard: half-width of the hard labels. window: k of the paper, the span searched. widest: largest pseudo-duration.
    positive, ignored: half-widths, round the pseudo-apex, of the apex branch's positives and of the frames that count
    neither way.
    """

    hard: int
    window: int
    widest: int
    positive: int
    ignored: int


@dataclass(frozen=True, slots=True)
class GimRules:
    macro: ClassRule = ClassRule(hard=5, window=32, widest=36, positive=8, ignored=15)
    micro: ClassRule = ClassRule(hard=3, window=16, widest=16, positive=4, ignored=8)

    def of(self, kind: ExpressionType) -> ClassRule:
        return self.macro if kind is ExpressionType.MACRO else self.micro

    @property
    def reach_frames(self) -> int:
        """Adaptive labels depend on frames no further than this from a point."""
        return max(rule.window // 4 + max(rule.window, rule.widest) // 2 for rule in (self.macro, self.micro))


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What one recording teaches.

    soft: (T, 2) intensity labels of macro and micro, 0..1. apex: (T, 2) apex labels: 1, 0, or -1 where ignored.
    neutral: (T,) frames that may serve as neutral.
    """

    soft: FloatArray
    apex: FloatArray
    neutral: NDArray[np.bool_]


def hard_labels(points: Sequence[Point], frames: int, rules: GimRules) -> FloatArray:
    """Stage 1: 1 within the class's half-width of each point. (T, 2)."""
    return _paint(points, [p.frame for p in points], frames, lambda kind: rules.of(kind).hard, None)


def point_gaussian(points: Sequence[Point], frames: int, rules: GimRules) -> FloatArray:
    """Stage 2: a Gaussian over time centred at each point, two standard deviations wide. (T, 2)."""

    def bell(kind: ExpressionType, offset: IntArray) -> NDArray[np.float64]:
        sigma = rules.of(kind).window / 8.0
        return np.asarray(np.exp(-0.5 * (offset / sigma) ** 2))

    return _paint(points, [p.frame for p in points], frames, lambda kind: rules.of(kind).window // 4, bell)


def pseudo_apexes(points: Sequence[Point], intensity: FloatArray, rules: GimRules) -> IntArray:
    """Frame of highest intensity within a quarter window of each point (earliest of equals)."""
    result = np.empty(len(points), np.int64)
    for kind in ExpressionType:
        chosen = [i for i, p in enumerate(points) if p.type is kind]
        if not chosen:
            continue
        reach = rules.of(kind).window // 4
        centre = np.array([points[i].frame for i in chosen])
        around = np.clip(centre[:, None] + np.arange(-reach, reach + 1), 0, len(intensity) - 1)
        result[chosen] = around[np.arange(len(chosen)), np.argmax(intensity[around], axis=1)]
    return result


def adaptive_labels(
    points: Sequence[Point],
    apexes: IntArray,
    intensity: FloatArray,
    embedding: FloatArray,
    rules: GimRules,
    reliable: float,
) -> FloatArray:
    """Stage 3: a Gaussian over the FEATURE distance to the pseudo-apex, as wide as the frames that resemble it.

    reliable: intensity above which a frame counts towards the duration; for an instance whose apex is faint it is at
    most 0.6 of the apex's own intensity, so that its duration is estimated rather than set to the least.
    embedding: g_t, (T, C). Returns (T, 2).
    """
    frames = len(intensity)
    soft = np.zeros((frames, 2), np.float32)
    for column, kind in enumerate(ExpressionType):
        chosen = [i for i, p in enumerate(points) if p.type is kind]
        if not chosen:
            continue
        rule = rules.of(kind)
        apex = apexes[chosen]
        span = np.arange(-(rule.window // 2), rule.window // 2 + 1)
        around = apex[:, None] + span
        inside = (around >= 0) & (around < frames)
        values = np.where(inside, intensity[np.clip(around, 0, frames - 1)], 0.0)
        level = np.minimum(reliable, 0.6 * intensity[apex])[:, None]
        count = (values > level).sum(1)
        half = np.clip(np.round(1.2 * count), rule.window // 2, rule.widest).astype(np.int64) // 2
        reach = np.arange(-(rule.widest // 2), rule.widest // 2 + 1)
        frame = apex[:, None] + reach
        member = (np.abs(reach)[None] <= half[:, None]) & (frame >= 0) & (frame < frames)
        at = np.clip(frame, 0, frames - 1)
        distance = ((embedding[at] - embedding[apex][:, None]) ** 2).sum(-1)
        variance = (distance * member).sum(1) / np.maximum(member.sum(1), 1)
        value = np.exp(-distance / (2.0 * variance[:, None] + 1e-6)) * member
        np.maximum.at(soft[:, column], at[member], value[member].astype(np.float32))
    return soft


def apex_labels(points: Sequence[Point], apexes: Sequence[int] | IntArray, frames: int, rules: GimRules) -> FloatArray:
    """Labels of the apex branch round the given apexes: 1, -1 (ignored) or 0. (T, 2)."""
    near = _paint(points, apexes, frames, lambda kind: rules.of(kind).positive, None)
    wide = _paint(points, apexes, frames, lambda kind: rules.of(kind).ignored, None)
    return np.where(near > 0, 1.0, np.where(wide > 0, -1.0, 0.0)).astype(np.float32)


def neutral_frames(points: Sequence[Point], soft: FloatArray, rules: GimRules) -> NDArray[np.bool_]:
    """Frames that may serve as neutral: no soft label, and outside the ignored zone of every point."""
    zone = _paint(points, [p.frame for p in points], len(soft), lambda kind: rules.of(kind).ignored, None)
    return np.asarray((soft.max(1) <= 0) & (zone.max(1) <= 0))


def _paint(
    points: Sequence[Point],
    centres: Sequence[int] | IntArray,
    frames: int,
    half_width: Callable[[ExpressionType], int],
    bell: Callable[[ExpressionType, IntArray], NDArray[np.float64]] | None,
) -> FloatArray:
    """(T, 2): round each centre, within the class's half-width, 1 or the class's bell; the larger where two meet."""
    out = np.zeros((frames, 2), np.float32)
    for column, kind in enumerate(ExpressionType):
        middle = np.array([c for c, p in zip(centres, points, strict=True) if p.type is kind], np.int64)
        if not len(middle):
            continue
        offset = np.arange(-half_width(kind), half_width(kind) + 1)
        frame = middle[:, None] + offset
        value = np.ones(offset.shape) if bell is None else bell(kind, offset)
        value = np.broadcast_to(value, frame.shape)
        inside = (frame >= 0) & (frame < frames)
        np.maximum.at(out[:, column], frame[inside], value[inside].astype(np.float32))
    return out
