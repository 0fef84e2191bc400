"""Synthetic video: the picture does what the script says, and the truth says the same."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import cv2
import mediapipe as mp
import numpy as np
import pytest
from mediapipe.tasks.python import BaseOptions, vision

from models.assets import DEMO_CLIP, FACE_LANDMARKER, asset_path
from models.errors import OutputError
from models.types import REGION_LANDMARKS, ExpressionType
from training.actions import ACTIONS, Side, field, region_displacement
from training.portrait import Head, Identity, Pose
from training.synth_script import (
    CLEAN,
    Event,
    Script,
    SpeechStretch,
    blink,
    blinks_script,
    demo_script,
    head_turns_script,
    random_script,
    speech_script,
    still_script,
)
from training.synthetic import TRUTH_COLUMNS, encode, main, render, times_of, truth_rows, write

IOD_PX = 75.0
STILL = np.zeros((478, 2))
SMALL = (160, 120)


class Looker:
    """MediaPipe on single pictures: region positions in IOD, the eyes' opening, and the head's yaw."""

    def __init__(self) -> None:
        base = BaseOptions(model_asset_path=str(asset_path(FACE_LANDMARKER)))
        options = vision.FaceLandmarkerOptions(base_options=base, output_facial_transformation_matrixes=True)
        self.landmarker = vision.FaceLandmarker.create_from_options(options)

    def look(self, picture: np.ndarray) -> tuple[np.ndarray, float, float]:
        rgb = np.ascontiguousarray(picture[..., ::-1])
        found = self.landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb))
        height, width = picture.shape[:2]
        mesh = np.array([[p.x * width, p.y * height] for p in found.face_landmarks[0]])
        left, right = mesh[[33, 133]].mean(axis=0), mesh[[362, 263]].mean(axis=0)
        mesh = (mesh - (left + right) / 2) / np.hypot(*(right - left))
        matrix = found.facial_transformation_matrixes[0]
        yaw_deg = float(np.degrees(np.arctan2(matrix[0, 2], matrix[2, 2])))
        return mesh[list(REGION_LANDMARKS)], float(mesh[145, 1] - mesh[159, 1]), yaw_deg


@pytest.fixture(scope="module")
def looker():
    looker = Looker()
    yield looker
    looker.landmarker.close()


@pytest.fixture(scope="module")
def head() -> Head:
    return Head(Identity(), (640, 480), IOD_PX)


@pytest.fixture(scope="module")
def calm(head: Head, looker: Looker):
    return looker.look(head.paint(STILL, Pose()))


def move(head: Head, name: str, strength: float = 1.0, side: Side = Side.BOTH) -> np.ndarray:
    return strength * field(ACTIONS[name], side, head.mesh_iod[:, :2])


@pytest.mark.parametrize(
    ("name", "regions", "low", "high"),
    [
        ("smile", [8, 10], 0.7, 1.2),
        ("jaw_drop", [11], 0.7, 1.3),
        # MediaPipe follows brows less far than they move
        ("brow_raise", [0, 1, 2, 3, 4, 5], 0.4, 1.2),
        ("lip_corner_depress", [8, 10], 0.6, 1.4),
        ("lip_pucker", [8, 10], 0.6, 1.2),
    ],
)
def test_mediapipe_sees_the_movement_that_was_asked_for(head, looker, calm, name, regions, low, high) -> None:
    seen = (looker.look(head.paint(move(head, name), Pose()))[0] - calm[0])[regions]
    asked = region_displacement(ACTIONS[name], Side.BOTH)[regions]
    along = (seen * asked).sum(axis=1) / (asked**2).sum(axis=1)
    assert along.min() > low and along.max() < high


def test_pixels_move_as_far_as_the_mesh(head: Head) -> None:
    """Patches around the brows, followed by Lucas-Kanade, an independent method."""
    before = cv2.cvtColor(head.paint(STILL, Pose()), cv2.COLOR_BGR2GRAY)
    regions = [1, 2, 3, 4]
    start = head.landmarks_px(STILL, Pose())[[REGION_LANDMARKS[r] for r in regions]].astype(np.float32)
    moved = head.paint(move(head, "brow_raise", 0.5), Pose())
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        before, cv2.cvtColor(moved, cv2.COLOR_BGR2GRAY), start, None, winSize=(9, 9)
    )
    assert status.all()
    asked = 0.5 * region_displacement(ACTIONS["brow_raise"], Side.BOTH)[regions] * IOD_PX
    assert np.abs(found - start - asked).max() < 0.5


def test_one_side_moves_alone(head, looker, calm) -> None:
    seen = np.linalg.norm(looker.look(head.paint(move(head, "smile", side=Side.LEFT), Pose()))[0] - calm[0], axis=1)
    assert seen[8] > 0.08 and seen[10] < 0.04


def test_an_open_mouth_is_dark_inside(head: Head) -> None:
    shut, open_ = head.paint(STILL, Pose()), head.paint(move(head, "jaw_drop"), Pose())
    inside = head.landmarks_px(move(head, "jaw_drop"), Pose())[[13, 14]].mean(axis=0).astype(int)
    box = slice(inside[1] + 1, inside[1] + 5), slice(inside[0] - 4, inside[0] + 4)
    assert open_[box].mean() < 70 < shut[box].mean()


def test_a_blink_closes_the_eyes_and_leaves_the_mouth(head, looker, calm) -> None:
    open_, shut = head.paint(STILL, Pose()), head.paint(move(head, "blink"), Pose())
    assert looker.look(shut)[1] < 0.65 * calm[1]
    nose = int(head.landmarks_px(STILL, Pose())[4, 1])
    assert np.array_equal(open_[nose:], shut[nose:])


@pytest.mark.parametrize("yaw_deg", [-20.0, 10.0])
def test_a_turned_head_shows_the_yaw_that_was_asked_for(head, looker, calm, yaw_deg: float) -> None:
    turned = looker.look(head.paint(STILL, Pose(yaw_deg=yaw_deg)))[2] - calm[2]
    assert turned == pytest.approx(yaw_deg, abs=4.0)


def test_without_motion_the_picture_stays_the_same() -> None:
    script = replace(still_script(5, 0.5, size=SMALL), degradation=CLEAN)
    frames = [frame.image for frame in render(script)]
    assert len(frames) == 15
    assert all(np.array_equal(frames[0], frame) for frame in frames)


def test_noise_has_the_size_that_was_asked_for() -> None:
    script = still_script(5, 1.0, size=SMALL)
    noisy = replace(script, degradation=replace(CLEAN, noise=3.0))
    frames = np.stack([frame.image for frame in render(noisy)]).astype(np.float32)
    mean = frames.mean(axis=0)
    middle = (mean > 110) & (mean < 146)
    assert frames.std(axis=0)[middle].mean() == pytest.approx(3.0, rel=0.15)


def test_a_seed_gives_the_same_pictures_and_another_seed_others() -> None:
    script = random_script(3, 0.3, size=SMALL, irregular=True)
    first, again = list(render(script)), list(render(script))
    assert all(np.array_equal(a.image, b.image) and a.time_s == b.time_s for a, b in zip(first, again, strict=True))
    assert random_script(3, 60.0) == random_script(3, 60.0)
    assert random_script(4, 60.0) != random_script(3, 60.0)
    other = next(iter(render(random_script(4, 0.3, size=SMALL))))
    assert np.abs(other.image.astype(int) - first[0].image).mean() > 3.0


def test_random_expressions_keep_their_promises() -> None:
    script = random_script(11, 600.0)
    found = script.expressions
    kinds = [event.type for event in found]
    assert kinds.count(ExpressionType.MICRO) > 20 and kinds.count(ExpressionType.MACRO) > 20
    for event in found:
        duration_s = event.offset_s - event.onset_s
        assert event.onset_s < event.apex_s < event.offset_s <= 600.0 and event.amplitude >= 0.25
        if event.type is ExpressionType.MICRO:
            assert 0.16 <= duration_s <= 0.5 + 1e-9 and event.amplitude <= 0.6
        else:
            assert 0.5 < duration_s <= 4.0 + 1e-9 and event.amplitude <= 1.0
    pauses_s = np.array([b.onset_s - a.offset_s for a, b in pairwise(found)])
    assert pauses_s.min() > 0.1 and (pauses_s < 0.8).any() and (pauses_s > 3.0).any()
    assert max(event.hold_s for event in found) > 1.0
    talking = [(s.start_s, s.end_s) for s in script.speech]
    assert talking and not any(e.onset_s < end and start < e.offset_s for e in found for start, end in talking)


def test_negatives_hold_no_expression_but_what_they_are_named_for() -> None:
    blinking, turning, talking = blinks_script(1, 60.0), head_turns_script(1, 60.0), speech_script(1, 60.0)
    for script in (still_script(1, 60.0), blinking, turning, talking):
        assert script.expressions == ()
    assert len(blinking.events) > 8
    yaws = [key.pose.yaw_deg for key in turning.head]
    assert 8.0 < np.abs(yaws).max() <= 15.0
    assert sum(s.end_s - s.start_s for s in talking.speech) > 25.0


def test_talking_moves_the_mouth_and_pauses() -> None:
    base = Script(1, 2.0, size=SMALL, iod_px=20.0, speech=(SpeechStretch(0.2, 1.5),), degradation=CLEAN)
    frames = [frame.image.astype(int) for frame in render(base)]
    change = np.array([np.abs(b - a).max() for a, b in pairwise(frames)])
    assert change[:5].max() == 0 and change[6:40].max() > 20 and change[46:].max() == 0


@pytest.mark.parametrize(("fps", "irregular"), [(30.0, False), (25.0, False), (60.0, False), (30.0, True)])
def test_a_written_video_gives_back_its_times(tmp_path: Path, fps: float, irregular: bool) -> None:
    script = random_script(2, 3.0, fps, SMALL, irregular)
    times_s = times_of(script)
    path = tmp_path / "clip.mp4"
    count = encode(render(script), path, fps, 30)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoded = [float(frame.pts * frame.time_base) for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
    assert count == len(times_s)
    np.testing.assert_allclose(decoded, times_s, atol=1e-9)
    steps = np.diff(times_s)
    assert steps.min() > 0 and (steps.std() > 0.001) == irregular
    assert (len(times_s) < round(3.0 * fps)) == irregular


def test_truth_names_the_nearest_frames(tmp_path: Path) -> None:
    event = Event(("smile",), 0.5, 0.8, 1.4, 0.5, Side.LEFT, ExpressionType.MACRO)
    script = Script(1, 2.0, 25.0, SMALL, 20.0, events=(event, blink(0.1)))
    path = tmp_path / "clip.mp4"
    assert write(script, path) == 50
    with path.with_suffix(".truth.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == TRUTH_COLUMNS and len(rows) == 1
    assert rows[0]["type"] == "macro" and rows[0]["action"] == "smile" and rows[0]["side"] == "left"
    assert [rows[0][f"{name}_frame"] for name in ("onset", "apex", "offset")] == ["12", "20", "35"]


def test_onset_is_the_last_still_frame_and_offset_the_first(tmp_path: Path) -> None:
    event = Event(("brow_raise",), 0.5, 0.7, 1.0, 0.6, type=ExpressionType.MICRO)
    script = Script(1, 1.5, 30.0, SMALL, 25.0, events=(event,), degradation=CLEAN)
    frames = [frame.image.astype(int) for frame in render(script)]
    row = truth_rows(script, times_of(script))[0]
    still = [np.array_equal(frames[0], frame) for frame in frames]
    onset, offset = int(row["onset_frame"]), int(row["offset_frame"])
    assert all(still[: onset + 1]) and all(still[offset:])
    assert not any(still[onset + 2 : offset - 2])


def test_the_command_writes_video_and_truth(tmp_path: Path) -> None:
    path = tmp_path / "turns.mp4"
    arguments = ["--kind", "turns", "--seed", "3", "--duration-s", "0.5", "--size", "160x120", "--out", str(path)]
    assert main(arguments) == 0
    assert path.stat().st_size > 1000
    assert path.with_suffix(".truth.csv").read_text(encoding="utf-8") == ",".join(TRUTH_COLUMNS) + "\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "clip.mp4"
    assert main(["--duration-s", "0.2", "--size", "160x120", "--out", str(missing)]) == 1
    with pytest.raises(OutputError, match="nowhere"):
        encode(render(still_script(1, 0.1, size=SMALL)), missing, 30.0)


def test_a_broken_off_video_leaves_nothing_behind(tmp_path: Path) -> None:
    def broken():
        yield next(iter(render(still_script(1, 0.1, size=SMALL))))
        raise KeyboardInterrupt

    path = tmp_path / "clip.mp4"
    with pytest.raises(KeyboardInterrupt):
        encode(broken(), path, 30.0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["--size", "65x99"], ["--size", "big"], ["--fps", "1"], ["--duration-s", "0"]])
def test_impossible_requests_end_with_code_2(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--out", str(tmp_path / "clip.mp4")])
    assert stop.value.code == 2 and not list(tmp_path.iterdir())


def test_the_shipped_demo_is_the_demo_script() -> None:
    script = demo_script()
    kinds = [event.type for event in script.expressions]
    assert kinds.count(ExpressionType.MACRO) == 3 and kinds.count(ExpressionType.MICRO) == 2
    clip = asset_path(DEMO_CLIP)
    assert clip.stat().st_size < 2_000_000
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (640, 480, len(times_of(script)))
    with asset_path("demo.truth.csv").open(encoding="utf-8") as stream:
        shipped = list(csv.DictReader(stream))
    made = [{key: str(value) for key, value in row.items()} for row in truth_rows(script, times_of(script))]
    assert shipped == made
