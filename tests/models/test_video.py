from __future__ import annotations

import os
import struct
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from models.errors import UsageError, VideoError
from models.types import FrameSource
from models.video import VideoFile


def grey(levels, height=48, width=64):
    return [np.full((height, width, 3), level, np.uint8) for level in levels]


def levels_of(video):
    return [float(frame.image.mean()) for frame in video]


def test_it_is_a_frame_source_and_states_what_the_file_states(face_video):
    with VideoFile(face_video) as video:
        assert isinstance(video, FrameSource)
        assert video.name == "face.mp4"
        assert not video.is_live
        assert video.nominal_fps == pytest.approx(30.0, rel=0.01)
        assert video.frame_count_estimate == 60
        assert video.duration_s == pytest.approx(2.0, abs=0.05)


def test_frames_count_from_zero_and_are_bgr(tmp_path, write_video):
    blue = np.zeros((48, 64, 3), np.uint8)
    blue[..., 0] = 255
    frames = list(VideoFile(write_video(tmp_path / "blue.mp4", [blue] * 3)))
    assert [frame.index for frame in frames] == [0, 1, 2]
    image = frames[0].image
    assert image.dtype == np.uint8
    assert image.shape == (48, 64, 3)
    assert image[..., 0].mean() > 240
    assert image[..., 1:].mean() < 15


@pytest.mark.parametrize("name", ["irregular.mp4", "irregular.mkv"])
def test_irregular_times_come_out_as_they_went_in(tmp_path, write_video, name):
    times_ms = [0, 20, 90, 100, 500, 501, 700]
    video = VideoFile(write_video(tmp_path / name, grey(range(0, 140, 20)), times_ms))
    assert [round(frame.time_s * 1000, 3) for frame in video] == times_ms


def test_the_first_frame_is_time_zero(tmp_path, write_video):
    video = VideoFile(write_video(tmp_path / "late.mkv", grey([0, 50, 100]), [5000, 5033, 5100]))
    assert [round(frame.time_s, 6) for frame in video] == [0.0, 0.033, 0.1]


@pytest.mark.parametrize("name", ["late.mkv", "late.mp4", "late.ts"])
def test_the_length_counts_from_the_first_picture(tmp_path, write_video, name):
    times_ms = [5000 + 40 * k for k in range(10)]
    video = VideoFile(write_video(tmp_path / name, grey(range(0, 200, 20)), times_ms))
    assert video.duration_s == pytest.approx(0.4, abs=0.05)


def test_pictures_with_b_frames_come_in_order_of_time(tmp_path, write_video):
    levels = list(range(10, 250, 10))
    options = {"preset": "medium", "crf": "10", "bf": "3"}
    path = write_video(tmp_path / "b.mp4", grey(levels), options=options)
    with av.open(str(path)) as container:
        stamps = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    assert stamps != sorted(stamps), "the clip has no B-frames, so the test would prove nothing"
    frames = list(VideoFile(path))
    times = [frame.time_s for frame in frames]
    assert times == sorted(times)
    assert np.allclose([f.image.mean() for f in frames], levels, atol=4)


@pytest.mark.parametrize(
    ("rotation_deg", "bright"),
    [(90, (slice(32, 64), slice(None))), (180, (slice(None), slice(32, 64))), (-90, (slice(0, 32), slice(None)))],
)
def test_rotation_is_applied(tmp_path, write_video, rotation_deg, bright):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32] = 220  # the left half; turned by 90 degrees against the clock it lies at the bottom
    path = write_video(tmp_path / "turned.mp4", [picture] * 2, rotation_deg=rotation_deg)
    image = next(iter(VideoFile(path))).image
    assert image.shape[:2] == ((48, 64) if rotation_deg == 180 else (64, 48))
    assert image[bright].mean() > 180
    assert image.mean() == pytest.approx(110, abs=15)


@pytest.mark.parametrize(
    ("matrix", "seen"),
    [
        ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
        ((1, 0, 0, -1), lambda image: image[::-1]),
        ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda image: image[::-1, ::-1].transpose(1, 0, 2)),
    ],
    ids=["mirrored", "upside down and mirrored", "transposed", "transposed the other way"],
)
def test_a_mirrored_video_is_shown_as_it_asks(tmp_path, write_video, matrix, seen):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:16, :32] = 220
    path = write_video(tmp_path / "mirrored.mp4", [picture] * 2)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the track header's matrix: 16.16 numbers a b u c d v x y w
    a, b, c, d = (part << 16 for part in matrix)
    data[at : at + 20] = struct.pack(">5i", a, b, 0, c, d)
    path.write_bytes(data)
    image = next(iter(VideoFile(path))).image
    assert image.shape == seen(picture).shape
    assert np.abs(image.astype(int) - seen(picture)).mean() < 8


def test_every_iteration_starts_anew(face_video):
    with VideoFile(face_video) as video:
        first = [(f.index, f.time_s, f.image.sum()) for f in video]
        second = [(f.index, f.time_s, f.image.sum()) for f in video]
    assert first == second
    assert len(first) == 60


def test_damaged_packets_are_left_out_and_counted(tmp_path, write_video):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (96, 128, 3), np.uint8) for _ in range(20)]
    path = write_video(tmp_path / "damaged.avi", pictures, codec="mjpeg", options={"q": "3"})
    data = bytearray(path.read_bytes())
    start = data.index(b"\xff\xd8", len(data) // 2)  # a JPEG picture's header in the middle of the file
    data[start : start + 700] = bytes(700)
    path.write_bytes(data)
    video = VideoFile(path)
    frames = list(video)
    assert len(frames) == 19
    assert video.skipped == 1
    gaps = np.diff([frame.time_s for frame in frames])
    assert max(gaps) == pytest.approx(2 / 30, abs=0.003)


def test_times_behind_a_damaged_stretch_are_the_files_own(tmp_path, write_video):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(210)]
    options = {"preset": "veryfast", "bf": "3", "g": "30", "sc_threshold": "0"}
    path = write_video(tmp_path / "damaged.mp4", noise, options=options)
    whole = [round(frame.time_s, 3) for frame in VideoFile(path)]
    data = bytearray(path.read_bytes())
    data[len(data) * 2 // 5 : len(data) * 3 // 5] = bytes(len(data) * 3 // 5 - len(data) * 2 // 5)
    path.write_bytes(data)
    video = VideoFile(path)
    times = [round(frame.time_s, 3) for frame in video]
    assert max(np.diff(times)) > 1.0 and video.skipped > 30
    assert set(times) <= set(whole)
    assert times[-30:] == whole[-30:]


def test_repeated_times_are_left_out_and_counted(tmp_path, write_video):
    path = write_video(tmp_path / "twice.mkv", grey([0, 50, 100, 150]), [0, 33, 67, 100], options={"g": "1"})
    data = path.read_bytes()
    # Matroska block headers: track number 1 (0x81), then the time in ms as two bytes
    assert data.count(b"\x81\x00\x43") >= 1
    path.write_bytes(data.replace(b"\x81\x00\x43", b"\x81\x00\x21"))
    video = VideoFile(path)
    assert [round(frame.time_s, 3) for frame in video] == [0.0, 0.033, 0.1]
    assert video.skipped == 1


@pytest.mark.parametrize("name", ["pause.mkv", "pause.mp4"])
def test_a_long_pause_is_kept_where_the_length_has_room_for_it(tmp_path, write_video, name):
    times_ms = [0, 33, 67, 1_500_000, 1_500_033]
    video = VideoFile(write_video(tmp_path / name, grey(range(0, 100, 20)), times_ms))
    assert video.duration_s > 1500.0
    assert [round(frame.time_s * 1000) for frame in video] == times_ms


def test_a_long_step_that_is_no_pause_is_left_out(tmp_path, write_video):
    times_ms = [0, 33, 67, 1_500_000, 1_500_033]
    joined = VideoFile(write_video(tmp_path / "joined.ts", grey(range(0, 100, 20)), times_ms))
    assert [frame.time_s for frame in joined][-1] < 0.2
    broken = write_video(tmp_path / "broken.mkv", grey(range(0, 100, 20)), times_ms)
    data = broken.read_bytes()
    at = data.index(b"\x44\x89\x88") + 3  # Matroska's Duration: a double, in ms
    assert struct.unpack(">d", data[at : at + 8])[0] > 1_500_000
    broken.write_bytes(data[:at] + struct.pack(">d", 5000.0) + data[at + 8 :])
    assert [frame.time_s for frame in VideoFile(broken)][-1] < 0.2


def test_a_raw_stream_without_times_gets_even_ones(tmp_path, write_video):
    path = write_video(tmp_path / "raw.h264", grey(range(0, 200, 20)))
    times = [frame.time_s for frame in VideoFile(path)]
    assert len(times) == 10
    assert np.ptp(np.diff(times)) < 1e-9
    assert times[1] > 0


def test_a_video_that_was_cut_off_gives_what_is_there(tmp_path, write_video):
    path = write_video(tmp_path / "cut.mkv", [np.roll(p, k, 1) for k, p in enumerate(grey(range(0, 250, 5)))])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    assert 5 < len(list(VideoFile(path))) < 50


def test_closing_from_another_thread_ends_the_iteration(face_video):
    video = VideoFile(face_video)
    frames = iter(video)
    next(frames)
    thread = threading.Thread(target=video.close)
    thread.start()
    thread.join()
    assert list(frames) == []
    assert list(video) == []
    video.close()


def assert_sentence(error, *parts):
    text = str(error.value)
    assert text.endswith((".", "?"))
    assert "\n" not in text
    for part in parts:
        assert part in text


def test_missing_file_and_folder_are_wrong_requests(tmp_path):
    with pytest.raises(UsageError) as error:
        VideoFile(tmp_path / "none.mp4")
    assert_sentence(error, "none.mp4")
    with pytest.raises(UsageError) as error:
        VideoFile(tmp_path)
    assert_sentence(error, "folder")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.mp4", b""),
        ("noise.mp4", np.random.default_rng(1).bytes(20_000)),
        ("notes.txt", b"Dear diary,\n" * 100),
        ("list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(VideoError) as error:
        VideoFile(path)
    assert_sentence(error, name)


def test_an_mp4_without_its_index_is_refused(tmp_path, face_video):
    path = tmp_path / "half.mp4"
    data = face_video.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(VideoError) as error:
        VideoFile(path)
    assert_sentence(error, "half.mp4")


def test_a_picture_is_refused():
    with pytest.raises(VideoError) as error:
        VideoFile(Path(__file__).resolve().parents[2] / "assets" / "portrait.png")
    assert_sentence(error, "single picture")


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(VideoError) as error:
        VideoFile(path)
    assert_sentence(error, "only sound")


@pytest.mark.skipif(sys.platform == "win32" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="root reads all")
def test_a_file_that_may_not_be_read_is_refused(tmp_path, face_video):
    path = tmp_path / "locked.mp4"
    path.write_bytes(face_video.read_bytes())
    path.chmod(0)
    with pytest.raises(VideoError) as error:
        VideoFile(path)
    assert_sentence(error, "locked.mp4")


def test_names_that_look_like_something_else_are_just_names(tmp_path, face_video):
    for name in ("50% of it.mp4", "a:b.mp4", "frame%03d.mp4", "Größe #1?.mp4"):
        path = tmp_path / name
        path.write_bytes(face_video.read_bytes())
        assert len(list(VideoFile(path))) == 60


@pytest.mark.shared_data
def test_clips_are_read_whole(shared_data):
    counts = {"d18.mp4": 216, "face_leaves.mov": 169, "neutral_to_smile.mp4": 72}
    for name, count in counts.items():
        video = VideoFile(shared_data / "clips" / name)
        assert sum(1 for _ in video) == count
        assert video.skipped == 0
