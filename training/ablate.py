"""The ablation table: what each part of the method is worth, by the honest protocol (``apexspot ablate``).

Every row differs from "full" in the one thing that it names. The folds of each are kept, so that an interrupted table
goes on where it stopped; rows that differ only in how thresholds are chosen judge the folds of "full" again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.errors import UsageError
from models.network import NetworkSettings
from training.archive import load_data
from training.evaluate import honest, judging, note
from training.held_out import Judged, Spread, Study, configuration, judge
from training.matching import SpottingResult
from training.protocols import ThresholdRule
from training.readers import PointDraw
from training.report import Row, data_sets, write_tables

Done = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Variant:
    """A row of the table. key: stands for it on the command line, and names its folder.

    rule: how thresholds are chosen. alone: each data set is trained on by itself. folder: whose folds are judged,
    where it is another row's.
    """

    key: str
    words: str
    study: Study
    rule: ThresholdRule = ThresholdRule.RATE
    alone: bool = False
    folder: str = ""


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
    ]
    if isinstance(settings.network, NetworkSettings):
        flow = replace(settings.network, scales=(1,))
        plain = replace(settings.network, relative=False)
        rows += [
            Variant("no-displacement", "without displacement over time scales", with_(network=flow)),
            Variant("no-relative", "without relative motion", with_(network=plain)),
        ]
        if settings.network.members > 1:
            one = replace(settings.network, members=1)
            rows.append(Variant("one-member", "one member, from all material", with_(network=one, lab_members=0)))
            rows.append(Variant("no-lab", "no member from recordings alone", with_(lab_members=0)))
    return [
        *rows,
        Variant("no-relabel", "without point relabelling", with_(move_points=False)),
        Variant("no-synthetic", "without synthetic tracks", replace(with_(synthetic_crops=0), drawn=0)),
        Variant("thresholds-count", "thresholds: as many as points", full, ThresholdRule.COUNT, folder="full"),
        Variant("thresholds-points", "thresholds: best F1 on points", full, ThresholdRule.POINTS, folder="full"),
        Variant(
            "thresholds-intervals", "thresholds: best F1 on intervals", full, ThresholdRule.INTERVALS, folder="full"
        ),
        *(Variant(f"points-{d.value}", f"points drawn: {d.value}", replace(full, draw=d)) for d in PointDraw),
        Variant("alone", "each data set trained alone", full, alone=True),
    ]


def ablate(
    data: Sequence[Path],
    out: Path,
    full: Study,
    folds: int,
    seeds: int,
    spread: Spread,
    only: Sequence[str] = (),
    report_done: Done | None = None,
    device: str = "auto",
) -> str:
    """Judge each variant; write ``ablation.txt`` (returned), ``.md``, ``.csv`` and ``.json``.

    spread: who trains (``training.held_out.in_processes``). only: keys of the variants wanted; none means all.
    report_done: called with a variant's words, its folds done, and all its folds.

    Raises:
        LabelError: an archive cannot be used. UsageError: there is no such variant, or the folder holds folds of
        something else. OutputError: the folder cannot be written.
    """
    every = variants(full)
    unknown = [key for key in only if key not in {v.key for v in every}]
    if unknown:
        raise UsageError(f"There is no variant {unknown[0]}; there are {', '.join(v.key for v in every)}.")
    sets = by_set(data)
    # one set by itself is what "full" is already
    chosen = [v for v in every if (v.key in only if only else not v.alone or len(sets) > 1)]
    rows: list[Row] = []
    words = ""
    for variant in chosen:

        def done(finished: int, total: int, name: str = variant.words) -> None:
            if report_done is not None:
                report_done(name, finished, total)

        groups = sets if variant.alone else [list(data)]
        for number, group in enumerate(groups):
            place = out / (variant.folder or variant.key)
            place = place / str(number) if variant.alone else place
            judged = judge(group, place, variant.study, folds, seeds, spread, done, device)
            words = words or note(judged, folds)
            rows += _rows(variant, judged)
    order = sorted(data_sets(rows))
    rows = [row for data_set in order for row in rows if row.data_set == data_set]
    made_from = {
        "variants": {v.key: {"words": v.words, "thresholds": v.rule.value, **configuration(v.study)} for v in chosen},
        **judging(),
        "protocol": "honest",
        "folds": folds or "loso",
    }
    return write_tables(out, "ablation", rows, words, made_from, data, seeds)


def by_set(data: Sequence[Path]) -> list[list[Path]]:
    """The archives of each data set, which may be in several.

    Raises:
        LabelError: an archive cannot be used.
    """
    sets: dict[str, list[Path]] = {}
    for folder in data:
        sets.setdefault(next((r.data_set for r in load_data(folder)), folder.name), []).append(folder)
    return list(sets.values())


def _rows(variant: Variant, judged: Judged) -> list[Row]:
    found: dict[str, tuple[SpottingResult, ...]] = honest(judged, variant.rule)
    return [Row(variant.words, "honest", data_set, results) for data_set, results in found.items()]
