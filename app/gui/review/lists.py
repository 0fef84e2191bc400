"""Intervals, point labels and exclusions as lists, and what can be done with the one that is picked."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.review.desk import Desk, Kind, Pick
from app.gui.review.own_keys import TabBar
from app.gui.review.rows import Column, Row, RowTable
from app.gui.text import clock, duration, kind_name
from app.gui.theme import Theme
from app.review.state import (
    LEFT_OUT,
    PERSON,
    Exclusion,
    Status,
    StoredInterval,
    StoredPoint,
    left_out,
    standing,
)
from models.types import ExpressionType

_TIME = "00:00.00"
INTERVAL_COLUMNS = (
    Column("Type", "Macro"),
    Column("Status", "accepted"),
    Column("Source", "person", drop=4),
    Column("Onset", _TIME, number=True),
    Column("Apex", _TIME, number=True, drop=2),
    Column("Offset", _TIME, number=True),
    Column("Length", "000 ms", number=True, drop=1),
    Column("Score", "0.00", number=True, drop=3),
)
POINT_COLUMNS = (
    Column("Type", "Macro"),
    Column("Source", "person"),
    Column("Time", _TIME, number=True),
    Column("Frame", "000000", number=True),
)
EXCLUSION_COLUMNS = (
    Column("Reason", "some longer reason"),
    Column("From", _TIME, number=True),
    Column("To", _TIME, number=True),
    Column("Length", _TIME, number=True),
)
_EMPTY = {
    Kind.INTERVAL: "No expression was found. Lower the thresholds, or select a range and press I to add one yourself.",
    Kind.POINT: "No point labels yet. Press 1 for a macro-, 2 for a micro-expression at the cursor.",
    Kind.EXCLUSION: "Nothing is left out. Select a range with Shift and the mouse, then press E.",
}
_NO_FACE = (
    "No face was seen in this recording, so no expression was found. Select a range and press I to add one yourself."
)
_NAMES = {Kind.INTERVAL: "Intervals", Kind.POINT: "Points", Kind.EXCLUSION: "Left out"}

_BUTTONS = {
    Kind.INTERVAL: (
        ("accept", "Accept", "Accept the picked interval (A)"),
        ("reject", "Reject", "Reject the picked interval (X)"),
        ("retype", "Retype", "Make macro micro, or the other way round (T)"),
        ("reset", "Reset", "Back to what the model found (R)"),
        ("delete", "Delete", "Delete an interval that a person made (Del)"),
    ),
    Kind.POINT: (
        ("retype", "Retype", "Make macro micro, or the other way round (T)"),
        ("delete", "Delete", "Delete the picked point (Del)"),
    ),
    Kind.EXCLUSION: (("delete", "Include again", "Count the picked range again (Del)"),),
}


class Lists(QWidget):
    """Three tables under tabs, with buttons for what is picked."""

    asked = Signal(str)
    """``accept``, ``reject``, ``retype``, ``reset`` or ``delete``."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk: Desk | None = None
        self._made: dict[tuple[StoredInterval, str], Row] = {}
        self.tabs = TabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.tabs.setAccessibleName("What is listed")
        self._tally = QLabel()
        self._tally.setObjectName("muted")
        self._tally.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._tally.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # the tabs go first
        self._pages = QStackedWidget()
        self.tables: dict[Kind, RowTable] = {}
        self.buttons: dict[tuple[Kind, str], QPushButton] = {}
        columns = {Kind.INTERVAL: INTERVAL_COLUMNS, Kind.POINT: POINT_COLUMNS, Kind.EXCLUSION: EXCLUSION_COLUMNS}
        for kind in Kind:
            table = RowTable(theme, columns[kind], _NAMES[kind], _EMPTY[kind])
            table.picked.connect(lambda id, kind=kind: self._picked(kind, id))
            self.tables[kind] = table
            self.tabs.addTab(_NAMES[kind])
            self._pages.addWidget(self._page(kind, table))
        self.tabs.currentChanged.connect(self._turn_to)
        head = QHBoxLayout()
        head.addWidget(self.tabs)
        head.addSpacing(8)
        head.addWidget(self._tally, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self._pages, 1)
        self.set_theme(theme)

    def _page(self, kind: Kind, table: RowTable) -> QWidget:
        page = QWidget()
        row = QHBoxLayout()
        row.setSpacing(6)
        for name, text, tip in _BUTTONS[kind]:
            button = QPushButton(text)
            button.setToolTip(tip)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, name=name: self.asked.emit(name))
            button.setMinimumWidth(button.sizeHint().width())
            row.addWidget(button)
            self.buttons[kind, name] = button
        row.addStretch(1)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(table, 1)
        layout.addLayout(row)
        return page

    def set_theme(self, theme: Theme) -> None:
        self.tabs.setStyleSheet(
            f"""QTabBar::tab {{ color: {theme.muted}; padding: 5px 10px; border: none; margin-right: 2px; }}
            QTabBar::tab:selected {{ color: {theme.text}; border-bottom: 2px solid {theme.accent}; }}
            QTabBar::tab:hover {{ color: {theme.text}; }}
            QTabBar::tab:focus {{ background: {theme.selection}; }}"""
        )
        for table in self.tables.values():
            table.set_theme(theme)

    def set_desk(self, desk: Desk | None) -> None:
        self._desk = desk
        if desk is not None:
            desk.edited.connect(self._show)
            desk.picked.connect(self._show_pick)
            self.tabs.setCurrentIndex(0)
            seen = bool(desk.frames.face.any())
            self.tables[Kind.INTERVAL].set_empty(_EMPTY[Kind.INTERVAL] if seen else _NO_FACE)
        self._made = {}
        self._show()

    def _picked(self, kind: Kind, id: int) -> None:
        if self._desk is not None:
            self._desk.choose(Pick(kind, id), go=True)

    def _turn_to(self, number: int) -> None:
        """Keys act on what is picked: nothing stays picked on a page that is out of sight."""
        self._pages.setCurrentIndex(number)
        desk = self._desk
        if desk is not None and desk.pick is not None and desk.pick.kind is not tuple(Kind)[number]:
            desk.choose(None)

    def _show(self) -> None:
        desk = self._desk
        if desk is None:
            for table in self.tables.values():
                table.set_rows(())
            return
        # an hour of recording has hundreds of rows: only those that changed are written anew
        made, self._made = self._made, {}
        for stored in desk.listed():
            key = (stored, standing(stored, desk.state.exclusions))
            self._made[key] = made.get(key) or _interval_row(*key)
        rows = {
            Kind.INTERVAL: tuple(self._made.values()),
            Kind.POINT: tuple(map(_point_row, desk.state.points)),
            Kind.EXCLUSION: tuple(map(_exclusion_row, desk.state.exclusions)),
        }
        for number, kind in enumerate(Kind):
            count = len(rows[kind])
            self.tabs.setTabText(number, f"{_NAMES[kind]} {count}" if count else _NAMES[kind])
            self.tables[kind].set_rows(rows[kind])
        self._show_tally()
        self._show_pick()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_tally()

    def _show_tally(self) -> None:
        """Tell as much as there is room for."""
        texts = (*_tallies(self._desk), "") if self._desk is not None else ("",)
        room = self.width() - self.tabs.sizeHint().width() - 40
        metrics = self._tally.fontMetrics()
        self._tally.setText(next(text for text in texts if not text or metrics.horizontalAdvance(text) <= room))

    def _show_pick(self) -> None:
        if (desk := self._desk) is None:
            return
        pick = desk.pick
        for kind, table in self.tables.items():
            table.show_picked(pick.id if pick is not None and pick.kind is kind else None)
        if pick is not None:
            self.tabs.setCurrentIndex(tuple(Kind).index(pick.kind))
        self._enable(desk)

    def _enable(self, desk: Desk) -> None:
        chosen, open_ = desk.interval, desk.review.read_only is None
        for (kind, name), button in self.buttons.items():
            can = open_ and desk.pick is not None and desk.pick.kind is kind
            if can and chosen is not None and kind is Kind.INTERVAL:
                person = chosen.source == PERSON
                can = {
                    "accept": chosen.status != Status.ACCEPTED,
                    "reject": chosen.status != Status.REJECTED,
                    "reset": desk.review.can_reset(chosen.id),
                    "delete": person,
                }.get(name, True)
            button.setEnabled(can)


def _interval_row(stored: StoredInterval, status: str) -> Row:
    i = stored.interval
    cells = (
        kind_name(i.type),
        status,
        stored.source,
        clock(i.onset_s, 2),
        clock(i.apex_s, 2),
        clock(i.offset_s, 2),
        duration(i.duration_s),
        f"{i.score:.2f}" if stored.source != PERSON else "",
    )
    tip = f"{kind_name(i.type)}-expression, frames {i.onset_frame} to {i.offset_frame}, apex at frame {i.apex_frame}"
    return Row(stored.id, cells, i.type, faint=status in (Status.REJECTED, LEFT_OUT), tip=tip)


def _point_row(point: StoredPoint) -> Row:
    cells = (kind_name(point.type), point.source, clock(point.time_s, 2), str(point.frame))
    return Row(point.id, cells, point.type)


def _exclusion_row(e: Exclusion) -> Row:
    return Row(e.id, (e.reason or "left out", clock(e.start_s, 2), clock(e.end_s, 2), clock(e.end_s - e.start_s, 2)))


def _tallies(desk: Desk) -> tuple[str, str]:
    """What counts and how much of it was looked at, long and short."""
    shown = desk.state.shown()
    macro = sum(stored.interval.type is ExpressionType.MACRO for stored in shown)
    listed = [stored for stored in desk.listed() if not left_out(stored, desk.state.exclusions)]
    seen = sum(stored.status != Status.FOUND for stored in listed)
    reviewed = f"{seen} of {len(listed)} reviewed"
    return f"{macro} macro, {len(shown) - macro} micro · {reviewed}", reviewed
