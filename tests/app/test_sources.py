from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest

from app.sources import CameraChoice, DemoChoice, FileChoice, StreamChoice, open_source
from app.sources.devices import Camera, find_camera, linux_cameras
from app.sources.opencv import drop_qt_variables
from app.sources.paced import PacedSource
from app.sources.webcam import Webcam
from models.errors import SourceError, UsageError
from models.types import FrameSource
from models.video import VideoFile


def test_the_demo_opens():
    with open_source(DemoChoice(), paced=False) as source:
        frame = next(iter(source))
    assert frame.index == 0
    assert frame.image.ndim == 3


def test_a_file_opens_paced_or_not(face_video):
    with open_source(FileChoice(face_video), paced=False) as source:
        assert isinstance(source, VideoFile)
    with open_source(FileChoice(face_video), paced=True) as source:
        assert isinstance(source, PacedSource)
        assert isinstance(source, FrameSource)
        assert source.name == "face.mp4"


def test_choices_have_labels_without_secrets(tmp_path):
    assert FileChoice(tmp_path / "a.mp4").label == "a.mp4"
    assert CameraChoice("id", "Desk camera").label == "Desk camera"
    assert StreamChoice("rtsp://me:secret@cam/live").label == "rtsp://me:***@cam/live"


def test_pacing_keeps_frames_and_times_and_never_runs_ahead(face_video):
    wanted = [(f.index, f.time_s) for f in VideoFile(face_video)]
    got = []
    begin_s = time.monotonic()  # before the first frame: a busy machine may hand that one over late
    for frame in PacedSource(VideoFile(face_video), speed=8.0):
        got.append((frame.index, frame.time_s))
        assert time.monotonic() - begin_s >= frame.time_s / 8.0 - 0.001
    assert got == wanted


def test_closing_wakes_a_paced_source(tmp_path, write_video, portrait):
    path = write_video(tmp_path / "slow.mkv", [portrait] * 2, [0, 100_000])
    source = PacedSource(VideoFile(path))
    frames = iter(source)
    next(frames)
    threading.Timer(0.1, source.close).start()
    assert next(frames, None) is None  # else the test's time limit ends it


def test_a_speed_must_be_positive(face_video):
    with pytest.raises(ValueError, match="speed"):
        PacedSource(VideoFile(face_video), speed=0.0)


# -- cameras ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def linux_tree(tmp_path):
    """Files as Linux shows them for two webcams of one make and one of another, each with a node for metadata."""
    sysfs, dev = tmp_path / "sys", tmp_path / "dev"
    (dev / "v4l" / "by-id").mkdir(parents=True)
    (dev / "v4l" / "by-path").mkdir()

    def add(number, name, index, by_id=None, by_path=None):
        entry = sysfs / f"video{number}"
        entry.mkdir(parents=True)
        (entry / "name").write_text(f"{name}\n")
        (entry / "index").write_text(f"{index}\n")
        node = dev / f"video{number}"
        node.touch()
        if by_id:
            (dev / "v4l" / "by-id" / by_id).symlink_to(node)
        if by_path:
            (dev / "v4l" / "by-path" / by_path).symlink_to(node)

    add(10, "Twin", 0, by_path="pci-usb-2")
    add(2, "Twin", 0, by_id="usb-Twin-A", by_path="pci-usb-1")
    add(3, "Twin", 1)
    add(0, "Solo: Solo", 0)
    return sysfs, dev


needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Video4Linux")


@needs_linux
def test_linux_cameras_are_known_by_lasting_names(linux_tree):
    cameras = linux_cameras(*linux_tree)
    _, dev = linux_tree
    assert cameras == [
        Camera("video0", "Solo: Solo", str(dev / "video0"), lasting=False),
        Camera("usb-Twin-A", "Twin (2)", str(dev / "video2")),
        Camera("pci-usb-2", "Twin (1)", str(dev / "video10")),
    ]


@needs_linux
def test_no_cameras_is_an_empty_list(tmp_path):
    assert linux_cameras(tmp_path / "none", tmp_path) == []


def test_a_camera_that_is_not_there_is_a_sentence():
    with pytest.raises(SourceError, match="Desk camera is not there"):
        find_camera("usb-nothing-of-that-name", "Desk camera")
    with pytest.raises(SourceError, match="Desk camera is not there"):
        open_source(CameraChoice("usb-nothing-of-that-name", "Desk camera"), paced=True)


def test_a_camera_that_cannot_be_opened_is_a_sentence(tmp_path):
    with pytest.raises(SourceError, match="Desk camera cannot be opened"):
        Webcam(Camera("id", "Desk camera", str(tmp_path / "video7")))


@pytest.fixture
def recorded_camera(tmp_path, write_video, portrait):
    """OpenCV opens a file as it opens a device, so the camera's own path can be walked without one."""
    path = write_video(tmp_path / "camera.avi", [portrait] * 5, codec="mjpeg", options={"q": "3"})
    return Webcam(Camera("id", "Desk camera", str(path)), backend=cv2.CAP_FFMPEG)


def test_a_camera_delivers_with_times_of_the_grab_and_says_when_it_stops(recorded_camera):
    frames = []
    with recorded_camera as camera:
        assert camera.is_live
        assert isinstance(camera, FrameSource)
        with pytest.raises(SourceError, match="stopped delivering"):
            for frame in camera:
                frames.append(frame)
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert frames[0].time_s == 0.0
    times = [frame.time_s for frame in frames]
    assert times == sorted(set(times))
    assert frames[0].image.shape == (256, 256, 3)
    assert frames[0].image.dtype == np.uint8


def test_a_camera_that_came_back_can_be_read_again(recorded_camera):
    for _ in range(2):
        with pytest.raises(SourceError):
            for frame in recorded_camera:
                last = frame
        assert last.index == 4


def test_a_closed_camera_gives_nothing(recorded_camera):
    frames = iter(recorded_camera)
    next(frames)
    recorded_camera.close()
    recorded_camera.close()
    assert next(frames, None) is None


# -- OpenCV and Qt ----------------------------------------------------------------------------------------------------


def test_opencv_leaves_no_trace_for_qt():
    code = (
        "import os, cv2, app.sources.opencv;"
        "print([v for v in ('QT_QPA_PLATFORM_PLUGIN_PATH', 'QT_QPA_FONTDIR') if v in os.environ])"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith("QT_QPA_")}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean)
    assert answer.stdout.strip() == "[]"


def test_the_users_own_qt_variables_stay(monkeypatch, tmp_path):
    monkeypatch.setenv("QT_QPA_FONTDIR", str(tmp_path))
    drop_qt_variables()
    assert os.environ["QT_QPA_FONTDIR"] == str(tmp_path)


def test_an_address_must_be_one():
    for text in ("", "camera", "file:///etc/passwd", "http://", "C:\\clip.mp4", "http://[::1"):
        with pytest.raises(UsageError, match="not the address of a stream"):
            open_source(StreamChoice(text), paced=False)
