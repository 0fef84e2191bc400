"""The running window's panels, put side by side."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QSplitter, QVBoxLayout, QWidget

from app.gui.bands import Mark
from app.gui.curves import CurvesPanel
from app.gui.interval_table import IntervalTable
from app.gui.picture import PictureView
from app.gui.theme import Theme
from app.live_types import LiveSnapshot


class LiveView(QSplitter):
    """Picture over table on the left, curves on the right; the borders can be dragged."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.picture = PictureView(theme)
        self.table = IntervalTable(theme)
        self.curves = CurvesPanel(theme)
        self.table.selected.connect(self.curves.highlight)
        left = QSplitter(Qt.Orientation.Vertical)
        left.addWidget(_card(self.picture))
        left.addWidget(_card(self.table))
        left.setStretchFactor(0, 3)
        left.setStretchFactor(1, 2)
        self.addWidget(left)
        self.addWidget(_card(self.curves))
        self.setStretchFactor(0, 2)
        self.setStretchFactor(1, 3)
        for splitter in (self, left):
            splitter.setHandleWidth(8)
            splitter.setChildrenCollapsible(False)
        left.setSizes([380, 260])
        self.setSizes([548, 700])

    def set_theme(self, theme: Theme) -> None:
        for panel in (self.picture, self.table, self.curves):
            panel.set_theme(theme)

    def show_snapshot(self, snapshot: LiveSnapshot | None, marks: tuple[Mark, ...] = ()) -> None:
        self.picture.show_snapshot(snapshot)
        self.table.show_snapshot(snapshot)
        self.curves.show_snapshot(snapshot, marks)


def _card(content: QWidget) -> QFrame:
    frame = QFrame()
    frame.setObjectName("card")
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(1, 1, 1, 1)
    layout.addWidget(content)
    return frame
