"""The main window: composes the panels and passes on what the user asks for."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFileDialog,
    QInputDialog,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.banner import Banner
from app.gui.cameras import CameraScan
from app.gui.export import ask_and_export
from app.gui.live_view import LiveView
from app.gui.player import Player
from app.gui.source_bar import SourceBar
from app.gui.start_page import StartPage
from app.gui.status import StatusBar
from app.gui.theme import Theme
from app.sources import CameraChoice, DemoChoice, FileChoice, SourceChoice, StreamChoice

POLL_MS = 33
GEOMETRY = "window/geometry"
VIDEO_FILTER = "Videos (*.mp4 *.mov *.avi *.mkv *.webm *.m4v *.mpg *.mpeg *.wmv);;All files (*)"


class MainWindow(QMainWindow):
    """Polls the player's snapshot some 30 times a second and hands it to the panels."""

    def __init__(self, player: Player, cameras: CameraScan, settings: QSettings, theme: Theme) -> None:
        super().__init__()
        self.player = player
        self._scan = cameras
        self._settings = settings
        self._said: str | None = None
        self.setWindowTitle("apexspot")
        self.setMinimumSize(960, 600)
        self.resize(1280, 720)

        self.bar = SourceBar()
        self.banner = Banner()
        self.start_page = StartPage()
        self.live = LiveView(theme)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.start_page)
        self.stack.addWidget(self.live)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(12, 10, 12, 4)
        layout.setSpacing(8)
        layout.addWidget(self.bar)
        layout.addWidget(self.banner)
        layout.addWidget(self.stack, 1)
        self.setCentralWidget(body)
        self.status = StatusBar()
        self.setStatusBar(self.status)

        self.bar.chosen.connect(self._choice_picked)
        self.bar.chooser.opening.connect(self._scan.look)
        self.bar.file_requested.connect(self.open_file)
        self.bar.stream_requested.connect(self.open_stream)
        self.bar.toggled.connect(self.toggle)
        self.bar.export_requested.connect(self.export)
        self.bar.mirror_toggled.connect(self.live.picture.set_mirrored)
        self.bar.regions_toggled.connect(self.live.picture.set_show_regions)
        self.start_page.demo_requested.connect(lambda: self.play(DemoChoice()))
        self.start_page.file_requested.connect(self.open_file)
        self.start_page.camera_requested.connect(self.play)
        self.start_page.look_requested.connect(self._scan.look)
        self._add_shortcuts()

        geometry = settings.value(GEOMETRY)
        if geometry is not None:
            self.restoreGeometry(geometry)
        self.bar.start_button.setFocus()
        self._scan.look()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(POLL_MS)

    def _add_shortcuts(self) -> None:
        for keys, act in (
            ("Space", self._space),
            ("Ctrl+O", self.open_file),
            ("Ctrl+E", self.export),
            ("Ctrl+Q", self.close),
            ("F11", self.toggle_full_screen),
            ("F", self.toggle_full_screen),
            ("Esc", lambda: self.setWindowState(self.windowState() & ~Qt.WindowState.WindowFullScreen)),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    # -- what the user can ask for ----------------------------------------------------------------------------------

    def play(self, choice: SourceChoice) -> None:
        """Play ``choice`` from its beginning."""
        self.banner.hide()
        self._said = None
        self.bar.choose(choice)
        self.bar.mirror_button.setChecked(isinstance(choice, CameraChoice))
        self.player.start(choice)
        self.live.show_snapshot(None)
        self.refresh()

    def toggle(self) -> None:
        """Start what is chosen, or stop what plays."""
        if self.player.running:
            self.player.stop()
            self.refresh()
        else:
            self.play(self.bar.choice)

    def open_file(self) -> None:
        """Ask for a video and play it."""
        chosen, _ = QFileDialog.getOpenFileName(self, "Open a video", "", VIDEO_FILTER)
        if chosen:
            self.play(FileChoice(Path(chosen)))

    def open_stream(self) -> None:
        """Ask for the address of a stream and play it."""
        address, accepted = QInputDialog.getText(
            self,
            "Open a stream",
            "Address of the stream (rtsp:// or http://).\nIt is read from there, nothing is sent.",
        )
        if accepted and address.strip():
            self.play(StreamChoice(address.strip()))

    def export(self) -> None:
        """Ask for a file and write the intervals into it."""
        snapshot = self.player.snapshot()
        if snapshot is None:
            self.banner.say("There is nothing to export yet: start a source first.")
            return
        sentence = ask_and_export(self, snapshot)
        if sentence:
            self.banner.say(sentence)

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def set_theme(self, theme: Theme) -> None:
        """Follow the desktop's change between light and dark."""
        self.live.set_theme(theme)

    # -- what the program does ----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Hand the newest snapshot to the panels."""
        snapshot = self.player.snapshot()
        cameras = self._scan.result
        self.start_page.show_cameras(cameras)
        if cameras is not None:
            self.bar.set_cameras(cameras)
        seen = snapshot is not None and (snapshot.frame is not None or not snapshot.state.over)
        self.stack.setCurrentWidget(self.live if seen else self.start_page)
        self.live.show_snapshot(snapshot)
        self.status.show_snapshot(snapshot)
        self.bar.show_running(self.player.running, self.player.stopping, seen)
        if snapshot is not None and snapshot.error and snapshot.error != self._said:
            self._said = snapshot.error
            self.banner.say(snapshot.error)

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the session, then go."""
        self._timer.stop()
        self._settings.setValue(GEOMETRY, self.saveGeometry())
        self.player.close()
        self._scan.close()
        super().closeEvent(event)

    def _choice_picked(self, choice: SourceChoice) -> None:
        if self.player.running:
            self.play(choice)

    def _space(self) -> None:
        self._space_on(QApplication.focusWidget())

    def _space_on(self, focus: QWidget | None) -> None:
        """Space belongs to whichever button has the focus; elsewhere it starts and stops."""
        if isinstance(focus, QAbstractButton) and focus is not self.bar.start_button:
            focus.click()
        else:
            self.toggle()
