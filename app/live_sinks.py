"""Who else gets what a live session sees: a recorder, say."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from models.types import Frame, FrameMotion, Update

log = logging.getLogger(__name__)


class LiveSink(Protocol):
    """Gets everything a session sees. Its methods are called in the session's threads, so they return at once."""

    def frame(self, frame: Frame) -> None:
        """Each frame that the source gave, before any is dropped; from the reading thread. Its image is not changed."""

    def motion(self, motion: FrameMotion) -> None:
        """Each motion that the analysis takes, in its order and after its ``frame``; from the scoring thread."""

    def update(self, update: Update) -> None:
        """Each step of the analysis, after the motions that led to it; from the scoring thread."""


class Sinks:
    """Several sinks as one. A sink that raises is left out from then on: it must not end the session."""

    def __init__(self, sinks: tuple[LiveSink, ...]) -> None:
        self._sinks = sinks

    def frame(self, frame: Frame) -> None:
        self._tell(lambda sink: sink.frame(frame))

    def motion(self, motion: FrameMotion) -> None:
        self._tell(lambda sink: sink.motion(motion))

    def update(self, update: Update) -> None:
        self._tell(lambda sink: sink.update(update))

    def _tell(self, call: Callable[[LiveSink], None]) -> None:
        for sink in self._sinks:
            try:
                call(sink)
            except Exception:
                log.exception("a sink of the live session failed and is left out")
                self._sinks = tuple(other for other in self._sinks if other is not sink)
