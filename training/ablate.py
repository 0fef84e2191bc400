"""The ablation table: what each part of the method is worth, by the honest protocol (``apexspot ablate``).

One row a configuration and data set. Every row differs from "full" in the one thing that it names. The folds of each
are kept, so that an interrupted table goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from models.errors import UsageError
from models.network import NetworkSettings
from models.types import ExpressionType
from training.evaluate import honest
from training.held_out import Study, judge
from training.matching import SpottingResult
from training.provenance import write_result
from training.readers import PointDraw

Done = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Variant:
    """A row of the table. key: names its folder and stands for it on the command line."""

    key: str
    words: str
    study: Study


def variants(full: Study) -> list[Variant]:
    """Every row, the whole method first."""
    settings = full.settings

    def with_(**changes: object) -> Study:
        return replace(full, settings=replace(settings, **changes))  # type: ignore[arg-type]

    no_apex = replace(with_(loss=replace(settings.loss, apex=0.0)), apex_branch=False)
    rows = [
        Variant("full", "full GIM", full),
        Variant("hard", "hard labels only", with_(gaussian_from=2.0, adaptive_at=())),
        Variant("point", "Gaussian at the point only", with_(adaptive_at=())),
        Variant("no-contrastive", "without contrastive loss", with_(loss=replace(settings.loss, contrastive=0.0))),
        Variant("no-apex", "without apex branch", no_apex),
        Variant("no-relabel", "without point relabelling", with_(move_points=False)),
        *(Variant(f"points-{d.value}", f"points drawn: {d.value}", replace(full, draw=d)) for d in PointDraw),
    ]
    if isinstance(settings.network, NetworkSettings):
        shape = replace(settings.network, relative=False)
        rows.insert(5, Variant("no-relative", "without relative motion", with_(network=shape)))
    return rows


def ablate(
    data: Sequence[Path],
    out: Path,
    full: Study,
    folds: int,
    seeds: int,
    jobs: int,
    only: Sequence[str] = (),
    report_done: Done | None = None,
) -> str:
    """Judge each variant and write ``ablation.txt`` (returned) and ``ablation.json``.

    only: keys of the variants wanted; none means all. report_done: called with a variant's words, its folds done, and
    all its folds.

    Raises:
        LabelError: an archive cannot be used. UsageError: there is no such variant, or the folder holds folds of other
        data. OutputError: the folder cannot be written.
    """
    every = variants(full)
    unknown = [key for key in only if key not in {v.key for v in every}]
    if unknown:
        raise UsageError(f"There is no variant {unknown[0]}; there are {', '.join(v.key for v in every)}.")
    results: dict[str, dict[str, list[SpottingResult]]] = {}
    chosen = [v for v in every if not only or v.key in only]
    for variant in chosen:

        def done(finished: int, total: int, words: str = variant.words) -> None:
            if report_done is not None:
                report_done(words, finished, total)

        judged = judge(data, out / variant.key, variant.study, folds, seeds, jobs, done)
        results[variant.key] = honest(judged)
    text = _table(chosen, results, judged.folds.count, seeds)
    made_from = {
        "variants": {v.key: asdict(v.study) for v in chosen},
        "results": {key: {d: [_figures(r) for r in rs] for d, rs in sets.items()} for key, sets in results.items()},
        "folds": judged.folds.count,
    }
    write_result(out / "ablation.txt", text, out / "ablation.json", made_from, data, seeds)
    return text


def _table(rows: Sequence[Variant], results: dict[str, dict[str, list[SpottingResult]]], folds: int, seeds: int) -> str:
    lines = [f"{'honest F1':30}{'data set':12}{'macro':>7}{'micro':>7}{'overall':>8}{'+-':>7}   TP/FP/FN macro, micro"]
    for variant in rows:
        for data_set, found in results[variant.key].items():
            figures = [_figures(r) for r in found]
            mean = [float(np.mean([f[name] for f in figures])) for name in ("macro", "micro", "overall")]
            spread = float(np.std([f["overall"] for f in figures]))
            counts = ", ".join(
                f"{c.true_positives}/{c.false_positives}/{c.false_negatives}" for c in found[0].by_type.values()
            )
            lines.append(
                f"{variant.words:30}{data_set:12}{mean[0]:7.3f}{mean[1]:7.3f}{mean[2]:8.3f}{spread:7.3f}   {counts}"
            )
    lines.append(f"{folds} folds of subjects, mean and deviation of {seeds} seed(s); counts of the first seed")
    return "\n".join(lines) + "\n"


def _figures(result: SpottingResult) -> dict[str, float]:
    by = result.by_type
    return {
        "macro": by[ExpressionType.MACRO].f1,
        "micro": by[ExpressionType.MICRO].f1,
        "overall": result.overall.f1,
    }
