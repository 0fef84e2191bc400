"""The bounded queue between the reader thread and the perception thread."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from models.types import Frame


@dataclass(frozen=True, slots=True, eq=False)
class TakenFrame:
    """A frame and when it left its source (``taken_s``, monotonic clock)."""

    frame: Frame
    taken_s: float


class FrameQueue:
    """A few frames, oldest first.

    When it is full, ``put`` drops the oldest frame and counts it; a ``lossless`` queue makes ``put`` wait instead.
    """

    def __init__(self, capacity: int, lossless: bool) -> None:
        self._capacity = capacity
        self._lossless = lossless
        self._frames: deque[TakenFrame] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Frames dropped so far."""
        return self._dropped

    def put(self, taken: TakenFrame) -> bool:
        """Add a frame.

        Returns:
            False if the queue has been closed and the frame was not taken.
        """
        with self._changed:
            if self._lossless:
                self._changed.wait_for(lambda: self._closed or len(self._frames) < self._capacity)
            if self._closed:
                return False
            if len(self._frames) == self._capacity:
                self._frames.popleft()
                self._dropped += 1
            self._frames.append(taken)
            self._changed.notify_all()
            return True

    def get(self) -> TakenFrame | None:
        """The oldest frame; waits for one. None once the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._frames)
            if not self._frames:
                return None
            taken = self._frames.popleft()
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """No more frames will be put; those that are there can still be taken. Harmless when repeated."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
