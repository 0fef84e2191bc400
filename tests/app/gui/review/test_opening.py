"""Opening and closing in the Review workspace, and what can go wrong there; themes and names."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QSlider, QTabBar, QTableView, QWidget
from pytestqt.qtbot import QtBot

from app.gui.review.desk import Desk
from app.gui.review.opener import SCORES_ONLY
from app.gui.review.workspace import ReviewWorkspace
from app.gui.theme import DARK, LIGHT, apply_theme
from app.gui.window import LIVE, POINTS_NOW, REVIEW, MainWindow
from app.review.review import Review
from app.session.schema import read_info, write_info
from app.settings import SettingsFile
from models.types import ExpressionType

OpenWorkspace = Callable[[Path], ReviewWorkspace]
KEY = Qt.Key
WAIT_MS = 30_000


def desk_of(workspace: ReviewWorkspace) -> Desk:
    assert workspace.desk is not None
    return workspace.desk


def said(workspace: ReviewWorkspace) -> str:
    return workspace.view.transport.said


def test_without_pictures_it_is_said_why_and_can_be_labelled(
    qtbot: QtBot, open_path: OpenWorkspace, recording: Path
) -> None:
    (recording / "video.mp4").unlink()
    workspace = open_path(recording)
    panel = workspace.view.picture
    assert panel.currentWidget() is panel.note and "missing" in panel.note.text()
    assert str(recording / "video.mp4") in panel.note.text(), "it was recorded with pictures"
    workspace.close_recording()
    write_info(recording, read_info(recording).model_copy(update={"scores_only": True}))
    open_path(recording)
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


def test_another_takes_the_place_of_the_first_when_it_is_open(
    qtbot: QtBot, open_path: OpenWorkspace, recording: Path
) -> None:
    other = Path(shutil.copytree(recording, recording.with_name("2026-11-23_10-00-00_P08")))
    workspace = open_path(recording)
    names: list[str] = []
    workspace.opened.connect(names.append)
    workspace.toggle_play()
    workspace.open(other)
    assert desk_of(workspace).review.folder == recording, "it stays until the other one is there"
    qtbot.waitUntil(lambda: names == [other.name], timeout=WAIT_MS)
    assert desk_of(workspace).review.folder == other and desk_of(workspace).review.read_only is None
    assert not workspace.playback.playing if workspace.playback else False


def test_what_cannot_be_opened_leaves_what_is_open(
    qtbot: QtBot, open_path: OpenWorkspace, recording: Path, tmp_path: Path
) -> None:
    workspace = open_path(recording)
    desk, curves = desk_of(workspace), workspace.view.curves
    messages: list[str] = []
    workspace.message.connect(messages.append)
    desk.go_to_row(20)
    curves.zoom(0.5)
    shown_s = curves.shown_s
    (tmp_path / "notes.mp4").write_text("no video")
    for path in (tmp_path / "notes.mp4", tmp_path, tmp_path / "gone"):
        workspace.open(path)
        count = len(messages)
        qtbot.waitUntil(lambda count=count: len(messages) > count, timeout=WAIT_MS)
        assert workspace.desk is desk and (desk.row, curves.shown_s) == (20, shown_s)
        assert workspace.stack.currentWidget() is workspace.view
    qtbot.keyClick(workspace, KEY.Key_1)
    assert len(desk.state.points) == 1


def test_the_same_recording_opens_again_at_its_place(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    messages: list[str] = []
    workspace.message.connect(messages.append)
    first = desk_of(workspace)
    first.go_to_row(20)
    workspace.view.curves.zoom(0.5)
    shown_s = workspace.view.curves.shown_s
    workspace.open(recording / "video.mp4")
    qtbot.waitUntil(lambda: workspace.desk not in (None, first), timeout=WAIT_MS)
    second = desk_of(workspace)
    assert second.review.read_only is None and not messages, "it is not locked by this very window"
    assert second.row == 20 and workspace.view.curves.shown_s == shown_s
    workspace.close_recording()
    review = Review.open(recording)
    assert review.read_only is None, "all was let go"
    review.close()


@pytest.mark.parametrize(("lost", "loud"), [(1, False), (30, True)])
def test_frames_that_were_not_analysed_are_told(
    open_path: OpenWorkspace, recording: Path, workspace: ReviewWorkspace, lost: int, loud: bool
) -> None:
    frames = recording / "frames.csv"
    head, *rows = frames.read_text("utf-8").splitlines()
    for k in range(10, 10 + lost):
        rows[k] = ",".join([*rows[k].split(",")[:2], *[""] * 5])
    frames.write_text("\n".join([head, *rows, ""]), "utf-8")
    messages: list[str] = []
    workspace.message.connect(messages.append)
    open_path(recording)
    sentence = f"{lost} of {len(rows)} frames were not analysed"
    assert [sentence in text for text in messages] == [True] * loud and (sentence in said(workspace)) is not loud
    desk_of(workspace).go_to_row(10)
    assert workspace.view.curves._values.text().startswith("not analysed")


def test_the_time_takes_no_more_room_than_the_recording_needs(open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    where = workspace.view.transport.where
    needed = where.minimumWidth()
    where.setMinimumWidth(2 * needed)  # as after a recording of hours
    workspace.close_recording()
    open_path(recording)
    assert where.minimumWidth() == needed


def test_the_start_page_opens_as_the_menu_does(
    qtbot: QtBot,
    open_main_window: Callable[[], MainWindow],
    recording: Path,
    store: SettingsFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window = open_main_window()
    store.change(opened=recording.parent)
    asked: list[object] = []

    def choose(*arguments: object) -> str:
        asked.append(arguments[2])
        return str(recording)

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", choose)
    window.show_workspace(REVIEW)
    window.banner.say("Something went wrong before.")
    window.review.empty.folder_button.click()
    qtbot.waitUntil(lambda: window.review.has_recording, timeout=WAIT_MS)
    assert asked == [str(recording.parent)] and not window.banner.text
    window.show_workspace(LIVE)
    window.refresh()
    assert not any(window.menus.actions[name].isEnabled() for name in POINTS_NOW), "nothing is being recorded"


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
