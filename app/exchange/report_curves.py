"""The curves of the HTML report: inline SVG, one strip of time after the other, all to the same scale."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

import numpy as np
from numpy.typing import NDArray

from app.exchange.recording import Recording
from models.types import LOW_QUALITY, ExpressionType

_WIDTH, _LEFT, _RIGHT = 1000.0, 62.0, 8.0
_PLOT = _WIDTH - _LEFT - _RIGHT
_LANE, _LANE_GAP = 18.0, 5.0
_INTENSITY, _SCORES, _PANEL_GAP = 104.0, 72.0, 14.0
_AXIS = 24.0

_MOST_STRIPS = 12
_STRIP_LENGTHS_S = (30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
_TICKS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_MOST_TICKS = 11
_MOST_COLUMNS = 1200
"""Values per curve and strip; where there are more, each column is drawn from its lowest to its highest."""

_DIGIT_PX, _NUMBER_MARGIN_PX = 8.0, 6.0
"""An interval's box holds its number where it is wide enough for that."""

DEFINITIONS = """<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>
<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect width="5" height="5" fill="var(--micro-band)"/>
<line x1="1" y1="0" x2="1" y2="5" stroke="var(--micro)" stroke-width="1.4"/></pattern>
<pattern id="low" width="4" height="4" patternUnits="userSpaceOnUse">
<circle cx="1" cy="1" r=".8" fill="var(--gap-line)"/></pattern>
<pattern id="out" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
<rect width="7" height="7" fill="var(--gap)"/>
<line x1="0" y1="0" x2="0" y2="7" stroke="var(--gap-line)" stroke-width="2"/></pattern>
</defs></svg>"""


def clock_text(time_s: float, decimals: int = 0) -> str:
    """A time as ``m:ss`` or ``h:mm:ss``, with decimals where asked for."""
    units = 10**decimals
    whole, fraction = divmod(round(time_s * units), units)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{head}:{seconds:02d}" + (f".{fraction:0{decimals}d}" if decimals else "")


def strips(recording: Recording) -> Iterator[str]:
    """A ``figure`` for each strip of time."""
    end_s = recording.end_s
    length_s = end_s
    if end_s > 60.0:
        fitting = (length for length in _STRIP_LENGTHS_S if end_s / length <= _MOST_STRIPS)
        length_s = next(fitting, end_s / _MOST_STRIPS)
    start_s = 0.0
    while start_s < end_s - 1e-6:
        yield _Strip(recording, start_s, length_s).figure()
        start_s += length_s


class _Strip:
    """A stretch of the recording; times here count from the video's first picture."""

    def __init__(self, recording: Recording, start_s: float, length_s: float) -> None:
        self._recording = recording
        self._start_s = start_s
        self._length_s = length_s
        self._end_s = min(start_s + length_s, recording.end_s)
        lanes = 3 if recording.points else 2
        self._lane_y = [k * (_LANE + _LANE_GAP) + 1 for k in range(lanes)]
        self._intensity_y = self._lane_y[-1] + _LANE + 10.0
        self._scores_y = self._intensity_y + _INTENSITY + _PANEL_GAP
        self._bottom = self._scores_y + _SCORES
        if recording.frames is None:
            self._bottom = self._lane_y[-1] + _LANE

    def figure(self) -> str:
        parts = [*self._background(), *self._boxes(), *self._points()]
        if self._recording.frames is not None:
            parts += self._panels()
        parts += self._axis()
        label = f"From {clock_text(self._start_s)} to {clock_text(self._end_s)}"
        height = self._bottom + _AXIS
        return (
            f'<figure><svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{escape(label)}">'
            + "".join(parts)
            + "</svg></figure>"
        )

    def _x(self, time_s: float) -> float:
        """Pixels of a time of the recording's clock."""
        since_s = time_s - self._recording.first_s - self._start_s
        return _LEFT + _PLOT * min(max(since_s / self._length_s, 0.0), (self._end_s - self._start_s) / self._length_s)

    def _shown(self, start_s: float, end_s: float) -> bool:
        first_s = self._recording.first_s + self._start_s
        return end_s >= first_s and start_s < first_s + self._length_s

    def _background(self) -> Iterator[str]:
        frames = self._recording.frames
        right = self._x(self._recording.first_s + self._end_s)
        if frames is not None:
            top, height = self._intensity_y, self._bottom - self._intensity_y
            half_s = self._recording.frame_s / 2
            for name, wrong in (("gap", ~frames.face), ("low", frames.face & (frames.quality < LOW_QUALITY))):
                for first, last in _runs(wrong):
                    start_s, end_s = frames.time_s[first] - half_s, frames.time_s[last] + half_s
                    if self._shown(start_s, end_s):
                        yield _rect(name, self._x(start_s), top, self._x(end_s), height, 0.8)
        for exclusion in self._recording.exclusions:
            if self._shown(exclusion.start_s, exclusion.end_s):
                left = self._x(exclusion.start_s)
                yield _rect("out", left, 0.0, self._x(exclusion.end_s), self._bottom, 1.5)
        for y in self._lane_y[:2]:
            yield f'<line class="grid" x1="{_LEFT:g}" x2="{right:.1f}" y1="{y + _LANE:.1f}" y2="{y + _LANE:.1f}"/>'

    def _boxes(self) -> Iterator[str]:
        for type_, y in zip(ExpressionType, self._lane_y, strict=False):
            yield _text(_LEFT - 10, y + _LANE - 5, type_.value, "end", "name")
            for stored in self._recording.of(type_):
                i = stored.interval
                if not self._shown(i.onset_s, i.offset_s):
                    continue
                left, right = self._x(i.onset_s), self._x(i.offset_s)
                if self._recording.frames is not None:
                    yield _rect(f"{type_}-band", left, self._intensity_y, right, self._bottom - self._intensity_y, 1.5)
                    apex = self._x(i.apex_s)
                    yield (
                        f'<line class="{type_}-apex" x1="{apex:.1f}" x2="{apex:.1f}" y1="{self._intensity_y:.1f}" '
                        f'y2="{self._bottom:.1f}"/>'
                    )
                yield _rect(f"{type_}-box", left, y, right, _LANE, 3.0, radius=2.5)
                if right - left >= _NUMBER_MARGIN_PX + _DIGIT_PX * len(str(stored.id)):
                    middle = (left + right) / 2
                    yield _text(middle, y + _LANE - 5, str(stored.id), "middle", f"number {type_}-number")

    def _points(self) -> Iterator[str]:
        if not self._recording.points:
            return
        y = self._lane_y[2] + _LANE / 2
        yield _text(_LEFT - 10, y + 4, "points", "end", "name")
        for point in self._recording.points:
            if self._shown(point.time_s, point.time_s):
                x = self._x(point.time_s)
                yield (
                    f'<path class="point" d="M{x:.1f} {y - 5:.1f}l4.5 5l-4.5 5l-4.5 -5z">'
                    f"<title>{escape(point.type.value)}</title></path>"
                )

    def _panels(self) -> Iterator[str]:
        frames, thresholds = self._recording.frames, self._recording.about.thresholds or {}
        if frames is None:
            return
        panels = (
            (self._intensity_y, _INTENSITY, "intensity", (("intensity", frames.intensity, "intensity"),)),
            (
                self._scores_y,
                _SCORES,
                "apex score",
                (("macro-line", frames.macro, "macro"), ("micro-line", frames.micro, "micro")),
            ),
        )
        since_s = frames.time_s - self._recording.first_s
        margin_s = self._recording.frame_s
        inside = (since_s >= self._start_s - margin_s) & (since_s <= self._end_s + margin_s)
        x = np.array([self._x(time_s) for time_s in frames.time_s[inside]])
        for top, height, name, curves in panels:
            right = self._x(self._recording.first_s + self._end_s)
            yield f'<rect class="frame" x="{_LEFT:g}" y="{top:.1f}" width="{right - _LEFT:.1f}" height="{height:g}"/>'
            for value in (0, 1):
                yield _text(_LEFT - 10, top + height * (1 - value) + (9 if value else 0), str(value), "end")
            yield _vertical(14.0, top + height / 2, name)
            for style, values, kind in curves:
                if kind in thresholds:
                    y = top + height * (1 - thresholds[kind])
                    yield f'<line class="limit {kind}-at" x1="{_LEFT:g}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
                y_values = top + height * (1 - np.clip(values[inside], 0.0, 1.0))
                yield f'<path class="{style}" d="{_path(x, y_values)}"/>'

    def _axis(self) -> Iterator[str]:
        step_s = next((tick for tick in _TICKS_S if self._length_s / tick <= _MOST_TICKS), _TICKS_S[-1])
        tick_s = max(0.0, math.ceil(self._start_s / step_s - 1e-9) * step_s)
        long_s = self._recording.end_s >= 60.0
        last = ""
        while tick_s <= self._end_s + 1e-6:
            x = self._x(tick_s + self._recording.first_s)
            text = clock_text(tick_s) if long_s else f"{tick_s:g} s"
            yield f'<line class="frame" x1="{x:.1f}" x2="{x:.1f}" y1="{self._bottom:.1f}" y2="{self._bottom + 4:.1f}"/>'
            if text != last:
                anchor = "end" if x > _WIDTH - 26 else "middle"
                yield _text(min(x, _WIDTH - 2) if anchor == "end" else x, self._bottom + 18, text, anchor)
            last = text
            tick_s += step_s


def _runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and last index of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    for first, behind in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield first, behind - 1


def _path(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """A line with a gap where a value is NaN."""
    if len(x) > _MOST_COLUMNS:
        x, y = _thinned(x, y)
    parts = []
    pen = "M"
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if b != b:
            pen = "M"
            continue
        parts.append(f"{pen}{a:.1f} {b:.1f}")
        pen = "L"
    return "".join(parts)


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two values a column, its lowest and its highest in their order; a column without any stays a gap."""
    thin_x, thin_y = [], []
    for part in np.array_split(np.arange(len(x)), _MOST_COLUMNS // 2):
        known = part[~np.isnan(y[part])]
        if not len(known):
            thin_x.append(x[part[0]])
            thin_y.append(np.nan)
            continue
        for k in sorted({int(known[np.argmin(y[known])]), int(known[np.argmax(y[known])])}):
            thin_x.append(x[k])
            thin_y.append(y[k])
    return np.array(thin_x), np.array(thin_y)


def _rect(style: str, left: float, top: float, right: float, height: float, least: float, radius: float = 0.0) -> str:
    width = max(right - left, least)
    corner = f' rx="{radius:g}"' if radius else ""
    return f'<rect class="{style}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"{corner}/>'


def _text(x: float, y: float, text: str, anchor: str, style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(text)}</text>'


def _vertical(x: float, y: float, text: str) -> str:
    turned = f'transform="rotate(-90 {x:.1f} {y:.1f})"'
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" {turned}>{escape(text)}</text>'
