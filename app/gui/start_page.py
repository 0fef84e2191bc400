"""What the window shows before anything plays."""

from __future__ import annotations

import sys

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.gui.theme import set_primary
from app.sources import CameraChoice

PERMISSION_HINTS = {
    "linux": "If one is plugged in, your user may lack the right to use it: on most systems that is the group “video”.",
    "darwin": "If one is plugged in, allow apexspot (or your terminal) under "
    "System Settings › Privacy & Security › Camera, then start it again.",
    "win32": "If one is plugged in, allow desktop apps to use it under Settings › Privacy & security › Camera.",
}

MOST_CAMERAS = 3


class StartPage(QWidget):
    """A way on for everyone: with a camera or without."""

    demo_requested = Signal()
    file_requested = Signal()
    camera_requested = Signal(object)
    look_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cameras: tuple[CameraChoice, ...] | None = None
        self._camera_buttons: list[QPushButton] = []
        card = QFrame()
        card.setObjectName("card")
        card.setMaximumWidth(620)
        self.title = QLabel()
        self.title.setObjectName("title")
        self.text = self._paragraph()
        self.hint = self._paragraph("muted")
        self.demo_button = QPushButton("Play the demo")
        self.demo_button.clicked.connect(self.demo_requested)
        self.file_button = QPushButton("Open a video…")
        self.file_button.clicked.connect(self.file_requested)
        self.look_button = QPushButton("Look for cameras again")
        self.look_button.clicked.connect(self.look_requested)
        self._camera_row = QVBoxLayout()
        self._camera_row.setSpacing(8)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        for button in (self.demo_button, self.file_button, self.look_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        keys = self._paragraph("muted")
        keys.setText("Space starts and stops, R records, Ctrl+O opens a video, F1 lists all keys.")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(36, 32, 36, 32)
        inside.setSpacing(16)
        inside.addWidget(self.title)
        inside.addWidget(self.text)
        inside.addLayout(self._camera_row)
        inside.addLayout(buttons)
        inside.addWidget(self.hint)
        inside.addWidget(keys)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(card, 8)
        across.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        layout.addLayout(across)
        layout.addStretch(3)
        self._show(None)

    @staticmethod
    def _paragraph(name: str = "") -> QLabel:
        label = QLabel()
        label.setWordWrap(True)
        label.setObjectName(name)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label

    def show_cameras(self, cameras: tuple[CameraChoice, ...] | None) -> None:
        """None while the first look is under way."""
        if cameras != self._cameras:
            self._show(cameras)

    def _show(self, cameras: tuple[CameraChoice, ...] | None) -> None:
        self._cameras = cameras
        for button in self._camera_buttons:
            self._camera_row.removeWidget(button)
            button.deleteLater()
        self._camera_buttons = []
        if cameras is None:
            self.title.setText("Looking for cameras…")
            self.text.setText("You can play the demo or open a video meanwhile.")
        elif cameras:
            self.title.setText("Ready when you are")
            self.text.setText("Sit facing the camera in even light, and hold a calm face for a few seconds at first.")
            for camera in cameras[:MOST_CAMERAS]:
                button = QPushButton(f"Watch {camera.name}")
                set_primary(button, not self._camera_buttons)
                button.clicked.connect(lambda _=False, choice=camera: self.camera_requested.emit(choice))
                self._camera_row.addWidget(button)
                self._camera_buttons.append(button)
        else:
            self.title.setText("No camera found")
            self.text.setText(
                "See apexspot at work on its built-in demo, open a video, or plug in a camera and look again."
            )
        set_primary(self.demo_button, not cameras)
        none = cameras is not None and not cameras
        self.look_button.setVisible(none)
        self.hint.setVisible(none)
        self.hint.setText(PERMISSION_HINTS.get(sys.platform, ""))
