"""A line of text that may have too little room."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel

from app.gui.text import tip


class ElidedLabel(QLabel):
    """A line that is shortened to the room there is; the whole of it is in the tool tip."""

    def __init__(self, mode: Qt.TextElideMode) -> None:
        super().__init__()
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)

    def show_text(self, text: str, more: str = "") -> None:
        """more: a further line of the tool tip."""
        self.setText(text)
        self.setToolTip("\n".join(filter(None, (tip(text), more))))

    @property
    def shown(self) -> str:
        """What there is room for."""
        return self.fontMetrics().elidedText(self.text(), self._mode, self.contentsRect().width())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        palette, enabled, role = self.palette(), self.isEnabled(), self.foregroundRole()
        self.style().drawItemText(
            painter, self.contentsRect(), self.alignment().value, palette, enabled, self.shown, role
        )
