"""Spot the labelled clips and print what was found, missed and raised in vain.

    python -m benchmarks.clips [--clips ../shared/data/clips] [--model FILE.onnx] [--rule]
                               [--levels] [--details] [--json OUT] [--cache FOLDER]

Runs the program's batch path: ``VideoFile`` -> ``Perception`` -> ``Analyzer``. ``--rule`` adds a rule without learning
on the same perception, for comparison; ``--levels`` shows how either trades what it finds for alarms, so that they can
be compared at the same number of alarms. The labels (``clip_labels.csv``) were made by eye and are frozen; nothing may
be tuned on what this program prints.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.scoring import RULE, ClipLabel, ClipScore, LabelKind, load_labels, score_clip, total
from models.digest import content_sha256, perception_digest
from models.errors import ApexspotError, UsageError
from models.types import ExpressionType, Frame, FrameMotion, Interval
from training.seen import load_seen, save_seen

if TYPE_CHECKING:
    from models.spotter import Spotter

Change = Callable[[Iterable[Frame]], Iterator[Frame]]
"""What is done to the pictures, or to their times, before perception sees them."""

HERE = Path(__file__).resolve().parent
CONVERSATION = "talking_face_200s.mp4"
UPDATE_FRAMES = 300
"""Frames between two calls for results; the results do not depend on it."""
NO_FACE = "no face"
"""``nothing`` rows whose note begins so hold no face at all: perception must say so there."""

RULE_LIMIT_IOD = 0.05
RULE_LEVELS_IOD = (0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.12)
MODEL_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
MOVEMENT_LEVELS = tuple((factor, least_iod) for factor in (0.5, 0.7, 1.0) for least_iod in (0.05, 0.08, 0.1))
"""Of ``--levels``: factors on the model file's own thresholds, and the same with a smallest movement."""
RULE_MEDIAN_S = 10.0
RULE_SHORTEST_S = 0.1
RULE_TEXT = (
    f"rule without learning: a region stands more than {RULE_LIMIT_IOD} IOD from its running median "
    f"(past {RULE_MEDIAN_S:g} s) for at least {RULE_SHORTEST_S} s; micro up to 0.5 s, else macro"
)


@dataclass(frozen=True, slots=True)
class ClipRun:
    """One clip, seen once: its frames' motion and its length (last frame included)."""

    name: str
    motions: tuple[FrameMotion, ...]
    duration_s: float


def main(arguments: Sequence[str] | None = None) -> int:
    return told(_run, _parser().parse_args(arguments))


def told(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """The exit code of ``run``; what goes wrong is told of in a sentence."""
    try:
        return run(options)
    except ApexspotError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def clip_parser(program: str) -> argparse.ArgumentParser:
    """Where the clips, their labels and the model are."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{program}", description="Spot the labelled clips.")
    parser.add_argument("--clips", type=Path, default=HERE.parent.parent / "shared" / "data" / "clips")
    parser.add_argument("--labels", type=Path, default=HERE / "clip_labels.csv")
    parser.add_argument("--model", type=Path, help="model file; without it the shipped one")
    return parser


def labels_of_clips(options: argparse.Namespace) -> dict[str, tuple[ClipLabel, ...]]:
    """The labels by clip.

    Raises:
        LabelError: they cannot be read.
        UsageError: there is no folder of clips.
    """
    labels = load_labels(options.labels)
    if not options.clips.is_dir():
        raise UsageError(f"There is no folder {options.clips}; name the folder of the clips with --clips.")
    return labels


def _parser() -> argparse.ArgumentParser:
    parser = clip_parser("clips")
    parser.add_argument("--rule", action="store_true", help="add the rule without learning")
    parser.add_argument("--rule-only", action="store_true", help="the rule without learning, and no model")
    parser.add_argument("--levels", action="store_true", help="add what lower and higher thresholds would give")
    parser.add_argument("--details", action="store_true", help="list what was missed and what was raised in vain")
    parser.add_argument("--json", type=Path, help="write every interval and figure to this file")
    parser.add_argument("--cache", type=Path, help="folder that keeps perception's results for the next run")
    return parser


def _run(options: argparse.Namespace) -> int:
    labels = labels_of_clips(options)
    clips = [perceive(options.clips / name, options.cache) for name in labels]

    def scored(spot: Callable[[ClipRun], tuple[Interval, ...]]) -> list[ClipScore]:
        return [score_run(clip, labels[clip.name], spot(clip)) for clip in clips]

    methods: dict[str, list[ClipScore]] = {}
    levels: dict[str, list[ClipScore]] = {}
    if not options.rule_only:
        from models.spotter import Spotter

        spotter = Spotter() if options.model is None else Spotter(options.model)
        name = "shipped model" if options.model is None else options.model.name
        methods[name] = scored(partial(spot_with_model, spotter=spotter))
        for factor, least_iod in (*((f, None) for f in MODEL_LEVELS), *MOVEMENT_LEVELS) if options.levels else ():
            words = f"{name}, thresholds x {factor:g}" + (f", {least_iod:g} IOD" if least_iod is not None else "")
            levels[words] = scored(partial(spot_with_model, spotter=_at_level(spotter, factor, least_iod)))
    if options.rule or options.rule_only:
        methods["rule"] = scored(spot_with_rule)
        for limit_iod in RULE_LEVELS_IOD if options.levels else ():
            levels[f"rule, {limit_iod:g} IOD"] = scored(partial(spot_with_rule, limit_iod=limit_iod))
    print(RULE)
    if "rule" in methods:
        print(RULE_TEXT)
    for name, scores in methods.items():
        _print_table(name, scores)
        if options.details:
            _print_details(scores)
    if levels:
        _print_levels(levels)
    _print_faces(clips, labels)
    if options.json is not None:
        _write_json(options.json, methods)
    return 0


def perceive(path: Path, cache: Path | None, change: Change = iter, named: str = "") -> ClipRun:
    """Motion of every frame of a clip, without the faces themselves, after ``change`` of its pictures.

    It comes from ``cache`` where perception saw the same clip after the change of the same name before.
    """
    from models.perception import Perception
    from models.video import VideoFile

    stored = None
    if cache is not None and path.is_file():
        stored = cache / f"{path.stem}-{content_sha256(path)[:12]}-{named}{perception_digest()}.npz"
        if stored.is_file():
            motions = tuple(load_seen(stored))
            return ClipRun(path.name, motions, _duration_s(motions))
    with VideoFile(path) as video, Perception() as perception:
        motions = tuple(replace(perception.process(frame), face=None) for frame in change(video))
    if stored is not None:
        stored.parent.mkdir(parents=True, exist_ok=True)
        save_seen(stored, motions)
    return ClipRun(path.name, motions, _duration_s(motions))


def spot_with_model(clip: ClipRun, spotter: Spotter) -> tuple[Interval, ...]:
    """All intervals of the batch path, in order of onset."""
    from models.analyzer import Analyzer

    analyzer = Analyzer(spotter)
    found: list[Interval] = []
    for count, motion in enumerate(clip.motions, start=1):
        analyzer.push(motion)
        if count % UPDATE_FRAMES == 0:
            found += analyzer.update(provisional=False).intervals
    found += analyzer.finish().intervals
    return tuple(sorted(found, key=lambda interval: interval.onset_s))


def _at_level(spotter: Spotter, factor: float, least_iod: float | None) -> Spotter:
    """The same model with other thresholds, and with another smallest movement unless ``None``."""
    own = spotter.spec.decode
    macro, micro = (replace(rule, threshold=factor * rule.threshold) for rule in (own.macro, own.micro))
    changed = copy(spotter)
    changed.spec = replace(spotter.spec, decode=replace(own, macro=macro, micro=micro))
    return changed.with_least_motion(least_iod)


def spot_with_rule(clip: ClipRun, limit_iod: float = RULE_LIMIT_IOD) -> tuple[Interval, ...]:
    """The comparison: see ``RULE_TEXT``. Uses no labels and no training; a lost face starts it anew."""
    found: list[Interval] = []
    stretch: list[FrameMotion] = []
    for motion in (*clip.motions, None):
        if motion is not None and motion.valid:
            stretch.append(motion)
        elif stretch:
            found += _rule_intervals(stretch, limit_iod)
            stretch = []
    return tuple(found)


def _rule_intervals(stretch: Sequence[FrameMotion], limit_iod: float) -> list[Interval]:
    times_s = np.array([motion.time_s for motion in stretch])
    positions = np.stack([motion.position_iod for motion in stretch]).astype(np.float64)
    first = np.searchsorted(times_s, times_s - RULE_MEDIAN_S)
    away = np.array(
        [
            np.linalg.norm(positions[k] - np.median(positions[first[k] : k + 1], axis=0), axis=1).max()
            for k in range(len(stretch))
        ]
    )
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (away > limit_iod).astype(int), [0]))))
    intervals = []
    for begin, end in zip(edges[::2], edges[1::2] - 1, strict=True):
        length_s = float(times_s[end] - times_s[begin])
        if length_s < RULE_SHORTEST_S:
            continue
        apex = int(begin + np.argmax(away[begin : end + 1]))
        intervals.append(
            Interval(
                ExpressionType.MICRO if length_s <= 0.5 else ExpressionType.MACRO,
                float(times_s[begin]),
                float(times_s[apex]),
                float(times_s[end]),
                stretch[begin].index,
                stretch[apex].index,
                stretch[end].index,
                score=float(away[apex]),
            )
        )
    return intervals


def score_run(clip: ClipRun, labels: Sequence[ClipLabel], spotted: Sequence[Interval]) -> ClipScore:
    """What was spotted in a clip, held against its labels."""
    return score_clip(clip.name, labels, spotted, clip.duration_s, in_conversation=clip.name == CONVERSATION)


def _print_table(name: str, scores: Sequence[ClipScore]) -> None:
    print(f"\n{name}")
    row = "{:24} {:>6} {:>6} {:>10} {:>8} {:>9} {:>8} {:>7} {:>6} {:>11}"
    print(
        row.format(
            "clip", "clear", "found", "by chance", "IoU any", "IoU type", "spotted", "alarms", "stray", "in nothing"
        )
    )
    for title, part in (
        *((score.clip, [score]) for score in scores),
        ("all", scores),
        ("without conversation", [score for score in scores if not score.in_conversation]),
    ):
        t = total(part)
        found = (t.clear, t.found, f"{t.found_by_chance:.1f}", t.iou_half_any, t.iou_half_type)
        print(row.format(title, *found, t.spotted, sum(len(s.alarms) for s in part), t.stray, t.in_nothing))
    t = total(scores)
    print(
        f"found {_share(t.found, t.clear)}, by chance {t.found_by_chance:.1f}; "
        f"IoU >= 0.5 any {_share(t.iou_half_any, t.clear)}, "
        f"own type {_share(t.iou_half_type, t.clear)}"
    )
    print(
        f"false alarms outside conversation {t.alarms}; in conversation {t.alarms_a_minute:.1f} a minute "
        f"({t.alarms_a_free_minute:.1f} a minute outside its labelled expressions); in nothing stretches {t.in_nothing}"
    )


def _print_levels(levels: dict[str, list[ClipScore]]) -> None:
    """What each threshold would give: a comparison of methods, not a choice of threshold."""
    row = "{:42} {:>6} {:>10} {:>8} {:>8} {:>18} {:>10} {:>11}"
    heads = ("found", "by chance", "IoU any", "spotted", "alarms/min of talk", "elsewhere", "in nothing")
    print("\n" + row.format("", *heads))
    for name, scores in levels.items():
        t = total(scores)
        found = (t.found, f"{t.found_by_chance:.1f}", t.iou_half_any, t.spotted)
        print(row.format(name, *found, f"{t.alarms_a_minute:.1f}", t.alarms, t.in_nothing))


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} ({100 * part / whole:.0f} %)" if whole else "0/0"


def _print_details(scores: Iterable[ClipScore]) -> None:
    for s in scores:
        for label in s.missed:
            print(f"  missed   {s.clip:24} {label.onset_s:7.2f}-{label.offset_s:7.2f} {label.type} {label.note}")
        for alarm in s.alarms:
            where = "in nothing" if alarm in s.in_nothing else "alarm"
            print(f"  {where:10} {s.clip:22} {alarm.onset_s:7.2f}-{alarm.offset_s:7.2f} {alarm.type} {alarm.score:.2f}")


def _print_faces(clips: Sequence[ClipRun], labels: dict[str, tuple[ClipLabel, ...]]) -> None:
    """Where the labels say that there is no face, no frame may be valid."""
    print("\nframes with a face")
    for clip in clips:
        stretches = [a for a in labels[clip.name] if a.kind is LabelKind.NOTHING and a.note.startswith(NO_FACE)]
        if not stretches:
            continue
        inside = [m.valid for m in clip.motions if any(s.onset_s <= m.time_s <= s.offset_s for s in stretches)]
        outside = [m.valid for m in clip.motions if not any(s.onset_s <= m.time_s <= s.offset_s for s in stretches)]
        shares = _share(sum(inside), len(inside)), _share(sum(outside), len(outside))
        print(f"{clip.name:24} {shares[0]} where there is none, {shares[1]} elsewhere")


def _write_json(path: Path, methods: dict[str, list[ClipScore]]) -> None:
    content = {
        name: {"total": asdict(total(scores)), "clips": [asdict(score) for score in scores]}
        for name, scores in methods.items()
    }
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _duration_s(motions: Sequence[FrameMotion]) -> float:
    if len(motions) < 2:
        return 0.0
    span_s = motions[-1].time_s - motions[0].time_s
    return span_s * len(motions) / (len(motions) - 1)


if __name__ == "__main__":
    sys.exit(main())
