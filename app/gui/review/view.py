"""The panels of an open recording, put together."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSplitter, QVBoxLayout, QWidget

from app.gui.curves import axis_width_px
from app.gui.review.desk import Desk
from app.gui.review.envelope import Envelope
from app.gui.review.lists import Lists
from app.gui.review.opener import Opened
from app.gui.review.picture_panel import PicturePanel
from app.gui.review.playback import Playback
from app.gui.review.plot import CurvePanel
from app.gui.review.strip import Strip
from app.gui.review.thresholds import ThresholdPanel
from app.gui.review.transport import Transport
from app.gui.theme import Theme

SIDE_PX = 236
"""Width of the thresholds."""


class ReviewView(QWidget):
    """Picture, lists and thresholds over the transport bar over curves and the strip of the whole recording."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture = PicturePanel(theme)
        self.lists = Lists(theme)
        self.thresholds = ThresholdPanel(theme)
        self.transport = Transport(theme)
        self.curves = CurvePanel(theme)
        self.strip = Strip(theme, axis_width_px() + 12, 13)
        self._panels = (self.picture, self.lists, self.thresholds, self.transport, self.curves, self.strip)

        side = _card(_scrolled(self.thresholds))
        side.setFixedWidth(SIDE_PX)
        beside = QWidget()
        row = QHBoxLayout(beside)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(_card(self.lists), 1)
        row.addWidget(side)
        top = QSplitter(Qt.Orientation.Horizontal)
        top.addWidget(_card(self.picture))
        top.addWidget(beside)
        top.setStretchFactor(0, 2)
        top.setStretchFactor(1, 3)
        time = QFrame()
        time.setObjectName("card")
        column = QVBoxLayout(time)
        column.setContentsMargins(1, 1, 1, 6)
        column.setSpacing(2)
        column.addWidget(self.curves, 1)
        column.addWidget(self.strip)
        bottom = QWidget()
        column = QVBoxLayout(bottom)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.transport)
        column.addWidget(time, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(top)
        self.splitter.addWidget(bottom)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 1)
        for splitter in (self.splitter, top):
            splitter.setHandleWidth(8)
            splitter.setChildrenCollapsible(False)
        top.setSizes([430, 800])
        self.splitter.setSizes([310, 320])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)

        self.curves.view_changed.connect(self.strip.set_view)
        self.thresholds.previewed.connect(self.curves.show_preview)

    def set_theme(self, theme: Theme) -> None:
        for panel in self._panels:
            panel.set_theme(theme)

    def show_desk(self, desk: Desk, playback: Playback, opened: Opened) -> None:
        """Show a recording."""
        envelope = Envelope(desk.frames)
        self.picture.set_desk(desk, opened.pictures, opened.no_pictures or "")
        self.lists.set_desk(desk)
        self.transport.set_desk(desk, playback)
        self.strip.set_desk(desk, envelope)
        self.curves.set_desk(desk, envelope)
        self.thresholds.set_desk(desk, opened.no_thresholds)
        self.strip.asked.connect(desk.go_to)

    def clear(self) -> None:
        """Show none."""
        self.picture.set_desk(None, None)
        self.lists.set_desk(None)
        self.transport.set_desk(None, None)
        self.strip.set_desk(None, None)
        self.curves.set_desk(None, None)
        self.thresholds.set_desk(None)


def _scrolled(content: QWidget) -> QScrollArea:
    """Where the window is low, it is this that gives way, not the curves."""
    area = QScrollArea()
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    for widget in (content, area.viewport()):
        widget.setAutoFillBackground(False)  # the card's is seen
    return area


def _card(content: QWidget) -> QFrame:
    frame = QFrame()
    frame.setObjectName("card")
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(1, 1, 1, 1)
    layout.addWidget(content)
    return frame
