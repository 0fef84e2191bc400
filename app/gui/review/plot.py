"""The curves of the recording, to zoom and to pan, with intervals whose edges can be dragged."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.gui.curves import Track
from app.gui.review.desk import Desk, Kind, Pick
from app.gui.review.envelope import Envelope, Span
from app.gui.review.icons import SIZE_PX, icon
from app.gui.review.marks import POINT_PX, Marked, Marks
from app.gui.review.pointer import Grip, Part, Pointer
from app.gui.theme import Theme
from app.review.again import is_one_of, touched_by_person
from app.review.state import Status, StoredInterval, Thresholds
from models.types import Interval, Scores

FIRST_SPAN_S = 30.0
"""Seconds in sight after opening."""

LEAST_SPAN_S = 0.5

SMOOTH_SPAN_S = 300.0
"""Up to here edges of the curves are smoothed. Further away they are nothing but steep strokes, which look the same
without and are drawn several times as fast."""

LEAST_PX, LOW_PX = 130, 150
"""Least height of the curves, and that from which on they have titles."""

MOST_BANDS = 120
"""Where more intervals are in sight they are drawn as a lane under the curve."""

NEAR_PX = 7.0
"""A grip is hit this far from it."""

SAME_PX = 2.0
"""Grips that are not farther apart lie on one another."""


class CurvePanel(QWidget):
    """Intensity over apex scores. Draws only what is in sight, thinned to the screen."""

    view_changed = Signal(float, float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk: Desk | None = None
        self._envelope: Envelope | None = None
        self._preview: tuple[Interval, ...] | None = None
        self._held: tuple[Grip, float] | None = None
        self._view: Span = (0.0, FIRST_SPAN_S)
        self.setAccessibleName("Curves")
        self.setAccessibleDescription("Expression intensity and apex scores over time, with intervals and point labels")
        heading = QLabel("Expression intensity")
        heading.setObjectName("heading")
        self._values = QLabel()
        self._values.setObjectName("muted")
        self._values.setToolTip("The scores of the frame under the cursor")
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(heading)
        head.addSpacing(12)
        head.addWidget(self._values)
        head.addStretch(1)
        self.buttons: dict[str, QToolButton] = {}
        for name, tip, act in (
            ("further", "Further away (−)", partial(self.zoom, 2.0)),
            ("closer", "Closer (+)", partial(self.zoom, 0.5)),
            ("all", "The whole recording (0)", self.show_all),
        ):
            button = QToolButton()
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.setIconSize(QSize(SIZE_PX, SIZE_PX))
            button.setStyleSheet("QToolButton { padding: 2px 8px; }")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, act=act: act())
            head.addWidget(button)
            self.buttons[name] = button

        self.plots = pg.GraphicsLayoutWidget()
        self.plots.setFrameShape(pg.GraphicsLayoutWidget.Shape.NoFrame)
        self.plots.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.plots.setMinimumHeight(LEAST_PX)
        self.plots.setAccessibleName("Curves of intensity and apex scores")
        self.plots.setAccessibleDescription("Arrow keys go from frame to frame, N and P from interval to interval")
        self.plots.ci.setContentsMargins(0, 0, 4, 0)
        self.plots.ci.setSpacing(4)
        self.intensity = Track(theme, "intensity", ("intensity",), labels=True, show_times=False)
        self.apex = Track(theme, "apex score", ("macro", "micro"), labels=False, show_times=True)
        self.tracks = (self.intensity, self.apex)
        self.marks = (Marks(theme, full=True), Marks(theme, full=False))
        self._cursors = tuple(pg.InfiniteLine(angle=90) for _ in self.tracks)
        self._levels = {name: pg.InfiniteLine(angle=0) for name in ("intensity", "macro", "micro")}
        for number, (track, marks, cursor) in enumerate(zip(self.tracks, self.marks, self._cursors, strict=True)):
            self.plots.addItem(track, row=number, col=0)
            track.addItem(marks, ignoreBounds=True)
            cursor.setZValue(30)
            if number == 0:
                cursor.addMarker("v", position=1.0, size=9)
            track.addItem(cursor, ignoreBounds=True)
        for name, line in self._levels.items():
            line.setZValue(-5)
            (self.intensity if name == "intensity" else self.apex).addItem(line, ignoreBounds=True)
        self.plots.ci.layout.setRowStretchFactor(0, 5)
        self.plots.ci.layout.setRowStretchFactor(1, 3)
        self.apex.setXLink(self.intensity)
        self.pointer = Pointer(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 0)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.plots, 1)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self.plots.setBackground(theme.panel)
        for part in (*self.tracks, *self.marks):
            part.set_theme(theme)
        for name, button in self.buttons.items():
            button.setIcon(icon(name, theme.text))
        ratio = self.devicePixelRatioF()  # a pen's width counts in the screen's own pixels
        for cursor in self._cursors:
            cursor.setPen(pg.mkPen(theme.text, width=1.5 * ratio))
        for name, line in self._levels.items():
            colour = QColor(theme.muted if name == "intensity" else getattr(theme, name))
            line.setPen(pg.mkPen(colour, width=ratio, style=Qt.PenStyle.DashLine))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for track in self.tracks:  # where it is low the two titles would run into each other
            track.getAxis("left").showLabel(self.plots.height() >= LOW_PX)

    # -- what is shown ------------------------------------------------------------------------------------------------

    @property
    def desk(self) -> Desk | None:
        return self._desk

    @property
    def shown_s(self) -> Span:
        """The stretch of time in sight."""
        return self._view

    def set_desk(self, desk: Desk | None, envelope: Envelope | None) -> None:
        """Show another recording, or none."""
        self._desk, self._envelope, self._preview, self._held = desk, envelope, None, None
        if desk is None:
            self._redraw()
            return
        desk.moved.connect(self._moved)
        desk.edited.connect(self._edited)
        desk.picked.connect(self._picked)
        desk.selected.connect(self._redraw)
        self.set_view(desk.begin_s, desk.begin_s + FIRST_SPAN_S)
        self._moved()
        self._show_levels(desk.state.thresholds)

    def show_preview(self, thresholds: Thresholds | None, intervals: tuple[Interval, ...] | None) -> None:
        """While a slider is dragged: what the model would find. None: back to what is saved."""
        self._preview = intervals
        if thresholds is None and self._desk is not None:
            thresholds = self._desk.state.thresholds
        if thresholds is not None:
            self._show_levels(thresholds)
        self._redraw()

    def hold(self, grip: Grip | None, time_s: float = 0.0) -> None:
        """A grip is being dragged to ``time_s``; None: let go."""
        self._held = (grip, time_s) if grip is not None else None
        self._redraw()

    def set_view(self, begin_s: float, end_s: float) -> None:
        """Bring a stretch of time in sight, as far as the recording reaches."""
        if (desk := self._desk) is None:
            return
        length_s = max(desk.end_s - desk.begin_s, LEAST_SPAN_S)
        span_s = float(np.clip(end_s - begin_s, LEAST_SPAN_S, length_s))
        begin_s = float(np.clip(begin_s, desk.begin_s, desk.begin_s + length_s - span_s))
        self._view = begin_s, begin_s + span_s
        self._redraw()
        self.view_changed.emit(*self._view)

    def zoom(self, factor: float, about_s: float | None = None) -> None:
        """Show ``factor`` times as long a stretch; ``about_s``, else the cursor, keeps its place."""
        if self._desk is None:
            return
        begin_s, end_s = self._view
        about_s = self._desk.now_s if about_s is None else about_s
        if not begin_s <= about_s <= end_s:
            about_s = (begin_s + end_s) / 2
        self.set_view(about_s + (begin_s - about_s) * factor, about_s + (end_s - about_s) * factor)

    def pan(self, by_s: float) -> None:
        self.set_view(self._view[0] + by_s, self._view[1] + by_s)

    def show_all(self) -> None:
        if self._desk is not None:
            self.set_view(self._desk.begin_s, self._desk.end_s)

    # -- for the pointer ----------------------------------------------------------------------------------------------

    def time_at(self, position: QPointF) -> float:
        """The time under a point of the plot's viewport."""
        scene = self.plots.mapToScene(position.toPoint())
        return float(self.intensity.getViewBox().mapSceneToView(scene).x())

    def x_of(self, time_s: float) -> float:
        """Where a time stands in the plot's viewport."""
        scene = self.intensity.getViewBox().mapViewToScene(QPointF(time_s, 0.0))
        return float(self.plots.mapFromScene(scene).x())

    def in_curves(self, position: QPointF) -> bool:
        scene = self.plots.mapToScene(position.toPoint())
        return any(track.getViewBox().sceneBoundingRect().contains(scene) for track in self.tracks)

    def grips_at(self, position: QPointF) -> tuple[Grip, ...]:
        """What can be dragged under a point of the viewport; more than one where they lie on one another."""
        if (desk := self._desk) is None or desk.review.read_only:
            return ()
        x = position.x()
        floor = self.plots.mapFromScene(self.intensity.getViewBox().sceneBoundingRect().bottomLeft()).y()
        if floor - 2 * POINT_PX - 6 <= position.y() <= floor + 2:
            for point in desk.state.points:
                if abs(self.x_of(point.time_s) - x) <= NEAR_PX:
                    return (Grip(Pick(Kind.POINT, point.id), Part.POINT),)
        chosen = desk.interval
        if chosen is None or chosen.status == Status.REJECTED:
            return ()
        i = chosen.interval
        places = ((Part.ONSET, i.onset_s), (Part.APEX, i.apex_s), (Part.OFFSET, i.offset_s))
        away_px = {part: abs(self.x_of(time_s) - x) for part, time_s in places}
        near_px = min(min(away_px.values()) + SAME_PX, NEAR_PX)
        return tuple(Grip(Pick(Kind.INTERVAL, chosen.id), part) for part, px in away_px.items() if px <= near_px)

    # -- how ----------------------------------------------------------------------------------------------------------

    def _moved(self) -> None:
        """Follow the cursor: when it leaves the part in sight, turn the page."""
        assert self._desk is not None
        now_s = self._desk.now_s
        for cursor in self._cursors:
            cursor.setPos(now_s)
        begin_s, end_s = self._view
        if not begin_s <= now_s <= end_s and self._held is None:
            span_s = end_s - begin_s
            share = 0.5
            if end_s < now_s < end_s + 0.5 * span_s:
                share = 0.05
            elif begin_s - 0.5 * span_s < now_s < begin_s:
                share = 0.95
            self.set_view(now_s - share * span_s, now_s + (1 - share) * span_s)
        self._show_values()

    def _picked(self) -> None:
        """Bring all of what is picked in sight, with what lies around it."""
        assert self._desk is not None
        chosen, (begin_s, end_s) = self._desk.interval, self._view
        if chosen is not None and self._held is None:
            around_s = min(1.0, (end_s - begin_s) / 10)
            first_s, last_s = chosen.interval.onset_s - around_s, chosen.interval.offset_s + around_s
            if last_s - first_s <= end_s - begin_s and not (begin_s <= first_s and last_s <= end_s):
                middle_s = (first_s + last_s) / 2
                self.set_view(middle_s - (end_s - begin_s) / 2, middle_s + (end_s - begin_s) / 2)
                return
        self._redraw()

    def _edited(self) -> None:
        assert self._desk is not None
        if self.pointer.busy:  # what is being dragged may not be there any more; a drop has let go before it edits
            self.pointer.cancel()
        self._preview = None
        self._show_levels(self._desk.state.thresholds)
        self._redraw()

    def _show_levels(self, thresholds: Thresholds) -> None:
        for name, line in self._levels.items():
            line.setPos(getattr(thresholds, name))

    def _show_values(self) -> None:
        assert self._desk is not None
        frames, row = self._desk.frames, self._desk.row
        parts = [(name, float(getattr(frames, name)[row])) for name in ("intensity", "macro", "micro")]
        known = [f"{name} {value:.2f}" for name, value in parts if np.isfinite(value)]
        if not frames.analysed[row]:
            why = "not analysed: the computer was too slow"
        else:
            why = "no score for this frame" if frames.face[row] else "no face"
        self._values.setText("   ".join(known) or why)

    def _redraw(self) -> None:
        begin_s, end_s = self._view
        scores = Scores.empty()
        marked, picked = Marked(), None
        bands: tuple[Interval, ...] = ()
        gaps: tuple[Span, ...] = ()
        unreliable: tuple[Span, ...] = ()
        if self._desk is not None and self._envelope is not None:
            most = max(round(1.3 * self.intensity.getViewBox().width()), 200)
            scores = self._envelope.part(begin_s, end_s, most)
            gaps = self._envelope.gaps.between(begin_s, end_s)
            unreliable = self._envelope.unreliable.between(begin_s, end_s)
            marked = self._marked(self._desk)
            picked = marked.picked.interval if marked.picked and marked.picked.status != Status.REJECTED else None
            bands = self._bands(self._desk, marked)
            if len(bands) > MOST_BANDS:  # from far away bands would only be stripes
                marked = replace(marked, intervals=(), lane=bands)
                bands = (picked,) if picked is not None else ()
        smooth = end_s - begin_s <= SMOOTH_SPAN_S
        for track, marks in zip(self.tracks, self.marks, strict=True):
            for item in track.listDataItems():
                item.opts["antialias"] = smooth
            track.set_scores(scores, Scores.empty())
            track.bands.set_content(bands, gaps, unreliable, picked)
            marks.set_content(marked)
        self.intensity.setXRange(begin_s, end_s, padding=0)
        for track in self.tracks:
            track.getViewBox().prepareForPaint()  # else the new range is noticed while painting, and all is drawn twice

    def _marked(self, desk: Desk) -> Marked:
        begin_s, end_s = self._view
        held, time_s = self._held or (None, 0.0)
        intervals, points = desk.listed(), desk.state.points
        if held is not None and held.part is Part.POINT:
            points = tuple(replace(p, time_s=time_s) if p.id == held.pick.id else p for p in points)
        elif held is not None:
            intervals = tuple(dragged(i, held.part, time_s) if i.id == held.pick.id else i for i in intervals)
        pick = desk.pick
        chosen = [i for i in intervals if pick == Pick(Kind.INTERVAL, i.id)]
        return Marked(
            intervals=tuple(i for i in intervals if i.interval.offset_s >= begin_s and i.interval.onset_s <= end_s),
            points=tuple(p for p in points if begin_s <= p.time_s <= end_s),
            exclusions=tuple(e for e in desk.state.exclusions if e.end_s >= begin_s and e.start_s <= end_s),
            selection=desk.selection,
            picked=chosen[0] if chosen else None,
            picked_point=pick.id if pick is not None and pick.kind is Kind.POINT else None,
            picked_exclusion=pick.id if pick is not None and pick.kind is Kind.EXCLUSION else None,
            fixed=desk.review.read_only is not None,
        )

    def _bands(self, desk: Desk, marked: Marked) -> tuple[Interval, ...]:
        if self._preview is None:
            return tuple(i.interval for i in marked.intervals if i.status != Status.REJECTED)
        begin_s, end_s = self._view
        kept = tuple(i.interval for i in marked.intervals if i.status == Status.ACCEPTED)
        # what a person has judged stays, however often it is found again
        touched = touched_by_person(desk.state)
        found = (i for i in self._preview if i.offset_s >= begin_s and i.onset_s <= end_s)
        return (*kept, *(replace(i, final=False) for i in found if not is_one_of(i, touched)))


def dragged(stored: StoredInterval, part: Part, time_s: float) -> StoredInterval:
    """The interval as it would be with one of its times moved."""
    i = stored.interval
    if part is Part.ONSET:
        i = replace(i, onset_s=time_s)
    elif part is Part.APEX:
        i = replace(i, apex_s=time_s)
    else:
        i = replace(i, offset_s=time_s)
    return replace(stored, interval=i)
