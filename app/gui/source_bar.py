"""The bar on top: what to watch, start and stop, record, how it is shown, export."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QWidget

from app.gui.recording import Recording, RecordingState
from app.gui.text import clock
from app.gui.theme import Theme, set_primary
from app.sources import CameraChoice, DemoChoice, SourceChoice

PLAY_FILE, OPEN_STREAM = "Play a video as if live…", "Open a stream…"


class Chooser(QComboBox):
    """A combo box whose arrow has the colour of its text, and which says when its list opens."""

    opening = Signal()

    def showPopup(self) -> None:
        self.opening.emit()
        super().showPopup()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().buttonText().color(), 1.6))
        x, y = self.width() - 18.0, self.height() / 2 - 2.0
        painter.drawPolyline(QPolygonF([QPointF(x - 4, y), QPointF(x, y + 4), QPointF(x + 4, y)]))


class SourceBar(QWidget):
    """Buttons and a chooser that only say what was asked for; the window acts."""

    chosen = Signal(object)
    """A ``SourceChoice`` was picked."""
    file_requested = Signal()
    stream_requested = Signal()
    toggled = Signal()
    """Start or stop."""
    record_requested = Signal()
    """Start or stop a recording."""
    export_requested = Signal()
    mirror_toggled = Signal(bool)
    regions_toggled = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cameras: tuple[CameraChoice, ...] = ()
        self._opened: SourceChoice | None = None
        self.chooser = Chooser()
        self.chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.chooser.setMinimumWidth(180)
        self.chooser.setMaximumWidth(400)
        self.chooser.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.chooser.setAccessibleName("Source")
        self.chooser.setToolTip("What to watch")
        self.chooser.activated.connect(self._activated)

        self.start_button = QPushButton("Start")
        set_primary(self.start_button, True)
        self.start_button.setMinimumWidth(96)
        self.start_button.setToolTip("Start or stop (Space)")
        self.start_button.clicked.connect(self.toggled)

        self.record_button = QPushButton("Record")
        self.record_button.setMinimumWidth(108)
        self.record_button.clicked.connect(self.record_requested)
        self._record_icons = {False: QIcon(), True: QIcon()}

        self.mirror_button = self._toggle("Mirror", "Show the picture as a mirror does; the analysis is the same")
        self.mirror_button.toggled.connect(self.mirror_toggled)
        self.regions_button = self._toggle("Face regions", "Show the face's outline and its 12 regions")
        self.regions_button.setChecked(True)
        self.regions_button.toggled.connect(self.regions_toggled)
        self.export_button = QPushButton("Export CSV…")
        self.export_button.setToolTip("Write the table of intervals to a file (Ctrl+E)")
        self.export_button.setEnabled(False)
        self.export_button.clicked.connect(self.export_requested)

        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.chooser)
        layout.addWidget(self.start_button)
        layout.addWidget(self.record_button)
        layout.addStretch(1)
        for widget in (self.mirror_button, self.regions_button, self.export_button):
            layout.addWidget(widget)
        self.set_theme(theme)
        self.show_recording(None)
        self._fill(DemoChoice())

    @staticmethod
    def _toggle(text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    @property
    def choice(self) -> SourceChoice:
        """What "Start" will play."""
        current: SourceChoice = self.chooser.currentData()
        return current

    def set_cameras(self, cameras: tuple[CameraChoice, ...]) -> None:
        """Offer these; the first becomes the choice if nothing but the demo was chosen before."""
        if cameras == self._cameras or self.chooser.view().isVisible():  # never under the user's pointer
            return
        first_look = not self._cameras and isinstance(self.choice, DemoChoice)
        self._cameras = cameras
        gone = isinstance(self.choice, CameraChoice) and self.choice not in cameras
        self._fill(cameras[0] if cameras and first_look else DemoChoice() if gone else self.choice)

    def choose(self, choice: SourceChoice) -> None:
        """Make ``choice`` the current one, adding it if it is a file or stream."""
        if not isinstance(choice, CameraChoice | DemoChoice):
            self._opened = choice
        elif isinstance(choice, CameraChoice) and choice not in self._cameras:
            self._cameras = (*self._cameras, choice)
        self._fill(choice)

    def show_running(self, running: bool, stopping: bool, can_export: bool) -> None:
        """Follow what the player does."""
        text = "Stopping…" if stopping else "Stop" if running else "Start"
        if self.start_button.text() != text:
            self.start_button.setText(text)
            set_primary(self.start_button, not running)
        self.start_button.setEnabled(not stopping)
        self.export_button.setEnabled(can_export)

    def show_recording(self, recording: Recording | None) -> None:
        """Follow a recording; while there is one, it alone decides when the source stops."""
        state = recording.state if recording else RecordingState.ENDED
        status = recording.status() if recording else None
        text = {
            RecordingState.STARTING: "Starting…",
            RecordingState.RECORDING: f"Stop  {clock(status.elapsed_s if status else 0.0)}",
            RecordingState.FINISHING: "Finishing…",
            RecordingState.ENDED: "Record",
        }[state]
        if self.record_button.text() != text:
            self.record_button.setText(text)
            running = state is RecordingState.RECORDING
            self.record_button.setIcon(self._record_icons[running])
            self.record_button.setToolTip(
                "End the recording and keep all of it (R)"
                if running
                else "Record the source, from its beginning if it is the demo or a file (R)"
            )
        self.record_button.setEnabled(state in (RecordingState.RECORDING, RecordingState.ENDED))
        free = state is RecordingState.ENDED
        self.chooser.setEnabled(free)
        if not free:
            self.start_button.setEnabled(False)

    def set_theme(self, theme: Theme) -> None:
        self._record_icons = {stop: _record_icon(theme, stop) for stop in (False, True)}
        self.record_button.setIcon(self._record_icons[self.record_button.text().startswith("Stop")])

    def _fill(self, current: SourceChoice) -> None:
        self.chooser.clear()
        for camera in self._cameras:
            self.chooser.addItem(camera.label, camera)
        self.chooser.addItem("Demo", DemoChoice())
        if self._opened is not None:
            self.chooser.addItem(self._opened.label, self._opened)
        self.chooser.insertSeparator(self.chooser.count())
        self.chooser.addItem(PLAY_FILE)
        self.chooser.addItem(OPEN_STREAM)
        self._select(current)

    def _select(self, choice: SourceChoice) -> None:
        for index in range(self.chooser.count()):
            if self.chooser.itemData(index) == choice:
                self.chooser.setCurrentIndex(index)
                self._selected = choice
                return

    def _activated(self, index: int) -> None:
        choice = self.chooser.itemData(index)
        if choice is not None:
            self._selected = choice
            self.chosen.emit(choice)
            return
        text = self.chooser.itemText(index)
        self._select(self._selected)  # the entry only opens a dialog; it is no source itself
        if text == PLAY_FILE:
            self.file_requested.emit()
        else:
            self.stream_requested.emit()


def _record_icon(theme: Theme, stop: bool) -> QIcon:
    """A dot, or the square of a button that stops."""
    pixmap = QPixmap(32, 32)
    pixmap.setDevicePixelRatio(2.0)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.record))
    box = QRectF(3.0, 3.0, 10.0, 10.0)
    painter.drawRoundedRect(box, 1.5, 1.5) if stop else painter.drawEllipse(box)
    painter.end()
    return QIcon(pixmap)
