"""What a live session tells whoever watches it. All values are immutable."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.live_meter import Percentiles
from models.types import Frame, FrameMotion, Interval, Scores


class LiveState(StrEnum):
    """Where a session stands."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """True once nothing more will come."""
        return self in (LiveState.ENDED, LiveState.FAILED)


@dataclass(frozen=True, slots=True)
class Counters:
    """Frames so far: ``offered`` by the source, ``processed`` by perception, ``dropped`` where the machine was late."""

    offered: int
    processed: int
    dropped: int


@dataclass(frozen=True, slots=True, eq=False)
class LiveAnalysis:
    """The newest step of the scoring.

    number: grows by one with every step, so that a watcher sees whether anything is new.
    scores: final scores of the last minutes (at least 30 s).
    provisional: the part that may still change; follows ``scores``.
    intervals: every final interval of the session, in the order in which they became final.
    provisional_intervals: those seen in the part that may still change.
    """

    number: int
    scores: Scores
    provisional: Scores
    intervals: tuple[Interval, ...]
    provisional_intervals: tuple[Interval, ...]

    @staticmethod
    def empty() -> LiveAnalysis:
        return LiveAnalysis(0, Scores.empty(), Scores.empty(), (), ())

    @property
    def newest_s(self) -> float | None:
        """Time of the newest point of the curve, on the source's clock."""
        for part in (self.provisional, self.scores):
            if len(part):
                return float(part.time_s[-1])
        return None


@dataclass(frozen=True, slots=True, eq=False)
class LiveSnapshot:
    """A session at one moment.

    frame, motion: the newest picture that went through perception, and what was seen in it (``motion.face``).
    fps: pictures a second through perception, over the last two seconds.
    latency_ms: median, over the last seconds, from a frame leaving its source to its point on the curve; None before.
    provider: where scoring runs ("CUDA", "CPU"), None before the model is loaded.
    error: the sentence for the user where ``state`` is failed, else None.
    """

    state: LiveState
    source_name: str
    is_live: bool
    frame: Frame | None
    motion: FrameMotion | None
    analysis: LiveAnalysis
    counters: Counters
    fps: float
    latency_ms: float | None
    provider: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Milliseconds of each stage of a frame's way, and of the whole way from source to curve.

    queue: in the queue before perception. perception: landmarks and flow. ring: waiting for the scoring thread.
    scoring: one step of the analysis. end_to_end: from leaving the source to a point on the curve.
    """

    queue: Percentiles
    perception: Percentiles
    ring: Percentiles
    scoring: Percentiles
    end_to_end: Percentiles
