"""Changes of single rows: what an edit is made of, and how it is done and undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol, TypeAlias, TypeVar

from app.review.state import Exclusion, ReviewState, StoredInterval, StoredPoint, Thresholds


class Row(Protocol):
    """A row of one of the tables."""

    @property
    def id(self) -> int: ...


R = TypeVar("R", bound=Row)

Change: TypeAlias = tuple[R | None, R | None]
"""A row before and after; ``None`` where there is none."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person did, as the rows that it changed. text: in a few words, for a person."""

    number: int
    text: str
    intervals: tuple[Change[StoredInterval], ...] = ()
    points: tuple[Change[StoredPoint], ...] = ()
    exclusions: tuple[Change[Exclusion], ...] = ()
    thresholds: tuple[Thresholds, Thresholds] | None = None

    def reversed(self) -> Edit:
        """The edit that takes this one back."""
        return replace(
            self,
            intervals=tuple((b, a) for a, b in self.intervals),
            points=tuple((b, a) for a, b in self.points),
            exclusions=tuple((b, a) for a, b in self.exclusions),
            thresholds=self.thresholds and (self.thresholds[1], self.thresholds[0]),
        )

    def __bool__(self) -> bool:
        return bool(self.intervals or self.points or self.exclusions or self.thresholds)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of ``edits.jsonl``. edit: what was done. of: the number of the edit that was undone or done again.

    analysed: another model has scored the recording anew; what was before is not undone.
    """

    utc: datetime
    kind: Literal["edit", "undo", "redo", "analysed"]
    edit: Edit | None = None
    of: int | None = None


@dataclass(slots=True)
class History:
    """Edits that are done and undone, and every row that there ever was."""

    done: list[Edit] = field(default_factory=list)
    undone: list[Edit] = field(default_factory=list)
    newest: Edit | None = None
    """The newest change of the tables, reversed where it was an undo."""
    _seen: list[Edit] = field(default_factory=list)
    _made: dict[int, int] = field(default_factory=dict)
    """``made_of`` as it stood at the latest analysis, before which nothing is undone."""

    def take(self, line: LogLine) -> None:
        """Follow a line of the log.

        Raises:
            ValueError: it does not fit those before.
        """
        match line.kind:
            case "edit" if line.edit is not None:
                self.done.append(line.edit)
                self.undone.clear()
                self._seen.append(line.edit)
                self.newest = line.edit
            case "undo" if self.done and self.done[-1].number == line.of:
                self.undone.append(self.done.pop())
                self.newest = self.undone[-1].reversed()
            case "redo" if self.undone and self.undone[-1].number == line.of:
                self.done.append(self.undone.pop())
                self.newest = self.done[-1]
            case "analysed" if line.edit is not None:
                self._made = self.made_of()
                self.done.clear()
                self.undone.clear()
                self._seen.append(line.edit)
                self.newest = line.edit
            case _:
                raise ValueError(f"{line.kind} of {line.of}")

    @property
    def next_number(self) -> int:
        return max((edit.number for edit in self._seen), default=0) + 1

    def highest(self, rows: Callable[[Edit], Iterable[Change[R]]]) -> int:
        """The highest id that the log knows of in a table."""
        return max((row.id for edit in self._seen for pair in rows(edit) for row in pair if row is not None), default=0)

    def found_before(self) -> dict[tuple[object, ...], int]:
        """Ids of the model's intervals that there ever were, by ``content``."""
        rows = (row for edit in self._seen for pair in edit.intervals for row in pair if row is not None)
        return {content(row): row.id for row in rows if row.source == "model"}

    def made_of(self) -> dict[int, int]:
        """The person's interval that took the place of a model's, by the model's id."""
        made = dict(self._made)
        for edit in self.done:
            gone = [a.id for a, b in edit.intervals if a is not None and b is not None and b.status == "replaced"]
            new = [b.id for a, b in edit.intervals if a is None and b is not None]
            if len(gone) == len(new) == 1:
                made[gone[0]] = new[0]
        return made

    def thresholds(self, first: Thresholds) -> Thresholds:
        """Those that hold now; ``first``: those of the recording."""
        return next((e.thresholds[1] for e in reversed(self.done) if e.thresholds is not None), first)


def content(row: StoredInterval) -> tuple[object, ...]:
    """What tells a model's interval from another."""
    i = row.interval
    return i.type, i.onset_frame, i.apex_frame, i.offset_frame


class Conflict(Exception):
    """A row is not what an edit expects: something else has changed the table."""


def apply_edit(state: ReviewState, edit: Edit, *, lenient: bool = False) -> ReviewState:
    """The state after an edit. lenient: pass over rows that are not as expected, instead of raising.

    Raises:
        Conflict: a row is neither as it was before the edit nor as it is after it.
    """
    intervals = _changed(state.intervals, edit.intervals, lenient)
    points = _changed(state.points, edit.points, lenient)
    exclusions = _changed(state.exclusions, edit.exclusions, lenient)
    return ReviewState(
        intervals=tuple(sorted(intervals, key=lambda r: (r.interval.onset_s, r.interval.offset_s, r.id))),
        points=tuple(sorted(points, key=lambda r: (r.time_s, r.id))),
        exclusions=tuple(sorted(exclusions, key=lambda r: (r.start_s, r.id))),
        thresholds=state.thresholds if edit.thresholds is None else edit.thresholds[1],
    )


def _changed(rows: Iterable[R], changes: Iterable[Change[R]], lenient: bool) -> Iterable[R]:
    by_id: dict[int, R] = {row.id: row for row in rows}
    for before, after in changes:
        row = before if before is not None else after
        if row is None:
            continue
        now = by_id.get(row.id)
        if now not in (before, after):
            if lenient:
                continue
            raise Conflict
        if after is None:
            by_id.pop(row.id, None)
        else:
            by_id[row.id] = after
    return by_id.values()
