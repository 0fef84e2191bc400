"""The times of a live stream's pictures, where they carry any."""

from __future__ import annotations

from app.arrival_clock import ArrivalClock

MOST_DRIFT_S = 5.0
"""How far the own times may leave the clock on the wall. A network that stalls and catches up, or a server that
sends what it has kept at the start, moves arrivals by seconds while the times stay right: they are believed."""

_BACK_S = 1.0
"""Times that fall back by more begin anew; by less, a picture is a repeated or belated one."""

_STEP_S = 0.001
"""Between the last picture and the first one after a new beginning, where nothing else is known."""


class StreamClock:
    """From a stream's own times to seconds since its first picture, over all connections.

    The own times count as they are. They are set anew against the time of arrival with every connection, where they
    jump, and where they differ from it for good: by the least difference of the last 30 to 60 s, since a picture may
    come late but never early. Times never fall back, so no picture is lost to that.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._own_s = self._last_s = 0.0
        self._arrivals = ArrivalClock()

    def restart(self) -> None:
        """Another connection; its own times may begin anew."""
        self._offset_s = None

    def time_s(self, own_s: float, arrival_s: float, follow: bool = True) -> float:
        """Time of a picture.

        own_s: as the stream says. arrival_s: since the first picture of all. follow: arrivals tell the real time;
        False where a file is read as fast as it comes.
        """
        offset_s = self._offset_s
        if offset_s is None or (follow and self._jumps(own_s, own_s + offset_s - arrival_s)):
            least_s = self._last_s + _STEP_S if offset_s is not None or self._last_s > 0.0 else 0.0
            offset_s = max(arrival_s, least_s) - own_s
            self._arrivals = ArrivalClock()
        self._arrivals.observe(own_s, arrival_s)
        later_s = self._arrivals.offset_s
        if follow and later_s is not None and later_s - offset_s > MOST_DRIFT_S:
            offset_s = later_s
        self._offset_s, self._own_s = offset_s, own_s
        self._last_s = max(self._last_s, own_s + offset_s)
        return own_s + offset_s

    def _jumps(self, own_s: float, ahead_s: float) -> bool:
        return own_s < self._own_s - _BACK_S or ahead_s > MOST_DRIFT_S
