"""Protocols of evaluation: who may say what about the people that are tested (DESIGN.md 6).

* honest: the last step of training, and thresholds from the other subjects alone.
* published: as the published tables do, the epoch that is best ON each held-out subject. It leaks, and stands here
  only beside published numbers. Its thresholds are the honest ones.

A threshold is chosen for each class, data set and fold, on the detections in the other folds' recordings, which are
held-out detections of their own networks. Those networks did learn from this fold's points (as in ordinary stacking),
so a threshold depends on the tested person through the weights of others, but on nothing that is known of that person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.decode import CLASSES, Found, one_type
from models.types import GRID_HZ, ExpressionType
from training.datasets import Recording
from training.detectors import Detections
from training.held_out import Folds
from training.matching import SpottedSpan, SpottingResult, evaluate_videos, match_intervals

RATE = {ExpressionType.MACRO: 1.1, ExpressionType.MICRO: 1.2}
"""Detections let through for each point. The two numbers come from the experiments on these same data sets, whose
intervals were looked at to find them; ``ThresholdRule.COUNT`` does without them."""

_MOST = 3
"""Thresholds are looked for among those that let through at most so many detections for each true expression."""


class ThresholdRule(StrEnum):
    """How thresholds are chosen on the other subjects.

    rate: as many detections as ``RATE`` times their points. count: as many as points, no number chosen by anybody.
    points: the highest overall F1 where points are the truth: a detection that holds a free point of its class is
    right. intervals: the highest overall F1 by the MEGC rule; needs their intervals, which point supervision has not.
    """

    RATE = "rate"
    COUNT = "count"
    POINTS = "points"
    INTERVALS = "intervals"


Thresholds = Mapping[ExpressionType, float]


def honest(
    found: Detections,
    recordings: Sequence[Recording],
    folds: Folds,
    rule: ThresholdRule = ThresholdRule.RATE,
    single: bool = False,
) -> SpottingResult:
    """Result of the honest protocol; single: see :func:`spans`."""
    return judged_with(found, recordings, folds, fold_thresholds(found, recordings, folds, rule), single)


def judged_with(
    found: Detections,
    recordings: Sequence[Recording],
    folds: Folds,
    thresholds: Sequence[Thresholds],
    single: bool = False,
) -> SpottingResult:
    """Result with given thresholds, one set a fold."""
    return evaluate_videos(spans(found[r.name], r, thresholds[folds.fold(r)], single) for r in recordings)


def published(every: Sequence[Detections], recordings: Sequence[Recording], folds: Folds) -> SpottingResult:
    """For each held-out subject the epoch with its best overall F1. every: detections of each epoch."""
    total = evaluate_videos([])
    by_epoch = [fold_thresholds(found, recordings, folds) for found in every]
    for subject in sorted({r.subject for r in recordings}):
        mine = [r for r in recordings if r.subject == subject]
        results = [
            evaluate_videos(spans(found[r.name], r, thresholds[folds.fold(r)]) for r in mine)
            for found, thresholds in zip(every, by_epoch, strict=True)
        ]
        total += max(results, key=lambda result: result.overall.f1)
    return total


def fold_thresholds(
    found: Detections, recordings: Sequence[Recording], folds: Folds, rule: ThresholdRule = ThresholdRule.RATE
) -> list[Thresholds]:
    """For each fold the thresholds that the other folds' recordings give."""
    if rule in (ThresholdRule.RATE, ThresholdRule.COUNT):
        share = RATE if rule is ThresholdRule.RATE else dict.fromkeys(ExpressionType, 1.0)
        return [by_count(found, others, share) for others in _others(recordings, folds)]
    right = _holds_point if rule is ThresholdRule.POINTS else _overlaps
    judged = {r.name: {kind: _judged(found[r.name], r, kind, right) for kind in ExpressionType} for r in recordings}
    return [_best(judged, others) for others in _others(recordings, folds)]


def spans(
    found: Sequence[Found], recording: Recording, thresholds: Thresholds, single: bool = False
) -> tuple[list[SpottedSpan], list[SpottedSpan]]:
    """Predicted and true spans in the recording's own frames.

    single: give a movement one type, as the application does. Coders of these sets mark micros inside macros.
    """
    scale = recording.fps / GRID_HZ
    kept = [f for f in found if f.score >= thresholds[_kind(f)]]
    predicted = [
        SpottedSpan(_kind(f), round(f.onset * scale), round(f.offset * scale), f.score)
        for f in (one_type(kept) if single else kept)
    ]
    true = [SpottedSpan(i.type, round(i.onset * scale), round(i.offset * scale)) for i in recording.intervals]
    return predicted, true


def _kind(found: Found) -> ExpressionType:
    return ExpressionType(CLASSES[found.class_index])


def _others(recordings: Sequence[Recording], folds: Folds) -> list[list[Recording]]:
    return [[r for r in recordings if folds.fold(r) != fold] for fold in range(folds.count)]


def by_count(
    found: Detections, recordings: Sequence[Recording], share: Mapping[ExpressionType, float]
) -> dict[ExpressionType, float]:
    """Scores at which the detections in the recordings number ``share`` times their points."""
    thresholds = {}
    for kind in ExpressionType:
        scores = sorted((f.score for r in recordings for f in found[r.name] if _kind(f) is kind), reverse=True)
        wanted = int(share[kind] * sum(p.type is kind for r in recordings for p in r.points))
        enough = scores and wanted
        thresholds[kind] = scores[min(wanted, len(scores)) - 1] if enough else float("inf")
    return thresholds


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Detections of one class in one recording: scores (N,), whether each is right (N,), and how many there are."""

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    true: int


_Right = Callable[[Sequence[Found], Recording, ExpressionType], tuple[NDArray[np.bool_], int]]


def _judged(found: Sequence[Found], recording: Recording, kind: ExpressionType, right: _Right) -> _Judged:
    """Which detection is right does not depend on the threshold: the better scored ones choose first."""
    mine = sorted((f for f in found if _kind(f) is kind), key=lambda f: -f.score)
    hits, true = right(mine, recording, kind)
    return _Judged(np.array([f.score for f in mine], np.float64), hits, true)


def _overlaps(found: Sequence[Found], recording: Recording, kind: ExpressionType) -> tuple[NDArray[np.bool_], int]:
    true = [(i.onset, i.offset) for i in recording.intervals if i.type is kind]
    hits = np.zeros(len(found), bool)
    hits[
        [m.predicted for m in match_intervals([(f.onset, f.offset) for f in found], true, [f.score for f in found])]
    ] = 1
    return hits, len(true)


def _holds_point(found: Sequence[Found], recording: Recording, kind: ExpressionType) -> tuple[NDArray[np.bool_], int]:
    """found: best first. Each takes the free point inside it that is nearest to its apex."""
    free = [p.frame for p in recording.points if p.type is kind]
    true, hits = len(free), np.zeros(len(found), bool)
    for i, f in enumerate(found):
        inside = [frame for frame in free if f.onset <= frame <= f.offset]
        if inside:
            free.remove(min(inside, key=lambda frame: abs(frame - f.apex)))
            hits[i] = True
    return hits, true


def _best(
    judged: Mapping[str, Mapping[ExpressionType, _Judged]], recordings: Sequence[Recording]
) -> dict[ExpressionType, float]:
    """Thresholds of the highest overall F1 = 2 TP / (predicted + true), both classes together."""
    scores, hits, true = {}, {}, 0
    for kind in ExpressionType:
        parts = [judged[r.name][kind] for r in recordings]
        every = np.concatenate([p.scores for p in parts]) if parts else np.empty(0)
        order = np.argsort(-every, kind="stable")
        count = sum(p.true for p in parts)
        most = min(len(every), _MOST * count)
        right = np.concatenate([p.right for p in parts]) if parts else np.empty(0, bool)
        scores[kind] = every[order][:most]
        hits[kind] = np.concatenate([[0], np.cumsum(right[order][:most])])
        true += count
    a, b = (hits[kind] for kind in ExpressionType)
    predicted = np.arange(len(a))[:, None] + np.arange(len(b))[None]
    f1 = 2.0 * (a[:, None] + b[None]) / np.maximum(predicted + true, 1)
    kept = np.unravel_index(int(np.argmax(f1)), f1.shape)
    return {
        kind: float(scores[kind][count - 1]) if count else float("inf")
        for kind, count in zip(ExpressionType, kept, strict=True)
    }
