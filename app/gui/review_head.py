"""The window's head over the Review workspace: what is open, and a way to open something else."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from app.gui.elided import ElidedLabel


class ReviewHead(QWidget):
    """Buttons that only say what was asked for; the window acts."""

    recording_requested = Signal()
    folder_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ElidedLabel(Qt.TextElideMode.ElideMiddle)
        self._name.setObjectName("heading")
        self._name.setAccessibleName("Open recording")
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        recording = QPushButton("Open a video…")
        recording.setToolTip("A session's or any other (Ctrl+O)")
        recording.clicked.connect(self.recording_requested)
        folder = QPushButton("Open a session folder…")
        folder.setToolTip("What a recording was written to (Ctrl+Shift+O)")
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
        self._name.show_text(name)
