"""Matching spotted intervals with coded ones, and the figures that follow from it (the rule of the MEGC challenges).

A prediction is a hit if its IoU with a not yet matched true interval of the same class is at least 0.5. Hits, false
alarms and misses are pooled over all videos before precision, recall and F1 are taken. Intervals include both of
their ends: frames 3 to 5 are three frames long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.types import ExpressionType

MEGC_MIN_IOU = 0.5

FRAME_STEP = 1.0
"""Length that the last frame of an interval adds to the distance between its ends; for intervals in seconds, the time
between two frames (or 0 where the ends are points in time)."""


def interval_iou(first: ArrayLike, second: ArrayLike, *, step: float = FRAME_STEP) -> NDArray[np.float64]:
    """Intersection over union of each interval with each other one.

    first: (N, 2), second: (M, 2), onset and offset, both inclusive. Returns (N, M).

    Raises:
        ValueError: an offset lies before its onset, or a shape is wrong.
    """
    a, b = _intervals(first), _intervals(second)
    begin = np.maximum(a[:, None, 0], b[None, :, 0])
    end = np.minimum(a[:, None, 1], b[None, :, 1])
    common = np.maximum(end - begin + step, 0.0)
    length_a, length_b = a[:, 1] - a[:, 0] + step, b[:, 1] - b[:, 0] + step
    union = length_a[:, None] + length_b[None, :] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


@dataclass(frozen=True, slots=True)
class Match:
    """One prediction paired with one true interval, by their places in the lists that were matched."""

    predicted: int
    true: int
    iou: float


def match_intervals(
    predicted: ArrayLike,
    true: ArrayLike,
    scores: ArrayLike | None = None,
    *,
    min_iou: float = MEGC_MIN_IOU,
    step: float = FRAME_STEP,
) -> tuple[Match, ...]:
    """Pair predictions with true intervals, each at most once.

    predicted: (N, 2), true: (M, 2), onset and offset inclusive. With ``scores`` (N,) the predictions choose in order of
    falling score, and each takes the free true interval with the highest IoU. Without scores the pair with the
    highest IoU of all is taken first. Ties go to the earlier place in the list. The result is sorted by prediction.

    Raises:
        ValueError: see ``interval_iou``; ``scores`` of another length; ``min_iou`` not above 0.
    """
    if not min_iou > 0:
        raise ValueError("min_iou must be above 0")
    iou = interval_iou(predicted, true, step=step)
    rows, columns = np.nonzero(iou >= min_iou)
    candidates = iou[rows, columns]
    if scores is None:
        order = np.lexsort((columns, rows, -candidates))
    else:
        score = np.asarray(scores, np.float64)
        if score.shape != (len(iou),):
            raise ValueError(f"{len(iou)} predictions but scores of shape {score.shape}")
        order = np.lexsort((columns, -candidates, rows, -score[rows]))
    matches: list[Match] = []
    used_rows: set[int] = set()
    used_columns: set[int] = set()
    for k in order:
        row, column = int(rows[k]), int(columns[k])
        if row not in used_rows and column not in used_columns:
            used_rows.add(row)
            used_columns.add(column)
            matches.append(Match(row, column, float(candidates[k])))
    return tuple(sorted(matches, key=lambda match: match.predicted))


@dataclass(frozen=True, slots=True)
class Counts:
    """Pooled counts. Add the counts of videos (or of classes) to pool them."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def predicted(self) -> int:
        return self.true_positives + self.false_positives

    @property
    def true(self) -> int:
        return self.true_positives + self.false_negatives

    @property
    def precision(self) -> float:
        """TP / predicted; 0 where nothing was predicted."""
        return self.true_positives / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """TP / true; 0 where there is nothing to find."""
        return self.true_positives / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """2 TP / (predicted + true); 0 where both are empty."""
        total = self.predicted + self.true
        return 2 * self.true_positives / total if total else 0.0


@dataclass(frozen=True, slots=True)
class SpottedSpan:
    """A prediction or a true interval of one video, both ends inclusive. ``score`` counts for predictions only."""

    type: ExpressionType
    onset: float
    offset: float
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class SpottingResult:
    """Counts for each class, pooled over videos. ``overall`` pools the classes as well."""

    by_type: Mapping[ExpressionType, Counts]

    @property
    def overall(self) -> Counts:
        return sum(self.by_type.values(), Counts())

    def __add__(self, other: SpottingResult) -> SpottingResult:
        return SpottingResult(MappingProxyType({t: self.by_type[t] + other.by_type[t] for t in ExpressionType}))


def evaluate_video(
    predicted: Sequence[SpottedSpan],
    true: Sequence[SpottedSpan],
    *,
    min_iou: float = MEGC_MIN_IOU,
    step: float = FRAME_STEP,
) -> SpottingResult:
    """Counts of one video under the MEGC rule: each class matched by itself, the best scored prediction first."""
    by_type: dict[ExpressionType, Counts] = {}
    for kind in ExpressionType:
        found = [span for span in predicted if span.type == kind]
        truth = [span for span in true if span.type == kind]
        hits = len(
            match_intervals(
                [(span.onset, span.offset) for span in found],
                [(span.onset, span.offset) for span in truth],
                [span.score for span in found],
                min_iou=min_iou,
                step=step,
            )
        )
        by_type[kind] = Counts(hits, len(found) - hits, len(truth) - hits)
    return SpottingResult(MappingProxyType(by_type))


def evaluate_videos(
    videos: Iterable[tuple[Sequence[SpottedSpan], Sequence[SpottedSpan]]],
    *,
    min_iou: float = MEGC_MIN_IOU,
    step: float = FRAME_STEP,
) -> SpottingResult:
    """Pool ``evaluate_video`` over (predicted, true) of each video."""
    pooled = SpottingResult(MappingProxyType({kind: Counts() for kind in ExpressionType}))
    for predicted, true in videos:
        pooled += evaluate_video(predicted, true, min_iou=min_iou, step=step)
    return pooled


def _intervals(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    if array.size == 0:
        return np.empty((0, 2), np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"intervals must have shape (N, 2), not {array.shape}")
    if not np.all(array[:, 1] >= array[:, 0]):
        raise ValueError("the offset of an interval lies before its onset")
    return array
