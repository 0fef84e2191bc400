"""Drawing yields to the analysis."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.gui.pace import LONGEST_MS, SHORTEST_MS, DrawingPace
from app.gui.window import MainWindow


def settled(pace: DrawingPace, round_s: float) -> int:
    for _ in range(50):
        pace.drew(round_s / 2)
        pace.drew(round_s / 2)  # a round may have several parts
        waits = pace.next_ms()
    return waits


@pytest.mark.parametrize(("round_s", "waits_ms"), [(0.002, SHORTEST_MS), (0.02, 80), (1.0, LONGEST_MS)])
def test_drawing_takes_a_quarter_of_a_core_at_most(round_s: float, waits_ms: int) -> None:
    assert settled(DrawingPace(), round_s) == waits_ms


def test_one_slow_round_does_not_slow_the_window_for_long() -> None:
    pace = DrawingPace()
    settled(pace, 0.005)
    pace.drew(0.1)
    assert pace.next_ms() <= 3 * SHORTEST_MS
    assert settled(pace, 0.005) == SHORTEST_MS


class Slow(QWidget):
    """Takes 50 ms to draw."""

    def paintEvent(self, event: QPaintEvent) -> None:
        time.sleep(0.05)


def test_a_window_that_takes_long_to_draw_is_drawn_less_often(
    qtbot: QtBot, open_main_window: Callable[..., MainWindow]
) -> None:
    window = open_main_window()
    slow = Slow(window)
    slow.resize(40, 40)
    slow.show()

    def drawn_seldom() -> bool:
        slow.update()
        return window._timer.interval() > 150

    qtbot.waitUntil(drawn_seldom)
    slow.hide()
    qtbot.waitUntil(lambda: window._timer.interval() < 60)
