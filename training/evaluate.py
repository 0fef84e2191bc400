"""Accuracy on recorded data, subjects held out: ``apexspot evaluate --data DIR [--data DIR ...] --out DIR``.

Both data sets are trained together; fold f holds out part f of the subjects of each. Nothing of a held-out subject, no
interval and no point, is seen by the network that scores it. Two protocols, always both:

* honest: the last step of training; one threshold a class and data set, at which the other subjects' held-out
  detections number ``RATE`` times their points. No interval of anybody is used.
* published: as the published tables do, the epoch that is best ON each held-out subject. It leaks, and stands here
  only beside published numbers.

Baselines beside it: a window of fixed length at each predicted apex, and a peak picker without training.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from models.decode import (
    CLASSES,
    DecodeSettings,
    Found,
    class_scores,
    decode,
    decode_island,
    islands,
    one_type,
    suppress,
)
from models.errors import ApexspotError
from models.types import GRID_HZ, ExpressionType, FloatArray
from training.datasets import Recording
from training.held_out import Done, Folds, Judged, Study, judge
from training.matching import SpottedSpan, SpottingResult, evaluate_videos
from training.provenance import write_result
from training.relabel import turning_strength
from training.ship import DRAWN_TRACKS, SETTINGS
from training.trainer import EPOCHS

log = logging.getLogger(__name__)

RATE = {ExpressionType.MACRO: 1.1, ExpressionType.MICRO: 1.2}
FIXED = {ExpressionType.MACRO: (15, 21), ExpressionType.MICRO: (5, 7)}
"""Frames before and after the apex of the fixed windows."""
LEAST = 0.02
MICRO_LONGEST = 15
"""Frames (half a second): longer is a macro-expression."""

Detections = dict[str, list[Found]]
Detector = Callable[[FloatArray, FloatArray], list[Found]]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        study = Study(replace(SETTINGS, steps=options.steps), options.tracks)
        log.info("\n%s", evaluate(options.data, options.out, study, options.folds, options.seeds, options.jobs))
    except ApexspotError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


def evaluate(
    data: Sequence[Path], out: Path, study: Study, folds: int, seeds: int, jobs: int, report_done: Done | None = None
) -> str:
    """Judge a study and write ``table.txt`` (returned) and ``evaluation.json`` (what it was made from).

    folds: groups of subjects; 0 leaves one subject out at a time. report_done: called with folds done and all folds.

    Raises:
        LabelError: an archive cannot be used. UsageError: the folder holds folds of other data.
        OutputError: the folder cannot be written.
    """
    judged = judge(data, out, study, folds, seeds, jobs, report_done)
    text = report(judged.recordings, judged.folds, judged.seeds, _detector(study))
    made_from = {
        "settings": asdict(study.settings),
        "drawn_tracks": study.drawn,
        "folds": judged.folds.count,
    }
    write_result(out / "table.txt", text, out / "evaluation.json", made_from, data, seeds)
    return text


def honest(judged: Judged) -> dict[str, list[SpottingResult]]:
    """Honest results by data set, one a seed."""
    results: dict[str, list[SpottingResult]] = {}
    for files in judged.seeds:
        scores = _read(files)[EPOCHS]
        for data_set in sorted({r.data_set for r in judged.recordings}):
            mine = [r for r in judged.recordings if r.data_set == data_set]
            found = _detections(scores, mine, _detector(judged.study))
            results.setdefault(data_set, []).append(_honest(found, mine, judged.folds))
    return results


def _detector(study: Study) -> Detector:
    return _decoded if study.apex_branch else _by_length


def report(
    recordings: Sequence[Recording], folds: Folds, seeds: Sequence[Sequence[Path]], detector: Detector | None = None
) -> str:
    """The table, one row a method and data set: F1 of macro, micro, overall, then counts; the mean over seeds last."""
    lines = [f"{'':34}{'data set':10}{'macro':>7}{'micro':>7}{'overall':>8}   TP/FP/FN macro, micro"]
    detector = detector or _decoded
    gathered: dict[tuple[str, str], list[SpottingResult]] = {}
    picker = {r.name: _pick(r) for r in recordings}
    for files in seeds:
        epochs = _read(files)
        methods: dict[str, Detector] = {"honest": detector, "honest, fixed windows": _fixed}
        for data_set in sorted({r.data_set for r in recordings}):
            mine = [r for r in recordings if r.data_set == data_set]
            for label, method in methods.items():
                found = _detections(epochs[EPOCHS], mine, method)
                gathered.setdefault((label, data_set), []).append(_honest(found, mine, folds))
            found = _detections(epochs[EPOCHS], mine, detector)
            single = _honest(found, mine, folds, single=True)
            gathered.setdefault(("honest, one type a movement", data_set), []).append(single)
            every = [_detections(epochs[e], mine, detector) for e in sorted(epochs)]
            gathered.setdefault(("published (best epoch on test)", data_set), []).append(_published(every, mine, folds))
            gathered.setdefault(("peak picker, no training", data_set), []).append(_honest(picker, mine, folds))
    for (label, data_set), results in sorted(gathered.items()):
        figures = [np.mean([_f1s(r)[i] for r in results]) for i in range(3)]
        counts = ", ".join(
            f"{c.true_positives}/{c.false_positives}/{c.false_negatives}" for c in results[0].by_type.values()
        )
        lines.append(f"{label:34}{data_set:10}{figures[0]:7.3f}{figures[1]:7.3f}{figures[2]:8.3f}   {counts}")
    lines.append(f"{folds.count} folds of subjects, {len(seeds)} seed(s); counts are those of the first seed")
    return "\n".join(lines) + "\n"


def _f1s(result: SpottingResult) -> tuple[float, float, float]:
    by = result.by_type
    return by[ExpressionType.MACRO].f1, by[ExpressionType.MICRO].f1, result.overall.f1


def _read(files: Sequence[Path]) -> dict[int, dict[str, FloatArray]]:
    """epoch -> video -> (T, 3) scores."""
    epochs: dict[int, dict[str, FloatArray]] = {}
    for file in files:
        with np.load(file, allow_pickle=False) as archive:
            for key in archive.files:
                epoch, name = key.split("|", 1)
                epochs.setdefault(int(epoch), {})[name] = archive[key]
    return epochs


def _detections(scores: dict[str, FloatArray], recordings: Sequence[Recording], detector: Detector) -> Detections:
    return {r.name: detector(scores[r.name][:, 0], scores[r.name][:, 1:]) for r in recordings}


def _permissive() -> DecodeSettings:
    settings = DecodeSettings()
    # which type a movement has is for those to settle that reach their thresholds
    return replace(
        settings,
        macro=replace(settings.macro, threshold=LEAST),
        micro=replace(settings.micro, threshold=LEAST),
        one_type=False,
    )


def _decoded(intensity: FloatArray, apex: FloatArray) -> list[Found]:
    return decode(intensity, apex, _permissive())


def _by_length(intensity: FloatArray, apex: FloatArray) -> list[Found]:
    """Intensity alone scores; its run above half its height tells a micro-expression by its length."""
    settings = _permissive()
    scores = class_scores(intensity, np.stack([intensity, intensity], axis=1), settings)
    pieces = islands(intensity, settings.island)
    found = [f for island in pieces for f in decode_island(intensity, scores, island, settings)]
    micro = CLASSES.index("micro")
    return [f for f in found if (_run_frames(intensity, f.apex) <= MICRO_LONGEST) == (f.class_index == micro)]


def _run_frames(intensity: FloatArray, apex: int) -> int:
    """Frames round the apex whose intensity stays above half of the apex's."""
    low = np.flatnonzero(intensity <= 0.5 * intensity[apex])
    at = int(np.searchsorted(low, apex))
    first = int(low[at - 1]) + 1 if at > 0 else 0
    last = int(low[at]) - 1 if at < len(low) else len(intensity) - 1
    return last - first + 1


def _fixed(intensity: FloatArray, apex: FloatArray) -> list[Found]:
    return _windows(class_scores(intensity, apex, DecodeSettings()))


def _pick(recording: Recording) -> list[Found]:
    """Windows at the strongest turning points of the displacement; no network."""
    macro = np.sum([turning_strength(recording.position_iod, k) for k in (8, 12, 18)], axis=0)
    micro = np.sum([turning_strength(recording.position_iod, k) for k in (5, 8)], axis=0)
    return _windows([macro.astype(np.float32), micro.astype(np.float32)])


def _windows(scores: Sequence[FloatArray]) -> list[Found]:
    """A window of fixed length at every local maximum, overlaps suppressed."""
    found: list[Found] = []
    for c, score in enumerate(scores):
        before, after = FIXED[ExpressionType(CLASSES[c])]
        rising = np.concatenate([[True], score[1:] > score[:-1]])
        falling = np.concatenate([score[:-1] >= score[1:], [True]])
        peaks = np.flatnonzero(rising & falling & (score > LEAST))
        last = len(score) - 1
        windows = [Found(c, max(t - before, 0), t, min(t + after, last), float(score[t])) for t in peaks.tolist()]
        found += suppress(windows, DecodeSettings().nms_iou)
    return found


def _honest(found: Detections, recordings: Sequence[Recording], folds: Folds, single: bool = False) -> SpottingResult:
    """Thresholds of each fold from the detections and the points of the other folds' subjects.

    single: give a movement one type, as the application does. Coders of these sets mark micros inside macros.
    """
    thresholds = [_thresholds(found, [r for r in recordings if folds.fold(r) != f]) for f in range(folds.count)]
    return evaluate_videos(_video(found[r.name], r, thresholds[folds.fold(r)], single) for r in recordings)


def _published(every: Sequence[Detections], recordings: Sequence[Recording], folds: Folds) -> SpottingResult:
    """For each held-out subject the epoch with its best overall F1; thresholds as in the honest protocol."""
    total = evaluate_videos([])
    by_epoch = [
        [_thresholds(found, [r for r in recordings if folds.fold(r) != f]) for f in range(folds.count)]
        for found in every
    ]
    for subject in sorted({r.subject for r in recordings}):
        mine = [r for r in recordings if r.subject == subject]
        results = [
            evaluate_videos(_video(found[r.name], r, thresholds[folds.fold(r)]) for r in mine)
            for found, thresholds in zip(every, by_epoch, strict=True)
        ]
        total += max(results, key=lambda result: result.overall.f1)
    return total


def _thresholds(found: Detections, recordings: Sequence[Recording]) -> dict[ExpressionType, float]:
    """Scores at which detections number ``RATE`` times the points."""
    thresholds = {}
    for c, kind in enumerate(ExpressionType):
        scores = sorted((f.score for r in recordings for f in found[r.name] if f.class_index == c), reverse=True)
        wanted = int(RATE[kind] * sum(p.type is kind for r in recordings for p in r.points))
        thresholds[kind] = scores[min(wanted, len(scores) - 1)] if scores else float("inf")
    return thresholds


def _video(
    found: Sequence[Found],
    recording: Recording,
    thresholds: dict[ExpressionType, float],
    single: bool = False,
) -> tuple[list[SpottedSpan], list[SpottedSpan]]:
    """Predicted and true spans in the recording's own frames."""
    scale = recording.fps / GRID_HZ
    kept = [f for f in found if f.score >= thresholds[ExpressionType(CLASSES[f.class_index])]]
    predicted = [
        SpottedSpan(ExpressionType(CLASSES[f.class_index]), round(f.onset * scale), round(f.offset * scale), f.score)
        for f in (one_type(kept) if single else kept)
    ]
    true = [SpottedSpan(i.type, round(i.onset * scale), round(i.offset * scale)) for i in recording.intervals]
    return predicted, true


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="training.evaluate", description="Accuracy with subjects held out.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="a feature archive; may be repeated")
    parser.add_argument("--out", type=Path, required=True, help="folder for the folds' scores and the table")
    parser.add_argument("--folds", type=int, default=0, help="groups of subjects; 0: leave one subject out")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=SETTINGS.steps)
    parser.add_argument("--tracks", type=int, default=DRAWN_TRACKS, help="drawn tracks in the training material")
    parser.add_argument("--jobs", type=int, default=2)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
