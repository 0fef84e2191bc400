"""What a recording that is decoded again changes: which of the intervals are new, and which a person has judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.review.rows import Change, content
from app.review.saved import frames_iou, rounded
from app.review.state import MODEL, ReviewState, Status, StoredInterval
from models.types import Interval

SAME_IOU = 0.5
"""An interval that is decoded again is the one that a person touched, from this overlap on."""


def found_again(
    state: ReviewState, decoded: tuple[Interval, ...], known: dict[tuple[object, ...], int], next_id: int
) -> tuple[Change[StoredInterval], ...]:
    """What a new decoding changes: rows that no person touched go, unless they are found again.

    known: ids of intervals that were found at some time, which they get back. next_id: of one that was never found.
    """
    touched = touched_by_person(state)
    untouched = {content(row): row for row in state.intervals if row.source == MODEL and row.status == Status.FOUND}
    changes: list[Change[StoredInterval]] = []
    for interval in map(rounded, decoded):
        if is_one_of(interval, touched):
            continue
        row = StoredInterval(next_id, interval, MODEL, Status.FOUND.value)
        if untouched.pop(content(row), None) is not None:
            continue
        before = known.get(content(row))
        if before is None:
            next_id += 1
        changes.append((None, replace(row, id=before or row.id)))
    return (*((row, None) for row in untouched.values()), *changes)


def touched_by_person(state: ReviewState) -> tuple[Interval, ...]:
    """Intervals that a person made, or said something of; what is decoded again does not list them a second time."""
    return tuple(row.interval for row in state.intervals if row.source != MODEL or row.status != Status.FOUND)


def is_one_of(interval: Interval, others: Iterable[Interval]) -> bool:
    """Whether an interval is one of ``others``: of the same type, and it overlaps by ``SAME_IOU`` or more."""
    return any(interval.type is other.type and frames_iou(interval, other) >= SAME_IOU for other in others)
