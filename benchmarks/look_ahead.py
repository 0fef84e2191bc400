"""What the future is worth: ``python -m benchmarks.look_ahead --data DIR [--data DIR] --run DIR [--out DIR]``.

``--run`` is the folder of ``apexspot evaluate`` over the same data; its held-out networks score the people that they
have not seen, through the application's own ``Analyzer``, which is given frame after frame and asked ten times a second
for its final and its provisional scores, as in a live session. Two tables come of it:

* honest F1 when each frame keeps the score that it had once so much future was there (at most one step more). The full
  look-ahead is what ``evaluate`` reports as "honest". Thresholds are those of the full look-ahead, as in the
  application, and beside that ones chosen, honestly, for each look-ahead.
* what became of provisional flags, decided as the application decides. A flag is an interval that is shown before it is
  final; ``training.replay`` says when it counts as confirmed, moved or withdrawn.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.decode import DecodeSettings
from models.errors import ApexspotError, OutputError
from models.types import ExpressionType
from training import checkpoint, protocols
from training.datasets import Recording
from training.detectors import trusted
from training.evaluate import detections, detector_of
from training.held_out import Judged, configuration, key, reopen
from training.matching import SpottingResult
from training.protocols import Thresholds
from training.provenance import provenance, write_whole
from training.replay import STEP_FRAMES, HeldOutSpotter, Replay, replay
from training.report import TYPES, counts_of
from training.workers import workers

log = logging.getLogger(__name__)

LOOK_AHEAD_S = (0.3, 0.5, 1.0, 2.0)


def play_all(judged: Judged, seed: int, jobs: int, step_frames: int) -> dict[str, Replay]:
    """Every recording with the network and the thresholds of its fold, by ``held_out.key``."""
    last = judged.last(seed)
    orders = []
    for data_set in sorted({r.data_set for r in judged.recordings}):
        mine = [r for r in judged.recordings if r.data_set == data_set]
        found = detections(last, mine, detector_of(judged.study))
        kept = {r.name: trusted(found[r.name], r) for r in mine}
        thresholds = protocols.fold_thresholds(kept, mine, judged.folds)
        orders += [(r, judged.network(seed, judged.folds.fold(r)), thresholds[judged.folds.fold(r)]) for r in mine]
    played: dict[str, Replay] = {}
    with workers(jobs) as each:
        files = [(r, network, dict(limits), step_frames) for r, network, limits in orders]
        for (recording, *_), result in zip(files, each(_play, *zip(*files, strict=True)), strict=True):
            played[key(recording)] = result
            log.info("%d of %d recordings played", len(played), len(orders))
    return played


def _play(recording: Recording, network: Path, thresholds: Thresholds, step_frames: int) -> Replay:
    decode = DecodeSettings()
    macro, micro = (min(thresholds[kind], 1.0) for kind in ExpressionType)
    decode = replace(decode, macro=replace(decode.macro, threshold=macro), micro=replace(decode.micro, threshold=micro))
    return replay(recording, HeldOutSpotter(checkpoint.load(network)[0], decode), LOOK_AHEAD_S, step_frames)


def f1_table(judged: Judged, played: dict[str, Replay]) -> list[dict[str, object]]:
    """One row a data set and look-ahead: results with the full look-ahead's thresholds, and with ones of its own."""
    rows: list[dict[str, object]] = []
    detector = detector_of(judged.study)
    for data_set in sorted({r.data_set for r in judged.recordings}):
        mine = [r for r in judged.recordings if r.data_set == data_set]
        curves = {s: {key(r): played[key(r)].curves[s] for r in mine} for s in (*LOOK_AHEAD_S, np.inf)}
        full = protocols.fold_thresholds(detections(curves[np.inf], mine, detector), mine, judged.folds)
        for look_ahead_s, scores in curves.items():
            found = detections(scores, mine, detector)
            fixed = protocols.judged_with(found, mine, judged.folds, full)
            rows.append(
                {
                    "data_set": data_set,
                    "look_ahead_s": look_ahead_s if np.isfinite(look_ahead_s) else "full",
                    "thresholds_of_full": _figures(fixed),
                    "own_thresholds": _figures(protocols.honest(found, mine, judged.folds)),
                }
            )
    return rows


def _figures(result: SpottingResult) -> dict[str, dict[str, float]]:
    return {
        kind: {"f1": c.f1, "tp": c.true_positives, "fp": c.false_positives, "fn": c.false_negatives}
        for kind in TYPES
        for c in [counts_of(result, kind)]
    }


def flag_table(judged: Judged, played: dict[str, Replay]) -> list[dict[str, object]]:
    """One row a data set and type: how many flags, how they ended, and how long that took."""
    rows: list[dict[str, object]] = []
    for data_set in sorted({r.data_set for r in judged.recordings}):
        mine = [played[key(r)] for r in judged.recordings if r.data_set == data_set]
        for kind in ExpressionType:
            flags = [f for p in mine for f in p.flags if f.type is kind]
            row: dict[str, object] = {"data_set": data_set, "type": kind.value, "flags": len(flags)}
            row["after_apex_s"] = _times([f.raised_s - f.apex_s for f in flags])
            for end in ("confirmed", "moved", "withdrawn"):
                chosen = [f for f in flags if f.end == end]
                row[end] = {"flags": len(chosen), "after_s": _times([f.ended_s - f.raised_s for f in chosen])}
            rows.append(row)
        finals, unflagged = sum(p.finals for p in mine), sum(p.unflagged for p in mine)
        rows.append({"data_set": data_set, "type": "all", "final": finals, "final_without_flag": unflagged})
    return rows


def _times(seconds: Sequence[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    return {"median": float(np.median(seconds)), "p90": float(np.quantile(seconds, 0.9))}


def text(f1: Sequence[dict[str, object]], flags: Sequence[dict[str, object]], note: str) -> str:
    """Both tables as text."""
    lines = [f"{'data set':12}{'look-ahead':>11}   macro  micro overall   own thresholds: macro  micro overall"]
    for row in f1:
        cells = [
            " ".join(f"{row[way][kind]['f1']:6.3f}" for kind in TYPES)  # type: ignore[index]
            for way in ("thresholds_of_full", "own_thresholds")
        ]
        ahead = row["look_ahead_s"] if row["look_ahead_s"] == "full" else f"{row['look_ahead_s']:g} s"
        lines.append(f"{row['data_set']:12}{ahead:>11}  {cells[0]}                   {cells[1]}")
    lines += [
        "",
        f"{'data set':12}{'type':7}{'flags':>6}  raised after apex    confirmed          moved      withdrawn",
    ]
    for row in flags:
        if row["type"] == "all":
            lines.append(
                f"{row['data_set']:12}{row['final']} final intervals, {row['final_without_flag']} without a flag"
            )
            continue
        total = max(int(str(row["flags"])), 1)
        cells = [
            f"{100 * row[end]['flags'] / total:3.0f} % {_words(row[end]['after_s'])}"  # type: ignore[index]
            for end in ("confirmed", "moved", "withdrawn")
        ]
        raised = _words(row["after_apex_s"])
        lines.append(f"{row['data_set']:12}{row['type']:7}{row['flags']:>6}  {raised:>17} {' '.join(cells)}")
    return "\n".join([*lines, "", note]) + "\n"


def _words(times: object) -> str:
    """Median and 90th percentile."""
    if not isinstance(times, dict):
        return f"{'-':>11}"
    return f"{times['median']:.1f} ({times['p90']:.1f}) s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.look_ahead", description="What the future is worth.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="a feature archive; may be repeated")
    parser.add_argument("--run", type=Path, required=True, help="folder of apexspot evaluate over the same archives")
    parser.add_argument("--out", type=Path, help="folder for look_ahead.txt and .json [that of the run]")
    parser.add_argument("--seed", type=int, default=0, help="which of the run's seeds")
    parser.add_argument("--step-frames", type=int, default=STEP_FRAMES, help="grid frames between two steps")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        judged = reopen(options.data, options.run)
        if not 0 <= options.seed < len(judged.seeds):
            parser.error(f"the run has {len(judged.seeds)} whole seeds")
        print(
            measure(judged, options.data, options.out or options.run, options.seed, options.jobs, options.step_frames)
        )
    except ApexspotError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


def measure(judged: Judged, data: Sequence[Path], out: Path, seed: int, jobs: int, step_frames: int) -> str:
    """Play everything; write ``look_ahead.txt`` (returned) and ``look_ahead.json``.

    Raises:
        OutputError: the folder cannot be written.
    """
    played = play_all(judged, seed, jobs, step_frames)
    f1, flags = f1_table(judged, played), flag_table(judged, played)
    last = judged.last(seed)
    difference = max(float(np.abs(p.curves[np.inf] - last[name]).max()) for name, p in played.items())
    note = (
        f"{judged.folds.count} folds, seed {seed}, a step every {step_frames} frames. Times: median (90th percentile). "
        f"Final scores differ from those of evaluate by at most {difference:.0e}."
    )
    table = text(f1, flags, note)
    document = {
        "look_ahead": f1,
        "flags": flags,
        "difference": difference,
        "seed": seed,
        "step_frames": step_frames,
        "configuration": configuration(judged.study),
        **provenance(data, len(judged.seeds)),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / "look_ahead.txt", table)
        write_whole(out / "look_ahead.json", json.dumps(document, indent=1) + "\n")
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}).") from error
    return table


if __name__ == "__main__":
    raise SystemExit(main())
