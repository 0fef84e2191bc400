"""Accuracy on recorded data, subjects held out: ``apexspot evaluate --data DIR [--data DIR ...] --out DIR``.

All data sets are trained together; a fold holds out its part of the subjects of each. Nothing of a held-out subject, no
interval and no point, is seen by the network that scores it. ``training.protocols`` says what "honest" and "published"
mean. Beside either stand two baselines: a window of fixed length at each predicted apex, and a peak picker without
training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path

from models.decode import DecodeSettings
from models.errors import OutputError
from models.types import ExpressionType, FloatArray
from training import protocols
from training.datasets import Recording
from training.detectors import Detections, Detector, by_length, decoded, fixed, pick, trusted
from training.held_out import Done, Judged, Spread, Study, configuration, judge, key
from training.listing import some_and_count
from training.matching import SpottingResult
from training.protocols import ThresholdRule
from training.provenance import write_whole
from training.report import Row, write_tables
from training.report_html import page
from training.report_videos import Viewed
from training.trainer import EPOCHS

HONEST = "honest"
APPLICATION = "honest, as the application decides"
PUBLISHED = "published protocol (best epoch per tested subject)"
FIXED = "baseline: fixed window at each apex"
PICKER = "baseline: peak picker, no training"


class Protocol(StrEnum):
    """Which rows the table has; the baselines are in every table."""

    HONEST = "honest"
    PUBLISHED = "published"
    BOTH = "both"


def evaluate(
    data: Sequence[Path],
    out: Path,
    study: Study,
    folds: int,
    seeds: int,
    spread: Spread,
    protocol: Protocol = Protocol.BOTH,
    report_done: Done | None = None,
    device: str = "auto",
) -> str:
    """Judge a study; write ``evaluation.txt`` (returned), ``.md``, ``.csv``, ``.json`` and ``report.html``.

    folds: groups of subjects; 0, or more than there are subjects, leaves one subject out at a time. spread: who trains
    them (``training.held_out.in_processes``). report_done: called with folds done and all folds. device: "cpu", "cuda"
    or "auto" (CUDA where there is one).

    Raises:
        LabelError: an archive cannot be used, or a data set has one subject or no intervals. UsageError: the folder
        holds folds of something else, or lies in an archive. DataError: a training went wrong. OutputError: the folder
        cannot be written.
    """
    judged = judge(data, out, study, folds, seeds, spread, report_done, device)
    rows = table(judged, protocol)
    made_from = {
        "configuration": configuration(study),
        **judging(),
        "protocol": protocol.value,
        "folds": judged.folds.count,
    }
    words = note(judged, folds)
    text = write_tables(out, "evaluation", rows, words, made_from, data, seeds)
    try:
        write_whole(out / "report.html", page(rows, viewed(judged), words, made_from, data, seeds))
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}).") from error
    return text


def judging() -> dict[str, object]:
    """How scores become counts, for the result files."""
    return {
        "decoding": asdict(DecodeSettings()),
        "detections_per_point": {kind.value: rate for kind, rate in protocols.RATE.items()},
    }


def note(judged: Judged, folds: int) -> str:
    """Sentences on folds, seeds and what cannot be found, to stand under a table. folds: how many were asked for."""
    seeds = len(judged.seeds)
    alone = judged.folds.count == max(
        len({r.subject for r in judged.recordings if r.data_set == name}) for name in _sets(judged)
    )
    words = "One subject of each data set held out at a time" if alone else "Subjects held out in groups"
    spread = f"; mean of {seeds} seeds, +- is their standard deviation, counts are means" if seeds > 1 else "; one seed"
    fewer = f" (not {folds}, for want of subjects)" if folds > judged.folds.count else ""
    rule = "A hit has an IoU of at least 0.5 (MEGC rule)."
    return " ".join([f"{words}, {judged.folds.count} folds{fewer}{spread}. {rule}", *_without_threshold(judged)])


def _without_threshold(judged: Judged) -> Iterator[str]:
    """A sentence for each data set and type in which somebody is judged without a threshold, so that nothing counts."""
    for data_set in _sets(judged):
        mine = [r for r in judged.recordings if r.data_set == data_set]
        for kind in ExpressionType:
            having = {judged.folds.fold(r) for r in mine if any(p.type is kind for p in r.points)}
            bare = sorted({r.subject for r in mine if not having - {judged.folds.fold(r)}})
            if bare:
                yield (
                    f"No {kind.value} of {data_set} can be found in {some_and_count(bare)}: nobody held out at another "
                    f"time has a {kind.value} point, by which its threshold is chosen."
                )


def table(judged: Judged, protocol: Protocol = Protocol.BOTH) -> list[Row]:
    """All rows, data set by data set."""
    ways: list[tuple[str, str, Callable[[int, str], SpottingResult]]] = []
    picker = {key(r): pick(r) for r in judged.recordings}
    scores = [judged.scores(seed) for seed in range(len(judged.seeds))]
    detector = detector_of(judged.study)

    def mine(data_set: str) -> list[Recording]:
        return [r for r in judged.recordings if r.data_set == data_set]

    def with_(method: Detector) -> Callable[[int, str], SpottingResult]:
        def result(seed: int, data_set: str) -> SpottingResult:
            found = detections(scores[seed][EPOCHS], mine(data_set), method)
            return protocols.honest(found, mine(data_set), judged.folds)

        return result

    def application(seed: int, data_set: str) -> SpottingResult:
        found = detections(scores[seed][EPOCHS], mine(data_set), detector)
        kept = {r.name: trusted(found[r.name], r) for r in mine(data_set)}
        return protocols.honest(kept, mine(data_set), judged.folds, single=True)

    def published(seed: int, data_set: str) -> SpottingResult:
        every = [detections(scores[seed][epoch], mine(data_set), detector) for epoch in sorted(scores[seed])]
        return protocols.published(every, mine(data_set), judged.folds)

    def picked(seed: int, data_set: str) -> SpottingResult:
        found = {r.name: picker[key(r)] for r in mine(data_set)}
        return protocols.honest(found, mine(data_set), judged.folds)

    if protocol is not Protocol.PUBLISHED:
        ways += [(HONEST, "honest", with_(detector)), (APPLICATION, "honest", application)]
    if protocol is not Protocol.HONEST:
        ways += [(PUBLISHED, "published", published)]
    ways += [(FIXED, "honest", with_(fixed)), (PICKER, "honest", picked)]
    return [
        Row(method, kind, data_set, tuple(result(seed, data_set) for seed in range(len(scores))))
        for data_set in _sets(judged)
        for method, kind, result in ways
    ]


def honest(judged: Judged, rule: ThresholdRule = ThresholdRule.RATE) -> dict[str, tuple[SpottingResult, ...]]:
    """Honest results by data set, one a seed."""
    results: dict[str, list[SpottingResult]] = {}
    for seed in range(len(judged.seeds)):
        last = judged.last(seed)
        for data_set in _sets(judged):
            mine = [r for r in judged.recordings if r.data_set == data_set]
            found = detections(last, mine, detector_of(judged.study))
            results.setdefault(data_set, []).append(protocols.honest(found, mine, judged.folds, rule))
    return {data_set: tuple(found) for data_set, found in results.items()}


def viewed(judged: Judged) -> list[Viewed]:
    """Every recording with its truth and its honest detections, of the first seed."""
    last = judged.last(0)
    videos = []
    for data_set in _sets(judged):
        mine = [r for r in judged.recordings if r.data_set == data_set]
        found = detections(last, mine, detector_of(judged.study))
        thresholds = protocols.fold_thresholds(found, mine, judged.folds)
        for r in mine:
            limits = thresholds[judged.folds.fold(r)]
            predicted, true = protocols.spans(found[r.name], r, limits)
            videos.append(Viewed.of(r, last[key(r)], predicted, true, limits))
    return videos


def detector_of(study: Study) -> Detector:
    return decoded if study.apex_branch else by_length


def detections(scores: dict[str, FloatArray], recordings: Sequence[Recording], detector: Detector) -> Detections:
    """scores: see ``Judged.last``."""
    return {r.name: detector(scores[key(r)][:, 0], scores[key(r)][:, 1:]) for r in recordings}


def _sets(judged: Judged) -> list[str]:
    return sorted({r.data_set for r in judged.recordings})
