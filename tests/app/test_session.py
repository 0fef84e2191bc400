"""Recorded sessions: what is in the folder, that replay equals live, and that a slow encoder costs pictures alone."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from app.live import LiveSession
from app.live_types import LiveSnapshot, LiveState
from app.session import Recorder, RecorderSettings, Session, read_session, replay
from app.session.features import FEATURE_ROW, FeatureWriter, close_features, read_features
from app.session.folder import new_folder, session_folders
from app.session.reader import read_frames
from app.session.schema import (
    FEATURES_FILE,
    FRAMES_FILE,
    INFO_FILE,
    Counts,
    SessionInfo,
    SessionState,
    SourceInfo,
    model_info,
    read_info,
    thresholds,
    write_info,
)
from app.session.tables import SessionTables
from app.session.video import VideoWriter
from app.tables import FRAME_COLUMNS, INTERVAL_COLUMNS
from models.errors import DataError, OutputError, UsageError
from models.spotter import Spotter
from models.types import ExpressionType, Frame, FrameMotion, Update
from models.video import VideoFile
from training.actions import Side
from training.synth_script import Degradation, Event, Script
from training.synthetic import write

SOURCE = SourceInfo(kind="file", name="clip.mp4")


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return Spotter(use_gpu=False)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smile and a brow raise, with frames missing and uneven times."""
    smile = Event(("smile",), 1.0, 1.5, 2.4, 1.0, Side.BOTH, ExpressionType.MACRO)
    brows = Event(("brow_raise",), 3.2, 3.37, 3.6, 0.9, Side.BOTH, ExpressionType.MICRO)
    uneven = Degradation(drop_share=0.06, time_jitter=0.15)
    script = Script(7, 5.0, 24.0, (320, 240), iod_px=52.0, events=(smile, brows), sway_iod=0.004, degradation=uneven)
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write(script, path)
    return path


@pytest.fixture(scope="module")
def recorded(
    tmp_path_factory: pytest.TempPathFactory, clip: Path, spotter: Spotter
) -> Iterator[tuple[Session, LiveSnapshot]]:
    """A lossless live session of the clip and its recording."""
    recorder = Recorder(tmp_path_factory.mktemp("out"), SOURCE, spotter, participant="P7", consent="video, 2026")
    with LiveSession(VideoFile(clip), spotter=spotter, lossless=True, sinks=(recorder,)) as live:
        assert live.wait(60.0)
    recorder.point(1.5, 36, ExpressionType.MACRO)
    info = recorder.close("ended by a test")
    assert recorder.close() == info and info is not None
    yield read_session(recorder.folder), live.snapshot()


def test_the_folder_holds_what_the_design_names(recorded: tuple[Session, LiveSnapshot]) -> None:
    session, _ = recorded
    names = {path.name for path in session.folder.iterdir()}
    tables = {"frames.csv", "features.npy", "scores.npy", "intervals.csv", "points.csv"}
    assert names == {"session.json", "video.mp4", *tables}
    assert session.folder.name.endswith("_P7") and session.finished
    info = session.info
    assert (info.state, info.participant, info.consent) == (SessionState.COMPLETE, "P7", "video, 2026")
    assert info.source == SOURCE and info.remarks == ("ended by a test",) and info.clock.first_frame_s == 0.0
    assert [(p.time_s, p.frame, p.type, p.source) for p in session.points] == [
        (1.5, 36, ExpressionType.MACRO, "person")
    ]


def test_replay_from_the_features_equals_live(recorded: tuple[Session, LiveSnapshot], spotter: Spotter) -> None:
    session, snapshot = recorded
    assert_replay_is_live(session, snapshot, spotter)


@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
def test_replay_equals_live_at_every_rate(fps: float, tmp_path: Path, spotter: Spotter) -> None:
    smile = Event(("smile",), 0.6, 1.0, 1.7, 1.0, Side.BOTH, ExpressionType.MACRO)
    clip = tmp_path / "clip.mp4"
    write(Script(7, 2.5, fps, (240, 180), iod_px=42.0, events=(smile,), sway_iod=0.004), clip)
    recorder = Recorder(tmp_path, SOURCE, spotter, scores_only=True)
    with LiveSession(VideoFile(clip), spotter=spotter, lossless=True, sinks=(recorder,)) as live:
        assert live.wait(60.0)
    recorder.close()
    assert_replay_is_live(read_session(recorder.folder), live.snapshot(), spotter)


def assert_replay_is_live(session: Session, snapshot: LiveSnapshot, spotter: Spotter) -> None:
    live = snapshot.analysis
    assert snapshot.state is LiveState.ENDED and live.intervals, "the clip should hold something to compare"
    scores, intervals = replay(session, spotter)
    np.testing.assert_array_equal(scores.time_s, live.scores.time_s)
    np.testing.assert_array_equal(scores.valid, live.scores.valid)
    for name in ("intensity", "macro", "micro", "quality"):
        np.testing.assert_allclose(getattr(scores, name), getattr(live.scores, name), atol=1e-4, rtol=0)
    spans = [(i.type, i.onset_s, i.apex_s, i.offset_s, i.onset_frame, i.apex_frame, i.offset_frame) for i in intervals]
    assert spans == [
        (i.type, i.onset_s, i.apex_s, i.offset_s, i.onset_frame, i.apex_frame, i.offset_frame) for i in live.intervals
    ]
    stored = [s.interval for s in session.intervals]
    assert [(i.type, i.onset_frame, i.apex_frame, i.offset_frame) for i in stored] == [(s[0], *s[4:]) for s in spans]
    np.testing.assert_allclose([i.onset_s for i in stored], [s[1] for s in spans], atol=1e-6)


def test_every_frame_has_a_row_and_a_picture_at_its_time(recorded: tuple[Session, LiveSnapshot], clip: Path) -> None:
    session, snapshot = recorded
    with VideoFile(clip) as video:
        times = np.array([frame.time_s for frame in video])
    assert len(session.frames) == len(times) == snapshot.counters.offered
    np.testing.assert_array_equal(session.frames.index, np.arange(len(times)))
    np.testing.assert_allclose(session.frames.time_s, times, atol=1e-6)
    np.testing.assert_array_equal(session.features["time_s"], times)
    assert session.frames.analysed.all() and session.frames.face.any()
    assert np.isfinite(session.frames.intensity[session.frames.face]).mean() > 0.9
    assert session.video is not None
    assert pts_of(session.video) == [round(t * 1e6) for t in times]
    expected = Counts(
        offered=len(times),
        analysed=len(times),
        video_written=len(times),
        intervals=len(snapshot.analysis.intervals),
    )
    assert session.info.counts == expected


def test_rows_are_those_of_a_batch_run(recorded: tuple[Session, LiveSnapshot], clip: Path, spotter: Spotter) -> None:
    from app.spot import SpotFiles, spot_video

    session, _ = recorded
    files = SpotFiles.of(session.folder.parent / "batch", "clip")
    files.frames.parent.mkdir(exist_ok=True)
    spot_video(clip, files, spotter)
    with files.frames.open(newline="") as batch, (session.folder / "frames.csv").open(newline="") as live:
        rows, expected = list(csv.DictReader(live)), list(csv.DictReader(batch))
    assert tuple(rows[0]) == FRAME_COLUMNS
    for row, other in zip(rows, expected, strict=True):
        assert (row["frame"], row["face"]) == (other["frame"], other["face"])
        for name in ("intensity", "macro", "micro", "quality"):
            assert (row[name] == "") == (other[name] == "")
            if row[name]:
                assert float(row[name]) == pytest.approx(float(other[name]), abs=1e-3)
    header = (session.folder / "intervals.csv").read_text().splitlines()[0]
    assert tuple(header.split(",")) == INTERVAL_COLUMNS


def test_scores_only_keeps_no_picture(face_video: Path, tmp_path: Path, spotter: Spotter) -> None:
    recorder = Recorder(tmp_path, SOURCE, spotter, scores_only=True)
    with LiveSession(VideoFile(face_video), spotter=spotter, lossless=True, sinks=(recorder,)) as live:
        assert live.wait(60.0)
    recorder.close()
    session = read_session(recorder.folder)
    assert session.video is None and session.info.scores_only and len(session.frames) == len(session.features) == 60
    assert not any("video" in path.name for path in recorder.folder.iterdir())


def test_a_slow_encoder_loses_pictures_and_no_scores(face_video: Path, tmp_path: Path, spotter: Spotter) -> None:
    recorder = Recorder(tmp_path, SOURCE, spotter, settings=RecorderSettings(queue_bytes=1))
    picture = np.zeros((1080, 1920, 3), np.uint8)
    motion = FrameMotion(0, 0.0, False, np.full((12, 2), np.nan, np.float32), 0.0)
    for k in range(120):  # far faster than any encoder
        recorder.frame(Frame(k, k / 30, picture))
        recorder.motion(FrameMotion(k, k / 30, motion.valid, motion.position_iod, motion.quality))
    info = recorder.close()
    assert info is not None and info.state is SessionState.COMPLETE
    counts = info.counts
    assert counts.video_dropped > 0 and counts.video_written + counts.video_dropped == 120
    session = read_session(recorder.folder)
    assert len(session.features) == len(session.frames) == counts.analysed == 120
    assert session.video is not None
    got = pts_of(session.video)
    assert len(got) == counts.video_written and set(got) <= {round(k / 30 * 1e6) for k in range(120)}


def test_what_is_written_is_there_a_second_later(tmp_path: Path, spotter: Spotter) -> None:
    recorder = Recorder(tmp_path, SOURCE, spotter)
    picture = np.zeros((64, 65, 3), np.uint8)
    for k in range(45):
        recorder.frame(Frame(k, k / 30, picture))
        recorder.motion(FrameMotion(k, k / 30, True, np.zeros((12, 2), np.float32), 1.0))
    end_s = time.monotonic() + 90.0
    while len(read_session(recorder.folder).features) < 45:
        assert time.monotonic() < end_s
        time.sleep(0.05)
    running = read_session(recorder.folder)
    assert not running.finished and running.video is not None and running.video.name == "video.mp4.writing"
    np.testing.assert_array_equal(np.load(recorder.folder / "features.npy")["frame"], np.arange(45))
    recorder.close()
    with VideoFile(recorder.folder / "video.mp4") as video:
        assert next(iter(video)).image.shape == (64, 66, 3)


def test_nothing_is_left_of_a_recording_without_a_frame(tmp_path: Path, spotter: Spotter) -> None:
    recorder = Recorder(tmp_path / "new", SOURCE, spotter)
    assert recorder.folder.is_dir() and recorder.close() is None and recorder.close() is None
    assert list((tmp_path / "new").iterdir()) == []


def test_folders_are_never_taken_twice(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, 14, 3, 7)
    names = [new_folder(tmp_path, "P1", now).name for _ in range(3)]
    assert names == ["2026-11-22_14-03-07_P1", "2026-11-22_14-03-07_P1-2", "2026-11-22_14-03-07_P1-3"]
    assert new_folder(tmp_path, "", now).name == "2026-11-22_14-03-07"
    for code in ("../P1", "a/b", ".hidden", "P1 ", "x" * 65, "a\nb"):
        with pytest.raises(UsageError, match="participant code"):
            new_folder(tmp_path, code, now)
    assert session_folders(tmp_path) == []


def test_features_survive_a_torn_row(tmp_path: Path) -> None:
    path = tmp_path / "features.npy"
    writer = FeatureWriter(path)
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(100, 13, 2)).astype(np.float32)
    motions = [FrameMotion(k, k / 7, k % 5 > 0, numbers[k, 1:], k / 100, None, numbers[k, 0]) for k in range(100)]
    for motion in motions:
        writer.append(motion)
        if motion.index % 30 == 0:
            writer.flush()
    writer.close()
    whole = read_features(path)
    np.testing.assert_array_equal(np.load(path), whole)
    assert [float(row["time_s"]) for row in whole] == [m.time_s for m in motions]
    np.testing.assert_array_equal(whole["position_iod"], [m.position_iod for m in motions])
    np.testing.assert_array_equal(whole["axis"], [m.axis for m in motions])
    data = path.read_bytes()
    path.write_bytes(data[: -FEATURE_ROW.itemsize - 5])
    np.testing.assert_array_equal(read_features(path), whole[:98])
    path.write_bytes(b"\x93NUMPY" + data[6:40])
    with pytest.raises(DataError, match=r"features\.npy"):
        read_features(path)


def test_features_that_do_not_tell_where_the_face_looks_are_read_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "features.npy"
    fields = [(name, FEATURE_ROW[name]) for name in FEATURE_ROW.names or () if name != "axis"]
    rows = np.zeros(40, np.dtype(fields))
    rows["frame"], rows["position_iod"][:, 3, 1] = np.arange(40), np.linspace(0.0, 1.0, 40)
    np.save(path, rows)
    path.write_bytes(path.read_bytes() + rows[:2].tobytes()[:-7])  # a row more than the header states, and a torn one
    read = read_features(path)
    assert read.dtype == FEATURE_ROW and np.isnan(read["axis"]).all()
    np.testing.assert_array_equal(read["frame"], [*range(40), 0])
    np.testing.assert_array_equal(read["position_iod"][:40], rows["position_iod"])
    with path.open("r+b") as file:
        assert close_features(path, file) == 41
    np.testing.assert_array_equal(np.load(path)["frame"], read["frame"])
    assert np.load(path).dtype == rows.dtype, "what was recorded stays as it was laid out"


def test_the_last_rows_are_on_the_disk_when_the_tables_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = SessionTables(tmp_path)
    tables.offered(0, 0.0)
    tables.motion(FrameMotion(0, 0.0, True, np.zeros((12, 2), np.float32), 1.0))
    sizes: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda number: sizes.add(os.fstat(number).st_size))
    tables.close()
    for name in (FRAMES_FILE, FEATURES_FILE):
        assert (tmp_path / name).stat().st_size in sizes, name
    assert len(read_frames(tmp_path / FRAMES_FILE)) == len(read_features(tmp_path / FEATURES_FILE)) == 1


def test_session_json_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, spotter: Spotter, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = SessionInfo(
        source=SOURCE, created_utc=datetime.now(UTC), model=model_info(spotter), thresholds=thresholds(spotter)
    )
    write_info(tmp_path, info)
    synced: list[tuple[int, bool]] = []

    def fsync(number: int) -> None:
        synced.append((os.fstat(number).st_ino, read_info(tmp_path) == info))

    monkeypatch.setattr(os, "fsync", fsync)
    write_info(tmp_path, info.model_copy(update={"participant": "P7"}))
    assert synced[0] == ((tmp_path / INFO_FILE).stat().st_ino, True), "the old one is still in place"
    if hasattr(os, "O_DIRECTORY"):
        assert synced[1:] == [(tmp_path.stat().st_ino, False)], "then its name"


def test_a_description_is_checked_when_it_is_read(recorded: tuple[Session, LiveSnapshot], tmp_path: Path) -> None:
    info = recorded[0].info
    write_info(tmp_path, info)
    assert read_info(tmp_path) == info
    path = tmp_path / "session.json"
    path.write_text(info.model_dump_json().replace('"schema_version":1', '"schema_version":2'))
    with pytest.raises(DataError, match="newer apexspot"):
        read_info(tmp_path)
    path.write_text(info.model_dump_json()[:-40])
    with pytest.raises(DataError, match="damaged"):
        read_info(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match="no session"):
        read_info(tmp_path)
    assert SessionInfo.model_validate_json(info.model_dump_json()) == info


def test_times_of_the_video_start_at_its_first_frame(tmp_path: Path) -> None:
    video = VideoWriter(tmp_path / "video.mp4")
    for k in range(40):
        size = (48, 64, 3) if k < 30 else (96, 128, 3)  # a stream may change its size
        video.put(Frame(900 + k, 123.4567891 + k / 30, np.full(size, k, np.uint8)))
    video.close(30.0)
    assert (video.written, video.dropped, video.error) == (40, 0, None)
    assert pts_of(tmp_path / "video.mp4") == [round(k / 30 * 1e6) for k in range(40)]
    with pytest.raises(OutputError, match=r"video\.mp4\.writing"):
        VideoWriter(tmp_path / "missing" / "video.mp4")


def test_pictures_behind_a_long_pause_keep_their_times(tmp_path: Path) -> None:
    times_s = [k / 30 + (8 * 3600.0 if k >= 5 else 0.0) for k in range(10)]  # the computer slept
    video = VideoWriter(tmp_path / "video.mp4")
    for k, time_s in enumerate(times_s):
        video.put(Frame(k, time_s, np.full((48, 64, 3), 20 * k, np.uint8)))
    video.close(30.0)
    assert (video.written, video.dropped, video.error) == (10, 0, None)
    with VideoFile(tmp_path / "video.mp4") as file:
        levels = {round(frame.time_s, 5): float(frame.image.mean()) for frame in file}
    assert [levels[round(time_s, 5)] for time_s in times_s] == pytest.approx([20.0 * k for k in range(10)], abs=6.0)
    between = [level for time_s, level in levels.items() if 1.0 < time_s < times_s[5] - 0.01]
    assert between == pytest.approx([80.0] * 96, abs=6.0)


def test_a_sink_that_fails_does_not_end_the_session(
    face_video: Path, tmp_path: Path, spotter: Spotter, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        calls = 0

        def frame(self, frame: Frame) -> None:
            self.calls += 1
            raise OSError("broken")

        def motion(self, motion: FrameMotion) -> None:
            self.calls += 1

        def update(self, update: Update) -> None:
            self.calls += 1

    failing, recorder = Failing(), Recorder(tmp_path, SOURCE, spotter, scores_only=True)
    with LiveSession(VideoFile(face_video), spotter=spotter, lossless=True, sinks=(failing, recorder)) as live:
        assert live.wait(60.0)
    recorder.close()
    assert live.snapshot().state is LiveState.ENDED and failing.calls == 1 and "left out" in caplog.text
    assert len(read_session(recorder.folder).features) == 60


def pts_of(path: Path) -> list[int]:
    """Presentation times of the pictures, in microseconds."""
    with av.open(str(path)) as container:
        return [round(Fraction(f.pts) * f.time_base * 1_000_000) for f in container.decode(video=0)]


def test_long_tables_are_read_as_short_ones_are(tmp_path: Path) -> None:
    """NumPy parses the table of hours; whatever it cannot is read row by row, and the row that is wrong is named."""
    rows = ["frame,time_s,face,intensity,macro,micro,quality", "0,0.000000,1,0.12345,0.5,0.25,0.99", "1,0.040000,,,,,"]
    rows += ["2,0.081234,0,,,,", "3,0.120000,1,,,,0.5", "4,0.2,1,0.1"]
    table = tmp_path / "frames.csv"
    table.write_bytes("\n".join(rows).encode())  # the last row is torn
    quick = read_frames(table)
    table.write_bytes("\r\n".join(rows[:-1]).encode() + b"\r\n")
    by_row = read_frames(table)
    assert quick.index.tolist() == by_row.index.tolist() == [0, 1, 2, 3]
    assert quick.analysed.tolist() == by_row.analysed.tolist() == [True, False, True, True]
    assert quick.face.tolist() == by_row.face.tolist() == [True, False, False, True]
    for name in ("time_s", "intensity", "macro", "micro", "quality"):
        np.testing.assert_array_equal(getattr(quick, name), getattr(by_row, name))
    for wrong in ("5,0.3,1,x,,,", ",0.3,1,,,,", "5,,1,,,,"):
        table.write_bytes("\n".join([*rows[:-1], wrong, ""]).encode())
        with pytest.raises(DataError, match="damaged in line 6"):
            read_frames(table)
