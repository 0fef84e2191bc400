"""Small drawings for buttons, in the theme's colour; no font needs to have them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

SIZE_PX = 20
_SCALE = 3  # drawn larger, so that it stays sharp on fine screens


def icon(name: str, colour: str) -> QIcon:
    """One of play, pause, back, forward, previous, next, undo, redo, closer, further or all."""
    pixmap = QPixmap(SIZE_PX * _SCALE, SIZE_PX * _SCALE)
    pixmap.setDevicePixelRatio(_SCALE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(colour), 1.7, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(QColor(colour))
    _DRAWINGS[name](painter)
    painter.end()
    return QIcon(pixmap)


def _triangle(painter: QPainter, x: float, width: float, left: bool = False) -> None:
    tip, base = (x, x + width) if left else (x + width, x)
    painter.drawPolygon(QPolygonF([QPointF(base, 4.5), QPointF(tip, 10), QPointF(base, 15.5)]))


def _play(painter: QPainter) -> None:
    _triangle(painter, 6, 9.5)


def _pause(painter: QPainter) -> None:
    painter.drawRect(QRectF(5.5, 4.5, 2.6, 11))
    painter.drawRect(QRectF(11.9, 4.5, 2.6, 11))


def _forward(painter: QPainter) -> None:
    painter.drawLine(QPointF(5, 4.5), QPointF(5, 15.5))
    _triangle(painter, 8.5, 7)


def _back(painter: QPainter) -> None:
    painter.drawLine(QPointF(15, 4.5), QPointF(15, 15.5))
    _triangle(painter, 4.5, 7, left=True)


def _next(painter: QPainter) -> None:
    _triangle(painter, 3.5, 5.5)
    _triangle(painter, 9.5, 5.5)
    painter.drawLine(QPointF(17, 4.5), QPointF(17, 15.5))


def _previous(painter: QPainter) -> None:
    _triangle(painter, 11, 5.5, left=True)
    _triangle(painter, 5, 5.5, left=True)
    painter.drawLine(QPointF(3, 4.5), QPointF(3, 15.5))


def _undo(painter: QPainter) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    path = QPainterPath(QPointF(4, 8))
    path.lineTo(12, 8)
    path.arcTo(QRectF(8, 8, 8, 8), 90, -180)
    path.lineTo(8, 16)
    painter.drawPath(path)
    painter.drawPolyline(QPolygonF([QPointF(7.5, 4.5), QPointF(4, 8), QPointF(7.5, 11.5)]))


def _redo(painter: QPainter) -> None:
    painter.translate(SIZE_PX, 0)
    painter.scale(-1, 1)
    _undo(painter)


def _lens(painter: QPainter) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QPointF(8.5, 8.5), 5, 5)
    painter.drawLine(QPointF(12.3, 12.3), QPointF(16.5, 16.5))
    painter.drawLine(QPointF(6.3, 8.5), QPointF(10.7, 8.5))


def _further(painter: QPainter) -> None:
    _lens(painter)


def _closer(painter: QPainter) -> None:
    _lens(painter)
    painter.drawLine(QPointF(8.5, 6.3), QPointF(8.5, 10.7))


def _all(painter: QPainter) -> None:
    painter.drawLine(QPointF(3, 5), QPointF(3, 15))
    painter.drawLine(QPointF(17, 5), QPointF(17, 15))
    painter.drawLine(QPointF(6, 10), QPointF(14, 10))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF([QPointF(8, 7.5), QPointF(5.6, 10), QPointF(8, 12.5)]))
    painter.drawPolyline(QPolygonF([QPointF(12, 7.5), QPointF(14.4, 10), QPointF(12, 12.5)]))


_DRAWINGS: dict[str, Callable[[QPainter], None]] = {
    "play": _play,
    "pause": _pause,
    "back": _back,
    "forward": _forward,
    "previous": _previous,
    "next": _next,
    "undo": _undo,
    "redo": _redo,
    "closer": _closer,
    "further": _further,
    "all": _all,
}
