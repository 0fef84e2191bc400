"""``video.mp4``: pictures encoded on their own thread. Whoever hands them over never waits.

H.264 in a fragmented MP4 (FFmpeg's ``hybrid_fragmented``): what is on the disk can be played at any moment, and closing
turns it into an ordinary MP4. A picture's PTS is its capture time since the recording's first frame, in microseconds.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import PictureType

from app.disk import sync_file
from app.session.mp4 import close_video
from app.session.schema import WRITING_SUFFIX
from models.errors import OutputError
from models.types import Frame, Image

log = logging.getLogger(__name__)

TIME_BASE = Fraction(1, 1_000_000)

QUEUE_BYTES = 128 * 1024 * 1024
"""Pictures that may wait for the encoder: 4.6 s of 640 x 480 at 30 fps, 0.7 s of 1920 x 1080."""

_QUEUE_LEAST = 4

_KEY_FRAME_S = 1.0
"""A key frame a second, so that seeking decodes little."""

_LONGEST_STEP_S = 300.0
"""From one picture to the next. FFmpeg's MP4 holds 2147 s of our microseconds and gives whatever comes after a longer
pause, as of a computer that slept, the times of one moment; so the last picture is repeated in it."""

_CODEC = "libx264"
_CODEC_OPTIONS = {"preset": "superfast", "crf": "20", "tune": "zerolatency", "forced-idr": "1"}
"""zerolatency: the encoder holds nothing back, so a kill loses nothing in it."""

_MUXER_OPTIONS = {
    "movflags": "hybrid_fragmented",
    "frag_duration": "400000",  # microseconds; with the packet that is always held back this bounds what a kill loses
    "flush_packets": "1",
    "movie_timescale": "1000000",
}

_THREADS = 2
"""Capture, perception and scoring need the rest of the machine."""


class VideoWriter:
    """Writes ``final`` under its ``.writing`` name until closed. A full queue drops the picture and counts it.

    Raises:
        OutputError: there is no encoder, or the file cannot be made.
    """

    def __init__(self, final: Path, queue_bytes: int = QUEUE_BYTES) -> None:
        if _CODEC not in av.codecs_available:
            raise OutputError("This installation has no H.264 encoder (libx264); record with --scores-only.")
        self._final = final
        self._writing = final.with_name(final.name + WRITING_SUFFIX)
        self._queue_bytes = queue_bytes
        self._queue: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._first_s: float | None = None
        self.written = 0
        self.dropped = 0
        self.error: str | None = None
        try:
            self._writing.open("xb").close()
        except OSError as error:
            raise OutputError(f"{self._writing} cannot be written ({error.strerror}).") from error
        self._thread = threading.Thread(target=self._run, name="apexspot-video", daemon=True)
        self._thread.start()

    def put(self, frame: Frame) -> None:
        """Take a picture, or count it as dropped; returns at once."""
        with self._changed:
            if self._first_s is None:
                self._first_s = frame.time_s
            room = max(_QUEUE_LEAST, self._queue_bytes // max(1, frame.image.nbytes))
            if self._closing or self.error is not None or len(self._queue) >= room:
                self.dropped += 1
                return
            self._queue.append(frame)
            self._changed.notify()

    def close(self, timeout_s: float) -> None:
        """Encode what is waiting, finish the file and give it its name; harmless when repeated.

        Where that takes longer than ``timeout_s`` the file keeps its ``.writing`` name, and recovery finishes it.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)
        if self._thread.is_alive() and self.error is None:
            self.error = f"{self._writing} could not be finished in time; apexspot recover finishes it."

    def sync(self) -> None:
        """Wait until the pictures that were written are on the disk: from here on a power cut loses none of them.

        Raises:
            OSError: they cannot be written.
        """
        # it may have its final name by now, and Windows need not share it
        with suppress(FileNotFoundError, PermissionError):
            sync_file(self._writing)

    def _take(self) -> Frame | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            return self._queue.popleft() if self._queue else None

    def _run(self) -> None:
        encoder: _Encoder | None = None
        try:
            try:
                while (frame := self._take()) is not None:
                    if encoder is None:
                        encoder = _Encoder(self._writing, frame.image, self._first_s or 0.0)
                    if encoder.write(frame):
                        self.written += 1
                    else:
                        self.dropped += 1
            finally:
                if encoder is not None:
                    encoder.close()
            if encoder is None:
                self._writing.unlink(missing_ok=True)
            else:
                sync_file(self._writing)
                self._writing.replace(self._final)
        except Exception as error:
            log.warning("the video stopped", exc_info=error)
            reason = getattr(error, "strerror", None) or type(error).__name__
            self.error = f"{self._writing} cannot be written any further ({reason}); what is in it can be played."
            with self._changed:
                self.dropped += len(self._queue)
                self._queue.clear()
            with suppress(OSError):
                self.written = close_video(self._writing, self._final)
                if self.written == 0:
                    self.error = f"{self._final} cannot be written ({reason}); no picture was kept."


class _Encoder:
    """One H.264 stream; its size is that of the first picture (rounded up to even), later ones are fitted to it."""

    def __init__(self, path: Path, first: Image, first_s: float) -> None:
        height, width = first.shape[:2]
        self._size = (width + width % 2, height + height % 2)
        self._first_s = first_s
        self._last_pts = -1
        self._newest = self._fit(first)
        self._next_key_pts = 0
        self._container: Any = av.open(f"file:{path}", "w", format="mp4", options=_MUXER_OPTIONS)
        try:
            stream: Any = self._container.add_stream(_CODEC, options=_CODEC_OPTIONS)
            stream.width, stream.height = self._size
            stream.pix_fmt = "yuv420p"
            stream.time_base = stream.codec_context.time_base = TIME_BASE
            stream.codec_context.gop_size = 100_000  # key frames go by time, below
            stream.codec_context.thread_count = _THREADS
        except BaseException:
            self._container.close()
            raise
        self._stream = stream

    def write(self, frame: Frame) -> bool:
        """False where the frame does not lie after the one before."""
        pts = picture_pts(frame.time_s, self._first_s)
        if pts <= self._last_pts:
            return False
        step = round(_LONGEST_STEP_S / TIME_BASE)
        while 0 <= self._last_pts < pts - step:
            self._encode(self._newest, self._last_pts + step)
        self._newest = self._fit(frame.image)
        self._encode(self._newest, pts)
        return True

    def _encode(self, image: Image, pts: int) -> None:
        picture = av.VideoFrame.from_ndarray(image, format="bgr24")
        picture.pts, picture.time_base = pts, TIME_BASE
        if pts >= self._next_key_pts:
            picture.pict_type = PictureType.I
            self._next_key_pts = pts + round(_KEY_FRAME_S / TIME_BASE)
        self._container.mux(self._stream.encode(picture))
        self._last_pts = pts

    def close(self) -> None:
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def _fit(self, image: Image) -> Image:
        width, height = self._size
        rows, columns = height - image.shape[0], width - image.shape[1]
        if rows == columns == 0:
            return image
        if rows in (0, 1) and columns in (0, 1):  # H.264 wants even sizes; a pixel is repeated, none is lost
            return np.asarray(cv2.copyMakeBorder(image, 0, rows, 0, columns, cv2.BORDER_REPLICATE), np.uint8)
        return np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.uint8)


def picture_pts(time_s: float, first_s: float) -> int:
    """PTS of the picture taken at ``time_s`` in a recording whose first frame was at ``first_s``."""
    return round((time_s - first_s) / float(TIME_BASE))
