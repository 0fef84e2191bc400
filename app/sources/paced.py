"""A recording played at its own pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from models.types import Frame, FrameSource


class PacedSource:
    """Hands out each frame of ``source`` when it is due, ``speed`` times as fast as it was recorded.

    The clock starts with the first frame. A frame that is taken late is handed out at once and none is left out;
    whoever wants frames to be lost as a camera loses them puts a queue behind it. ``close`` wakes a wait at once.
    """

    def __init__(self, source: FrameSource, speed: float = 1.0) -> None:
        if not speed > 0.0:
            raise ValueError("speed must be above 0")
        self._source = source
        self._speed = speed
        self._closed = threading.Event()

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def nominal_fps(self) -> float | None:
        fps = self._source.nominal_fps
        return None if fps is None else fps * self._speed

    @property
    def is_live(self) -> bool:
        return self._source.is_live

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the playing, also from another thread, and close the source."""
        self._closed.set()
        self._source.close()

    def __iter__(self) -> Iterator[Frame]:
        begin_s: float | None = None
        for frame in self._source:
            now_s = time.monotonic()
            if begin_s is None:
                begin_s = now_s - frame.time_s / self._speed
            if self._closed.wait(max(0.0, begin_s + frame.time_s / self._speed - now_s)):
                return
            yield frame
