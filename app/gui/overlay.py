"""Items that paint over a whole plot in pixels, so that lines and markers keep their size at any zoom."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QRectF

from app.gui.theme import Theme


class Overlay(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph has no types
    """Covers what is in sight of a plot, and is painted anew when that changes. z: order among the plot's items."""

    def __init__(self, theme: Theme, z: float) -> None:
        super().__init__()
        self._theme = theme
        self.setZValue(z)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(self.viewRect())

    def viewRangeChanged(self) -> None:
        self.prepareGeometryChange()
        self.update()
