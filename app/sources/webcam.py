"""A camera as a frame source (OpenCV)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from app.sources import opencv
from app.sources.devices import Camera
from app.sources.live import LiveSource, awake_or_not_s
from models.errors import SourceError
from models.types import Frame

WANTED_WIDTH_PX = 640
WANTED_HEIGHT_PX = 480
WANTED_FPS = 30.0

_TIMEOUT_MS = 3000
"""A camera that gives nothing for so long counts as unplugged."""

_EMPTY_PICTURES = 30
"""Some cameras give a few empty pictures while they wake up; more in a row than this means it is gone."""


class Webcam(LiveSource):
    """An opened camera; 640 x 480 at 30 Hz is asked for, and what the camera makes of it is delivered.

    Times are those of the grab on a steady clock, counted from the first picture. Iterating again, also after an
    error, opens the camera anew. To close it takes 3 s at most, a grab under way being waited for.

    Raises:
        SourceError: the camera cannot be opened, or (while iterating) it stopped delivering.
    """

    def __init__(self, camera: Camera, backend: int | None = None) -> None:
        super().__init__(camera.name)
        self._camera = camera
        self._backend = _system_backend() if backend is None else backend
        self._capture: Any = None
        opencv.silence()
        self._open()

    def __iter__(self) -> Iterator[Frame]:
        with self._lock:
            if self._closed.is_set():
                return
            if self._capture is None:
                self._open()
        begin_s: float | None = None
        index = 0
        empty = 0
        while True:
            with self._lock:
                if self._closed.is_set() or self._capture is None:
                    return
                grabbed = bool(self._capture.grab())
                now_s = awake_or_not_s()
                image = self._capture.retrieve()[1] if grabbed else None
                empty = empty + 1 if image is None else 0
                if not grabbed or empty > _EMPTY_PICTURES:
                    self._release()
                    raise SourceError(f"The camera {self.name} stopped delivering pictures; is it still plugged in?")
            if image is None:
                continue
            if begin_s is None:
                begin_s = now_s
            yield Frame(index, now_s - begin_s, np.ascontiguousarray(image, dtype=np.uint8))
            index += 1

    def _open(self) -> None:
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
        try:
            # not every backend takes the limits as parameters; V4L2 takes the reading one only
            capture = cv2.VideoCapture(self._camera.node, self._backend, limits[2:])
            if not capture.isOpened():
                capture = cv2.VideoCapture(self._camera.node, self._backend)
        except cv2.error as error:
            raise SourceError(self._not_opened()) from error
        if not capture.isOpened():
            raise SourceError(self._not_opened())
        # compressed pictures: at USB 2 speed many cameras reach 30 Hz only with them
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, WANTED_WIDTH_PX)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, WANTED_HEIGHT_PX)
        capture.set(cv2.CAP_PROP_FPS, WANTED_FPS)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        fps = float(capture.get(cv2.CAP_PROP_FPS))
        self._fps = fps if 0.0 < fps < 1000.0 else None
        self._capture = capture

    def _not_opened(self) -> str:
        return (
            f"The camera {self.name} cannot be opened; it may be in use by another program, "
            "or this program may not be allowed to use cameras."
        )

    def _release(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None


def _system_backend() -> int:
    if sys.platform.startswith("linux"):
        return int(cv2.CAP_V4L2)
    if sys.platform == "darwin":
        return int(cv2.CAP_AVFOUNDATION)
    return int(cv2.CAP_DSHOW)
