"""Long curves, thinned for the screen: from two hours of frames only as many points are drawn as there are pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.session.reader import FrameTable
from models.types import LOW_QUALITY, BoolArray, FloatArray, Scores

FACTOR = 2
"""How much coarser each level is than the one before."""

HOLE_S = 0.25
"""Frames that were lost leave a gap in the curve where no frame was looked at for longer than this."""

Span = tuple[float, float]


class Envelope:
    """Lowest and highest values of a recording's three curves, at several coarsenesses.

    Thinning by minimum and maximum keeps every peak, however short; taking every n-th point would lose
    micro-expressions.

    Attributes:
        gaps: where no face was seen, or frames were lost. unreliable: frames whose quality is low.
    """

    def __init__(self, frames: FrameTable) -> None:
        kept = _drawn(frames)
        time_s, quality = frames.time_s[kept], np.nan_to_num(frames.quality[kept], nan=1.0)
        seen = frames.face[kept]
        values = np.stack([frames.intensity[kept], frames.macro[kept], frames.micro[kept]]).astype(np.float32)
        self.gaps = Runs(time_s, ~seen)
        self.unreliable = Runs(time_s, seen & (quality < LOW_QUALITY))
        self._time_s = time_s
        self._values = values
        self._levels: list[tuple[NDArray[np.float64], FloatArray]] = []
        low = high = values
        times = time_s
        while len(times) > 512:
            starts = np.arange(0, len(times), FACTOR)
            low, high = np.fmin.reduceat(low, starts, axis=1), np.fmax.reduceat(high, starts, axis=1)
            width = np.diff(np.append(starts, len(times)))
            middle = times[starts + width // 2]
            times = times[starts]
            pairs = np.stack([low, high], axis=2).reshape(len(values), -1)
            self._levels.append((np.stack([times, middle], axis=1).ravel(), pairs))

    def part(self, begin_s: float, end_s: float, most: int) -> Scores:
        """The curves between two times, and a point more on either side, with about ``most`` points or fewer."""
        time_s, values = self._time_s, self._values
        part = _inside(time_s, begin_s, end_s)
        for coarse_s, coarse in self._levels:
            if part.stop - part.start <= most:
                break
            time_s, values = coarse_s, coarse
            part = _inside(time_s, begin_s, end_s)
        intensity, macro, micro = values[:, part]
        time_s = time_s[part]
        return Scores(time_s, np.isfinite(intensity), intensity, macro, micro, np.ones(len(time_s), np.float32))

    def peaks(self, columns: int) -> FloatArray:
        """(columns,): the highest intensity in each of as many equal stretches of the whole time, NaN where none."""
        result = np.full(columns, np.nan, np.float32)
        if not len(self._time_s):
            return result
        scores = self.part(float(self._time_s[0]), float(self._time_s[-1]), max(8 * columns, 1024))
        length_s = max(float(self._time_s[-1] - self._time_s[0]), 1e-9)
        column = ((scores.time_s - self._time_s[0]) / length_s * columns).astype(np.int64).clip(0, columns - 1)
        np.fmax.at(result, column, scores.intensity)
        if len(self._time_s) < 2 * columns:  # a short recording: columns between two frames
            middle_s = self._time_s[0] + (np.arange(columns) + 0.5) / columns * length_s
            result = np.fmax(result, np.interp(middle_s, scores.time_s, scores.intensity).astype(np.float32))
        return result


class Runs:
    """Stretches of chosen frames; a stretch ends where the next frame begins."""

    def __init__(self, time_s: NDArray[np.float64], chosen: BoolArray) -> None:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
        self._begin_s = time_s[edges[::2]]
        self._end_s = time_s[np.minimum(edges[1::2], max(len(time_s) - 1, 0))]

    def between(self, begin_s: float, end_s: float) -> tuple[Span, ...]:
        """Those that reach into a stretch of time, as (begin, end)."""
        part = slice(int(np.searchsorted(self._end_s, begin_s)), int(np.searchsorted(self._begin_s, end_s, "right")))
        return tuple(zip(self._begin_s[part].tolist(), self._end_s[part].tolist(), strict=True))


def _drawn(frames: FrameTable) -> BoolArray:
    """All frames but single ones that a busy machine never looked at: the curve goes on across them."""
    kept = frames.analysed.copy()
    looked_at, lost = frames.time_s[kept], np.flatnonzero(~kept)
    if len(looked_at):
        after = np.searchsorted(looked_at, frames.time_s[lost])
        begin_s = looked_at[np.maximum(after - 1, 0)]
        end_s = looked_at[np.minimum(after, len(looked_at) - 1)]
        kept[lost] = (end_s - begin_s > HOLE_S) | (after == 0) | (after == len(looked_at))
    return kept


def _inside(time_s: NDArray[np.float64], begin_s: float, end_s: float) -> slice:
    first = max(int(np.searchsorted(time_s, begin_s)) - 1, 0)
    return slice(first, int(np.searchsorted(time_s, end_s, side="right")) + 1)
