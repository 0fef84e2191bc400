"""Points drawn from intervals, and pictures as a source."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.errors import VideoError
from models.types import ExpressionType, FrameSource
from training.readers import CodedInterval, PointDraw, RecordingLabels, draw_points
from training.readers.pictures import PictureFolder, Thinned, frame_count, open_source, step_of

MACRO = ExpressionType.MACRO
INTERVAL = CodedInterval(100, 130, 160, MACRO)


def frames(draw: PointDraw, seed: int = 0, interval: CodedInterval = INTERVAL, count: int = 2000) -> np.ndarray:
    recording = RecordingLabels("a", "s", "plain", Path("a.mp4"), 25.0, (interval,) * count)
    return np.array([point.time_s * 25 for point in draw_points(recording, draw, seed)])


@pytest.mark.parametrize("draw", PointDraw)
def test_points_lie_inside_and_on_frames(draw: PointDraw) -> None:
    drawn = frames(draw)
    assert drawn.min() >= 100 and drawn.max() <= 160
    assert np.allclose(drawn, np.round(drawn))


def test_each_draw_has_its_own_spread() -> None:
    """Standard deviations: a sixth of the duration; duration / sqrt(12); and nothing in the middle near an edge."""
    apex, uniform, edge = (frames(draw) for draw in (PointDraw.APEX, PointDraw.UNIFORM, PointDraw.EDGE))
    assert apex.mean() == pytest.approx(130, abs=1) and apex.std() == pytest.approx(61 / 6, rel=0.1)
    assert uniform.std() == pytest.approx(61 / np.sqrt(12), rel=0.05)
    assert {int(f) for f in edge} == {*range(100, 106), *range(155, 161)}


def test_an_apex_off_the_middle_pulls_points_there() -> None:
    assert frames(PointDraw.APEX, interval=CodedInterval(100, 110, 160, MACRO)).mean() < 115


def test_one_frame_is_its_own_point() -> None:
    for draw in PointDraw:
        assert set(frames(draw, interval=CodedInterval(5, 5, 5, MACRO), count=3)) == {5.0}


def test_the_seed_decides_and_other_recordings_do_not() -> None:
    assert np.array_equal(frames(PointDraw.APEX, 1), frames(PointDraw.APEX, 1))
    assert not np.array_equal(frames(PointDraw.APEX, 1), frames(PointDraw.APEX, 2))
    one, two = (RecordingLabels(n, "s", "plain", Path("a"), 25.0, (INTERVAL,) * 9) for n in "ab")
    assert draw_points(one, PointDraw.UNIFORM, 0) != draw_points(two, PointDraw.UNIFORM, 0)


# --- pictures -----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures 3 to 12 without 5, number 6 damaged; brightness tells the number."""
    for number in (3, 4, 6, 7, 8, 9, 10, 11, 12):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8), number, np.uint8))
    (tmp_path / "6.png").write_bytes(b"\x89PNG torn")
    (tmp_path / "notes.txt").touch()
    return tmp_path


def test_times_follow_from_numbers_not_from_the_count(folder: Path) -> None:
    source = PictureFolder(folder, 10.0)
    assert isinstance(source, FrameSource)
    seen = [(frame.index, round(frame.time_s, 6), int(frame.image[0, 0, 0])) for frame in source]
    assert seen == [(0, 0.0, 3), (1, 0.1, 4)] + [(n - 3, (n - 3) / 10, n) for n in range(7, 13)]
    assert source.skipped == 1 and source.frame_count == 10
    assert next(iter(source)).image.shape == (8, 8, 3)


def test_fast_recordings_are_thinned_to_no_less_than_the_grid_needs(folder: Path, face_video: Path) -> None:
    assert [step_of(fps) for fps in (25.0, 30.0, 60.0, 100.0, 200.0)] == [1, 1, 1, 3, 6]
    assert [frame.index for frame in open_source(folder, 200.0)] == [0, 6]
    assert frame_count(folder, 200.0) == 2
    video = open_source(face_video, 120.0)
    assert isinstance(video, Thinned) and isinstance(video, FrameSource)
    assert [frame.index for frame in video] == list(range(0, 60, 4))
    assert frame_count(face_video, 120.0) == 15


def test_a_folder_without_a_usable_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no numbered pictures"):
        PictureFolder(tmp_path, 30.0)
    (tmp_path / "1.jpg").write_bytes(b"torn")
    with pytest.raises(VideoError, match="no picture that can be decoded"):
        list(PictureFolder(tmp_path, 30.0))
