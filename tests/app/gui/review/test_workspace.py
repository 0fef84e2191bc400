"""The Review workspace used as a person uses it: keys, mouse, sliders, and everything there again after reopening."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QInputDialog
from pytestqt.qtbot import QtBot

from app.gui.review.desk import Desk, Kind, Pick
from app.gui.review.keys import GROUPS
from app.gui.review.workspace import ReviewWorkspace
from app.review.state import PERSON, Status, StoredInterval
from models.types import ExpressionType

OpenWorkspace = Callable[[Path], ReviewWorkspace]
KEY, SHIFT, CTRL = Qt.Key, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
PLAIN = Qt.KeyboardModifier.NoModifier
WAIT_MS = 30_000


def desk_of(workspace: ReviewWorkspace) -> Desk:
    assert workspace.desk is not None
    return workspace.desk


def drag(qtbot: QtBot, workspace: ReviewWorkspace, from_s: float, to_s: float, modifier: object = PLAIN) -> None:
    """Drag in the intensity curve with the left button, in a few steps."""
    curves = workspace.view.curves
    viewport = curves.plots.viewport()
    box = curves.intensity.getViewBox().sceneBoundingRect()
    y = curves.plots.mapFromScene(QPointF(box.center().x(), box.top() + box.height() * 0.4)).y()
    begin, end = round(curves.x_of(from_s)), round(curves.x_of(to_s))
    assert isinstance(modifier, Qt.KeyboardModifier)
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, modifier, QPoint(begin, y))
    for share in (0.3, 0.7, 1.0):
        qtbot.mouseMove(viewport, QPoint(round(begin + share * (end - begin)), y))
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, modifier, QPoint(end, y))


def click(qtbot: QtBot, workspace: ReviewWorkspace, time_s: float, y: int = 40) -> None:
    curves = workspace.view.curves
    qtbot.mouseClick(curves.plots.viewport(), Qt.MouseButton.LeftButton, PLAIN, QPoint(round(curves.x_of(time_s)), y))


def pictures_of(video: Path) -> list[np.ndarray]:
    with av.open(str(video)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def said(workspace: ReviewWorkspace) -> str:
    return workspace.view.transport.said


def saved(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def first_found(desk: Desk) -> StoredInterval:
    found = desk.state.shown()
    assert found, "the model finds something in the clip"
    return found[0]


def test_a_whole_review_is_there_again_after_reopening(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk = desk_of(workspace)
    found = first_found(desk)

    # step: the picture is that of the frame that the cursor names
    pictures = pictures_of(recording / "video.mp4")
    assert len(pictures) == len(desk.frames)
    for key, modifier in ((KEY.Key_Right, PLAIN), (KEY.Key_Right, SHIFT), (KEY.Key_Left, PLAIN), (KEY.Key_End, PLAIN)):
        qtbot.keyClick(workspace.view.curves.plots, key, modifier)
        shown = workspace.view.picture.view._pixels
        assert workspace.view.picture.shown_row == desk.row and shown is not None
        differences = [float(np.abs(shown[::4, ::4].astype(int) - p[::4, ::4]).mean()) for p in pictures]
        assert differences[desk.row] < 0.5 and int(np.argmin(differences)) == desk.row
    assert desk.row == len(desk.frames) - 1
    qtbot.keyClick(workspace, KEY.Key_Home)
    assert desk.row == 0

    # drag the onset of the first interval: the model's row stays, a person's takes its place
    qtbot.keyClick(workspace, KEY.Key_N)
    assert desk.interval == found and desk.now_s == pytest.approx(found.interval.apex_s, abs=0.05)
    target_s = desk.time_of(desk.review.frame_at(found.interval.onset_s) - 5)
    drag(qtbot, workspace, found.interval.onset_s, target_s)
    mine = desk.interval
    assert mine is not None and mine.source == PERSON and mine.id != found.id
    assert mine.interval.onset_s == pytest.approx(target_s, abs=0.06) and desk.now_s == mine.interval.onset_s
    assert mine.interval.offset_s == found.interval.offset_s
    assert {row["id"]: row["status"] for row in saved(recording, "intervals.csv")}[str(found.id)] == "replaced"

    # a point label; another type takes its place, is undone and made again
    qtbot.keyClick(workspace, KEY.Key_2)
    assert [(p.type, p.time_s) for p in desk.state.points] == [(ExpressionType.MICRO, desk.now_s)]
    qtbot.keyClick(workspace, KEY.Key_1)
    assert [p.type for p in desk.state.points] == [ExpressionType.MACRO], "a frame has one"
    qtbot.keyClick(workspace, KEY.Key_Z, CTRL)
    assert desk.state.points[0].type is ExpressionType.MICRO and said(workspace).startswith("Undid: ")
    qtbot.keyClick(workspace, KEY.Key_Z, CTRL | SHIFT)
    assert desk.state.points[0].type is ExpressionType.MACRO and said(workspace).startswith("Did again: ")
    qtbot.keyClick(workspace, KEY.Key_Z, CTRL)
    assert len(saved(recording, "points.csv")) == 1

    state = desk.state
    workspace.close_recording()
    assert not workspace.has_recording and workspace.stack.currentWidget() is workspace.empty
    desk = desk_of(open_path(recording))
    assert desk.state == state
    qtbot.mouseClick(workspace.view.transport.buttons["undo"], Qt.MouseButton.LeftButton)
    assert not desk.state.points, "what was done before closing can be undone after reopening"
    qtbot.keyClick(workspace, KEY.Key_Z, CTRL)
    assert desk.state.shown()[0] == found


def test_verdicts_by_key_and_button(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk, lists = desk_of(workspace), workspace.view.lists
    found = first_found(desk)
    assert not lists.buttons[Kind.INTERVAL, "accept"].isEnabled(), "nothing is picked"
    qtbot.keyClick(workspace, KEY.Key_A)
    assert "Pick an interval" in said(workspace) and desk.state.shown()[0].status == Status.FOUND
    click(qtbot, workspace, found.interval.apex_s)
    assert desk.interval == found
    qtbot.keyClick(workspace, KEY.Key_A)
    assert desk.interval is not None and desk.interval.status == Status.ACCEPTED
    assert "1 of" in lists._tally.text(), lists._tally.text()
    qtbot.mouseClick(lists.buttons[Kind.INTERVAL, "reject"], Qt.MouseButton.LeftButton)
    assert desk.interval.status == Status.REJECTED and found.id not in {i.id for i in desk.state.shown()}
    assert "rejected" in [row.cells[1] for row in lists.tables[Kind.INTERVAL].rows.rows], "it stays in the list"
    qtbot.keyClick(workspace, KEY.Key_R)
    assert desk.interval == found
    qtbot.keyClick(workspace, KEY.Key_T)
    assert desk.interval is not None and desk.interval.interval.type is not found.interval.type
    qtbot.keyClick(workspace, KEY.Key_R)
    assert desk.interval == found
    other = KEY.Key_U if found.interval.type is ExpressionType.MACRO else KEY.Key_M
    qtbot.keyClick(workspace, other)
    assert desk.interval is not None and desk.interval.interval.type is not found.interval.type
    qtbot.keyClick(workspace, KEY.Key_Delete)
    assert all(i.interval.onset_s != found.interval.onset_s for i in desk.state.shown())
    qtbot.keyClick(workspace, KEY.Key_Escape)
    assert desk.pick is None


def test_a_selection_becomes_an_interval_or_is_left_out(
    qtbot: QtBot, open_path: OpenWorkspace, recording: Path
) -> None:
    workspace = open_path(recording)
    desk = desk_of(workspace)
    qtbot.keyClick(workspace, KEY.Key_I)
    assert "Select a range" in said(workspace)
    drag(qtbot, workspace, 4.6, 5.4, SHIFT)
    assert desk.selection is not None
    assert (desk.selection.start_s, desk.selection.end_s) == pytest.approx((4.6, 5.4), abs=0.06)
    before = len(desk.state.shown())
    qtbot.keyClick(workspace, KEY.Key_I)
    assert desk.selection is None and len(desk.state.shown()) == before + 1
    added = desk.interval
    assert added is not None and added.source == PERSON and added.interval.type is ExpressionType.MACRO
    assert added.interval.onset_s <= added.interval.apex_s <= added.interval.offset_s
    # its grips can be dragged: the apex, and the offset no further than the apex
    drag(qtbot, workspace, added.interval.apex_s, added.interval.onset_s + 0.3)
    moved = desk.interval
    assert moved is not None and moved.interval.apex_s == pytest.approx(added.interval.onset_s + 0.3, abs=0.06)
    drag(qtbot, workspace, moved.interval.offset_s, moved.interval.onset_s - 1.0)
    assert desk.interval is not None and desk.interval.interval.offset_s == moved.interval.apex_s
    qtbot.keyClick(workspace, KEY.Key_Delete)
    assert len(desk.state.shown()) == before and desk.pick is None

    # by keys: from here to there
    desk.go_to(0.5)
    qtbot.keyClick(workspace, KEY.Key_BracketLeft)
    desk.go_to(1.0)
    qtbot.keyClick(workspace, KEY.Key_BracketRight)
    qtbot.keyClick(workspace, KEY.Key_E)
    assert [(e.start_s, e.end_s) for e in desk.state.exclusions] == [
        (pytest.approx(0.5, abs=0.09), pytest.approx(1.0, abs=0.09))
    ]
    assert len(saved(recording, "exclusions.csv")) == 1 and workspace.view.lists.tabs.currentIndex() == 2
    qtbot.mouseClick(workspace.view.lists.buttons[Kind.EXCLUSION, "delete"], Qt.MouseButton.LeftButton)
    assert not desk.state.exclusions


def test_of_grips_that_lie_on_one_another_the_one_moves_that_can(
    qtbot: QtBot, open_path: OpenWorkspace, recording: Path
) -> None:
    workspace = open_path(recording)
    desk = desk_of(workspace)
    for to_s, moved in ((5.3, "apex"), (4.2, "onset")):
        id = desk.review.add_interval(ExpressionType.MACRO, 4.8, 4.8, 5.6)
        desk.choose(Pick(Kind.INTERVAL, id))
        before = desk.interval
        assert before is not None
        drag(qtbot, workspace, before.interval.apex_s, to_s)
        after = desk.interval
        assert after is not None and after.id == id and said(workspace) == f"Moved the {moved} · saved"
        times = {"onset": after.interval.onset_s, "apex": after.interval.apex_s}
        assert times.pop(moved) == pytest.approx(to_s, abs=0.09)
        assert set(times.values()) == {before.interval.apex_s}
        desk.delete()


def test_a_point_is_dragged_retyped_and_deleted(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk, curves = desk_of(workspace), workspace.view.curves
    desk.go_to(5.0)
    qtbot.keyClick(workspace, KEY.Key_1)
    desk.choose(None)
    floor = curves.plots.mapFromScene(curves.intensity.getViewBox().sceneBoundingRect().bottomLeft()).y() - 6
    viewport = curves.plots.viewport()
    begin, end = (QPoint(round(curves.x_of(t)), floor) for t in (desk.now_s, 5.5))
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, PLAIN, begin)
    qtbot.mouseMove(viewport, end)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, PLAIN, end)
    assert desk.point is not None and desk.point.time_s == pytest.approx(5.5, abs=0.05)
    qtbot.keyClick(workspace, KEY.Key_U)
    assert desk.point.type is ExpressionType.MICRO
    qtbot.keyClick(workspace, KEY.Key_Backspace)
    assert not desk.state.points and not saved(recording, "points.csv")


def test_thresholds_decode_again_while_dragging_and_are_saved_once(
    qtbot: QtBot, open_path: OpenWorkspace, recording: Path
) -> None:
    workspace = open_path(recording)
    desk, panel = desk_of(workspace), workspace.view.thresholds
    before = desk.state
    slider = panel.sliders["macro"]
    slider.setSliderDown(True)
    slider.setValue(100)
    slider.setValue(99)
    qtbot.waitUntil(lambda: workspace.view.curves._preview is not None, timeout=WAIT_MS)
    assert desk.state == before, "nothing is saved while it is held"
    assert panel._found.text().startswith("The model would find ")
    slider.setSliderDown(False)
    assert desk.state.thresholds.macro == 0.99 and desk.state.thresholds.micro == before.thresholds.micro
    assert all(i.interval.type is ExpressionType.MICRO or i.interval.score >= 0.99 for i in desk.state.shown())
    assert workspace.view.curves._preview is None
    qtbot.keyClick(workspace, KEY.Key_Z, CTRL)
    assert desk.state == before and slider.value() == round(100 * before.thresholds.macro)
    slider.setFocus()
    qtbot.keyClick(slider, KEY.Key_Right)
    assert desk.row == 0 and desk.state.thresholds.macro == pytest.approx(before.thresholds.macro, abs=0.016)
    qtbot.mouseClick(panel.back_button, Qt.MouseButton.LeftButton)
    assert desk.state.thresholds == before.thresholds


def test_the_smallest_movement_has_a_scale_of_its_own(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk, panel = desk_of(workspace), workspace.view.thresholds
    before = desk.state
    slider = panel.sliders["movement"]
    assert before.thresholds.movement == 0.008 and slider.value() == 3, "to the nearest step"
    slider.setValue(20)
    assert desk.state.thresholds == replace(before.thresholds, movement=0.05)
    assert panel._numbers["movement"].text() == "0.050"
    assert before.shown() and len(desk.state.shown()) <= len(before.shown())
    panel.sliders["in_speech"].setValue(40)
    assert desk.state.thresholds == replace(before.thresholds, movement=0.05, in_speech=0.1)
    assert panel._numbers["in_speech"].text() == "0.100"
    panel.back_button.click()
    assert desk.state.thresholds == before.thresholds and slider.value() == 3


def test_play_pause_shuttle_and_speed(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk, playback = desk_of(workspace), workspace.playback
    assert playback is not None
    qtbot.keyClick(workspace.view.curves.plots, KEY.Key_Space)
    assert playback.playing
    qtbot.waitUntil(lambda: desk.row > 3, timeout=WAIT_MS)
    assert workspace.view.picture.shown_row == desk.row
    qtbot.keyClick(workspace, KEY.Key_L)
    assert playback.speed == 2.0 and workspace.view.transport.speed.currentText() == "2×"
    qtbot.waitUntil(lambda: not playback.playing, timeout=WAIT_MS)
    assert desk.row == len(desk.frames) - 1, "it ends at the last frame"
    qtbot.keyClick(workspace, KEY.Key_J)
    assert playback.playing and playback.direction == -1
    qtbot.waitUntil(lambda: desk.row < len(desk.frames) - 4, timeout=WAIT_MS)
    qtbot.keyClick(workspace, KEY.Key_K)
    assert not playback.playing
    qtbot.keyClick(workspace, KEY.Key_L)
    click(qtbot, workspace, 0.3)
    qtbot.waitUntil(lambda: desk.now_s > 0.4, timeout=WAIT_MS)
    assert playback.playing and desk.now_s < 2.5, "it goes on from where it was sent"
    row = desk.row
    qtbot.keyClick(workspace, KEY.Key_Left)
    assert not playback.playing and desk.row >= row - 1, "a step pauses"


def test_going_about(qtbot: QtBot, open_path: OpenWorkspace, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = open_path(recording)
    desk, curves, strip = desk_of(workspace), workspace.view.curves, workspace.view.strip
    for text, expected in (("0:02.5", 2.5), ("3", 3.0), (f"#{desk.frames.index[7]}", desk.time_of(7))):
        monkeypatch.setattr(QInputDialog, "getText", lambda *_, text=text: (text, True))
        qtbot.keyClick(workspace, KEY.Key_G, CTRL)
        assert desk.now_s == pytest.approx(expected, abs=0.06)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("noon", True))
    qtbot.mouseClick(workspace.view.transport.where, Qt.MouseButton.LeftButton)
    assert "noon" in said(workspace)
    click(qtbot, workspace, 4.4)
    assert desk.now_s == pytest.approx(4.4, abs=0.06)
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, PLAIN, QPoint(strip.width() // 2, 20))
    assert desk.now_s == pytest.approx((desk.begin_s + desk.end_s) / 2, abs=0.1)
    whole = curves.shown_s
    qtbot.keyClick(workspace, KEY.Key_Plus)
    qtbot.keyClick(workspace, KEY.Key_Plus)
    assert curves.shown_s[1] - curves.shown_s[0] == pytest.approx((whole[1] - whole[0]) / 4)
    assert curves.shown_s[0] <= desk.now_s <= curves.shown_s[1]
    left = curves.shown_s[0]
    drag(qtbot, workspace, desk.now_s, desk.now_s + 0.4)
    assert curves.shown_s[0] == pytest.approx(left - 0.4, abs=0.05)
    desk.go_to(desk.end_s)
    assert curves.shown_s[1] == pytest.approx(desk.end_s), "the page is turned where the cursor leaves it"
    qtbot.keyClick(workspace, KEY.Key_0)
    assert curves.shown_s == pytest.approx(whole)
    count = len(desk.state.shown())
    for _ in range(count + 1):
        qtbot.keyClick(workspace, KEY.Key_P)
    assert desk.interval == first_found(desk) and "first interval" in said(workspace)
    for _ in range(count):
        qtbot.keyClick(workspace, KEY.Key_N)
    assert "last interval" in said(workspace)


def test_the_list_and_the_curve_pick_the_same(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk = desk_of(workspace)
    table = workspace.view.lists.tables[Kind.INTERVAL]
    table.selectRow(0)
    assert desk.pick == Pick(Kind.INTERVAL, desk.listed()[0].id)
    assert workspace.view.curves.marks[0]._marked.picked == desk.interval
    click(qtbot, workspace, desk.begin_s + 0.05)
    assert desk.pick is None and not table.selectionModel().hasSelection()


def test_all_keys_do_something_and_help_lists_them(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    targets = (workspace, workspace.view.curves, desk_of(workspace))
    for _, keys in GROUPS:
        for key in keys:
            assert any(callable(getattr(target, key.act, None)) for target in targets), key
    qtbot.keyClick(workspace, KEY.Key_Question)
    assert workspace.help.isVisible()
    assert workspace.help._card.geometry().right() < workspace.width()
    qtbot.keyClick(workspace, KEY.Key_Escape)
    assert not workspace.help.isVisible()
