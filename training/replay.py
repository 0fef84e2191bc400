"""Recordings played as if live: through the application's ``Analyzer``, with networks that are still in training.

What a frame's score was while its future was still short, and what became of provisional intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.analyzer import Analyzer
from models.baseline import BaselineSettings
from models.decode import DecodeSettings
from models.model_file import ModelSpec
from models.spotter import Spotter
from models.types import GRID_HZ, ExpressionType, FloatArray, FrameMotion, Interval, Scores, Update
from training.backbones import Network
from training.datasets import Recording
from training.matching import interval_iou
from training.trainer import infer

STEP_FRAMES = 3
"""Grid frames between two steps of the analysis: a live session makes ten a second."""
SAME_IOU = 0.5


class HeldOutSpotter(Spotter):
    """The application's scoring with a network that was not exported; an export gives the same scores to 1e-4."""

    def __init__(self, network: Network, decode: DecodeSettings) -> None:
        self._network = network
        self.spec = ModelSpec(
            look_back_frames=network.settings.look_back_frames,
            look_ahead_frames=network.settings.look_ahead_frames,
            decode=decode,
            baseline=BaselineSettings(),
            training_data="",
            licence="",
            version="",
            config_sha256="",
            sha256="",
        )

    def score(self, features: FloatArray, first: int = 0) -> tuple[FloatArray, FloatArray]:
        intensity, apex = infer(self._network, np.ascontiguousarray(features, np.float32))
        return intensity[first:], apex[first:]


@dataclass(frozen=True, slots=True)
class Flag:
    """An interval that was shown before it was final, from its first showing to its end.

    raised_s, ended_s: the newest frame's time. apex_s: of the first showing. end: "confirmed" if the final interval has
    its type and an IoU of at least ``SAME_IOU`` with the flag as it was raised, "moved" if a final one touches it
    otherwise, "withdrawn" if it went without one.
    """

    type: ExpressionType
    raised_s: float
    ended_s: float
    apex_s: float
    end: str


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """One recording played as if live.

    curves: look-ahead in seconds (infinite: final) -> scores (T, 3), each frame's first with so much future.
    finals: number of final intervals. unflagged: those that no flag foretold.
    """

    curves: dict[float, FloatArray]
    flags: tuple[Flag, ...]
    finals: int
    unflagged: int


def replay(
    recording: Recording, spotter: Spotter, look_ahead_s: Sequence[float], step_frames: int = STEP_FRAMES
) -> Replay:
    """Play a recording through the analyzer, one step every ``step_frames``. look_ahead_s: of the curves wanted."""
    analyzer = Analyzer(spotter)
    frames = len(recording.position_iod)
    kept = _Kept(frames, look_ahead_s)
    flags = Flags()
    for index, position in enumerate(recording.position_iod):
        analyzer.push(FrameMotion(index, index / GRID_HZ, True, position, 1.0))
        if index % step_frames == step_frames - 1:
            update = analyzer.update()
            kept.take(update)
            flags.take(update)
    update = analyzer.finish()
    kept.take(update, ended=True)
    flags.take(update)
    return Replay(kept.curves, tuple(flags.ended), flags.finals, flags.unflagged)


class _Kept:
    """Keeps, for each look-ahead, the first score that a frame had with so much future."""

    def __init__(self, frames: int, look_ahead_s: Sequence[float]) -> None:
        self._now = np.full((frames, 3), np.nan, np.float32)
        self.curves = {s: np.full((frames, 3), np.nan, np.float32) for s in (*look_ahead_s, np.inf)}
        self._done = dict.fromkeys(self.curves, 0)
        self._final = 0
        self._end = 0

    def take(self, update: Update, ended: bool = False) -> None:
        self._final = max(self._final, self._put(update.final))
        self._end = max(self._final, self._put(update.provisional))
        for look_ahead_s, curve in self.curves.items():
            until = self._final
            if np.isfinite(look_ahead_s):
                until = max(until, self._end - round(look_ahead_s * GRID_HZ))
            until = len(curve) if ended else until
            since = self._done[look_ahead_s]
            if until > since:
                curve[since:until] = self._now[since:until]
                self._done[look_ahead_s] = until

    def _put(self, scores: Scores) -> int:
        """Returns the frame after the last one."""
        if not len(scores):
            return 0
        first = round(float(scores.time_s[0]) * GRID_HZ)
        columns = np.stack([scores.intensity, scores.macro, scores.micro], axis=1)
        self._now[first : first + len(columns)] = columns
        return first + len(columns)


@dataclass(slots=True)
class _Open:
    first: Interval
    newest: Interval
    raised_s: float


class Flags:
    """Follows the provisional intervals from step to step."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._now_s = 0.0
        self.ended: list[Flag] = []
        self.finals = 0
        self.unflagged = 0

    def take(self, update: Update) -> None:
        for scores in (update.final, update.provisional):
            if len(scores):
                self._now_s = float(scores.time_s[-1])
        for interval in update.intervals:
            self.finals += 1
            flag = self._nearest(interval, self._open, same_type=False)
            if flag is None:
                self.unflagged += 1
                continue
            self._open.remove(flag)
            same = interval.type is flag.first.type and _iou(interval, flag.first) >= SAME_IOU
            self._end(flag, "confirmed" if same else "moved")
        left, self._open = self._open, []
        for interval in update.provisional_intervals:
            flag = self._nearest(interval, left, same_type=True)
            if flag is None:
                self._open.append(_Open(interval, interval, self._now_s))
            else:
                left.remove(flag)
                self._open.append(_Open(flag.first, interval, flag.raised_s))
        for flag in left:
            self._end(flag, "withdrawn")

    def _end(self, flag: _Open, end: str) -> None:
        self.ended.append(Flag(flag.first.type, flag.raised_s, self._now_s, flag.first.apex_s, end))

    @staticmethod
    def _nearest(interval: Interval, flags: Sequence[_Open], same_type: bool) -> _Open | None:
        """The flag that overlaps most with an interval; one of its type before any other."""
        near = [
            (f.newest.type is interval.type, _iou(interval, f.newest), f)
            for f in flags
            if _iou(interval, f.newest) > 0 and (f.newest.type is interval.type or not same_type)
        ]
        return max(near, key=lambda n: n[:2])[2] if near else None


def _iou(a: Interval, b: Interval) -> float:
    spans = [(i.onset_s, i.offset_s) for i in (a, b)]
    return float(interval_iou(spans[:1], spans[1:], step=1.0 / GRID_HZ)[0, 0])
