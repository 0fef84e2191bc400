"""What is on the disk when: a power cut, a pulled disk, an end that never comes. And who may recover meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.cli_record import _watch
from app.live import LiveSession
from app.session import Recorder, find_unfinished, read_session, recover
from app.session.events import EventTable
from app.session.mp4 import close_video, count_pictures
from app.session.reader import read_frames
from app.session.recovery import being_recorded
from app.session.schema import INFO_FILE, SessionState, SourceInfo
from app.session.video import VideoWriter
from app.signals import on_end_signals
from models.analyzer import Analyzer
from models.errors import DataError, ModelFileError
from models.spotter import Spotter
from models.types import Frame, FrameMotion, Image

SOURCE = SourceInfo(kind="camera", name="Desk camera")
NOISE = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
FRAMES = 150


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return Spotter(use_gpu=False)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Inodes of what was waited for, in order."""
    inodes: list[int] = []
    real = os.fsync

    def fsync(number: int) -> None:
        inodes.append(os.fstat(number).st_ino)
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)
    return inodes


def inode(path: Path) -> int:
    return path.stat().st_ino


def motion_at(k: int) -> FrameMotion:
    position = np.full((12, 2), 0.05 * np.sin(k / 7.0), np.float32)
    return FrameMotion(k, k / 30, True, position, 1.0)


def feed(recorder: Recorder, spotter: Spotter, finish: bool) -> None:
    """Frames, their motion and, but for the last seconds that are not final without ``finish``, their scores."""
    analyzer = Analyzer(spotter)
    for k in range(FRAMES):
        recorder.frame(Frame(k, k / 30, NOISE))
        recorder.motion(motion_at(k))
        analyzer.push(motion_at(k))
    recorder.update(analyzer.finish() if finish else analyzer.update())


def wait_for(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 60.0
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_a_recovered_video_is_on_the_disk_before_the_broken_one_goes(
    tmp_path: Path, synced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = VideoWriter(tmp_path / "kept.mp4")
    for k in range(60):
        writer.put(Frame(k, k / 30, NOISE))
    wait_for(lambda: writer.written == 60)
    writing, final = tmp_path / "video.mp4.writing", tmp_path / "video.mp4"
    shutil.copy(tmp_path / "kept.mp4.writing", writing)
    writer.close(60.0)
    before: list[list[int]] = []
    unlink = Path.unlink

    def watched(path: Path, missing_ok: bool = False) -> None:
        if path == writing:
            before.append(list(synced))
            assert final.exists()
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    pictures = close_video(writing, final)
    assert pictures == count_pictures(final) > 0
    assert inode(final) in before[0] and not writing.exists()
    if hasattr(os, "O_DIRECTORY"):
        assert before[0][-1] == inode(tmp_path), "its name, too"


def test_pictures_reach_the_disk_while_they_are_recorded(tmp_path: Path, spotter: Spotter, synced: list[int]) -> None:
    recorder = Recorder(tmp_path, SOURCE, spotter)
    recorder.frame(Frame(0, 0.0, NOISE))
    writing = inode(recorder.folder / "video.mp4.writing")
    wait_for(lambda: synced.count(writing) >= 2)
    recorder.close()


def test_a_whole_session_is_called_complete_when_its_video_is_on_the_disk(
    tmp_path: Path, spotter: Spotter, synced: list[int]
) -> None:
    recorder = Recorder(tmp_path, SOURCE, spotter)
    feed(recorder, spotter, finish=True)
    info = recorder.close(whole=True)
    assert info is not None and info.state is SessionState.COMPLETE
    video, said = inode(recorder.folder / "video.mp4"), inode(recorder.folder / INFO_FILE)
    backwards = synced[::-1]
    assert backwards.index(said) < backwards.index(video), "first the video, then what session.json says of it"


def test_events_of_other_programs_are_on_the_disk_at_once(tmp_path: Path, synced: list[int]) -> None:
    table = EventTable(tmp_path)
    for number in (1, 2):
        table.add(0.1 * number, 3 * number, "go", "Stimuli")
        table.sync()
        assert synced.count(inode(tmp_path / "events.csv")) == number
    table.close()


def test_nobody_may_recover_a_session_while_its_video_is_finished(
    tmp_path: Path, spotter: Spotter, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no such locks")
    recorder = Recorder(tmp_path, SOURCE, spotter)
    feed(recorder, spotter, finish=True)
    seen: list[bool] = []
    close = VideoWriter.close

    def watched(writer: VideoWriter, timeout_s: float) -> None:
        seen.append(being_recorded(recorder.folder))
        close(writer, timeout_s)

    monkeypatch.setattr(VideoWriter, "close", watched)
    recorder.close()
    assert seen == [True] and not being_recorded(recorder.folder)


def test_what_was_not_scored_is_left_for_recovery(tmp_path: Path, spotter: Spotter) -> None:
    recorder = Recorder(tmp_path, SOURCE, spotter, scores_only=True)
    feed(recorder, spotter, finish=False)
    info = recorder.close("Scoring failed.", whole=False)
    assert info is not None and info.state is SessionState.RECORDING and info.remarks == ("Scoring failed.",)
    before = read_session(recorder.folder).frames
    assert 0 < len(before) < FRAMES and np.isfinite(before.intensity).all(), "no row without a score"
    session = recover(recorder.folder, spotter).session
    assert session.info.state is SessionState.RECOVERED and "Scoring failed." in session.info.remarks
    assert len(session.frames) == FRAMES and np.isfinite(session.frames.intensity).all()


class _Pictures:
    """A source of pictures that never ends."""

    name, nominal_fps, is_live = "pictures", 30.0, True

    def __iter__(self) -> Iterator[Frame]:
        image: Image = NOISE
        k = 0
        while True:
            yield Frame(k, k / 30, image)
            k += 1
            time.sleep(0.01)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("failing", [True, False])
def test_a_session_says_whether_all_was_scored(
    failing: bool, spotter: Spotter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(analyzer: Analyzer) -> None:
        raise ModelFileError("The graphics card has no memory left.")

    if failing:
        monkeypatch.setattr(Analyzer, "update", fail)
    session = LiveSession(_Pictures(), spotter=spotter)
    session.start()
    if failing:
        assert session.wait(60.0)
    else:
        wait_for(lambda: session.snapshot().counters.processed > 5)
        assert not session.all_scored
    session.stop()
    session.wait(60.0)
    assert session.all_scored is not failing and (session.snapshot().error is not None) is failing


@pytest.mark.parametrize("harm", ["empty", "torn header", "damaged", "missing", "no points", "damaged intervals"])
def test_a_table_that_cannot_be_read_is_made_again(harm: str, tmp_path: Path, spotter: Spotter) -> None:
    recorder = Recorder(tmp_path, SOURCE, spotter, scores_only=True)
    feed(recorder, spotter, finish=False)
    recorder.close(whole=False)
    folder = recorder.folder
    frames = folder / "frames.csv"
    if harm == "empty":
        frames.write_bytes(b"")
    elif harm == "torn header":
        frames.write_bytes(frames.read_bytes()[:9])
    elif harm == "damaged":
        frames.write_bytes(frames.read_bytes()[:200] + b"\xff\x00?" * 20 + frames.read_bytes()[260:])
    elif harm == "missing":
        frames.unlink()
    elif harm == "no points":
        (folder / "points.csv").unlink()
    else:
        (folder / "intervals.csv").write_text("id,type\n1,macro\n")
    result = recover(folder, spotter)
    table = read_frames(frames)
    assert table.index.tolist() == list(range(FRAMES)) and np.isfinite(table.intensity).all()
    kept = [path.name for path in folder.iterdir() if path.suffix == ".damaged"]
    assert kept == {"damaged": ["frames.csv.damaged"], "damaged intervals": ["intervals.csv.damaged"]}.get(harm, [])
    assert all(name in result.remark for name in kept)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    asked: list[bool] = []
    try:
        with on_end_signals(lambda: asked.append(True)):
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            wait_for(lambda: bool(asked))
        assert asked == [True] and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_session_that_cannot_say_how_it_stands_is_not_passed_over(tmp_path: Path, spotter: Spotter) -> None:
    recorder = Recorder(tmp_path, SOURCE, spotter)
    feed(recorder, spotter, finish=False)
    recorder.close(whole=False)
    folder = recorder.folder
    (folder / INFO_FILE).write_text("")
    with pytest.raises(DataError, match=r"session\.json"):
        find_unfinished(folder)
    assert find_unfinished(tmp_path) == [], "its video is whole"
    (folder / "video.mp4").rename(folder / "video.mp4.writing")
    assert find_unfinished(tmp_path) == [folder]
    with pytest.raises(DataError, match=r"session\.json"):
        recover(folder, spotter)


class _Stalling(_Pictures):
    """Gives a few pictures and then none for as long as it is open."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        for k in range(5):
            yield Frame(k, k / 30, NOISE)
        self.closed.wait(120.0)

    def close(self) -> None:
        self.closed.set()


def test_a_recording_of_some_seconds_ends_though_the_source_gives_no_more_pictures(
    tmp_path: Path, spotter: Spotter
) -> None:
    recorder = Recorder(tmp_path, SOURCE, spotter, scores_only=True)
    with LiveSession(_Stalling(), spotter=spotter, sinks=(recorder,)) as live:
        # returns, or the test's time limit ends it
        assert _watch(live, recorder, threading.Event(), 0.5, lambda elapsed_s: []) == ""
    info = recorder.close(whole=live.all_scored)
    assert info is not None and info.counts.offered == 5 and info.state is SessionState.COMPLETE
