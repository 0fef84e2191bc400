"""What the colours and hatchings of the curves mean."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui.bands import paint_mark
from app.gui.theme import Theme, band_brush
from models.types import ExpressionType

ENTRIES = ("Macro", "Micro", "Provisional", "Gap")
POINTS = "Your points"
_SWATCH_PX = 18
_GAP_PX = 6
_SPACE_PX = 14


class Legend(QWidget):
    """A row of swatches, painted with the very brushes of the curves."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._entries: tuple[str, ...] = ENTRIES
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Legend")
        self.setToolTip("Gap: no face in the picture, or pictures lost because the computer was too slow")
        self.setAccessibleDescription("Macro plain, micro hatched, provisional lighter with a dashed edge, gaps grey")

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def show_points(self, show: bool) -> None:
        """Explain the marks of a person's points where there are any."""
        entries = (*ENTRIES, POINTS) if show else ENTRIES
        if entries != self._entries:
            self._entries = entries
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        count = len(self._entries)
        text = sum(metrics.horizontalAdvance(entry) for entry in self._entries)
        return QSize(text + count * (_SWATCH_PX + _GAP_PX) + (count - 1) * _SPACE_PX + 2, metrics.height() + 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        metrics = self.fontMetrics()
        x = 1
        for entry in self._entries:
            box = QRectF(x + 0.5, (self.height() - 12) / 2 + 0.5, _SWATCH_PX - 1, 11)
            self._paint_swatch(painter, entry, box)
            x += _SWATCH_PX + _GAP_PX
            painter.setPen(QColor(self._theme.muted))
            width = metrics.horizontalAdvance(entry)
            painter.drawText(QRectF(x, 0, width + 4, self.height()), Qt.AlignmentFlag.AlignVCenter, entry)
            x += width + _SPACE_PX

    def _paint_swatch(self, painter: QPainter, entry: str, box: QRectF) -> None:
        if entry == "Gap":
            colour = QColor(self._theme.gap)
            colour.setAlpha(90)
            painter.fillRect(box, colour)
            return
        if entry == POINTS:
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for kind, x in ((ExpressionType.MACRO, box.left() + 1), (ExpressionType.MICRO, box.left() + 12)):
                paint_mark(painter, self._theme, kind, QPointF(x, box.bottom() + 2.0), 15.0)
            painter.restore()
            return
        kind = ExpressionType.MICRO if entry == "Micro" else ExpressionType.MACRO
        final = entry != "Provisional"
        painter.fillRect(box, band_brush(self._theme, kind, final))
        painter.setPen(QPen(self._theme.of(kind), 1.0, Qt.PenStyle.SolidLine if final else Qt.PenStyle.DashLine))
        painter.drawRect(box)
