"""What a camera and a network stream have in common."""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


def awake_or_not_s() -> float:
    """Seconds since some moment, those included in which the computer slept: a recording that goes on after a lid was
    shut has a gap in its times then, and no motion across it. Where the system does not tell, they are left out.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)  # unlike time.monotonic
    return time.monotonic()


class LiveSource(ABC):
    """A source whose frames are lost if nobody takes them; a context manager that lets go of it in the end.

    ``close`` may be called from another thread; whoever holds the lock, as to take a picture, is waited for.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._fps: float | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def nominal_fps(self) -> float | None:
        return self._fps

    @property
    def is_live(self) -> bool:
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it, also from another thread; harmless when repeated."""
        self._closed.set()
        with self._lock:
            self._release()

    @abstractmethod
    def _release(self) -> None:
        """Let go of it; the lock is held."""
