"""What a recording is doing, across the window while there is one."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from app.gui.elided import ElidedLabel
from app.gui.recording import Recording, RecordingState
from app.gui.status import not_analysed
from app.gui.text import clock, counted, size, tip
from models.types import ExpressionType

Label = TypeVar("Label", bound=QLabel)


class RecordStrip(QFrame):
    """Time, size on disk, free disk, what was lost, points; hidden while nothing is recorded."""

    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.setAccessibleName("Recording")
        self.setMinimumHeight(36)
        self._title = self._named(QLabel(), "recording", "Recording")
        self._facts = self._named(ElidedLabel(Qt.TextElideMode.ElideRight), "facts", "Measures of the recording")
        self._notice = self._named(QLabel(), "notice", "Notice")
        self._stop = QPushButton("Stop recording")
        self._stop.setToolTip("End the recording and keep all of it (R)")
        self._stop.clicked.connect(self.stop_requested)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 6, 4)
        layout.setSpacing(16)
        layout.addWidget(self._title)
        layout.addWidget(self._facts)
        layout.addWidget(self._notice)
        layout.addStretch()
        layout.addWidget(self._stop)
        self.hide()

    def offer_stop(self, offer: bool) -> None:
        """Show a button that stops, where there is no other in sight."""
        self._stop.setVisible(offer)

    @staticmethod
    def _named(label: Label, name: str, spoken: str) -> Label:
        label.setObjectName(name)
        label.setAccessibleName(spoken)
        return label

    @property
    def texts(self) -> tuple[str, str, str]:
        """Title, measures and notice as they stand there."""
        notice = "" if self._notice.isHidden() else self._notice.text()
        return self._title.text(), self._facts.text(), notice

    def show_recording(self, recording: Recording | None) -> None:
        """Follow the recording; hides when it has ended."""
        state = recording.state if recording else RecordingState.ENDED
        if recording is None or state is RecordingState.ENDED:
            self.hide()
            return
        self._title.setText(_title(recording, state))
        self._facts.show_text("  ·  ".join(_facts(recording)))
        self._stop.setEnabled(state is not RecordingState.FINISHING)
        status = recording.status()
        sentence = (status.video_error or status.warning or "") if status else ""
        self._notice.setText("Video stopped" if status and status.video_error else "Little disk space")
        self._notice.setToolTip(tip(sentence))
        self._notice.setVisible(bool(sentence))
        self.show()


def _title(recording: Recording, state: RecordingState) -> str:
    if state is RecordingState.STARTING:
        return "●  Starting…"
    if state is RecordingState.FINISHING:
        return "●  Finishing: the last scores and pictures are being written…"
    return f"●  Recording {recording.plan.participant}".rstrip()


def _facts(recording: Recording) -> list[str]:
    status = recording.status()
    if status is None or recording.state is not RecordingState.RECORDING:
        return []
    facts = [clock(status.elapsed_s), size(status.size_bytes)]
    if status.free_bytes is not None:
        facts.append(f"{size(status.free_bytes)} free")
    if recording.session is not None:  # the recorder would count the frames that are being analysed as lost
        facts.append(not_analysed(recording.session.snapshot().counters))
    if recording.plan.scores_only:
        facts.append("scores only")
    else:
        facts.append(f"{counted(status.counts.video_dropped, 'picture')} missing from the video")
    macro = sum(point.type is ExpressionType.MACRO for point in recording.points)
    points = counted(len(recording.points), "point")
    facts.append(f"{points} ({macro} macro, {len(recording.points) - macro} micro)" if recording.points else points)
    return facts
