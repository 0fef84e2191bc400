"""How often the window is drawn: as often as the analysis keeps up with the frames."""

from __future__ import annotations

SHORTEST_MS, LONGEST_MS = 33, 200

_SLOWER, _FASTER = 2.0, 0.995
"""Factors on the time between two rounds: once where frames were lost, and for each round in which none was."""


class DrawingPace:
    """Time between two rounds of drawing.

    Qt's widgets draw on the processor: a window that fills a 4K screen takes several times as long as one of 1280x720,
    and on a machine of two cores the analysis then loses frames. Seldom drawn, the curve still shows every score.
    """

    def __init__(self) -> None:
        self._ms: float = SHORTEST_MS
        self._dropped = 0

    def next_ms(self, dropped: int) -> int:
        """Milliseconds from this round to the next. dropped: frames that the running session has lost so far."""
        factor = _SLOWER if dropped > self._dropped else _FASTER
        self._dropped = dropped
        self._ms = min(max(self._ms * factor, SHORTEST_MS), LONGEST_MS)
        return round(self._ms)
