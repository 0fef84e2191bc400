"""One opened recording, what a person does with it, and the history of that."""

from __future__ import annotations

from dataclasses import astuple, fields, replace
from pathlib import Path

import numpy as np

from app.review.again import found_again
from app.review.rows import Change, Edit, R
from app.review.saved import SavedReview, rounded
from app.review.scoring import Decoder, load_decoder
from app.review.state import PERSON, Exclusion, ReviewState, Status, StoredInterval, StoredPoint, Thresholds
from app.session.reader import FrameTable, Session, read_session
from models.errors import UsageError
from models.types import ExpressionType, Interval

PERSON_SCORE = 1.0
"""Score of an interval that a person made."""

_THRESHOLDS = {
    "intensity": "the intensity threshold",
    "macro": "the macro threshold",
    "micro": "the micro threshold",
    "movement": "the smallest movement",
    "in_speech": "the movement in speech",
}


class Review:
    """One opened recording and its history of edits. Used from one thread; every edit is on the disk when it returns.

    Times given are snapped to the nearest frame. Every edit raises ``UsageError`` for what makes no sense, and
    ``OutputError`` where it cannot be saved; nothing has changed then.

    Attributes:
        folder: the session's folder.
        session: what was recorded, as it stood when it was opened.
        frames: a row per source frame.
    """

    def __init__(self, session: Session) -> None:
        self.folder: Path = session.folder
        self.session = session
        self.frames: FrameTable = session.frames
        self.revision = 0
        self._saved = SavedReview(session)
        self._decoder: Decoder | None = None

    @staticmethod
    def open(folder: Path) -> Review:
        """Open a session folder.

        Raises:
            DataError, UsageError: it is no session, or is damaged.
        """
        if not folder.is_dir():
            raise UsageError(f"There is no folder {folder}.")
        return Review(read_session(folder))

    @property
    def state(self) -> ReviewState:
        """What there is now."""
        return self._saved.state

    @property
    def read_only(self) -> str | None:
        """Why nothing can be changed, a sentence; ``None`` where it can."""
        return self._saved.read_only

    def close(self) -> None:
        """Let another window edit the session; harmless when repeated. Every edit is on the disk without it."""
        self._saved.close()

    def frame_at(self, time_s: float) -> int:
        """Row of ``frames`` that is nearest in time.

        Raises:
            UsageError: the recording has no frame.
        """
        times = self.frames.time_s
        if not len(times):
            raise UsageError(f"{self.folder} has no frames.")
        right = int(np.clip(np.searchsorted(times, time_s), 1, max(len(times) - 1, 1)))
        if right >= len(times) or time_s - times[right - 1] <= times[right] - time_s:
            return right - 1
        return right

    # -- intervals ------------------------------------------------------------------------------------------------

    def accept(self, id: int) -> None:
        """Say that an interval of the model is right."""
        self._judge(id, Status.ACCEPTED)

    def reject(self, id: int) -> None:
        """Say that an interval of the model is wrong. One that a person made is removed instead."""
        if self._interval(id).source == PERSON:
            self.remove_interval(id)
        else:
            self._judge(id, Status.REJECTED)

    def retype(self, id: int, type_: ExpressionType) -> int:
        """Make a macro of a micro or the other way round; returns the id of the row that now holds."""
        row = self._interval(id)
        return self._remake(row, replace(row.interval, type=type_), f"made a {type_} of {_named(row)}")

    def move(
        self, id: int, onset_s: float | None = None, apex_s: float | None = None, offset_s: float | None = None
    ) -> int:
        """Move an interval's onset, apex or offset; returns the id of the row that now holds.

        An apex that would lie outside goes with the end that is moved.
        """
        row = self._interval(id)
        i = row.interval
        if onset_s is not None:
            at_s, frame = self._snapped(onset_s)
            i = replace(i, onset_s=at_s, onset_frame=frame)
        if offset_s is not None:
            at_s, frame = self._snapped(offset_s)
            i = replace(i, offset_s=at_s, offset_frame=frame)
        if apex_s is not None:
            at_s, frame = self._snapped(apex_s)
            i = replace(i, apex_s=at_s, apex_frame=frame)
        elif i.apex_frame < i.onset_frame:
            i = replace(i, apex_s=i.onset_s, apex_frame=i.onset_frame)
        elif i.apex_frame > i.offset_frame:
            i = replace(i, apex_s=i.offset_s, apex_frame=i.offset_frame)
        return self._remake(row, i, f"moved {_named(row)}")

    def add_interval(self, type_: ExpressionType, onset_s: float, apex_s: float, offset_s: float) -> int:
        """Add an interval; returns its id."""
        (onset, onset_frame), (apex, apex_frame), (offset, offset_frame) = map(
            self._snapped, (onset_s, apex_s, offset_s)
        )
        interval = Interval(type_, onset, apex, offset, onset_frame, apex_frame, offset_frame, PERSON_SCORE)
        _check(interval)
        row = StoredInterval(self._next_interval(), interval, PERSON, Status.ACCEPTED.value)
        self._do(f"added {_named(row)}", intervals=((None, row),))
        return row.id

    def remove_interval(self, id: int) -> None:
        """Remove an interval that a person made. Where it had taken the place of a model's, that one is rejected."""
        row = self._interval(id)
        if row.source != PERSON:
            raise UsageError("The model found this interval; it is rejected, not removed.")
        changes: list[Change[StoredInterval]] = [(row, None)]
        if (origin := self._origin(id)) is not None:
            changes.append((origin, replace(origin, status=Status.REJECTED.value)))
        self._do(f"removed {_named(row)}", intervals=tuple(changes))

    def reset(self, id: int) -> None:
        """Take an interval back to what the model found; what a person made of it goes."""
        row = self._interval(id)
        origin = self._origin(id) if row.source == PERSON else row
        if origin is None:
            raise UsageError("A person added this interval; there is nothing to take it back to.")
        changes: list[Change[StoredInterval]] = []
        if origin.status != Status.FOUND:
            changes.append((origin, replace(origin, status=Status.FOUND.value)))
        made = self._saved.history.made_of().get(origin.id)
        changes += [(other, None) for other in self.state.intervals if other.id == made and other.source == PERSON]
        self._do(f"took back {_named(origin)}", intervals=tuple(changes))

    def can_reset(self, id: int) -> bool:
        """Whether there is something that ``reset`` would take an interval back to."""
        row = self._interval(id)
        return row.status != Status.FOUND and (row.source != PERSON or self._origin(id) is not None)

    def _judge(self, id: int, status: Status) -> None:
        row = self._interval(id)
        if row.status == Status.REPLACED:
            raise UsageError("A person made another interval of this one; take it back first.")
        if row.status != status:
            self._do(f"{status} {_named(row)}", intervals=((row, replace(row, status=status.value)),))

    def _remake(self, row: StoredInterval, interval: Interval, text: str) -> int:
        interval = rounded(interval)
        if interval == row.interval:
            return row.id
        _check(interval)
        if row.source == PERSON:
            self._do(text, intervals=((row, replace(row, interval=interval)),))
            return row.id
        if row.status == Status.REPLACED:
            raise UsageError("A person made another interval of this one already.")
        interval = replace(interval, score=PERSON_SCORE)
        new = StoredInterval(self._next_interval(), interval, PERSON, Status.ACCEPTED.value)
        self._do(text, intervals=((row, replace(row, status=Status.REPLACED.value)), (None, new)))
        return new.id

    def _origin(self, id: int) -> StoredInterval | None:
        """The model's interval that a person's took the place of."""
        of = next((model for model, person in self._saved.history.made_of().items() if person == id), None)
        return next((row for row in self.state.intervals if row.id == of), None)

    def _interval(self, id: int) -> StoredInterval:
        return _by_id(self.state.intervals, id, "interval")

    def _next_interval(self) -> int:
        ids = (row.id for row in self.state.intervals)
        return max(*ids, self._saved.history.highest(lambda edit: edit.intervals), 0) + 1

    # -- points and exclusions ------------------------------------------------------------------------------------

    def add_point(self, time_s: float, type_: ExpressionType) -> int:
        """Put a point label; returns its id. A frame has one: another type than is there already takes its place."""
        at_s, frame = self._snapped(time_s)
        if (there := self._point_at(frame)) is not None:
            if there.type is type_:
                raise UsageError(_taken(there))
            self.retype_point(there.id, type_)
            return there.id
        known = self._saved.history.highest(lambda edit: edit.points)
        row = StoredPoint(max(*(p.id for p in self.state.points), known, 0) + 1, at_s, frame, type_, PERSON)
        self._do(f"put a {type_} point at {_at(at_s)}", points=((None, row),))
        return row.id

    def move_point(self, id: int, time_s: float) -> None:
        """Move a point label, to a frame that has none."""
        row = _by_id(self.state.points, id, "point")
        at_s, frame = self._snapped(time_s)
        if frame != row.frame:
            if (there := self._point_at(frame)) is not None:
                raise UsageError(_taken(there))
            new = replace(row, time_s=at_s, frame=frame)
            self._do(f"moved the {row.type} point at {_at(row.time_s)}", points=((row, new),))

    def retype_point(self, id: int, type_: ExpressionType) -> None:
        """Make a macro point a micro point or the other way round."""
        row = _by_id(self.state.points, id, "point")
        if type_ is not row.type:
            self._do(
                f"made a {type_} of the {row.type} point at {_at(row.time_s)}",
                points=((row, replace(row, type=type_)),),
            )

    def remove_point(self, id: int) -> None:
        """Remove a point label."""
        row = _by_id(self.state.points, id, "point")
        self._do(f"removed the {row.type} point at {_at(row.time_s)}", points=((row, None),))

    def _point_at(self, frame: int) -> StoredPoint | None:
        return next((point for point in self.state.points if point.frame == frame), None)

    def exclude(self, start_s: float, end_s: float, reason: str = "") -> int:
        """Take a stretch out of what counts; returns the exclusion's id."""
        (start, start_frame), (end, end_frame) = self._snapped(start_s), self._snapped(end_s)
        if end_frame <= start_frame:
            raise UsageError("A stretch to exclude ends after its start.")
        known = self._saved.history.highest(lambda edit: edit.exclusions)
        number = max(*(e.id for e in self.state.exclusions), known, 0) + 1
        row = Exclusion(number, start, end, start_frame, end_frame, " ".join(reason.split()))
        self._do(f"excluded {_at(start)} to {_at(end)}", exclusions=((None, row),))
        return row.id

    def include_again(self, id: int) -> None:
        """Let an excluded stretch count again."""
        row = _by_id(self.state.exclusions, id, "excluded stretch")
        self._do(f"included {_at(row.start_s)} to {_at(row.end_s)} again", exclusions=((row, None),))

    # -- thresholds -----------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Do what the first ``preview`` would have to; may run on another thread while nothing else is done here.

        Raises:
            UsageError: see ``preview``.
        """
        if self._decoder is None:
            self._decoder = load_decoder(self.session, keep=self.read_only is None)

    def preview(self, thresholds: Thresholds) -> tuple[Interval, ...]:
        """What the model would find with other thresholds; nothing is saved.

        Raises:
            UsageError: a threshold lies outside 0 to 1, or the session's model is not at hand and its scores were not
                kept.
        """
        if not all(0.0 <= value <= 1.0 for value in astuple(thresholds)):
            raise UsageError("Thresholds lie between 0 and 1.")
        self.prepare()
        assert self._decoder is not None
        return self._decoder.decode(thresholds)

    def set_thresholds(self, thresholds: Thresholds) -> None:
        """Decode again and save that as one edit; what a person touched stays as it is."""
        if thresholds == self.state.thresholds:
            return
        changes = found_again(
            self.state, self.preview(thresholds), self._saved.history.found_before(), self._next_interval()
        )
        before = self.state.thresholds
        self._do(_turned(before, thresholds), intervals=changes, thresholds=(before, thresholds))

    # -- history --------------------------------------------------------------------------------------------------

    @property
    def undo_text(self) -> str | None:
        """What ``undo`` would take back, in a few words; ``None`` where there is nothing."""
        done = self._saved.history.done
        return done[-1].text if done else None

    @property
    def redo_text(self) -> str | None:
        """What ``redo`` would do again; ``None`` where there is nothing."""
        undone = self._saved.history.undone
        return undone[-1].text if undone else None

    def undo(self) -> str | None:
        """Take the newest edit back; returns what that was, in a few words, ``None`` where there is nothing."""
        return self._changed(self._saved.undo())

    def redo(self) -> str | None:
        """Do again what was undone; returns what that was, ``None`` where there is nothing."""
        return self._changed(self._saved.redo())

    def _do(
        self,
        text: str,
        intervals: tuple[Change[StoredInterval], ...] = (),
        points: tuple[Change[StoredPoint], ...] = (),
        exclusions: tuple[Change[Exclusion], ...] = (),
        thresholds: tuple[Thresholds, Thresholds] | None = None,
    ) -> None:
        edit = Edit(self._saved.history.next_number, text, intervals, points, exclusions, thresholds)
        if edit:
            self._saved.do(edit)
            self.revision += 1

    def _changed(self, edit: Edit | None) -> str | None:
        if edit is None:
            return None
        self.revision += 1
        return edit.text

    def _snapped(self, time_s: float) -> tuple[float, int]:
        row = self.frame_at(time_s)
        return round(float(self.frames.time_s[row]), 6), int(self.frames.index[row])


def _check(i: Interval) -> None:
    if not i.onset_frame <= i.apex_frame <= i.offset_frame or i.onset_frame == i.offset_frame:
        raise UsageError("An interval's onset lies before its offset, and its apex between them.")


def _by_id(rows: tuple[R, ...], id: int, what: str) -> R:
    row = next((row for row in rows if row.id == id), None)
    if row is None:
        raise UsageError(f"There is no {what} {id}.")
    return row


def _turned(before: Thresholds, after: Thresholds) -> str:
    """What was set; of several thresholds at once only that."""
    names = [f.name for f in fields(before) if getattr(before, f.name) != getattr(after, f.name)]
    if len(names) != 1:
        return "set the thresholds"
    return f"set {_THRESHOLDS[names[0]]} to {getattr(after, names[0]):.3g}"


def _taken(point: StoredPoint) -> str:
    return f"There is a {point.type} point at {_at(point.time_s)} already."


def _named(row: StoredInterval) -> str:
    return f"the {row.interval.type} at {_at(row.interval.onset_s)}"


def _at(time_s: float) -> str:
    return f"{time_s:.2f} s"
