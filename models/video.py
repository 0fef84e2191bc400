"""Video files, decoded frame by frame with their own timestamps (PyAV, that is FFmpeg's libraries)."""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.sidedata.sidedata import Type

from models.errors import UsageError, VideoError
from models.types import Frame, Image

log = logging.getLogger(__name__)

_FALLBACK_RATE_HZ = 30
"""Assumed where neither the file nor its frames say how long a frame lasts."""

_JUMP_BACK_S = 1.0
"""Timestamps that fall back by more than this start anew (joined recordings, a wrapped clock)."""

_JUMP_AHEAD_S = 600.0
"""A longer step ahead is a broken timestamp too, unless the length that the file states has room for the pause."""

_LONGEST_PAUSE_S = 86_400.0
"""More is believed of no file."""

_MAX_THREADS = 4
"""Each decoding thread holds whole pictures; more do not help at the speed at which faces are tracked."""


class VideoFile:
    """A video file as a ``FrameSource``; the first frame is at 0 s and true differences of time are kept.

    Every iteration reads the file anew from its start. Frames are BGR uint8 (H, W, 3), turned upright as the file's
    rotation asks and with square pixels. Undecodable packets and frames that the decoder marks as damaged are left
    out and counted in ``skipped``. Only this one local file is read: play lists that point elsewhere are refused.

    Raises:
        UsageError: the path is missing or is a folder.
        VideoError: the file is no video, is damaged, or may not be read; also raised while iterating.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._container: Any = None
        self._closed = False
        self._skipped = 0
        _check_readable(self._path)
        container, stream = open_container(self._path)
        try:
            self._rate_hz = _positive(stream.average_rate) or _positive(stream.guessed_rate)
            self._duration_s = _duration_s(container, stream)
            # where times may begin anew at any place, the length is only the distance of the last one from the first
            anew = container.format.flags & av.format.Flags.ts_discont.value
            self._room_s = 0.0 if anew else self._duration_s or 0.0
            self._frames = int(stream.frames) or None
            self._pixel_aspect = stream.sample_aspect_ratio or Fraction(1)
        finally:
            container.close()

    @property
    def path(self) -> Path:
        return self._path

    @property
    def name(self) -> str:
        return self._path.name

    @property
    def nominal_fps(self) -> float | None:
        return float(self._rate_hz) if self._rate_hz else None

    @property
    def is_live(self) -> bool:
        return False

    @property
    def duration_s(self) -> float | None:
        """Length of the video as the file states it, ``None`` where it does not say."""
        return self._duration_s

    @property
    def frame_count_estimate(self) -> int | None:
        """Number of frames as the file states it or as follows from length and rate; the truth may differ."""
        if self._frames is None and self._duration_s is not None and self._rate_hz is not None:
            return round(self._duration_s * self._rate_hz)
        return self._frames

    @property
    def skipped(self) -> int:
        """Damaged packets and frames that were left out in the newest iteration."""
        return self._skipped

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Free the file; may be called from another thread, and an iteration under way then ends."""
        self._closed = True
        with self._lock:  # never while the decoder works: that would free its memory under it
            if self._container is not None:
                self._container.close()
                self._container = None

    def __iter__(self) -> Iterator[Frame]:
        clock = _Clock(self._rate_hz, self._room_s)
        index = 0
        decoded = self._decode()
        try:
            while (picture := self._next(decoded)) is not None:
                time_s = clock.time_s(picture)
                if time_s is None:
                    self._skipped += 1
                    continue
                yield Frame(index, time_s, upright_bgr(picture, self._pixel_aspect))
                index += 1
        finally:
            with self._lock:
                decoded.close()
        if index == 0 and not self._closed:
            raise VideoError(f"{self._path} holds no picture that can be decoded; is it complete?")

    def _next(self, decoded: Iterator[Any]) -> Any:
        with self._lock:
            return None if self._closed else next(decoded, None)

    def _decode(self) -> Any:
        """Pictures in order of presentation; runs under the lock."""
        self._skipped = 0
        container, stream = open_container(self._path)
        self._container = container
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = _MAX_THREADS
        packets = container.demux(stream)
        try:
            while True:
                try:
                    packet = next(packets, None)
                    if packet is None:
                        return
                    pictures = packet.decode()
                except (av.FFmpegError, ValueError) as error:
                    self._skipped += 1
                    log.debug("%s: skipped a damaged packet: %s", self._path, error)
                    continue  # a broken demuxer is exhausted and gives None next
                for picture in pictures:
                    if picture.is_corrupt:
                        self._skipped += 1
                    else:
                        yield picture
        finally:
            container.close()
            self._container = None


class _Clock:
    """Seconds since the first picture, from timestamps that may be missing, repeated or reset."""

    def __init__(self, rate_hz: Fraction | None, room_s: float) -> None:
        """room_s: up to which time the file may have pauses."""
        self._room_s = room_s
        self._step = 1 / (rate_hz or Fraction(_FALLBACK_RATE_HZ))
        self._origin: Fraction | None = None
        self._last: Fraction | None = None

    def time_s(self, picture: Any) -> float | None:
        """Time of the next picture, or ``None`` where it does not lie after the one before and is to be left out."""
        step = self._step
        if picture.duration and picture.time_base:
            step = Fraction(picture.duration) * picture.time_base
        stamp = None if picture.pts is None or not picture.time_base else picture.pts * picture.time_base
        if self._last is None:
            self._origin = stamp
            self._last = Fraction(0)
            return 0.0
        due = self._last + step
        if stamp is None:
            now = due
        elif self._origin is None:
            self._origin = stamp - due
            now = due
        else:
            now = stamp - self._origin
            if now < self._last - Fraction(_JUMP_BACK_S) and _is_belated(picture, stamp):
                return None
            longest_s = _LONGEST_PAUSE_S if now <= self._room_s else _JUMP_AHEAD_S
            if now < self._last - Fraction(_JUMP_BACK_S) or now > self._last + Fraction(longest_s):
                self._origin = stamp - due
                now = due
            elif now <= self._last:
                return None
        self._last = now
        return float(now)


def _is_belated(picture: Any, stamp: Fraction) -> bool:
    """Whether the decoder held a picture back until packets of a much later time came.

    So it does with the last ones before damaged packets; where time begins anew, the packets are of the new time too.
    """
    return picture.dts is not None and stamp < picture.dts * picture.time_base - Fraction(_JUMP_BACK_S)


def _check_readable(path: Path) -> None:
    try:
        if not path.exists():
            raise UsageError(f"There is no file {path}.")
        if path.is_dir():
            raise UsageError(f"{path} is a folder; please name a video file.")
        with path.open("rb") as file:
            if not file.read(1):
                raise VideoError(f"{path} is empty.")
    except (OSError, ValueError) as error:
        raise VideoError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}).") from error


def open_container(path: Path) -> tuple[Any, Any]:
    """PyAV's container and its first real video stream.

    Raises:
        VideoError: it is no video, or cannot be decoded here.
    """
    try:
        # "file:" and the white list keep FFmpeg from taking a path or a play list's entry for a network address
        container: Any = av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.FFmpegError, ValueError, OSError) as error:
        log.debug("%s: %s", path, error)
        raise VideoError(f"{path} is not a video that can be read, or it is damaged or cut off.") from error
    try:
        name = str(container.format.name)
        if name == "tty":  # FFmpeg would play a text file as a terminal's screen
            raise VideoError(f"{path} is a text file, not a video.")
        if name.endswith("_pipe") or name == "image2":
            raise VideoError(f"{path} is a single picture, not a video.")
        attached = av.stream.Disposition.attached_pic
        stream = next((s for s in container.streams.video if not s.disposition & attached), None)
        if stream is None:
            raise VideoError(f"{path} holds no video" + (", only sound." if container.streams.audio else "."))
        if stream.codec_context is None:
            raise VideoError(f"{path} is compressed in a way that cannot be decoded here.")
    except BaseException:
        container.close()
        raise
    return container, stream


def _positive(rate: Fraction | None) -> Fraction | None:
    # rates above this are time bases that a file gives for want of a frame rate
    return rate if rate is not None and 0 < rate <= 1000 else None


def _duration_s(container: Any, stream: Any) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if not container.duration:
        return None
    # Matroska states the time of its end, whatever that of its first picture
    begin = max(container.start_time or 0, 0) if "matroska" in container.format.name else 0
    return float((container.duration - begin) / av.time_base)


def upright_bgr(picture: Any, pixel_aspect: Fraction) -> Image:
    """The picture as BGR uint8 (H, W, 3), with square pixels, turned and mirrored as its display matrix asks."""
    width = max(1, round(picture.width * pixel_aspect))
    image = picture.to_ndarray(format="bgr24", width=width, height=picture.height)
    if _is_mirrored(picture):
        image = image[::-1]  # what is left is the turn of the matrix's first row, as FFmpeg reckons rotation
    quarter_turns = round(picture.rotation / 90) % 4  # counter-clockwise, as rot90 counts
    return np.ascontiguousarray(np.rot90(image, quarter_turns))


def _is_mirrored(picture: Any) -> bool:
    matrix = picture.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return False
    # the first two rows are (a, b, 0) and (c, d, 0): x' = a x + c y, y' = b x + d y (ISO/IEC 14496-12, 8.3.2)
    a, b, _, c, d = struct.unpack_from("=5i", bytes(matrix))
    return bool(a * d - b * c < 0)
