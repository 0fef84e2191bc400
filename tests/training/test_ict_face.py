"""Heads of the ICT face: what is painted is a face to MediaPipe, and moves as it is told."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.errors import DataError
from models.types import REGION_LANDMARKS
from training.actions import ACTIONS, Action, ActionKind, Side, region_displacement
from training.ict_face import FaceModel, IctHead
from training.portrait import Pose, detect_mesh
from training.rendered import Order, video
from training.synth_script import Script
from training.synthetic import render

IOD_PX = 80.0


@pytest.fixture(scope="module")
def people(shared_data: Path) -> FaceModel:
    return FaceModel(shared_data / "ict_face" / "ict_facekit_compact.npz")


@pytest.fixture(scope="module")
def head(people: FaceModel) -> IctHead:
    return IctHead(people, 3, (640, 480), IOD_PX)


@pytest.mark.shared_data
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_mediapipe_finds_every_person_where_they_are(people: FaceModel, seed: int) -> None:
    head = IctHead(people, seed, (640, 480), IOD_PX)
    mesh = detect_mesh(head.paint(head.still(), Pose()))
    eyes = mesh[[362, 263], :2].mean(0) - mesh[[33, 133], :2].mean(0)
    assert np.hypot(*eyes) == pytest.approx(IOD_PX, rel=0.05)
    away = mesh[list(REGION_LANDMARKS), :2] - head.landmarks_px(head.still(), Pose())
    assert np.linalg.norm(away, axis=1).max() < 0.3 * IOD_PX


@pytest.mark.shared_data
@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda a: a.name)
def test_a_movement_goes_where_the_action_does(head: IctHead, action: Action) -> None:
    moved = (
        head.landmarks_px(head.field(action, Side.BOTH), Pose()) - head.landmarks_px(head.still(), Pose())
    ) / IOD_PX
    asked = region_displacement(action, Side.BOTH)
    if action.kind is ActionKind.BLINK:
        assert np.linalg.norm(moved, axis=1).max() < 0.02
        return
    # others modelled it: alike, not the same
    assert (moved * asked).sum() / np.linalg.norm(moved) / np.linalg.norm(asked) > 0.5
    largest = np.linalg.norm(asked, axis=1).max()
    # what comes nearer to the camera or goes away from it grows or shrinks besides
    assert np.linalg.norm(moved, axis=1).max() == pytest.approx(largest, rel=0.25)


@pytest.mark.shared_data
def test_a_side_is_the_pictures(head: IctHead) -> None:
    left = head.landmarks_px(head.field(ACTIONS["smile"], Side.LEFT), Pose()) - head.landmarks_px(head.still(), Pose())
    assert np.linalg.norm(left[8]) > 5 * np.linalg.norm(left[10])


@pytest.mark.shared_data
def test_pixels_move_as_far_as_the_brows(head: IctHead) -> None:
    before, after = head.still(), 0.5 * head.field(ACTIONS["brow_raise"], Side.BOTH)
    grey = [cv2.cvtColor(head.paint(d, Pose()), cv2.COLOR_BGR2GRAY) for d in (before, after)]
    places = [head.landmarks_px(d, Pose())[[1, 2, 3, 4]].astype(np.float32) for d in (before, after)]
    found, status, _ = cv2.calcOpticalFlowPyrLK(grey[0], grey[1], places[0], None, winSize=(13, 13))
    assert status.all()
    asked = places[1] - places[0]
    assert np.abs(found - places[0] - asked).max() < 0.35 * np.abs(asked).max()


@pytest.mark.shared_data
def test_the_same_script_films_the_same_person(people: FaceModel) -> None:
    first, again, other = (next(iter(render(Script(seed, 1.0), people))).image for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_another_file_is_refused(tmp_path: Path) -> None:
    parts, small, array, text = (tmp_path / name for name in ("parts.npz", "small.npz", "array.npy", "text.npz"))
    np.savez(parts, neutral=np.zeros((3, 3)))
    zeros = np.zeros((1, 4, 3))
    np.savez(small, neutral=zeros[0], identity=zeros, quads=np.zeros((1, 4)), expr=zeros, expr_names=["jawOpen"])
    np.save(array, zeros)
    text.write_text("no archive")
    for file in (parts, small, array, text, tmp_path / "missing.npz"):
        with pytest.raises(DataError, match="ict_facekit_compact"):
            FaceModel(file)
    with pytest.raises(DataError, match="missing"):
        video(Order("still", 1, 0.1, people=tmp_path / "missing.npz"), tmp_path)
