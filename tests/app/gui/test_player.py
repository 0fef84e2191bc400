"""What the window plays: it never waits for a source that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np

from app.gui.player import Player
from app.live import LiveSession
from models.types import Frame


class _One:
    """A source of a single picture."""

    name, nominal_fps, is_live = "one", 30.0, False

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(0, 0.0, np.zeros((48, 64, 3), np.uint8))

    def close(self) -> None:
        pass


class _Hanging(LiveSession):
    """Ends, but its clean-up hangs in the source until it is let go."""

    def __init__(self) -> None:
        super().__init__(_One())
        self.let_go, self.stopping, self.stopped = threading.Event(), threading.Event(), threading.Event()

    def stop(self) -> None:
        self.stopping.set()
        self.let_go.wait(60.0)
        super().stop()
        self.stopped.set()


def test_the_window_does_not_wait_for_a_source_that_hangs() -> None:
    session = _Hanging()
    player = Player()
    player.watch(session)
    end_s = time.monotonic() + 60.0
    while not session.stopping.is_set():
        assert time.monotonic() < end_s
        snapshot = player.snapshot()  # returns although the clean-up hangs, or the test's time limit ends it
        time.sleep(0.01)
    assert snapshot is not None and player.snapshot() is not None and not session.stopped.is_set()
    session.let_go.set()
    assert session.stopped.wait(60.0)
    player.close()
