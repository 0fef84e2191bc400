"""Networks that score people whom they have not seen: every fold of subjects trained without it, in parallel.

What a fold gave is kept in a file, so that an interrupted evaluation goes on with the folds that are missing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.baseline import displacement
from models.errors import OutputError, UsageError
from models.types import GRID_HZ
from training.archive import check_classes, data_digest, load_data
from training.backbones import Network
from training.datasets import Point, Recording
from training.provenance import code_digest
from training.readers import CodedInterval, PointDraw, RecordingLabels, draw_points
from training.ship import DRAWN_TRACKS, SETTINGS, calm_stretches
from training.tracks import make_tracks
from training.trainer import TrainSettings, infer, train

log = logging.getLogger(__name__)

Done = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Which fold holds out which subject, by data set and subject."""

    count: int
    of: dict[tuple[str, str], int]

    @staticmethod
    def make(recordings: Sequence[Recording], count: int) -> Folds:
        """Every ``count``-th subject of each data set, in order of name; 0 means one subject a fold."""
        names: dict[str, list[str]] = {}
        for r in recordings:
            names.setdefault(r.data_set, [])
            if r.subject not in names[r.data_set]:
                names[r.data_set].append(r.subject)
        count = count or max(len(subjects) for subjects in names.values())
        of = {(d, s): i % count for d, subjects in names.items() for i, s in enumerate(sorted(subjects))}
        return Folds(count, of)

    def fold(self, recording: Recording) -> int:
        return self.of[recording.data_set, recording.subject]


@dataclass(frozen=True, slots=True)
class Study:
    """What is judged: a way to train and to decode.

    drawn: drawn tracks in the training material. draw: points drawn from the intervals instead of the archive's own,
    to see what their place in the expression does. apex_branch: False lets intensity alone score, and the length of
    its run tell the classes apart.
    """

    settings: TrainSettings = SETTINGS
    drawn: int = DRAWN_TRACKS
    draw: PointDraw | None = None
    apex_branch: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Held-out scores of a study: the recordings, who held out whom, and each seed's files, one a fold."""

    study: Study
    recordings: list[Recording]
    folds: Folds
    seeds: list[list[Path]]


def judge(
    data: Sequence[Path], out: Path, study: Study, folds: int, seeds: int, jobs: int, report_done: Done | None = None
) -> Judged:
    """Train every fold that is not there yet, in parallel; see :func:`evaluate`."""
    recordings = _load(data, study, 0)
    check_classes(recordings, " and ".join(str(folder) for folder in data))
    parts = Folds.make(recordings, folds)
    try:
        out.mkdir(parents=True, exist_ok=True)
        _claim(out, data)
        orders = [
            (data, parts, fold, replace(study, settings=replace(study.settings, seed=seed * 1000 + fold)), out)
            for seed in range(seeds)
            for fold in range(parts.count)
        ]
        files = []
        with _workers(jobs) as each:
            for file in each(_fold, *zip(*orders, strict=True)):
                files.append(file)
                if report_done is not None:
                    report_done(len(files), len(orders))
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}).") from error
    return Judged(study, recordings, parts, [files[i : i + parts.count] for i in range(0, len(files), parts.count)])


@contextmanager
def _workers(jobs: int) -> Iterator[Callable[..., Iterator[Path]]]:
    """``map`` over so many processes, or in this one; each works in one thread, so that the numbers are the same."""
    if jobs > 1:
        # forking a process whose libraries run threads may hang
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, spawn, torch.set_num_threads, (1,)) as pool:
            yield pool.map
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield map
    finally:
        torch.set_num_threads(threads)


def _claim(out: Path, data: Sequence[Path]) -> None:
    """Folds are kept, so a folder belongs to its data and to the code that trained on it.

    Raises:
        UsageError: it was begun with others.
    """
    mine = json.dumps({"data": [data_digest(folder) for folder in data], "code": code_digest()})
    file = out / "begun.json"
    if file.exists() and file.read_text("utf-8") != mine:
        raise UsageError(f"{out} was begun with other data or by another version; choose another --out.")
    file.write_text(mine, "utf-8")


def _load(data: Sequence[Path], study: Study, seed: int) -> list[Recording]:
    recordings = [r for folder in data for r in load_data(folder)]
    if study.draw is None:
        return recordings
    return [replace(r, points=_drawn(r, study.draw, seed)) for r in recordings]


def _drawn(recording: Recording, draw: PointDraw, seed: int) -> tuple[Point, ...]:
    """One point for each interval, on the grid."""
    coded = tuple(CodedInterval(i.onset, i.apex, i.offset, i.type) for i in recording.intervals)
    labels = RecordingLabels(recording.name, recording.subject, recording.data_set, Path(), GRID_HZ, coded)
    last = len(recording.position_iod) - 1
    return tuple(Point(min(round(p.time_s * GRID_HZ), last), p.type) for p in draw_points(labels, draw, seed))


def _fold(data: Sequence[Path], folds: Folds, fold: int, study: Study, out: Path) -> Path:
    """Train on the other folds, score this one at every epoch; the file is kept, so that a run can be resumed."""
    settings = study.settings
    recordings = _load(data, study, settings.seed // 1000)
    names = sorted(r.name for r in recordings)
    drawn_points = [] if study.draw is None else [study.draw.value]
    what = json.dumps([asdict(settings), folds.count, fold, study.drawn, names, *drawn_points], sort_keys=True)
    file = out / f"fold-{fold}-{settings.seed}-{hashlib.sha256(what.encode()).hexdigest()[:10]}.npz"
    if file.exists():
        return file
    learned = [r for r in recordings if folds.fold(r) != fold]
    held_out = [(r.name, displacement(r.position_iod)) for r in recordings if folds.fold(r) == fold]
    tracks = make_tracks(study.drawn, settings.seed, calm_stretches(learned))
    scores: dict[str, NDArray[np.float32]] = {}

    def look(epoch: int, network: Network) -> None:
        for name, features in held_out:
            intensity, apex, _ = infer(network, features)
            scores[f"{epoch}|{name}"] = np.concatenate([intensity[:, None], apex], axis=1)

    train(learned, tracks, settings, epoch=look)
    partial = file.with_suffix(".writing.npz")
    np.savez(partial, **scores)  # type: ignore[arg-type]
    partial.replace(file)
    log.info("fold %d, seed %d done", fold, settings.seed)
    return file
