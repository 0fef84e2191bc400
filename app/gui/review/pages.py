"""What the workspace shows while nothing is open: an invitation, and the progress of an analysis."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.gui.theme import set_primary
from app.review.opening import AnalysisJob, AnalysisState

POLL_MS = 100

CARD_PX = 620
MARGIN_PX = 36


class _Card(QWidget):
    """A title, a text and room for more, in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.title, self.text = QLabel(), QLabel()
        self.title.setObjectName("title")
        for label in (self.title, self.text):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        card = QFrame()
        card.setObjectName("card")
        card.setMaximumWidth(CARD_PX)
        self.inside = QVBoxLayout(card)
        self.inside.setContentsMargins(MARGIN_PX, 32, MARGIN_PX, 32)
        self.inside.setSpacing(16)
        self.inside.addWidget(self.title)
        self.inside.addWidget(self.text)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(card, 8)
        across.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        layout.addLayout(across)
        layout.addStretch(3)

    def _say_of(self, name: str, sentence: str = "{}") -> None:
        """Put a file's name into a sentence, shortened where it is too long for a line; the tool tip has all of it."""
        room_px = CARD_PX - 2 * MARGIN_PX - 10
        shown = self.text.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, room_px)
        self.text.setText(sentence.format(shown))
        self.text.setToolTip(name)

    def _add_button(self, text: str) -> QPushButton:
        button = QPushButton(text)
        row = QHBoxLayout()
        row.addWidget(button)
        row.addStretch(1)
        self.inside.addLayout(row)
        return button


class EmptyPage(_Card):
    """Nothing is open yet, or something is being opened."""

    file_requested = Signal()
    folder_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout()
        row.setSpacing(10)
        self.folder_button = QPushButton("Open a session folder…")
        self.folder_button.clicked.connect(self.folder_requested)
        set_primary(self.folder_button, True)
        self.file_button = QPushButton("Open a video…")
        self.file_button.clicked.connect(self.file_requested)
        row.addWidget(self.folder_button)
        row.addWidget(self.file_button)
        row.addStretch(1)
        self.inside.addLayout(row)
        self._hint = QLabel(
            "Or drop one on this window. A video is analysed when it is first opened; after that it opens quickly, "
            "with all that you changed."
        )
        self._hint.setObjectName("muted")
        self._hint.setWordWrap(True)
        self.inside.addWidget(self._hint)
        self.show_opening(None)

    def show_opening(self, path: Path | None) -> None:
        """A name while that is being opened, None otherwise."""
        waiting = path is not None
        self.title.setText("Opening…" if waiting else "Review a recording")
        if path is not None:
            self._say_of(path.name)
        else:
            self.text.setText("Go through it frame by frame, correct what was found, and label what was not.")
            self.text.setToolTip("")
        for widget in (self.folder_button, self.file_button, self._hint):
            widget.setVisible(not waiting)


class AnalysisPage(_Card):
    """A video is analysed: how far it is, how long it will take, and a way out."""

    ended = Signal(object)
    """The ``AnalysisJob`` that is over, however it ended."""

    def __init__(self) -> None:
        super().__init__()
        self._job: AnalysisJob | None = None
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.bar.setStyleSheet(
            "QProgressBar { background: palette(mid); border: none; border-radius: 4px; }"
            "QProgressBar::chunk { background: palette(highlight); border-radius: 4px; }"
        )
        self.bar.setAccessibleName("Progress of the analysis")
        self.inside.addWidget(self.bar)
        self.left = QLabel()
        self.left.setObjectName("muted")
        self.inside.addWidget(self.left)
        self.cancel_button = self._add_button("Cancel")
        self.cancel_button.clicked.connect(self._cancel)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    def watch(self, job: AnalysisJob, name: str) -> None:
        """Show a job that was started."""
        self._job = job
        self.title.setText("Analysing the video…")
        self._say_of(name, "Every frame of {} is looked at, this one time. Next time it opens quickly.")
        self.cancel_button.setEnabled(True)
        self._timer.start()
        self._poll()

    def forget(self) -> None:
        """Watch nothing any more."""
        self._timer.stop()
        self._job = None

    def _cancel(self) -> None:
        if self._job is not None:
            self.cancel_button.setEnabled(False)
            self.left.setText("Cancelling…")
            self._job.cancel()

    def _poll(self) -> None:
        if (job := self._job) is None:
            return
        progress = job.progress()
        self.bar.setValue(round(1000 * progress.share))
        if self.cancel_button.isEnabled():
            share = f"{100 * progress.share:.0f} %"
            self.left.setText(share if progress.left_s is None else f"{share}, {left_words(progress.left_s)}")
        if progress.state is not AnalysisState.RUNNING:
            self.forget()
            self.ended.emit(job)


def left_words(left_s: float) -> str:
    """``90`` -> ``about 2 minutes left``."""
    if left_s < 60:
        return "less than a minute left"
    minutes = round(left_s / 60)
    if minutes < 90:
        return f"about {minutes} minute{'s' if minutes > 1 else ''} left"
    return f"about {left_s / 3600:.1f} hours left"
