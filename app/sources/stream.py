"""A network stream as a frame source (PyAV)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import av

from app.sources.live import LiveSource, awake_or_not_s
from app.sources.stream_clock import StreamClock
from models.errors import SourceError, UsageError
from models.types import Frame
from models.video import upright_bgr

log = logging.getLogger(__name__)

SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "udp", "tcp")

OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 5.0

_RETRY_AFTER_S = (0.2, 1.0, 2.0)
"""Waits before each attempt to reach a lost stream again."""

_STEADY_S = 5.0
"""A stream that has run for so long since it was reached gets all its attempts back."""

_UNSTAMPED = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "m4v", "image2pipe"})
"""FFmpeg formats that carry no times; FFmpeg counts 25 Hz instead."""

_SECRET = re.compile(
    r"((?:^|[&;])[^=&;]*(?:pass|pwd|psw|token|key|secret|auth|credential)[^=&;]*=)[^&;]*", re.IGNORECASE
)
"""A part of an address's query that opens a door, and what it holds."""

_OPTIONS = {
    # "fflags nobuffer" would save a moment at the start, but throws away the first key frame, and with it every picture
    # up to the next one
    "flags": "low_delay",
    "rtsp_transport": "tcp",
    "probesize": "500000",
    "analyzeduration": "1000000",
    "protocol_whitelist": "http,https,tls,tcp,udp,rtp,rtsp,rtsps,rtmp,crypto,httpproxy",
}


class NetworkStream(LiveSource):
    """A stream from an address that the user named; the one thing for which apexspot uses the network.

    Times are the stream's own where it carries any, else those of arrival, both from the first picture on. A stream
    that breaks off is reached for again a few times, and the gap stays in the times. One with a stated length (a file
    behind http) plays at its own pace and ends. Pictures come upright and with square pixels, as from a file. To close
    it takes 5 s at most, a read under way being waited for.

    Raises:
        UsageError: that is no address of a stream.
        SourceError: it cannot be reached, holds no video, or (while iterating) broke off for good.
    """

    def __init__(self, url: str) -> None:
        self._url = url.strip()
        super().__init__(without_password(self._url))
        parts = _split(self._url)
        if parts is None or parts.scheme.lower() not in SCHEMES or not parts.netloc:
            raise UsageError(
                f"{self._name!r} is not the address of a stream; it should look like rtsp://camera/live or http://…"
            )
        self._connection: _Connection | None = _Connection(self._url, self._name)
        self._fps = self._connection.fps

    def __iter__(self) -> Iterator[Frame]:
        begin_s: float | None = None
        clock = StreamClock()
        last_s = -1.0
        index = 0
        attempts = 0
        while not self._closed.is_set():
            connection = self._reach(attempts)
            if connection is None:
                return
            reached_s = awake_or_not_s()
            clock.restart()
            while (picture := self._next(connection)) is not None:
                arrival_s = awake_or_not_s()
                if arrival_s - reached_s > _STEADY_S:
                    attempts = 0
                begin_s = arrival_s if begin_s is None else begin_s
                own_s = connection.own_s(picture)
                time_s = arrival_s - begin_s
                if own_s is not None:
                    time_s = clock.time_s(own_s, time_s, follow=not connection.finite)
                if connection.finite and self._closed.wait(max(0.0, time_s - (awake_or_not_s() - begin_s))):
                    return
                if time_s <= last_s:
                    continue
                last_s = time_s
                yield Frame(index, time_s, upright_bgr(picture, connection.pixel_aspect))
                index += 1
            broke_off = connection.error is not None
            with self._lock:
                self._release()
            if connection.finite:
                if index == 0 and not self._closed.is_set():
                    raise SourceError(f"The stream {self._name} gave no picture.")
                if broke_off and not self._closed.is_set():
                    raise SourceError(f"The stream {self._name} broke off before its end.")
                return
            attempts += 1
            if attempts > len(_RETRY_AFTER_S):
                raise SourceError(self._lost())

    def _reach(self, attempts: int) -> _Connection | None:
        """The open connection or a new one; ``None`` when closed in between."""
        while True:
            if attempts and self._closed.wait(_RETRY_AFTER_S[attempts - 1]):
                return None
            with self._lock:
                if self._closed.is_set():
                    return None
                if self._connection is None:
                    try:
                        self._connection = _Connection(self._url, self._name)
                    except SourceError as error:
                        log.info("%s", error)
                        attempts += 1
                        if attempts > len(_RETRY_AFTER_S):
                            raise SourceError(self._lost()) from error
                        continue
                return self._connection

    def _lost(self) -> str:
        return f"The stream {self._name} broke off and could not be reached again."

    def _next(self, connection: _Connection) -> Any:
        """The next picture; ``None`` where the stream ended, broke or was closed."""
        with self._lock:
            return None if self._closed.is_set() else connection.next()

    def _release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Connection:
    """One connection to a stream. error: what ended its reading, ``None`` where it came to its end."""

    def __init__(self, url: str, name: str) -> None:
        try:
            self._container: Any = av.open(url, options=_OPTIONS, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise SourceError(f"The stream {name} cannot be opened ({_reason(error)}).") from error
        try:
            stream = next(iter(self._container.streams.video), None)
            if stream is None:
                raise SourceError(f"The stream {name} carries no video.")
            stream.thread_type = "SLICE"  # decoding several frames at once would hold the newest ones back
            formats = set(str(self._container.format.name).split(","))
            self._stamped = not formats & _UNSTAMPED
            self.finite = bool(self._container.duration) and not formats & {"rtsp", "sdp", "mpegts"}
            self.pixel_aspect = stream.sample_aspect_ratio or Fraction(1)
            rate = stream.average_rate if self._stamped else None
            self.fps: float | None = float(rate) if rate else None
            self.error: Exception | None = None
            self._pictures = self._decode(stream)
        except BaseException:
            self._container.close()
            raise

    def next(self) -> Any:
        return next(self._pictures, None)

    def close(self) -> None:
        self._pictures.close()
        self._container.close()

    def own_s(self, picture: Any) -> float | None:
        """Time of a picture as the stream says; ``None`` where it says none."""
        if not self._stamped or picture.pts is None or not picture.time_base:
            return None
        return float(picture.pts * picture.time_base)

    def _decode(self, stream: Any) -> Any:
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError) as error:
                log.info("reading stopped: %s", error)
                self.error = error
                return
            if packet is None:
                return
            try:
                pictures = packet.decode()
            except av.FFmpegError as error:
                log.debug("skipped a damaged packet: %s", error)
                continue
            yield from (picture for picture in pictures if not picture.is_corrupt)


def without_password(url: str) -> str:
    """The address as it may be shown: passwords and keys in it, before the host or behind the path, become stars."""
    parts = _split(url)
    if parts is None:
        return url
    if parts.password is not None:
        host = parts.netloc.rpartition("@")[2]
        parts = parts._replace(netloc=f"{parts.username}:***@{host}")
    query = _SECRET.sub(r"\1***", parts.query)
    return str(urlunsplit(parts._replace(query=query))) if query != parts.query or "***" in parts.netloc else url


def _split(url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.password
    except ValueError:
        return None
    return parts


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__).rstrip(".")
