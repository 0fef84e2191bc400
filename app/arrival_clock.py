"""From a source's clock to another one, learned from when its frames arrive."""

from __future__ import annotations

SPAN_S = 30.0
"""How long an arrival counts: at least this, at most twice as long."""


class ArrivalClock:
    """Where a source's times lie on the clock that arrivals are read from.

    A frame arrives a little after it was captured, never before, and that little varies: the thread that reads was
    kept waiting, the picture had to be decoded. The least difference between arrival and frame time is therefore the
    best estimate of the difference of the clocks; it is too large by the shortest delay there was. Taking it over the
    last 30 to 60 s follows a source whose clock runs at another speed, as that of a network stream may.

    One thread observes; any may convert.
    """

    def __init__(self, span_s: float = SPAN_S) -> None:
        self._span_s = span_s
        self._began_s: float | None = None
        self._least_s = self._earlier_s = float("inf")
        self._offset_s: float | None = None

    def observe(self, time_s: float, arrival_s: float) -> None:
        """A frame of the source's time ``time_s`` arrived at ``arrival_s``."""
        if self._began_s is None:
            self._began_s = arrival_s
        elif arrival_s - self._began_s >= self._span_s:
            self._began_s, self._earlier_s, self._least_s = arrival_s, self._least_s, float("inf")
        self._least_s = min(self._least_s, arrival_s - time_s)
        self._offset_s = min(self._least_s, self._earlier_s)

    @property
    def offset_s(self) -> float | None:
        """What to add to a time of the source; ``None`` before the first frame."""
        return self._offset_s
