"""From scores to intervals (method.md 1.8).

Where intensity stays above the lowest threshold is an island, and islands do not influence one another. Inside an
island every local maximum of a class's apex score is a candidate apex. Its interval is a run of intensity round the apex
above a fraction of the intensity there: of several fractions, the one with the highest outer-inner contrast. Candidates
of one class that overlap too much are reduced to the best (non-maximum suppression).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.types import FloatArray

CLASSES = ("macro", "micro")
MARGIN_SHARE = 0.2
"""Width of the margin on either side of an interval, as a share of its length, for the outer-inner contrast."""

Run = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ClassDecode:
    """Decoding of one class; lengths are in grid frames (30 Hz).

    threshold: least apex score of an interval. before, after: shortest and longest distance from the apex to the onset
    and to the offset. smooth_frames: radius of the triangular smoothing of the apex score.
    """

    threshold: float
    before: tuple[int, int]
    after: tuple[int, int]
    smooth_frames: int

    @property
    def shortest(self) -> int:
        return self.before[0] + self.after[0] + 1


@dataclass(frozen=True, slots=True)
class DecodeSettings:
    """island: lowest intensity threshold. fractions: levels tried, relative to the apex's intensity.

    nms_iou: overlap above which the weaker of two intervals of one class goes.
    """

    macro: ClassDecode = field(default_factory=lambda: ClassDecode(0.4, (8, 60), (10, 75), 4))
    micro: ClassDecode = field(default_factory=lambda: ClassDecode(0.4, (4, 7), (4, 8), 1))
    island: float = 0.1
    fractions: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6, 0.7)
    nms_iou: float = 0.3

    def of(self, class_index: int) -> ClassDecode:
        return (self.macro, self.micro)[class_index]

    def margin_frames(self, island_length: int) -> int:
        """Frames beyond either end of an island that its intervals may depend on."""
        smoothing = max(self.macro.smooth_frames, self.micro.smooth_frames)
        least = max(*self.macro.before[:1], *self.macro.after[:1], *self.micro.before[:1], *self.micro.after[:1])
        return smoothing + least + round(MARGIN_SHARE * (island_length + 2 * least)) + 2


@dataclass(frozen=True, slots=True)
class Found:
    """An interval in frames of the scores that were decoded; both ends inclusive."""

    class_index: int
    onset: int
    apex: int
    offset: int
    score: float


def smooth(scores: FloatArray, radius: int) -> FloatArray:
    """Triangular moving mean over ``2 radius + 1`` frames; the ends use what is there. scores: (T,)."""
    if radius <= 0 or len(scores) == 0:
        return scores
    kernel = (radius + 1.0) - np.abs(np.arange(-radius, radius + 1))
    total = np.convolve(scores, kernel)[radius : radius + len(scores)]
    weight = np.convolve(np.ones(len(scores)), kernel)[radius : radius + len(scores)]
    return (total / weight).astype(np.float32)


def runs_above(values: FloatArray, threshold: float) -> list[Run]:
    """Maximal runs of consecutive frames with values > threshold, as (first, last)."""
    above = np.concatenate([[False], values > threshold, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1])
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def iou(a: Run, b: Run) -> float:
    """Intersection over union of two inclusive frame intervals."""
    shared = min(a[1], b[1]) - max(a[0], b[0]) + 1
    if shared <= 0:
        return 0.0
    return shared / ((a[1] - a[0] + 1) + (b[1] - b[0] + 1) - shared)


def decode(intensity: FloatArray, apex: NDArray[np.floating], settings: DecodeSettings) -> list[Found]:
    """All intervals of one uninterrupted stretch, by class and onset. intensity: (T,), apex: (T, 2)."""
    smoothed = [smooth(apex[:, c].astype(np.float32), settings.of(c).smooth_frames) for c in range(len(CLASSES))]
    found: list[Found] = []
    for island in runs_above(intensity, settings.island):
        found += decode_island(intensity, smoothed, island, settings)
    return found


def decode_island(
    intensity: FloatArray, smoothed: list[FloatArray], island: Run, settings: DecodeSettings
) -> list[Found]:
    """Intervals whose apex lies in one island. smoothed: the apex scores of each class, already smoothed."""
    found: list[Found] = []
    for c, scores in enumerate(smoothed):
        rule = settings.of(c)
        candidates = [
            Found(c, *_interval(intensity, t, rule, settings.fractions), float(scores[t]))
            for t in _peaks(scores, island)
            if scores[t] >= rule.threshold
        ]
        found += suppress(candidates, settings.nms_iou)
    return found


def suppress(candidates: list[Found], nms_iou: float) -> list[Found]:
    """Greedy non-maximum suppression within one class; the result is ordered by onset."""
    kept: list[Found] = []
    for candidate in sorted(candidates, key=lambda f: (-f.score, f.apex)):
        if all(iou((candidate.onset, candidate.offset), (k.onset, k.offset)) <= nms_iou for k in kept):
            kept.append(candidate)
    return sorted(kept, key=lambda f: f.onset)


def _peaks(scores: FloatArray, island: Run) -> list[int]:
    """Local maxima of the scores within an island; of a plateau the first frame."""
    first, last = island
    inside = scores[first : last + 1]
    before = np.concatenate([[-np.inf], inside[:-1]])
    after = np.concatenate([inside[1:], [-np.inf]])
    return [first + int(i) for i in np.flatnonzero((inside > before) & (inside >= after))]


def _interval(
    intensity: FloatArray, apex: int, rule: ClassDecode, fractions: tuple[float, ...]
) -> tuple[int, int, int]:
    """Onset, apex, offset: the run with the highest contrast between its inside and a margin of a fifth round it."""
    best: tuple[float, int, int] | None = None
    for fraction in fractions:
        level = fraction * float(intensity[apex])
        onset = _walk(intensity, apex, -1, level, rule.before)
        offset = _walk(intensity, apex, 1, level, rule.after)
        contrast = _contrast(intensity, onset, offset)
        if best is None or contrast > best[0] + 1e-6:
            best = (contrast, onset, offset)
    assert best is not None
    return best[1], apex, best[2]


def _walk(intensity: FloatArray, apex: int, step: int, level: float, reach: tuple[int, int]) -> int:
    """Last frame from the apex outwards above ``level``, at least and at most ``reach`` frames away."""
    end = apex
    while abs(end - apex) < reach[1] and 0 <= end + step < len(intensity) and intensity[end + step] > level:
        end += step
    if abs(end - apex) < reach[0]:
        end = apex + step * reach[0]
    return min(max(end, 0), len(intensity) - 1)


def _contrast(intensity: FloatArray, onset: int, offset: int) -> float:
    """Mean intensity inside minus mean in the margins (20 % of the length on either side)."""
    margin = max(1, round(MARGIN_SHARE * (offset - onset + 1)))
    outside = np.concatenate([intensity[max(0, onset - margin) : onset], intensity[offset + 1 : offset + 1 + margin]])
    inside = float(intensity[onset : offset + 1].mean())
    return inside - (float(outside.mean()) if len(outside) else 0.0)
