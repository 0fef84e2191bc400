"""Sessions that broke off: found, put in order, nothing of what was written lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from app.session import Recorder, Session, find_unfinished, read_session, recover, replay
from app.session.features import motion_of
from app.session.mp4 import close_video, count_pictures, whole_length
from app.session.schema import SessionState, SourceInfo, read_info, write_info
from models.analyzer import Analyzer
from models.errors import DataError, UsageError
from models.perception import Perception
from models.spotter import Spotter
from models.types import ExpressionType, Frame, FrameMotion, Interval
from models.video import VideoFile
from training.actions import Side
from training.synth_script import Event, Script
from training.synthetic import write

ROOT = Path(__file__).resolve().parents[2]
STEP = 6


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return Spotter(use_gpu=False)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Frame, FrameMotion]]:
    """A smile, a moment without a face, which closes the smile, and a brow raise at the end, through the perception."""
    smile = Event(("smile",), 1.0, 1.5, 2.4, 1.0, Side.BOTH, ExpressionType.MACRO)
    brows = Event(("brow_raise",), 7.2, 7.4, 7.6, 0.9, Side.BOTH, ExpressionType.MICRO)
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write(Script(7, 8.0, 20.0, (240, 180), iod_px=42.0, events=(smile, brows), sway_iod=0.004), path)
    with VideoFile(path) as video, Perception() as perception:
        grey = np.full((180, 240, 3), 128, np.uint8)
        frames = [replace(frame, image=grey) if 80 <= frame.index < 90 else frame for frame in video]
        return [(frame, perception.process(frame)) for frame in frames]


@pytest.fixture(scope="module")
def broken_off(
    tmp_path_factory: pytest.TempPathFactory, seen: list[tuple[Frame, FrameMotion]], spotter: Spotter
) -> Iterator[Path]:
    """A copy of a session's folder, taken while it was being recorded: what a kill leaves behind."""
    out = tmp_path_factory.mktemp("out")
    recorder = Recorder(out, SourceInfo(kind="file", name="clip.mp4"), spotter, participant="P1")
    analyzer = Analyzer(spotter)
    for k, (frame, motion) in enumerate(seen):
        recorder.frame(frame)
        if k == 50:
            continue  # a frame that the analysis never saw
        analyzer.push(motion)
        recorder.motion(motion)
        if k % STEP == 0:
            recorder.update(analyzer.update())
    recorder.point(1.5, 30, ExpressionType.MACRO)
    end_s = time.monotonic() + 90.0
    while len(read_session(recorder.folder).features) < len(seen) - 1 or recorder.status().counts.video_written < 150:
        assert time.monotonic() < end_s
        time.sleep(0.05)
    # while it is being recorded it is not "broken off", and nobody may lay hands on it
    assert find_unfinished(out) == []
    with pytest.raises(DataError, match="is being recorded"):
        recover(recorder.folder, spotter)
    copy = tmp_path_factory.mktemp("killed") / recorder.folder.name
    shutil.copytree(recorder.folder, copy)
    recorder.close()
    yield copy


@pytest.fixture
def killed(broken_off: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(broken_off, tmp_path / broken_off.name))


def intervals_of(session: Session) -> list[tuple[object, ...]]:
    return [span(stored.interval) for stored in session.intervals]


def span(i: Interval) -> tuple[object, ...]:
    return i.type, i.onset_frame, i.apex_frame, i.offset_frame


def test_recovery_gives_what_an_undisturbed_end_gives(
    killed: Path, seen: list[tuple[Frame, FrameMotion]], spotter: Spotter
) -> None:
    before = read_session(killed)
    assert not before.finished and before.intervals, "an interval should have closed before the kill"
    assert len(before.frames) < len(before.features), "scores of the last seconds were not final"
    assert find_unfinished(killed.parent) == [killed] == find_unfinished(killed)

    result = recover(killed, spotter)
    session = result.session
    assert result.rows_added > 0 and find_unfinished(killed.parent) == []
    assert session.info.state is SessionState.RECOVERED and result.remark in session.info.remarks
    assert session.info.ended_utc is not None and session.info.clock.first_frame_s == 0.0
    assert session.intervals[: len(before.intervals)] == before.intervals
    analyzer = Analyzer(spotter)
    for k, (_, motion) in enumerate(seen):
        if k != 50:
            analyzer.push(motion)
    expected = analyzer.finish()
    assert intervals_of(session) == [span(i) for i in expected.intervals]
    scores, intervals = replay(session, spotter)
    np.testing.assert_allclose(scores.intensity, expected.final.intensity, atol=1e-4)
    assert len(intervals) > len(before.intervals), "the brow raise was still open"
    assert [span(i) for i in intervals] == [span(i) for i in expected.intervals]

    assert session.frames.index.tolist() == list(range(len(seen)))
    assert np.flatnonzero(~session.frames.analysed).tolist() == [50]
    assert np.isfinite(session.frames.intensity[-1])
    assert [p.time_s for p in session.points] == [1.5]
    counts = session.info.counts
    assert (counts.offered, counts.analysed, counts.dropped) == (len(seen), len(seen) - 1, 1)
    assert session.video == killed / "video.mp4" and counts.video_written == count_pictures(session.video)
    assert not (killed / "video.mp4.writing").exists()
    written = sorted(path.read_bytes() for path in killed.iterdir())
    assert recover(killed, spotter).rows_added == 0
    assert sorted(path.read_bytes() for path in killed.iterdir()) == written


def test_whichever_network_that_ships_recorded_is_at_hand(killed: Path) -> None:
    lab = Spotter(Path("lab"), use_gpu=False)
    info = read_info(killed)
    model = info.model.model_copy(update={"sha256": lab.spec.sha256, "file": lab.path.name})
    write_info(killed, info.model_copy(update={"model": model}))
    result = recover(killed)
    assert result.rows_added > 0 and "not at hand" not in result.remark


def test_recovery_reports_no_smaller_movements_than_the_recording_did(killed: Path, spotter: Spotter) -> None:
    info = read_info(killed)
    write_info(killed, info.model_copy(update={"thresholds": info.thresholds.model_copy(update={"movement": 1.0})}))
    assert recover(killed, spotter).intervals_added == 0


def test_nor_smaller_ones_in_speech(killed: Path, spotter: Spotter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.islands.SPEAKING_IOD", 0.0)  # as if the face spoke all the time
    info = read_info(killed)
    write_info(killed, info.model_copy(update={"thresholds": info.thresholds.model_copy(update={"in_speech": 1.0})}))
    assert recover(killed, spotter).intervals_added == 0


def test_torn_ends_are_cut_off_and_nothing_else(killed: Path, spotter: Spotter) -> None:
    before = read_session(killed)
    torn = {"frames.csv": b"9999,1.2", "intervals.csv": b"7,mac", "points.csv": b"2,", "features.npy": b"\x01" * 11}
    for name, piece in torn.items():
        with (killed / name).open("ab") as file:
            file.write(piece)
    video = killed / "video.mp4.writing"
    pictures = count_pictures(video)
    with video.open("ab") as file:
        file.write(b"\x00\x00\x40\x00moof" + b"\x00" * 500)
    reread = read_session(killed)
    assert reread.intervals == before.intervals and len(reread.frames) == len(before.frames)
    assert reread.features.tobytes() == before.features.tobytes()
    session = recover(killed, spotter).session
    assert session.features.tobytes() == before.features.tobytes()
    assert np.load(killed / "features.npy").tobytes() == before.features.tobytes()
    assert session.intervals[: len(before.intervals)] == before.intervals and session.points == before.points
    assert session.info.counts.video_written == pictures


def test_every_length_of_a_video_can_be_closed(killed: Path, seen: list[tuple[Frame, FrameMotion]]) -> None:
    data = (killed / "video.mp4.writing").read_bytes()
    writing, final = killed / "piece.mp4.writing", killed / "piece.mp4"
    rng = np.random.default_rng(3)
    most = 0
    for length in sorted(rng.integers(0, len(data), 12).tolist()):
        writing.write_bytes(data[:length])
        assert whole_length(writing) <= length
        pictures = close_video(writing, final)
        assert not writing.exists() and final.exists() == (pictures > 0)
        if pictures:
            with av.open(str(final)) as container:
                pts = [round(f.pts * f.time_base * 1_000_000) for f in container.decode(video=0)]
            assert pts == [round(frame.time_s * 1e6) for frame, _ in seen[:pictures]]
            final.unlink()
        assert pictures >= most
        most = pictures
    assert most > 0


def test_without_the_model_the_recorded_scores_stay(killed: Path, spotter: Spotter) -> None:
    path = killed / "session.json"
    stated = json.loads(path.read_text())
    stated["model"]["sha256"] = "0" * 64
    path.write_text(json.dumps(stated))
    before = read_session(killed)
    result = recover(killed, spotter)
    assert "model" in result.remark and result.session.intervals == before.intervals
    frames = result.session.frames
    assert len(frames) > len(before.frames) and np.isnan(frames.intensity[len(before.frames) :]).all()
    assert [m.index for m in map(motion_of, result.session.features)][-1] == frames.index[-1]


def test_what_is_no_session_is_said(tmp_path: Path, spotter: Spotter) -> None:
    with pytest.raises(UsageError, match="no folder"):
        find_unfinished(tmp_path / "missing")
    with pytest.raises(DataError, match="no session"):
        recover(tmp_path, spotter)
    assert find_unfinished(tmp_path) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_program_leaves_a_session_that_opens(tmp_path: Path, spotter: Spotter) -> None:
    command = [sys.executable, "-m", "app", "record", "--source", "demo", "--out", str(tmp_path), "--name", "P2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT)
    try:
        end_s = time.monotonic() + 90.0
        while not any(len(read_session(p.parent).features) > 45 for p in tmp_path.glob("*/session.json")):
            assert time.monotonic() < end_s and process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    (folder,) = find_unfinished(tmp_path)
    before = read_session(folder)
    session = recover(folder, spotter).session
    assert session.features.tobytes() == before.features.tobytes()
    assert len(session.frames) >= len(session.features) > 45 and np.isfinite(session.frames.intensity).sum() > 30
    assert session.video is not None and session.info.counts.video_written == count_pictures(session.video) > 20
