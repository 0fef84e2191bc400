"""Matching of spotted with coded intervals, against counts worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.types import ExpressionType
from training.matching import (
    Counts,
    Match,
    SpottedSpan,
    evaluate_video,
    evaluate_videos,
    interval_iou,
    match_intervals,
)

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO

spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=7
)


def test_iou_counts_both_end_frames() -> None:
    # frames 0-9 and 5-14: five common, fifteen in all
    assert interval_iou([(0, 9)], [(5, 14)])[0, 0] == pytest.approx(5 / 15)
    # one common frame
    assert interval_iou([(0, 9)], [(9, 18)])[0, 0] == pytest.approx(1 / 19)
    assert interval_iou([(0, 9)], [(10, 18)])[0, 0] == 0.0
    assert interval_iou([(4, 4)], [(4, 4)])[0, 0] == 1.0


def test_iou_of_times_without_width_at_the_ends() -> None:
    assert interval_iou([(0.0, 1.0)], [(0.5, 1.5)], step=0.0)[0, 0] == pytest.approx(1 / 3)
    assert interval_iou([(1.0, 1.0)], [(1.0, 1.0)], step=0.0)[0, 0] == 0.0


@given(spans, spans)
def test_iou_equals_the_iou_of_frame_sets(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    matrix = interval_iou(first, second)
    assert matrix.shape == (len(first), len(second))
    for (i, a), (j, b) in itertools.product(enumerate(first), enumerate(second)):
        set_a, set_b = set(range(a[0], a[1] + 1)), set(range(b[0], b[1] + 1))
        assert matrix[i, j] == pytest.approx(len(set_a & set_b) / len(set_a | set_b))


def test_exactly_half_is_a_hit() -> None:
    assert match_intervals([(0, 9)], [(0, 19)]) == (Match(0, 0, 0.5),)
    assert match_intervals([(0, 8)], [(0, 19)]) == ()


def test_each_interval_is_used_once() -> None:
    # two predictions on one expression: one hit, one false alarm
    counts = evaluate_video(
        [SpottedSpan(MACRO, 0, 30, 0.4), SpottedSpan(MACRO, 1, 31, 0.9)], [SpottedSpan(MACRO, 0, 30)]
    )
    assert counts.by_type[MACRO] == Counts(1, 1, 0)
    # one prediction over two expressions: one hit at most
    counts = evaluate_video([SpottedSpan(MACRO, 0, 30)], [SpottedSpan(MACRO, 0, 15), SpottedSpan(MACRO, 16, 30)])
    assert counts.by_type[MACRO] == Counts(1, 0, 1)


def test_the_better_score_chooses_first() -> None:
    predicted, true = [(0, 19), (0, 9)], [(0, 17), (0, 25)]
    # by score the second prediction takes the first expression, the first one the second
    assert [(m.predicted, m.true) for m in match_intervals(predicted, true, [0.1, 0.9])] == [(0, 1), (1, 0)]
    # by IoU the first prediction and the first expression fit best, and nothing is left for the other
    assert [(m.predicted, m.true) for m in match_intervals(predicted, true)] == [(0, 0)]


def test_classes_do_not_match_one_another() -> None:
    counts = evaluate_video([SpottedSpan(MICRO, 0, 10)], [SpottedSpan(MACRO, 0, 10)])
    assert counts.by_type[MICRO] == Counts(0, 1, 0)
    assert counts.by_type[MACRO] == Counts(0, 0, 1)
    assert counts.overall == Counts(0, 1, 1)


def test_figures_are_pooled_over_videos_and_not_averaged() -> None:
    good = ([SpottedSpan(MACRO, 0, 30)], [SpottedSpan(MACRO, 0, 30)])
    bad = ([SpottedSpan(MACRO, 100 * k, 100 * k + 9) for k in range(1, 4)], [SpottedSpan(MICRO, 0, 9)])
    result = evaluate_videos([good, bad])
    assert result.overall == Counts(1, 3, 1)
    assert result.overall.precision == pytest.approx(1 / 4)
    assert result.overall.recall == pytest.approx(1 / 2)
    assert result.overall.f1 == pytest.approx(2 * 1 / (4 + 2))


def test_nothing_predicted_and_nothing_to_find() -> None:
    empty = evaluate_videos([([], [])]).overall
    assert (empty.precision, empty.recall, empty.f1) == (0.0, 0.0, 0.0)
    assert evaluate_videos([([], [SpottedSpan(MACRO, 0, 3)])]).overall == Counts(0, 0, 1)


@given(spans, spans, st.booleans(), st.sampled_from([0.2, 0.5, 0.8]))
def test_matching_is_one_to_one_and_leaves_no_free_pair(
    predicted: list[tuple[int, int]], true: list[tuple[int, int]], with_scores: bool, min_iou: float
) -> None:
    scores = np.linspace(1, 0, len(predicted)) if with_scores else None
    matches = match_intervals(predicted, true, scores, min_iou=min_iou)
    rows, columns = {m.predicted for m in matches}, {m.true for m in matches}
    assert len(rows) == len(columns) == len(matches)
    iou = interval_iou(predicted, true)
    for m in matches:
        assert m.iou == iou[m.predicted, m.true] >= min_iou
    for i, j in itertools.product(range(len(predicted)), range(len(true))):
        assert i in rows or j in columns or iou[i, j] < min_iou


@pytest.mark.parametrize("bad", [[(5, 3)], [(1, 2, 3)], [1, 2]])
def test_broken_intervals_are_refused(bad: list[object]) -> None:
    with pytest.raises(ValueError, match=r"interval|shape"):
        interval_iou(bad, [(0, 1)])


def test_scores_must_fit_the_predictions() -> None:
    with pytest.raises(ValueError, match="scores"):
        match_intervals([(0, 1)], [(0, 1)], [0.1, 0.2])
