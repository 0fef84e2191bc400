"""The face tracker with the real landmark model on the shipped portrait."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.assets import asset_path
from models.face import ALIGNED, LANDMARK_COUNT, FaceTracker, fit_similarity
from models.types import Image


@pytest.fixture(scope="module")
def portrait() -> Image:
    return cv2.imread(str(asset_path("portrait.png")))


@pytest.fixture
def tracker() -> Iterator[FaceTracker]:
    with FaceTracker() as made:
        yield made


def test_finds_the_face(tracker: FaceTracker, portrait: Image) -> None:
    found = tracker.track(portrait, 0.0)
    assert found is not None
    assert found.landmarks_px.shape == (LANDMARK_COUNT, 3)
    assert found.landmarks_px.dtype == np.float32
    assert 38 < found.iod_px < 46
    assert found.landmarks_px[4, :2] == pytest.approx((226, 128), abs=8)  # nose tip


def test_alignment_puts_the_eyes_where_they_belong(tracker: FaceTracker, portrait: Image) -> None:
    found = tracker.track(portrait, 0.0)
    assert found is not None
    eyes = found.landmarks_px[[33, 133, 362, 263], :2] @ found.to_aligned[:, :2].T + found.to_aligned[:, 2]
    assert eyes.mean(axis=0) == pytest.approx((ALIGNED.eyes_x_px, ALIGNED.eyes_y_px), abs=4)
    assert np.linalg.norm(eyes[:2].mean(axis=0) - eyes[2:].mean(axis=0)) == pytest.approx(ALIGNED.iod_px, rel=0.05)


def test_no_face(tracker: FaceTracker) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    assert tracker.track(noise, 0.0) is None


def test_tiny_pictures(tracker: FaceTracker) -> None:
    for size in ((1, 1, 3), (15, 400, 3), (16, 16, 3)):
        assert tracker.track(np.zeros(size, np.uint8), 0.0) is None


def test_times_may_stand_still_jump_or_go_back(tracker: FaceTracker, portrait: Image) -> None:
    for time_s in (5.0, 5.0, 5.0001, 5.0004, 5.04, 4.0, 4.033, 1000.0):
        assert tracker.track(portrait, time_s) is not None


def test_the_pictures_size_may_change(tracker: FaceTracker, portrait: Image) -> None:
    for i, (width, height) in enumerate([(512, 512), (640, 480), (333, 401), (512, 512)]):
        found = tracker.track(cv2.resize(portrait, (width, height)), i / 30)
        assert found is not None
        assert found.landmarks_px[4, 0] / width == pytest.approx(226 / 512, abs=0.03)


def test_a_clip_played_again_gives_the_same(tracker: FaceTracker, portrait: Image) -> None:
    runs = []
    for _ in range(2):
        found = [tracker.track(np.roll(portrait, 2 * i, axis=1), i / 30) for i in range(5)]
        runs.append(np.array([track.landmarks_px for track in found if track is not None]))
    assert np.array_equal(runs[0], runs[1])


def test_grey_content(tracker: FaceTracker, portrait: Image) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    assert tracker.track(grey, 0.0) is not None


def test_stays_with_one_of_two_faces(tracker: FaceTracker, portrait: Image) -> None:
    head = portrait[0:220, 120:340]
    canvas = np.full((260, 520, 3), 128, np.uint8)
    canvas[20:240, 10:230] = head
    canvas[40:194, 300:454] = cv2.resize(head, (154, 154))
    places = []
    for i in range(8):
        found = tracker.track(canvas, i / 30)
        assert found is not None
        places.append(float(found.landmarks_px[4, 0]))
    assert max(places) - min(places) < 5


def test_same_frames_same_numbers(portrait: Image) -> None:
    runs = []
    for origin_s in (0.0, 12.0):  # where the clock starts does not matter
        with FaceTracker() as tracker:
            found = [tracker.track(np.roll(portrait, i, axis=1), origin_s + i / 32) for i in range(6)]
        runs.append(np.array([track.landmarks_px for track in found if track is not None]))
    assert runs[0].shape == (6, LANDMARK_COUNT, 3)
    assert np.array_equal(runs[0], runs[1])


def test_similarity_is_recovered() -> None:
    rng = np.random.default_rng(1)
    source = rng.uniform(0, 100, (7, 2))
    matrix = np.array([[1.2 * np.cos(0.3), -1.2 * np.sin(0.3), 7.0], [1.2 * np.sin(0.3), 1.2 * np.cos(0.3), -3.0]])
    assert fit_similarity(source, source @ matrix[:, :2].T + matrix[:, 2]) == pytest.approx(matrix, abs=1e-9)


def test_native_libraries_keep_quiet() -> None:
    code = (
        "import sys, numpy as np\n"
        "from models.face import FaceTracker\n"
        "with FaceTracker() as tracker:\n"
        "    tracker.track(np.zeros((64, 64, 3), np.uint8), 0.0)\n"
        "sys.stderr.write('still heard')\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stderr == "still heard"
    assert done.stdout == ""
