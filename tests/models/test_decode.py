"""From scores to intervals, on scores made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.decode import (
    LONGEST_ISLAND,
    ClassDecode,
    DecodeSettings,
    Found,
    class_scores,
    decode,
    decode_island,
    iou,
    islands,
    one_type,
    runs_above,
    smooth,
    suppress,
)

MACRO = ClassDecode(
    threshold=0.4,
    before=10,
    after=20,
    elasticity=0.0,
    narrowest=0.5,
    widest=2.0,
    held=3.0,
    longest=300,
    smooth_frames=0,
    head_share=99.0,
)
MICRO = replace(MACRO, before=4, after=6, held=99.0)
PLAIN = DecodeSettings(macro=MACRO, micro=MICRO, island=0.2, fractions=(0.5,), nms_iou=0.3)


def scores(length: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(length, np.float32), np.zeros((length, 2), np.float32)


def apex_for(score: float, intensity: float = 0.81) -> float:
    """Apex score whose geometric mean with the intensity is ``score``."""
    return score**2 / intensity


def one_event(length: int, apex: int, half: int, class_index: int = 0, score: float = 0.85) -> tuple:
    """A box of intensity round an apex whose score, together with the intensity, is ``score``."""
    intensity, apexes = scores(length)
    intensity[max(apex - half, 0) : apex + half + 1] = 0.81
    apexes[apex, class_index] = apex_for(score)
    return intensity, apexes


# --- parts ---------------------------------------------------------------------------------------------------------


def test_runs_above_are_maximal_inclusive_and_strict() -> None:
    values = np.array([0.3, 0.2, 0.5, 0.5, 0.2, 0.1, 0.9], np.float32)
    assert runs_above(values, 0.2) == [(0, 0), (2, 3), (6, 6)]
    assert runs_above(values, 0.9) == []
    assert runs_above(np.empty(0, np.float32), 0.5) == []


def test_overlap_counts_both_ends() -> None:
    assert iou((10, 19), (10, 19)) == 1.0
    assert iou((0, 9), (9, 18)) == pytest.approx(1 / 19)
    assert iou((0, 9), (10, 19)) == 0.0
    assert iou((0, 9), (0, 4)) == 0.5


def test_smoothing_is_a_triangle_that_keeps_constants() -> None:
    impulse = np.zeros(9, np.float32)
    impulse[4] = 9.0
    np.testing.assert_allclose(smooth(impulse, 2), [0, 0, 1, 2, 3, 2, 1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(smooth(np.full(7, 0.3, np.float32), 3), 0.3, rtol=1e-6)
    assert smooth(impulse, 0) is impulse


def test_suppression_keeps_the_best_and_orders_by_onset() -> None:
    weak, strong = Found(0, 0, 5, 9, 0.5), Found(0, 2, 6, 11, 0.9)
    later = Found(0, 30, 35, 40, 0.4)
    assert suppress([weak, later, strong], 0.3) == [strong, later]
    assert suppress([weak, later, strong], 0.7) == [weak, strong, later]
    assert suppress([], 0.3) == []


# --- whole decoding ------------------------------------------------------------------------------------------------


def test_a_known_macro() -> None:
    intensity, apexes = one_event(200, 100, 12)
    assert decode(intensity, apexes, PLAIN) == [Found(0, 90, 100, 120, pytest.approx(0.85))]


def test_a_known_micro_and_a_macro_on_one_island_do_not_suppress_each_other() -> None:
    intensity, apexes = one_event(200, 100, 12)
    apexes[102, 1] = apex_for(0.7)
    macro = Found(0, 90, 100, 120, pytest.approx(0.85))
    micro = Found(1, 98, 102, 108, pytest.approx(0.7))
    assert decode(intensity, apexes, replace(PLAIN, one_type=False)) == [macro, micro]
    assert decode(intensity, apexes, replace(PLAIN, one_type=True)) == [macro], "one movement, one type: the likelier"


def test_a_micro_beside_a_macros_apex_is_a_movement_of_its_own() -> None:
    intensity, apexes = one_event(200, 100, 12)
    apexes[108, 1] = apex_for(0.7)
    assert [f.class_index for f in decode(intensity, apexes, replace(PLAIN, one_type=True))] == [0, 1]


def test_a_dip_parts_two_expressions() -> None:
    """Held and followed closely: where intensity rises again the first interval ends, at the lowest frame between."""
    t = np.arange(400)
    intensity = np.where((t >= 50) & (t <= 350), 0.9, 0.0).astype(np.float32)
    intensity[195:206] = 0.9 - 0.06 * (5 - np.abs(np.arange(-5, 6)))
    apexes = np.zeros((400, 2), np.float32)
    apexes[[120, 280], 0] = 0.95
    rule = replace(MACRO, held=1.5, longest=300)
    parted = decode(intensity, apexes, replace(PLAIN, macro=rule, valley=0.3))
    assert [f.apex for f in parted] == [120, 280]
    assert parted[0].onset == 50 and parted[1].offset == 350
    assert 195 <= parted[0].offset <= 200 <= parted[1].onset <= 205
    whole = decode(intensity, apexes, replace(PLAIN, macro=rule, valley=0.9))
    assert [(f.onset, f.offset) for f in whole] == [(50, 350)]


def test_no_interval_without_intensity_or_below_the_threshold() -> None:
    intensity, apexes = one_event(200, 100, 12)
    assert decode(np.zeros_like(intensity), apexes, PLAIN) == []
    apexes[100, 0] = apex_for(MACRO.threshold - 0.001)
    assert decode(intensity, apexes, PLAIN) == []
    apexes[100, 0] = apex_for(MACRO.threshold + 0.001)
    assert len(decode(intensity, apexes, PLAIN)) == 1


def test_both_branches_must_agree() -> None:
    """The score is the geometric mean: a certain apex in a faint island is no interval."""
    intensity, apexes = scores(200)
    intensity[90:111] = 0.21
    apexes[100, 0] = 0.7
    assert decode(intensity, apexes, PLAIN) == [], "sqrt(0.7 x 0.21) = 0.38"
    apexes[100, 0] = 0.99
    [found] = decode(intensity, apexes, PLAIN)
    assert found.score == pytest.approx((0.99 * 0.21) ** 0.5, abs=1e-6)


def test_an_apex_outside_every_island_is_no_apex() -> None:
    intensity, apexes = one_event(200, 100, 12, score=0.0)
    apexes[140, 0] = 0.99
    assert decode(intensity, apexes, PLAIN) == []


def test_of_a_plateau_the_first_frame_is_the_apex() -> None:
    intensity, apexes = one_event(200, 100, 12)
    apexes[98:105, 0] = 0.95
    assert [f.apex for f in decode(intensity, apexes, PLAIN)] == [98]


def test_two_peaks_that_overlap_become_the_higher_one() -> None:
    intensity, apexes = one_event(200, 100, 12)
    apexes[104, 0] = 1.0
    assert [f.apex for f in decode(intensity, apexes, PLAIN)] == [104]


def test_a_held_expression_is_taken_as_it_is() -> None:
    """Runs of 70 frames on either side: more than three usual lengths, so the run itself and not a usual length."""
    intensity, apexes = one_event(400, 200, 70)
    [found] = decode(intensity, apexes, PLAIN)
    assert (found.onset, found.offset) == (130, 270)
    short = replace(PLAIN, macro=replace(MACRO, longest=50))
    [found] = decode(intensity, apexes, short)
    assert found.onset == 150, "no side is longer than the longest"


def test_elasticity_pulls_a_side_towards_its_run_within_bounds() -> None:
    intensity, apexes = one_event(200, 100, 14)
    for elasticity, sides in ((0.0, (10, 20)), (1.0, (14, 14)), (0.5, (round(10 * 1.4**0.5), round(20 * 0.7**0.5)))):
        rules = replace(PLAIN, macro=replace(MACRO, elasticity=elasticity))
        [found] = decode(intensity, apexes, rules)
        assert (100 - found.onset, found.offset - 100) == sides
    narrow, apexes = one_event(200, 100, 1)
    rules = replace(PLAIN, macro=replace(MACRO, elasticity=1.0))
    [found] = decode(narrow, apexes, rules)
    assert (found.onset, found.offset) == (95, 110), "half the usual lengths at least"


def test_intervals_stay_inside_the_stretch() -> None:
    for apex in (0, 1, 198, 199):
        [found] = decode(*one_event(200, apex, 3), PLAIN)
        assert 0 <= found.onset <= found.apex == apex <= found.offset <= 199
    [first] = decode(*one_event(200, 0, 3), PLAIN)
    [last] = decode(*one_event(200, 199, 3), PLAIN)
    assert (first.onset, last.offset) == (0, 199)


def test_the_level_with_the_higher_contrast_sets_the_length() -> None:
    """A high core on a broad low foot: the run that stands out most from what surrounds it is the core."""
    intensity, apexes = scores(300)
    intensity[50:251] = 0.35
    intensity[140:161] = 0.9
    apexes[150, 0] = 0.9
    rules = replace(PLAIN, fractions=(0.05, 0.5), macro=replace(MACRO, elasticity=1.0, held=99.0))
    [found] = decode(intensity, apexes, rules)
    assert (found.onset, found.offset) == (140, 160)
    [broad] = decode(intensity, apexes, replace(rules, fractions=(0.05,)))
    assert (broad.onset, broad.offset) == (150 - 20, 150 + 40), "as wide as the rule allows"


# --- islands -------------------------------------------------------------------------------------------------------

ELASTIC = DecodeSettings(
    macro=ClassDecode(0.4, 15, 21, 0.35, 0.5, 1.8, 2.5, 300, 6, 99.0),
    micro=ClassDecode(0.4, 5, 7, 0.0, 1.0, 1.0, 99.0, 7, 1, 99.0),
    island=0.15,
    fractions=(0.25, 0.6),
    nms_iou=0.3,
)


def random_island(seed: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Intensity above the island threshold throughout; apex scores of any height, high for long stretches too."""
    rng = np.random.default_rng(seed)
    bumps = np.convolve(rng.random(length + 8), np.ones(9) / 9, "valid")
    intensity = (0.2 + 0.7 * bumps * rng.random()).astype(np.float32)
    return intensity, (rng.random((length, 2)) ** 0.5).astype(np.float32)


def stretch(seed: int, length: int, calm: int) -> tuple[np.ndarray, np.ndarray]:
    """An island between calm frames, in which the apex scores are noise and the intensity is low."""
    rng = np.random.default_rng([seed, 1])
    island, apex = random_island(seed, length)
    low = [rng.uniform(0.0, 0.14, calm).astype(np.float32) for _ in range(2)]
    noise = [rng.random((calm, 2)).astype(np.float32) for _ in range(2)]
    return np.concatenate([low[0], island, low[1]]), np.concatenate([noise[0], apex, noise[1]])


def shifted(found: list[Found], by: int) -> set[tuple[int, ...]]:
    return {(f.class_index, f.onset + by, f.apex + by, f.offset + by) for f in found}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 400), st.integers(1, 60))
def test_islands_do_not_influence_one_another(seed: int, first_length: int, second_length: int) -> None:
    calm = ELASTIC.margin_frames(400)
    a, b = stretch(seed, first_length, calm), stretch(seed + 20_000, second_length, calm)
    together = decode(np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]]), ELASTIC)
    assert shifted(together, 0) == shifted(decode(*a, ELASTIC), 0) | shifted(decode(*b, ELASTIC), len(a[0]))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 400))
def test_the_margin_round_an_island_is_enough(seed: int, length: int) -> None:
    """What lies further from an island than its margin may be cut off: the intervals stay the same."""
    calm = 500
    intensity, apex = stretch(seed, length, calm)
    margin = ELASTIC.margin_frames(length)
    assert margin < calm
    kept = slice(calm - margin, calm + length + margin)
    whole = decode(intensity, apex, ELASTIC)
    cut = decode(intensity[kept], apex[kept], ELASTIC)
    assert shifted(whole, 0) == shifted(cut, calm - margin)
    np.testing.assert_allclose(sorted(f.score for f in whole), sorted(f.score for f in cut), atol=1e-6)


def test_an_endless_island_is_cut_where_it_is_lowest() -> None:
    intensity = np.full(3 * LONGEST_ISLAND, 0.8, np.float32)
    intensity[[500, 700, 1500]] = 0.5, 0.4, 0.3
    pieces = islands(intensity, 0.2)
    assert pieces[:2] == [(0, 700), (701, 1500)]
    assert [a for a, _ in pieces[1:]] == [b + 1 for _, b in pieces[:-1]] and pieces[-1][1] == len(intensity) - 1
    assert all(b - a < LONGEST_ISLAND for a, b in pieces)
    assert islands(intensity[:LONGEST_ISLAND], 0.2) == [(0, LONGEST_ISLAND - 1)]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(LONGEST_ISLAND + 1, 4 * LONGEST_ISLAND))
def test_the_cuts_of_an_island_do_not_depend_on_what_follows(seed: int, length: int) -> None:
    """So that pieces can be delivered while the island goes on; and every piece is decoded within its margin."""
    intensity, apex = random_island(seed, 4 * LONGEST_ISLAND)
    whole = decode(intensity, apex, ELASTIC)
    pieces = islands(intensity, ELASTIC.island)
    settled = islands(intensity[:length], ELASTIC.island)[:-1]
    assert settled and settled == pieces[: len(settled)]
    first, last = pieces[1]
    margin = ELASTIC.margin_frames(last - first + 1)
    kept = slice(max(first - margin, 0), last + margin + 1)
    scores = class_scores(intensity[kept], apex[kept], ELASTIC)
    alone = one_type(decode_island(intensity[kept], scores, (first - kept.start, last - kept.start), ELASTIC))
    assert shifted(alone, kept.start) == shifted([f for f in whole if first <= f.apex <= last], 0)


def test_a_peak_on_a_cut_is_found_once() -> None:
    """The score rises across the cut: only its real top is an apex."""
    length = 2 * LONGEST_ISLAND
    intensity, apexes = np.full(length, 0.9, np.float32), np.zeros((length, 2), np.float32)
    intensity[700] = 0.899
    apexes[680:720, 0] = 1.0 - np.abs(np.arange(680, 720) - 703) / 30
    assert [f.apex for f in decode(intensity, apexes, PLAIN)] == [703]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 300))
def test_order_and_bounds(seed: int, length: int) -> None:
    intensity, apex = stretch(seed, length, 3)
    found = decode(intensity, apex, ELASTIC)
    for f in found:
        assert 0 <= f.onset <= f.apex <= f.offset < len(intensity)
        assert intensity[f.apex] > ELASTIC.island
        assert f.score >= ELASTIC.of(f.class_index).threshold
    for c in (0, 1):
        same = [f for f in found if f.class_index == c]
        assert same == sorted(same, key=lambda f: f.onset)
        for i, f in enumerate(same):
            assert all(iou((f.onset, f.offset), (g.onset, g.offset)) <= ELASTIC.nms_iou for g in same[:i])


def test_nothing_in_nothing() -> None:
    assert decode(*scores(0), PLAIN) == []
    assert decode(*scores(1), PLAIN) == []
