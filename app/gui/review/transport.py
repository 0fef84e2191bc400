"""The bar over the curves: play, step, speed, where the cursor stands, undo and redo, and that all is saved."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from app.gui.elided import ElidedLabel
from app.gui.review.desk import Desk
from app.gui.review.icons import SIZE_PX, icon
from app.gui.review.playback import SPEEDS, Playback
from app.gui.source_bar import Chooser
from app.gui.text import clock, tip
from app.gui.theme import Theme

QUIET_MS = 4000
"""What was done is said this long; then only that all is saved."""

_BUTTONS = (
    ("previous", "Previous interval", "P"),
    ("back", "Previous frame", "←"),
    ("play", "Play", "Space"),
    ("forward", "Next frame", "→"),
    ("next", "Next interval", "N"),
)


class Transport(QWidget):
    """Buttons say what was asked for; the workspace acts."""

    asked = Signal(str)
    """``previous``, ``back``, ``play``, ``forward``, ``next``, ``undo``, ``redo``, ``where`` or ``help``."""
    speed_chosen = Signal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk: Desk | None = None
        self._playback: Playback | None = None
        self.buttons: dict[str, QToolButton] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for name, does, key in _BUTTONS:
            layout.addWidget(self._button(name, does, key))
        self.speed = Chooser()
        for value in SPEEDS:
            self.speed.addItem(f"{value:g}×", value)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.setAccessibleName("Speed")
        self.speed.setToolTip("Speed of the replay (L and J pressed again double it)")
        self.speed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.speed.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.speed.activated.connect(lambda index: self.speed_chosen.emit(SPEEDS[index]))
        layout.addSpacing(4)
        layout.addWidget(self.speed)
        self.where = self._button("where", "Go to a time or a frame", "Ctrl+G")
        self.where.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.where.setObjectName("where")
        layout.addSpacing(4)
        layout.addWidget(self.where)
        layout.addStretch(1)
        self._said = ElidedLabel(Qt.TextElideMode.ElideRight)
        self._said.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._said.setObjectName("muted")
        self._said.setAccessibleName("Saved")
        self._said.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self._said, 100)
        layout.addSpacing(4)
        for name, does, key in (("undo", "Undo", "Ctrl+Z"), ("redo", "Redo", "Ctrl+Shift+Z")):
            layout.addWidget(self._button(name, does, key))
        helper = self._button("help", "All keys", "?")
        helper.setText("?")
        helper.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        helper.setCheckable(True)
        layout.addWidget(helper)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(QUIET_MS)
        self._quiet.timeout.connect(self._show_saved)
        self.set_theme(theme)

    def _button(self, name: str, does: str, key: str) -> QToolButton:
        button = QToolButton()
        button.setToolTip(f"{does} ({key})")
        button.setAccessibleName(does)
        button.setIconSize(QSize(SIZE_PX, SIZE_PX))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(partial(self.asked.emit, name))
        self.buttons[name] = button
        return button

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for name in ("previous", "back", "forward", "next", "undo", "redo"):
            self.buttons[name].setIcon(icon(name, theme.text))
        self._show_history()
        self._show_playing()

    def set_desk(self, desk: Desk | None, playback: Playback | None) -> None:
        """Follow another recording, or none."""
        self._desk, self._playback = desk, playback
        self._quiet.stop()
        self._said.show_text("")
        self.where.setMinimumWidth(0)  # that of a longer recording
        if desk is not None and playback is not None:
            desk.moved.connect(self._show_place)
            desk.edited.connect(self._show_history)
            desk.said.connect(self.say)
            playback.changed.connect(self._show_playing)
            self._show_place()
            self._show_history()
            self._show_saved()
        self._show_playing()

    def say(self, text: str) -> None:
        """Say for a moment what was done."""
        self._said.show_text(text)
        self._quiet.start()

    @property
    def said(self) -> str:
        return self._said.text()

    def _show_saved(self) -> None:
        if self._desk is not None:
            self._said.show_text(self._desk.review.read_only or "All changes saved", str(self._desk.review.folder))

    def _show_place(self) -> None:
        if (desk := self._desk) is None or not len(desk.frames):
            return
        # milliseconds: at 200 frames a second, hundredths would not tell two frames apart
        text = f"{clock(desk.now_s, 3)}  /  {clock(desk.end_s)}    frame {desk.frames.index[desk.row]}"
        self.where.setText(text)
        width = self.fontMetrics().horizontalAdvance("0" * len(text)) + 30
        if width > self.where.minimumWidth():
            self.where.setMinimumWidth(width)

    def _show_playing(self) -> None:
        playing = self._playback is not None and self._playback.playing
        button = self.buttons["play"]
        button.setIcon(icon("pause" if playing else "play", self._theme.text))
        button.setAccessibleName("Pause" if playing else "Play")
        button.setToolTip(f"{button.accessibleName()} (Space)")
        if self._playback is not None:
            self.speed.setCurrentIndex(SPEEDS.index(self._playback.speed))

    def _show_history(self) -> None:
        if self._desk is None:
            return
        review = self._desk.review
        for name, text in (("undo", review.undo_text), ("redo", review.redo_text)):
            button = self.buttons[name]
            can = text is not None and review.read_only is None
            button.setEnabled(can)
            button.setIcon(icon(name, self._theme.text if can else self._theme.gap))
            key = "Ctrl+Z" if name == "undo" else "Ctrl+Shift+Z"
            why_not = tip(review.read_only or f"Nothing to {name}")
            button.setToolTip(f"{name.capitalize()}: {text} ({key})" if can else why_not)
