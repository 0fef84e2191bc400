"""What the window plays: at most one session at a time. Knows no Qt."""

from __future__ import annotations

import threading
import time

from app.live import LiveSession
from app.live_types import LiveSnapshot
from app.sources import SourceChoice, open_source
from models.spotter import Spotter

PATIENCE_S = 3.0
"""How long a session may take to end by itself before its source is closed under it."""


class Player:
    """Starts, watches and ends sessions. The model file is loaded once, by the first session, in its own thread."""

    def __init__(self) -> None:
        self._session: LiveSession | None = None
        self._spotter: Spotter | None = None
        self._spotter_lock = threading.Lock()
        self._stop_asked_s: float | None = None
        self._tidied = True

    @property
    def running(self) -> bool:
        """True from ``start`` until the session is over."""
        return self._session is not None and not self._session.snapshot().state.over

    @property
    def stopping(self) -> bool:
        """True while a stop was asked for and the session is not yet over."""
        return self.running and self._stop_asked_s is not None

    def start(self, choice: SourceChoice) -> None:
        """Play ``choice`` from its beginning, at its own pace; whatever ran before is ended first."""
        self.watch(LiveSession(lambda: open_source(choice, paced=True), spotter=self._shared_spotter))

    def watch(self, session: LiveSession) -> None:
        """Start ``session`` and show it; whatever ran before is ended first."""
        self.close()
        self._stop_asked_s = None
        self._tidied = False
        self._session = session
        session.start()

    def stop(self) -> None:
        """Ask the session to end; returns at once."""
        if self._session is not None and self._stop_asked_s is None:
            self._stop_asked_s = time.monotonic()
            self._session.request_stop()

    def snapshot(self) -> LiveSnapshot | None:
        """The session's snapshot, its last one when it is over; None before the first start."""
        if self._session is None:
            return None
        snapshot = self._session.snapshot()
        overdue = self._stop_asked_s is not None and time.monotonic() - self._stop_asked_s > PATIENCE_S
        if not self._tidied and (snapshot.state.over or overdue):
            self._tidied = True
            self._session.stop()
            snapshot = self._session.snapshot()
        return snapshot

    def close(self) -> None:
        """End whatever runs and wait for it; harmless when repeated."""
        if self._session is not None:
            self._session.stop()
            self._tidied = True

    def _shared_spotter(self) -> Spotter:
        with self._spotter_lock:
            if self._spotter is None:
                self._spotter = Spotter()
            return self._spotter
