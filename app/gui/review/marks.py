"""What a person did, drawn over the curves: point labels, selection, what is left out, verdicts, and grips to drag."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF, QTransform
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from app.gui.overlay import Overlay
from app.gui.review.desk import Selection
from app.gui.theme import Theme
from app.review.state import Exclusion, Status
from app.session.reader import StoredInterval, StoredPoint
from models.types import ExpressionType, Interval

POINT_PX = 6.0
"""Half the width of a point label's marker."""

LANE_PX = 8.0

GRIP_PX = (7.0, 30.0)
"""Width and height of a grip."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What to draw, all of it in sight. lane: intervals that are too many for bands. fixed: nothing can be dragged."""

    intervals: tuple[StoredInterval, ...] = ()
    lane: tuple[Interval, ...] = ()
    points: tuple[StoredPoint, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    selection: Selection | None = None
    picked: StoredInterval | None = None
    picked_point: int | None = None
    picked_exclusion: int | None = None
    fixed: bool = False

    @property
    def gripped(self) -> StoredInterval | None:
        """The interval whose edges can be dragged."""
        movable = not self.fixed and self.picked is not None and self.picked.status != Status.REJECTED
        return self.picked if movable else None


class Marks(Overlay):
    """Paints in pixels over a track. full: with point labels, verdicts and grips, which only one track needs."""

    def __init__(self, theme: Theme, full: bool) -> None:
        super().__init__(theme, 20)
        self._full = full
        self._marked = Marked()

    def set_content(self, marked: Marked) -> None:
        if marked != self._marked:
            self._marked = marked
            self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        to_pixels = painter.worldTransform()
        area = to_pixels.mapRect(QRectF(self.viewRect()))
        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for exclusion in self._marked.exclusions:
            self._paint_exclusion(painter, area, to_pixels, exclusion)
        if (selection := self._marked.selection) is not None:
            box = _box(area, to_pixels, selection.start_s, selection.end_s)
            fill = QColor(self._theme.accent)
            fill.setAlpha(48)
            painter.fillRect(box, fill)
            painter.setPen(QPen(QColor(self._theme.accent), 1.0))
            painter.drawLine(QLineF(box.topLeft(), box.bottomLeft()))
            painter.drawLine(QLineF(box.topRight(), box.bottomRight()))
        self._paint_lane(painter, area, to_pixels)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._full:
            for stored in self._marked.intervals:
                self._paint_verdict(painter, area, to_pixels, stored)
            for point in self._marked.points:
                self._paint_point(painter, area, to_pixels, point)
            if self._marked.gripped is not None:
                self._paint_grips(painter, area, to_pixels, self._marked.gripped)
        painter.restore()

    def _paint_exclusion(self, painter: QPainter, area: QRectF, to_pixels: QTransform, exclusion: Exclusion) -> None:
        box = _box(area, to_pixels, exclusion.start_s, exclusion.end_s)
        cover = QColor(self._theme.panel)
        cover.setAlpha(170)
        painter.fillRect(box, cover)
        picked = exclusion.id == self._marked.picked_exclusion
        colour = QColor(self._theme.accent if picked else self._theme.muted)
        painter.setPen(QPen(colour, 2.0 if picked else 1.0))
        painter.drawRect(box.adjusted(0, 1, 0, -1))
        colour.setAlpha(120)
        painter.fillRect(box, QBrush(colour, Qt.BrushStyle.FDiagPattern))
        if self._full:
            _label(painter, box, exclusion.reason or "left out", self._theme)

    def _paint_lane(self, painter: QPainter, area: QRectF, to_pixels: QTransform) -> None:
        scale, offset = to_pixels.m11(), to_pixels.dx()
        colours = {kind: self._theme.of(kind) for kind in ExpressionType}
        for i in self._marked.lane:
            box = QRectF(i.onset_s * scale + offset, area.top(), max(i.duration_s * scale, 1.5), LANE_PX)
            painter.fillRect(box, colours[i.type])

    def _paint_verdict(self, painter: QPainter, area: QRectF, to_pixels: QTransform, stored: StoredInterval) -> None:
        """A tick on what was accepted, a dashed outline round what was rejected."""
        box = _box(area, to_pixels, stored.interval.onset_s, stored.interval.offset_s)
        colour = self._theme.of(stored.interval.type)
        if stored.status == Status.REJECTED:
            picked = self._marked.picked is not None and self._marked.picked.id == stored.id
            painter.setPen(QPen(QColor(self._theme.muted), 2.0 if picked else 1.0, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(0, 1, 0, -1))
        elif stored.status == Status.ACCEPTED and box.width() >= 6:
            x, y = box.center().x(), box.bottom() - min(30.0, 0.3 * box.height())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QPointF(x, y), 7.0, 7.0)
            painter.setPen(QPen(QColor(self._theme.panel), 1.8))
            painter.drawPolyline(
                QPolygonF([QPointF(x - 3.2, y + 0.2), QPointF(x - 0.9, y + 2.7), QPointF(x + 3.4, y - 2.4)])
            )

    def _paint_point(self, painter: QPainter, area: QRectF, to_pixels: QTransform, point: StoredPoint) -> None:
        x = to_pixels.map(QPointF(point.time_s, 0.0)).x()
        colour = self._theme.of(point.type)
        picked = point.id == self._marked.picked_point
        painter.setPen(QPen(colour, 2.0 if picked else 1.0))
        painter.drawLine(QLineF(x, area.top(), x, area.bottom()))
        painter.setPen(QPen(QColor(self._theme.text if picked else self._theme.panel), 1.5))
        painter.setBrush(colour)
        y = area.bottom() - 2.0
        r = POINT_PX + 1.0 if picked else POINT_PX
        corners = ((x, y - 2 * r), (x + r, y - r), (x, y), (x - r, y - r))
        painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))

    def _paint_grips(self, painter: QPainter, area: QRectF, to_pixels: QTransform, stored: StoredInterval) -> None:
        colour = self._theme.of(stored.interval.type)
        painter.setPen(QPen(QColor(self._theme.panel), 1.5))
        painter.setBrush(colour)
        width, height = GRIP_PX
        y = area.center().y()
        for time_s in (stored.interval.onset_s, stored.interval.offset_s):
            x = to_pixels.map(QPointF(time_s, 0.0)).x()
            painter.drawRoundedRect(QRectF(x - width / 2, y - height / 2, width, height), 3, 3)
        x = to_pixels.map(QPointF(stored.interval.apex_s, 0.0)).x()
        painter.drawEllipse(QPointF(x, y), width * 0.75, width * 0.75)


def _box(area: QRectF, to_pixels: QTransform, begin_s: float, end_s: float) -> QRectF:
    begin = to_pixels.map(QPointF(begin_s, 0.0)).x()
    end = max(to_pixels.map(QPointF(end_s, 0.0)).x(), begin + 1.0)
    begin, end = max(begin, area.left() - 4), min(end, area.right() + 4)
    return QRectF(begin, area.top(), end - begin, area.height())


def _label(painter: QPainter, box: QRectF, text: str, theme: Theme) -> None:
    metrics = painter.fontMetrics()
    width, height = metrics.horizontalAdvance(text) + 12, metrics.height() + 4
    if width + 4 > box.width():
        return
    label = QRectF(0, 0, width, height)
    label.moveCenter(QPointF(box.center().x(), box.bottom() - height))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.panel))
    painter.drawRoundedRect(label, 4, 4)
    painter.setPen(QColor(theme.muted))
    painter.drawText(label, Qt.AlignmentFlag.AlignCenter, text)
