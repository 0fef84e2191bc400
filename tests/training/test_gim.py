"""Pseudo-labels, equation by equation (method.md 1.5), on examples small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.types import ExpressionType
from training import gim
from training.datasets import Point
from training.gim import ClassRule, GimRules

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO
RULES = GimRules(
    macro=ClassRule(hard=5, window=32, widest=36, positive=8, ignored=15),
    micro=ClassRule(hard=3, window=16, widest=16, positive=4, ignored=8),
)


def test_hard_labels_are_one_within_the_half_width() -> None:
    labels = gim.hard_labels([Point(50, MACRO), Point(80, MICRO)], 120, RULES)
    assert labels.shape == (120, 2) and labels.dtype == np.float32
    assert np.flatnonzero(labels[:, 0]).tolist() == list(range(45, 56))
    assert np.flatnonzero(labels[:, 1]).tolist() == list(range(77, 84))
    assert set(np.unique(labels)) == {0.0, 1.0}


def test_labels_are_cut_off_at_the_ends_of_a_recording() -> None:
    labels = gim.hard_labels([Point(0, MACRO), Point(119, MICRO)], 120, RULES)
    assert np.flatnonzero(labels[:, 0]).tolist() == list(range(6))
    assert np.flatnonzero(labels[:, 1]).tolist() == list(range(116, 120))


def test_the_gaussian_over_time() -> None:
    """sigma = k/8 (4 and 2 frames), as wide as k/4 on either side; the larger value where two meet."""
    labels = gim.point_gaussian([Point(50, MACRO), Point(90, MICRO)], 120, RULES)
    assert labels[50, 0] == 1.0 and labels[90, 1] == 1.0
    assert labels[54, 0] == pytest.approx(np.exp(-0.5)) == pytest.approx(labels[46, 0])
    assert labels[92, 1] == pytest.approx(np.exp(-0.5))
    assert np.flatnonzero(labels[:, 0]).tolist() == list(range(42, 59))
    assert np.flatnonzero(labels[:, 1]).tolist() == list(range(86, 95))
    close = gim.point_gaussian([Point(50, MACRO), Point(56, MACRO)], 120, RULES)
    assert close[53, 0] == pytest.approx(np.exp(-0.5 * (3 / 4) ** 2)) and close[56, 0] == 1.0


def test_the_pseudo_apex_is_the_highest_intensity_near_the_point() -> None:
    intensity = np.zeros(120, np.float32)
    intensity[[42, 59, 55]] = 0.7, 0.99, 0.6
    intensity[[85, 86, 94]] = 0.9, 0.5, 0.5
    apexes = gim.pseudo_apexes([Point(90, MICRO), Point(50, MACRO)], intensity, RULES)
    assert apexes.tolist() == [86, 42], (
        "within 8 (macro) or 4 (micro) frames; the earliest of equals; in the given order"
    )


def test_without_any_rise_and_at_the_ends_the_pseudo_apex_stays_inside() -> None:
    apexes = gim.pseudo_apexes([Point(0, MACRO), Point(29, MICRO)], np.zeros(30, np.float32), RULES)
    assert all(0 <= a < 30 for a in apexes)
    assert gim.pseudo_apexes([], np.zeros(30, np.float32), RULES).tolist() == []


def adaptive(
    kind: ExpressionType, apex: int, intensity: np.ndarray, embedding: np.ndarray, reliable: float = 0.5
) -> np.ndarray:
    point = Point(apex, kind)
    soft = gim.adaptive_labels([point], np.array([apex]), intensity, embedding, RULES, reliable)
    other = 1 - list(ExpressionType).index(kind)
    assert not soft[:, other].any(), "classes are separate"
    return soft[:, 1 - other]


def test_the_gaussian_over_feature_distance_by_hand() -> None:
    """Micro, n = 3 reliable frames: round(3.6) = 4 < k/2 = 8, so h = 4; g walks away by 1 a frame.

    Squared distances 0 1 4 9 16 on either side: sigma^2 = 2 (1 + 4 + 9 + 16) / 9.
    """
    intensity = np.zeros(60, np.float32)
    intensity[29:32] = 0.9
    embedding = np.stack([np.arange(60.0), np.zeros(60)], axis=1).astype(np.float32)
    soft = adaptive(MICRO, 30, intensity, embedding)
    variance = 60.0 / 9.0
    expected = np.exp(-(np.arange(-4, 5) ** 2) / (2 * variance))
    np.testing.assert_allclose(soft[26:35], expected, rtol=1e-5)
    assert not soft[:26].any() and not soft[35:].any()


@pytest.mark.parametrize(
    ("kind", "reliable_frames", "half"),
    [(MACRO, 1, 8), (MACRO, 21, 12), (MACRO, 25, 15), (MACRO, 33, 18), (MICRO, 1, 4), (MICRO, 9, 5), (MICRO, 17, 8)],
)
def test_the_pseudo_duration_follows_the_reliable_frames(kind: ExpressionType, reliable_frames: int, half: int) -> None:
    """h = floor(clip(round(1.2 n), k/2, kmax) / 2)."""
    intensity = np.full(120, 0.1, np.float32)
    intensity[60 - reliable_frames // 2 : 60 + reliable_frames // 2 + 1] = 0.9
    soft = adaptive(kind, 60, intensity, np.zeros((120, 3), np.float32))
    assert np.flatnonzero(soft).tolist() == list(range(60 - half, 60 + half + 1))
    np.testing.assert_allclose(soft[soft > 0], 1.0), "where nothing differs everything is like the apex"


def test_a_faint_instance_counts_what_reaches_six_tenths_of_its_apex() -> None:
    intensity = np.zeros(120, np.float32)
    intensity[60] = 0.3
    intensity[50:60] = intensity[61:71] = 0.19
    wide = adaptive(MACRO, 60, intensity, np.zeros((120, 2), np.float32), reliable=0.8)
    assert np.flatnonzero(wide).tolist() == list(range(48, 73)), "21 frames above 0.18: h = floor(25 / 2)"
    intensity[50:60] = intensity[61:71] = 0.17
    narrow = adaptive(MACRO, 60, intensity, np.zeros((120, 2), np.float32), reliable=0.8)
    assert len(np.flatnonzero(narrow)) == 17, "one frame: the least, h = 8"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 79), st.sampled_from([MACRO, MICRO]))
def test_soft_labels_lie_between_0_and_1_with_1_at_the_apex(seed: int, apex: int, kind: ExpressionType) -> None:
    rng = np.random.default_rng(seed)
    soft = adaptive(kind, apex, rng.random(80).astype(np.float32), rng.normal(size=(80, 5)).astype(np.float32))
    assert soft.min() >= 0.0 and soft.max() == soft[apex] == 1.0
    assert np.isfinite(soft).all()


@pytest.mark.parametrize("way", [-1, 1])
@pytest.mark.parametrize("kind", [MACRO, MICRO])
def test_adaptive_labels_depend_on_nothing_beyond_their_reach(way: int, kind: ExpressionType) -> None:
    """However far from the point the apex lies and however long the expression."""
    points, time = [Point(100, kind)], np.arange(200) - 100
    rising, features = 0.8 + 0.001 * way * time, np.random.default_rng(0).normal(size=(200, 3))
    results = []
    for far in (0.0, 0.99):
        near = np.abs(time) <= RULES.reach_frames
        intensity, embedding = np.where(near, rising, far), np.where(near[:, None], features, 9 * far)
        apexes = gim.pseudo_apexes(points, intensity, RULES)
        results.append(gim.adaptive_labels(points, apexes, intensity, embedding, RULES, reliable=0.5))
    np.testing.assert_array_equal(*results)
    if kind is MACRO:
        assert results[0][100 + way * RULES.reach_frames, 0] > 0, "and the furthest frame has a label"


def test_frames_unlike_the_apex_get_low_labels_even_next_to_it() -> None:
    """Not over time: a frame beside the apex that looks different has a lower label than a far one that looks alike."""
    embedding = np.zeros((60, 2), np.float32)
    embedding[31] = 5.0
    soft = adaptive(MICRO, 30, np.zeros(60, np.float32), embedding)
    assert soft[31] < 0.1 < 0.99 < soft[34]


def test_of_two_instances_each_frame_has_the_larger_label() -> None:
    embedding = np.arange(60, dtype=np.float32)[:, None]
    points, apexes = [Point(28, MICRO), Point(32, MICRO)], np.array([28, 32])
    intensity = np.zeros(60, np.float32)
    both = gim.adaptive_labels(points, apexes, intensity, embedding, RULES, 0.5)[:, 1]
    singles = [
        gim.adaptive_labels([p], np.array([a]), intensity, embedding, RULES, 0.5)[:, 1]
        for p, a in zip(points, apexes, strict=True)
    ]
    np.testing.assert_array_equal(both, np.maximum(*singles))


def test_apex_labels_have_positives_an_ignored_rim_and_negatives() -> None:
    labels = gim.apex_labels([Point(50, MACRO), Point(90, MICRO)], [52, 90], 120, RULES)
    assert np.flatnonzero(labels[:, 0] == 1).tolist() == list(range(44, 61))
    assert np.flatnonzero(labels[:, 0] == -1).tolist() == [*range(37, 44), *range(61, 68)]
    assert np.flatnonzero(labels[:, 1] == 1).tolist() == list(range(86, 95))
    assert np.flatnonzero(labels[:, 1] == -1).tolist() == [*range(82, 86), *range(95, 99)]
    assert set(np.unique(labels)) == {-1.0, 0.0, 1.0}


def test_a_positive_wins_over_a_neighbours_rim() -> None:
    labels = gim.apex_labels([Point(50, MACRO), Point(62, MACRO)], [50, 62], 120, RULES)
    assert (labels[42:71, 0] == 1).all()


def test_neutral_frames_have_no_label_of_either_class_and_lie_off_the_points() -> None:
    points = [Point(50, MACRO), Point(90, MICRO)]
    soft = gim.hard_labels(points, 120, RULES)
    soft[10, 1] = 0.01
    neutral = gim.neutral_frames(points, soft, RULES)
    assert np.flatnonzero(~neutral).tolist() == [10, *range(35, 66), *range(82, 99)]


def test_a_recording_without_points_is_neutral_throughout() -> None:
    soft = gim.hard_labels([], 40, RULES)
    assert not soft.any() and not gim.point_gaussian([], 40, RULES).any()
    assert not gim.apex_labels([], [], 40, RULES).any()
    assert gim.neutral_frames([], soft, RULES).all()
    empty = gim.adaptive_labels([], np.empty(0, np.int64), np.zeros(40), np.zeros((40, 2)), RULES, 0.5)
    assert empty.shape == (40, 2) and not empty.any()
