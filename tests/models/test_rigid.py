"""The head's motion: what is put in comes out, and a moving brow does not spoil it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.face import LANDMARK_COUNT
from models.rigid import _RIGID_IOD, RIGID_LANDMARKS, fit_rigid, head_pose
from models.types import REGION_LANDMARKS

RNG = np.random.default_rng(3)
POINTS = np.column_stack([RNG.uniform(-1, 1, 29), RNG.uniform(-0.2, 0.5, 29), RNG.uniform(-0.6, 0.4, 29)])
MOTION = np.array([0.02, -0.01, 0.01, 0.03, -0.05, 0.02])


def written_out(points: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """The equations of DESIGN.md 2, term by term."""
    tx, ty, s, wx, wy, wz = motion
    x, y, z = points.T
    return np.column_stack([tx + s * x - wz * y + wy * z, ty + s * y + wz * x - wx * z])


def test_all_six_parameters_are_found() -> None:
    fit = fit_rigid(POINTS, written_out(POINTS, MOTION))
    assert fit.parameters == pytest.approx(MOTION, abs=1e-5)
    assert fit.residual_iod < 1e-5
    assert fit.turn_rad == pytest.approx(np.hypot(0.03, 0.05), abs=1e-5)
    assert fit.shift_iod == pytest.approx(np.hypot(0.02, 0.01), abs=1e-5)
    elsewhere = np.array([[0.3, 1.2, -0.1]])
    assert fit.at(elsewhere) == pytest.approx(written_out(elsewhere, MOTION), abs=1e-5)


def test_a_quarter_of_wrong_points_is_outvoted() -> None:
    flow = written_out(POINTS, MOTION)
    flow[:7] += (0.0, -0.15)
    fit = fit_rigid(POINTS, flow)
    at = np.array([[0.5, -0.3, 0.0], [0.0, 1.0, -0.1]])
    assert fit.at(at) == pytest.approx(written_out(at, MOTION), abs=0.01)


def test_still_points_are_no_motion() -> None:
    fit = fit_rigid(POINTS, np.zeros((29, 2)))
    assert np.abs(fit.parameters).max() < 1e-9


def test_the_residual_tells_a_motion_that_is_not_rigid() -> None:
    flow = 0.1 * RNG.standard_normal((29, 2))
    assert fit_rigid(POINTS, flow).residual_iod > 0.03


def landmarks(rotation_vector: tuple[float, float, float], scale: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    face = rng.uniform(-1, 1, (LANDMARK_COUNT, 3))
    face[list(RIGID_LANDMARKS)] = _RIGID_IOD
    turn, _ = cv2.Rodrigues(np.array(rotation_vector, np.float64))
    return (scale * face @ turn.T + (300.0, 200.0, 5.0)).astype(np.float32)


def test_regions_do_not_move_when_the_head_turns_or_comes_nearer() -> None:
    front, turned = head_pose(landmarks((0, 0, 0), 60.0)), head_pose(landmarks((0.2, -0.3, 0.1), 90.0))
    assert turned.regions_iod == pytest.approx(front.regions_iod, abs=1e-3)
    assert turned.scale_px / front.scale_px == pytest.approx(1.5, abs=1e-3)


def test_a_regions_own_motion_is_kept() -> None:
    still = landmarks((0.1, 0.2, 0.0), 60.0)
    moved = still.copy()
    moved[REGION_LANDMARKS[8], 1] += 6.0
    before, after = head_pose(still), head_pose(moved)
    change = after.regions_iod - before.regions_iod
    assert np.linalg.norm(change[8]) > 0.03
    assert np.abs(np.delete(change, 8, axis=0)).max() < 1e-5


def test_no_region_but_the_nose_bridge_takes_part_in_the_fit() -> None:
    assert set(RIGID_LANDMARKS) & set(REGION_LANDMARKS) == {197}


def test_angles() -> None:
    front, turned = head_pose(landmarks((0, 0, 0.5), 60.0)), head_pose(landmarks((0, 0.3, 0), 60.0))
    assert front.off_axis_rad == pytest.approx(0.0, abs=1e-3)  # a tilted head still looks at the camera
    assert turned.off_axis_rad == pytest.approx(0.3, abs=1e-3)
    assert turned.angle_to(front) == pytest.approx(0.3, abs=1e-3)
    assert turned.angle_to(turned) == pytest.approx(0.0, abs=1e-6)
