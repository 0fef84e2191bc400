"""The menus. Each entry names what it asks of the window; keys that only mean something in Live rest in Review."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu


@dataclass(frozen=True, slots=True)
class Entry:
    """text: "" draws a line. live: its key rests while Review is on show, which has its own. rests: all of it rests."""

    text: str = ""
    act: Callable[[], object] | None = None
    keys: tuple[str, ...] = ()
    live: bool = False
    rests: bool = False
    checkable: bool = False
    role: QAction.MenuRole = QAction.MenuRole.NoRole


LINE = Entry()


@dataclass(slots=True)
class Menus:
    """The window's actions by their text."""

    actions: dict[str, QAction] = field(default_factory=dict)
    _live: list[tuple[QAction, Entry]] = field(default_factory=list)

    def add(self, window: QMainWindow, title: str, entries: tuple[Entry, ...]) -> QMenu:
        """Add a menu to the window's bar."""
        menu = window.menuBar().addMenu(title)
        menu.setToolTipsVisible(True)
        for entry in entries:
            if entry.act is None:
                menu.addSeparator()
                continue
            action = menu.addAction(entry.text)
            action.setMenuRole(entry.role)
            action.setCheckable(entry.checkable)
            action.setShortcuts([QKeySequence(key) for key in entry.keys])
            act = entry.act
            action.triggered.connect(lambda _=False, act=act: act())
            self.actions[entry.text] = action
            if entry.live:
                self._live.append((action, entry))
        return menu

    def set_live(self, live: bool) -> None:
        """Give the keys to Live, or leave them to Review."""
        for action, entry in self._live:
            action.setShortcuts([QKeySequence(key) for key in entry.keys] if live else [])
            action.setEnabled(live or not entry.rests)
