"""A recording of the report: its curves with truth, points and predictions, drawn as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from models.decode import CLASSES, DecodeSettings, class_scores
from models.types import GRID_HZ, ExpressionType, FloatArray
from training.datasets import Recording
from training.matching import SpottedSpan, SpottingResult, evaluate_video, match_intervals
from training.protocols import Thresholds

WIDTH, LEFT, RIGHT = 1000, 86, 8
TRUTH_TOP, LANE, GAP = 6, 16, 6
PLOT_TOP = TRUTH_TOP + 2 * (LANE + GAP) + 4
PLOT = 110
HEIGHT = PLOT_TOP + PLOT + 22
POINTS = 900
"""Places along the time axis at which curves are drawn; each shows the largest value round it."""

Place = Callable[[float], float]
"""Seconds -> place across the picture."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An interval in seconds. matched: hit, or found."""

    type: ExpressionType
    onset_s: float
    offset_s: float
    matched: bool
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Viewed:
    """curves: (T, 3) intensity and the score of either class, as decoding sees them."""

    name: str
    subject: str
    data_set: str
    duration_s: float
    curves: FloatArray
    thresholds: Thresholds
    points: tuple[tuple[ExpressionType, float], ...]
    predicted: tuple[Drawn, ...]
    true: tuple[Drawn, ...]
    result: SpottingResult

    @staticmethod
    def of(
        recording: Recording,
        scores: FloatArray,
        predicted: Sequence[SpottedSpan],
        true: Sequence[SpottedSpan],
        thresholds: Thresholds,
    ) -> Viewed:
        """scores: (T, 3) of the network. predicted, true: spans in the recording's own frames."""
        intensity = np.ascontiguousarray(scores[:, 0])
        classes = class_scores(intensity, scores[:, 1:], DecodeSettings())
        hits, found = _matches(predicted, true)
        return Viewed(
            recording.name,
            recording.subject,
            recording.data_set,
            len(scores) / GRID_HZ,
            np.stack([intensity, *classes], axis=1),
            thresholds,
            tuple((p.type, p.frame / GRID_HZ) for p in recording.points),
            tuple(_drawn(s, i in hits, recording.fps) for i, s in enumerate(predicted)),
            tuple(_drawn(s, i in found, recording.fps) for i, s in enumerate(true)),
            evaluate_video(predicted, true),
        )

    @property
    def wrong(self) -> int:
        """False alarms and misses."""
        return self.result.overall.false_positives + self.result.overall.false_negatives


def _matches(predicted: Sequence[SpottedSpan], true: Sequence[SpottedSpan]) -> tuple[set[int], set[int]]:
    """Places of the predictions and of the true intervals that are paired."""
    hits: set[int] = set()
    found: set[int] = set()
    for kind in ExpressionType:
        p = [i for i, s in enumerate(predicted) if s.type is kind]
        t = [i for i, s in enumerate(true) if s.type is kind]
        pairs = match_intervals(
            [(predicted[i].onset, predicted[i].offset) for i in p],
            [(true[i].onset, true[i].offset) for i in t],
            [predicted[i].score for i in p],
        )
        hits |= {p[m.predicted] for m in pairs}
        found |= {t[m.true] for m in pairs}
    return hits, found


def _drawn(span: SpottedSpan, matched: bool, fps: float) -> Drawn:
    # both ends belong to it
    return Drawn(span.type, span.onset / fps, (span.offset + 1) / fps, matched, span.score)


def best(videos: Sequence[Viewed], count: int) -> list[Viewed]:
    """Those of the highest F1; of equals the one with more hits."""
    with_hits = [v for v in videos if v.result.overall.true_positives]
    return sorted(with_hits, key=lambda v: (-v.result.overall.f1, -v.result.overall.true_positives, v.name))[:count]


def worst(videos: Sequence[Viewed], count: int, besides: Sequence[Viewed] = ()) -> list[Viewed]:
    """Those of the lowest F1; of equals the one with more false alarms and misses."""
    left = [v for v in videos if v.wrong and v not in besides]
    return sorted(left, key=lambda v: (v.result.overall.f1, -v.wrong, v.name))[:count]


def video_svg(video: Viewed) -> str:
    """The picture of one recording."""
    span_s = max(video.duration_s, 1.0)

    def x(time_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(time_s / span_s, 0.0), 1.0)

    truth, found = TRUTH_TOP, TRUTH_TOP + LANE + GAP
    title = f"{video.name}: intensity and scores over time, with truth, points and predictions"
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f'<text x="{LEFT - 8}" y="{truth + 12}" class="lane">truth</text>',
        f'<text x="{LEFT - 8}" y="{found + 12}" class="lane">predicted</text>',
        f'<rect x="{LEFT}" y="{truth}" width="{WIDTH - LEFT - RIGHT}" height="{LANE}" class="track"/>',
        f'<rect x="{LEFT}" y="{found}" width="{WIDTH - LEFT - RIGHT}" height="{LANE}" class="track"/>',
        *_axes(span_s, x),
        *_curves(video),
    ]
    for kind, limit in video.thresholds.items():
        if limit <= 1.0:
            y = _y(limit)
            parts.append(
                f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" class="limit {kind.value}"/>'
            )
    # micros last: they lie inside macros at times
    for kind in ExpressionType:
        for top, intervals in ((truth, video.true), (found, video.predicted)):
            parts += [_bar(d, top, x) for d in intervals if d.type is kind]
    for kind, time_s in video.points:
        at = x(time_s)
        parts.append(
            f'<path d="M{at - 4:.1f} {truth - 4} h8 l-4 8 z" class="point {kind.value}">'
            f"<title>point, {kind.value}, {time_s:.2f} s</title></path>"
        )
    return "".join([*parts, "</svg>"])


def _y(value: float) -> float:
    return PLOT_TOP + PLOT * (1.0 - min(max(value, 0.0), 1.0))


def _bar(drawn: Drawn, top: int, x: Place) -> str:
    begin, end = (x(t) for t in (drawn.onset_s, drawn.offset_s))
    # micro-expressions are drawn lower, so that a macro round them stays in sight
    inset = 4 if drawn.type is ExpressionType.MICRO else 1
    words = f"{drawn.type.value}, {drawn.onset_s:.2f} to {drawn.offset_s:.2f} s"
    words += f", score {drawn.score:.2f}" if drawn.score else ""
    state = "hit" if drawn.matched else "miss"
    return (
        f'<rect x="{begin:.1f}" y="{top + inset}" width="{max(end - begin, 2.0):.1f}" height="{LANE - 2 * inset}" '
        f'rx="2" class="bar {drawn.type.value} {state}"><title>{words}</title></rect>'
    )


def _axes(span_s: float, x: Place) -> list[str]:
    parts = []
    for value in (0.0, 0.5, 1.0):
        y = _y(value)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" class="lane">{value:g}</text>')
    step = next(s for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 3600) if span_s / s <= 15 or s == 3600)
    for k in range(int(span_s // step) + 1):
        at = x(k * step)
        parts.append(f'<line x1="{at:.1f}" y1="{PLOT_TOP}" x2="{at:.1f}" y2="{PLOT_TOP + PLOT}" class="grid"/>')
        parts.append(f'<text x="{at:.1f}" y="{PLOT_TOP + PLOT + 15}" class="tick">{k * step} s</text>')
    return parts


def _curves(video: Viewed) -> list[str]:
    xs, values = thinned(video.curves)
    at = LEFT + (WIDTH - LEFT - RIGHT) * xs
    lines = []
    for column, name in enumerate(("intensity", *CLASSES)):
        points = [f"{px:.1f} {_y(v):.1f}" for px, v in zip(at, values[:, column], strict=True)]
        path = "M" + " L".join(points)
        if name == "intensity":
            path += f" L{at[-1]:.1f} {_y(0.0):.1f} L{at[0]:.1f} {_y(0.0):.1f} Z"
        lines.append(f'<path d="{path}" class="curve {name}"/>')
    return lines


def thinned(curves: FloatArray) -> tuple[NDArray[np.float64], FloatArray]:
    """At most ``POINTS`` places (0..1) along the curves (T, 3), and the largest values round each."""
    frames = len(curves)
    edges = np.linspace(0, frames, min(POINTS, frames) + 1).astype(int)[:-1]
    return (edges + 0.5) / frames, np.maximum.reduceat(curves, edges, axis=0)
