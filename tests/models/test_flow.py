"""Region flow: known shifts of a textured picture."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from models.face import ALIGNED
from models.flow import FlowMethod, FlowSettings, RegionFlow
from models.types import Image

PLACES = np.array([(60.0, 60.0), (128.0, 90.0), (190.0, 200.0), (128.0, 180.0)])


def texture(seed: int = 0) -> Image:
    rng = np.random.default_rng(seed)
    grain = cv2.GaussianBlur(rng.standard_normal((ALIGNED.height_px, ALIGNED.width_px)), (0, 0), 2.5)
    return np.clip(128 + 40 * grain / grain.std(), 0, 255).astype(np.uint8)


def shifted(picture: Image, x: float, y: float) -> Image:
    move = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.warpAffine(picture, move, size, borderMode=cv2.BORDER_REFLECT), np.uint8)


@pytest.mark.parametrize("method", list(FlowMethod))
@pytest.mark.parametrize("shift", [(0.4, -0.3), (3.0, 2.0), (-7.0, 4.0)])
def test_a_known_shift_is_measured(method: FlowMethod, shift: tuple[float, float]) -> None:
    flow = RegionFlow(replace(FlowSettings(), method=method))
    picture = texture()
    found = flow.at(flow.dense(picture, shifted(picture, *shift)), PLACES)
    assert found.shape == (4, 2)
    assert found == pytest.approx(np.tile(shift, (4, 1)), abs=0.15)


def test_only_the_region_that_moves_moves() -> None:
    flow, picture = RegionFlow(), texture()
    other = picture.copy()
    other[30:90, 30:90] = shifted(picture, 0.0, 3.0)[30:90, 30:90]
    found = flow.at(flow.dense(picture, other), PLACES)
    assert found[0] == pytest.approx((0.0, 3.0), abs=0.5)
    assert np.abs(found[2:]).max() < 0.1


def test_the_disc_is_averaged_without_its_wildest_quarters() -> None:
    flow = RegionFlow()
    field = np.zeros((ALIGNED.height_px, ALIGNED.width_px, 2), np.float32)
    field[..., 0] = 1.0
    field[:, 128:] = (50.0, -50.0)  # beyond the edge of a disc that lies 4 px to the left of it
    found = flow.at(field, np.array([(124.0, 100.0)]))
    assert found[0, 0] < 10.0
    assert flow.at(field, np.array([(110.0, 100.0)]))[0] == pytest.approx((1.0, 0.0))


def test_places_outside_the_picture_take_its_edge() -> None:
    flow = RegionFlow()
    field = np.full((ALIGNED.height_px, ALIGNED.width_px, 2), 2.0, np.float32)
    assert flow.at(field, np.array([(-40.0, 1000.0)]))[0] == pytest.approx((2.0, 2.0))


def test_a_lamp_that_dims_is_no_motion() -> None:
    flow, picture = RegionFlow(), texture()
    dimmer = (picture * 0.9).astype(np.uint8)
    assert np.abs(flow.at(flow.dense(picture, dimmer), PLACES)).max() < 0.1


def test_shrinking_does_not_alias() -> None:
    """Stripes finer than the aligned face's pixels must vanish, not turn into coarse ones."""
    stripes = np.zeros((1024, 1024, 3), np.uint8)
    stripes[:, ::2] = 255
    transform = np.array([[0.24, 0.0, 0.0], [0.0, 0.24, 0.0]])
    face = RegionFlow().warp(stripes, transform)
    assert face[20:220, 20:220].std() < 12


def test_the_number_of_threads_changes_nothing() -> None:
    flow, picture = RegionFlow(), texture()
    other, threads = shifted(picture, 1.3, 0.7), cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        one = flow.dense(picture, other)
        cv2.setNumThreads(4)
        assert np.array_equal(one, flow.dense(picture, other))
    finally:
        cv2.setNumThreads(threads)


def test_a_part_of_a_large_picture_is_enough() -> None:
    """The aligned face of a picture is that of the same picture with a wide border, also beyond its edge."""
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 255, (700, 900, 3), np.uint8), (0, 0), 2.0)
    border = 300
    wide = cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)
    for scale, x, y in ((0.5, -60.0, -40.0), (1.5, -400.0, -300.0), (0.4, 40.0, -150.0), (0.5, -300.0, 20.0)):
        transform = np.array([[scale, 0.05, x], [-0.05, scale, y]])
        further = transform.copy()
        further[:, 2] -= transform[:, :2] @ (border, border)
        face, same = RegionFlow().warp(picture, transform), RegionFlow().warp(wide, further)
        assert np.abs(face.astype(int) - same).max() <= 4
        assert np.abs(face.astype(int) - same).mean() < 0.6


def test_a_face_beyond_the_picture_does_no_harm() -> None:
    face = RegionFlow().warp(np.zeros((40, 50, 3), np.uint8), np.array([[1.0, 0.0, 5000.0], [0.0, 1.0, -7000.0]]))
    assert face.shape == (ALIGNED.height_px, ALIGNED.width_px)
