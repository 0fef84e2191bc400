"""What a review is at one moment. Values alone; ``app.review.review`` changes and stores them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.session.reader import Exclusion, Session, StoredInterval, StoredPoint
from app.session.schema import Status
from models.decode import LEAST_MOTION_IOD

__all__ = ["PERSON", "Exclusion", "ReviewState", "Status", "StoredInterval", "StoredPoint", "Thresholds"]

MODEL, PERSON = "model", "person"
"""Sources of an interval."""

LEFT_OUT = "left out"
"""What is shown and exported as the status of an interval that lies in a stretch that a person excluded."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What decides which intervals the model finds, 0 to 1.

    intensity: the lowest intensity of an island. macro, micro: least score of an interval of that type. movement: how
    far some region must go in an interval, in inter-ocular distances; in_speech: the same where the face is talking.
    """

    intensity: float
    macro: float
    micro: float
    movement: float = LEAST_MOTION_IOD
    in_speech: float = 0.0

    @staticmethod
    def of(session: Session) -> Thresholds:
        """Those that a recording was decoded with."""
        first = session.info.thresholds
        return Thresholds(first.island, first.macro, first.micro, first.movement, first.in_speech)


@dataclass(frozen=True, slots=True)
class ReviewState:
    """A review at one moment. intervals: in order of onset. points, exclusions: in order of time."""

    intervals: tuple[StoredInterval, ...]
    points: tuple[StoredPoint, ...]
    exclusions: tuple[Exclusion, ...]
    thresholds: Thresholds

    def shown(self) -> tuple[StoredInterval, ...]:
        """The intervals that count now."""
        return tuple(i for i in self.intervals if counts(i, self.exclusions))


def counts(stored: StoredInterval, exclusions: Iterable[Exclusion]) -> bool:
    """Whether an interval counts: found or accepted, and its apex lies in no excluded stretch."""
    return stored.status in (Status.FOUND, Status.ACCEPTED) and not left_out(stored, exclusions)


def left_out(stored: StoredInterval, exclusions: Iterable[Exclusion]) -> bool:
    """Whether an interval's apex lies in an excluded stretch; ends are inclusive."""
    apex = stored.interval.apex_frame
    return any(e.start_frame <= apex <= e.end_frame for e in exclusions)


def standing(stored: StoredInterval, exclusions: Iterable[Exclusion]) -> str:
    """An interval's status for people and tables: ``left out`` where the stretch alone keeps it from counting."""
    judged = stored.status in (Status.REJECTED, Status.REPLACED)
    return LEFT_OUT if not judged and left_out(stored, exclusions) else stored.status
