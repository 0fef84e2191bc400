"""What lies on the reviewer's desk: one opened recording, where the cursor stands and what is picked.

The panels read from here and ask for changes here; the recording itself and its history are ``app.review``'s. A request
that makes no sense, or that cannot be saved, becomes a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.gui.text import clock, duration, kind_name
from app.review.review import Review
from app.review.state import PERSON, Exclusion, ReviewState, Status, Thresholds
from app.session.reader import FrameTable, StoredInterval, StoredPoint
from models.errors import ApexspotError
from models.types import ExpressionType

MICRO_LIMIT_S = 0.5
"""A stretch that a person marks is taken for a micro-expression up to here."""

_T = TypeVar("_T")


class Kind(Enum):
    """What can be picked."""

    INTERVAL = "interval"
    POINT = "point"
    EXCLUSION = "exclusion"


@dataclass(frozen=True, slots=True)
class Pick:
    """The one thing that commands act on."""

    kind: Kind
    id: int


@dataclass(frozen=True, slots=True)
class Selection:
    """A stretch of time, both ends on frames."""

    start_s: float
    end_s: float


class Desk(QObject):
    """The opened recording for the panels."""

    moved = Signal()
    """The cursor stands on another frame."""
    edited = Signal()
    """Intervals, points, exclusions or thresholds changed, and are saved."""
    picked = Signal()
    """Something else is picked, or nothing."""
    selected = Signal()
    """The selected stretch of time changed."""
    said = Signal(str)
    """A few quiet words on what was done."""
    failed = Signal(str)
    """A sentence on what could not be done."""

    def __init__(self, review: Review, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.review = review
        self.row = 0
        self.pick: Pick | None = None
        self.selection: Selection | None = None
        self._listed_of: ReviewState | None = None
        self._listed: tuple[StoredInterval, ...] = ()

    # -- what there is ------------------------------------------------------------------------------------------------

    @property
    def frames(self) -> FrameTable:
        return self.review.frames

    @property
    def state(self) -> ReviewState:
        return self.review.state

    @property
    def now_s(self) -> float:
        """Time of the frame under the cursor."""
        return self.time_of(self.row)

    @property
    def begin_s(self) -> float:
        return self.time_of(0)

    @property
    def end_s(self) -> float:
        return self.time_of(len(self.frames) - 1)

    def time_of(self, row: int) -> float:
        return float(self.frames.time_s[row]) if len(self.frames) else 0.0

    def snapped(self, time_s: float) -> float:
        """The time of the nearest frame."""
        return self.time_of(self.review.frame_at(time_s))

    def listed(self) -> tuple[StoredInterval, ...]:
        """Intervals to show, in order of onset: all but those that a corrected one has replaced."""
        state = self.state
        if state is not self._listed_of:
            self._listed_of = state
            self._listed = tuple(stored for stored in state.intervals if stored.status != Status.REPLACED)
        return self._listed

    @property
    def interval(self) -> StoredInterval | None:
        """The picked interval."""
        return self._find(Kind.INTERVAL, self.state.intervals)

    @property
    def point(self) -> StoredPoint | None:
        """The picked point label."""
        return self._find(Kind.POINT, self.state.points)

    @property
    def exclusion(self) -> Exclusion | None:
        """The picked exclusion."""
        return self._find(Kind.EXCLUSION, self.state.exclusions)

    # -- moving about -------------------------------------------------------------------------------------------------

    def go_to_row(self, row: int) -> None:
        """Put the cursor on a frame, the nearest there is."""
        row = int(np.clip(row, 0, max(len(self.frames) - 1, 0)))
        if row != self.row:
            self.row = row
            self.moved.emit()

    def go_to(self, time_s: float) -> None:
        if len(self.frames):
            self.go_to_row(self.review.frame_at(time_s))

    def step(self, frames: int) -> None:
        self.go_to_row(self.row + frames)

    def go_to_interval(self, direction: int) -> None:
        """Pick the next (1) or previous (-1) interval that counts, and put the cursor on its apex."""
        shown = sorted(self.state.shown(), key=lambda stored: (stored.interval.apex_s, stored.id))
        if not shown:
            self.said.emit("There is no interval to go to")
            return
        current = self.interval
        if current is not None and current in shown and self.row == self.review.frame_at(current.interval.apex_s):
            place = shown.index(current) + direction
        else:
            apexes = [stored.interval.apex_s for stored in shown]
            place = int(np.searchsorted(apexes, self.now_s, side="right" if direction > 0 else "left"))
            place -= direction < 0
        if 0 <= place < len(shown):
            self.choose(Pick(Kind.INTERVAL, shown[place].id), go=True)
        else:
            self.said.emit("That was the last interval" if direction > 0 else "That was the first interval")

    def choose(self, pick: Pick | None, go: bool = False) -> None:
        """Pick something, or nothing; ``go`` puts the cursor there."""
        if pick != self.pick:
            self.pick = pick
            self.picked.emit()
        if not go:
            return
        if (interval := self.interval) is not None:
            self.go_to(interval.interval.apex_s)
        elif (point := self.point) is not None:
            self.go_to(point.time_s)
        elif (exclusion := self.exclusion) is not None:
            self.go_to(exclusion.start_s)

    def select(self, a_s: float, b_s: float) -> None:
        """Select the stretch between two times."""
        start_s, end_s = sorted((self.snapped(a_s), self.snapped(b_s)))
        selection = Selection(start_s, end_s)
        if selection != self.selection:
            self.selection = selection
            self.selected.emit()

    def unselect(self) -> None:
        if self.selection is not None:
            self.selection = None
            self.selected.emit()

    def mark_start(self) -> None:
        """The selection begins at the cursor."""
        kept = self.selection is not None and self.selection.end_s > self.now_s
        self.select(self.now_s, self.selection.end_s if self.selection and kept else self.now_s)

    def mark_end(self) -> None:
        """The selection ends at the cursor."""
        kept = self.selection is not None and self.selection.start_s < self.now_s
        self.select(self.selection.start_s if self.selection and kept else self.begin_s, self.now_s)

    # -- edits --------------------------------------------------------------------------------------------------------

    def accept(self) -> None:
        if (chosen := self._needed_interval()) is not None:
            self._edit(lambda: self.review.accept(chosen.id), f"Accepted {_words(chosen)}")

    def reject(self) -> None:
        """Say that the picked interval is wrong; one that a person made goes."""
        if (chosen := self._needed_interval()) is not None:
            done = "Deleted" if chosen.source == PERSON else "Rejected"
            self._edit(lambda: self.review.reject(chosen.id), f"{done} {_words(chosen)}")

    def reset(self) -> None:
        """Take back what was said of the picked interval."""
        if (chosen := self._needed_interval()) is None:
            return
        if not self.review.can_reset(chosen.id):
            mine = chosen.source == PERSON
            self.said.emit("There is nothing to take it back to" if mine else "It is as it was found already")
            return
        apex_s = chosen.interval.apex_s
        if self._edit(lambda: self.review.reset(chosen.id), f"{_words(chosen).capitalize()} is as it was found"):
            there = (i for i in self.listed() if i.interval.onset_s <= apex_s <= i.interval.offset_s)
            if self.pick is None and (found := next(there, None)) is not None:
                self.choose(Pick(Kind.INTERVAL, found.id))

    def retype(self, kind: ExpressionType | None = None) -> None:
        """Make the picked interval or point ``kind``, or the other type than it is."""
        if (point := self.point) is not None:
            target = kind or _other(point.type)
            if target is not point.type:
                self._edit(lambda: self.review.retype_point(point.id, target), f"Point is {target} now")
        elif (chosen := self._needed_interval()) is not None:
            target = kind or _other(chosen.interval.type)
            if target is not chosen.interval.type:
                made = self._try(lambda: self.review.retype(chosen.id, target))
                self._changed(Kind.INTERVAL, made, f"Changed to {target}")

    def move(
        self, id: int, onset_s: float | None = None, apex_s: float | None = None, offset_s: float | None = None
    ) -> None:
        """Give an interval other times."""
        revision = self.review.revision
        made = self._try(lambda: self.review.move(id, onset_s=onset_s, apex_s=apex_s, offset_s=offset_s))
        if self.review.revision != revision:
            name = "onset" if onset_s is not None else "apex" if apex_s is not None else "offset"
            self._changed(Kind.INTERVAL, made, f"Moved the {name}")

    def move_point(self, id: int, time_s: float) -> None:
        self._edit(lambda: self.review.move_point(id, time_s), "Moved the point")

    def delete(self) -> None:
        """Take away what is picked: a person's interval, a point, an exclusion; a model's interval is rejected."""
        if (point := self.point) is not None:
            self._edit(lambda: self.review.remove_point(point.id), "Deleted the point")
        elif (exclusion := self.exclusion) is not None:
            self._edit(lambda: self.review.include_again(exclusion.id), "Included the range again")
        else:
            self.reject()

    def add_point(self, kind: ExpressionType) -> None:
        """Put a point label at the cursor."""
        made = self._try(lambda: self.review.add_point(self.now_s, kind))
        self._changed(Kind.POINT, made, f"{kind_name(kind)} point at {clock(self.now_s, 2)}")

    def add_interval(self) -> None:
        """Make the selection an interval; its length decides the type, the highest intensity in it the apex."""
        if (selection := self._needed_selection("mark an interval")) is None:
            return
        start_s, end_s = selection.start_s, selection.end_s
        kind = ExpressionType.MICRO if end_s - start_s <= MICRO_LIMIT_S + 1e-6 else ExpressionType.MACRO
        made = self._try(lambda: self.review.add_interval(kind, start_s, self._peak(start_s, end_s), end_s))
        if made is not None:
            self.unselect()
        self._changed(Kind.INTERVAL, made, f"Added a {kind} interval of {duration(end_s - start_s)}")

    def exclude(self, reason: str = "") -> None:
        """Leave the selection out of what counts."""
        if (selection := self._needed_selection("leave a range out")) is None:
            return
        made = self._try(lambda: self.review.exclude(selection.start_s, selection.end_s, reason))
        if made is not None:
            self.unselect()
        self._changed(Kind.EXCLUSION, made, f"Left out {duration(selection.end_s - selection.start_s)}")

    def set_thresholds(self, thresholds: Thresholds) -> None:
        if thresholds != self.state.thresholds:
            self._edit(lambda: self.review.set_thresholds(thresholds), "Found again with the new thresholds")

    def undo(self) -> None:
        self._history(self.review.undo_text, self.review.undo, "Undid: {}", "There is nothing to undo")

    def redo(self) -> None:
        self._history(self.review.redo_text, self.review.redo, "Did again: {}", "There is nothing to do again")

    # -- how ----------------------------------------------------------------------------------------------------------

    def _history(self, text: str | None, act: Callable[[], object], done: str, nothing: str) -> None:
        """text: of the edit that ``act`` takes back or does again."""
        if text is None:
            self.said.emit(nothing)
        else:
            self._edit(act, done.format(text))

    def _edit(self, act: Callable[[], object], text: str) -> bool:
        revision = self.review.revision
        self._try(act)
        done = self.review.revision != revision
        if done:
            self._changed(None, None, text)
        return done

    def _try(self, act: Callable[[], _T]) -> _T | None:
        """Do it; what cannot be done becomes a sentence."""
        try:
            return act()
        except ApexspotError as error:
            self.failed.emit(str(error))
            return None

    def _changed(self, kind: Kind | None, made: int | None, text: str) -> None:
        """Tell the panels; ``made`` is picked, and what is no longer there is not picked any more."""
        if kind is not None and made is None:
            return
        if kind is not None and made is not None:
            self.pick = Pick(kind, made)
        elif self.pick is not None and not self._exists(self.pick):
            self.pick = None
        self.edited.emit()
        self.picked.emit()
        if text:
            self.said.emit(f"{text} · saved")

    def _exists(self, pick: Pick) -> bool:
        rows: tuple[StoredInterval, ...] | tuple[StoredPoint, ...] | tuple[Exclusion, ...]
        if pick.kind is Kind.INTERVAL:
            rows = self.listed()
        else:
            rows = self.state.points if pick.kind is Kind.POINT else self.state.exclusions
        return any(row.id == pick.id for row in rows)

    def _find(self, kind: Kind, rows: tuple[_T, ...]) -> _T | None:
        if self.pick is None or self.pick.kind is not kind:
            return None
        return next((row for row in rows if row.id == self.pick.id), None)  # type: ignore[attr-defined]

    def _needed_interval(self) -> StoredInterval | None:
        chosen = self.interval
        if chosen is None:
            self.said.emit("Pick an interval first: N and P go from one to the next")
        return chosen

    def _needed_selection(self, purpose: str) -> Selection | None:
        if self.selection is None or self.selection.start_s >= self.selection.end_s:
            self.said.emit(f"Select a range to {purpose}: drag with Shift in the curve, or press [ and ]")
            return None
        return self.selection

    def _peak(self, start_s: float, end_s: float) -> float:
        """Time of the highest intensity between two times; their middle where none is known."""
        first, last = self.review.frame_at(start_s), self.review.frame_at(end_s)
        values = self.frames.intensity[first : last + 1]
        if np.isfinite(values).any():
            return self.time_of(first + int(np.nanargmax(values)))
        return self.snapped((start_s + end_s) / 2)


def _words(stored: StoredInterval) -> str:
    return f"{stored.interval.type} at {clock(stored.interval.apex_s, 2)}"


def _other(kind: ExpressionType) -> ExpressionType:
    return ExpressionType.MICRO if kind is ExpressionType.MACRO else ExpressionType.MACRO
