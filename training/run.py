"""A training run in a folder: what ``apexspot train`` does.

    OUT/
      config.toml            every key with its value
      run.json               data (digest, recordings, points), versions, device, what the run started from
      train.log              times and losses
      scalars/               the same for TensorBoard
      checkpoints/           the run every ``checkpoint_every`` steps, the newest two
      model.safetensors      the trained network

The same command goes on where an interrupted run stopped. On a CPU the result is then the same bit for bit, as long as
the number of threads is; on a GPU sums may be taken in another order.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from models.errors import ModelFileError, OutputError, UsageError
from models.types import ExpressionType
from training import checkpoint
from training.archive import check_apart, check_classes, check_names, data_digest, load_data
from training.backbones import Network
from training.config import RunConfig, load_config
from training.datasets import Recording
from training.exact import beside, exact_tracks
from training.provenance import code_digest, versions, write_whole
from training.ship import calm_stretches
from training.tracks import Track, make_tracks
from training.trainer import TrainingRun, choose_device

log = logging.getLogger(__name__)

MODEL = "model.safetensors"
KEPT = 2
"""Checkpoints that are kept."""
LOGGED_EVERY = 50
"""Steps between two lines of the log."""

Progress = Callable[[int, int, Mapping[str, float]], None]


def train_in(
    out: Path,
    data: Sequence[Path],
    config_file: Path | None = None,
    start_file: Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    synthetic: Sequence[Path] = (),
) -> Path:
    """Train in a folder, or go on there; returns the trained network's file.

    start_file: checkpoint to start from. synthetic: archives whose intervals are exact (``training.exact``).
    device: "cpu", "cuda" or "auto" (CUDA where there is one). progress: called after each step with the steps done,
    all steps, and the parts of the loss.

    Raises:
        LabelError: an archive cannot be used, or a class has no point. UsageError: a path or the configuration is
        wrong, or the folder holds another run, a config.toml of the user's, or lies in an archive. ModelFileError: the
        checkpoint to start from cannot be used. DataError: the loss is no longer a number. OutputError: the folder
        cannot be written.
    """
    check_apart(out, [*data, *synthetic])
    start = checkpoint.load(start_file)[0] if start_file is not None else None
    config = load_config(config_file, None if start is None else start.settings)
    chosen = choose_device(device)
    recordings = [r for folder in data for r in load_data(folder)]
    check_classes(recordings, " and ".join(str(folder) for folder in data))
    check_names(recordings)
    exact = [track for folder in synthetic for track in exact_tracks(folder)]
    try:
        (out / "checkpoints").mkdir(parents=True, exist_ok=True)
        _claim(out, config, _description(data, synthetic, recordings, start_file), chosen)
        if (out / MODEL).is_file():
            log.info("%s is there already", out / MODEL)
            return out / MODEL
        with _log_file(out / "train.log"):
            _run(out, config, recordings, exact, start, chosen, progress)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}).") from error
    return out / MODEL


def _run(
    out: Path,
    config: RunConfig,
    recordings: Sequence[Recording],
    exact: Sequence[Track],
    start: Network | None,
    device: str,
    progress: Progress | None,
) -> None:
    settings = config.settings()
    people = config.drawn_people.tracks
    tracks = beside(make_tracks(config.drawn_tracks, config.seed, calm_stretches(recordings), people), exact)
    weights: dict[str, Tensor] | None = None if start is None else start.state_dict()
    run = TrainingRun(recordings, tracks, settings, weights, device, mixed=device == "cuda")
    _resume(run, out)
    log.info("%d recordings, %d synthetic tracks, on %s, from step %d", len(recordings), len(tracks), device, run.step)
    writer = SummaryWriter(str(out / "scalars"), purge_step=run.step + 1)
    try:
        while not run.finished:
            parts = run.advance()
            _note(writer, run, parts)
            if progress is not None:
                progress(run.step, settings.steps, parts)
            if run.step % config.checkpoint_every == 0 and not run.finished:
                _keep(run, out)
    finally:
        writer.close()
    checkpoint.save(run.network.eval(), settings, out / MODEL)
    log.info("done: %s", out / MODEL)


def _note(writer: SummaryWriter, run: TrainingRun, parts: Mapping[str, float]) -> None:
    for name, value in parts.items():
        writer.add_scalar(f"loss/{name}", value, run.step)
    writer.add_scalar("loss/total", sum(parts.values()), run.step)
    writer.add_scalar("learning_rate", run.learning_rate, run.step)
    if run.step % LOGGED_EVERY == 0 or run.finished:
        log.info("step %d: %s", run.step, ", ".join(f"{name} {value:.3f}" for name, value in parts.items()))


def _keep(run: TrainingRun, out: Path) -> None:
    checkpoint.save_run(run.state(), run.settings, out / "checkpoints" / f"step-{run.step:07d}.safetensors")
    for old in _checkpoints(out)[KEPT:]:
        old.unlink()


def _resume(run: TrainingRun, out: Path) -> None:
    """Go on from the newest checkpoint, if there is one.

    Raises:
        ModelFileError: it cannot be used.
    """
    kept = _checkpoints(out)
    for path in kept[:1]:
        try:
            run.restore(checkpoint.load_run(path))
        except (ModelFileError, KeyError, ValueError, RuntimeError) as error:
            instead = "go on from the one before it" if len(kept) > 1 else "begin anew"
            raise ModelFileError(f"{path} is damaged or not of this run; delete it to {instead}.") from error


def _checkpoints(out: Path) -> list[Path]:
    """The newest first."""
    return sorted((out / "checkpoints").glob("step-*.safetensors"), reverse=True)


def _claim(out: Path, config: RunConfig, what: dict[str, Any], device: str) -> None:
    """Write down what this run is, or see that the folder holds the same one.

    Raises:
        UsageError: it holds another, or a config.toml that no run has written.
    """
    description, text = out / "run.json", config.toml()
    if description.is_file():
        try:
            before = json.loads(description.read_text("utf-8"))
            same = {
                "configuration": (out / "config.toml").read_text("utf-8") == text,
                "data": before["data"] == what["data"],
                "start": before["start"] == what["start"],
                "version of the program": before["code"] == what["code"],
            }
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{out} is not a folder of apexspot train; choose another --out.") from error
        other = [name for name, is_same in same.items() if not is_same]
        if other:
            raise UsageError(f"{out} holds a run with another {' and '.join(other)}; choose another --out.")
        return
    own = out / "config.toml"
    # a run that was stopped between the two files has left the same text
    if own.exists() and own.read_text("utf-8", errors="replace") != text:
        raise UsageError(
            f"{own} would be overwritten by the run's own configuration; choose another --out, or give that file "
            "another name."
        )
    write_whole(own, text)
    write_whole(description, json.dumps(what | {"device": device, "versions": versions()}, indent=1) + "\n")


def _description(
    data: Sequence[Path], synthetic: Sequence[Path], recordings: Sequence[Recording], start: Path | None
) -> dict[str, Any]:
    points = [p.type for r in recordings for p in r.points]
    return {
        "data": {
            "sha256": [data_digest(folder) for folder in data],
            "synthetic_sha256": [data_digest(folder) for folder in synthetic],
            "sets": sorted({r.data_set for r in recordings}),
            "recordings": len(recordings),
            "points": {kind.value: points.count(kind) for kind in ExpressionType},
        },
        "code": code_digest(),
        "start": None if start is None else hashlib.sha256(start.read_bytes()).hexdigest(),
    }


@contextmanager
def _log_file(path: Path) -> Iterator[None]:
    """What this package logs goes to a file as well."""
    logger = logging.getLogger("training")
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()
