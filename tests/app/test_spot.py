from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.batch.find import result_names
from app.batch.summary import row_of_result, row_of_summary
from app.spot import SpotFiles, _summary, spot_video
from models.assets import DEMO_CLIP, asset_path
from models.errors import OutputError, VideoError
from models.spotter import Spotter
from models.video import VideoFile


@pytest.fixture(scope="module")
def spotter():
    return Spotter(use_gpu=False)


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def demo(tmp_path_factory, spotter):
    """The shipped clip, spotted once for all tests here; with the progress that was told."""
    told = []
    files = SpotFiles.of(tmp_path_factory.mktemp("out"), "demo")
    result = spot_video(asset_path(DEMO_CLIP), files, spotter, lambda done_s, all_s: told.append((done_s, all_s)))
    return result, told


def test_the_demo_gives_macros_and_micros(demo):
    result, _ = demo
    found = read(result.files.intervals)
    assert len(found) == len(result.intervals) >= 3
    assert {row["type"] for row in found} == {"macro", "micro"}
    for row in found:
        assert float(row["onset_s"]) <= float(row["apex_s"]) <= float(row["offset_s"])
        assert int(row["onset_frame"]) <= int(row["apex_frame"]) <= int(row["offset_frame"]) < result.frames
        assert int(row["apex_frame"]) == pytest.approx(float(row["apex_s"]) * result.fps, abs=1.5)


def test_there_is_one_row_per_source_frame(demo):
    result, _ = demo
    frames = read(result.files.frames)
    assert [int(row["frame"]) for row in frames] == list(range(result.frames))
    times = [frame.time_s for frame in VideoFile(asset_path(DEMO_CLIP))]
    assert [float(row["time_s"]) for row in frames] == pytest.approx(times, abs=6e-5)
    seen = [row for row in frames if row["face"] == "1"]
    assert len(seen) > 0.95 * len(frames)
    for column in ("intensity", "macro", "micro", "quality"):
        assert all(0.0 <= float(row[column]) <= 1.0 for row in seen)


def test_the_summary_says_what_was_done_with_what(demo, spotter):
    result, _ = demo
    summary = json.loads(result.files.summary.read_text("utf-8"))
    assert summary["frames"] == result.frames
    assert summary["fps"] == pytest.approx(30.0, abs=0.1)
    assert summary["duration_s"] == pytest.approx(result.frames / 30, abs=0.1)
    assert summary["counts"]["macro"] + summary["counts"]["micro"] == len(result.intervals)
    assert summary["model"]["sha256"] == spotter.spec.sha256
    assert summary["provider"] == "CPU"
    assert summary["message"] == ""
    assert {"apexspot", "mediapipe", "numpy"} <= set(summary["versions"])
    assert str(Path.home()) not in result.files.summary.read_text("utf-8")


def test_progress_goes_from_start_to_end(demo):
    result, told = demo
    assert len(told) == result.frames
    assert [done_s for done_s, _ in told] == sorted(done_s for done_s, _ in told)
    assert told[-1][0] / told[-1][1] > 0.95


def test_spotting_again_gives_the_same_files(tmp_path, spotter, face_video):
    one, two = SpotFiles.of(tmp_path, "one"), SpotFiles.of(tmp_path, "two")
    spot_video(face_video, one, spotter)
    spot_video(face_video, two, spotter)
    assert [p.read_bytes() for p in one.all()[:2]] == [p.read_bytes() for p in two.all()[:2]]
    first, second = (json.loads(files.summary.read_text("utf-8")) for files in (one, two))
    assert first.pop("taken_s") > 0 < second.pop("taken_s")
    assert first == second


def test_a_row_is_the_same_from_the_result_and_from_its_json(demo, spotter):
    result = replace(demo[0], duration_s=20.26649, fps=29.99949, face_share=0.98765)
    kept = json.loads(json.dumps(_summary(result, result.files, spotter)))
    assert row_of_result(result.video, "r", result) == row_of_summary(result.video, "r", kept)


def test_the_time_taken_is_what_the_json_keeps(tmp_path, spotter, face_video):
    result = spot_video(face_video, SpotFiles.of(tmp_path, "one"), spotter)
    assert result.taken_s == json.loads(result.files.summary.read_text("utf-8"))["taken_s"]


def test_without_a_face_the_table_is_empty_and_it_says_so(tmp_path, spotter, faceless_video):
    result = spot_video(faceless_video, SpotFiles.of(tmp_path, "room"), spotter)
    assert "No face" in result.message
    assert result.face_share == 0.0
    assert read(result.files.intervals) == []
    frames = read(result.files.frames)
    assert len(frames) == 30
    assert all(row["face"] == "0" and row["intensity"] == row["quality"] == "" for row in frames)
    assert json.loads(result.files.summary.read_text())["message"] == result.message


def test_a_single_frame_is_enough(tmp_path, spotter, write_video, portrait):
    result = spot_video(write_video(tmp_path / "one.mkv", [portrait]), SpotFiles.of(tmp_path, "one"), spotter)
    assert result.frames == 1
    assert result.fps is None
    assert len(read(result.files.frames)) == 1
    assert json.loads(result.files.summary.read_text())["fps"] is None


def test_a_video_that_ends_early_is_reported(tmp_path, spotter, write_video, portrait):
    path = write_video(tmp_path / "cut.mkv", [portrait] * 90, options={"preset": "ultrafast", "g": "1"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    result = spot_video(path, SpotFiles.of(tmp_path, "cut"), spotter)
    assert "cut off" in result.message
    assert 10 < result.frames < 60


def test_pictures_too_far_apart_to_follow_are_reported(tmp_path, spotter, write_video, portrait):
    slow = write_video(tmp_path / "slow.mkv", [portrait] * 6, [500 * k for k in range(6)])
    result = spot_video(slow, SpotFiles.of(tmp_path, "slow"), spotter)
    assert result.face_share == 1.0 and not result.intervals
    assert "In 2.5 of 3.0 s the pictures are more than 0.25 s apart" in result.message
    enough = write_video(tmp_path / "enough.mkv", [portrait] * 6, [200 * k for k in range(6)])
    assert spot_video(enough, SpotFiles.of(tmp_path, "enough"), spotter).message == ""


def test_a_bad_video_leaves_nothing_behind(tmp_path, spotter):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video" * 100)
    with pytest.raises(VideoError):
        spot_video(bad, SpotFiles.of(tmp_path, "bad"), spotter)
    assert [p.name for p in tmp_path.iterdir()] == ["bad.mp4"]


def test_results_that_cannot_be_written_are_a_sentence(tmp_path, spotter, faceless_video):
    with pytest.raises(OutputError, match="cannot be written"):
        spot_video(faceless_video, SpotFiles.of(tmp_path / "gone", "room"), spotter)


def test_a_name_is_as_long_as_its_results_may_be(tmp_path, spotter, faceless_video):
    files = SpotFiles.of(tmp_path, "n" * (255 - len(".intervals.csv")))
    spot_video(faceless_video, files, spotter)
    assert all(path.is_file() for path in files.all()) and len(list(tmp_path.iterdir())) == 3
    with pytest.raises(OutputError, match=r"gone\.mp4 was not used: the name of its results, .* is too long"):
        # said before it is seen that there is no such video
        spot_video(tmp_path / "gone.mp4", SpotFiles.of(tmp_path, "n" * 242), spotter)


def test_a_video_whose_name_is_no_utf8_is_spotted(tmp_path, spotter, faceless_video):
    video = tmp_path / "b\udcff.mp4"
    try:
        shutil.copy(faceless_video, video)
    except OSError:
        pytest.skip("there can be no such names here")
    result = spot_video(video, SpotFiles.of(tmp_path, video.stem), spotter)
    assert json.loads(result.files.summary.read_text("utf-8"))["video"] == video.name


def test_memory_does_not_grow_with_the_pictures(tmp_path, spotter, write_video):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (240, 320, 3), np.uint8)
    path = write_video(tmp_path / "long.mkv", [picture] * 300)
    tracemalloc.start()
    try:
        spot_video(path, SpotFiles.of(tmp_path, "long"), spotter)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 * picture.nbytes


def test_names_never_collide():
    def names(*paths):
        return result_names([Path(p) for p in paths])

    assert names("a/x.mp4", "b/y.mp4") == ["x", "y"]
    assert names("a/x.mp4", "b/x.mp4", "c/x.avi") == ["x", "x-2", "x-3"]
    assert names("a/x.mp4", "b/x.mp4", "x-2.mp4") == ["x", "x-3", "x-2"]
    assert names("a/X.mp4", "b/x.mp4") == ["X", "x-2"]
    assert names("a.b.mp4") == ["a.b"]


def test_spotting_needs_neither_qt_nor_torch(tmp_path, faceless_video):
    code = (
        "import sys, app.cli\n"
        f"code = app.cli._run(['spot', {str(faceless_video)!r}, '--out', {str(tmp_path)!r}])\n"
        "heavy = {'PySide6', 'pyqtgraph', 'torch', 'pandas', 'training', 'matplotlib'}\n"
        "print(code, sorted(heavy & {name.split('.')[0] for name in sys.modules}))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "0 []"
    assert (tmp_path / "empty_room.intervals.csv").exists()
