"""The intensity curve with its intervals, and the two apex curves under it on the same time axis."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QFontMetrics, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.gui.bands import Bands, Mark, Span, labels_px
from app.gui.legend import Legend
from app.gui.text import clock
from app.gui.theme import Theme
from app.live_types import LiveAnalysis, LiveSnapshot
from models.types import LOW_QUALITY, BoolArray, Interval, Scores

SPAN_S = 30.0
"""Seconds of the curve that are shown."""

AXIS_WIDTH_PX = 44
"""The least room beside the curves for numbers and title; ``axis_width_px`` is what a larger letter needs."""

ROOM_FOR_POINTS_PX = 560
"""A narrower panel has no room for every entry of the legend."""


def axis_width_px() -> int:
    """Room for a number beside the axis and for the title, which is written upwards."""
    metrics = QFontMetrics(QGuiApplication.font())
    return max(AXIS_WIDTH_PX, metrics.height() + metrics.horizontalAdvance("0.5") + 8)


class TimeAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """Seconds written as minutes and seconds."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        # as many as tell two neighbours apart; the logarithm of 0.001 may come out a trace below -3
        decimals = max(0, math.ceil(-math.log10(spacing) - 1e-9))
        return [clock(value, decimals) for value in values]


class Track(pg.PlotItem):  # type: ignore[misc]
    """One plot: bands behind, curves in front, each with a lighter part that is still provisional."""

    def __init__(self, theme: Theme, title: str, curves: tuple[str, ...], labels: bool, show_times: bool) -> None:
        super().__init__(axisItems={"bottom": TimeAxis("bottom")})
        self._names = curves
        self._pixel_ratio = QGuiApplication.primaryScreen().devicePixelRatio()
        self.bands = Bands(theme, labels)
        self.addItem(self.bands, ignoreBounds=True)
        self._final = {name: self.plot(connect="finite") for name in curves}
        self._provisional = {name: self.plot(connect="finite") for name in curves}
        for curve in (*self._final.values(), *self._provisional.values()):
            curve.curve.setSegmentedLineMode("on")  # Qt draws a wide line in one piece twice as slowly
        self.setLabel("left", title)
        self.getAxis("left").setWidth(axis_width_px())
        self.getAxis("left").setTicks([[(0.0, "0"), (0.5, "0.5"), (1.0, "1")]])
        self.getAxis("bottom").setStyle(showValues=show_times)
        self.getAxis("bottom").enableAutoSIPrefix(False)
        self.setYRange(-0.02, 1.06, padding=0)
        if labels:
            self.getViewBox().sigResized.connect(self._keep_labels_free)
        self.setMouseEnabled(x=False, y=False)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.showGrid(y=True, alpha=0.18)
        self.set_theme(theme)

    def _keep_labels_free(self) -> None:
        """Room over the curve, which reaches up to 1, for the labels of the bands."""
        height_px = self.getViewBox().height()
        rest_px = max(height_px - labels_px(height_px), 1.0)
        self.setYRange(-0.02, 1.0 + 1.02 * labels_px(height_px) / rest_px, padding=0)

    def set_theme(self, theme: Theme) -> None:
        self.bands.set_theme(theme)
        colours = {"intensity": theme.curve, "macro": theme.macro, "micro": theme.micro}
        for name in self._names:
            light = QColor(colours[name])
            light.setAlpha(105)
            # the pen's width counts in the screen's own pixels
            width = 1.6 * self._pixel_ratio
            self._final[name].setPen(pg.mkPen(colours[name], width=width))
            self._provisional[name].setPen(pg.mkPen(light, width=width))
        for side in ("left", "bottom"):
            self.getAxis(side).setPen(theme.line)
            self.getAxis(side).setTextPen(theme.muted)

    def set_scores(self, final: Scores, provisional: Scores) -> None:
        for name in self._names:
            values, coming = getattr(final, name), getattr(provisional, name)
            self._final[name].setData(final.time_s, values)
            # the lighter part begins at the last final point, so that the curve has no hole there
            times = np.concatenate([final.time_s[-1:], provisional.time_s])
            self._provisional[name].setData(times, np.concatenate([values[-1:], coming]))


class CurvesPanel(QWidget):
    """Follows the newest 30 s. An interval that is highlighted may lie further back: then the panel shows that moment
    until "Back to now" is pressed."""

    following_changed = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._analysis = LiveAnalysis.empty()
        self._shown: tuple[int, float, Interval | None, int] | None = None
        self._marks: tuple[Mark, ...] = ()
        self._highlighted: Interval | None = None
        self._left_s: float | None = None
        self.setAccessibleName("Curves")
        self.setAccessibleDescription("Expression intensity over time with the spotted intervals, and the apex scores")

        heading = QLabel("Expression intensity")
        heading.setObjectName("heading")
        self._legend = Legend(theme)
        self._now_button = QPushButton("Back to now")
        self._now_button.setVisible(False)
        self._now_button.clicked.connect(self.follow)
        head = QHBoxLayout()
        head.addWidget(heading)
        head.addStretch(1)
        head.addWidget(self._now_button)
        head.addWidget(self._legend)

        self._plots = pg.GraphicsLayoutWidget()
        self._plots.setAccessibleName("Curves of intensity and apex scores")
        self._plots.setFrameShape(pg.GraphicsLayoutWidget.Shape.NoFrame)
        self._plots.ci.setContentsMargins(0, 0, 4, 0)
        self._plots.ci.setSpacing(6)
        self.intensity = Track(theme, "intensity", ("intensity",), labels=True, show_times=False)
        self.apex = Track(theme, "apex score", ("macro", "micro"), labels=False, show_times=True)
        self._plots.addItem(self.intensity, row=0, col=0)
        self._plots.addItem(self.apex, row=1, col=0)
        self._plots.ci.layout.setRowStretchFactor(0, 5)
        self._plots.ci.layout.setRowStretchFactor(1, 3)
        self.apex.setXLink(self.intensity)
        self.intensity.setXRange(0.0, SPAN_S, padding=0)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 8, 6)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self._plots, 1)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self._plots.setBackground(theme.panel)
        self._legend.set_theme(theme)
        self.intensity.set_theme(theme)
        self.apex.set_theme(theme)

    def show_snapshot(self, snapshot: LiveSnapshot | None, marks: tuple[Mark, ...] = ()) -> None:
        """Redraw if the analysis has moved on. marks: a person's points."""
        self._marks = marks
        self._analysis = snapshot.analysis if snapshot else LiveAnalysis.empty()
        if snapshot is None or snapshot.analysis.number == 0:
            self._left_s, self._highlighted = None, None
        self._redraw()

    def highlight(self, interval: Interval | None) -> None:
        """Emphasise an interval, and show its moment if it is out of sight."""
        self._highlighted = interval
        if interval is not None:
            left = self._left()
            if interval.onset_s < left or interval.offset_s > left + SPAN_S:
                self._set_left((interval.onset_s + interval.offset_s - SPAN_S) / 2)
        self._redraw()

    def follow(self) -> None:
        """Show the newest part again."""
        self._set_left(None)
        self._redraw()

    @property
    def shown_s(self) -> Span:
        """The stretch of time in sight."""
        left = self._left()
        return left, left + SPAN_S

    def _set_left(self, left_s: float | None) -> None:
        self._left_s = left_s
        self._now_button.setVisible(left_s is not None)
        self.following_changed.emit(left_s is None)

    def _left(self) -> float:
        if self._left_s is not None:
            return self._left_s
        analysis = self._analysis
        newest_s = analysis.newest_s
        if newest_s is None:
            return 0.0
        parts = [part.time_s[0] for part in (analysis.scores, analysis.provisional) if len(part)]
        return max(newest_s - SPAN_S, float(parts[0]))

    def _redraw(self) -> None:
        left = self._left()
        wanted = (self._analysis.number, left, self._highlighted, len(self._marks))
        if wanted == self._shown:
            return
        self._shown = wanted
        final = _between(self._analysis.scores, left, left + SPAN_S)
        provisional = _between(self._analysis.provisional, left, left + SPAN_S)
        intervals = (*self._analysis.intervals, *self._analysis.provisional_intervals)
        seen = tuple(i for i in intervals if i.offset_s >= left and i.onset_s <= left + SPAN_S)
        both = Scores.concatenate([final, provisional])
        gaps = _spans(both.time_s, ~both.valid)
        unreliable = _spans(both.time_s, both.valid & (both.quality < LOW_QUALITY))
        for track in (self.intensity, self.apex):
            track.set_scores(final, provisional)
            track.bands.set_content(seen, gaps, unreliable, self._highlighted)
        self.intensity.bands.set_marks(self._marks)
        self._legend.show_points(bool(self._marks) and self.width() >= ROOM_FOR_POINTS_PX)
        self.intensity.setXRange(left, left + SPAN_S, padding=0)
        for track in (self.intensity, self.apex):
            track.getViewBox().prepareForPaint()  # else the new range is noticed while painting, and all is drawn twice


def _between(scores: Scores, begin_s: float, end_s: float) -> Scores:
    """The part in sight, with a point more on either side so that the curve reaches the edge."""
    first = max(int(np.searchsorted(scores.time_s, begin_s)) - 1, 0)
    last = int(np.searchsorted(scores.time_s, end_s, side="right")) + 1
    part = slice(first, last)
    return Scores(
        scores.time_s[part],
        scores.valid[part],
        scores.intensity[part],
        scores.macro[part],
        scores.micro[part],
        scores.quality[part],
    )


def _spans(time_s: np.ndarray, chosen: BoolArray) -> tuple[Span, ...]:
    """Runs of chosen points as (begin, end) in seconds."""
    if not chosen.any():
        return ()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    last = len(time_s) - 1
    return tuple(
        (float(time_s[begin]), float(time_s[min(end, last)]))
        for begin, end in zip(edges[::2], edges[1::2], strict=True)
    )
