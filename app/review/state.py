"""What a review is at one moment. Values alone; ``app.review.review`` changes and stores them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.session.reader import Exclusion, Session, StoredInterval, StoredPoint
from models.decode import LEAST_MOTION_IOD

__all__ = ["PERSON", "Exclusion", "ReviewState", "Status", "StoredInterval", "StoredPoint", "Thresholds"]

MODEL, PERSON = "model", "person"
"""Sources of an interval."""


class Status(StrEnum):
    """What a person said of an interval. found: nothing yet. replaced: a person made another one of it."""

    FOUND = "found"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REPLACED = "replaced"


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
        """The intervals that count now: found or accepted."""
        return tuple(i for i in self.intervals if i.status in (Status.FOUND, Status.ACCEPTED))
