from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

import app.cli as cli
from app.sources import FileChoice, open_source
from app.terminal_demo import run_terminal_demo, sparkline
from models.errors import DataError
from models.types import Scores

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ("intervals.csv", "frames.csv", "json")


@pytest.fixture
def run(capfd, monkeypatch, tmp_path):
    """Runs a command in an empty folder, without a display; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments):
        code = cli._run([str(a) for a in arguments])
        streams = capfd.readouterr()
        assert "Traceback" not in streams.err
        return code, streams.out, streams.err

    return command


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


def results(*names):
    return sorted(f"{name}.{ending}" for name in names for ending in RESULTS)


def test_help_names_every_command_and_loads_nothing_heavy():
    code = (
        "import sys, app.cli\n"
        "app.cli._run(['--help'])\n"
        "heavy = {'cv2', 'mediapipe', 'onnxruntime', 'av', 'numpy', 'PySide6', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    *shown, loaded = answer.stdout.splitlines()
    assert loaded == "[]"
    for word in ("spot", "cameras", "doctor", "--demo", "--version"):
        assert any(word in line for line in shown)


def test_python_m_app_is_the_same_program():
    answer = subprocess.run(
        [sys.executable, "-m", "app", "--version"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert answer.stdout.startswith("apexspot ")
    assert answer.stderr == ""


def test_spot_writes_three_files(run, tmp_path, face_video):
    code, out, err = run("spot", face_video, "--out", "results")
    assert (code, err) == (0, "")
    assert "macro" in out
    assert "micro" in out
    assert files_in(tmp_path / "results") == results("face")


def test_a_bad_file_is_named_and_the_others_are_done(run, tmp_path, face_video, faceless_video):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"nothing of the kind" * 50)
    code, out, err = run("spot", face_video, bad, faceless_video, "--out", "results")
    assert code == 1
    assert "bad.mp4" in err
    assert "1 of 3" in err
    assert "No face" in out
    assert files_in(tmp_path / "results") == [*results("empty_room", "face"), "summary.csv"]


def test_a_video_without_a_face_is_no_error(run, tmp_path, faceless_video):
    code, out, err = run("spot", faceless_video)
    assert (code, err) == (0, "")
    assert "No face" in out
    assert len((tmp_path / "empty_room.intervals.csv").read_text().splitlines()) == 1


def test_two_videos_of_one_name_both_get_results(run, tmp_path, faceless_video):
    other = tmp_path / "other" / faceless_video.name
    other.parent.mkdir()
    other.write_bytes(faceless_video.read_bytes())
    code, _, _ = run("spot", faceless_video, other, faceless_video, "--out", "results")
    assert code == 0
    assert files_in(tmp_path / "results") == [*results("empty_room", "empty_room-2"), "summary.csv"]


def test_results_are_replaced_only_with_force(run, tmp_path, faceless_video):
    (tmp_path / "empty_room.frames.csv").write_text("precious")
    code, _, err = run("spot", faceless_video)
    assert code == 2
    assert "--force" in err
    assert files_in(tmp_path) == ["empty_room.frames.csv"]
    assert run("spot", faceless_video, "--force")[0] == 0
    assert (tmp_path / "empty_room.frames.csv").read_text() != "precious"


def test_wrong_requests_exit_with_2_and_write_nothing(run, tmp_path, faceless_video):
    (tmp_path / "file").touch()
    wrong = [
        (("spot",), "VIDEO"),
        (("spot", "missing.mp4"), "There is no file missing.mp4."),
        (("spot", faceless_video, "missing.mp4"), "There is no file missing.mp4."),
        (("spot", "."), "is a folder without a video"),
        (("spot", tmp_path), "is a folder without a video"),
        (("spot", "http://host/clip.mp4"), "is an address"),
        (("spot", faceless_video, "--out", "file"), "is a file"),
        (("spot", faceless_video, "--out", "file/below"), "Nothing can be written"),
        (("spot", faceless_video, "--bogus"), "No such option"),
        (("spot", faceless_video, "--jobs", "0"), "jobs"),
        (("bogus",), "No such command"),
        ((), "There is no display here"),
        (("--out", "x"), "--demo"),
        (("--demo", "spot", faceless_video), "without a command"),
    ]
    for arguments, sentence in wrong:
        code, out, err = run(*arguments)
        assert (code, out) == (2, ""), arguments
        assert sentence in err, arguments
    assert files_in(tmp_path) == ["file"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X displays")
def test_a_display_that_does_not_answer_is_named(run, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":993")
    code, _, err = run()
    assert code == 2
    assert "The display :993 cannot be used." in err


def test_a_model_that_is_not_ours_is_refused(run, tmp_path, faceless_video):
    (tmp_path / "other.onnx").write_bytes(b"not a model")
    code, _, err = run("spot", faceless_video, "--model", "other.onnx", "--out", "results")
    assert code == 1
    assert "other.onnx" in err
    assert len(err.strip().splitlines()) == 1
    code, _, err = run("spot", faceless_video, "--model", "missing.onnx")
    assert code == 1
    assert "missing.onnx" in err


def test_what_nobody_foresaw_is_one_sentence_and_a_log(run, monkeypatch, caplog):
    def surprise():
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr("app.cameras.list_cameras", surprise)
    code, _, err = run("cameras")
    assert code == 1
    assert len(err.strip().splitlines()) == 1
    assert "ZeroDivisionError" in err
    assert "apexspot.log" in err
    assert any(record.exc_info and record.levelno == logging.ERROR for record in caplog.records)


def test_a_path_that_the_system_refuses_is_a_sentence(run, tmp_path):
    long = "x" * 300
    for command in (("open", long), ("recover", long), ("agree", long, long)):
        code, _, err = run(*command)
        assert code != 0 and err.count("\n") == 1
        assert long in err and "unexpected" not in err


def test_an_error_of_code_that_was_interrupted_while_it_was_loaded_is_no_error(monkeypatch, capfd):
    def broken(*arguments, **options):
        raise ImportError("numpy was interrupted")

    monkeypatch.setattr(cli, "app", broken)
    assert cli._run([], asked=[signal.SIGINT]) == 130
    assert "stopped" in capfd.readouterr().err
    assert cli._run([]) == 1
    assert "unexpected" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_end_it_leaves_nothing_half_written(tmp_path, write_video, portrait, asked):
    path = write_video(tmp_path / "long.mkv", [portrait] * 3000)
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "spot", str(path), "--out", str(tmp_path / "results")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    while not (tmp_path / "results").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(asked)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 130
    assert "stopped" in err
    assert "Traceback" not in err
    assert files_in(tmp_path / "results") == []


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_in_a_terminal_there_is_a_bar(tmp_path, face_video):
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "spot", str(face_video), "--out", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait() == 0
    assert b"face.mp4" in shown
    assert b"%" in shown


def test_cameras_lists_or_says_that_there_are_none(run):
    code, out, err = run("cameras")
    assert (code, err) == (0, "")
    assert out.strip()


def test_doctor_fits_one_screen_and_says_what_scores_with_what(run):
    code, out, err = run("doctor")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) <= 24
    assert max(len(line) for line in lines if not line.startswith("log file")) <= 80
    for word in ("apexspot", "mediapipe", "SHA-256", "scoring on", "no display", "cameras", "log file"):
        assert word in out


def test_doctor_names_what_is_broken(run, monkeypatch):
    monkeypatch.setattr("models.assets.FACE_LANDMARKER_SHA256", "0" * 64)
    code, out, _ = run("doctor")
    assert code == 1
    assert "BROKEN" in out
    assert "face_landmarker.task" in out


# -- the demo without a window ----------------------------------------------------------------------------------------


@pytest.fixture
def clip(face_video):
    return lambda: open_source(FileChoice(face_video), paced=True)


def all_frames_are_told(text: str) -> bool:
    """Whether the summary's frames add up to the clip's 60; a busy machine may drop some of a clip at its own pace."""
    told = re.search(r"in (\d+) frames \((\d+) dropped", text)
    return told is not None and int(told[1]) > 0 and int(told[1]) + int(told[2]) == 60


def test_the_demo_plays_as_lines_where_there_is_no_terminal(tmp_path, clip):
    out = io.StringIO()
    path = run_terminal_demo(tmp_path, Console(file=out, width=80), clip)
    text = out.getvalue()
    assert "\x1b" not in text
    assert " fps" in text
    assert all_frames_are_told(text)
    assert path == tmp_path / "apexspot-demo.intervals.csv"
    assert path.read_text().startswith("id,type,")


def test_the_demo_moves_one_line_in_a_terminal(tmp_path, clip):
    out = io.StringIO()
    run_terminal_demo(tmp_path, Console(file=out, width=80, force_terminal=True), clip)
    assert out.getvalue().count("fps") > 5
    assert all_frames_are_told(out.getvalue())


def test_the_demo_gets_by_without_block_characters(tmp_path, clip):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    run_terminal_demo(tmp_path, Console(file=out, width=80), clip)
    out.flush()
    assert b" fps" in raw.getvalue()


def test_the_demos_table_overwrites_nothing(tmp_path, clip):
    (tmp_path / "apexspot-demo.intervals.csv").write_text("mine")
    path = run_terminal_demo(tmp_path, Console(file=io.StringIO()), clip)
    assert path.name == "apexspot-demo-2.intervals.csv"
    assert (tmp_path / "apexspot-demo.intervals.csv").read_text() == "mine"


def test_a_demo_that_fails_says_why_and_writes_nothing(tmp_path):
    missing = FileChoice(tmp_path / "gone.mp4")
    with pytest.raises(DataError, match="There is no file"):
        run_terminal_demo(tmp_path, Console(file=io.StringIO()), lambda: open_source(missing, paced=True))
    assert files_in(tmp_path) == []


def test_the_sparkline_shows_height_and_gaps():
    import numpy as np

    times = np.arange(240) / 30
    valid = times < 4.0
    values = np.where(valid, np.minimum(times / 4.0, 1.0), np.nan).astype(np.float32)
    line = sparkline(Scores(times, valid, values, values, values, values), 8.0, 16)
    assert len(line) == 16
    assert line[:7] == "".join(sorted(line[:7]))
    assert line[0] < line[6]
    assert line[9:] == " " * 7


@pytest.mark.shared_data
def test_spot_on_the_clips(run, tmp_path, shared_data):
    clips = shared_data / "clips"
    code, out, err = run("spot", clips / "neutral_to_smile.mp4", clips / "no_face.mp4")
    assert (code, err) == (0, "")
    summary = json.loads((tmp_path / "neutral_to_smile.json").read_text())
    assert summary["face_share"] > 0.9
    assert "No face" in out
