"""The running baseline: what a calm face is taken to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.baseline import BaselineSettings, RunningBaseline, displacement
from models.types import GRID_HZ, REGION_COUNT

SHAPE = (REGION_COUNT, 2)
RULES = BaselineSettings(rate_iod_s=0.006, knee_iod=0.02, warm_up_s=3.0, warm_up_gain=8.0)


def baseline_of(position: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Where the baseline stood before each frame."""
    return position - moved


def test_a_still_face_has_no_displacement() -> None:
    position = np.broadcast_to(np.linspace(-2, 2, 24).reshape(SHAPE), (100, *SHAPE))
    np.testing.assert_array_equal(displacement(position, settings=RULES), 0.0)


def test_the_zero_of_positions_is_arbitrary() -> None:
    position = np.random.default_rng(0).normal(0, 0.05, (120, *SHAPE))
    np.testing.assert_allclose(
        displacement(position + 7.0, settings=RULES), displacement(position, settings=RULES), atol=1e-6
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.001, 10.0))
def test_the_baseline_never_moves_faster_than_its_rate(seed: int, size: float) -> None:
    position = np.random.default_rng(seed).normal(0, size, (150, *SHAPE))
    moved = displacement(position, settings=RULES).astype(np.float64)
    steps = np.abs(np.diff(baseline_of(position, moved), axis=0)).max(axis=(1, 2))
    tolerance = 1e-6 * max(size, 1.0)
    per_frame = RULES.rate_iod_s / GRID_HZ
    assert steps.max() <= RULES.warm_up_gain * per_frame + tolerance
    warm = round(RULES.warm_up_s * GRID_HZ)
    assert steps[warm:].max() <= per_frame + tolerance


def test_one_step_by_hand() -> None:
    """Beyond the knee the baseline moves by its full rate, inside it in proportion; the first frame sets it."""
    rules = BaselineSettings(rate_iod_s=0.3, knee_iod=0.1, warm_up_s=1e-6, warm_up_gain=1.0)
    baseline = RunningBaseline(rules)
    zero, far, near = (np.full(SHAPE, v) for v in (0.0, 1.0, 0.06))
    np.testing.assert_array_equal(baseline.step(zero), 0.0)
    np.testing.assert_allclose(baseline.step(far), 1.0)
    # 0.3 IOD/s at 30 Hz: now at 0.01; from there 0.05 is half the knee, so half the rate
    np.testing.assert_allclose(baseline.step(near), 0.05, atol=1e-7)
    np.testing.assert_allclose(baseline.step(near), 0.045, atol=1e-7)


def test_an_expression_leaves_it_and_drift_takes_it_along() -> None:
    seconds = np.arange(0, 60, 1 / GRID_HZ)
    smile = np.zeros((len(seconds), *SHAPE))
    smile[(seconds > 30) & (seconds < 32), 8] = 0.15
    after = displacement(smile, settings=RULES)[(seconds > 32.1) & (seconds < 32.5), 8]
    assert np.abs(after).max() < 0.015, "two seconds of smile move the calm face by a tenth of it at most"
    drift = np.broadcast_to((0.002 * seconds)[:, None, None], (len(seconds), *SHAPE))
    assert displacement(drift, settings=RULES)[-1].max() < 0.02, "0.12 IOD of drift hardly show"


def test_a_session_that_starts_inside_a_movement_soon_finds_its_calm_face() -> None:
    position = np.full((180, *SHAPE), 0.03)
    position[0] = 0.0
    warm = displacement(position, settings=RULES)
    cold = displacement(position, settings=BaselineSettings(warm_up_gain=1.0))
    assert warm[-1].max() < 0.3 * cold[-1].max()


def test_many_tracks_at_once_are_each_track_alone() -> None:
    tracks = np.random.default_rng(1).normal(0, 0.1, (90, 4, *SHAPE))
    together = displacement(tracks, settings=RULES)
    for i in range(tracks.shape[1]):
        np.testing.assert_array_equal(together[:, i], displacement(tracks[:, i], settings=RULES))


def test_frames_without_a_face_change_nothing() -> None:
    position = np.random.default_rng(2).normal(0, 0.1, (60, *SHAPE))
    valid = np.ones(60, bool)
    valid[20:35] = False
    with_gap = position.copy()
    with_gap[~valid] = np.nan
    moved = displacement(with_gap, valid, RULES)
    np.testing.assert_array_equal(moved[~valid], 0.0)
    np.testing.assert_array_equal(moved[valid], displacement(position[valid], settings=RULES))


def test_displacement_is_float32_of_the_same_shape() -> None:
    moved = displacement(np.zeros((5, *SHAPE), np.float64))
    assert moved.dtype == np.float32 and moved.shape == (5, *SHAPE)
    assert displacement(np.zeros((0, *SHAPE))).shape == (0, *SHAPE)


def test_stepping_is_the_same_as_the_whole_track() -> None:
    position = np.random.default_rng(3).normal(0, 0.1, (40, *SHAPE))
    baseline = RunningBaseline(RULES)
    steps = np.stack([baseline.step(p) for p in position])
    np.testing.assert_array_equal(steps, displacement(position, settings=RULES))


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_small_motion_scales(scale: float) -> None:
    """Within the knee the recursion is linear."""
    position = np.random.default_rng(4).uniform(-0.003, 0.003, (90, *SHAPE))
    np.testing.assert_allclose(
        displacement(position * scale, settings=RULES), scale * displacement(position, settings=RULES), atol=1e-7
    )
