"""Movements as displacement fields on the mesh."""

from __future__ import annotations

import numpy as np
import pytest

from models.types import REGION_LANDMARKS
from training.actions import (
    ACTIONS,
    EXPRESSIONS,
    Profile,
    Side,
    control_points,
    intensity_profile,
    region_displacement,
)

BROWS, NOSE, MOUTH = slice(0, 6), slice(6, 8), slice(8, 12)


def size(name: str, side: Side = Side.BOTH) -> np.ndarray:
    return np.linalg.norm(region_displacement(ACTIONS[name], side), axis=1)


def test_typical_sizes_of_full_movements() -> None:
    assert 0.12 <= size("smile")[8] <= 0.20 and size("smile")[8] == pytest.approx(size("smile")[10])
    assert size("jaw_drop")[11] > 0.2 and size("jaw_drop")[9] < 0.02
    assert size("brow_raise")[BROWS].min() >= 0.05 and size("brow_raise")[BROWS].max() <= 0.08
    assert region_displacement(ACTIONS["brow_raise"], Side.BOTH)[BROWS, 1].max() < 0
    assert region_displacement(ACTIONS["brow_lower"], Side.BOTH)[BROWS, 1].min() > 0
    for action in EXPRESSIONS:
        assert size(action.name)[NOSE].max() < 0.01, "an expression hardly moves the nose"
    assert size("blink").max() < 0.01


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.name)
def test_sides_mirror_each_other(action) -> None:
    left, right = region_displacement(action, Side.LEFT), region_displacement(action, Side.RIGHT)
    order = [5, 4, 3, 2, 1, 0, 6, 7, 10, 9, 8, 11]
    np.testing.assert_allclose(left[order] * [-1, 1], right, atol=1e-7)
    assert np.abs(left[[3, 4, 5, 10]]).max() == 0.0
    np.testing.assert_allclose(left + right, region_displacement(action, Side.BOTH), atol=1e-6)


def test_every_region_is_a_control_point() -> None:
    for action in ACTIONS.values():
        assert set(REGION_LANDMARKS) <= set(control_points(action, Side.BOTH))


@pytest.mark.parametrize("shape", list(Profile))
def test_profile_runs_from_rest_to_apex_to_rest(shape: Profile) -> None:
    time = np.linspace(0.0, 4.0, 4001)
    strength = intensity_profile(time, 0.5, 1.0, 3.0, shape)
    assert np.all(strength[time <= 0.5] == 0.0) and np.all(strength[time >= 3.0] == 0.0)
    assert strength[1000] == pytest.approx(1.0) and strength.max() == pytest.approx(1.0)
    assert np.all(np.diff(strength[500:1001]) >= 0) and np.all(np.diff(strength[1000:3001]) <= 0)
    assert np.abs(np.diff(strength)).max() < 0.01, "no jump"
    assert strength[502:2998].min() > 0.0


def test_profile_can_hold_its_apex() -> None:
    time = np.linspace(0.0, 4.0, 401)
    strength = intensity_profile(time, 0.5, 1.0, 3.0, hold_s=1.5)
    assert np.all(strength[(time >= 1.0) & (time <= 2.5)] == 1.0)
    assert strength[275] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "instants", [(1.0, 1.0, 2.0, 0.0), (1.0, 1.5, 1.5, 0.0), (1.0, 1.5, 2.0, 0.5), (1, 1.5, 2, -1)]
)
def test_profile_refuses_instants_out_of_order(instants) -> None:
    onset_s, apex_s, offset_s, hold_s = instants
    with pytest.raises(ValueError, match="Out of order"):
        intensity_profile(0.0, onset_s, apex_s, offset_s, hold_s=hold_s)
