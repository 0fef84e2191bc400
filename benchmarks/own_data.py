"""The way of a new user, from a video and a few clicks to a model: ``python -m benchmarks.own_data --out DIR``.

A synthetic video of one person with as many expressions as there are points, a CSV of one point for each (near its
apex, as a person would click), then the commands of docs/own-data.md as they stand there: extract, train from the
shipped network, export, spot. Printed are the commands and what the shipped and the new model find in another video of
that person, whose truth neither has seen. One synthetic person: it shows that the way works, not how good a model of
twelve points is.
"""

from __future__ import annotations

import argparse
import csv
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.types import GRID_HZ, ExpressionType
from training.matching import SpottedSpan, SpottingResult, evaluate_video
from training.synth_script import Script, random_script
from training.synthetic import write

SEED = 7001
"""The first of the seeds of these videos; 1000-2999 and 9000-9999 serve others."""
CLICK_S = 0.1
"""Standard deviation of a click about the apex."""

log = logging.getLogger(__name__)


def labelled_script(seed: int, duration_s: float, points: int) -> Script:
    """A video with so many expressions, both types among them, and blinks."""
    script = random_script(seed, duration_s)
    every = script.expressions
    if len(every) < points:
        raise SystemExit(f"{duration_s:g} s hold {len(every)} expressions; ask for fewer points or more minutes.")
    chosen = [every[i] for i in np.linspace(0, len(every) - 1, points).round().astype(int)]
    if len({e.type for e in chosen}) < 2:
        chosen[-1] = next(e for e in every if e.type is not chosen[0].type and e not in chosen)
    return replace(script, events=(*chosen, *(e for e in script.events if e.type is None)))


def write_points(script: Script, video: str, path: Path) -> None:
    """One row an expression."""
    rng = np.random.default_rng(script.seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["video", "time_s", "type"])
        for event in script.expressions:
            time_s = float(np.clip(rng.normal(event.apex_s, CLICK_S), event.onset_s, event.offset_s))
            table.writerow([video, f"{time_s:.2f}", str(event.type)])


def held_against(intervals: Path, script: Script) -> SpottingResult:
    """What ``apexspot spot`` found, against the script."""
    with intervals.open(newline="", encoding="utf-8") as file:
        found = [
            SpottedSpan(ExpressionType(row["type"]), float(row["onset_s"]), float(row["offset_s"]), float(row["score"]))
            for row in csv.DictReader(file)
        ]
    true = [SpottedSpan(e.type, e.onset_s, e.offset_s) for e in script.expressions if e.type is not None]
    return evaluate_video(found, true, step=1.0 / GRID_HZ)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.own_data", description="From clicks to a model.")
    parser.add_argument("--out", type=Path, required=True, help="an empty folder")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the labelled video")
    parser.add_argument("--points", type=int, default=12)
    parser.add_argument("--test-minutes", type=float, default=3.0, help="of the other video")
    parser.add_argument("--start", default="shipped", help="checkpoint to start from")
    parser.add_argument("--steps", type=int, help="steps of training [as the program has it]")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("training").setLevel(logging.WARNING)
    out = options.out
    if out.exists() and any(out.iterdir()):
        parser.error(f"{out} is not empty")
    (out / "videos").mkdir(parents=True)
    learned = labelled_script(SEED, 60.0 * options.minutes, options.points)
    test = replace(random_script(SEED + 1, 60.0 * options.test_minutes), identity=learned.identity)
    log.info("rendering %g + %g minutes", options.minutes, options.test_minutes)
    write(learned, out / "videos" / "monday.mp4")
    write_points(learned, "monday.mp4", out / "videos" / "points.csv")
    write(test, out / "tuesday.mp4")
    config: list[str] = []
    if options.steps is not None:
        (out / "short.toml").write_text(f"steps = {options.steps}\n", "utf-8")
        config = ["--config", "short.toml"]
    for command in (
        ["extract", "--dataset", "plain", "--root", "videos", "--out", "features"],
        ["train", "--data", "features", "--from", options.start, *config, "--out", "run"],
        ["export-model", "run/model.safetensors", "--out", "mine.onnx"],
        ["spot", "tuesday.mp4", "--model", "mine.onnx", "--out", "mine"],
        ["spot", "tuesday.mp4", "--out", "shipped"],
    ):
        if not _run(command, out):
            return 1
    print(f"\n{'tuesday.mp4':16}  macro  micro overall   TP/FP/FN")
    for name in ("shipped", "mine"):
        result = held_against(out / name / "tuesday.intervals.csv", test)
        f1 = "".join(f"{c.f1:7.3f}" for c in (*result.by_type.values(), result.overall))
        c = result.overall
        print(f"{name:16}{f1}    {c.true_positives}/{c.false_positives}/{c.false_negatives}")
    return 0


def _run(command: list[str], folder: Path) -> bool:
    """Run one command of the program as a user would; says which, and how long it took."""
    print(f"$ apexspot {' '.join(command)}", flush=True)
    checkout = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [checkout, os.environ.get("PYTHONPATH")]))
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "app", *command], cwd=folder, env={**os.environ, "PYTHONPATH": path})
    log.info("%.0f s", time.monotonic() - begin)
    return done.returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
