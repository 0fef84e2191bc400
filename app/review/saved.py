"""A session's review as its folder holds it: the state, its history, and saving edit after edit.

The log goes first, then the tables. Whatever breaks off in between, opening the folder again puts the tables in step
with the newest line of the log.
"""

from __future__ import annotations

import logging
import os
import sys
import weakref
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from app.review.edit_log import EditLog, write_tables
from app.review.rows import Conflict, Edit, LogLine, apply_edit
from app.review.state import ReviewState, Thresholds
from app.session.folder import lock
from app.session.reader import Session
from app.session.recovery import being_recorded
from app.session.schema import INFO_FILE
from app.tables import check_folder
from models.errors import OutputError, UsageError
from models.types import Interval

log = logging.getLogger(__name__)


class SavedReview:
    """What a person made of a session. Attributes: see ``app.review.review.Review``."""

    def __init__(self, session: Session) -> None:
        self._folder = session.folder
        self._release: weakref.finalize[[int], SavedReview] | None = None
        self.read_only = self._why_read_only(session)
        self._log = EditLog(self._folder)
        self.history = self._log.history()
        self._first = Thresholds.of(session)
        tables = ReviewState(
            tuple(replace(row, interval=rounded(row.interval)) for row in session.intervals),
            session.points,
            session.exclusions,
            self._first,
        )
        self.state = self._in_step(tables)

    def do(self, edit: Edit) -> None:
        """Make an edit and save it.

        Raises:
            UsageError: nothing can be changed here. OutputError: it cannot be saved.
        """
        if edit:
            self._save(LogLine(datetime.now(UTC), "edit", edit=edit), edit)

    def undo(self) -> Edit | None:
        """Take the newest edit back; ``None`` where there is none."""
        if not self.history.done:
            return None
        edit = self.history.done[-1]
        self._save(LogLine(datetime.now(UTC), "undo", of=edit.number), edit.reversed())
        return edit

    def redo(self) -> Edit | None:
        """Make again what was undone; ``None`` where there is none."""
        if not self.history.undone:
            return None
        edit = self.history.undone[-1]
        self._save(LogLine(datetime.now(UTC), "redo", of=edit.number), edit)
        return edit

    def analysed(self, edit: Edit) -> None:
        """Save what a new analysis changed; nothing before it can be undone."""
        self._save(LogLine(datetime.now(UTC), "analysed", edit=edit), edit)

    def close(self) -> None:
        """Let another program edit the session; harmless when repeated."""
        if self._release is not None:
            self._release()

    def _save(self, line: LogLine, change: Edit) -> None:
        if self.read_only is not None:
            raise UsageError(self.read_only)
        try:
            after = apply_edit(self.state, change)
        except Conflict:
            raise UsageError(f"The tables in {self._folder} were changed by something else; open it again.") from None
        self._log.append(line)
        try:
            write_tables(self._folder, self.state, after)
        except OutputError:
            self._log.take_back(line)
            with suppress(OutputError):
                write_tables(self._folder, after, self.state)
            raise
        self.history.take(line)
        self.state = replace(after, thresholds=self.history.thresholds(self._first))

    def _in_step(self, tables: ReviewState) -> ReviewState:
        """The tables' state after the newest line of the log, which they may not have followed yet."""
        state = tables
        if self.history.newest is not None:
            state = apply_edit(tables, self.history.newest, lenient=True)
        state = replace(state, thresholds=self.history.thresholds(self._first))
        if self.read_only is None:
            try:
                write_tables(self._folder, tables, state)
            except OutputError as error:
                self.read_only = str(error)
        return state

    def _why_read_only(self, session: Session) -> str | None:
        if not session.finished:
            if being_recorded(self._folder):
                return "This session is being recorded at this moment; it can be edited when the recording has ended."
            return f"This recording broke off; put it in order first: apexspot recover {self._folder}"
        try:
            check_folder(self._folder)
        except OutputError as error:
            return f"{error} It can be looked at, not changed."
        return (
            None if self._claim() else "This session is open for editing in another window; here it can be looked at."
        )

    def _claim(self) -> bool:
        if sys.platform == "win32":
            return True  # there is no such lock, and a file that is held open could not be replaced
        try:
            file = (self._folder / INFO_FILE).open("rb", buffering=0)
        except OSError:
            return True
        number = os.dup(file.fileno())
        claimed = lock(file)  # the lock stays with the copy
        file.close()
        if not claimed:
            os.close(number)
            return False
        # given back without a close(), too
        self._release = weakref.finalize(self, os.close, number)
        return True


def rounded(i: Interval) -> Interval:
    """As it stands in the table."""
    return replace(
        i,
        onset_s=round(i.onset_s, 6),
        apex_s=round(i.apex_s, 6),
        offset_s=round(i.offset_s, 6),
        score=round(i.score, 5),
    )


def frames_iou(a: Interval, b: Interval) -> float:
    """Intersection over union in frames of the source, ends inclusive."""
    shared = min(a.offset_frame, b.offset_frame) - max(a.onset_frame, b.onset_frame) + 1
    both = (a.offset_frame - a.onset_frame + 1) + (b.offset_frame - b.onset_frame + 1) - shared
    return max(shared, 0) / both
