"""Drawing yields to the analysis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.gui.pace import LONGEST_MS, SHORTEST_MS, DrawingPace
from app.gui.window import MainWindow
from app.live_types import Counters
from app.sources import DemoChoice


def test_each_loss_doubles_the_time_between_two_rounds_up_to_a_limit() -> None:
    pace = DrawingPace()
    assert [pace.next_ms(dropped) for dropped in (0, 1, 4, 5, 6)] == [SHORTEST_MS, 66, 132, LONGEST_MS, LONGEST_MS]


def test_the_window_is_drawn_often_again_when_nothing_is_lost_any_more() -> None:
    pace = DrawingPace()
    pace.next_ms(7)
    waits = [pace.next_ms(7) for _ in range(200)]
    assert waits[10] > 60 and waits[-1] == SHORTEST_MS and waits == sorted(waits, reverse=True)


def test_a_new_session_counts_from_nothing() -> None:
    pace = DrawingPace()
    assert pace.next_ms(30) == 66 and pace.next_ms(0) <= 66 and pace.next_ms(1) > 100


def test_a_window_whose_session_loses_frames_is_drawn_less_often(
    qtbot: QtBot, open_main_window: Callable[..., MainWindow], monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_main_window()
    window.live.play(DemoChoice())
    qtbot.waitUntil(lambda: window.player.snapshot() is not None)
    window.live.toggle()
    qtbot.waitUntil(lambda: not window.player.running, timeout=30_000)
    snapshot = window.player.snapshot()
    assert snapshot is not None
    lossy = replace(snapshot, counters=Counters(1000, 900, 1_000_000))
    monkeypatch.setattr(window.player, "snapshot", lambda: lossy)
    window._pace = DrawingPace()
    window.refresh()
    assert window._timer.interval() == 66 and window._timer.isActive()
