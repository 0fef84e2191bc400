"""Perception with the real landmark model on a moving portrait."""

from __future__ import annotations

import math
import threading

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.assets import asset_path
from models.face import FaceTracker
from models.flow import RegionFlow
from models.perception import Perception
from models.perception_drift import DriftCorrection
from models.types import LOW_QUALITY, REGION_LANDMARKS, FaceTrack, FloatArray, Frame, FrameMotion, Image

WIDTH_PX, HEIGHT_PX = 400, 300
BLANK = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)


class Scene:
    """The portrait at an IOD of about 50 px, with a mouth corner and a head that can be moved."""

    def __init__(self) -> None:
        picture = cv2.imread(str(asset_path("portrait.png")))
        with FaceTracker() as tracker:
            found = tracker.track(picture, 0.0)
        assert found is not None
        self.zoom = 50.0 / found.iod_px
        self.offset = np.array([200.0, 120.0]) - self.zoom * found.landmarks_px[168, :2]
        self.regions = found.landmarks_px[list(REGION_LANDMARKS), :2] * self.zoom + self.offset
        self.picture = picture
        self.y, self.x = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float32)

    def draw(self, corner_iod: float = 0.0, shift_px: tuple[float, float] = (0.0, 0.0), seed: int = 0) -> Image:
        """The left mouth corner pulled down by ``corner_iod``, the whole picture moved by ``shift_px``."""
        x, y = self.x - shift_px[0], self.y - shift_px[1]
        cx, cy = self.regions[8]
        bump = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * 11.0**2))
        y = y - 50.0 * corner_iod * bump
        image = cv2.remap(
            self.picture,
            ((x - self.offset[0]) / self.zoom).astype(np.float32),
            ((y - self.offset[1]) / self.zoom).astype(np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        )
        noise = np.random.default_rng(seed).normal(0, 2, image.shape)
        return np.clip(image + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


def run(images: list[Image], times_s: NDArray[np.float64] | None = None) -> list[FrameMotion]:
    times = np.arange(len(images)) / 30 if times_s is None else times_s
    with Perception() as perception:
        return [perception.process(Frame(i, float(t), im)) for i, (t, im) in enumerate(zip(times, images, strict=True))]


def path(motions: list[FrameMotion]) -> NDArray[np.float64]:
    return np.array([motion.position_iod for motion in motions], np.float64)


def test_a_still_face_stays_where_it_is(scene: Scene) -> None:
    motions = run([scene.draw(seed=i) for i in range(30)])
    assert all(motion.valid and motion.quality > 0.9 for motion in motions)
    found = path(motions)[6:]
    assert np.linalg.norm(found[12:] - found[:-12], axis=2).max() < 0.004
    assert motions[0].position_iod.dtype == np.float32


@pytest.mark.parametrize("fps", [15, 30, 60])
def test_a_mouth_corner_moves_by_what_it_moves(scene: Scene, fps: int) -> None:
    times = np.arange(round(0.8 * fps)) / fps
    level = 0.08 * np.clip((times - 0.3) / 0.2, 0, 1)
    images = [scene.draw(amount, seed=i) for i, amount in enumerate(level)]
    found = path(run(images, times))
    moved = found[times > 0.6].mean(axis=0) - found[(times > 0.1) & (times <= 0.3)].mean(axis=0)
    assert moved[8, 1] == pytest.approx(0.08, abs=0.02)
    assert np.linalg.norm(moved[[0, 1, 2, 3, 4, 5, 6, 7, 10]], axis=1).max() < 0.012


def test_a_head_that_shifts_is_no_expression(scene: Scene) -> None:
    images = [scene.draw(shift_px=(1.5 * i, -0.5 * i), seed=i) for i in range(20)]
    found = path(run(images))
    assert np.linalg.norm(found - found[2], axis=2)[2:].max() < 0.012


def test_a_mirrored_face_looks_the_other_way(scene: Scene) -> None:
    picture = scene.draw()
    (here,), (mirrored,), (nowhere,) = run([picture]), run([picture[:, ::-1].copy()]), run([BLANK])
    assert np.abs(here.axis).max() < 0.3
    np.testing.assert_allclose(mirrored.axis, here.axis * (-1.0, 1.0), atol=0.03)
    assert np.isnan(nowhere.axis).all()


def test_same_frames_same_numbers(scene: Scene) -> None:
    images = [scene.draw(0.004 * i, (0.7 * i, 0.0), seed=i) for i in range(12)]
    times = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.08, 12))
    first, second = run(images, times), run(images, times + 100.0)
    assert np.array_equal(path(run(images, times)), path(first))
    assert path(second) == pytest.approx(path(first), abs=1e-6)


def test_a_lost_face_leaves_a_gap_and_a_fresh_start(scene: Scene) -> None:
    motions = run([scene.draw(seed=i) for i in range(5)] + [BLANK] * 4 + [scene.draw(seed=i) for i in range(6)])
    valid = [motion.valid for motion in motions]
    assert valid[:5] == [True] * 5
    assert valid[6:9] == [False] * 3
    assert valid[-3:] == [True] * 3
    for motion in motions:
        assert np.isfinite(motion.position_iod).all() == motion.valid
        assert (motion.face is not None) == motion.valid
        assert motion.valid or motion.quality == 0.0
    assert np.linalg.norm(motions[-1].position_iod - motions[4].position_iod, axis=1).max() < 0.03


def test_after_a_long_gap_the_landmarks_carry_the_position_on(scene: Scene) -> None:
    still = [scene.draw(seed=i) for i in range(8)]
    down = [scene.draw(0.2, seed=i) for i in range(8)]
    times = np.concatenate([np.arange(8) / 30, 2.0 + np.arange(8) / 30])
    motions = run(still + down, times)
    assert all(motion.valid for motion in motions)
    moved = motions[-1].position_iod[8] - motions[7].position_iod[8]
    assert moved[1] > 0.04


def test_flow_is_measured_while_the_landmarks_are_sought(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()
    seen_begun: list[bool] = []
    dense = RegionFlow.dense

    def told(self: RegionFlow, first: Image, second: Image) -> FloatArray:
        begun.set()
        return dense(self, first, second)

    class Waiting(FaceTracker):
        def track(self, image: Image, time_s: float) -> FaceTrack | None:
            seen_begun.append(begun.wait(5.0) if time_s > 0 else begun.is_set())
            return super().track(image, time_s)

    monkeypatch.setattr(RegionFlow, "dense", told)
    image = scene.draw()
    with Perception(tracker=Waiting()) as perception:
        assert all(perception.process(Frame(i, i / 30, image)).valid for i in range(2))
    assert seen_begun == [False, True]


def test_times_that_stand_still_or_go_back(scene: Scene) -> None:
    image = scene.draw()
    motions = run([image] * 6, np.array([0.0, 0.033, 0.033, 0.066, 0.01, 0.04]))
    assert all(motion.valid and np.isfinite(motion.position_iod).all() for motion in motions)


def test_the_pictures_size_may_change(scene: Scene) -> None:
    image = scene.draw()
    motions = run([image, image, cv2.resize(image, (640, 480)), cv2.resize(image, (640, 480)), image])
    assert all(motion.valid for motion in motions)
    assert np.ptp(path(motions), axis=0).max() < 0.08


def test_tiny_grey_and_noisy_pictures_do_no_harm(scene: Scene) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(scene.draw(), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    motions = run([np.zeros((1, 1, 3), np.uint8), np.zeros((2, 900, 3), np.uint8), noise, grey, grey])
    assert [motion.valid for motion in motions] == [False, False, False, True, True]


def test_quality_falls_where_nothing_can_be_measured(scene: Scene) -> None:
    image = scene.draw()
    small = cv2.resize(image, None, fx=0.24, fy=0.24, interpolation=cv2.INTER_AREA)  # IOD of 12 px
    blurred = cv2.GaussianBlur(image, (0, 0), 5.0)
    cut = image[:, : round(scene.regions[9, 0]) + 4]
    for bad in (small, blurred, cut):
        motion = run([bad] * 3)[-1]
        assert motion.quality < LOW_QUALITY
    assert run([image] * 3)[-1].quality > 0.9


def still_landmarks(value: float) -> NDArray[np.float64]:
    return np.full((12, 2), value)


@pytest.mark.parametrize("fps", [7, 15, 30, 60, 120])
def test_drift_is_forgotten_in_seconds_whatever_the_rate(fps: int) -> None:
    drift = DriftCorrection(crossover_s=2.0, crossover_rad=0.2)
    drift.update(still_landmarks(0.0), None, 0.0, 0.0)
    position = still_landmarks(0.0)
    for i in range(8 * fps):  # a flow that errs by 0.01 IOD a second
        position = drift.update(still_landmarks(0.0), still_landmarks(0.01 / fps), 1.0 / fps, 0.0)
        assert np.isfinite(position).all(), i
    # steady state: rate times time constant, on top of half a second's worth learnt while settling
    expected = 0.02 * (1 - math.exp(-3.5)) + 0.005 + 0.005 * math.exp(-3.5)
    assert position == pytest.approx(still_landmarks(expected), abs=0.002)


def test_drift_is_forgotten_by_turning() -> None:
    drift = DriftCorrection(crossover_s=1e9, crossover_rad=0.2)
    drift.update(still_landmarks(0.0), None, 0.0, 0.0)
    for _ in range(40):
        drift.update(still_landmarks(0.0), still_landmarks(0.0), 0.05, 0.0)
    drift.update(still_landmarks(0.0), still_landmarks(0.1), 0.05, 0.0)
    position = drift.update(still_landmarks(0.0), still_landmarks(0.0), 0.05, 0.2)
    assert position == pytest.approx(still_landmarks(0.1 / math.e), abs=1e-6)


def test_flow_is_trusted_for_what_is_fast() -> None:
    drift = DriftCorrection(crossover_s=2.0, crossover_rad=0.2)
    drift.update(still_landmarks(0.3), None, 0.0, 0.0)
    rng = np.random.default_rng(0)
    for _ in range(30):
        drift.update(0.3 + 0.05 * rng.standard_normal((12, 2)), still_landmarks(0.0), 1 / 30, 0.0)
    before = drift.update(still_landmarks(0.3), still_landmarks(0.0), 1 / 30, 0.0)
    after = drift.update(still_landmarks(0.3), still_landmarks(0.1), 1 / 30, 0.0)
    assert after - before == pytest.approx(still_landmarks(0.1), abs=0.005)
