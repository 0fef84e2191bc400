"""Disks that fail while a session is recorded: a clear sentence, and what was written can be read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.session import Recorder, RecorderSettings, find_unfinished, read_session, recover
from app.session.mp4 import count_pictures
from app.session.schema import SessionState, SourceInfo
from models.errors import OutputError
from models.spotter import Spotter
from models.types import Frame, FrameMotion

ROOT = Path(__file__).resolve().parents[2]
SOURCE = SourceInfo(kind="camera", name="Desk camera")
NOISE = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return Spotter(use_gpu=False)


def feed(recorder: Recorder, first: int, count: int) -> None:
    for k in range(first, first + count):
        recorder.frame(Frame(k, k / 30, NOISE))
        recorder.motion(FrameMotion(k, k / 30, True, np.zeros((12, 2), np.float32), 1.0))


def wait_for_error(recorder: Recorder) -> str:
    end_s = time.monotonic() + 90.0
    while (error := recorder.status().error) is None:
        assert time.monotonic() < end_s
        time.sleep(0.05)
    return error


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, spotter: Spotter) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="Nothing can be written to"):
        Recorder(tmp_path / "file", SOURCE, spotter)
    if sys.platform == "linux":
        with pytest.raises(OutputError, match="Nothing can be written to"):
            Recorder(Path("/proc/apexspot"), SOURCE, spotter)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path, spotter: Spotter) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Nothing can be written to"):
        Recorder(tmp_path, SOURCE, spotter)
    tmp_path.chmod(0o700)


def test_little_space_is_told_and_very_little_ends_the_recording(tmp_path: Path, spotter: Spotter) -> None:
    plenty = 1 << 60
    with pytest.raises(OutputError, match="are free on the disk"):
        Recorder(tmp_path, SOURCE, spotter, settings=RecorderSettings(stop_below_bytes=plenty))
    assert list(tmp_path.iterdir()) == [], "a recording that was refused leaves nothing"

    recorder = Recorder(tmp_path, SOURCE, spotter, settings=RecorderSettings(warn_below_bytes=plenty))
    feed(recorder, 0, 60)
    status = recorder.status()
    assert status.warning is not None and "are free" in status.warning and status.error is None
    info = recorder.close()
    assert info is not None and info.state is SessionState.COMPLETE and info.counts.analysed == 60


def test_space_that_runs_out_ends_the_recording_with_everything_kept(tmp_path: Path, spotter: Spotter) -> None:
    free = shutil.disk_usage(tmp_path).free
    limits = RecorderSettings(stop_below_bytes=free - 40 * 1024**2, warn_below_bytes=free)
    recorder = Recorder(tmp_path / "out", SOURCE, spotter, settings=limits)
    feed(recorder, 0, 60)
    ballast = tmp_path / "ballast"
    with ballast.open("wb") as file:
        file.write(os.urandom(120 * 1024**2))
    try:
        error = wait_for_error(recorder)
    finally:
        ballast.unlink()
    assert "with everything kept" in error
    feed(recorder, 60, 5)  # frames that still come before the session is stopped
    info = recorder.close()
    assert info is not None and info.state is SessionState.COMPLETE and error in info.remarks
    session = read_session(recorder.folder)
    assert len(session.features) == len(session.frames) == 65
    assert session.video is not None and count_pictures(session.video) == 65


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of files that are open")
def test_a_folder_that_is_removed_is_noticed(tmp_path: Path, spotter: Spotter) -> None:
    recorder = Recorder(tmp_path, SOURCE, spotter)
    feed(recorder, 0, 30)
    end_s = time.monotonic() + 90.0
    while len((now := read_session(recorder.folder)).features) < 30 or now.info.clock.first_frame_s is None:
        assert time.monotonic() < end_s
        time.sleep(0.05)
    shutil.rmtree(recorder.folder)
    error = wait_for_error(recorder)
    assert str(recorder.folder) in error and "was removed" in error
    feed(recorder, 30, 10)
    recorder.close()
    assert recorder.status().error is not None and not recorder.folder.exists()


@pytest.fixture
def mount_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system of one megabyte with the options given."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size=1m{options}", "tmpfs", str(place)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("this system does not let the tests mount a small disk")
        return place

    yield mount
    if place.is_mount():
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_read_only_disk_is_refused(mount_disk: Callable[[str], Path], spotter: Spotter) -> None:
    with pytest.raises(OutputError, match=r"Nothing can be written to .* \(Read-only file system\)"):
        Recorder(mount_disk(",ro"), SOURCE, spotter)


def test_a_full_disk_leaves_a_session_that_opens(mount_disk: Callable[[str], Path], spotter: Spotter) -> None:
    small_disk = mount_disk("")
    recorder = Recorder(small_disk, SOURCE, spotter, settings=RecorderSettings(0, 0))
    fed = 0
    while recorder.status().error is None:
        feed(recorder, fed, 10)
        fed += 10
        time.sleep(0.005)
        assert fed < 30_000
    error = wait_for_error(recorder)
    recorder.close()
    assert "No space left" in error
    before = read_session(recorder.folder)
    assert before.video is not None and len(before.features) > 5
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)  # a person made room
    session = recover(recorder.folder, spotter).session
    assert session.finished and session.video is not None and count_pictures(session.video) > 5
    assert session.features.tobytes() == before.features.tobytes() and find_unfinished(small_disk) == []


_FULL = """
import logging, resource, sys, time
from pathlib import Path
import numpy as np
from app.session import Recorder
from app.session.schema import SourceInfo
from models.spotter import Spotter
from models.types import Frame, FrameMotion

logging.getLogger().addHandler(logging.NullHandler())
out, limit, scores_only = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "scores"
spotter = Spotter(use_gpu=False)
recorder = Recorder(out, SourceInfo(kind="camera", name="c"), spotter, scores_only=scores_only)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
rng = np.random.default_rng(0)
for k in range(3000):
    recorder.frame(Frame(k, k / 30, rng.integers(0, 255, (96, 128, 3), np.uint8)))
    recorder.motion(FrameMotion(k, k / 30, True, np.zeros((12, 2), np.float32), 1.0))
    time.sleep(0.002)
    if recorder.status().error:
        break
else:
    sys.exit("no error came")
recorder.close()
print(recorder.status().error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes to stand in for a full disk")
@pytest.mark.parametrize(("kept", "limit"), [("video", 400_000), ("scores", 60_000)])
def test_a_file_that_can_grow_no_more_leaves_a_session_that_opens(
    kept: str, limit: int, tmp_path: Path, spotter: Spotter
) -> None:
    """The system's limit of a file's size fails in the middle of a write, as a full disk does."""
    command = [sys.executable, "-c", _FULL, str(tmp_path), str(limit), kept]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "File too large" in answer.stdout
    for folder in find_unfinished(tmp_path):
        recover(folder, spotter)
    (folder,) = (path.parent for path in tmp_path.glob("*/session.json"))
    session = read_session(folder)
    assert session.finished and len(session.features) > 30
    if kept == "video":
        assert session.video is not None and session.info.counts.video_written == count_pictures(session.video) > 5
        assert len(session.features) == session.info.counts.analysed
    assert any("File too large" in remark for remark in session.info.remarks)
