"""Keys and the focus in the Review workspace, and what is interrupted: drags, replays, sessions for looking only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QApplication, QInputDialog, QWidget
from pytestqt.qtbot import QtBot

from app.gui.review.desk import Desk
from app.gui.review.workspace import ReviewWorkspace
from app.review.review import Review
from models.types import ExpressionType

OpenWorkspace = Callable[[Path], ReviewWorkspace]
KEY, CTRL, PLAIN = Qt.Key, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.NoModifier


def desk_of(workspace: ReviewWorkspace) -> Desk:
    assert workspace.desk is not None
    return workspace.desk


@pytest.fixture
def locked(recording: Path) -> Iterator[Path]:
    """A recording that another window is editing, with an edit to undo."""
    review = Review.open(recording)
    review.add_point(3.0, ExpressionType.MACRO)
    yield recording
    review.close()


def test_tab_goes_to_the_start_pages_buttons_and_space_presses_them(qtbot: QtBot, workspace: ReviewWorkspace) -> None:
    pressed = QSignalSpy(workspace.empty.folder_requested)
    workspace.setFocus()
    qtbot.keyClick(workspace, KEY.Key_Tab)
    assert QApplication.focusWidget() is workspace.empty.folder_button
    qtbot.keyClick(workspace.empty.folder_button, KEY.Key_Space)
    assert pressed.count() == 1
    for _ in range(4):  # and the workspace itself is no stop
        qtbot.keyClick(QApplication.focusWidget() or workspace, KEY.Key_Tab)
        assert QApplication.focusWidget() is not workspace


def test_under_the_list_of_keys_nothing_happens(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk, before = desk_of(workspace), workspace.view.curves.plots
    qtbot.keyClick(before, KEY.Key_N)
    row, state = desk.row, desk.state
    qtbot.keyClick(before, KEY.Key_Question)
    assert workspace.help.isVisible()
    for key in (KEY.Key_X, KEY.Key_Right, KEY.Key_1, KEY.Key_Space, KEY.Key_Tab):
        qtbot.keyClick(_focus(), key)
    assert _focus() is workspace.help and (desk.row, desk.state) == (row, state)
    assert workspace.playback is not None and not workspace.playback.playing
    qtbot.keyClick(_focus(), KEY.Key_Escape)
    assert not workspace.help.isVisible() and _focus() is before and desk.pick is not None
    qtbot.keyClick(_focus(), KEY.Key_Question)
    qtbot.keyClick(_focus(), KEY.Key_Question)
    assert not workspace.help.isVisible()


def _focus() -> QWidget:
    focus = QApplication.focusWidget()
    assert focus is not None
    return focus


def test_an_undo_while_dragging_lets_go(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk, curves = desk_of(workspace), workspace.view.curves
    failures = QSignalSpy(desk.failed)
    desk.select(4.6, 5.4)
    desk.add_interval()
    made = desk.interval
    assert made is not None
    box = curves.intensity.getViewBox().sceneBoundingRect()
    y = curves.plots.mapFromScene(QPointF(box.center().x(), box.top() + box.height() * 0.4)).y()
    begin, end = (QPoint(round(curves.x_of(t)), y) for t in (made.interval.onset_s, made.interval.onset_s - 0.4))
    viewport = curves.plots.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, PLAIN, begin)
    qtbot.mouseMove(viewport, end)
    assert curves.pointer.busy and curves._held is not None
    qtbot.keyClick(workspace, KEY.Key_Z, CTRL)
    assert not curves.pointer.busy and curves._held is None
    state = desk.state
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, PLAIN, end)
    assert desk.state == state and failures.count() == 0


def test_an_undo_that_fails_says_one_thing(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    qtbot.keyClick(workspace, KEY.Key_Z, CTRL)
    assert "nothing to undo" in workspace.view.transport.said
    qtbot.keyClick(workspace, KEY.Key_1)
    failures, words = QSignalSpy(workspace.message), QSignalSpy(desk_of(workspace).said)
    recording.rename(recording.with_name("gone"))
    qtbot.keyClick(workspace, KEY.Key_Z, CTRL)
    assert failures.count() == 1 and words.count() == 0
    recording.with_name("gone").rename(recording)


def test_a_session_for_looking_only_offers_no_change(qtbot: QtBot, open_path: OpenWorkspace, locked: Path) -> None:
    workspace = open_path(locked)
    desk, view = desk_of(workspace), workspace.view
    why = desk.review.read_only
    assert why is not None and desk.review.undo_text is not None
    undo = view.transport.buttons["undo"]
    assert not undo.isEnabled() and "another window" in undo.toolTip()
    assert view.thresholds._found.text() == why
    qtbot.keyClick(workspace, KEY.Key_N)
    marked = view.curves.marks[0]._marked
    assert marked.picked is not None and marked.gripped is None
    words = view.transport._said
    words.resize(120, words.height())
    assert words.shown.startswith(why[:8]) and words.shown.endswith("…") and "another" in words.toolTip()


def test_the_wheel_turns_a_slider_only_while_it_has_the_focus(
    qapp: QApplication, open_path: OpenWorkspace, recording: Path
) -> None:
    workspace = open_path(recording)
    desk, slider = desk_of(workspace), workspace.view.thresholds.sliders["macro"]
    before = desk.state.thresholds

    def turn() -> bool:
        at = QPointF(slider.rect().center())
        event = QWheelEvent(
            *(at, slider.mapToGlobal(at), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, PLAIN),
            *(Qt.ScrollPhase.NoScrollPhase, False),
        )
        qapp.sendEvent(slider, event)
        return event.isAccepted()

    workspace.view.curves.plots.setFocus()
    turn()
    assert desk.state.thresholds == before and slider.focusPolicy() is Qt.FocusPolicy.StrongFocus
    slider.setFocus()
    assert turn() and desk.state.thresholds != before


def test_a_replay_pauses_when_nobody_sees_it(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    assert workspace.playback is not None
    qtbot.keyClick(workspace, KEY.Key_L)
    assert workspace.playback.playing
    workspace.hide()
    assert not workspace.playback.playing


def test_a_place_beyond_the_end_is_said(
    qtbot: QtBot, open_path: OpenWorkspace, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_path(recording)
    desk_of(workspace).go_to_row(5)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("#99999", True))
    qtbot.keyClick(workspace, KEY.Key_G, CTRL)
    assert "beyond the end" in workspace.view.transport.said and desk_of(workspace).row == 5


def test_in_a_low_window_the_curves_can_still_be_read(
    qapp: QApplication, open_path: OpenWorkspace, recording: Path
) -> None:
    workspace = open_path(recording)
    workspace.resize(1000, 450)  # what a screen of 1024 x 600 leaves below head and message
    qapp.processEvents()
    curves = workspace.view.curves
    assert workspace.height() == 450 and curves.plots.height() >= 110
    assert curves.plots.mapTo(workspace, QPoint(0, curves.plots.height())).y() < workspace.height()
    assert workspace.view.strip.mapTo(workspace, QPoint(0, workspace.view.strip.height())).y() <= workspace.height()
