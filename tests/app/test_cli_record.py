"""``apexspot record`` and ``apexspot recover`` as a person uses them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import app.cli as cli
from app.cli_record import find_source
from app.session import read_session
from app.session.mp4 import count_pictures
from app.session.schema import SessionState, write_info
from app.signals import END_SIGNALS
from app.sources import DemoChoice, FileChoice, StreamChoice
from models.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("apexspot")]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command in an empty folder; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> tuple[int, str, str]:
        code = cli._run([str(a) for a in arguments])
        streams = capsys.readouterr()
        assert "Traceback" not in streams.err
        return code, streams.out, streams.err

    return command


def test_a_file_is_recorded_to_its_end(run: Run, tmp_path: Path, face_video: Path) -> None:
    code, out, err = run("record", "--source", face_video, "--out", "out", "--name", "P3", "--consent", "scores")
    assert (code, err) == (0, "")
    (folder,) = (tmp_path / "out").iterdir()
    assert folder.name.endswith("_P3") and str(folder.relative_to(tmp_path)) in out
    assert "macro" in out and "micro" in out and "60 of 60 in the video." in out
    session = read_session(folder)
    info = session.info
    assert (info.state, info.participant, info.consent) == (SessionState.COMPLETE, "P3", "scores")
    assert (info.source.kind, info.source.name) == ("file", face_video.name)
    assert len(session.frames) == 60 and session.video is not None and count_pictures(session.video) == 60
    assert session.info.counts.analysed == len(session.features) > 0

    # nothing is unfinished; then as a kill would leave it
    code, out, err = run("recover", "out")
    assert (code, err) == (0, "") and "nothing to recover" in out
    write_info(folder, info.model_copy(update={"state": SessionState.RECORDING}))
    code, out, err = run("recover", folder)
    assert (code, err) == (0, "") and "60 pictures" in out and "Recovered" in out
    assert read_session(folder).info.state is SessionState.RECOVERED


def test_the_smallest_movement_is_that_of_the_recording(run: Run, tmp_path: Path) -> None:
    arguments = ("record", "--source", "demo", "--seconds", "0.5", "--scores-only", "--smallest-movement")
    assert run(*arguments, "0.05", "--smallest-movement-in-speech", "0.1")[0] == 0
    (folder,) = tmp_path.iterdir()
    info = read_session(folder).info
    assert info.thresholds.movement == 0.05 and info.model.decode is not None
    assert info.model.decode.least_motion_iod == 0.05
    assert info.thresholds.in_speech == info.model.decode.least_motion_in_speech_iod == 0.1
    code, _, err = run(*arguments, "-1")
    assert code == 2 and "between 0 and 1" in err and list(tmp_path.iterdir()) == [folder]


def test_it_ends_after_the_seconds_asked_for(run: Run, tmp_path: Path) -> None:
    code, out, err = run("record", "--source", "demo", "--seconds", "1", "--scores-only")
    assert (code, err) == (0, "") and "video" not in out
    (folder,) = tmp_path.iterdir()
    session = read_session(folder)
    assert session.video is None and session.info.scores_only and session.info.source.kind == "demo"
    assert 1.0 <= session.frames.time_s[-1] < 15.0, "the demo lasts 20 s"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
@pytest.mark.parametrize("number", END_SIGNALS)
def test_ctrl_c_keeps_everything(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app", "record", "--source", "demo", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        wait_for_features(process, tmp_path)
        process.send_signal(number)
        process.send_signal(number)  # an impatient person
        out, err = process.communicate(timeout=100)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    (folder,) = tmp_path.iterdir()
    assert str(folder) in out
    session = read_session(folder)
    assert session.info.state is SessionState.COMPLETE and len(session.frames) == session.info.counts.offered
    assert session.video is not None and count_pictures(session.video) == session.info.counts.video_written


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of files that are open")
def test_a_folder_that_is_removed_ends_the_recording(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app", "record", "--source", "demo", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        wait_for_features(process, tmp_path)
        (folder,) = tmp_path.iterdir()
        shutil.rmtree(folder)
        _, err = process.communicate(timeout=100)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1 and str(folder) in err and "Traceback" not in err
    assert err.count("\n") == 1 and err.startswith("apexspot: ")


def wait_for_features(process: subprocess.Popen[str], out: Path) -> None:
    end_s = time.monotonic() + 90.0
    while not any(len(read_session(p.parent).features) > 10 for p in out.glob("*/session.json")):
        assert time.monotonic() < end_s and process.poll() is None
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--source", "nothing.mp4"), 2, "neither a file nor a camera"),
        (("--source", "."), 2, "is a folder"),
        (("--source", "demo", "--name", "../P1"), 2, "participant code"),
        (("--source", "demo", "--out", "text.txt"), 1, "Nothing can be written to"),
        (("--source", "text.txt"), 1, "Nothing was recorded"),
        (("--source", "http://127.0.0.1:9/none"), 1, "Nothing was recorded"),
        (("--source", "demo", "--model", "text.txt"), 1, "text.txt"),
        ((), 2, "--source"),
    ],
)
def test_what_cannot_be_recorded_is_said(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    (tmp_path / "text.txt").write_text("no video")
    answer, _, err = run("record", *arguments)
    assert answer == code and sentence in err
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"], "nothing is left behind"


def test_what_cannot_be_recovered_is_said(run: Run) -> None:
    code, _, err = run("recover", "missing")
    assert code == 2 and "no folder" in err


def test_what_a_source_can_be(tmp_path: Path, face_video: Path) -> None:
    assert find_source("demo") == DemoChoice()
    assert find_source("rtsp://camera/live") == StreamChoice("rtsp://camera/live")
    assert find_source(str(face_video)) == FileChoice(face_video)
    with pytest.raises(UsageError, match="apexspot cameras"):
        find_source("Desk camera that is not there")
