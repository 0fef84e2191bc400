"""Tables of what can be picked: intervals, point labels, what is left out. One model and one view for all three."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from app.gui.theme import Theme, band_brush
from models.types import ExpressionType

_NONE = QModelIndex()

MOST_SPARE_PX = 28
"""Room that a column gets beyond what it needs; numbers that stand far apart are hard to read across."""


@dataclass(frozen=True, slots=True)
class Column:
    """widest: text that there is always room for; a number gets as much as the longest one in the column needs.

    drop: where room is short, the highest number goes first; 0 stays.
    """

    title: str
    widest: str
    number: bool = False
    drop: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """id: of what it stands for. kind: its swatch. faint: does not count. tip: what else there is to say."""

    id: int
    cells: tuple[str, ...]
    kind: ExpressionType | None = None
    faint: bool = False
    tip: str = ""


class RowModel(QAbstractTableModel):
    """Rows as they are handed over; where only cells changed, no selection is lost."""

    def __init__(self, theme: Theme, columns: Sequence[Column], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns = (*columns, Column("", ""))  # the last takes what room is left
        self.rows: tuple[Row, ...] = ()
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._icons = {kind: _swatch(theme, kind) for kind in ExpressionType}

    def set_rows(self, rows: tuple[Row, ...]) -> None:
        if rows == self.rows:
            return
        if [row.id for row in rows] == [row.id for row in self.rows]:
            self.rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self.columns) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def longest(self) -> tuple[str, ...]:
        """The longest number in each column but the last; a text may be as long as it likes, and is cut off."""
        if not self.rows:
            return ()
        cells = zip(*(row.cells for row in self.rows), strict=True)
        return tuple(max(column, key=len) if self.columns[number].number else "" for number, column in enumerate(cells))

    def rowCount(self, parent: Any = _NONE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Any = _NONE) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].title
        return self._alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return row.cells[column] if column < len(row.cells) else None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(column)
        if role == Qt.ItemDataRole.DecorationRole and column == 0 and row.kind is not None:
            return self._icons[row.kind]
        if role == Qt.ItemDataRole.ForegroundRole and row.faint:
            return QColor(self._theme.muted)
        if role == Qt.ItemDataRole.FontRole and row.faint:
            font = QFont()
            font.setStrikeOut(True)
            return font
        if role == Qt.ItemDataRole.ToolTipRole and row.tip:
            return row.tip
        return None

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if self.columns[column].number else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter


class RowTable(QTableView):
    """The table of one ``RowModel``, with a sentence in it while it is empty."""

    picked = Signal(int)
    """The id of the row that a person chose."""

    def __init__(self, theme: Theme, columns: Sequence[Column], name: str, empty: str) -> None:
        super().__init__()
        self.rows = RowModel(theme, columns, self)
        self._empty = empty
        self._telling = True
        self.setModel(self.rows)
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(0)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._longest: tuple[str, ...] = ()
        self.selectionModel().currentRowChanged.connect(self._chosen)
        self.clicked.connect(self._chosen)  # the row that is picked already, too: it is gone to again

    def set_theme(self, theme: Theme) -> None:
        self.rows.set_theme(theme)
        self.viewport().update()

    def set_rows(self, rows: tuple[Row, ...]) -> None:
        """Show ``rows``."""
        self._telling = False
        self.rows.set_rows(rows)
        self._telling = True
        longest = self.rows.longest()
        if longest != self._longest:
            self._longest = longest
            self._share_room()

    def set_empty(self, sentence: str) -> None:
        """What to say while there are no rows."""
        self._empty = sentence
        self.viewport().update()

    def show_picked(self, picked: int | None) -> None:
        """Choose the row of id ``picked`` and bring it in sight."""
        self._telling = False
        place = next((n for n, row in enumerate(self.rows.rows) if row.id == picked), None)
        if place is None:
            self.clearSelection()
            self.setCurrentIndex(_NONE)
        else:
            self.selectRow(place)
            self.scrollTo(self.rows.index(place, 0))
        self._telling = True

    def _chosen(self, current: QModelIndex) -> None:
        if self._telling and current.isValid():
            self.picked.emit(self.rows.rows[current.row()].id)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        """Share the room; where it is short, leave out what can best be done without."""
        metrics, room = self.fontMetrics(), self.viewport().width()
        *columns, _ = self.rows.columns
        held = self._longest or ("",) * len(columns)
        texts = [(column.widest, column.title, text) for column, text in zip(columns, held, strict=True)]
        needed = [max(map(metrics.horizontalAdvance, three)) + 16 for three in texts]
        needed[0] += 22  # the swatch
        shown = set(range(len(needed)))
        droppable = sorted((c for c in shown if columns[c].drop), key=lambda c: -columns[c].drop)
        for column in droppable:
            if sum(needed[c] for c in shown) <= room:
                break
            shown.discard(column)
        spare = max(room - sum(needed[c] for c in shown), 0)
        each = min(spare // max(len(shown), 1), MOST_SPARE_PX)
        for column, width in enumerate(needed):
            self.setColumnHidden(column, column not in shown)
            self.setColumnWidth(column, width + each)
        self.setColumnWidth(len(needed), spare - each * len(shown))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.rows.rows:
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().placeholderText().color())
            area = QRect(self.viewport().rect()).adjusted(24, 0, -24, 0)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._empty)


def _swatch(theme: Theme, kind: ExpressionType) -> QIcon:
    pixmap = QPixmap(32, 32)
    pixmap.setDevicePixelRatio(2.0)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    box = QRectF(2.5, 2.5, 11.0, 11.0)
    painter.fillRect(box, band_brush(theme, kind, True))
    painter.setPen(QPen(theme.of(kind), 1.0))
    painter.drawRect(box)
    painter.end()
    return QIcon(pixmap)
