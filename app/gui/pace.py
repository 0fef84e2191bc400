"""How often the window is drawn: as often as leaves the processor to the analysis."""

from __future__ import annotations

SHORTEST_MS, LONGEST_MS = 33, 250

_SHARE = 1 / 4
"""Of one core's time that drawing may take."""

_FRESH = 0.2
"""What the newest round of drawing counts in the mean; a single slow one (a dialog, a new size) changes little."""


class DrawingPace:
    """Time between two rounds of drawing, from what the last ones took.

    Qt's widgets draw on the processor: a window that fills a 4K screen takes several times as long as one of 1280x720,
    and on a machine of two cores that cost analysed frames. Seldom drawn, the curve still shows every score.
    """

    def __init__(self) -> None:
        self._round_s = 0.0
        self._mean_s = 0.0

    def drew(self, took_s: float) -> None:
        """A part of the window was drawn."""
        self._round_s += took_s

    def next_ms(self) -> int:
        """A round is over; milliseconds from its beginning to that of the next."""
        self._mean_s += _FRESH * (self._round_s - self._mean_s)
        self._round_s = 0.0
        return round(min(max(1000.0 * self._mean_s / _SHARE, SHORTEST_MS), LONGEST_MS))
