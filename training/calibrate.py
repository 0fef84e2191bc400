"""Thresholds for live use, chosen on rendered video with truth (never on anything that is reported)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, reduce
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx

from models.analyzer import Analyzer
from models.decode import CLASSES, DecodeSettings, Found, one_type, runs_above
from models.grid import GridResampler
from models.islands import FrameList, Islands, pasts
from models.model_file import metadata
from models.spotter import Spotter
from models.types import ExpressionType, FloatArray, FrameMotion, Interval, Scores, Update
from training.coded import weight
from training.rendered import Order, motions, visible

log = logging.getLogger(__name__)

HIT_IOU = 0.5
EXPRESSIVE = ("random", "lively", "lively_conversation", "unsettled_conversation")
"""Kinds of calibration video that hold expressions; in the others everything found is an alarm."""
GRID = tuple(round(float(x), 2) for x in np.arange(0.2, 0.96, 0.03))
Value = TypeVar("Value", float, tuple[float, float])
"""Of a setting that is tried, or of two together."""
LOW = 0.05
"""Threshold of candidates: below every threshold that is tried."""
STEP_FRAMES = 256
"""Frames between two runs of the network over a recording; what is found does not depend on it."""
IN_SPEECH_IOD = (0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1)
"""Smallest movements while the face speaks that are tried."""
DEPARTURES = (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2.0)
"""Factors that are tried: how far a talking face is from its usual position at the apex, and at the nearer end."""
NARROW_IOD = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1)
"""How much narrower than usual a talking mouth may be before it counts as forming words: what is tried."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Most alarms a minute that the thresholds may let through, by kind of video."""

    still: float = 0.0
    blinks: float = 0.5
    turns: float = 0.7
    speech: float = 3.0
    talk: float = 3.0

    def of(self, kind: str) -> float:
        return float(getattr(self, kind))


@dataclass(frozen=True, slots=True)
class Result:
    """Counts of one video kind at given thresholds. hits are by the MEGC rule; loose also takes another type.

    truths_coded, hits_coded: the same with every expression as often as coders have met it (``training.coded``).
    """

    kind: str
    minutes: float
    truths: int
    found: int
    hits: int
    loose: int
    truths_coded: float
    hits_coded: float

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(self.truths + self.found, 1)

    @property
    def f1_coded(self) -> float:
        """F1 with every expression as often as coders have met it, and every alarm once; 0 where there is nothing."""
        found = self.hits_coded + self.found - self.hits
        return 2 * self.hits_coded / (self.truths_coded + found) if self.truths_coded + found > 0.0 else 0.0

    def plus(self, other: Result) -> Result:
        """Both together, under this one's kind."""
        return Result(
            self.kind,
            self.minutes + other.minutes,
            self.truths + other.truths,
            self.found + other.found,
            self.hits + other.hits,
            self.loose + other.loose,
            self.truths_coded + other.truths_coded,
            self.hits_coded + other.hits_coded,
        )


@dataclass(frozen=True, slots=True)
class Truth:
    """A true expression in seconds. asked: whether it is strong enough to demand. weight: see ``training.coded``."""

    type: ExpressionType
    onset_s: float
    offset_s: float
    asked: bool
    weight: float = 1.0


def spot(seen: Sequence[FrameMotion], spotter: Spotter) -> list[Interval]:
    """All intervals of a whole recording."""
    return [interval for update in _steps(seen, spotter) for interval in update.intervals]


def _steps(seen: Sequence[FrameMotion], spotter: Spotter) -> Iterator[Update]:
    """What the analysis of a whole recording brings, from step to step, all of it final."""
    analyzer = Analyzer(spotter)
    for i, motion in enumerate(seen):
        analyzer.push(motion)
        if i % STEP_FRAMES == STEP_FRAMES - 1:
            yield analyzer.update(provisional=False)
    yield analyzer.finish()


@cache
def truths(order: Order) -> tuple[Truth, ...]:
    """The true expressions of a rendered video; they are asked for again at every pair of thresholds."""
    events = order.script().expressions
    return tuple(
        Truth(e.type, e.onset_s, e.offset_s, visible(e), weight(e.actions)) for e in events if e.type is not None
    )


def iou_s(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Intersection over union of two intervals in seconds."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return max(shared, 0.0) / (max(a[1], b[1]) - min(a[0], b[0])) if shared > 0 else 0.0


def count(found: Sequence[Interval], true: Sequence[Truth], same_type: bool = True) -> tuple[int, int, int]:
    """(hits, found, asked truths), one-to-one at IoU 0.5. What lies on a truth too faint does not count."""
    hit, alarms = _matched(found, true, same_type)
    return len(hit), len(hit) + alarms, sum(t.asked for t in true)


def _matched(found: Sequence[Interval], true: Sequence[Truth], same_type: bool) -> tuple[list[Truth], int]:
    """The asked truths that are hit, and how many intervals hit nothing."""
    taken: set[int] = set()
    alarms = 0
    for interval in sorted(found, key=lambda i: -i.score):
        span = (interval.onset_s, interval.offset_s)
        overlaps = [
            (iou_s(span, (t.onset_s, t.offset_s)), j)
            for j, t in enumerate(true)
            if j not in taken and (not same_type or t.type is interval.type)
        ]
        best = max(overlaps, default=(0.0, -1))
        if best[0] >= HIT_IOU:
            taken.add(best[1])
            continue
        touches_faint = any(not t.asked and iou_s(span, (t.onset_s, t.offset_s)) > 0.2 for t in true)
        alarms += not touches_faint
    return [true[j] for j in taken if true[j].asked], alarms


def evaluate(
    found: dict[Order, list[Interval]], thresholds: dict[ExpressionType, float] | None = None
) -> dict[str, Result]:
    """Results by kind of video, of intervals at or above the thresholds."""
    results: dict[str, Result] = {}
    for order, intervals in found.items():
        kept = intervals if thresholds is None else above(intervals, thresholds)
        true = truths(order)
        hit, alarms = _matched(kept, true, same_type=True)
        asked = [t for t in true if t.asked]
        here = Result(
            order.kind,
            order.duration_s / 60.0,
            truths=len(asked),
            found=len(hit) + alarms,
            hits=len(hit),
            loose=count(kept, true, same_type=False)[0],
            truths_coded=sum(t.weight for t in asked),
            hits_coded=sum(t.weight for t in hit),
        )
        results[order.kind] = results.get(order.kind, _nothing(order.kind)).plus(here)
    return results


def _nothing(kind: str) -> Result:
    return Result(kind, 0.0, 0, 0, 0, 0, 0.0, 0.0)


def pooled(results: Iterable[Result]) -> Result:
    """Several kinds of video as one."""
    return reduce(Result.plus, results, _nothing("all"))


def overall_f1(results: dict[str, Result]) -> float:
    """F1 on all videos as one, what choices are made by: every expression counts as often as coders have met it.

    What is found where nobody expresses anything is an error, too.
    """
    return pooled(results.values()).f1_coded


def choose(found: dict[Order, list[Interval]], limits: Limits) -> dict[ExpressionType, float]:
    """Thresholds with the best F1 on all videos among those that keep the limits where there is no expression.

    Where no pair keeps every limit, the pair that breaks them least.
    """
    best: tuple[float, float] | None = None
    chosen: dict[ExpressionType, float] = {}
    for macro in GRID:
        for micro in GRID:
            thresholds = {ExpressionType.MACRO: macro, ExpressionType.MICRO: micro}
            results = evaluate(found, thresholds)
            excess = sum(
                max(r.found / r.minutes - limits.of(kind), 0.0) for kind, r in results.items() if kind not in EXPRESSIVE
            )
            value = (-excess, overall_f1(results))
            if best is None or value > best:
                best, chosen = value, thresholds
    return chosen


def best_value(found: Mapping[Value, dict[Order, list[Interval]]], thresholds: dict[ExpressionType, float]) -> Value:
    """The value of a setting, or the values of two, with the best F1 on all videos; of equals the largest.

    found: candidates with each of the values, 0 among them, at which nothing is asked.
    """
    return max(found, key=lambda value: (overall_f1(evaluate(found[value], thresholds)), value))


def with_thresholds(decode: DecodeSettings, thresholds: dict[ExpressionType, float]) -> DecodeSettings:
    return replace(
        decode,
        macro=replace(decode.macro, threshold=thresholds[ExpressionType.MACRO]),
        micro=replace(decode.micro, threshold=thresholds[ExpressionType.MICRO]),
    )


def write_decode(path: Path, decode: DecodeSettings) -> None:
    """Write decode settings into a model file's metadata."""
    spec = Spotter(path, use_gpu=False).spec
    model = onnx.load(str(path))
    properties = metadata(
        look_back_frames=spec.look_back_frames,
        look_ahead_frames=spec.look_ahead_frames,
        decode=decode,
        baseline=spec.baseline,
        training_data=spec.training_data,
        licence=spec.licence,
        version=spec.version,
        config_sha256=spec.config_sha256,
    )
    onnx.helper.set_model_props(model, properties)
    partial = path.with_name(path.name + ".writing")
    onnx.save_model(model, partial)
    partial.replace(path)


def candidates(
    orders: Sequence[Order], spotter: Spotter, cache: Path, settings: Mapping[Value, DecodeSettings]
) -> dict[Value, dict[Order, list[Interval]]]:
    """Everything a model finds in the rendered videos at a threshold that lets nearly all through, of either type.

    settings: by the value in which they differ; each gives other intervals of the same scores.
    """
    lenient = {
        value: replace(with_thresholds(decode, dict.fromkeys(ExpressionType, LOW)), one_type=False)
        for value, decode in settings.items()
    }
    found: dict[Value, dict[Order, list[Interval]]] = {value: {} for value in settings}
    for order in orders:
        stretches = scored(motions(order, cache), spotter)
        for value, decode in lenient.items():
            decoders = [Islands(frames, scores, 0, decode, past_iod) for frames, scores, past_iod in stretches]
            found[value][order] = [i for d in decoders for island in d.islands(0) for i in d.intervals(island, True)]
    return found


def scored(seen: Sequence[FrameMotion], spotter: Spotter) -> list[tuple[FrameList, FloatArray, FloatArray]]:
    """Each uninterrupted stretch of a recording, its scores (T, 3) of intensity, macro, micro, and the face's past."""
    grid = GridResampler()
    frames = [frame for motion in seen for frame in grid.push(motion)] + grid.finish()
    scores = Scores.concatenate([update.final for update in _steps(seen, spotter)])
    values = np.stack([scores.intensity, scores.macro, scores.micro], axis=1)
    stretches = runs_above(scores.valid.astype(np.float32), 0.5)
    return [
        (FrameList(frames[first : last + 1]), values[first : last + 1], past_iod)
        for (first, last), past_iod in zip(stretches, pasts(stretches, FrameList(frames).position_of), strict=True)
    ]


def above(intervals: Sequence[Interval], thresholds: dict[ExpressionType, float]) -> list[Interval]:
    """What a model with these thresholds would have found: one type a movement among those that reach them."""
    kept = [i for i in intervals if i.score >= thresholds[i.type]]
    as_found = {
        Found(CLASSES.index(i.type.value), i.onset_frame, i.apex_frame, i.offset_frame, i.score): i for i in kept
    }
    return [as_found[f] for f in one_type(list(as_found))]
