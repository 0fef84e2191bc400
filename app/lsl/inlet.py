"""Event markers of other programs, put into the session that is being recorded."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.arrival_clock import ArrivalClock
from app.lsl.library import check_lsl, load
from app.session.events import EventTable
from models.types import Frame, FrameMotion, Update

log = logging.getLogger(__name__)

_LOOK_S = 0.1
_WAIT_S = 0.2
_CONNECT_S = 3.0

_SILENT_S = 10.0
"""A stream that has sent nothing for so long may have gone without a farewell."""

_ANSWER_S = 6.0
"""Within this, a stream that is still there answers; LSL forgets one that has not answered for 5 s."""

_KEPT_FRAMES = 20_000
"""Frames to which an event can still belong: 5 minutes at 60 Hz."""

_FAR_S = 300.0
"""No event is on its way for so long, nor announced so long before."""

_JOIN_S = 8.0


@dataclass(frozen=True, slots=True)
class MarkerStatus:
    """found: streams that have been found. gone: those of them that are looked for again. events: rows written.
    outside: events from before the first frame.

    unsynchronised: streams whose clock could not be compared with this machine's; their events have the time at which
    they arrived. foreign: streams with stamps that cannot be of LSL's clock; those events have it, too. error: why no
    more events are kept, of all streams or of one.
    """

    found: tuple[str, ...]
    gone: tuple[str, ...]
    events: int
    outside: int
    unsynchronised: tuple[str, ...]
    foreign: tuple[str, ...]
    error: str | None


@dataclass(frozen=True, slots=True)
class _Marker:
    lsl_s: float
    label: str
    stream: str


class MarkerSink:
    """Listens to streams of event markers and writes what comes into ``events.csv`` of a session folder.

    A sink of ``app.live.LiveSession``, so that it knows the frames; each stream has a thread. A stream need not be
    there yet when the session starts, and is looked for again when it goes away. ``close`` it when the live session is
    over.

    streams: their names. Of several streams with one name the first that answers is taken.

    Raises:
        UsageError: pylsl or liblsl is missing, or a name has quotation marks, which LSL cannot look for.
    """

    def __init__(self, folder: Path, streams: tuple[str, ...]) -> None:
        check_lsl(streams)
        self._lsl = load()
        self._clock = ArrivalClock()
        self._frames: deque[tuple[float, int]] = deque(maxlen=_KEPT_FRAMES)
        self._first_s: float | None = None
        self._waiting: list[_Marker] = []
        self._table = EventTable(folder)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._found: set[str] = set()
        self._gone: set[str] = set()
        self._unsynchronised: set[str] = set()
        self._foreign: set[str] = set()
        self._outside = 0
        self._error: str | None = None
        self._broken = False
        self._threads = [
            threading.Thread(target=self._listen, args=(name,), name=f"apexspot-lsl-{name}", daemon=True)
            for name in dict.fromkeys(streams)
        ]
        for thread in self._threads:
            thread.start()

    # -- what the live session tells --------------------------------------------------------------------------------

    def frame(self, frame: Frame) -> None:
        """A frame that the source gave; from the reading thread."""
        self._clock.observe(frame.time_s, self._lsl.local_clock())
        self._frames.append((frame.time_s, frame.index))
        if self._first_s is None:
            self._first_s = frame.time_s

    def motion(self, motion: FrameMotion) -> None:
        """Nothing of interest here."""

    def update(self, update: Update) -> None:
        """Nothing of interest here."""

    # -- what others see --------------------------------------------------------------------------------------------

    def status(self) -> MarkerStatus:
        """How it stands; from any thread."""
        with self._lock:
            return MarkerStatus(
                tuple(sorted(self._found)),
                tuple(sorted(self._gone)),
                self._table.count,
                self._outside,
                tuple(sorted(self._unsynchronised)),
                tuple(sorted(self._foreign)),
                self._error,
            )

    def close(self) -> None:
        """Take what has arrived and end; harmless when repeated."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_JOIN_S)
        with self._lock:
            self._write(last=True)
            try:
                self._table.close()
            except OSError as error:
                self._give_up(error)

    # -- the threads ------------------------------------------------------------------------------------------------

    def _listen(self, name: str) -> None:
        try:
            while not self._stop.is_set():
                found = self._look_for(name)
                if found is not None:
                    self._follow(name, found)
        except Exception as error:
            log.exception("unexpected error while listening to %s", name)
            with self._lock:
                self._error = self._error or (
                    f"Listening to the LSL stream {name} ended unexpectedly ({type(error).__name__}); "
                    "the log has details."
                )

    def _look_for(self, name: str) -> Any:
        # a new one each time, which knows nothing of a sender that has gone; resolve_byprop sometimes takes 5 s longer
        # than it was told
        resolver = self._lsl.ContinuousResolver("name", name)
        while not self._stop.wait(_LOOK_S):
            found = resolver.results()
            if found:
                return found[0]
        return None

    def _follow(self, name: str, info: Any) -> None:
        """Take the markers of one stream until it goes away or the session ends."""
        lsl = self._lsl
        try:
            # no recovery by LSL: it waits for the same source to come back, and a program that was started again often
            # calls itself another one
            inlet = lsl.StreamInlet(info, max_chunklen=1, recover=False, as_numpy=True)
            inlet.open_stream(_CONNECT_S)
            correction_s = self._compare_clocks(name, inlet)
            with self._lock:
                self._found.add(name)
                self._gone.discard(name)
            silence = _Silence(lsl, name, info.uid())
            while True:
                # after the end, what has arrived by then is still taken
                stopping = self._stop.is_set()
                values, stamp_s = inlet.pull_sample(0.0 if stopping else _WAIT_S)
                ended = values is None
                if not ended:
                    silence.broken()
                elif silence.another_answers():
                    raise lsl.util.LostError("another one of that name answers in its place")
                while values is not None:
                    arrived_s = lsl.local_clock()
                    if correction_s is None:
                        stamp_s = arrived_s
                    else:
                        # the inlet goes on comparing the clocks, and asking for its newest estimate takes no time; of
                        # a sender that has just gone there is none
                        with suppress(lsl.util.LostError, lsl.util.TimeoutError):
                            correction_s = inlet.time_correction(_CONNECT_S)
                        stamp_s += correction_s
                    if not abs(stamp_s - arrived_s) <= _FAR_S:
                        # a program that stamps with a clock of its own, such as the time of day
                        stamp_s = arrived_s
                        with self._lock:
                            self._foreign.add(name)
                    self._take(_Marker(stamp_s, _label(values), name))
                    # all at once: when a sender ends, LSL throws away what was not pulled by then
                    values, stamp_s = inlet.pull_sample(0.0)
                with self._lock:
                    self._write()
                if stopping and ended:
                    return
        except (lsl.util.LostError, lsl.util.TimeoutError) as error:
            log.info("the LSL stream %s went away: %s", name, error)
            with self._lock:
                self._gone |= {name} & self._found

    def _compare_clocks(self, name: str, inlet: Any) -> float | None:
        """What to add to a stamp of the stream, in seconds; ``None`` where that cannot be told."""
        try:
            return float(inlet.time_correction(_CONNECT_S))
        except self._lsl.util.TimeoutError:
            log.warning("the clock of the LSL stream %s cannot be compared; its markers get the time of arrival", name)
            with self._lock:
                self._unsynchronised.add(name)
            return None

    def _take(self, marker: _Marker) -> None:
        if marker.label:
            with self._lock:
                self._waiting.append(marker)

    def _write(self, last: bool = False) -> None:
        """Write the markers whose frame has come. Under the lock."""
        if not self._waiting:
            return
        offset_s = self._clock.offset_s
        frames = list(self._frames)  # one step for the interpreter, so the reading thread may go on
        if offset_s is None or self._first_s is None:
            self._outside += len(self._waiting)
            self._waiting.clear()
            return
        waiting, self._waiting = self._waiting, []
        for marker in waiting:
            time_s = marker.lsl_s - offset_s
            if time_s > frames[-1][0] and not last:
                self._waiting.append(marker)  # the frame after it may be the nearer one
            elif time_s < self._first_s:
                self._outside += 1
            elif not self._broken:
                try:
                    self._table.add(time_s, _nearest(frames, time_s), marker.label, marker.stream)
                except OSError as error:
                    self._give_up(error)
        if not self._broken:
            try:
                self._table.sync()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._broken = True
        self._error = self._error or f"No more events of other programs can be written ({error.strerror})."


class _Silence:
    """Tells a stream that has nothing to say from one whose machine stopped without a word and came back as another.

    uid: of the stream. A connection to a machine that lost its power looks like one on which nothing is sent.
    """

    def __init__(self, lsl: Any, name: str, uid: str) -> None:
        self._lsl, self._name, self._uid = lsl, name, uid
        self._since_s: float = lsl.local_clock()
        self._asked_s = 0.0
        self._resolver: Any = None

    def broken(self) -> None:
        """Something was heard."""
        self._since_s = self._lsl.local_clock()
        self._resolver = None

    def another_answers(self) -> bool:
        """Whether a stream of that name answers, and this one does not."""
        now_s = self._lsl.local_clock()
        if now_s - self._since_s < _SILENT_S:
            return False
        if self._resolver is None:
            self._resolver, self._asked_s = self._lsl.ContinuousResolver("name", self._name), now_s
        if now_s - self._asked_s < _ANSWER_S:
            return False
        answering = {info.uid() for info in self._resolver.results()}
        return bool(answering) and self._uid not in answering


def _nearest(frames: list[tuple[float, int]], time_s: float) -> int:
    at = bisect_left(frames, (time_s, -1))
    around = frames[max(0, at - 1) : at + 1]
    return min(around, key=lambda frame: abs(frame[0] - time_s))[1]


def _label(values: Any) -> str:
    """The text of a sample: its channels, one after the other; numbers with all their digits, but no needless zero."""
    return " ".join(" ".join(map(_text, values)).split())


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return np.format_float_positional(value, trim="-") if isinstance(value, np.floating) else str(value)
