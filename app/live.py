"""A live session: frames from a source become a curve and intervals while they happen. Knows no Qt.

Three threads (see ``docs/architecture.md``):

    reader:     FrameSource -> bounded queue       live: the oldest frame is dropped and counted, the source never waits
    perception: queue -> Perception -> RingBuffer  and the newest picture for the window
    scoring:    RingBuffer -> Analyzer             some ten steps a second, each published as one immutable value

Each thread ends by closing what it writes to, so the end of a source runs down the chain: every frame that was taken is
still analysed, and the scoring thread is the last to finish. A lossless session waits at both hand-overs instead of
dropping, so that its scores are those of a batch run over the same frames.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from app.live_history import ScoreHistory
from app.live_meter import DurationMeter, RateMeter
from app.live_queue import FrameQueue, TakenFrame
from app.live_sinks import LiveSink, Sinks
from app.live_types import Counters, LiveAnalysis, LiveSnapshot, LiveState, StageTimes
from app.ring import MOTION_ROW, Overflow, RingBuffer, motion_row, row_motion
from models.analyzer import Analyzer
from models.errors import ApexspotError
from models.perception import Perception
from models.spotter import Spotter
from models.types import GRID_HZ, Frame, FrameMotion, FrameSource, Update

log = logging.getLogger(__name__)

QUEUE_FRAMES = 4
"""Enough for a hiccup of 0.1 s at 30 fps; more would only add latency where the machine is too slow."""

RING_ROWS = 512
"""Some 8 s at 60 fps, far more than one scoring step takes."""

SCORING_PERIOD_S = 0.1

HISTORY_S = 600.0
"""How far back the window can look at the curve."""

JOIN_S = 3.0
"""How long each step of the clean-up waits for the threads."""

PATIENCE_S = 30.0
"""How long a recording may wait for the last scores of a busy machine; recovery adds those that come later."""


class LiveSession:
    """One run over one source, from ``start`` to its end, to ``stop``, or to an error.

    ``source`` and ``spotter`` are values, or functions that open them; functions, and ``perception``, are called in the
    thread that uses them, so ``start`` returns at once and an error in opening becomes the session's error. The session
    closes its source, one that was handed over as a value too. The first frame is taken when everything is loaded.
    ``sinks`` get every frame, motion and update.

    ``snapshot``, ``request_stop`` and ``stage_times`` may be called from any thread.
    """

    def __init__(
        self,
        source: FrameSource | Callable[[], FrameSource],
        perception: Callable[[], Perception] = Perception,
        spotter: Spotter | Callable[[], Spotter] = Spotter,
        lossless: bool = False,
        sinks: tuple[LiveSink, ...] = (),
    ) -> None:
        self._open_source = source
        self._source: FrameSource | None = None if callable(source) else source
        self._make_perception = perception
        self._make_spotter = spotter
        self._sinks = Sinks(sinks)
        self._queue = FrameQueue(QUEUE_FRAMES, lossless)
        self._ring = RingBuffer(MOTION_ROW, RING_ROWS, Overflow.WAIT if lossless else Overflow.OVERWRITE)
        self._rows = self._ring.reader()
        self._history = ScoreHistory(HISTORY_S)
        self._stop = threading.Event()
        self._perception_ready = threading.Event()
        self._scoring_ready = threading.Event()
        self._over = threading.Event()
        self._all_scored = False
        self._threads: tuple[threading.Thread, ...] = ()
        self._start_lock = threading.Lock()

        self._offered = 0
        self._processed = 0
        self._newest: tuple[Frame, FrameMotion] | None = None
        self._analysis = LiveAnalysis.empty()
        self._latency_ms: float | None = None
        self._provider: str | None = None
        self._error: str | None = None

        self._rate = RateMeter()
        self._queue_times = DurationMeter()
        self._perception_times = DurationMeter()
        self._ring_times = DurationMeter()
        self._scoring_times = DurationMeter()
        self._end_to_end_times = DurationMeter()
        # (time_s, taken_s) of the frames whose point on the curve is still to come
        self._uncurved: deque[tuple[float, float]] = deque(maxlen=RING_ROWS)

    # -- control ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the threads and return at once; a second call, or one after ``stop``, does nothing."""
        with self._start_lock:
            if self._threads or self._stop.is_set():
                return
            # daemon: a source that never returns from the operating system must not keep the program from ending
            self._threads = tuple(
                threading.Thread(target=run, name=f"apexspot-{name}", daemon=True)
                for name, run in (("scoring", self._score), ("perception", self._perceive), ("reader", self._read))
            )
            for thread in self._threads:
                thread.start()

    def request_stop(self) -> None:
        """Ask the session to end; returns at once. Frames already taken are still analysed."""
        self._stop.set()
        self._queue.close()
        self._perception_ready.set()
        self._scoring_ready.set()

    def stop(self) -> None:
        """End the session and wait for it; harmless when repeated.

        In steps: signal, wait; close the source to free a thread that hangs in it, wait again.
        """
        self.request_stop()
        if not self._join():
            log.warning("the source does not stop by itself; closing it")
            self._close_source()
            if not self._join():
                log.error("threads still run: %s", ", ".join(t.name for t in self._threads if t.is_alive()))
        if not self._threads:
            self._close_source()
            self._over.set()

    close = stop

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the session is over; False if ``timeout_s`` passed first."""
        return self._over.wait(timeout_s)

    @property
    def all_scored(self) -> bool:
        """Whether every frame that was looked at has been scored, and the sinks were told; nothing more will come."""
        return self._all_scored

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- what others see ------------------------------------------------------------------------------------------

    def snapshot(self) -> LiveSnapshot:
        """The session now. Cheap: hands out what the threads have published, copies nothing and waits for nobody."""
        over = self._over.is_set()
        newest = self._newest
        if over:
            state = LiveState.ENDED if self._error is None else LiveState.FAILED
        else:
            state = LiveState.STARTING if newest is None else LiveState.RUNNING
        source = self._source
        return LiveSnapshot(
            state=state,
            source_name=source.name if source else "",
            is_live=source.is_live if source else False,
            frame=newest[0] if newest else None,
            motion=newest[1] if newest else None,
            analysis=self._analysis,
            counters=Counters(self._offered, self._processed, self._queue.dropped + self._rows.lost),
            fps=self._rate.rate_hz,
            latency_ms=self._latency_ms,
            provider=self._provider,
            error=self._error if over else None,
        )

    def stage_times(self) -> StageTimes:
        """Percentiles over the newest 20,000 frames (11 minutes at 30 fps)."""
        return StageTimes(
            queue=self._queue_times.percentiles(),
            perception=self._perception_times.percentiles(),
            ring=self._ring_times.percentiles(),
            scoring=self._scoring_times.percentiles(),
            end_to_end=self._end_to_end_times.percentiles(),
        )

    # -- the threads ----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            if callable(self._open_source):
                self._source = self._open_source()
            self._perception_ready.wait()
            self._scoring_ready.wait()
            frames = iter(self._source) if self._source else iter(())
            while not self._stop.is_set():
                frame = next(frames, None)
                if frame is None:
                    break
                taken_s = time.monotonic()
                self._sinks.frame(frame)
                if not self._queue.put(TakenFrame(frame, taken_s)):
                    break
                self._offered += 1
        except Exception as error:
            if not self._stop.is_set():  # a source that is closed while it reads may well complain
                self._fail("reading the picture", error)
        finally:
            self._close_source()
            self._queue.close()

    def _perceive(self) -> None:
        try:
            with self._make_perception() as perception:
                self._perception_ready.set()
                while (taken := self._queue.get()) is not None:
                    begin_s = time.monotonic()
                    motion = perception.process(taken.frame)
                    end_s = time.monotonic()
                    self._queue_times.add(begin_s - taken.taken_s)
                    self._perception_times.add(end_s - begin_s)
                    self._rate.add(end_s)
                    if not self._ring.append(motion_row(motion, taken.taken_s, end_s)):
                        break
                    self._processed += 1
                    self._newest = (taken.frame, motion)
        except Exception as error:
            self._fail("following the face", error)
        finally:
            self._perception_ready.set()
            self._queue.close()
            self._ring.close()

    def _score(self) -> None:
        try:
            spotter = self._make_spotter() if callable(self._make_spotter) else self._make_spotter
            analyzer = Analyzer(spotter)
            self._provider = spotter.provider
            self._scoring_ready.set()
            next_step_s = 0.0
            unscored_s: list[float] = []
            while True:
                self._rows.wait(SCORING_PERIOD_S)
                last = self._ring.closed
                for row in self._rows.read().rows:
                    motion = row_motion(row)
                    analyzer.push(motion)
                    self._sinks.motion(motion)
                    self._uncurved.append((motion.time_s, float(row["taken_s"])))
                    unscored_s.append(float(row["seen_s"]))
                begin_s = time.monotonic()
                if last:
                    self._publish(analyzer.finish(), begin_s)
                    self._all_scored = True
                    break
                if unscored_s and begin_s >= next_step_s:
                    for seen_s in unscored_s:
                        self._ring_times.add(begin_s - seen_s)
                    unscored_s.clear()
                    self._publish(analyzer.update(), begin_s)
                    next_step_s = begin_s + SCORING_PERIOD_S
        except Exception as error:
            self._fail("scoring", error)
        finally:
            self._scoring_ready.set()
            self._ring.close()
            self._over.set()

    def _publish(self, update: Update, begin_s: float) -> None:
        end_s = time.monotonic()
        self._scoring_times.add(end_s - begin_s)
        self._history.extend(update.final)
        self._sinks.update(update)
        previous = self._analysis
        self._analysis = LiveAnalysis(
            number=previous.number + 1,
            scores=self._history.scores(),
            provisional=update.provisional,
            intervals=previous.intervals + update.intervals,
            provisional_intervals=update.provisional_intervals,
        )
        newest_s = self._analysis.newest_s
        if newest_s is None:
            return
        curve_end_s = newest_s + 1.0 / GRID_HZ  # a frame between two grid points shows in the one before it
        while self._uncurved and self._uncurved[0][0] < curve_end_s:
            _, taken_s = self._uncurved.popleft()
            self._end_to_end_times.add(end_s - taken_s)
        latency = self._end_to_end_times.percentiles(newest=150)
        self._latency_ms = latency.p50_ms if latency.count else None

    # -- ends -----------------------------------------------------------------------------------------------------

    def _fail(self, doing: str, error: Exception) -> None:
        if isinstance(error, ApexspotError):
            sentence = str(error)
        else:
            log.error("unexpected error while %s", doing, exc_info=error)
            sentence = f"Something unexpected went wrong while {doing} ({type(error).__name__}); the log has details."
        if self._error is None:
            self._error = sentence
        self.request_stop()

    def _close_source(self) -> None:
        if self._source is not None:
            with suppress(Exception):
                self._source.close()

    def _join(self) -> bool:
        deadline_s = time.monotonic() + JOIN_S
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)
