"""The picture that is shown is the one of the frame that was asked for, whatever the file."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from app.review.pictures import Pictures
from app.session.reader import FrameTable
from benchmarks.seeking import Case, make_cases, numbered, read_number
from models.errors import VideoError
from models.video import VideoFile

FRAMES = 220


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return make_cases(tmp_path_factory.mktemp("videos"), FRAMES)


def numbers(pictures: Pictures, rows: Sequence[int]) -> list[int | None]:
    found = [pictures.picture(row) for row in rows]
    return [None if picture is None else read_number(picture) for picture in found]


@pytest.mark.parametrize("cache_bytes", [0, 50_000_000])
def test_random_frames(cases: list[Case], cache_bytes: int) -> None:
    for case in cases:
        assert len(case.numbers) == FRAMES
        rows = [0, FRAMES - 1, *random.Random(1).choices(range(FRAMES), k=30)]
        pictures = Pictures.open(case.video, case.first_frame_s, case.frames, cache_bytes=cache_bytes)
        assert numbers(pictures, rows) == [case.numbers[row] for row in rows], case.name
        pictures.close()


def test_stepping_on_and_back(cases: list[Case]) -> None:
    for case in cases:
        rows = [*range(90, 120), *range(119, 60, -1)]
        pictures = Pictures.open(case.video, case.first_frame_s, case.frames, cache_bytes=0)
        assert numbers(pictures, rows) == [case.numbers[row] for row in rows], case.name
        pictures.close()


def test_a_dropped_picture_is_none_and_nothing_else(cases: list[Case]) -> None:
    case = cases[-1]
    assert case.numbers.count(None) == 2
    pictures = Pictures.open(case.video, case.first_frame_s, case.frames)
    gone = case.numbers.index(None)
    assert numbers(pictures, [gone - 1, gone, gone + 1, gone]) == [gone - 1, None, gone + 1, None]
    pictures.close()


def test_where_time_stamps_start_anew_pictures_are_counted(cases: list[Case], tmp_path: Path) -> None:
    """Two transport streams put together: every time stamp comes twice."""
    stream = next(case.video for case in cases if case.video.suffix == ".ts")
    both = tmp_path / "both.ts"
    with both.open("wb") as file:
        for _ in range(2):
            with stream.open("rb") as part:
                shutil.copyfileobj(part, file)
    with VideoFile(both) as video:
        seen = [(frame.time_s, read_number(frame.image)) for frame in video]
    assert len(seen) > 1.5 * FRAMES
    times = np.array([time_s for time_s, _ in seen])
    no, nan = np.zeros(len(seen), np.bool_), np.full(len(seen), np.nan)
    frames = FrameTable(np.arange(len(seen)), np.round(times, 6), no, no, nan, nan, nan, nan)
    pictures = Pictures.open(both, 0.0, frames)
    rows = [5, FRAMES + 20, 30, len(seen) - 1]
    assert numbers(pictures, rows) == [seen[row][1] for row in rows]
    pictures.close()


def test_the_picture_is_the_one_that_was_analysed(face_video: Path) -> None:
    """Turned, with its aspect, in colour: as ``VideoFile`` gives it."""
    with VideoFile(face_video) as video:
        frames = list(video)
    no, nan = np.zeros(len(frames), np.bool_), np.full(len(frames), np.nan)
    times = np.array([frame.time_s for frame in frames])
    pictures = Pictures.open(face_video, 0.0, FrameTable(np.arange(len(frames)), times, no, no, nan, nan, nan, nan))
    for row in (40, 3, 59):
        picture = pictures.picture(row)
        assert picture is not None
        np.testing.assert_array_equal(picture, frames[row].image)
    pictures.close()


def test_what_is_no_video_is_said(tmp_path: Path, cases: list[Case]) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    with pytest.raises(VideoError):
        Pictures.open(path, 0.0, cases[0].frames)


def test_the_number_can_be_read_back() -> None:
    assert [read_number(numbered(k)) for k in (0, 1, 4711, 65535)] == [0, 1, 4711, 65535]
