"""``apexspot open``: what is no recording is said in a sentence before any window appears."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from app import cli
from app.cli_window import check_recording

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command without a display; gives its exit code and what it complains of."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: object) -> tuple[int, str]:
        code = cli._run([str(argument) for argument in arguments])
        streams = capfd.readouterr()
        assert "Traceback" not in streams.err and streams.out == ""
        return code, streams.err

    return command


def test_a_bad_path_is_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    for path, sentence in (
        (tmp_path / "missing", "There is no file"),
        (tmp_path, "is no session"),
        (tmp_path / "notes.mp4", "notes.mp4 is not a video"),
    ):
        code, complaint = run("open", path)
        assert code == 2 and sentence in complaint and len(complaint.splitlines()) == 1, complaint


def test_a_machine_without_a_display_says_so(run: Run, face_video: Path) -> None:
    check_recording(face_video)
    code, complaint = run("open", face_video)
    assert code == 2 and "There is no display here" in complaint and "apexspot spot VIDEO" in complaint


def test_a_recording_is_handed_to_the_window(run: Run, face_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path | None] = []

    def show(demo: bool = False, recording: Path | None = None) -> None:
        opened.append(recording)
        raise typer.Exit(0)

    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setattr(cli, "open_window", show)
    assert run("open", face_video) == (0, "") and opened == [face_video]
