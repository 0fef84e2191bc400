"""The newest scores of each analysed frame, once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.per_frame import at_times
from models.types import FrameMotion, Scores, Update

CHANNELS = ("frame", "intensity", "macro", "micro", "quality")

_CARRY = 2
"""Final grid points kept, so that the next frame finds its left neighbour."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredFrames:
    """N frames: their times (N,) on the source's clock and the values (N, 5) of ``CHANNELS``.

    All but the frame's number are NaN where no face was seen.
    """

    time_s: NDArray[np.float64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time_s)


class NewestScores:
    """Gives each analysed frame its score as soon as the grid reaches it, provisional or not."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, int, bool]] = deque()
        self._tail = Scores.empty()

    def motion(self, motion: FrameMotion) -> None:
        self._waiting.append((motion.time_s, motion.index, motion.valid))

    def update(self, update: Update) -> ScoredFrames:
        """The frames that this step of the analysis has reached, in order."""
        final = Scores.concatenate([self._tail, update.final])
        grid = Scores.concatenate([final, update.provisional])
        self._tail = Scores(*(getattr(final, name)[-_CARRY:] for name in Scores.__dataclass_fields__))
        return self._until(float(grid.time_s[-1]) if len(grid) else -np.inf, grid)

    def rest(self) -> ScoredFrames:
        """All frames that are left; nothing more will come."""
        return self._until(np.inf, self._tail)

    def _until(self, end_s: float, grid: Scores) -> ScoredFrames:
        # a frame behind the last grid point waits: the next point may change what lies between
        frames = []
        while self._waiting and self._waiting[0][0] <= end_s:
            frames.append(self._waiting.popleft())
        time_s = np.array([time for time, _, _ in frames], np.float64)
        seen = np.array([valid for _, _, valid in frames], np.bool_)
        values = np.full((len(frames), len(CHANNELS)), np.nan)
        values[:, 0] = [index for _, index, _ in frames]
        for column, name in enumerate(CHANNELS[1:], start=1):
            values[:, column] = np.where(seen, at_times(grid, getattr(grid, name), time_s), np.nan)
        return ScoredFrames(time_s, values)
