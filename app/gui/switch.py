"""The switch between the window's workspaces."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget


class Switch(QWidget):
    """Two buttons side by side of which one is down."""

    chosen = Signal(int)

    def __init__(self, left: tuple[str, str], right: tuple[str, str], parent: QWidget | None = None) -> None:
        """left, right: text and tip."""
        super().__init__(parent)
        self.setAccessibleName("Workspace")
        self._group = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for number, (side, (text, tip)) in enumerate((("left", left), ("right", right))):
            button = QPushButton(text)
            button.setObjectName(side)
            button.setToolTip(tip)
            button.setCheckable(True)
            bold = QFont(button.font())
            bold.setBold(True)  # as the one that is down is written
            button.setMinimumWidth(QFontMetrics(bold).horizontalAdvance(text) + 40)
            self._group.addButton(button, number)
            layout.addWidget(button)
        self._group.idClicked.connect(self.chosen)

    def show_chosen(self, number: int) -> None:
        """Follow what is on show."""
        self._group.button(number).setChecked(True)
