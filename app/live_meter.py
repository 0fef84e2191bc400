"""Measuring a running session: durations with percentiles, and a rate."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of ``count`` durations in milliseconds; NaN where there is none yet."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


class DurationMeter:
    """The newest ``capacity`` durations of one stage. One thread adds, any thread asks."""

    def __init__(self, capacity: int = 20_000) -> None:
        self._ms = np.zeros(capacity, np.float32)
        self._count = 0
        self._lock = threading.Lock()

    def add(self, duration_s: float) -> None:
        """Add one duration (seconds)."""
        with self._lock:
            self._ms[self._count % len(self._ms)] = duration_s * 1000.0
            self._count += 1

    def percentiles(self, newest: int | None = None) -> Percentiles:
        """Of the ``newest`` durations, or of all that are kept."""
        with self._lock:
            kept = min(self._count, len(self._ms))
            wanted = kept if newest is None else min(newest, kept)
            values = self._ms[np.arange(self._count - wanted, self._count) % len(self._ms)]
        if wanted == 0:
            return Percentiles(0, float("nan"), float("nan"), float("nan"))
        p50, p95, p99 = np.percentile(values, (50, 95, 99))
        return Percentiles(wanted, float(p50), float(p95), float(p99))


class RateMeter:
    """Events a second over the last ``span_s`` seconds. One thread adds, any thread asks."""

    def __init__(self, span_s: float = 2.0) -> None:
        self._span_s = span_s
        self._times_s: deque[float] = deque()
        self._rate_hz = 0.0

    @property
    def rate_hz(self) -> float:
        """As of the last event."""
        return self._rate_hz

    def add(self, time_s: float) -> None:
        """An event at ``time_s`` (monotonic clock)."""
        times = self._times_s
        times.append(time_s)
        while times[0] < time_s - self._span_s:
            times.popleft()
        if len(times) > 1:
            self._rate_hz = (len(times) - 1) / max(times[-1] - times[0], 1e-9)
