"""Points moved to the turning point that the motion shows."""

from __future__ import annotations

import numpy as np
import pytest

from models.types import ExpressionType
from training.datasets import Point
from training.relabel import relabel, turning_strength

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO
REACH = {MACRO: 8, MICRO: 4}


def bump(apex: int, half: int, frames: int = 200, size: float = 0.1) -> np.ndarray:
    """Both mouth corners go out and come back."""
    t = np.arange(frames)
    shape = np.where(np.abs(t - apex) < half, np.cos(0.5 * np.pi * (t - apex) / half) ** 2, 0.0)
    position = np.zeros((frames, 12, 2), np.float32)
    position[:, 8, 0], position[:, 10, 0] = -size * shape, size * shape
    return position


@pytest.mark.parametrize(("kind", "half", "off"), [(MACRO, 15, 5), (MACRO, 15, -6), (MICRO, 6, 3), (MICRO, 6, -2)])
def test_a_point_moves_towards_the_apex(kind: ExpressionType, half: int, off: int) -> None:
    [moved] = relabel([Point(100 + off, kind)], bump(100, half))
    assert abs(moved.frame - 100) <= 1 and moved.type is kind


def test_a_point_at_the_apex_stays() -> None:
    assert relabel([Point(100, MACRO)], bump(100, 15)) == (Point(100, MACRO),)


@pytest.mark.parametrize("kind", [MACRO, MICRO])
def test_no_point_moves_further_than_its_reach_or_out_of_the_recording(kind: ExpressionType) -> None:
    noise = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (120, 12, 2)), axis=0).astype(np.float32)
    points = [Point(f, kind) for f in range(0, 120, 7)]
    for before, after in zip(points, relabel(points, noise), strict=True):
        assert abs(before.frame - after.frame) <= REACH[kind] and 0 <= after.frame < 120


def test_of_equal_turning_points_the_nearer_one() -> None:
    position = bump(92, 4) + bump(105, 4)
    [moved] = relabel([Point(103, MACRO)], position)
    assert abs(moved.frame - 105) <= 1


def test_points_of_a_face_that_does_not_move_stay() -> None:
    points = (Point(10, MACRO), Point(0, MICRO), Point(99, MACRO))
    assert relabel(points, np.zeros((100, 12, 2), np.float32)) == points


def test_no_points_no_labels() -> None:
    assert relabel([], np.zeros((20, 12, 2), np.float32)) == ()


def test_turning_strength_knows_there_and_back_from_through() -> None:
    there_and_back = turning_strength(bump(100, 12), 10)
    assert int(there_and_back.argmax()) in (99, 100, 101) and there_and_back[100] > 0.05
    ramp = np.zeros((200, 12, 2), np.float32)
    ramp[:, 8, 0] = ramp[:, 10, 0] = np.linspace(0, 1, 200)
    assert turning_strength(ramp, 10)[20:-20].max() <= 0.0, "what passes through is no apex"


def test_the_nose_does_not_count() -> None:
    position = np.zeros((200, 12, 2), np.float32)
    position[:, 6:8] = bump(100, 12)[:, [8, 10]]
    assert np.abs(turning_strength(position, 10)).max() < 1e-9
