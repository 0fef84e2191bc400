"""What the window plays or records: at most one session at a time. Knows no Qt."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from app.gui.recording import LivePoint, Recording, RecordingPlan, RecordingState
from app.live import LiveSession
from app.live_types import LiveSnapshot
from app.session import RecorderSettings
from app.settings import SmallestMovement
from app.sources import SourceChoice, open_source
from models.assets import USUAL_NETWORK
from models.spotter import Spotter

PATIENCE_S = 3.0
"""How long a session may take to end by itself before its source is closed under it."""


class Player:
    """Starts, watches and ends sessions.

    A model file is loaded once, by the first session with it, in its own thread, and again when it has changed.

    limits: of the disk, for recordings.
    """

    def __init__(self, limits: RecorderSettings | None = None) -> None:
        self._limits = limits or RecorderSettings()
        self._recording: Recording | None = None
        self._session: LiveSession | None = None
        self._spotter: tuple[Path, tuple[int, int] | None, Spotter] | None = None
        self.network = USUAL_NETWORK
        """Scores the sessions that start from now on."""
        self.scoring_with = USUAL_NETWORK
        """Scores the newest session."""
        self.smallest = SmallestMovement()
        """What sessions report at least which start from now on."""
        self.reported = SmallestMovement()
        """The same of the newest session."""
        self._spotter_lock = threading.Lock()
        self._stop_asked_s: float | None = None
        self._tidied = True
        self._adopted: LiveSession | None = None

    @property
    def usual(self) -> SmallestMovement:
        """The model's own smallest movement; the model is loaded for it where no session has done so yet.

        Raises:
            ModelFileError, AssetError: it cannot be loaded.
        """
        with self._spotter_lock:
            decode = self._loaded(self.network).spec.decode
        return SmallestMovement(decode.least_motion_iod, decode.least_motion_in_speech_iod)

    @property
    def running(self) -> bool:
        """True from ``start`` until the session is over."""
        return self._session is not None and not self._session.snapshot().state.over

    @property
    def recording(self) -> Recording | None:
        """The newest recording, its last state when it has ended; None before the first one."""
        return self._recording

    @property
    def recording_now(self) -> bool:
        """True from ``record`` until the recording is finished."""
        return self._recording is not None and self._recording.state is not RecordingState.ENDED

    @property
    def points(self) -> tuple[LivePoint, ...]:
        """Point labels that were put in what is shown now."""
        recording = self._recording
        return recording.points if recording is not None and recording.session is self._session else ()

    @property
    def stopping(self) -> bool:
        """True while a stop was asked for and the session is not yet over."""
        return self.running and self._stop_asked_s is not None

    def start(self, choice: SourceChoice) -> None:
        """Play ``choice`` from its beginning, at its own pace; whatever ran before is ended first."""
        self.watch(LiveSession(lambda: open_source(choice, paced=True), spotter=self._shared_spotter))

    def record(self, choice: SourceChoice, plan: RecordingPlan) -> Recording:
        """Record ``choice`` from its beginning; returns at once. What ran before is ended first.

        A recorder has to be there from a session's start, since the analysis carries its past: so this is a new one.
        """
        self._finish_recording()
        self.stop()
        self._recording = Recording(choice, plan, self._shared_spotter, self._session, self._limits)
        self._recording.start()
        return self._recording

    def watch(self, session: LiveSession) -> None:
        """Start ``session`` and show it; whatever ran before is ended first."""
        self.close()
        self._adopt(session)
        session.start()

    def stop(self) -> None:
        """Ask the session to end; returns at once."""
        if self._session is not None and self._stop_asked_s is None:
            self._stop_asked_s = time.monotonic()
            self._session.request_stop()

    def snapshot(self) -> LiveSnapshot | None:
        """The session's snapshot, its last one when it is over; None before the first start."""
        recorded = self._recording.session if self._recording else None
        if recorded is not None and recorded is not self._adopted:
            self._adopted = recorded
            self._adopt(recorded)
        if self._session is None:
            return None
        snapshot = self._session.snapshot()
        overdue = self._stop_asked_s is not None and time.monotonic() - self._stop_asked_s > PATIENCE_S
        if not self._tidied and (snapshot.state.over or overdue):
            self._tidied = True
            # a source that hangs keeps this thread waiting for seconds, and the window must not
            threading.Thread(target=self._session.stop, name="apexspot-tidying", daemon=True).start()
        return snapshot

    def close(self) -> None:
        """End whatever runs and wait for it, a recording until all of it is kept; harmless when repeated."""
        self._finish_recording()
        if self._session is not None:
            self._session.stop()
            self._tidied = True

    def _adopt(self, session: LiveSession) -> None:
        self._stop_asked_s = None
        self._tidied = False
        self._session = session

    def _finish_recording(self) -> None:
        if self._recording is not None and self.recording_now:
            self._recording.finish()
            self._recording.join()
            self.snapshot()  # takes over its session

    def _shared_spotter(self) -> Spotter:
        with self._spotter_lock:
            self.reported, self.scoring_with = self.smallest, self.network
            return self._loaded(self.scoring_with).with_least_motion(*self.reported)

    def _loaded(self, network: Path) -> Spotter:
        version = _version(network)
        if self._spotter is None or self._spotter[:2] != (network, version):
            self._spotter = network, version, Spotter(network)
        return self._spotter[2]


def _version(network: Path) -> tuple[int, int] | None:
    """Changes when a file is written anew, as a network of the user's may be that has learned more."""
    try:
        state = network.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size
