"""Irregular camera frames on the regular grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.grid import MAX_GAP_S, GridFrame, GridResampler
from models.types import GRID_HZ, REGION_COUNT, FrameMotion

SLOPE_IOD_S = np.linspace(-0.1, 0.1, 2 * REGION_COUNT).reshape(REGION_COUNT, 2)


def motion(index: int, time_s: float, valid: bool = True, quality: float = 1.0) -> FrameMotion:
    """A face that moves steadily: its position is the time, times a slope of its own for each region."""
    position = SLOPE_IOD_S * time_s if valid else np.full((REGION_COUNT, 2), np.nan)
    return FrameMotion(index, time_s, valid, position.astype(np.float32), quality if valid else 0.0)


def resample(motions: Sequence[FrameMotion]) -> list[GridFrame]:
    grid = GridResampler()
    frames = [frame for m in motions for frame in grid.push(m)]
    return frames + grid.finish()


def assert_regular(frames: Sequence[GridFrame], start_s: float) -> None:
    times = [f.time_s for f in frames]
    np.testing.assert_allclose(times, start_s + np.arange(len(times)) / GRID_HZ, atol=1e-9)


@pytest.mark.parametrize("fps", [15.0, 24.0, 25.0, 28.57, 30.0, 50.0, 60.0, 200.0])
def test_steady_motion_keeps_its_positions_at_every_rate(fps: float) -> None:
    motions = [motion(k, 5.0 + k / fps) for k in range(int(2 * fps) + 1)]
    frames = resample(motions)
    assert_regular(frames, 5.0)
    assert all(f.valid for f in frames)
    for f in frames:
        if f.time_s <= motions[-1].time_s:
            np.testing.assert_allclose(f.position_iod, SLOPE_IOD_S * f.time_s, atol=1e-5)
            assert abs(f.source_frame - (f.time_s - 5.0) * fps) <= 0.5 + 1e-6, "the nearest source frame"
    assert abs(frames[-1].time_s - motions[-1].time_s) <= 0.5 / GRID_HZ + 1e-9


def test_thirty_hertz_frames_pass_through_unchanged() -> None:
    motions = [motion(k + 100, k / GRID_HZ) for k in range(31)]
    frames = resample(motions)
    assert [f.source_frame for f in frames] == [m.index for m in motions]
    for f, m in zip(frames, motions, strict=True):
        np.testing.assert_allclose(f.position_iod, m.position_iod, atol=1e-7)


def test_sixty_hertz_gives_every_second_frame() -> None:
    frames = resample([motion(k, k / 60.0) for k in range(61)])
    assert [f.source_frame for f in frames] == list(range(0, 61, 2))


@given(st.lists(st.floats(0.004, MAX_GAP_S - 1e-3), min_size=1, max_size=40))
def test_irregular_times_give_the_same_motion(steps_s: list[float]) -> None:
    times = np.concatenate([[0.0], np.cumsum(steps_s)])
    frames = resample([motion(k, float(t)) for k, t in enumerate(times)])
    assert_regular(frames, 0.0)
    assert all(f.valid for f in frames)
    for f in frames:
        expected = SLOPE_IOD_S * min(f.time_s, times[-1])
        np.testing.assert_allclose(f.position_iod, expected, atol=1e-5)
    assert abs(frames[-1].time_s - times[-1]) <= 0.5 / GRID_HZ + 1e-9


def test_a_gap_is_not_bridged() -> None:
    before = [motion(k, k / 30.0) for k in range(10)]
    after = [motion(10 + k, 9 / 30.0 + MAX_GAP_S + 0.05 + k / 30.0) for k in range(10)]
    frames = resample(before + after)
    assert_regular(frames, 0.0)
    for f in frames:
        inside = before[-1].time_s + 1e-6 < f.time_s < after[0].time_s - 1e-6
        assert f.valid == (not inside)
        assert np.isfinite(f.position_iod).all() == f.valid
        assert f.quality == (0.0 if inside else 1.0)
    assert sum(not f.valid for f in frames) == 8, "0.3 s, so nine grid steps: eight frames lie strictly inside"


def test_a_pause_up_to_the_longest_gap_is_bridged() -> None:
    frames = resample([motion(0, 0.0), motion(1, MAX_GAP_S)])
    assert len(frames) >= 8 and all(f.valid for f in frames)


def test_no_position_where_the_face_was_lost() -> None:
    frames = resample([motion(k, k / 30.0, valid=not 5 <= k < 8) for k in range(15)])
    assert [k for k, f in enumerate(frames) if not f.valid] == [5, 6, 7]


def test_no_interpolation_between_a_seen_and_a_lost_face() -> None:
    """Off the grid: the grid frames between a valid and an invalid source frame have no position."""
    times = [0.0, 0.05, 0.10, 0.15]
    frames = resample([motion(k, t, valid=k != 2) for k, t in enumerate(times)])
    # 0, 33 ms lie between seen frames; 67, 100 and 133 ms touch the lost one
    assert [f.valid for f in frames][:5] == [True, True, False, False, False]


def test_quality_is_that_of_the_worse_neighbour() -> None:
    frames = resample([motion(0, 0.0, quality=0.9), motion(1, 0.05, quality=0.3), motion(2, 0.1, quality=0.8)])
    assert [f.quality for f in frames[:3]] == pytest.approx([0.3, 0.3, 0.3])


def test_a_grid_frame_looks_where_the_nearest_frame_did() -> None:
    looking = [replace(motion(k, k / 25.0), axis=np.array([k, -k], np.float32)) for k in range(26)]
    for f in resample(looking):
        np.testing.assert_array_equal(f.axis, [f.source_frame, -f.source_frame])
    assert all(np.isnan(f.axis).all() for f in resample([motion(k, k / 25.0) for k in range(5)]))


def test_repeated_and_backward_times_are_passed_over() -> None:
    clean = [motion(k, k / 25.0) for k in range(26)]
    noisy: list[FrameMotion] = []
    for m in clean:
        noisy += [m, motion(900, m.time_s), motion(901, m.time_s - 0.5), motion(902, float("nan"))]
    got, wanted = resample(noisy), resample(clean)
    assert [f.source_frame for f in got] == [f.source_frame for f in wanted]
    assert [f.time_s for f in got] == [f.time_s for f in wanted]


def test_a_single_frame_is_one_grid_frame() -> None:
    [frame] = resample([motion(7, 3.0)])
    assert (frame.time_s, frame.valid, frame.source_frame) == (3.0, True, 7)


def test_nothing_comes_of_nothing() -> None:
    assert GridResampler().finish() == []
