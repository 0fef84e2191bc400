"""Widgets that keep the arrow keys for themselves while they have the focus; elsewhere those step through frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QSlider, QTabBar, QWidget

_OWN = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)

# two of Qt's classes cannot be mixed: a widget is what it is to the type checker alone
if TYPE_CHECKING:
    _Mixed = QWidget
else:
    _Mixed = object


class OwnKeys(_Mixed):
    """Comes before the widget's class: arrows, Home and End are no shortcuts while the widget has the focus."""

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.ShortcutOverride and event.key() in _OWN:
            event.accept()
            return True
        return super().event(event)


class Slider(OwnKeys, QSlider):
    """Turned by the wheel only while it has the focus: whoever scrolls past it means no change."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class TabBar(OwnKeys, QTabBar):
    """Home and End go to the first and the last tab."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.setCurrentIndex(0 if event.key() == Qt.Key.Key_Home else self.count() - 1)
        else:
            super().keyPressEvent(event)
