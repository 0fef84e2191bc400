"""The Review workspace: opens recordings and videos, and turns keys and buttons into requests to the desk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QInputDialog,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.review.desk import Desk
from app.gui.review.envelope import Span
from app.gui.review.help import Help
from app.gui.review.keys import GROUPS
from app.gui.review.notices import not_analysed, scored_again
from app.gui.review.opener import Opened, Opener
from app.gui.review.pages import AnalysisPage, EmptyPage
from app.gui.review.playback import Playback
from app.gui.review.view import ReviewView
from app.gui.review.where import row_of
from app.gui.theme import Theme
from app.review.opening import AnalysisJob, AnalysisState
from app.review.review import Review
from models.assets import USUAL_NETWORK
from models.errors import UsageError
from models.types import ExpressionType

POLL_MS = 30

PATIENCE_S = 5.0
"""How long closing waits for an analysis to end: it does between two frames, but not while it reads a large file for
its digest. Left to itself it takes away what it made."""


@dataclass(frozen=True, slots=True)
class _Then:
    """What follows once a recording is open. place: row and stretch in sight that it had. scored_again: tell of it."""

    place: tuple[int, Span] | None = None
    scored_again: bool = False


class ReviewWorkspace(QWidget):
    """One recording at a time."""

    message = Signal(str)
    """A sentence for the window's banner."""
    noted = Signal(str)
    """The same, where nothing is wrong."""
    opened = Signal(str)
    """A recording is open; its name for the window's title."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.network = USUAL_NETWORK
        """Scores the videos that are opened from now on."""
        self.desk: Desk | None = None
        self.playback: Playback | None = None
        self._opened: Opened | None = None
        self._opener: Opener | None = None
        self._job: AnalysisJob | None = None
        self._then = _Then()
        self._before_help: QWidget | None = None
        # clicked, its keys work; Tab goes on to what can be used
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName("Review")
        self.empty = EmptyPage()
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
        """Open a session folder or a video. Returns at once; what is open stays until it has to make way."""
        self._open(path, _Then())

    def _open(self, path: Path, then: _Then) -> None:
        self._forget_opener()
        self._then = then
        if self.desk is not None:
            self.view.transport.say(f"Opening {path.name}…")
        else:
            self.empty.show_opening(path)
            if self._job is None:
                self.stack.setCurrentWidget(self.empty)
        self._opener = Opener(path, self.network, self.desk.review.folder if self.desk is not None else None)
        self._timer.start()

    def _forget_opener(self) -> None:
        self._timer.stop()
        if self._opener is not None:
            self._opener.abandon()
            self._opener = None

    def close_recording(self) -> None:
        """End what runs and free all files; harmless when repeated."""
        self._forget_opener()
        self.analysis.forget()
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

    # -- opening ------------------------------------------------------------------------------------------------------

    def _poll(self) -> None:
        opener = self._opener
        if opener is None or (result := opener.result) is None:
            return
        self._timer.stop()
        self._opener = None
        if result.error is not None:
            self._fail(result.error)
        elif result.is_held and self.desk is not None:
            then = _Then((self.desk.row, self.view.curves.shown_s))
            self.close_recording()  # it is locked for this window
            self._open(opener.path, then)
        elif result.needs_analysis:
            self._analyse(opener.path)
        else:
            self._show(result, opener.path)

    def _analyse(self, video: Path) -> None:
        self.close_recording()
        self._job = AnalysisJob(video, self.network)
        self._job.start()
        self.stack.setCurrentWidget(self.analysis)
        self.analysis.watch(self._job, video.name)

    def _analysed(self, job: AnalysisJob) -> None:
        progress, folder = job.progress(), job.folder
        job.join()
        self._job = None
        if self._opener is not None:
            self.stack.setCurrentWidget(self.empty)  # something else has been asked for in the meantime
        elif progress.state is AnalysisState.FAILED:
            self._fail(progress.error or "The video could not be analysed.")
        elif progress.state is AnalysisState.DONE and folder is not None:
            self._open(folder, _Then(scored_again=job.scored_again))
        else:
            self._fail("The analysis was cancelled; nothing was kept.")

    def _fail(self, sentence: str) -> None:
        """What is open, or is being analysed, stays."""
        if self.desk is None and self._job is None:
            self.close_recording()
        self.message.emit(sentence)

    def _show(self, result: Opened, path: Path) -> None:
        assert result.review is not None
        if not len(result.review.frames):
            result.close()
            self._fail(f"{path.name} holds no frames: there is nothing to review.")
            return
        then = self._then
        self.close_recording()
        self._opened = result
        self.desk = Desk(result.review, self)
        self.playback = Playback(self.desk, self)
        self.desk.failed.connect(self.message)
        self.view.show_desk(self.desk, self.playback, result)
        self.stack.setCurrentWidget(self.view)
        self.view.curves.plots.setFocus()
        if then.place is not None:
            row, shown_s = then.place
            self.desk.go_to_row(row)
            self.view.curves.set_view(*shown_s)
        self._tell(result.review, then.scored_again)
        source = result.review.session.info.source
        # an analysed video is called by its own name, not by that of the folder beside it
        self.opened.emit(source.name if source.path is not None else result.review.folder.name)

    def _tell(self, review: Review, again: bool) -> None:
        """Say what a person should know of what was opened."""
        lost, many = not_analysed(review.frames)
        if lost and not many:
            self.view.transport.say(lost)
        note = scored_again(review.session.info.model) if again else ""
        troubles = " ".join(filter(None, (review.read_only, lost if many else "")))
        if troubles:
            self.message.emit(f"{troubles} {note}".rstrip())
        elif note:
            self.noted.emit(note)

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
        if not self.help.isHidden() and act != "toggle_help":
            return  # it covers what would change
        if self.desk is None and act != "press_space":
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
        try:
            self.desk.go_to_row(row_of(text, self.desk.frames))
        except UsageError as error:
            self.view.transport.say(str(error))

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
        if shown:
            focus = QApplication.focusWidget()
            self._before_help = focus if focus is not None and self.isAncestorOf(focus) else self.view.curves.plots
        self.help.setGeometry(self.rect())
        self.help.setVisible(shown)
        self.help.raise_()
        self.view.transport.buttons["help"].setChecked(shown)
        if (target := self.help if shown else self._before_help) is not None:
            target.setFocus()

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

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody sees the replay while Live is on show, and its pictures would be decoded all the same."""
        super().hideEvent(event)
        self.pause()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.help.setGeometry(self.rect())
