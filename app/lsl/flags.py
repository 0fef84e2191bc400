"""What becomes of an interval while its future is still to come: found, then confirmed or withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.types import Interval, Update


class FlagEvent(StrEnum):
    """found: first seen, still provisional. confirmed: final, and in the table. withdrawn: seen before, gone now."""

    FOUND = "found"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Flag:
    """One thing to tell.

    number: the flag's, from 1; the same from ``found`` to its end. id: the row in ``intervals.csv`` of a confirmed one.
    interval: as it stands now; for a withdrawn one, as it stood last.
    """

    event: FlagEvent
    number: int
    id: int | None
    interval: Interval


class FlagTracker:
    """Follows intervals from step to step.

    Two intervals are one and the same if they are of one type and share some time; of several the one that shares
    most. How an interval moves in between is not told: it does so with every step.
    """

    def __init__(self) -> None:
        self._open: dict[int, Interval] = {}
        self._raised = 0
        self._final = 0

    def step(self, update: Update) -> list[Flag]:
        """What the step brought, final intervals first."""
        flags = []
        for interval in update.intervals:
            self._final += 1
            number = self._match(interval, self._open)
            if number is None:
                number = self._next()
            self._open.pop(number, None)
            flags.append(Flag(FlagEvent.CONFIRMED, number, self._final, interval))
        before, self._open = self._open, {}
        for interval in update.provisional_intervals:
            number = self._match(interval, before)
            if number is None:
                number = self._next()
                flags.append(Flag(FlagEvent.FOUND, number, None, interval))
            else:
                del before[number]
            self._open[number] = interval
        flags += [Flag(FlagEvent.WITHDRAWN, number, None, interval) for number, interval in before.items()]
        return flags

    def _next(self) -> int:
        self._raised += 1
        return self._raised

    @staticmethod
    def _match(interval: Interval, among: dict[int, Interval]) -> int | None:
        shared = {number: _shared_s(interval, other) for number, other in among.items() if other.type is interval.type}
        best = max(shared, key=lambda number: shared[number], default=None)
        return best if best is not None and shared[best] > 0.0 else None


def _shared_s(a: Interval, b: Interval) -> float:
    return min(a.offset_s, b.offset_s) - max(a.onset_s, b.onset_s)
