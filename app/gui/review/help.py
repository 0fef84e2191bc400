"""All keys on one card over the workspace."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.gui.review.keys import BY_MOUSE, GROUPS
from app.gui.theme import Theme

_COLUMNS = (("Play", "Go"), ("Intervals", "Label"), ("Look", "Changes", "With the mouse"))


class Help(QWidget):
    """A click anywhere, Esc or ? takes it away."""

    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._card = QFrame()
        self._card.setObjectName("card")
        self._card.setAccessibleName("Keys")
        groups = {name: [(key.shown, key.does) for key in keys] for name, keys in GROUPS}
        groups["With the mouse"] = list(BY_MOUSE)
        across = QHBoxLayout(self._card)
        across.setContentsMargins(28, 20, 28, 20)
        across.setSpacing(32)
        self._keys: list[QLabel] = []
        for names in _COLUMNS:
            column = QVBoxLayout()
            column.setSpacing(14)
            for name in names:
                column.addLayout(self._group(name, groups[name]))
            column.addStretch(1)
            across.addLayout(column)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._card)
        row.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(1)
        self.set_theme(theme)
        self.hide()

    def _group(self, name: str, keys: list[tuple[str, str]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        heading = QLabel(name)
        heading.setObjectName("heading")
        grid.addWidget(heading, 0, 0, 1, 2)
        for number, (shown, does) in enumerate(keys, start=1):
            key, text = QLabel(shown), QLabel(does)
            text.setObjectName("muted")
            self._keys.append(key)
            grid.addWidget(key, number, 0, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(text, number, 1)
        grid.setColumnStretch(1, 1)
        return grid

    def set_theme(self, theme: Theme) -> None:
        self._veil = QColor(0, 0, 0, 150 if theme.dark else 90)
        for key in self._keys:
            key.setStyleSheet(
                f"background: {theme.window}; border: 1px solid {theme.line}; border-radius: 4px; padding: 0 5px;"
            )

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._veil)

    def focusNextPrevChild(self, next: bool) -> bool:
        """The focus stays: what lies under the card gets no keys."""
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.closed.emit()
