"""Shaded intervals and gaps behind a curve, and a person's points on its base line."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QGuiApplication, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from app.gui.overlay import Overlay
from app.gui.text import kind_name
from app.gui.theme import Theme, band_brush
from models.types import ExpressionType, Interval

Span = tuple[float, float]
Mark = tuple[float, ExpressionType]
"""A point label: its time and class."""

LOW_PX = 110.0
"""In a lower plot the labels of both classes share a line, so that enough is left for the curve."""


def labels_px(plot_px: float) -> float:
    """Height of the labels over the curve of a plot that is ``plot_px`` high."""
    return 4.0 + _label_lines(plot_px) * _line_px()


class Bands(Overlay):
    """Paints everything in one go, in pixels, so that hatching and lines keep their width at any zoom."""

    def __init__(self, theme: Theme, labels: bool) -> None:
        super().__init__(theme, -10)
        self._labels = labels
        self._intervals: tuple[Interval, ...] = ()
        self._gaps: tuple[Span, ...] = ()
        self._unreliable: tuple[Span, ...] = ()
        self._highlighted: Interval | None = None
        self._marks: tuple[Mark, ...] = ()

    def set_content(
        self,
        intervals: tuple[Interval, ...],
        gaps: tuple[Span, ...],
        unreliable: tuple[Span, ...],
        highlighted: Interval | None,
    ) -> None:
        """Replace what is shown; all times on the plot's axis."""
        self._intervals, self._gaps, self._unreliable = intervals, gaps, unreliable
        self._highlighted = highlighted
        self.update()

    def set_marks(self, marks: tuple[Mark, ...]) -> None:
        """Replace the points."""
        self._marks = marks
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        view = self.viewRect()
        to_pixels = painter.worldTransform()
        corner, other = to_pixels.map(view.topLeft()), to_pixels.map(view.bottomRight())
        top, bottom = sorted((corner.y(), other.y()))
        left, right = sorted((corner.x(), other.x()))

        def box(span: Span, height: float | None = None) -> QRectF | None:
            begin = to_pixels.map(QPointF(span[0], 0.0)).x()
            end = max(to_pixels.map(QPointF(span[1], 0.0)).x(), begin + 2.0)
            if end < left or begin > right:
                return None
            begin, end = max(begin, left), min(end, right)
            return QRectF(begin, top if height is None else bottom - height, end - begin, height or bottom - top)

        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        gap = QColor(self._theme.gap)
        gap.setAlpha(70)
        for span in self._gaps:
            if rect := box(span):
                painter.fillRect(rect, gap)
        for span in self._unreliable:
            if rect := box(span, height=4.0):
                painter.fillRect(rect, QColor(self._theme.macro))
        boxes = [(interval, box((interval.onset_s, interval.offset_s))) for interval in self._intervals]
        seen = [(interval, rect) for interval, rect in boxes if rect is not None]
        for interval, rect in seen:
            self._paint_interval(painter, interval, rect, to_pixels.map(QPointF(interval.apex_s, 0.0)).x())
        lines = _label_lines(bottom - top)
        ends = [left] * lines
        for interval, rect in seen if self._labels else ():  # over all bands
            line = tuple(ExpressionType).index(interval.type) % lines
            ends[line] = self._paint_label(painter, interval, rect, line, ends[line], (left, right))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for time_s, kind in self._marks:
            x = to_pixels.map(QPointF(time_s, 0.0)).x()
            if left <= x <= right:
                paint_mark(painter, self._theme, kind, QPointF(x, bottom))
        painter.restore()

    def _paint_interval(self, painter: QPainter, interval: Interval, rect: QRectF, apex_px: float) -> None:
        painter.fillRect(rect, band_brush(self._theme, interval.type, interval.final))
        colour = self._theme.of(interval.type)
        highlighted = interval == self._highlighted
        style = Qt.PenStyle.SolidLine if interval.final else Qt.PenStyle.DashLine
        painter.setPen(QPen(colour, 2.0 if highlighted else 1.0, style))
        if highlighted:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect.adjusted(0, 1, 0, -1))
        else:
            painter.drawLine(QLineF(rect.topLeft(), rect.bottomLeft()))
            painter.drawLine(QLineF(rect.topRight(), rect.bottomRight()))
        if rect.left() <= apex_px <= rect.right():
            painter.setPen(QPen(colour, 1.0, Qt.PenStyle.DotLine))
            painter.drawLine(QLineF(apex_px, rect.top(), apex_px, rect.bottom()))

    def _paint_label(
        self, painter: QPainter, interval: Interval, rect: QRectF, line: int, used: float, edges: Span
    ) -> float:
        """Write the class above its band and the curve, unless the label before it in its line reaches that far."""
        text = kind_name(interval.type)
        width = _metrics().horizontalAdvance(text) + 6
        begin = max(min(rect.center().x() - width / 2, edges[1] - width), edges[0])
        if begin < used:
            return used
        label = QRectF(begin, rect.top() + 3 + line * _line_px(), width, _line_px())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.panel))
        painter.drawRoundedRect(label, 3, 3)
        painter.setPen(self._theme.of(interval.type))
        painter.drawText(label, Qt.AlignmentFlag.AlignCenter, text)
        return label.right()


def _metrics() -> QFontMetricsF:
    return QFontMetricsF(QGuiApplication.font())


def _line_px() -> float:
    return _metrics().height() + 2


def _label_lines(plot_px: float) -> int:
    return len(ExpressionType) if plot_px >= LOW_PX else 1


MARK_HEIGHT_PX = 24.0


def paint_mark(
    painter: QPainter, theme: Theme, kind: ExpressionType, foot: QPointF, height_px: float = MARK_HEIGHT_PX
) -> None:
    """A pin that stands on ``foot``: a round head for macro, a diamond for micro."""
    colour = theme.of(kind)
    head = foot - QPointF(0.0, height_px - 6.0)
    painter.setPen(QPen(colour, 2.0))
    painter.drawLine(QLineF(foot, head))
    painter.setPen(QPen(QColor(theme.panel), 1.5))
    painter.setBrush(colour)
    if kind is ExpressionType.MACRO:
        painter.drawEllipse(head, 5.5, 5.5)
    else:
        r = 7.0
        corners = (QPointF(0, -r), QPointF(r, 0), QPointF(0, r), QPointF(-r, 0))
        painter.drawPolygon(QPolygonF([head + corner for corner in corners]))
