"""Step by step is the same as all at once: scores, intervals, gaps, memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.analyzer import Analyzer
from models.decode import ClassDecode, DecodeSettings
from models.spotter import Spotter
from models.types import GRID_HZ, LOW_QUALITY, REGION_COUNT, FrameMotion, Interval, Scores, Update

EAGER = DecodeSettings(
    macro=ClassDecode(0.05, 15, 21, 0.35, 0.5, 1.8, 2.5, 300, 6, 99.0),
    micro=ClassDecode(0.05, 5, 7, 0.0, 1.0, 1.0, 99.0, 7, 1, 99.0),
    island=0.1,
)
"""Thresholds that let nearly everything through, so that these tests have many intervals whichever model ships."""


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return Spotter(use_gpu=False)


@pytest.fixture(scope="module")
def eager() -> Spotter:
    """The shipped network, with an island's floor between what it says of a calm face and of a lively one.

    So islands close again and again, whichever network ships.
    """
    spotter = Spotter(use_gpu=False)
    spotter.spec = replace(spotter.spec, decode=replace(EAGER, island=0.0))
    calm, busy = np.quantile(final_scores(analyse(spotter, LIVELY[:330])).intensity, [0.2, 0.95])
    spotter.spec = replace(spotter.spec, decode=replace(EAGER, island=float(0.5 * (calm + busy))))
    return spotter


def lively(
    seconds: float, fps: float = GRID_HZ, seed: int = 0, gaps: Sequence[tuple[float, float]] = (), quality: float = 1.0
) -> list[FrameMotion]:
    """A face that raises its brows or smiles every three seconds or so, quickly or slowly, with noise and drift.

    gaps: (from, to) in seconds without a face.
    """
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * fps)) / fps
    position = rng.normal(0, 0.0005, (len(time_s), REGION_COUNT, 2)) + 0.001 * time_s[:, None, None]
    apex_s = 2.0
    while apex_s < seconds:
        half_s = rng.choice([0.18, 0.6, 1.2])
        shape = np.where(np.abs(time_s - apex_s) < half_s, np.cos(0.5 * np.pi * (time_s - apex_s) / half_s) ** 2, 0.0)
        if rng.random() < 0.5:
            position[:, :6, 1] -= 0.08 * shape[:, None]
        else:
            position[:, 8] += shape[:, None] * np.array([-0.15, -0.05])
            position[:, 10] += shape[:, None] * np.array([0.15, -0.05])
        apex_s += rng.uniform(2.0, 4.5)
    motions = []
    for k, t in enumerate(time_s):
        valid = not any(a <= t < b for a, b in gaps)
        here = position[k] if valid else np.full((REGION_COUNT, 2), np.nan)
        motions.append(FrameMotion(k, float(t), valid, here.astype(np.float32), quality if valid else 0.0))
    return motions


def analyse(
    spotter: Spotter, motions: Sequence[FrameMotion], cuts: Sequence[int] = (), provisional: bool = False
) -> list[Update]:
    """Push the motions and update at each cut."""
    analyzer = Analyzer(spotter)
    updates = []
    at = set(cuts)
    for k, motion in enumerate(motions):
        if k in at:
            updates.append(analyzer.update(provisional))
        analyzer.push(motion)
    return [*updates, analyzer.finish()]


def final_scores(updates: Sequence[Update]) -> Scores:
    return Scores.concatenate([u.final for u in updates])


def final_intervals(updates: Sequence[Update]) -> list[Interval]:
    return [i for u in updates for i in u.intervals]


def assert_same(a: Sequence[Update], b: Sequence[Update]) -> None:
    one, two = final_scores(a), final_scores(b)
    np.testing.assert_array_equal(one.time_s, two.time_s)
    np.testing.assert_array_equal(one.valid, two.valid)
    np.testing.assert_array_equal(one.quality, two.quality)
    for name in ("intensity", "macro", "micro"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=1e-5, equal_nan=True)

    def ends(intervals: Sequence[Interval]) -> list[tuple[object, ...]]:
        return [
            (i.type, i.onset_frame, i.apex_frame, i.offset_frame, i.onset_s, i.apex_s, i.offset_s) for i in intervals
        ]

    # several islands may close in one step, so the order of delivery may differ between cuts
    first, second = (sorted(final_intervals(u), key=lambda i: (i.type, i.onset_s)) for u in (a, b))
    assert ends(first) == ends(second)
    np.testing.assert_allclose([i.score for i in first], [i.score for i in second], atol=1e-5)


LIVELY = lively(30.0, seed=1, gaps=((11.0, 11.2), (19.0, 20.5)))


@pytest.fixture(scope="module")
def in_one_piece(eager: Spotter) -> list[Update]:
    updates = analyse(eager, LIVELY)
    assert len(final_intervals(updates)) >= 6, "a test on nothing shows nothing"
    early = analyse(eager, LIVELY, [630])[0]
    assert early.intervals, "islands close before the end"
    return updates


# --- live equals batch ---------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, len(LIVELY)), max_size=40, unique=True), st.booleans())
def test_scores_and_intervals_do_not_depend_on_the_cuts(
    eager: Spotter, in_one_piece: list[Update], cuts: list[int], provisional: bool
) -> None:
    assert_same(analyse(eager, LIVELY, cuts, provisional), in_one_piece)


@pytest.mark.parametrize("every", [7, 15, 299])
def test_steady_steps(eager: Spotter, in_one_piece: list[Update], every: int) -> None:
    assert_same(analyse(eager, LIVELY, range(0, len(LIVELY), every), provisional=True), in_one_piece)


@pytest.mark.parametrize("fps", [25.0, 60.0])
def test_steady_steps_at_other_rates(eager: Spotter, fps: float) -> None:
    motions = lively(16.0, fps, seed=2)
    whole = analyse(eager, motions)
    assert final_intervals(whole)
    assert_same(analyse(eager, motions, range(0, len(motions), 11), provisional=True), whole)


def test_a_frame_at_a_time(eager: Spotter) -> None:
    motions = lively(12.0, seed=3)
    assert_same(analyse(eager, motions, range(len(motions))), analyse(eager, motions))


def test_the_shipped_thresholds_too(spotter: Spotter) -> None:
    motions = lively(30.0, seed=4)
    whole = analyse(spotter, motions)
    assert final_intervals(whole), "plain brow raises and smiles are found"
    assert_same(analyse(spotter, motions, range(0, len(motions), 10), provisional=True), whole)


# --- what an update holds ------------------------------------------------------------------------------------------


def test_every_grid_frame_is_final_exactly_once_and_in_order(eager: Spotter) -> None:
    updates = analyse(eager, LIVELY, range(0, len(LIVELY), 9), provisional=True)
    times = final_scores(updates).time_s
    np.testing.assert_allclose(times, np.arange(len(LIVELY)) / GRID_HZ, atol=1e-9)
    seen: list[Interval] = final_intervals(updates)
    assert len({(i.type, i.apex_frame) for i in seen}) == len(seen), "no interval comes twice"
    assert all(i.final for i in seen)
    for u in updates:
        assert list(u.intervals) == sorted(u.intervals, key=lambda i: i.onset_s)


def test_provisional_scores_follow_the_final_ones(eager: Spotter) -> None:
    """Together they reach to the newest frame, without overlap or hole; only finals are settled."""
    ahead = eager.spec.look_ahead_frames
    analyzer = Analyzer(eager)
    finals, total = 0, 0
    motions = lively(12.0, seed=5)
    for k, motion in enumerate(motions, start=1):
        analyzer.push(motion)
        if k % 8:
            continue
        update = analyzer.update()
        finals += len(update.final)
        total = finals + len(update.provisional)
        assert total == k - 1, "one frame of delay in the grid"
        assert len(update.provisional) <= ahead
        if len(update.provisional):
            assert update.provisional.time_s[0] == pytest.approx(finals / GRID_HZ)
        assert not any(i.final for i in update.provisional_intervals)
        assert list(update.provisional_intervals) == sorted(update.provisional_intervals, key=lambda i: i.onset_s)
    assert finals == total - ahead


def test_scores_are_final_once_their_look_ahead_has_passed(eager: Spotter) -> None:
    motions = lively(10.0, seed=6)
    analyzer = Analyzer(eager)
    for motion in motions:
        analyzer.push(motion)
    update = analyzer.update()
    assert len(update.final) == len(motions) - 1 - eager.spec.look_ahead_frames
    assert len(update.provisional) == eager.spec.look_ahead_frames


def test_an_expression_is_raised_while_it_is_fresh_and_settled_later(eager: Spotter) -> None:
    """An interval is seen provisionally before it is final, and never provisionally once it is final."""
    updates = analyse(eager, LIVELY, range(0, len(LIVELY), 5), provisional=True)
    final: list[Interval] = []
    raised: list[Interval] = []
    for u in updates:
        final += u.intervals
        for p in u.provisional_intervals:
            assert not any(p.type is f.type and p.apex_frame == f.apex_frame for f in final)
        raised += u.provisional_intervals
    early = [f for f in final if any(p.type is f.type and p.onset_s <= f.apex_s <= p.offset_s for p in raised)]
    assert len(early) > len(final) // 2


def test_without_provisional_none_is_made(eager: Spotter) -> None:
    updates = analyse(eager, LIVELY[:300], range(0, 300, 20), provisional=False)
    assert all(len(u.provisional) == 0 and not u.provisional_intervals for u in updates)


def test_finish_flushes_everything(eager: Spotter) -> None:
    motions = lively(8.0, seed=7)
    analyzer = Analyzer(eager)
    for motion in motions:
        analyzer.push(motion)
    update = analyzer.finish()
    assert len(update.final) == len(motions) and len(update.provisional) == 0
    assert not update.provisional_intervals
    again = analyzer.finish()
    assert len(again.final) == 0 and again.intervals == ()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_very_short_sessions(eager: Spotter, count: int) -> None:
    updates = analyse(eager, lively(1.0)[:count], range(count + 1), provisional=True)
    scores = final_scores(updates)
    assert len(scores) == count
    assert np.isfinite(scores.intensity).all()


# --- gaps ----------------------------------------------------------------------------------------------------------


def test_gaps_stay_gaps_and_nothing_reaches_across(eager: Spotter) -> None:
    scores = final_scores(analyse(eager, LIVELY, range(0, len(LIVELY), 13)))
    inside = ((scores.time_s > 10.99) & (scores.time_s < 11.19)) | ((scores.time_s > 18.99) & (scores.time_s < 20.49))
    np.testing.assert_array_equal(scores.valid, ~inside)
    for values in (scores.intensity, scores.macro, scores.micro):
        np.testing.assert_array_equal(np.isnan(values), inside)
    assert (scores.quality[inside] == 0).all()
    for i in final_intervals(analyse(eager, LIVELY)):
        for start, end in ((11.0, 11.2), (19.0, 20.5)):
            assert i.offset_s < start or i.onset_s >= end - 1e-6


def test_a_gap_of_hours_takes_little_memory(spotter: Spotter) -> None:
    """A computer that sleeps over night leaves a gap of a million grid frames, which come all at once."""
    gap_s, before = 600.0, lively(1.0)
    analyzer = Analyzer(spotter)
    for motion in before:
        analyzer.push(motion)
    tracemalloc.start()
    try:
        analyzer.push(replace(before[0], index=len(before), time_s=before[-1].time_s + gap_s))
        most_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    scores = analyzer.finish().final
    assert np.count_nonzero(~scores.valid) == round(gap_s * GRID_HZ) - 1
    assert np.isnan(scores.intensity[~scores.valid]).all() and np.isfinite(scores.intensity[scores.valid]).all()
    assert most_bytes < 500 * len(scores)


def test_what_comes_after_a_gap_does_not_change_what_was_before(eager: Spotter) -> None:
    motions = lively(24.0, seed=8, gaps=((12.0, 13.0),))
    whole, half = final_scores(analyse(eager, motions)), final_scores(analyse(eager, motions[:370]))
    before = round(12.0 * GRID_HZ)
    np.testing.assert_allclose(whole.intensity[:before], half.intensity[:before], atol=1e-6)


def test_a_video_without_a_face(eager: Spotter) -> None:
    motions = lively(5.0, gaps=((0.0, 9.0),))
    updates = analyse(eager, motions, range(0, len(motions), 10), provisional=True)
    scores = final_scores(updates)
    assert len(scores) == len(motions) and not scores.valid.any()
    assert np.isnan(scores.intensity).all() and not final_intervals(updates)


def test_lone_frames_of_a_face_are_scored(eager: Spotter) -> None:
    """A face that flickers: stretches of one grid frame."""
    motions = lively(2.0, gaps=[(k / GRID_HZ - 0.001, k / GRID_HZ + 0.001) for k in range(1, 60, 2)])
    scores = final_scores(analyse(eager, motions, range(0, 60, 3), provisional=True))
    assert scores.valid.sum() == 30 and np.isfinite(scores.intensity[scores.valid]).all()


# --- quality -------------------------------------------------------------------------------------------------------


def test_intervals_of_low_quality_are_not_reported(eager: Spotter) -> None:
    good = analyse(eager, lively(15.0, seed=9, quality=LOW_QUALITY + 0.1))
    poor = analyse(eager, lively(15.0, seed=9, quality=LOW_QUALITY - 0.1), range(0, 450, 15), provisional=True)
    assert final_intervals(good)
    assert not final_intervals(poor) and not any(u.provisional_intervals for u in poor)
    np.testing.assert_array_equal(final_scores(good).time_s, final_scores(poor).time_s)
    np.testing.assert_allclose(final_scores(good).intensity, final_scores(poor).intensity, atol=1e-5)


# --- frames and times ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [25.0, 60.0])
def test_frames_are_the_sources_and_ends_lie_in_order(eager: Spotter, fps: float) -> None:
    motions = [replace(m, index=m.index + 1000) for m in lively(20.0, fps, seed=10)]
    intervals = final_intervals(analyse(eager, motions))
    assert intervals
    for i in intervals:
        assert i.onset_s <= i.apex_s <= i.offset_s and i.onset_frame <= i.apex_frame <= i.offset_frame
        assert i.duration_s == pytest.approx(i.offset_s - i.onset_s)
        for time_s, frame in ((i.onset_s, i.onset_frame), (i.apex_s, i.apex_frame), (i.offset_s, i.offset_frame)):
            # the last grid frame may lie half a step behind the last source frame
            step_s = 1.0 / GRID_HZ if frame == motions[-1].index else 1.0 / fps
            assert abs(motions[frame - 1000].time_s - time_s) <= 0.5 * step_s + 1e-6, "the nearest source frame"


# --- long sessions -------------------------------------------------------------------------------------------------


def kept_values(root: object) -> int:
    """Elements of all lists and arrays that an object holds on to, at any depth; the model itself is left out."""
    seen: set[int] = set()
    total = 0
    stack: list[object] = [root]
    while stack:
        item = stack.pop()
        if id(item) in seen or isinstance(item, Spotter | type | str | bytes) or callable(item):
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            total += item.size
            continue
        if isinstance(item, list | tuple | dict | set):
            total += len(item)
        elif not type(item).__module__.startswith(("models.", "collections")):
            continue
        stack += gc.get_referents(item)
    return total


@pytest.mark.parametrize("island", [0.5, 0.0], ids=["islands that close", "an island that never closes"])
def test_memory_is_bounded_however_long_a_session_lasts(eager: Spotter, island: float) -> None:
    """After the first minutes nothing grows any more, so an hour holds what ten minutes hold."""
    spotter = Spotter(use_gpu=False)
    spotter.spec = replace(spotter.spec, decode=replace(EAGER, island=island))
    minute = lively(60.0, seed=11)
    analyzer = Analyzer(spotter)
    sizes, intervals = [], 0
    for m in range(4):
        for k, motion in enumerate(minute):
            analyzer.push(replace(motion, index=motion.index + 1800 * m, time_s=motion.time_s + 60.0 * m))
            if k % 300 == 299:
                intervals += len(analyzer.update(provisional=False).intervals)
        sizes.append(kept_values(analyzer))
    assert sizes[0] > 1000, "the count sees the window of features"
    assert max(sizes[2:]) <= 1.25 * max(sizes[:2])
    assert intervals > 10, "what was found has been delivered meanwhile"


def test_time_goes_on_over_an_hour(eager: Spotter) -> None:
    """Late in a session the grid is as regular as at its start."""
    motions = [replace(m, time_s=m.time_s + 3600.0) for m in lively(6.0, seed=12)]
    early, late = analyse(eager, lively(6.0, seed=12)), analyse(eager, motions)
    a, b = final_scores(early), final_scores(late)
    np.testing.assert_allclose(b.time_s - 3600.0, a.time_s, atol=1e-6)
    np.testing.assert_allclose(a.intensity, b.intensity, atol=1e-5)
    assert all(y.time_s[0] >= x.time_s[-1] for x, y in pairwise([u.final for u in late if len(u.final)]))
