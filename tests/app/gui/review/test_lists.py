"""The lists beside the picture: what is left out, what keys act on, room for long recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.review.desk import Desk, Kind, Pick
from app.gui.review.rows import Column, Row, RowTable
from app.gui.review.workspace import ReviewWorkspace
from app.gui.theme import LIGHT
from app.review.state import LEFT_OUT, Status
from models.types import ExpressionType

OpenWorkspace = Callable[[Path], ReviewWorkspace]
KEY = Qt.Key


def desk_of(workspace: ReviewWorkspace) -> Desk:
    assert workspace.desk is not None
    return workspace.desk


def row_of(workspace: ReviewWorkspace, id: int) -> Row:
    return next(row for row in workspace.view.lists.tables[Kind.INTERVAL].rows.rows if row.id == id)


def test_what_is_left_out_is_faint_and_does_not_count(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk, tally = desk_of(workspace), workspace.view.lists._tally
    workspace.resize(1900, 900)
    first, *others = desk.state.shown()
    assert others and f"0 of {1 + len(others)} reviewed" in tally.text()
    desk.select(first.interval.onset_s, first.interval.offset_s)
    desk.exclude()
    assert row_of(workspace, first.id).cells[1] == LEFT_OUT and row_of(workspace, first.id).faint
    assert f"0 of {len(others)} reviewed" in tally.text()
    desk.go_to_row(0)
    qtbot.keyClick(workspace, KEY.Key_N)
    assert desk.pick == Pick(Kind.INTERVAL, others[0].id), "N passes it by"
    qtbot.keyClick(workspace, KEY.Key_P)
    assert desk.pick == Pick(Kind.INTERVAL, others[0].id) and "first interval" in workspace.view.transport.said
    desk.undo()
    assert row_of(workspace, first.id).cells[1] == Status.FOUND and not row_of(workspace, first.id).faint


def test_keys_do_not_act_on_what_is_out_of_sight(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk, lists = desk_of(workspace), workspace.view.lists
    before = desk.state
    qtbot.keyClick(workspace, KEY.Key_N)
    assert desk.interval is not None
    lists.tabs.setCurrentIndex(1)
    assert desk.pick is None and lists.tabs.currentIndex() == 1
    qtbot.keyClick(workspace, KEY.Key_Delete)
    assert desk.state == before and "Pick an interval" in workspace.view.transport.said


def test_arrows_change_the_tab_that_has_the_focus(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk, tabs = desk_of(workspace), workspace.view.lists.tabs
    desk.go_to_row(9)
    tabs.setFocus()
    shown = []
    for key in (KEY.Key_Right, KEY.Key_End, KEY.Key_Left, KEY.Key_Home):
        qtbot.keyClick(tabs, key)
        shown.append(tabs.currentIndex())
    assert shown == [1, 2, 1, 0] and desk.row == 9


def test_the_row_that_is_picked_already_is_gone_to_again(
    qtbot: QtBot, open_path: OpenWorkspace, recording: Path
) -> None:
    workspace = open_path(recording)
    desk, table = desk_of(workspace), workspace.view.lists.tables[Kind.INTERVAL]
    place = table.visualRect(table.rows.index(0, 1)).center()
    rows = []
    for _ in range(2):
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        rows.append(desk.row)
        desk.go_to_row(0)
    assert rows[0] == rows[1] > 0


def test_only_what_a_person_changed_can_be_reset(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    desk, said = desk_of(workspace), workspace.view.transport
    reset = workspace.view.lists.buttons[Kind.INTERVAL, "reset"]
    failures = QSignalSpy(desk.failed)
    qtbot.keyClick(workspace, KEY.Key_N)
    assert not reset.isEnabled()
    qtbot.keyClick(workspace, KEY.Key_R)
    assert "as it was found already" in said.said
    qtbot.keyClick(workspace, KEY.Key_A)
    assert reset.isEnabled()
    desk.select(4.6, 5.4)
    desk.add_interval()
    assert not reset.isEnabled(), "a person added it"
    qtbot.keyClick(workspace, KEY.Key_R)
    assert "nothing to take it back to" in said.said and failures.count() == 0
    qtbot.keyClick(workspace, KEY.Key_X)
    assert said.said.startswith("Deleted ") and desk.interval is None


def test_a_second_point_of_the_same_type_is_refused(qtbot: QtBot, open_path: OpenWorkspace, recording: Path) -> None:
    workspace = open_path(recording)
    failures = QSignalSpy(workspace.message)
    for _ in range(2):
        qtbot.keyClick(workspace, KEY.Key_1)
    assert failures.count() == 1 and "already" in failures.at(0)[0]
    qtbot.keyClick(workspace, KEY.Key_2)
    assert [p.type for p in desk_of(workspace).state.points] == [ExpressionType.MICRO]


def test_where_no_face_was_seen_the_list_says_so(open_path: OpenWorkspace, recording: Path) -> None:
    frames = recording / "frames.csv"
    head, *rows = frames.read_text("utf-8").splitlines()
    cells = [row.split(",") for row in rows]
    frames.write_text("\n".join([head, *(f"{c[0]},{c[1]},0,,,," for c in cells), ""]), "utf-8")
    intervals = recording / "intervals.csv"
    intervals.write_text(intervals.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    workspace = open_path(recording)
    assert workspace.view.lists.tables[Kind.INTERVAL]._empty.startswith("No face was seen")
    assert workspace.view.curves._values.text() == "no face"


@pytest.mark.parametrize("cells", [("Macro", "0:01.00"), ("Macro", "11:59:20.30")])
def test_a_column_has_room_for_the_longest_number(qtbot: QtBot, qapp: QApplication, cells: tuple[str, str]) -> None:
    view = RowTable(LIGHT, (Column("Type", "Macro"), Column("Apex", "00:00.00", number=True)), "Things", "Nothing")
    qtbot.addWidget(view)
    view.resize(230, 200)
    view.show()
    qapp.processEvents()
    view.set_rows((Row(1, ("Macro", "0:00.50")), Row(2, cells)))
    assert view.columnWidth(1) >= view.fontMetrics().horizontalAdvance(cells[1]) + 10
