"""Spot the labelled clips as other cameras, lamps and codecs would have shown them.

    python -m benchmarks.clip_conditions [--clips ../shared/data/clips] [--model FILE.onnx] [--only NAME ...]
                                         [--cache FOLDER] [--jobs N]

The harmless conditions (a mirror, the face a few pixels elsewhere) ask how much of the clips' figures is chance: nobody
would label a mirrored face otherwise, but other weak movements pass a threshold. The others say what a poor picture
costs.
As with ``benchmarks.clips``, nothing may be tuned on what this program prints.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from benchmarks import conditions
from benchmarks.clips import (
    CONVERSATION,
    ClipRun,
    clip_parser,
    labels_of_clips,
    perceive,
    score_run,
    spot_with_model,
    told,
)
from benchmarks.conditions import CONDITIONS
from benchmarks.scoring import RULE, Totals, total
from models.digest import content_sha256
from models.spotter import Spotter

ROW = "{:46} {:>6} {:>10} {:>8} {:>18} {:>10} {:>11} {:>10}"


def main(arguments: Sequence[str] | None = None) -> int:
    return told(_run, _parser().parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = clip_parser("clip_conditions")
    names = [condition.name for condition in CONDITIONS]
    text = "; ".join(names).replace("%", "%%")
    parser.add_argument("--only", choices=names, action="append", metavar="NAME", help=text)
    parser.add_argument("--cache", type=Path, default=Path("runs/clip_conditions"))
    parser.add_argument("--jobs", type=int, default=2)
    return parser


def _run(options: argparse.Namespace) -> int:
    labels = labels_of_clips(options)
    spotter = Spotter(options.model, use_gpu=False)
    chosen = [i for i, condition in enumerate(CONDITIONS) if not options.only or condition.name in options.only]
    # the longest clip first, so that no processor waits for it in the end
    clips = sorted((options.clips / name for name in labels), key=lambda path: path.name != CONVERSATION)
    orders = [(path, which) for which in chosen for path in clips]
    heads = ("found", "by chance", "IoU any", "alarms/min of talk", "elsewhere", "in nothing", "a face")
    print(RULE + "\n\n" + ROW.format("", *heads))
    harmless: list[Totals] = []
    with ProcessPoolExecutor(options.jobs, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        runs = pool.map(_see, orders, [options.cache] * len(orders))
        for which in chosen:
            seen = [next(runs) for _ in clips]
            scores = [score_run(clip, labels[clip.name], spot_with_model(clip, spotter)) for clip in seen]
            totals = total(scores)
            _print_row(CONDITIONS[which].name, totals, seen)
            if CONDITIONS[which].harmless:
                harmless.append(totals)
    if len(harmless) > 1:
        _print_spread(harmless)
    return 0


def _see(order: tuple[Path, int], cache: Path) -> ClipRun:
    path, which = order
    digest = content_sha256(Path(conditions.__file__))[:12]
    return perceive(path, cache, CONDITIONS[which].change, f"{which}-{digest}-")


def _print_row(name: str, t: Totals, seen: Sequence[ClipRun]) -> None:
    valid = np.mean([motion.valid for clip in seen for motion in clip.motions])
    print(ROW.format(name, *(f"{n:.3g}" for n in _figures(t)), f"{100 * valid:.1f} %"), flush=True)


def _figures(t: Totals) -> tuple[float, ...]:
    return (t.found, t.found_by_chance, t.iou_half_any, t.alarms_a_minute, t.alarms, t.in_nothing)


def _print_spread(harmless: Sequence[Totals]) -> None:
    columns = [_figures(t) for t in harmless]
    for words, numbers in (
        (f"mean of the {len(harmless)} harmless conditions", np.mean(columns, axis=0)),
        ("their standard deviation", np.std(columns, axis=0, ddof=1)),
    ):
        print(ROW.format(words, *(f"{n:.1f}" for n in numbers), ""))
    print(f"clear expressions: {harmless[0].clear}")


if __name__ == "__main__":
    sys.exit(main())
