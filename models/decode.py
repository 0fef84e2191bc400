"""From scores to intervals (method.md 1.8).

Where intensity stays above the lowest threshold is an island, and islands do not influence one another. A class's
score is the geometric mean of its apex score and the intensity, so that both branches must agree. Inside an island
every local maximum of that score is a candidate apex. The run of intensity round it, above a fraction of the intensity
there, stretches or shortens the usual length of an expression; of several fractions the one with the highest
outer-inner contrast counts. Candidates of one class that overlap too much are reduced to the best (non-maximum
suppression).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.speech import AFTER_FRAMES, MARGIN_FRAMES
from models.types import FloatArray

CLASSES = ("macro", "micro")
MARGIN_SHARE = 0.2
"""Width of the margin on either side of an interval, as a share of its length, for the outer-inner contrast."""

LEAST_MOTION_IOD = 0.008
"""Displacement below which nothing is reported: twice the noise that perception may show on a still face."""

LEAST_MOTION_TURNING_IOD_RAD = 0.2
"""Displacement for each radian of a turn below which nothing is reported: what a turn leaves is mostly less."""

LONGEST_ISLAND = 900
"""Frames (30 s). A longer island, as of somebody who talks on and on, is cut where its intensity is lowest: what it
holds must become final some time, and a session's memory must not grow with it."""

Run = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ClassDecode:
    """Decoding of one class; lengths are in grid frames (30 Hz).

    threshold: least score of an interval. before, after: usual distances from the apex to the onset and to the
    offset. elasticity: how far the run of intensity may pull a side from its usual length (0 not at all, 1 fully),
    within ``narrowest`` and ``widest`` times the usual. held: a run longer than this many usual lengths is a held
    expression and is taken as it is, up to ``longest`` frames. smooth_frames: radius of the smoothing of both branches
    before they meet. head_share: an interval in which the nose moves more than this share of what the most moved region
    does is a turn of the head, of which the nose shows what was not undone; it is dropped (the analyzer does that).
    """

    threshold: float
    before: int
    after: int
    elasticity: float
    narrowest: float
    widest: float
    held: float
    longest: int
    smooth_frames: int
    head_share: float


@dataclass(frozen=True, slots=True)
class DecodeSettings:
    """island: lowest intensity threshold. fractions: levels tried, between the island's and the apex's intensity.

    valley: rise of intensity, as a share of the apex's, from which on a dip parts two expressions.
    nms_iou: overlap above which the weaker of two intervals of one class goes. one_type: a movement is either macro or
    micro, the higher score decides; coders of some data sets mark micro-expressions inside macro-expressions instead.
    least_motion_iod: an interval in which no region of brows or mouth goes this far is dropped (by the analyzer).
    least_motion_in_speech_iod: the same where the face is talking, where that is more; at 0 talk is like anything else.
    least_motion_turning_iod_rad: the same for each radian by which the head turns meanwhile, where that is more.
    least_departure_in_speech: in talk, the face must also be this many times as far from its usual position at the apex
    as at the end that is nearer; 0 asks for nothing.
    narrow_in_speech_iod: a talking mouth that is by so much narrower than usual at the apex forms words: the brows must
    move as far by themselves as is asked in speech; 0 asks for nothing.
    """

    macro: ClassDecode = field(default_factory=lambda: ClassDecode(0.4, 15, 21, 0.35, 0.5, 1.8, 1.8, 300, 6, 0.6))
    micro: ClassDecode = field(default_factory=lambda: ClassDecode(0.4, 5, 7, 0.0, 1.0, 1.0, 99.0, 7, 1, 0.6))
    island: float = 0.1
    fractions: tuple[float, ...] = (0.2,)
    valley: float = 0.3
    nms_iou: float = 0.3
    one_type: bool = True
    least_motion_iod: float = LEAST_MOTION_IOD
    least_motion_in_speech_iod: float = 0.0
    least_motion_turning_iod_rad: float = LEAST_MOTION_TURNING_IOD_RAD
    least_departure_in_speech: float = 0.0
    narrow_in_speech_iod: float = 0.0

    def of(self, class_index: int) -> ClassDecode:
        return (self.macro, self.micro)[class_index]

    def margin_frames(self, island_length: int) -> int:
        """Frames beyond either end of an island that its intervals may depend on."""
        reach = max(round(rule.widest * max(rule.before, rule.after)) for rule in (self.macro, self.micro))
        smoothing = max(self.macro.smooth_frames, self.micro.smooth_frames)
        margin = smoothing + max(reach, round(MARGIN_SHARE * island_length)) + 2
        return max(margin, AFTER_FRAMES + MARGIN_FRAMES)


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


def islands(intensity: FloatArray, floor: float) -> list[Run]:
    """Runs of intensity above the floor, the long ones in pieces of at most ``LONGEST_ISLAND`` frames.

    A cut depends on no frame before the island or behind the piece's longest extent, so it is the same however the
    frames come.
    """
    pieces: list[Run] = []
    for first, last in runs_above(intensity, floor):
        while last - first >= LONGEST_ISLAND:
            middle = first + LONGEST_ISLAND // 2
            cut = middle + int(np.argmin(intensity[middle : first + LONGEST_ISLAND]))
            pieces.append((first, cut))
            first = cut + 1
        pieces.append((first, last))
    return pieces


def iou(a: Run, b: Run) -> float:
    """Intersection over union of two inclusive frame intervals."""
    shared = min(a[1], b[1]) - max(a[0], b[0]) + 1
    if shared <= 0:
        return 0.0
    return shared / ((a[1] - a[0] + 1) + (b[1] - b[0] + 1) - shared)


def decode(intensity: FloatArray, apex: NDArray[np.floating], settings: DecodeSettings) -> list[Found]:
    """All intervals of one uninterrupted stretch, by class and onset. intensity: (T,), apex: (T, 2)."""
    scores = class_scores(intensity, apex, settings)
    found: list[Found] = []
    for island in islands(intensity, settings.island):
        here = decode_island(intensity, scores, island, settings)
        found += one_type(here) if settings.one_type else here
    return found


def one_type(found: list[Found]) -> list[Found]:
    """Where a macro's apex lies inside a micro, both are the same movement: the one of higher score stays."""
    macros = [f for f in found if CLASSES[f.class_index] == "macro"]
    micros = [f for f in found if CLASSES[f.class_index] == "micro"]
    same = [(a, b) for a in macros for b in micros if b.onset <= a.apex <= b.offset]
    gone = {b if a.score >= b.score else a for a, b in same}
    return [f for f in found if f not in gone]


def class_scores(intensity: FloatArray, apex: NDArray[np.floating], settings: DecodeSettings) -> list[FloatArray]:
    """Score of each class over time: the geometric mean of its apex score and the intensity, both smoothed."""
    scores = []
    for c in range(len(CLASSES)):
        radius = settings.of(c).smooth_frames
        mine = smooth(np.ascontiguousarray(apex[:, c], np.float32), radius)
        scores.append(np.sqrt(mine * smooth(intensity, radius)))
    return scores


def decode_island(
    intensity: FloatArray, scores: list[FloatArray], island: Run, settings: DecodeSettings
) -> list[Found]:
    """Intervals whose apex lies in one island. scores: see ``class_scores``."""
    found: list[Found] = []
    for c, score in enumerate(scores):
        rule = settings.of(c)
        candidates = [
            Found(c, *_interval(intensity, t, island, rule, settings), float(score[t]))
            for t in _peaks(score, island, intensity, settings.island)
            if score[t] >= rule.threshold
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


def _peaks(scores: FloatArray, island: Run, intensity: FloatArray, floor: float) -> list[int]:
    """Local maxima of the scores within an island; of a plateau the first frame."""
    first, last = island
    inside = scores[first : last + 1]
    # where a long island was cut its neighbours are still above the floor
    left = scores[first - 1] if first > 0 and intensity[first - 1] > floor else -np.inf
    right = scores[last + 1] if last + 1 < len(scores) and intensity[last + 1] > floor else -np.inf
    before = np.concatenate([[left], inside[:-1]])
    after = np.concatenate([inside[1:], [right]])
    return [first + int(i) for i in np.flatnonzero((inside > before) & (inside >= after))]


def _interval(
    intensity: FloatArray, apex: int, island: Run, rule: ClassDecode, settings: DecodeSettings
) -> tuple[int, int, int]:
    """Onset, apex, offset. Of the runs at each level the one with the highest outer-inner contrast sets the lengths."""
    floor, peak = settings.island, float(intensity[apex])
    best = (-np.inf, apex, apex)
    for fraction in settings.fractions:
        level = floor + fraction * max(peak - floor, 0.0)
        valley = settings.valley * peak
        first = _walk(intensity, apex, -1, level, min(rule.longest, apex - island[0]), valley)
        last = _walk(intensity, apex, 1, level, min(rule.longest, island[1] - apex), valley)
        contrast = _contrast(intensity, first, last)
        if contrast > best[0] + 1e-6:
            best = (contrast, first, last)
    onset = apex - _side(apex - best[1], rule.before, rule)
    offset = apex + _side(best[2] - apex, rule.after, rule)
    return max(onset, 0), apex, min(offset, len(intensity) - 1)


def _side(run: int, usual: int, rule: ClassDecode) -> int:
    """Length of one side of an interval from the length of its run of intensity."""
    if run > rule.held * usual:
        return run
    stretched = usual * float((max(run, 1) / usual) ** rule.elasticity)
    return round(min(max(stretched, rule.narrowest * usual), rule.widest * usual))


def _walk(intensity: FloatArray, apex: int, step: int, level: float, longest: int, valley: float) -> int:
    """Last frame from the apex outwards above ``level``, at most ``longest`` frames away.

    Where intensity rises again by more than ``valley`` from its lowest, the next expression has begun: the lowest is
    the end.
    """
    end = lowest = apex
    while abs(end - apex) < longest and 0 <= end + step < len(intensity) and intensity[end + step] > level:
        end += step
        if intensity[end] < intensity[lowest]:
            lowest = end
        elif intensity[end] > intensity[lowest] + valley and lowest != apex:
            return lowest
    return end


def _contrast(intensity: FloatArray, onset: int, offset: int) -> float:
    """Mean intensity inside minus mean in the margins (20 % of the length on either side)."""
    margin = max(1, round(MARGIN_SHARE * (offset - onset + 1)))
    outside = np.concatenate([intensity[max(0, onset - margin) : onset], intensity[offset + 1 : offset + 1 + margin]])
    inside = float(intensity[onset : offset + 1].mean())
    return inside - (float(outside.mean()) if len(outside) else 0.0)
