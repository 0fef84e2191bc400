"""The table of intervals, newest on top."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QItemSelection, QModelIndex, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QIcon, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QLabel, QTableView, QVBoxLayout, QWidget

from app.gui.text import clock, duration, kind_name, tally
from app.gui.theme import Theme, band_brush
from app.live_types import LiveSnapshot
from models.types import ExpressionType, Interval

COLUMNS = ("Type", "Onset", "Apex", "Offset", "Duration", "Score", "Status")
STATUS = len(COLUMNS) - 1
_NONE = QModelIndex()


class IntervalModel(QAbstractTableModel):
    """Rows: the provisional intervals, then the final ones, each newest first. Final rows never change."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._final: tuple[Interval, ...] = ()
        self._provisional: tuple[Interval, ...] = ()
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._icons = {(kind, final): _icon(theme, kind, final) for kind in ExpressionType for final in (True, False)}

    def set_intervals(self, final: tuple[Interval, ...], provisional: tuple[Interval, ...]) -> None:
        """Take over the newest intervals; ``final`` only ever grows within a session."""
        if final[: len(self._final)] != self._final:
            self.beginResetModel()
            self._final, self._provisional = final, provisional
            self.endResetModel()
            return
        added = len(final) - len(self._final)
        if added:
            first = len(self._provisional)
            self.beginInsertRows(_NONE, first, first + added - 1)
            self._final = final
            self.endInsertRows()
        if provisional == self._provisional:
            return
        before, after = len(self._provisional), len(provisional)
        if after > before:
            self.beginInsertRows(_NONE, 0, after - before - 1)
            self._provisional = provisional
            self.endInsertRows()
        elif after < before:
            self.beginRemoveRows(_NONE, 0, before - after - 1)
            self._provisional = provisional
            self.endRemoveRows()
        else:
            self._provisional = provisional
        if after:
            self.dataChanged.emit(self.index(0, 0), self.index(after - 1, len(COLUMNS) - 1))

    def interval(self, row: int) -> Interval:
        """The interval in a row."""
        count = len(self._provisional)
        return self._provisional[count - 1 - row] if row < count else self._final[len(self._final) - 1 - (row - count)]

    def rowCount(self, parent: Any = _NONE) -> int:
        return 0 if parent.isValid() else len(self._final) + len(self._provisional)

    def columnCount(self, parent: Any = _NONE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        interval = self.interval(index.row())
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _cell(interval, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return self._icons[interval.type, interval.final]
        if role == Qt.ItemDataRole.ForegroundRole and not interval.final:
            return QColor(self._theme.muted)
        if role == Qt.ItemDataRole.FontRole and not interval.final:
            font = QFont()
            font.setItalic(True)
            return font
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                f"{kind_name(interval.type)}-expression, frames {interval.onset_frame} to {interval.offset_frame}, "
                f"apex at frame {interval.apex_frame}"
            )
        return None


class IntervalTable(QWidget):
    """The table with its heading; says so while it is empty."""

    selected = Signal(object)
    """The chosen ``Interval``, or None."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = IntervalModel(theme, self)
        self._picked: Interval | None = None
        self.view = _View()
        self.view.setModel(self.model)
        self.view.fit_columns()
        self.view.selectionModel().selectionChanged.connect(self._selection_changed)
        heading = QLabel("Expressions")
        heading.setObjectName("heading")
        self._tally = QLabel()
        self._tally.setObjectName("muted")
        head = QHBoxLayout()
        head.addWidget(heading)
        head.addStretch(1)
        head.addWidget(self._tally)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 8, 8)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)

    def set_theme(self, theme: Theme) -> None:
        self.model.set_theme(theme)
        self.view.viewport().update()

    def show_snapshot(self, snapshot: LiveSnapshot | None) -> None:
        """Take over the newest intervals."""
        if snapshot is None:
            self.model.set_intervals((), ())
            self.view.make_room(0.0)
            self._tally.setText("")
            return
        final, provisional = snapshot.analysis.intervals, snapshot.analysis.provisional_intervals
        self.model.set_intervals(final, provisional)
        self.view.make_room(max((interval.offset_s for interval in (*final[-1:], *provisional[-1:])), default=0.0))
        self._tally.setText(tally((*final, *provisional)))

    def _selection_changed(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        rows = self.view.selectionModel().selectedRows()
        picked = self.model.interval(rows[0].row()) if rows else None
        if picked != self._picked:  # Qt also tells when rows come and go above the chosen one
            self._picked = picked
            self.selected.emit(picked)


class _View(QTableView):
    """A plain table with a sentence in it while there is nothing to show."""

    def __init__(self) -> None:
        super().__init__()
        self._hours = False
        self.setAccessibleName("Intervals")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def fit_columns(self) -> None:
        """Room for the longest word in the first and last column; the numbers share the rest."""
        metrics, header = self.fontMetrics(), self.horizontalHeader()
        for column, widest in ((0, "Macro"), (STATUS, "provisional")):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            icon = 26 if column == 0 else 0
            self.setColumnWidth(column, metrics.horizontalAdvance(widest) + icon + 28)
        self._status_px = self.columnWidth(STATUS)
        self._title_px = metrics.horizontalAdvance("Duration") + 12
        self._share_out(self._title_px)
        self.setMinimumWidth(self._numbers_px + 4)

    def make_room(self, newest_s: float) -> None:
        """Let times up to ``newest_s`` be written out, which are longer once there are hours. The panel may stay as
        narrow as it is, and has a scroll bar then."""
        hours = newest_s >= 3600.0
        if hours != self._hours:
            self._hours = hours
            slanted = QFont(self.font())
            slanted.setItalic(True)  # as what is provisional is written
            longest_px = QFontMetrics(slanted).horizontalAdvance("0:00:00.00") + 18
            self._share_out(longest_px if hours else self._title_px)

    def _share_out(self, least_px: int) -> None:
        """least_px: what every column of numbers gets at least."""
        self.horizontalHeader().setMinimumSectionSize(least_px)
        self._numbers_px = self.columnWidth(0) + (STATUS - 1) * least_px
        self._show_status()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._show_status()
        super().resizeEvent(event)

    def _show_status(self) -> None:
        # where it is narrow, the slanted grey letters alone say what is provisional
        self.setColumnHidden(STATUS, self.viewport().width() < self._numbers_px + self._status_px)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.model().rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().placeholderText().color())
            area = QRect(self.viewport().rect()).adjusted(16, 0, -16, 0)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(area, flags, "Expressions are listed here as they are found.")


def _cell(interval: Interval, column: int) -> str:
    return (
        kind_name(interval.type),
        clock(interval.onset_s, 2),
        clock(interval.apex_s, 2),
        clock(interval.offset_s, 2),
        duration(interval.duration_s),
        f"{interval.score:.2f}",
        "final" if interval.final else "provisional",
    )[column]


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if 1 <= column <= 5 else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _icon(theme: Theme, kind: ExpressionType, final: bool) -> QIcon:
    pixmap = QPixmap(32, 32)
    pixmap.setDevicePixelRatio(2.0)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    box = QRectF(2.5, 2.5, 11.0, 11.0)
    painter.fillRect(box, band_brush(theme, kind, final))
    painter.setPen(QPen(theme.of(kind), 1.0, Qt.PenStyle.SolidLine if final else Qt.PenStyle.DashLine))
    painter.drawRect(box)
    painter.end()
    return QIcon(pixmap)
