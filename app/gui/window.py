"""The main window: two workspaces, Live and Review, with menus, messages and the state of a recording round them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QSettings, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QGraphicsView,
    QHBoxLayout,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.banner import Banner
from app.gui.cameras import CameraScan
from app.gui.help import about_dialog, keys_dialog
from app.gui.live_workspace import VIDEO_FILTER, LiveWorkspace
from app.gui.menus import LINE, Entry, Menus
from app.gui.networks import LAB, OWN, NetworkChoice
from app.gui.pace import SHORTEST_MS, DrawingPace
from app.gui.player import Player
from app.gui.record_strip import RecordStrip
from app.gui.recovery import Recovery
from app.gui.review.workspace import ReviewWorkspace
from app.gui.review_head import ReviewHead
from app.gui.session_export import SessionExport, ask_export
from app.gui.status import StatusBar
from app.gui.switch import Switch
from app.gui.text import counted
from app.gui.theme import Theme
from app.session.schema import INFO_FILE, VIDEO_FILE
from app.settings import SettingsFile

GEOMETRY = "window/geometry"
LIVE, REVIEW = 0, 1
POINTS_NOW = ("Macro point now", "Micro point now")
START_RECORDING, STOP_RECORDING = "Start recording…", "Stop recording"


class MainWindow(QMainWindow):
    """Composes the workspaces and polls some 30 times a second, less often where frames are lost."""

    def __init__(
        self, player: Player, cameras: CameraScan, settings: QSettings, store: SettingsFile, theme: Theme
    ) -> None:
        super().__init__()
        self.player = player
        self.recovery = Recovery()
        self.exporting = SessionExport()
        self._settings = settings
        self._store = store
        self._leaving = False
        self._pace = DrawingPace()
        self.setWindowTitle("apexspot")
        self.setMinimumSize(960, 600)
        self.resize(1280, 720)
        self.setAcceptDrops(True)

        self.banner = Banner()
        self.strip = RecordStrip()
        self.live = LiveWorkspace(player, cameras, store, self.banner, theme)
        self.review = ReviewWorkspace(theme)
        self.review_head = ReviewHead()
        self.switch = Switch(
            ("Live", "Watch and record what happens now (Ctrl+1)"),
            ("Review", "Replay and correct what was recorded (Ctrl+2)"),
        )
        self.status = StatusBar()
        self.menus = Menus()
        self._lay_out()
        self._fill_menus()
        self.networks = NetworkChoice(self, self.menus.actions, player, self.review, store, self.banner)
        self._connect()
        for view in self.findChildren(QGraphicsView):
            view.setAcceptDrops(False)  # what is dropped on a curve is meant for the window

        geometry = settings.value(GEOMETRY)
        if geometry is not None:
            self.restoreGeometry(geometry)
        self.show_workspace(LIVE)
        self.recovery.look(store.values.recordings)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(SHORTEST_MS)

    def _lay_out(self) -> None:
        self._heads, self._workspaces = QStackedWidget(), QStackedWidget()
        self._heads.setFixedHeight(self.live.bar.sizeHint().height())
        for stack, parts in (
            (self._heads, (self.live.bar, self.review_head)),
            (self._workspaces, (self.live, self.review)),
        ):
            for part in parts:
                stack.addWidget(part)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(self.switch)
        head.addWidget(self._heads, 1)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(12, 8, 12, 4)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.strip)
        layout.addWidget(self.banner)
        layout.addWidget(self._workspaces, 1)
        self.setCentralWidget(body)
        self.setStatusBar(self.status)

    def _fill_menus(self) -> None:
        add, role = self.menus.add, QAction.MenuRole
        bar = self.live.bar
        add(
            self,
            "&File",
            (
                Entry("Open a video…", self.ask_recording, ("Ctrl+O",)),
                Entry("Open a session folder…", self.ask_folder, ("Ctrl+Shift+O",)),
                LINE,
                Entry("Play a video as if live…", self._in_live(self.live.play_file)),
                Entry("Open a stream…", self._in_live(self.live.open_stream)),
                LINE,
                Entry("Export…", self.export, ("Ctrl+E",)),
                LINE,
                Entry("Quit", self.close, ("Ctrl+Q",), role=role.QuitRole),
            ),
        )
        add(
            self,
            "&Record",
            (
                Entry(START_RECORDING, self._in_live(self.live.toggle_recording), ("R",), live=True),
                Entry("Smallest movement…", self.live.choose_smallest_movement, live=True, rests=True),
                Entry(LAB, lambda: self.networks.toggle_lab(), checkable=True),
                Entry(OWN, lambda: self.networks.toggle_own(), checkable=True),
                LINE,
                Entry(POINTS_NOW[0], self.live.put_macro, ("1",), live=True, rests=True),
                Entry(POINTS_NOW[1], self.live.put_micro, ("2",), live=True, rests=True),
            ),
        )
        add(
            self,
            "&View",
            (
                Entry("Live", lambda: self.show_workspace(LIVE), ("Ctrl+1",)),
                Entry("Review", lambda: self.show_workspace(REVIEW), ("Ctrl+2",)),
                LINE,
                Entry("Mirror", bar.mirror_button.toggle, checkable=True),
                Entry("Face regions", bar.regions_button.toggle, checkable=True),
                LINE,
                Entry("Full screen", self.toggle_full_screen, ("F11", "F")),
            ),
        )
        add(
            self,
            "&Help",
            (
                Entry("Keys", lambda: keys_dialog(self).exec(), ("F1",), live=True),
                Entry("About apexspot", lambda: about_dialog(self).exec(), role=role.AboutRole),
            ),
        )

    def _connect(self) -> None:
        self.switch.chosen.connect(self.show_workspace)
        self.strip.stop_requested.connect(self.live.toggle_recording)
        self.live.review_requested.connect(self.open_recording)
        self.live.start_page.file_requested.connect(self.ask_recording)
        self.review_head.recording_requested.connect(self.ask_recording)
        self.review_head.folder_requested.connect(self.ask_folder)
        self.review.empty.file_requested.connect(self.ask_recording)
        self.review.empty.folder_requested.connect(self.ask_folder)
        self.review.message.connect(self.banner.say)
        self.review.noted.connect(lambda sentence: self.banner.say(sentence, good=True))
        self.review.opened.connect(self._opened)
        self._space = QShortcut(QKeySequence("Space"), self)
        self._space.activated.connect(lambda: self.live.press_space(QApplication.focusWidget()))
        self._point_keys = (QShortcut(QKeySequence("1"), self), QShortcut(QKeySequence("2"), self))
        for key, put in zip(self._point_keys, (self.live.put_macro, self.live.put_micro), strict=True):
            key.activated.connect(put)
        self._escape = QShortcut(QKeySequence("Esc"), self)
        self._escape.activated.connect(self.toggle_full_screen)
        self._escape.setEnabled(False)

    # -- what the user can ask for ----------------------------------------------------------------------------------

    def show_workspace(self, number: int) -> None:
        """LIVE or REVIEW."""
        live = number == LIVE
        self._heads.setCurrentIndex(number)
        self._workspaces.setCurrentIndex(number)
        self.switch.show_chosen(number)
        self.menus.set_live(live)
        self._offer_points()
        self._space.setEnabled(live)
        self.strip.offer_stop(not live)
        self._name_window()
        if not live:
            self.review.setFocus()

    def open_recording(self, path: Path) -> None:
        """Open a session folder, its video, or any other video in Review."""
        if path.name == VIDEO_FILE and (path.parent / INFO_FILE).is_file():
            path = path.parent
        self.banner.hide()
        self.show_workspace(REVIEW)
        self.review.open(path)
        self._name_window()
        self._store.change(opened=path.absolute().parent)

    def ask_recording(self) -> None:
        """Ask for a video, of a session or any other, and open it in Review."""
        chosen, _ = QFileDialog.getOpenFileName(self, "Open a video", self._opened_folder(), VIDEO_FILTER)
        if chosen:
            self.open_recording(Path(chosen))

    def ask_folder(self) -> None:
        """Ask for a session folder and open it in Review."""
        chosen = QFileDialog.getExistingDirectory(self, "Open a session folder", self._opened_folder())
        if chosen:
            self.open_recording(Path(chosen))

    def export(self) -> None:
        """Write the intervals of Live to a table, or what is open in Review in a format that is asked for."""
        if self._workspaces.currentIndex() == LIVE:
            self.live.export()
            return
        desk = self.review.desk
        if desk is None:
            self.banner.say("There is nothing to export yet: open a recording first.")
        elif (asked := ask_export(self, desk.review.folder)) is not None:
            started = self.exporting.start(desk.review.folder, *asked)
            self.banner.say("Exporting…" if started else "Another export is under way.", good=started)

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def set_theme(self, theme: Theme) -> None:
        """Follow the desktop's change between light and dark."""
        self.live.set_theme(theme)
        self.review.set_theme(theme)

    def leave(self) -> None:
        """Finish a recording, if there is one, and close; nothing is asked."""
        self._leaving = True
        self.close()

    # -- what the program does ----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Follow the session, the recording and the recovery."""
        snapshot = self.live.refresh()
        self._timer.setInterval(self._pace.next_ms(snapshot.counters.dropped if snapshot else 0))
        shown = self._workspaces.currentIndex() == LIVE or self.player.running
        self.status.show_snapshot(snapshot if shown else None, self.player.reported, self.networks.scoring_with)
        self.strip.show_recording(self.player.recording)
        self.review_head.show_open(self.review.has_recording)
        recording = self.player.recording_now
        self.menus.actions[START_RECORDING].setText(STOP_RECORDING if recording else START_RECORDING)
        self._offer_points()
        self.menus.actions["Mirror"].setChecked(self.live.bar.mirror_button.isChecked())
        self.menus.actions["Face regions"].setChecked(self.live.bar.regions_button.isChecked())
        self._tell_of_recovery()
        if (exported := self.exporting.take_result()) is not None:
            self.banner.say(exported[0], good=exported[1])
        if self._leaving and not recording:
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the session, then go. While recording: ask, finish the recording, then go."""
        recording = self.player.recording
        if recording is not None and self.player.recording_now:
            event.ignore()
            if self._leaving or self._wants_to_leave():
                self._leaving = True
                recording.finish()
                self.refresh()
            return
        self._timer.stop()
        self._settings.setValue(GEOMETRY, self.saveGeometry())
        self.review.close_recording()
        self.live.close_sources()
        self.recovery.close()
        self.exporting.close()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.WindowStateChange:
            self._escape.setEnabled(self.isFullScreen())
        super().changeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.open_recording(path)

    def _wants_to_leave(self) -> bool:
        box = QMessageBox(QMessageBox.Icon.NoIcon, "apexspot", "A recording is running.", parent=self)
        box.setInformativeText("Finish it and quit? All of it is kept.")
        finish = box.addButton("Finish and quit", QMessageBox.ButtonRole.AcceptRole)
        stay = box.addButton("Keep recording", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.exec()
        return box.clickedButton() is finish

    def _offer_points(self) -> None:
        """Points are kept in a recording: while there is none their entries rest, and the keys alone tell why."""
        live, recording = self._workspaces.currentIndex() == LIVE, self.player.recording_now
        for name in POINTS_NOW:
            self.menus.actions[name].setEnabled(live and recording)
        for key in self._point_keys:
            key.setEnabled(live and not recording)

    def _tell_of_recovery(self) -> None:
        found, result = self.recovery.take_found(), self.recovery.take_result()
        if found:
            where = str(found[0]) if len(found) == 1 else str(found[0].parent)
            self.banner.say(
                f"{counted(len(found), 'recording')} broke off before {'its' if len(found) == 1 else 'their'} end "
                f"({where}). What was written is there; recovery puts it in order.",
                ("Recover", lambda: self._recover(found)),
                ("Not now", lambda: None),
            )
        if result is not None:
            sentence, folder, good = result
            answers = [("Review it", lambda: self.open_recording(folder))] if folder is not None else []
            self.banner.say(sentence, *answers, good=good)

    def _recover(self, folders: list[Path]) -> None:
        self.recovery.recover(folders, self._store.values.own_network)
        self.banner.say(f"Recovering {counted(len(folders), 'recording')}…", good=True)

    def _opened(self, name: str) -> None:
        self.review_head.show_name(name)
        self._name_window()

    def _name_window(self) -> None:
        shown = self._workspaces.currentIndex() == REVIEW and self.review.has_recording
        name = self.review_head.name if shown else ""
        self.setWindowTitle(f"{name} - apexspot" if name else "apexspot")

    def _opened_folder(self) -> str:
        return str(self._store.values.opened or "")

    def _in_live(self, act: Callable[[], object]) -> Callable[[], None]:
        def in_live() -> None:
            self.show_workspace(LIVE)
            act()

        return in_live


def _dropped(event: QDropEvent) -> Path | None:
    """The one file or folder of this machine that is being dropped."""
    urls = event.mimeData().urls()
    return Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
