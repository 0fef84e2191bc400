"""What turns of the head leave is learnt from the turns, and expressions are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.perception_turns import TurnCorrection

Array = NDArray[np.float64]
STEP_S = 0.1
SLOPE = np.random.default_rng(3).normal(0.0, 0.15, (12, 2, 2))
CURVATURE = np.random.default_rng(5).normal(0.0, 0.4, (12, 2, 2))
FRONT = np.zeros(2)


def path(seconds: float) -> Array:
    """The face's axis (T, 2): a head that turns by some ten degrees now and then."""
    time_s = np.arange(round(seconds / STEP_S)) * STEP_S
    return 0.18 * np.stack([np.sin(0.9 * time_s) ** 3, 0.6 * np.sin(0.7 * time_s + 1.0) ** 3], axis=1)


def error(axis: Array) -> Array:
    """What looking there leaves at the regions (12, 2): more where a side turns away than where it comes near."""
    return SLOPE @ axis + CURVATURE @ axis**2


def taught(seconds: float, expression: Array | None = None) -> TurnCorrection:
    """A correction that has seen ``path``, and an expression (T, 12, 2) with it."""
    correction = TurnCorrection()
    axes = path(seconds)
    extra = np.zeros((len(axes) - 1, 12, 2)) if expression is None else np.diff(expression, axis=0)
    for before, after, more in zip(axes[:-1], axes[1:], extra, strict=True):
        correction.learn_flow(error(after) - error(before) + more, before, after - before, STEP_S)
    return correction


def test_the_error_of_a_turn_is_learnt_from_earlier_ones() -> None:
    turn = np.array([0.05, -0.03])
    true = error(turn)
    assert np.abs(TurnCorrection().in_flow(FRONT, turn)).max() == 0.0
    left = [np.abs(taught(seconds).in_flow(FRONT, turn) - true).max() for seconds in (3.0, 30.0)]
    assert left[1] < left[0] < np.abs(true).max()
    assert left[1] < 0.1 * np.abs(true).max()


def test_the_same_turn_errs_otherwise_on_a_face_that_looks_aside() -> None:
    correction, turn = taught(60.0), np.array([0.08, 0.02])
    for axis in (np.array([-0.12, 0.03]), np.array([0.05, -0.03])):
        true = error(axis + turn) - error(axis)
        np.testing.assert_allclose(correction.in_flow(axis, turn), true, atol=0.15 * np.abs(true).max())


def test_an_expression_is_not_taken_for_the_error_of_a_turn() -> None:
    frames = len(path(60.0))
    smile = np.zeros((frames, 12, 2))
    smile[:, [8, 10], 1] = -0.15 * (np.sin(np.arange(frames) * STEP_S * 1.7)[:, None] > 0.6)
    turn = np.array([0.1, 0.05])
    with_smile, without = taught(60.0, smile).in_flow(FRONT, turn), taught(60.0).in_flow(FRONT, turn)
    assert np.abs(with_smile - without).max() < 0.01


def test_landmarks_that_slide_on_a_turning_face_are_found_by_the_flow() -> None:
    correction = TurnCorrection()
    axis = path(40.0)
    slide = np.random.default_rng(4).normal(0.0, 0.1, (12, 2, 2))
    bend = np.random.default_rng(6).normal(0.0, 0.3, (12, 2, 2))
    talk = 0.05 * np.sin(np.arange(len(axis)) * STEP_S * 7.0)[:, None, None] * np.ones((12, 2))
    before = np.concatenate([talk[:1], talk[:-1]])
    for now, here, was in zip(axis, talk, before, strict=True):
        slid = slide @ (now - axis[0]) + bend @ (now**2 - axis[0] ** 2)
        correction.learn_landmarks(slid + here, here - was, now, STEP_S)
        correction.in_landmarks(now)
    far = axis[0] + (0.15, 0.05)
    slid = slide @ (far - axis[0]) + bend @ (far**2 - axis[0] ** 2)
    np.testing.assert_allclose(correction.in_landmarks(far), slid, atol=0.005)


def test_a_lost_face_keeps_what_was_learnt_and_a_restart_does_not() -> None:
    turn = np.array([0.05, 0.0])
    correction = taught(20.0)
    learnt = correction.in_flow(FRONT, turn)
    correction.lose_face()
    np.testing.assert_array_equal(correction.in_flow(FRONT, turn), learnt)
    assert np.abs(correction.in_landmarks(np.array([0.3, 0.2]))).max() == 0.0
    correction.restart()
    assert np.abs(correction.in_flow(FRONT, turn)).max() == 0.0


@pytest.mark.parametrize("turn", [(0.0, 0.0), (0.003, 0.0)])
def test_a_head_at_rest_teaches_nothing(turn: tuple[float, float]) -> None:
    correction = TurnCorrection()
    for _ in range(50):
        correction.learn_flow(np.full((12, 2), 0.02), FRONT, np.array(turn), STEP_S)
    assert np.abs(correction.in_flow(FRONT, np.array([0.2, 0.2]))).max() == 0.0
