"""A session with everything that can be in one, and a table as ``apexspot spot`` writes it."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

import app.cli as cli
from app.session.features import FeatureWriter
from app.session.schema import (
    Clock,
    Counts,
    ModelInfo,
    SessionInfo,
    SessionState,
    SourceInfo,
    Thresholds,
    write_info,
)
from app.tables import FRAME_COLUMNS, INTERVAL_COLUMNS

FIRST_S = 12.5
"""When the recording's first frame came, on its own clock."""

FPS = 25.0
FRAMES = 250

INTERVALS = (
    # id, type, onset, apex, offset (frames), score, source, status
    (1, "macro", 20, 30, 55, 0.91234, "model", "found"),
    (2, "micro", 40, 43, 50, 0.55, "model", "accepted"),
    (3, "macro", 70, 75, 90, 0.7, "model", "rejected"),
    (4, "macro", 100, 110, 130, 0.8, "model", "replaced"),
    (5, "macro", 100, 112, 140, 0.8, "person", "accepted"),
    (6, "macro", 135, 150, 170, 0.66, "model", "found"),
    (7, "micro", 170, 175, 180, 0.4, "model", "found"),
    (8, "micro", 180, 180, 190, 0.5, "model", "found"),
)
POINTS = ((1, 25, "macro"), (2, 45, "micro"), (3, 45, "macro"))
REASON = '=HYPERLINK("x"), <b>chewing</b> & "more"'
EXCLUSIONS = ((1, 200, 220, REASON), (2, 230, 235, ""))
KEPT = (1, 2, 5, 6, 7, 8)


def time_s(frame: int) -> float:
    return FIRST_S + frame / FPS


def make_session(folder: Path, *, state: SessionState = SessionState.COMPLETE, participant: str = "P7") -> Path:
    """Write a session folder by hand. No face in frames 60 to 64, a bad picture in 65 to 69, frame 66 was lost."""
    folder.mkdir(parents=True)
    info = SessionInfo(
        state=state,
        participant=participant,
        source=SourceInfo(kind="camera", name="Desk <camera> & co"),
        created_utc=datetime(2026, 11, 22, 14, 3, 7, tzinfo=UTC),
        clock=Clock(first_frame_s=FIRST_S),
        model=ModelInfo(
            file="spotter.onnx",
            version="1",
            sha256="ab" * 32,
            face_landmarker_sha256="cd" * 32,
            provider="CPU",
            look_ahead_s=3.5,
        ),
        thresholds=Thresholds(island=0.1, macro=0.62, micro=0.38),
        counts=Counts(offered=FRAMES, analysed=FRAMES - 1, dropped=1),
        remarks=("The camera stopped <i>delivering</i>.",),
    )
    write_info(folder, info)
    FeatureWriter(folder / "features.npy").close()
    curve = np.exp(-(((np.arange(FRAMES) - 30) / 10) ** 2))
    rows = []
    for k in range(FRAMES):
        seen = "" if k == 66 else str(int(not 60 <= k < 65))
        values = [
            f"{curve[k]:.5f}",
            f"{curve[k] / 2:.5f}",
            f"{curve[k] / 4:.5f}",
            "0.20000" if 65 <= k < 70 else "1.00000",
        ]
        rows.append([k, f"{time_s(k):.6f}", seen, *(values if seen == "1" else [""] * 4)])
    table(folder / "frames.csv", FRAME_COLUMNS, rows)
    table(folder / "intervals.csv", INTERVAL_COLUMNS, interval_rows(time_s))
    points = [[number, f"{time_s(k):.6f}", k, type_, "person"] for number, k, type_ in POINTS]
    table(folder / "points.csv", ("id", "time_s", "frame", "type", "source"), points)
    exclusions = [[n, f"{time_s(a):.6f}", f"{time_s(b):.6f}", a, b, reason] for n, a, b, reason in EXCLUSIONS]
    table(folder / "exclusions.csv", ("id", "start_s", "end_s", "start_frame", "end_frame", "reason"), exclusions)
    return folder


def interval_rows(time_of):
    for number, type_, onset, apex, offset, score, source, status in INTERVALS:
        times = [f"{value:.6f}" for value in (time_of(onset), time_of(apex), time_of(offset), (offset - onset) / FPS)]
        yield [number, type_, *times, onset, apex, offset, f"{score:.5f}", source, status]


def table(path: Path, columns, rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return make_session(tmp_path / "2026-11-22_14-03-07_P7")


@pytest.fixture
def filmed(session: Path, write_video, portrait) -> Path:
    """The session with its video: the portrait, half as bright in every second frame; the lost frame has no picture."""
    bright = cv2.resize(portrait, (160, 160))
    pictures = {k: bright if k % 2 else np.asarray(bright // 2, np.uint8) for k in range(FRAMES) if k != 66}
    write_video(session / "video.mp4", list(pictures.values()), [round(k * 1000 / FPS) for k in pictures])
    return session


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """NAME.intervals.csv with its frames and summary, as ``apexspot spot`` leaves them."""
    folder = tmp_path / "spotted"
    folder.mkdir()
    table(folder / "talk.intervals.csv", INTERVAL_COLUMNS, interval_rows(lambda k: k / FPS))
    rows = [[k, f"{k / FPS:.4f}", 1, "0.5", "0.2", "0.1", "1.000"] for k in range(FRAMES)]
    table(folder / "talk.frames.csv", FRAME_COLUMNS, rows)
    summary = {"video": "talk.mp4", "frames": FRAMES, "duration_s": FRAMES / FPS, "fps": FPS, "message": "Cut off."}
    (folder / "talk.json").write_text(json.dumps(summary))
    return folder / "talk.intervals.csv"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs a command in an empty folder; gives exit code, stdout and stderr."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def command(*arguments: object) -> tuple[int, str, str]:
        code = cli._run([str(a) for a in arguments])
        streams = capsys.readouterr()
        assert "Traceback" not in streams.err
        return code, streams.out, streams.err

    return command
