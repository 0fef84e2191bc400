"""Sources for recordings that are kept as numbered pictures, and for those that are faster than the grid needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from models.errors import UsageError, VideoError
from models.types import GRID_HZ, Frame, FrameSource, Image
from models.video import VideoFile
from training.readers.layout import pictures_in

_FAST_HZ = 90.0
"""From this rate on frames are passed over; below it perception sees every frame, as it does live."""


class PictureFolder:
    """A folder of numbered pictures as a ``FrameSource``: ``index`` counts from the first number, ``time_s`` follows.

    A missing number leaves a gap in time; a picture that cannot be decoded is left out and counted in ``skipped``.
    Every ``step``-th frame is delivered.

    Raises:
        UsageError: there is no such folder.
        VideoError: no picture in it has a number, or, while iterating, none can be decoded.
    """

    def __init__(self, path: Path, fps: float, step: int = 1) -> None:
        if not path.is_dir():
            raise UsageError(f"There is no folder {path}.")
        self._path = path
        self._fps = fps
        self._step = step
        self._pictures = pictures_in(path)
        self._closed = False
        self.skipped = 0
        if not self._pictures:
            raise VideoError(f"{path} holds no numbered pictures.")

    @property
    def name(self) -> str:
        return self._path.name

    @property
    def nominal_fps(self) -> float | None:
        return self._fps

    @property
    def is_live(self) -> bool:
        return False

    @property
    def frame_count(self) -> int:
        """Frames from the first number to the last, those that are missing included."""
        return self._pictures[-1][0] - self._pictures[0][0] + 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End an iteration under way; harmless when repeated."""
        self._closed = True

    def __iter__(self) -> Iterator[Frame]:
        first = self._pictures[0][0]
        self.skipped = 0
        seen = False
        for number, path in self._pictures:
            if self._closed:
                return
            index = number - first
            if index % self._step:
                continue
            image = _decode(path)
            if image is None:
                self.skipped += 1
                continue
            seen = True
            yield Frame(index, index / self._fps, image)
        if not seen:
            raise VideoError(f"{self._path} holds no picture that can be decoded; was it unpacked completely?")


def _decode(path: Path) -> Image | None:
    try:
        # read by Python: OpenCV cannot open every file name on every system
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        return None
    return None if image is None else np.asarray(image, np.uint8)


class Thinned:
    """Every ``step``-th frame of a source."""

    def __init__(self, source: FrameSource, step: int) -> None:
        self._source = source
        self._step = step

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def nominal_fps(self) -> float | None:
        return self._source.nominal_fps

    @property
    def is_live(self) -> bool:
        return self._source.is_live

    def __iter__(self) -> Iterator[Frame]:
        return (frame for frame in self._source if frame.index % self._step == 0)

    def close(self) -> None:
        self._source.close()


def step_of(fps: float) -> int:
    """Frames of a fast recording that make one step of at least the grid's rate: 6 at 200 fps, which leaves 33.3."""
    return max(1, int(fps // GRID_HZ)) if fps >= _FAST_HZ else 1


def open_source(path: Path, fps: float) -> FrameSource:
    """A video file or a folder of pictures, with the frames that perception is to see.

    Raises:
        UsageError: it is missing.
        VideoError: it cannot be read.
    """
    step = step_of(fps)
    if path.is_dir():
        return PictureFolder(path, fps, step)
    video = VideoFile(path)
    return Thinned(video, step) if step > 1 else video


def frame_count(path: Path, fps: float) -> int | None:
    """Frames that ``open_source`` will deliver, as far as the source says."""
    if path.is_dir():
        source = PictureFolder(path, fps)
        count: int | None = source.frame_count
    else:
        with VideoFile(path) as video:
            count = video.frame_count_estimate
    return None if count is None else -(-count // step_of(fps))
