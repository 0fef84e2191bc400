"""The status bar: privacy on the left, measurements on the right."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from app.gui.text import of_frames
from app.live_types import Counters, LiveSnapshot, LiveState
from app.settings import SmallestMovement

PRIVACY = "Everything stays on this machine. For research use."


class StatusBar(QStatusBar):
    """Speed, latency, frames that were not analysed, and where scoring runs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Status")
        self.setSizeGripEnabled(False)
        self.setContentsMargins(8, 0, 8, 4)
        self._state = self._label("State", "What the session is doing")
        self._fps = self._label("Speed", "Pictures analysed a second, over the last two seconds")
        self._latency = self._label(
            "Latency", "Median time from a picture leaving its source to its point on the curve"
        )
        self._lost = self._label("Frames not analysed", "Left out because the computer was too slow")
        self._provider = self._label("Scoring", "Where the network runs")
        self._movement = self._label("Smallest movement", "What moves less is not listed (Record, Smallest movement…)")
        self._labels = (self._state, self._fps, self._latency, self._lost, self._movement, self._provider)
        privacy = QLabel(PRIVACY)
        self.addWidget(privacy)
        for label in self._labels:
            self.addPermanentWidget(label)
        self.show_snapshot(None)

    @staticmethod
    def _label(name: str, tip: str) -> QLabel:
        label = QLabel()
        label.setAccessibleName(name)
        label.setToolTip(tip)
        return label

    def show_snapshot(
        self, snapshot: LiveSnapshot | None, smallest: SmallestMovement | None = None, network: str = ""
    ) -> None:
        """Take over the newest measurements.

        smallest: what a person has chosen. network: which one scores, where it is not the usual one.
        """
        if snapshot is None:
            for label in self._labels:
                label.clear()
            return
        self._movement.setText(_movement_text(smallest or SmallestMovement()))
        self._state.setText(_state_text(snapshot))
        running = snapshot.state is LiveState.RUNNING
        self._fps.setText(f"{snapshot.fps:.1f} fps" if running and snapshot.fps else "")
        latency = snapshot.latency_ms
        self._latency.setText(f"latency {latency:.0f} ms" if running and latency is not None else "")
        self._lost.setText(not_analysed(snapshot.counters) if snapshot.counters.offered else "")
        which = f" ({network})" if network else ""
        self._provider.setText(f"scoring on {snapshot.provider}{which}" if snapshot.provider else "")

    def texts(self) -> tuple[str, ...]:
        """What is shown on the right, for whoever reads the bar without looking at it."""
        return tuple(label.text() for label in self._labels)


def not_analysed(counters: Counters) -> str:
    """``2 of 900 frames not analysed``."""
    return f"{of_frames(counters.dropped, counters.offered)} not analysed"


def _movement_text(smallest: SmallestMovement) -> str:
    sizes = (("", smallest.iod), ("in speech ", smallest.in_speech_iod))
    chosen = [f"{where}from {size_iod:.3f}" for where, size_iod in sizes if size_iod is not None]
    return f"movements {', '.join(chosen)}" if chosen else ""


def _state_text(snapshot: LiveSnapshot) -> str:
    name = snapshot.source_name
    return {
        LiveState.STARTING: f"Opening {name}…" if name else "Opening…",
        LiveState.RUNNING: f"Watching {name}",
        LiveState.ENDED: f"{name} ended" if name else "Ended",
        LiveState.FAILED: "Stopped with an error",
    }[snapshot.state]
