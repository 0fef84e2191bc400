"""The Live workspace: watch a source, record it, put points."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QDialog,
    QFileDialog,
    QInputDialog,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.banner import Banner
from app.gui.cameras import CameraScan
from app.gui.export import ask_and_export
from app.gui.live_view import LiveView
from app.gui.movement_dialog import MovementDialog
from app.gui.player import Player
from app.gui.record_dialog import RecordDialog
from app.gui.recording import Recording, RecordingPlan
from app.gui.source_bar import SourceBar
from app.gui.start_page import StartPage
from app.gui.text import kind_name
from app.gui.theme import Theme
from app.live_types import LiveSnapshot
from app.session import RecorderStatus
from app.settings import SettingsFile
from app.sources import CameraChoice, DemoChoice, FileChoice, SourceChoice, StreamChoice
from models.errors import ApexspotError
from models.types import ExpressionType

VIDEO_FILTER = "Videos (*.mp4 *.mov *.avi *.mkv *.webm *.m4v *.mpg *.mpeg *.wmv);;All files (*)"
BUSY = "A recording is running; R ends it and keeps all of it."


class LiveWorkspace(QWidget):
    """Passes on what the user asks for, and hands the player's newest snapshot to the panels."""

    review_requested = Signal(object)
    """Open this session folder in Review."""

    def __init__(self, player: Player, cameras: CameraScan, store: SettingsFile, banner: Banner, theme: Theme) -> None:
        super().__init__()
        self.player = player
        self._scan = cameras
        self._store = store
        player.smallest = store.values.smallest
        self._banner = banner
        self._said: str | None = None
        self._ended: Recording | None = None
        self._troubles: set[str] = set()
        self.bar = SourceBar(theme)
        """Stands in the window's head, beside the switch."""
        self.start_page = StartPage()
        self.view = LiveView(theme)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.start_page)
        self.stack.addWidget(self.view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)

        self.bar.chosen.connect(self._choice_picked)
        self.bar.chooser.opening.connect(self._scan.look)
        self.bar.file_requested.connect(self.play_file)
        self.bar.stream_requested.connect(self.open_stream)
        self.bar.toggled.connect(self.toggle)
        self.bar.record_requested.connect(self.toggle_recording)
        self.bar.export_requested.connect(self.export)
        self.bar.mirror_toggled.connect(self.view.picture.set_mirrored)
        self.bar.regions_toggled.connect(self.view.picture.set_show_regions)
        self.start_page.demo_requested.connect(lambda: self.play(DemoChoice()))
        self.start_page.camera_requested.connect(self.play)
        self.start_page.look_requested.connect(self._scan.look)
        self.setAccessibleName("Live")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._scan.look()

    # -- what the user can ask for ----------------------------------------------------------------------------------

    def play(self, choice: SourceChoice) -> None:
        """Play ``choice`` from its beginning."""
        if self._busy():
            return
        self._begin(choice)
        self.player.start(choice)
        self.view.show_snapshot(None)
        self.refresh()

    def toggle(self) -> None:
        """Start what is chosen, or stop what plays."""
        if self._busy():
            return
        if self.player.running:
            if self.bar.start_button.hasFocus():
                self.setFocus()  # the button rests meanwhile, and Space would press the next one
            self.player.stop()
            self.refresh()
        else:
            self.play(self.bar.choice)

    def toggle_recording(self) -> None:
        """Ask for what has to be decided and record what is chosen, or end the recording."""
        recording = self.player.recording
        if recording is not None and self.player.recording_now:
            recording.finish()
            self.refresh()
            return
        choice = self.bar.choice
        dialog = RecordDialog(self.window(), choice, self._store.values)
        accepted = dialog.exec() == QDialog.DialogCode.Accepted
        dialog.deleteLater()
        if accepted:
            plan = dialog.plan()
            self._store.change(
                recordings=plan.folder, consent=dialog.consent.text().strip(), scores_only=plan.scores_only
            )
            self.record(choice, plan)

    def record(self, choice: SourceChoice, plan: RecordingPlan) -> None:
        """Record ``choice`` from its beginning."""
        if self._busy():
            return
        self._begin(choice)
        self.setFocus()  # not a button that Space would press
        self._troubles.clear()
        self.player.record(choice, plan)
        self.view.show_snapshot(None)
        self.refresh()

    def put_point(self, type_: ExpressionType) -> None:
        """Label the newest picture."""
        recording = self.player.recording
        if recording is None or not self.player.recording_now:
            self._banner.say(
                f"A point ({kind_name(type_).lower()}) is kept in a recording, and none is running: R records."
            )
        elif recording.point(type_) is None:
            self._banner.say("The point was not kept: the recording has no picture yet, or is already being finished.")
        self.refresh()

    def put_macro(self) -> None:
        self.put_point(ExpressionType.MACRO)

    def put_micro(self) -> None:
        self.put_point(ExpressionType.MICRO)

    def play_file(self) -> None:
        """Ask for a video and play it as if it happened now."""
        chosen, _ = QFileDialog.getOpenFileName(self, "Play a video as if live", self._opened_folder(), VIDEO_FILTER)
        if chosen:
            self._store.change(opened=Path(chosen).parent)
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

    def choose_smallest_movement(self) -> None:
        """Ask how far a face must move at least for an expression to be listed; holds from the next start on."""
        try:
            usual = self.player.usual
        except ApexspotError as error:
            self._banner.say(str(error))
            return
        dialog = MovementDialog(self, self.player.smallest, usual)
        if dialog.exec():
            chosen = dialog.chosen
            self._store.change(smallest_movement_iod=chosen.iod, smallest_in_speech_iod=chosen.in_speech_iod)
            self.player.smallest = chosen

    def export(self) -> None:
        """Ask for a file and write the intervals into it."""
        snapshot = self.player.snapshot()
        if snapshot is None:
            self._banner.say("There is nothing to export yet: start a source first.")
            return
        sentence = ask_and_export(self, snapshot)
        if sentence:
            self._banner.say(sentence)

    def press_space(self, focus: QWidget | None) -> None:
        """Space belongs to whichever button has the focus; elsewhere it starts and stops."""
        if isinstance(focus, QAbstractButton) and focus is not self.bar.start_button:
            focus.click()
        else:
            self.toggle()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self.setFocus()  # not the switch, which would be what Space presses

    def set_theme(self, theme: Theme) -> None:
        self.bar.set_theme(theme)
        self.view.set_theme(theme)

    # -- what the program does ----------------------------------------------------------------------------------------

    def refresh(self) -> LiveSnapshot | None:
        """Hand the newest snapshot to the panels; returns it."""
        snapshot = self.player.snapshot()
        recording = self.player.recording if self.player.recording_now else None
        cameras = self._scan.result
        self.start_page.show_cameras(cameras)
        if cameras is not None:
            self.bar.set_cameras(cameras)
        seen = snapshot is not None and (snapshot.frame is not None or not snapshot.state.over)
        self.stack.setCurrentWidget(self.view if seen or recording is not None else self.start_page)
        if self.isVisible():
            self.view.show_snapshot(snapshot, tuple((point.time_s, point.type) for point in self.player.points))
        self.bar.show_running(self.player.running, self.player.stopping, seen)
        self.bar.show_recording(recording)
        self._tell_of_recording()
        if recording is None and snapshot is not None and snapshot.error and snapshot.error != self._said:
            self._said = snapshot.error
            self._banner.say(snapshot.error)
        return snapshot

    def close_sources(self) -> None:
        """End whatever plays or is recorded, and the look for cameras."""
        self.player.close()
        self._scan.close()

    def _tell_of_recording(self) -> None:
        recording = self.player.recording
        if recording is None or recording is self._ended:
            return
        end, status = recording.end, recording.status()
        if end is None:
            if status is not None:
                self._tell_of_trouble(status)
            return
        self._ended = recording
        snapshot = self.player.snapshot()
        self._said = snapshot.error if snapshot else None  # the end's sentence has it
        answers = [("Review it", lambda: self.review_requested.emit(end.folder))] if end.folder else []
        self._banner.say(end.sentence, *answers, good=end.good)

    def _tell_of_trouble(self, status: RecorderStatus) -> None:
        """Each trouble once: what is written about free space changes all the time."""
        if status.video_error and "video" not in self._troubles:
            self._troubles.add("video")
            self._banner.say(f"{status.video_error} Scores, intervals and points are still recorded.")
        elif status.warning and "disk" not in self._troubles:
            self._troubles.add("disk")
            self._banner.say(f"{status.warning} The recording goes on; it ends by itself when the disk is nearly full.")

    def _begin(self, choice: SourceChoice) -> None:
        self._banner.hide()
        self._said = None
        self.bar.choose(choice)
        self.bar.mirror_button.setChecked(isinstance(choice, CameraChoice))

    def _busy(self) -> bool:
        """True, and said so, while a recording must not be disturbed."""
        if self.player.recording_now:
            self._banner.say(BUSY)
        return self.player.recording_now

    def _choice_picked(self, choice: SourceChoice) -> None:
        if self.player.running:
            self.play(choice)

    def _opened_folder(self) -> str:
        return str(self._store.values.opened or "")
