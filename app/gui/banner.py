"""A sentence across the window: what went wrong, or what was done, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

Answer = tuple[str, Callable[[], object]]
"""A button's text, and what it does."""


class Banner(QFrame):
    """Hidden until there is something to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.setAccessibleName("Message")
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.buttons: list[QPushButton] = []
        close = QToolButton()
        close.setText("✕")
        close.setAccessibleName("Dismiss the message")
        close.clicked.connect(self.hide)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(12, 4, 4, 4)
        self._layout.setSpacing(8)
        self._layout.addWidget(self._label, 1)
        self._layout.addWidget(close)
        self.hide()

    @property
    def text(self) -> str:
        """The sentence on show, empty while hidden."""
        return "" if self.isHidden() else self._label.text()

    def say(self, sentence: str, *answers: Answer, good: bool = False) -> None:
        """Show a sentence; it stays until dismissed, answered or replaced. good: it is no trouble."""
        self._label.setText(sentence)
        self.setAccessibleDescription(sentence)
        for button in self.buttons:
            self._layout.removeWidget(button)
            button.deleteLater()
        self.buttons = [self._button(text, act) for text, act in answers]
        for number, button in enumerate(self.buttons, start=1):
            self._layout.insertWidget(number, button)
        self.setProperty("good", good)
        for widget in (self, *self.findChildren(QWidget)):
            widget.style().unpolish(widget)
            widget.style().polish(widget)
        self.show()

    def _button(self, text: str, act: Callable[[], object]) -> QPushButton:
        def answer() -> None:
            self.hide()
            act()

        button = QPushButton(text)
        button.clicked.connect(answer)
        return button
