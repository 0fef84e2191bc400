"""Frame-exact random access to the pictures of a video.

A picture is known by its time: the file's own time stamp, as ``models.video`` read it when the frame was analysed. A
seek goes to a key frame before it, and what the decoder gives there is believed only from that key frame on. Where the
time stamps do not tell the pictures apart, the video is read from its start and the pictures are counted.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import numpy as np

from app.session.reader import FrameTable
from app.session.schema import INFO_FILE, VIDEO_FILE, WRITING_SUFFIX
from models.types import Frame, Image
from models.video import VideoFile, open_container, upright_bgr

log = logging.getLogger(__name__)

_TOLERANCE_S = 5e-5
"""Times in the tables have six decimals; pictures are farther apart than this."""

_READ_ON_S = 1.5
"""A picture this little ahead is reached by decoding on, not by a seek."""

_STEPS_BACK_S = (0.0, 1.0, 5.0, 25.0)
"""How far before the picture to seek, until its key frame is met; at last the file is read from its start."""

CACHE_BYTES = 160 * 1024 * 1024
"""Decoded pictures (YUV) that are kept: some 340 of 640 x 480, 50 of 1920 x 1080."""

_LEAST_CACHED = 8
_THREADS = 4

_SEEKABLE = frozenset({"mov", "matroska"})
"""Containers (first part of FFmpeg's name) that store a time for every picture and an index."""


class Pictures:
    """Exactly the picture of a frame. Used from one thread."""

    def __init__(self, video: Path, first_frame_s: float, frames: FrameTable, cache_bytes: int = CACHE_BYTES) -> None:
        self._path = video
        self._cache_bytes = cache_bytes
        self._index = frames.index
        self._own = _is_own(video)
        self._cache: OrderedDict[int, Any] = OrderedDict()
        self._counted: _Counted | None = None
        self._container, self._stream = open_container(video)
        self._aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self._decoded = self._start()
        self._newest_s: float | None = None
        """Time of the newest picture that was decoded, ``None`` where none can be built on."""
        first_s = next(self._decoded, (0.0, None))[0]
        # a session's own video starts when its first frame was taken, even if that frame's picture was dropped
        self._times_s = frames.time_s - first_frame_s + (0.0 if self._own else first_s)
        if not self._own and not _told_apart_by_time(video, str(self._container.format.name)):
            self._count()

    @classmethod
    def open(cls, video: Path, first_frame_s: float, frames: FrameTable, *, cache_bytes: int = CACHE_BYTES) -> Self:
        """Open the video of a session.

        video: a session's own, or the file that was analysed. first_frame_s: the session's ``clock.first_frame_s``.
        cache_bytes: decoded pictures that are kept.

        Raises:
            VideoError: it cannot be read.
        """
        return cls(video, first_frame_s, frames, cache_bytes)

    def picture(self, row: int) -> Image | None:
        """The picture of a row of ``frames``, BGR uint8 (H, W, 3); ``None`` where it was not kept.

        The next ones are quick, and so are those shown lately; any other takes the decoding of a second or so.
        """
        if self._counted is not None:
            return self._counted.picture(int(self._index[row]))
        if row not in self._cache:
            self._cache[row] = self._find(float(self._times_s[row]))
            if self._cache[row] is None and not self._own:
                # every frame of an analysed file has a picture: its time stamps were mended when it was read
                self._count()
                return self.picture(row)
        self._cache.move_to_end(row)
        self._trim()
        found = self._cache[row]
        return None if found is None else upright_bgr(found, self._aspect)

    def close(self) -> None:
        """Free the file; harmless when repeated."""
        self._cache.clear()
        self._container.close()
        if self._counted is not None:
            self._counted.close()

    # -- by time --------------------------------------------------------------------------------------------------

    def _find(self, time_s: float) -> Any:
        """The decoded picture of that time, ``None`` where there is none."""
        newest_s = self._newest_s
        if newest_s is not None and newest_s < time_s - _TOLERANCE_S and time_s - newest_s < _READ_ON_S:
            found, _ = self._read_to(time_s)
            return found
        for back_s in _STEPS_BACK_S:
            if self._seek(time_s - back_s):
                found, sure = self._read_to(time_s)
                if sure:
                    return found
        self._newest_s = None
        self._container.close()
        self._container, self._stream = open_container(self._path)
        self._decoded = self._start()
        return self._read_to(time_s)[0]

    def _seek(self, time_s: float) -> bool:
        self._newest_s = None
        target = int(Fraction(time_s) / self._stream.time_base)
        try:
            self._container.seek(target, stream=self._stream, backward=True)
        except (av.FFmpegError, OSError, ValueError) as error:
            log.debug("%s: no seek to %.3f s: %s", self._path, time_s, error)
            return False
        self._decoded = _from_key_frame(self._container, self._stream)
        return True

    def _read_to(self, time_s: float) -> tuple[Any, bool]:
        """Decode until ``time_s``. Second: whether the picture of that time cannot be another, or cannot be at all."""
        began = self._newest_s is not None
        for picture_s, picture in self._decoded:
            before = picture_s < time_s - _TOLERANCE_S
            began = began or before
            self._newest_s = picture_s
            if picture is not None:
                self._keep(picture_s, picture)
            if before:
                continue
            if picture_s <= time_s + _TOLERANCE_S:
                return picture, picture is not None
            return None, began
        self._newest_s = None
        return None, began

    def _start(self) -> Iterator[tuple[float, Any]]:
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = _THREADS
        return _from_key_frame(self._container, self._stream)

    def _keep(self, picture_s: float, picture: Any) -> None:
        row = int(np.searchsorted(self._times_s, picture_s - _TOLERANCE_S))
        if row < len(self._times_s) and abs(self._times_s[row] - picture_s) <= _TOLERANCE_S:
            self._cache[row] = picture
            self._cache.move_to_end(row)
            self._trim()

    def _trim(self) -> None:
        size_bytes = max(1, self._stream.width * self._stream.height * 3 // 2)
        while len(self._cache) > max(_LEAST_CACHED, self._cache_bytes // size_bytes):
            self._cache.popitem(last=False)

    def _count(self) -> None:
        self._cache.clear()
        self._counted = _Counted(self._path)


class _Counted:
    """Pictures by their number, read from the start; going back reads anew."""

    def __init__(self, path: Path) -> None:
        self._file = VideoFile(path)
        self._frames = iter(self._file)
        self._newest: Frame | None = None

    def picture(self, index: int) -> Image | None:
        if self._newest is not None and self._newest.index > index:
            self._frames, self._newest = iter(self._file), None
        while self._newest is None or self._newest.index < index:
            frame = next(self._frames, None)
            if frame is None:
                self._frames, self._newest = iter(self._file), None
                return None
            self._newest = frame
        return self._newest.image

    def close(self) -> None:
        self._file.close()


def _from_key_frame(container: Any, stream: Any) -> Iterator[tuple[float, Any]]:
    """Pictures with their times (s, as the file states them) from the next key frame on; ``None`` for damaged ones.

    Pictures that are shown before the key frame may build on others before it, and are passed over.
    """
    key_pts: int | None = None
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            if key_pts is None:
                if not packet.is_keyframe or packet.pts is None:
                    continue
                key_pts = packet.pts
            pictures = packet.decode()
        except (av.FFmpegError, ValueError):
            continue  # as models.video does; a broken demuxer is exhausted and gives None next
        for picture in pictures:
            if picture.pts is not None and picture.pts >= key_pts:
                time_s = float(picture.pts * picture.time_base)
                yield time_s, None if picture.is_corrupt else picture


def _told_apart_by_time(path: Path, container_name: str) -> bool:
    """Whether every picture of a file has a time of its own, in an order that a seek can rely on."""
    if container_name.split(",")[0] in _SEEKABLE:
        return True
    container, stream = open_container(path)
    try:
        times = [packet.pts for packet in container.demux(stream) if packet.size]
    except (av.FFmpegError, OSError, ValueError):
        return False
    finally:
        container.close()
    return None not in times and len(set(times)) == len(times)


def _is_own(video: Path) -> bool:
    return video.name in (VIDEO_FILE, VIDEO_FILE + WRITING_SUFFIX) and (video.parent / INFO_FILE).is_file()
