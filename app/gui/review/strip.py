"""The whole recording in one strip: intensity, intervals, point labels, what is left out, and the part in sight."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui.review.desk import Desk
from app.gui.review.envelope import Envelope, Span
from app.gui.text import clock
from app.gui.theme import Theme
from models.types import ExpressionType

LANE_PX = 9
"""Height of the lane of intervals, and of that of points."""


class Strip(QWidget):
    """Click or drag to go there. All but the cursor and the part in sight is painted once and kept."""

    asked = Signal(float)
    """Go to this time (s)."""

    def __init__(self, theme: Theme, left_px: int, right_px: int, parent: QWidget | None = None) -> None:
        """left_px, right_px: room beside the strip, so that it stands under the curves."""
        super().__init__(parent)
        self._theme = theme
        self._margins = (left_px, right_px)
        self._desk: Desk | None = None
        self._envelope: Envelope | None = None
        self._view: Span = (0.0, 0.0)
        self._kept: QPixmap | None = None
        self.setFixedHeight(46)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Whole recording")
        self.setAccessibleDescription("Intensity, intervals and point labels of the whole recording; click to go there")
        self.setToolTip("The whole recording; click or drag to go there")
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        return QSize(600, self.height())

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.forget()

    def set_desk(self, desk: Desk | None, envelope: Envelope | None) -> None:
        self._desk, self._envelope = desk, envelope
        if desk is not None:
            desk.moved.connect(self.update)
            desk.edited.connect(self.forget)
        self.forget()

    def set_view(self, begin_s: float, end_s: float) -> None:
        """The part in sight above."""
        self._view = begin_s, end_s
        self.update()

    def forget(self) -> None:
        """Paint all of it again."""
        self._kept = None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.forget()
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._ask(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._ask(event)

    def _ask(self, event: QMouseEvent) -> None:
        if (desk := self._desk) is not None:
            area = self._area()
            share = (event.position().x() - area.left()) / max(area.width(), 1.0)
            self.asked.emit(desk.begin_s + min(max(share, 0.0), 1.0) * (desk.end_s - desk.begin_s))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if (desk := self._desk) is None:
            return
        if self._kept is None:
            self._kept = self._paint_all(desk)
        painter.drawPixmap(0, 0, self._kept)
        area = self._area()
        theme = self._theme
        begin, end = (self._x(time_s) for time_s in self._view)
        begin, end = max(begin, area.left()), min(max(end, begin + 3), area.right())
        if end - begin < area.width() - 1:
            veil = QColor(theme.window)
            veil.setAlpha(150)
            painter.fillRect(QRectF(area.left(), area.top(), begin - area.left(), area.height()), veil)
            painter.fillRect(QRectF(end, area.top(), area.right() - end, area.height()), veil)
            painter.setPen(QPen(QColor(theme.accent), 1.0))
            painter.drawRect(QRectF(round(begin) + 0.5, area.top() + 0.5, round(end - begin), area.height() - 1))
        x = self._x(desk.now_s)
        painter.setPen(QPen(QColor(theme.text), 1.5))
        painter.drawLine(QLineF(x, area.top(), x, area.bottom()))

    def _paint_all(self, desk: Desk) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        theme, area = self._theme, self._area()
        painter.fillRect(area, QColor(theme.window))
        self._paint_intensity(painter, area)
        lane = QRectF(area.left(), area.bottom() - LANE_PX, area.width(), LANE_PX)
        begin_s, scale = self._scale()
        colours = {kind: theme.of(kind) for kind in ExpressionType}
        for i in (stored.interval for stored in desk.state.shown()):
            begin = area.left() + (i.onset_s - begin_s) * scale
            box = QRectF(begin, lane.top() + 1, max(i.duration_s * scale, 2.0), LANE_PX - 2)
            painter.fillRect(box, colours[i.type])
        hatch = QColor(theme.muted)
        for exclusion in desk.state.exclusions:
            begin, end = self._x(exclusion.start_s), self._x(exclusion.end_s)
            box = QRectF(begin, area.top(), max(end - begin, 2.0), area.height())
            painter.fillRect(box, QColor(theme.window))
            painter.fillRect(box, QBrush(hatch, Qt.BrushStyle.BDiagPattern))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for point in desk.state.points:
            x, y = self._x(point.time_s), area.top() + 5.0
            painter.setBrush(theme.of(point.type))
            painter.drawPolygon(QPolygonF([QPointF(x - 4, y - 4), QPointF(x + 4, y - 4), QPointF(x, y + 3)]))
        painter.setPen(QPen(QColor(theme.line), 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.drawRect(area.adjusted(0, 0, -1, -1))
        painter.setPen(QColor(theme.muted))
        painter.drawText(
            QRectF(0, area.top(), area.left() - 8, area.height()),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            clock(desk.end_s - desk.begin_s),
        )
        painter.end()
        return pixmap

    def _paint_intensity(self, painter: QPainter, area: QRectF) -> None:
        if self._envelope is None:
            return
        columns = max(int(area.width()), 1)
        peaks = np.nan_to_num(self._envelope.peaks(columns), nan=0.0).clip(0.0, 1.0)
        room = area.height() - LANE_PX - 4
        floor = area.bottom() - LANE_PX
        tops = floor - peaks * room
        x = area.left() + np.arange(columns)
        outline = [QPointF(area.left(), floor), *map(QPointF, x.tolist(), tops.tolist()), QPointF(area.right(), floor)]
        colour = QColor(self._theme.curve)
        colour.setAlpha(95)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF(outline))

    def _area(self) -> QRectF:
        left, right = self._margins
        return QRectF(left, 2, max(self.width() - left - right, 1), self.height() - 4)

    def _scale(self) -> tuple[float, float]:
        """Time at the left end (s), and pixels a second."""
        assert self._desk is not None
        begin_s = self._desk.begin_s
        return begin_s, self._area().width() / max(self._desk.end_s - begin_s, 1e-9)

    def _x(self, time_s: float) -> float:
        begin_s, scale = self._scale()
        return float(self._area().left() + (time_s - begin_s) * scale)
