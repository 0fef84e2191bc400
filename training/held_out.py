"""Networks that score people whom they have not seen: every fold of subjects trained without it, in parallel.

What a fold gave is kept, so that an interrupted evaluation goes on with the folds that are missing:

    OUT/
      begun.json                     data, code and configuration that the folder belongs to
      seed-S-fold-FF.npz             held-out scores (T, 3) of every recording at every epoch, as "EPOCH|SET/NAME"
      seed-S-fold-FF.safetensors     the fold's network after its last step
"""

from __future__ import annotations

import json
import logging
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from models.errors import LabelError, OutputError, UsageError
from models.types import GRID_HZ, FloatArray
from training import checkpoint
from training.archive import check_apart, check_classes, check_names, data_digest, load_data
from training.backbones import Network
from training.datasets import Point, Recording
from training.material import displacements
from training.provenance import code_digest, write_whole
from training.readers import CodedInterval, PointDraw, RecordingLabels, draw_points
from training.ship import DRAWN_TRACKS, SETTINGS, calm_stretches
from training.tracks import People, make_tracks
from training.trainer import EPOCHS, TrainSettings, choose_device, infer, train
from training.workers import one_thread, workers

log = logging.getLogger(__name__)

Done = Callable[[int, int], None]
Tell = Callable[[float], None]
"""Told often how much of a fold is done, 0 to 1; what it raises ends the fold."""


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Which fold holds out which subject, by data set and subject."""

    count: int
    of: dict[tuple[str, str], int]

    @staticmethod
    def make(recordings: Sequence[Recording], count: int) -> Folds:
        """Every ``count``-th subject of each data set, in order of name.

        count: 0, or more than the largest data set has subjects, means one subject of each a fold.

        Raises:
            LabelError: a data set has but one subject.
        """
        names: dict[str, list[str]] = {}
        for r in recordings:
            names.setdefault(r.data_set, [])
            if r.subject not in names[r.data_set]:
                names[r.data_set].append(r.subject)
        for data_set, subjects in names.items():
            if len(subjects) < 2:
                raise LabelError(
                    f"All recordings of the data set {data_set} are of one subject ({subjects[0]}), so nobody is left "
                    "to choose thresholds on; say who is seen (column subject, or a session's participant) and extract "
                    "again, or go without it."
                )
        most = max(len(subjects) for subjects in names.values())
        count = min(count, most) or most
        of = {(d, s): i % count for d, subjects in names.items() for i, s in enumerate(sorted(subjects))}
        return Folds(count, of)

    def fold(self, recording: Recording) -> int:
        return self.of[recording.data_set, recording.subject]


@dataclass(frozen=True, slots=True)
class Study:
    """What is judged: a way to train and to decode.

    drawn: drawn tracks in the training material, of such people. draw: points drawn from the intervals instead of the
    archive's own, to see what their place in the expression does. apex_branch: False lets intensity alone score, and
    the length of its run tell the classes apart.
    """

    settings: TrainSettings = SETTINGS
    drawn: int = DRAWN_TRACKS
    people: People = People.RESERVED
    draw: PointDraw | None = None
    apex_branch: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class FoldOrder:
    """A network to be trained without the subjects of one fold, and where its held-out scores go.

    code: digest of the code that is to do it, which a worker on another machine must have too.
    """

    data: tuple[Path, ...]
    folds: Folds
    fold: int
    study: Study
    file: Path
    device: str
    code: str

    def absolute(self) -> FoldOrder:
        """The same for a machine that works in another folder."""
        return replace(self, data=tuple(folder.absolute() for folder in self.data), file=self.file.absolute())


Spread = Callable[[Sequence[FoldOrder]], Iterable[Path]]
"""Has :func:`train_fold` done for each order, somewhere, and gives the file of each as it is done."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Held-out scores of a study: the recordings, who held out whom, and each seed's files, one a fold."""

    study: Study
    recordings: list[Recording]
    folds: Folds
    seeds: list[list[Path]]

    def scores(self, seed: int) -> dict[int, dict[str, FloatArray]]:
        """epoch (``EPOCHS`` is the last) -> key of a recording -> (T, 3): intensity, macro, micro.

        Raises:
            UsageError: a fold's file is damaged.
        """
        epochs: dict[int, dict[str, FloatArray]] = {}
        for file in self.seeds[seed]:
            try:
                with np.load(file, allow_pickle=False) as archive:
                    for key in archive.files:
                        epoch, name = key.split("|", 1)
                        epochs.setdefault(int(epoch), {})[name] = archive[key]
            except (OSError, EOFError, zipfile.BadZipFile, ValueError, KeyError) as error:
                raise UsageError(f"{file} is damaged; delete it and run the command again.") from error
        return epochs

    def network(self, seed: int, fold: int) -> Path:
        """File of a fold's network."""
        return self.seeds[seed][fold].with_suffix(".safetensors")

    def last(self, seed: int) -> dict[str, FloatArray]:
        """key of a recording -> scores (T, 3) of the network as it was after its last step."""
        return self.scores(seed)[EPOCHS]


def judge(
    data: Sequence[Path],
    out: Path,
    study: Study,
    folds: int,
    seeds: int,
    spread: Spread,
    report_done: Done | None = None,
    device: str = "auto",
) -> Judged:
    """Train every fold that is not there yet; see :func:`evaluate`."""
    check_apart(out, data)
    device = choose_device(device)
    recordings = _load(data, study, 0)
    where = " and ".join(str(folder) for folder in data)
    check_classes(recordings, where)
    check_names(recordings)
    _check_intervals(recordings)
    parts = Folds.make(recordings, folds)
    try:
        out.mkdir(parents=True, exist_ok=True)
        _claim(out, data, study, parts.count, device)
        files = [_files(out, seed, parts.count) for seed in range(seeds)]
        orders = [
            FoldOrder(tuple(data), parts, fold, _seeded(study, seed, fold), file, device, code_digest())
            for seed, mine in enumerate(files)
            for fold, file in enumerate(mine)
            if not file.exists()
        ]
        every = seeds * parts.count
        done = every - len(orders)
        if report_done is not None:
            report_done(done, every)
        for file in spread(orders) if orders else ():
            done += 1
            log.info("%s is done", file.name)
            if report_done is not None:
                report_done(done, every)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}).") from error
    return Judged(study, recordings, parts, files)


def _check_intervals(recordings: Sequence[Recording]) -> None:
    """Refuse a data set in which nothing could be found right.

    Raises:
        LabelError: it has no interval.
    """
    for data_set in sorted({r.data_set for r in recordings}):
        if not any(r.intervals for r in recordings if r.data_set == data_set):
            raise LabelError(
                f"The data set {data_set} has points but no intervals, which a test needs; label some (intervals.csv), "
                "or go without it."
            )


def in_processes(jobs: int) -> Spread:
    """So many folds at a time, each in a process of this machine."""

    def spread(orders: Sequence[FoldOrder]) -> Iterator[Path]:
        with workers(min(jobs, len(orders))) as each:
            yield from each(train_fold, orders)

    return spread


def reopen(data: Sequence[Path], out: Path) -> Judged:
    """What :func:`judge` has left in a folder, as many seeds as are whole.

    Raises:
        LabelError: an archive cannot be used. UsageError: the folder holds no whole seed, or one of other data.
    """
    try:
        begun = json.loads((out / "begun.json").read_text("utf-8"))
        study = TypeAdapter(Study).validate_json(json.dumps(begun["configuration"]))
        count, digests = int(begun["number of folds"]), begun["data"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{out} is not a folder of apexspot evaluate.") from error
    if digests != [data_digest(folder) for folder in data]:
        raise UsageError(f"{out} holds folds of other data; name the same archives in the same order.")
    recordings = _load(data, study, 0)
    seeds: list[list[Path]] = []
    while all(file.exists() for file in _files(out, len(seeds), count)):
        seeds.append(_files(out, len(seeds), count))
    if not seeds:
        raise UsageError(f"{out} has folds that are not done; run apexspot evaluate to its end first.")
    return Judged(study, recordings, Folds.make(recordings, count), seeds)


def _files(out: Path, seed: int, folds: int) -> list[Path]:
    return [out / f"seed-{seed}-fold-{fold:02d}.npz" for fold in range(folds)]


def key(recording: Recording) -> str:
    """What a recording's scores are kept under."""
    return f"{recording.data_set}/{recording.name}"


def configuration(study: Study) -> dict[str, Any]:
    """What is judged, as JSON has it; the seed is another one in every fold."""
    words: dict[str, Any] = json.loads(json.dumps(asdict(study)))
    del words["settings"]["seed"]
    return words


def _claim(out: Path, data: Sequence[Path], study: Study, folds: int, device: str) -> None:
    """Folds are kept, so a folder belongs to its data, its configuration and the code that trained.

    Raises:
        UsageError: it was begun with others.
    """
    mine = {
        "data": [data_digest(folder) for folder in data],
        "program": code_digest(),
        "configuration": configuration(study),
        "number of folds": folds,
        "device": device,
    }
    file = out / "begun.json"
    if not file.exists():
        write_whole(file, json.dumps(mine, indent=1) + "\n")
        return
    try:
        before = json.loads(file.read_text("utf-8"))
        other = [what for what, value in mine.items() if before[what] != value]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{out} is not a folder of this command; choose another --out.") from error
    if other:
        raise UsageError(f"{out} was begun with another {' and another '.join(other)}; choose another --out.")


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


def _seeded(study: Study, seed: int, fold: int) -> Study:
    return replace(study, settings=replace(study.settings, seed=seed * 1000 + fold))


_ALONE = threading.Lock()
"""Threads of one process would draw from the same random numbers."""


def train_fold(order: FoldOrder, tell: Tell | None = None) -> Path:
    """Train on the other folds, score this one at every epoch; the file is kept, so that a run can be resumed.

    Raises:
        UsageError: this is not the code that the order asks for.
    """
    if order.code != code_digest():
        raise UsageError("This machine has another version of apexspot; install the same one everywhere.")
    with _ALONE, one_thread():
        return _train_fold(order, tell)


def discard(order: FoldOrder) -> None:
    """Remove what a fold that was cut off may have left."""
    _partial(order.file).unlink(missing_ok=True)


def _partial(file: Path) -> Path:
    return file.with_suffix(".writing.npz")


def _train_fold(order: FoldOrder, tell: Tell | None) -> Path:
    study, settings, file = order.study, order.study.settings, order.file
    recordings = _load(order.data, study, settings.seed // 1000)
    learned = [r for r in recordings if order.folds.fold(r) != order.fold]
    tested = [r for r in recordings if order.folds.fold(r) == order.fold]
    held_out = list(zip(map(key, tested), displacements([r.position_iod for r in tested]), strict=True))
    tracks = make_tracks(study.drawn, settings.seed, calm_stretches(learned), study.people.tracks)
    scores: dict[str, NDArray[np.float32]] = {}

    def look(epoch: int, network: Network) -> None:
        for name, features in held_out:
            intensity, apex = infer(network, features)
            scores[f"{epoch}|{name}"] = np.concatenate([intensity[:, None], apex], axis=1)

    def moved(step: int, _: dict[str, float]) -> None:
        if tell is not None:
            tell((step + 1) / settings.steps)

    network = train(learned, tracks, settings, moved, look, order.device)
    checkpoint.save(network, settings, file.with_suffix(".safetensors"))
    partial = _partial(file)
    np.savez(partial, **scores)  # type: ignore[arg-type]
    # last: a fold whose scores are there is whole
    partial.replace(file)
    return file
