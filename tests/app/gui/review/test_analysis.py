"""A plain video in the Review workspace: analysed once with progress, then known; cancelled; not a video."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.gui.review.workspace import ReviewWorkspace
from models.assets import LAB_NETWORK
from models.digest import content_sha256
from models.types import ExpressionType

OpenWorkspace = Callable[[Path], ReviewWorkspace]
WAIT_MS = 60_000


@pytest.fixture
def video(drawn_clip: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(drawn_clip, tmp_path / "interview.mp4"))


def test_a_video_is_analysed_once_and_keeps_its_labels(
    qtbot: QtBot, workspace: ReviewWorkspace, open_path: OpenWorkspace, video: Path
) -> None:
    names: list[str] = []
    workspace.opened.connect(names.append)
    workspace.open(video)
    qtbot.waitUntil(lambda: workspace.stack.currentWidget() is workspace.analysis, timeout=WAIT_MS)
    page = workspace.analysis
    assert "interview.mp4" in page.text.text() and page.cancel_button.isEnabled()
    seen: set[int] = set()

    def whole() -> bool:
        seen.add(page.bar.value())
        return workspace.has_recording

    qtbot.waitUntil(whole, timeout=WAIT_MS)
    assert len(seen) > 2, "the bar moves"
    assert names == ["interview.mp4"]
    desk, picture = workspace.desk, workspace.view.picture
    assert desk is not None and picture.shown_row == 0 and desk.state.shown()
    desk.step(20)
    assert picture.shown_row == 20
    desk.add_point(ExpressionType.MACRO)
    state = desk.state
    workspace.close_recording()

    open_path(video)
    assert workspace.desk is not None and workspace.desk.state == state
    assert names == ["interview.mp4"] * 2
    workspace.close_recording()

    video.rename(video.with_name("elsewhere.mp4"))
    open_path(state_folder := video.with_name("interview.mp4.apexspot"))
    assert state_folder.is_dir() and picture.currentWidget() is picture.note
    assert "no longer where it was" in picture.note.text()


def test_another_network_scores_again_and_says_so(
    qtbot: QtBot, workspace: ReviewWorkspace, open_path: OpenWorkspace, video: Path
) -> None:
    notes: list[str] = []
    workspace.noted.connect(notes.append)
    open_path(video)
    assert workspace.desk is not None and not notes, "the first time nothing was scored before"
    assert "the usual network" in workspace.view.thresholds.heading.toolTip()
    workspace.desk.add_point(ExpressionType.MACRO)
    points = workspace.desk.state.points
    workspace.network = LAB_NETWORK
    workspace.open(video)
    qtbot.waitUntil(lambda: bool(notes), timeout=WAIT_MS)
    assert notes[0].startswith("Scored again by the network for laboratory recordings: what you accepted")
    assert workspace.desk.state.points == points and workspace.desk.review.undo_text is None
    assert "laboratory" in workspace.view.thresholds.heading.toolTip()
    workspace.close_recording()
    open_path(video)
    assert len(notes) == 1


def test_an_analysis_can_be_cancelled(qtbot: QtBot, workspace: ReviewWorkspace, video: Path) -> None:
    messages: list[str] = []
    workspace.message.connect(messages.append)
    workspace.open(video)
    qtbot.waitUntil(lambda: workspace.stack.currentWidget() is workspace.analysis, timeout=WAIT_MS)
    qtbot.mouseClick(workspace.analysis.cancel_button, Qt.MouseButton.LeftButton)
    assert not workspace.analysis.cancel_button.isEnabled()
    qtbot.waitUntil(lambda: bool(messages), timeout=WAIT_MS)
    assert "cancelled" in messages[0] and workspace.stack.currentWidget() is workspace.empty
    assert [path.name for path in video.parent.iterdir()] == ["interview.mp4"]


def test_a_wrong_path_does_not_end_an_analysis(qtbot: QtBot, workspace: ReviewWorkspace, video: Path) -> None:
    messages: list[str] = []
    workspace.message.connect(messages.append)
    workspace.open(video)
    qtbot.waitUntil(lambda: workspace.stack.currentWidget() is workspace.analysis, timeout=WAIT_MS)
    workspace.open(video.with_name("gone.mp4"))
    qtbot.waitUntil(lambda: bool(messages), timeout=WAIT_MS)
    assert "gone.mp4" in messages[0] and workspace.stack.currentWidget() is workspace.analysis
    qtbot.waitUntil(lambda: workspace.has_recording, timeout=WAIT_MS)


def test_closing_ends_an_analysis(qtbot: QtBot, workspace: ReviewWorkspace, video: Path) -> None:
    workspace.open(video)
    qtbot.waitUntil(lambda: workspace.stack.currentWidget() is workspace.analysis, timeout=WAIT_MS)
    workspace.close_recording()
    assert workspace.stack.currentWidget() is workspace.empty
    assert [path.name for path in video.parent.iterdir()] == ["interview.mp4"]


def test_closing_does_not_wait_for_a_slow_disk(
    qtbot: QtBot, workspace: ReviewWorkspace, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, read_on = threading.Event(), threading.Event()

    def slow(path: Path) -> str:
        reading.set()
        assert read_on.wait(60.0)
        return content_sha256(path)

    monkeypatch.setattr("app.review.folders.content_sha256", slow)
    monkeypatch.setattr("app.gui.review.workspace.PATIENCE_S", 0.1)
    workspace.open(video)
    qtbot.waitUntil(reading.is_set, timeout=WAIT_MS)
    workspace.close_recording()
    assert not read_on.is_set() and workspace.stack.currentWidget() is workspace.empty
    read_on.set()
    qtbot.waitUntil(lambda: [path.name for path in video.parent.iterdir()] == ["interview.mp4"], timeout=WAIT_MS)
    qtbot.waitUntil(
        lambda: "apexspot-analysis" not in {thread.name for thread in threading.enumerate()}, timeout=WAIT_MS
    )


def test_a_file_that_is_no_video_is_said(qtbot: QtBot, workspace: ReviewWorkspace, tmp_path: Path) -> None:
    broken = tmp_path / "notes.mp4"
    broken.write_text("not a video")
    messages: list[str] = []
    workspace.message.connect(messages.append)
    workspace.open(broken)
    qtbot.waitUntil(lambda: bool(messages), timeout=WAIT_MS)
    assert "notes.mp4" in messages[0] and not workspace.has_recording
