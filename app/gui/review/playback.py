"""The clock of a replay: where the cursor should be now, forwards or backwards, at any of a few speeds."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.gui.review.desk import Desk

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)

TICK_MS = 15

MOST_LATE_S = 0.1
"""Longest time that one step may make up for. Where pictures cannot be decoded fast enough the replay slows down:
leaping ahead would only mean more pictures to decode."""


class Playback(QObject):
    """Moves the desk's cursor while it plays."""

    changed = Signal()
    """Started, stopped, or another speed or direction."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.speed = 1.0
        self.direction = 1
        self._position_s = 0.0
        self._then_s = 0.0
        self._moving = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        desk.moved.connect(self._moved)

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def toggle(self) -> None:
        """Play forwards, or pause."""
        if self.playing:
            self.pause()
        else:
            self._play(1)

    def pause(self) -> None:
        if self.playing:
            self._timer.stop()
            self.changed.emit()

    def shuttle(self, direction: int) -> None:
        """J and L: play that way; pressed again, twice as fast."""
        if self.playing and self.direction == direction:
            self.set_speed(SPEEDS[min(SPEEDS.index(self.speed) + 1, len(SPEEDS) - 1)])
        else:
            self._play(direction)

    def set_speed(self, speed: float) -> None:
        if speed != self.speed:
            self.speed = speed
            self.changed.emit()

    def _play(self, direction: int) -> None:
        desk = self._desk
        if direction > 0 and desk.row >= len(desk.frames) - 1:
            desk.go_to_row(0)  # at the end, play means from the beginning
        self.direction = direction
        self._position_s = desk.now_s
        self._then_s = time.monotonic()
        self._timer.start()
        self.changed.emit()

    def _tick(self) -> None:
        now_s = time.monotonic()
        self._position_s += min(now_s - self._then_s, MOST_LATE_S) * self.speed * self.direction
        self._then_s = now_s
        desk = self._desk
        self._moving = True
        desk.go_to(self._position_s)
        self._moving = False
        if self._position_s >= desk.end_s if self.direction > 0 else self._position_s <= desk.begin_s:
            self.pause()

    def _moved(self) -> None:
        """Whoever moves the cursor while it plays moves the replay."""
        if not self._moving:
            self._position_s = self._desk.now_s
