"""The Review workspace: opens recordings and videos, and turns keys and buttons into requests to the desk."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFileDialog,
    QInputDialog,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.live_workspace import VIDEO_FILTER
from app.gui.review.desk import Desk
from app.gui.review.help import Help
from app.gui.review.keys import GROUPS
from app.gui.review.opener import Opened, Opener
from app.gui.review.pages import AnalysisPage, EmptyPage
from app.gui.review.playback import Playback
from app.gui.review.view import ReviewView
from app.gui.review.where import row_of
from app.gui.theme import Theme
from app.review.opening import AnalysisJob, AnalysisState
from models.assets import USUAL_NETWORK
from models.types import ExpressionType

POLL_MS = 30

PATIENCE_S = 5.0
"""How long closing waits for an analysis to end: it does between two frames, but not while it reads a large file for
its digest. Left to itself it takes away what it made."""


class ReviewWorkspace(QWidget):
    """One recording at a time."""

    message = Signal(str)
    """A sentence for the window's banner."""
    opened = Signal(str)
    """A recording is open; its name for the window's title."""

    def __init__(self, theme: Theme, network: Path | None = None, parent: QWidget | None = None) -> None:
        """network: the one that scores videos (``models.assets.NETWORKS``); without it the usual one."""
        super().__init__(parent)
        self.network = network or USUAL_NETWORK
        self.desk: Desk | None = None
        self.playback: Playback | None = None
        self._opened: Opened | None = None
        self._opener: Opener | None = None
        self._job: AnalysisJob | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Review")
        self.empty = EmptyPage()
        self.empty.file_requested.connect(self.ask_video)
        self.empty.folder_requested.connect(self.ask_recording)
        self.analysis = AnalysisPage()
        self.analysis.ended.connect(self._analysed)
        self.view = ReviewView(theme)
        self.view.transport.asked.connect(self._asked)
        self.view.transport.speed_chosen.connect(self._speed_chosen)
        self.view.lists.asked.connect(self._asked)
        self.stack = QStackedWidget()
        for page in (self.empty, self.analysis, self.view):
            self.stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)
        self.help = Help(theme, self)
        self.help.closed.connect(self.toggle_help)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)
        for _, keys in GROUPS:
            for key in keys:
                for sequence in key.keys:
                    shortcut = QShortcut(QKeySequence(sequence), self)
                    shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                    shortcut.activated.connect(partial(self._pressed, key.act, key.arguments))

    # -- for the window -----------------------------------------------------------------------------------------------

    @property
    def has_recording(self) -> bool:
        return self.desk is not None

    def open(self, path: Path) -> None:
        """Open a session folder or a video; what was open before is closed. Returns at once."""
        self.close_recording()
        self.empty.show_opening(path)
        self._opener = Opener(path, self.network)
        self._timer.start()

    def close_recording(self) -> None:
        """End what runs and free all files; harmless when repeated."""
        self._timer.stop()
        self.analysis.forget()
        if self._opener is not None:
            self._opener.abandon()
            self._opener = None
        if self._job is not None:
            self._job.cancel()
            self._job.join(PATIENCE_S)
            self._job = None
        if self.playback is not None:
            self.playback.pause()
            self.playback.deleteLater()
            self.playback = None
        self.view.clear()
        if self.desk is not None:
            self.desk.deleteLater()
            self.desk = None
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        self.help.hide()
        self.empty.show_opening(None)
        self.stack.setCurrentWidget(self.empty)

    def set_theme(self, theme: Theme) -> None:
        self.view.set_theme(theme)
        self.help.set_theme(theme)

    def ask_video(self) -> None:
        """Ask for a video and open it."""
        chosen, _ = QFileDialog.getOpenFileName(self, "Review a video", "", VIDEO_FILTER)
        if chosen:
            self.open(Path(chosen))

    def ask_recording(self) -> None:
        """Ask for a session folder and open it."""
        chosen = QFileDialog.getExistingDirectory(self, "Review a recording: choose its folder")
        if chosen:
            self.open(Path(chosen))

    # -- opening ------------------------------------------------------------------------------------------------------

    def _poll(self) -> None:
        opener = self._opener
        if opener is None or (result := opener.result) is None:
            return
        self._timer.stop()
        self._opener = None
        if result.error is not None:
            self._fail(result.error)
        elif result.needs_analysis:
            self._analyse(opener.path)
        else:
            self._show(result, opener.path)

    def _analyse(self, video: Path) -> None:
        self._job = AnalysisJob(video, self.network)
        self._job.start()
        self.stack.setCurrentWidget(self.analysis)
        self.analysis.watch(self._job, video.name)

    def _analysed(self, job: AnalysisJob) -> None:
        progress, folder = job.progress(), job.folder
        job.join()
        self._job = None
        if progress.state is AnalysisState.FAILED:
            self._fail(progress.error or "The video could not be analysed.")
        elif progress.state is AnalysisState.DONE and folder is not None:
            self.open(folder)
        else:
            self._fail("The analysis was cancelled; nothing was kept.")

    def _fail(self, sentence: str) -> None:
        self.close_recording()
        self.message.emit(sentence)

    def _show(self, result: Opened, path: Path) -> None:
        assert result.review is not None
        if not len(result.review.frames):
            result.close()
            self._fail(f"{path.name} holds no frames: there is nothing to review.")
            return
        self._opened = result
        self.desk = Desk(result.review, self)
        self.playback = Playback(self.desk, self)
        self.desk.failed.connect(self.message)
        self.view.show_desk(self.desk, self.playback, result)
        self.stack.setCurrentWidget(self.view)
        self.view.curves.plots.setFocus()
        if result.review.read_only is not None:
            self.message.emit(result.review.read_only)
        source = result.review.session.info.source
        # an analysed video is called by its own name, not by that of the folder beside it
        self.opened.emit(source.name if source.path is not None else result.review.folder.name)

    # -- what keys and buttons ask for --------------------------------------------------------------------------------

    def _asked(self, name: str) -> None:
        act, *arguments = {
            "play": ("toggle_play",),
            "back": ("step", -1),
            "forward": ("step", 1),
            "previous": ("go_to_interval", -1),
            "next": ("go_to_interval", 1),
            "where": ("ask_where",),
            "help": ("toggle_help",),
        }.get(name, (name,))
        self._pressed(str(act), tuple(arguments))

    def _pressed(self, act: str, arguments: tuple[object, ...]) -> None:
        """Do what a key stands for: here, else at the curves, else at the desk."""
        if self.desk is None:
            return
        for target in (self, self.view.curves, self.desk):
            method = getattr(target, act, None)
            if method is not None:
                method(*arguments)
                return

    def press_space(self) -> None:
        """Space belongs to whichever button has the focus; elsewhere it plays and pauses."""
        focus = QApplication.focusWidget()
        if isinstance(focus, QAbstractButton):
            focus.click()
        else:
            self.toggle_play()

    def toggle_play(self) -> None:
        if self.playback is not None:
            self.playback.toggle()

    def shuttle(self, direction: int) -> None:
        if self.playback is not None:
            self.playback.shuttle(direction)

    def pause(self) -> None:
        if self.playback is not None:
            self.playback.pause()

    def step(self, frames: int) -> None:
        self.pause()
        if self.desk is not None:
            self.desk.step(frames)

    def go_to_end(self, direction: int) -> None:
        if self.desk is not None:
            self.desk.go_to_row(0 if direction < 0 else len(self.desk.frames) - 1)

    def go_to_interval(self, direction: int) -> None:
        self.pause()
        if self.desk is not None:
            self.desk.go_to_interval(direction)

    def ask_where(self) -> None:
        """Ask for a time or a frame, and go there."""
        if self.desk is None:
            return
        text, accepted = QInputDialog.getText(
            self, "Go to", "A time, as 75.5, 1:15.5 or 1:02:03,\nor a frame's number, as #1200:"
        )
        if not accepted or not text.strip():
            return
        row = row_of(text, self.desk.frames)
        if row is None:
            self.view.transport.say(f"“{text.strip()}” is neither a time nor a frame")
        else:
            self.desk.go_to_row(row)

    def make_macro(self) -> None:
        if self.desk is not None:
            self.desk.retype(ExpressionType.MACRO)

    def make_micro(self) -> None:
        if self.desk is not None:
            self.desk.retype(ExpressionType.MICRO)

    def point_macro(self) -> None:
        if self.desk is not None:
            self.desk.add_point(ExpressionType.MACRO)

    def point_micro(self) -> None:
        if self.desk is not None:
            self.desk.add_point(ExpressionType.MICRO)

    def toggle_help(self) -> None:
        shown = self.help.isHidden()
        self.help.setGeometry(self.rect())
        self.help.setVisible(shown)
        self.help.raise_()
        self.view.transport.buttons["help"].setChecked(shown)

    def _speed_chosen(self, speed: float) -> None:
        if self.playback is not None:
            self.playback.set_speed(speed)

    # -- Qt -----------------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Esc is the window's; it is taken here only where there is something to let go."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() is QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Escape
            and self._holding()
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._holding():
            self._let_go()
        else:
            super().keyPressEvent(event)

    def _holding(self) -> bool:
        desk = self.desk
        return desk is not None and (
            not self.help.isHidden()
            or self.view.curves.pointer.busy
            or desk.selection is not None
            or desk.pick is not None
        )

    def _let_go(self) -> None:
        assert self.desk is not None
        if not self.help.isHidden():
            self.toggle_help()
        elif self.view.curves.pointer.busy:
            self.view.curves.pointer.cancel()
        elif self.desk.selection is not None:
            self.desk.unselect()
        else:
            self.desk.choose(None)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        (self.view.curves.plots if self.has_recording else self).setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.help.setGeometry(self.rect())
