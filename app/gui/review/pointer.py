"""What the mouse does in the curves: go there, pick, pan, zoom, select a range, drag an edge."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from app.gui.review.desk import Desk, Kind, Pick
from app.review.state import counts

if TYPE_CHECKING:
    from app.gui.review.plot import CurvePanel

CLICK_PX = 4.0
"""A press that moves less than this is a click."""

ZOOM_STEP = 0.8
"""One notch of the wheel shows this share of what was in sight."""


class Part(Enum):
    """What of a thing is held."""

    ONSET = "onset"
    APEX = "apex"
    OFFSET = "offset"
    POINT = "point"


@dataclass(frozen=True, slots=True)
class Grip:
    """Something that can be dragged along the time axis."""

    pick: Pick
    part: Part


class _Mode(Enum):
    IDLE = 0
    PRESSED = 1
    PAN = 2
    SELECT = 3
    DRAG = 4


class Pointer(QObject):
    """Watches the events of the plots' viewport; pyqtgraph's own mouse handling is switched off there."""

    def __init__(self, panel: CurvePanel) -> None:
        super().__init__(panel)
        self._panel = panel
        self._mode = _Mode.IDLE
        self._from = QPointF()
        self._from_s = 0.0
        self._grips: tuple[Grip, ...] = ()
        self._grip: Grip | None = None
        self._viewport = panel.plots.viewport()
        self._viewport.setMouseTracking(True)
        self._viewport.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        desk = self._panel.desk
        if desk is None:
            return False
        if isinstance(event, QWheelEvent):
            self._wheel(event)
            return True
        if not isinstance(event, QMouseEvent):
            return False
        left = event.button() is Qt.MouseButton.LeftButton
        if event.type() is QEvent.Type.MouseButtonPress and left:
            self._panel.plots.setFocus(Qt.FocusReason.MouseFocusReason)
            self._press(desk, event)
        elif event.type() is QEvent.Type.MouseMove:
            self._move(desk, event.position())
        elif event.type() is QEvent.Type.MouseButtonRelease and left:
            self._release(desk, event.position())
        else:
            return False
        return True

    def cancel(self) -> None:
        """Let go without changing anything."""
        self._mode, self._grips, self._grip = _Mode.IDLE, (), None
        self._viewport.setCursor(Qt.CursorShape.ArrowCursor)
        self._panel.hold(None)

    @property
    def busy(self) -> bool:
        """Whether something is being dragged."""
        return self._mode is not _Mode.IDLE

    def _press(self, desk: Desk, event: QMouseEvent) -> None:
        position = event.position()
        if not self._panel.in_curves(position):
            return
        self._from, self._from_s = position, self._panel.time_at(position)
        self._grips, self._grip = self._panel.grips_at(position), None
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._mode = _Mode.SELECT
            desk.select(self._from_s, self._from_s)
        elif self._grips:
            self._mode = _Mode.DRAG
            desk.choose(self._grips[0].pick)
        else:
            self._mode = _Mode.PRESSED

    def _move(self, desk: Desk, position: QPointF) -> None:
        panel = self._panel
        if self._mode is _Mode.IDLE:
            grips = panel.grips_at(position) if panel.in_curves(position) else ()
            self._viewport.setCursor(Qt.CursorShape.SizeHorCursor if grips else Qt.CursorShape.ArrowCursor)
        elif self._mode is _Mode.PRESSED and abs(position.x() - self._from.x()) > CLICK_PX:
            self._mode = _Mode.PAN
            self._viewport.setCursor(Qt.CursorShape.ClosedHandCursor)
        if self._mode is _Mode.PAN:
            panel.pan(self._from_s - panel.time_at(position))
        elif self._mode is _Mode.SELECT:
            desk.select(self._from_s, panel.time_at(position))
        elif self._mode is _Mode.DRAG and (grip := self._taken(position)) is not None:
            time_s = self._allowed(desk, grip, panel.time_at(position))
            panel.hold(grip, time_s)
            desk.go_to(time_s)  # the picture shows the frame that the edge would stand on

    def _release(self, desk: Desk, position: QPointF) -> None:
        mode, grip, grips = self._mode, self._taken(position), self._grips
        moved = abs(position.x() - self._from.x()) > CLICK_PX
        self.cancel()
        time_s = self._panel.time_at(position)
        if mode is _Mode.DRAG:
            if grip is not None:
                self._drop(desk, grip, self._allowed(desk, grip, time_s))
            elif grips[0].part is Part.POINT:
                desk.choose(grips[0].pick, go=True)
            else:
                desk.go_to(time_s)
        elif mode is _Mode.PRESSED:
            desk.choose(self._under(desk, time_s))
            desk.go_to(time_s)
        elif mode is _Mode.SELECT and not moved:
            desk.unselect()

    def _taken(self, position: QPointF) -> Grip | None:
        """The grip that is dragged. Of those that lie on one another it is the one that can go that way."""
        by_px = position.x() - self._from.x()
        if self._grip is None and self._grips and abs(by_px) > CLICK_PX:
            order = (Part.ONSET, Part.APEX, Part.OFFSET, Part.POINT)
            self._grip = (max if by_px > 0 else min)(self._grips, key=lambda grip: order.index(grip.part))
        return self._grip

    @staticmethod
    def _drop(desk: Desk, grip: Grip, time_s: float) -> None:
        if grip.part is Part.POINT:
            desk.move_point(grip.pick.id, time_s)
        elif grip.part is Part.ONSET:
            desk.move(grip.pick.id, onset_s=time_s)
        elif grip.part is Part.APEX:
            desk.move(grip.pick.id, apex_s=time_s)
        else:
            desk.move(grip.pick.id, offset_s=time_s)

    @staticmethod
    def _allowed(desk: Desk, grip: Grip, time_s: float) -> float:
        """The nearest frame at which onset, apex and offset keep their order."""
        time_s = desk.snapped(time_s)
        chosen = desk.interval
        if chosen is None or grip.part is Part.POINT:
            return time_s
        interval = chosen.interval
        if grip.part is Part.ONSET:
            return min(time_s, interval.apex_s)
        if grip.part is Part.OFFSET:
            return max(time_s, interval.apex_s)
        return min(max(time_s, interval.onset_s), interval.offset_s)

    @staticmethod
    def _under(desk: Desk, time_s: float) -> Pick | None:
        """The shortest interval there, those that count first; else an exclusion."""
        there = [i for i in desk.listed() if i.interval.onset_s <= time_s <= i.interval.offset_s]
        if there:
            best = min(there, key=lambda i: (not counts(i, desk.state.exclusions), i.interval.duration_s))
            return Pick(Kind.INTERVAL, best.id)
        left_out = [e for e in desk.state.exclusions if e.start_s <= time_s <= e.end_s]
        return Pick(Kind.EXCLUSION, left_out[0].id) if left_out else None

    def _wheel(self, event: QWheelEvent) -> None:
        panel = self._panel
        across, along = event.angleDelta().x(), event.angleDelta().y()
        begin_s, end_s = panel.shown_s
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or abs(across) > abs(along):
            panel.pan(-(across or along) / 120.0 * 0.15 * (end_s - begin_s))
        elif along:
            panel.zoom(ZOOM_STEP ** (along / 120.0), panel.time_at(event.position()))
