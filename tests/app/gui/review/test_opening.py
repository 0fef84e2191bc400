"""Opening and closing in the Review workspace, and what can go wrong there; themes and names."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QSlider, QTabBar, QTableView, QWidget
from pytestqt.qtbot import QtBot

from app.gui.review.desk import Desk
from app.gui.review.picture_panel import SCORES_ONLY
from app.gui.review.workspace import ReviewWorkspace
from app.gui.theme import DARK, LIGHT, apply_theme
from models.types import ExpressionType

OpenWorkspace = Callable[[Path], ReviewWorkspace]
KEY = Qt.Key
WAIT_MS = 30_000


def desk_of(workspace: ReviewWorkspace) -> Desk:
    assert workspace.desk is not None
    return workspace.desk


def said(workspace: ReviewWorkspace) -> str:
    return workspace.view.transport.said


def test_scores_only_has_a_placeholder_and_can_be_labelled(
    qtbot: QtBot, open_path: OpenWorkspace, recording: Path
) -> None:
    (recording / "video.mp4").unlink()
    workspace = open_path(recording)
    panel = workspace.view.picture
    assert panel.currentWidget() is panel.note and panel.note.text() == SCORES_ONLY
    qtbot.keyClick(workspace, KEY.Key_1)
    assert len(desk_of(workspace).state.points) == 1


def test_a_second_window_may_look_but_not_touch(
    qtbot: QtBot, qapp: QApplication, open_path: OpenWorkspace, recording: Path
) -> None:
    first = open_path(recording)
    desk_of(first).add_point(ExpressionType.MACRO)
    second = ReviewWorkspace(DARK)
    qtbot.addWidget(second)
    messages: list[str] = []
    second.message.connect(messages.append)
    second.show()
    second.open(recording)
    qtbot.waitUntil(lambda: second.has_recording, timeout=WAIT_MS)
    assert len(messages) == 1 and "another window" in messages[0]
    desk_of(second).add_point(ExpressionType.MICRO)
    assert len(messages) == 2 and len(desk_of(second).state.points) == 1
    assert not any(button.isEnabled() for button in second.view.lists.buttons.values())
    second.close_recording()


def test_what_cannot_be_opened_is_said(qtbot: QtBot, workspace: ReviewWorkspace, tmp_path: Path) -> None:
    messages: list[str] = []
    workspace.message.connect(messages.append)
    for path in (tmp_path / "gone", tmp_path):
        workspace.open(path)
        assert workspace.empty.title.text() == "Opening…"
        count = len(messages)
        qtbot.waitUntil(lambda count=count: len(messages) > count, timeout=WAIT_MS)
        assert "Traceback" not in messages[-1] and workspace.empty.title.text() == "Review a recording"
    # closing at once, while it is being opened
    workspace.open(tmp_path)
    workspace.close_recording()
    assert not workspace.has_recording


def test_what_cannot_be_saved_is_said_and_changes_nothing(
    qtbot: QtBot, open_path: OpenWorkspace, recording: Path
) -> None:
    workspace = open_path(recording)
    messages: list[str] = []
    workspace.message.connect(messages.append)
    desk = desk_of(workspace)
    before = desk.state
    recording.rename(recording.with_name("gone"))
    qtbot.keyClick(workspace, KEY.Key_1)
    assert len(messages) == 1 and "cannot be" in messages[0] and desk.state == before
    assert "saved" in said(workspace) and "point" not in said(workspace)
    recording.with_name("gone").rename(recording)
    qtbot.keyClick(workspace, KEY.Key_1)
    assert len(desk.state.points) == 1 and said(workspace).endswith("saved")


def test_opening_another_closes_the_first(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    other = Path(shutil.copytree(recording, recording.with_name("2026-11-23_10-00-00_P08")))
    workspace = open_path(recording)
    names: list[str] = []
    workspace.opened.connect(names.append)
    workspace.toggle_play()
    workspace.open(other)
    assert not workspace.has_recording
    qtbot.waitUntil(lambda: names == [other.name], timeout=WAIT_MS)
    assert desk_of(workspace).review.folder == other and desk_of(workspace).review.read_only is None
    assert not workspace.playback.playing if workspace.playback else False


def test_the_theme_can_change_while_open(qapp: QApplication, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    light = workspace.view.curves.grab().toImage().pixelColor(5, 5)
    apply_theme(qapp, DARK)
    workspace.set_theme(DARK)
    qapp.processEvents()
    dark = workspace.view.curves.grab().toImage().pixelColor(5, 5)
    assert light.lightness() > 200 and dark.lightness() < 60
    apply_theme(qapp, LIGHT)


def test_everything_that_can_be_used_has_a_name(open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    for kind in (QAbstractButton, QTableView, QSlider, QTabBar):
        for widget in workspace.findChildren(kind):
            assert isinstance(widget, QWidget)
            hidden = widget.objectName().startswith("qt_") or isinstance(widget.parent(), QTabBar | QTableView)
            if not hidden:  # parts of Qt's own
                text = widget.text() if isinstance(widget, QAbstractButton) else ""
                assert text or widget.accessibleName(), widget
