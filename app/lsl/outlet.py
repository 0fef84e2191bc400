"""Three streams of a live session: scores of each frame, flags while they are raised, intervals when they are final."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import threading
import time
from typing import Any

import numpy as np

from app.arrival_clock import ArrivalClock
from app.lsl.flags import Flag, FlagEvent, FlagTracker
from app.lsl.library import load
from app.lsl.scored import CHANNELS, NewestScores, ScoredFrames
from app.versions import program_version
from models.errors import OutputError
from models.types import Frame, FrameMotion, Interval, Update

log = logging.getLogger(__name__)

SCORES = "apexspot-scores"
FLAGS = "apexspot-flags"
INTERVALS = "apexspot-intervals"

_LINGER_S = 0.3
"""How long a stream stays open behind its last sample, so that whoever listens gets it."""


class LslSink:
    """Sends what a live session sees; a sink of ``app.live.LiveSession``. Make it before the session starts.

    A sample bears the time at which its frame was captured, on LSL's clock (``app.arrival_clock``). Time stamps of the
    scores and of the intervals grow, those of the flags too: a flag bears the time of the newest frame that led to it.

    ``frame``, ``motion`` and ``update`` return at once; liblsl sends from threads of its own. ``close`` it when the
    session is over.

    source: what is watched; only a digest of it is sent, so that a listener finds the same source again.
    model: version of the model, for the streams' descriptions.

    Raises:
        UsageError: pylsl or liblsl is missing.
        OutputError: the streams cannot be opened.
    """

    names = (SCORES, FLAGS, INTERVALS)

    def __init__(self, source: str, model: str = "") -> None:
        self._lsl = load()
        self._clock = ArrivalClock()
        self._newest = NewestScores()
        self._flags = FlagTracker()
        self._last_stamp_s = 0.0
        self._closing = threading.Lock()
        digest = hashlib.sha256(f"{platform.node()}\n{source}".encode()).hexdigest()[:16]
        described = {"program": f"apexspot {program_version()}", "model": model}
        self._outlets: dict[str, Any] = {}
        try:
            self._outlets[SCORES] = self._outlet(SCORES, "Expression", CHANNELS, digest, described)
            self._outlets[FLAGS] = self._outlet(FLAGS, "Markers", (), digest, described)
            self._outlets[INTERVALS] = self._outlet(INTERVALS, "Markers", (), digest, described)
        except RuntimeError as error:
            self._outlets.clear()
            raise OutputError(f"LSL cannot open its streams on this machine ({error}).") from error

    def _outlet(self, name: str, kind: str, channels: tuple[str, ...], digest: str, described: dict[str, str]) -> Any:
        lsl = self._lsl
        format_ = lsl.cf_double64 if channels else lsl.cf_string
        source_id = f"{name}-{digest}"
        info = lsl.StreamInfo(name, kind, max(1, len(channels)), lsl.IRREGULAR_RATE, format_, source_id)
        about = info.desc()
        for key, value in described.items():
            about.append_child_value(key, value)
        if channels:
            listed = about.append_child("channels")
            for label in channels:
                channel = listed.append_child("channel")
                channel.append_child_value("label", label)
                channel.append_child_value("unit", "count" if label == "frame" else "0..1")
        return lsl.StreamOutlet(info)

    # -- what the live session tells --------------------------------------------------------------------------------

    def frame(self, frame: Frame) -> None:
        """A frame that the source gave; from the reading thread."""
        self._clock.observe(frame.time_s, self._lsl.local_clock())

    def motion(self, motion: FrameMotion) -> None:
        """A frame's motion as the analysis takes it; from the scoring thread."""
        self._newest.motion(motion)

    def update(self, update: Update) -> None:
        """A step of the analysis; from the scoring thread."""
        offset_s = self._clock.offset_s
        if offset_s is None:
            return
        self._send_scores(self._newest.update(update), offset_s)
        for flag in self._flags.step(update):
            self._send_flag(flag, offset_s)

    def _send_scores(self, scored: ScoredFrames, offset_s: float) -> None:
        outlet = self._outlets.get(SCORES)
        if outlet is None or not len(scored):
            return
        # an offset that has just been corrected must not turn the order round
        stamps_s = np.maximum.accumulate(np.maximum(scored.time_s + offset_s, self._last_stamp_s))
        self._last_stamp_s = float(stamps_s[-1])
        outlet.push_chunk(scored.values, stamps_s.tolist())

    def _send_flag(self, flag: Flag, offset_s: float) -> None:
        interval = interval_fields(flag.interval, offset_s)
        flags, intervals = self._outlets.get(FLAGS), self._outlets.get(INTERVALS)
        if flags is not None:
            which = {"event": flag.event.value, "flag": flag.number}
            if flag.id is not None:
                which["id"] = flag.id
            flags.push_sample([json.dumps(which | interval)], self._last_stamp_s)
        if intervals is not None and flag.event is FlagEvent.CONFIRMED:
            row = {"type": flag.interval.type.value, "id": flag.id}
            intervals.push_sample([json.dumps(row | interval)], interval["onset_lsl_s"])

    # -- end --------------------------------------------------------------------------------------------------------

    @property
    def listeners(self) -> bool:
        """Whether anybody is connected to one of the streams."""
        return any(outlet.have_consumers() for outlet in list(self._outlets.values()))

    def close(self) -> None:
        """Send what is left and end the streams; harmless when repeated. Not before the live session is over."""
        with self._closing:
            if not self._outlets:
                return
            offset_s = self._clock.offset_s
            if offset_s is not None:
                self._send_scores(self._newest.rest(), offset_s)
            if self.listeners:
                time.sleep(_LINGER_S)
            self._outlets.clear()


def interval_fields(interval: Interval, offset_s: float) -> dict[str, Any]:
    """An interval as the streams tell it: times of the session (as in ``intervals.csv``), then times of LSL."""
    return {
        "type": interval.type.value,
        "onset_s": round(interval.onset_s, 6),
        "apex_s": round(interval.apex_s, 6),
        "offset_s": round(interval.offset_s, 6),
        "onset_frame": interval.onset_frame,
        "apex_frame": interval.apex_frame,
        "offset_frame": interval.offset_frame,
        "score": round(interval.score, 5),
        "onset_lsl_s": round(interval.onset_s + offset_s, 6),
        "apex_lsl_s": round(interval.apex_s + offset_s, 6),
        "offset_lsl_s": round(interval.offset_s + offset_s, 6),
    }
