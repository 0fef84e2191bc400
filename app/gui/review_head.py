"""The window's head over the Review workspace: what is open, and a way to open something else."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget


class ReviewHead(QWidget):
    """Buttons that only say what was asked for; the window acts."""

    recording_requested = Signal()
    folder_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = QLabel()
        self._name.setObjectName("heading")
        self._name.setTextFormat(Qt.TextFormat.PlainText)
        self._name.setAccessibleName("Open recording")
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        recording = QPushButton("Open recording…")
        recording.setToolTip("Open a video (Ctrl+O)")
        recording.clicked.connect(self.recording_requested)
        folder = QPushButton("Open session folder…")
        folder.setToolTip("Open the folder of a session (Ctrl+Shift+O)")
        folder.clicked.connect(self.folder_requested)
        self._parts = (self._name, recording, folder)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._name, 1)
        layout.addWidget(recording)
        layout.addWidget(folder)

    @property
    def name(self) -> str:
        """What is open, empty where nothing is."""
        return self._name.text()

    def show_open(self, open_: bool) -> None:
        """Empty while nothing is open: the page below then offers the same."""
        for part in self._parts:
            part.setVisible(open_)

    def show_name(self, name: str) -> None:
        self._name.setText(name)
        self._name.setToolTip(name)
