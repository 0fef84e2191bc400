"""``apexspot record`` with LSL, and that nothing of LSL is there without being asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import app.cli as cli
from app.session import read_session
from app.session.events import read_events

ROOT = Path(__file__).resolve().parents[3]

Listen = Callable[[str], Any]


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli._run(["record", *map(str, arguments)])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_a_recording_sends_and_receives(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, face_video: Path, listen: Listen
) -> None:
    pylsl = pytest.importorskip("pylsl", reason="needs the extra [lsl]")
    task = pylsl.StreamOutlet(pylsl.StreamInfo("task", "Markers", 1, 0.0, "string", "task-1"))
    over = threading.Event()
    got: list[Any] = []

    def other_program() -> None:
        listener = listen("apexspot-scores")
        number = 0
        while not over.wait(0.1):
            number += 1
            task.push_sample([f"stimulus {number}"])
        got.extend(listener.finish())

    thread = threading.Thread(target=other_program, name="listener-program")
    thread.start()
    try:
        options = ("--lsl", "--lsl-markers", "task", "--lsl-markers", "nobody")
        code, out, err = run(capsys, "--source", face_video, "--out", tmp_path, *options)
    finally:
        over.set()
        thread.join(20.0)
    assert (code, err) == (0, "")
    assert "apexspot-scores" in out and "events of other programs kept" in out and "nobody was not found" in out
    (folder,) = tmp_path.iterdir()
    session = read_session(folder)
    events = read_events(folder)
    assert len(events) >= 3 and {event.stream for event in events} == {"task"}
    numbers = [int(event.label.split()[1]) for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "none is missing in between"
    for event in events:
        nearest = abs(session.frames.time_s - event.time_s).argmin()
        assert event.time_s >= 0.0 and event.frame == session.frames.index[nearest]
    frames = [values[0] for values, _ in got]
    assert frames and frames[-1] == session.frames.index[-1] and sorted(set(frames)) == frames


def test_without_the_extra_it_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, face_video: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)  # as Python marks what cannot be imported
    for option in (("--lsl",), ("--lsl-markers", "task")):
        code, _, err = run(capsys, "--source", face_video, "--out", tmp_path, *option)
        assert code == 2 and err.count("\n") == 1 and "apexspot[lsl]" in err
    assert list(tmp_path.iterdir()) == []
    code, out, err = run(capsys, "--source", face_video, "--out", tmp_path, "--scores-only", "--seconds", "0.2")
    assert (code, err) == (0, "") and "LSL" not in out, "a recording needs no LSL"


def test_a_name_that_cannot_be_looked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capsys, "--source", "demo", "--out", tmp_path, "--lsl-markers", "it's")
    assert code == 2 and "quotation marks" in err and list(tmp_path.iterdir()) == []


def test_a_library_that_does_not_fit_is_said(tmp_path: Path) -> None:
    pytest.importorskip("pylsl", reason="needs the extra [lsl]")
    broken = tmp_path / "liblsl.so"
    broken.write_text("no library")
    command = [sys.executable, "-m", "app", "record", "--source", "demo", "--out", str(tmp_path / "out"), "--lsl"]
    environment = {**os.environ, "PYLSL_LIB": str(broken)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "liblsl" in done.stderr
    assert not (tmp_path / "out").exists()


def test_nothing_of_lsl_is_loaded_unasked() -> None:
    code = "import sys, app.cli, app.lsl; assert not {'pylsl'} & set(sys.modules), 'loaded'"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
