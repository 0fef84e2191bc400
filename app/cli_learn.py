"""The commands that train, judge and export networks. They need the extra ``[train]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli_train import require_extra
from app.disk import is_same
from models.errors import DataError, UsageError

if TYPE_CHECKING:
    from training.held_out import FoldOrder, Spread, Study


class Device(StrEnum):
    """Where training runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


Data = Annotated[list[Path], typer.Option("--data", metavar="DIR", help="A feature archive; may be repeated.")]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML; without it the defaults.")]
Folds = Annotated[
    str,
    typer.Option(metavar="loso|N", help="loso: one subject of each data set at a time; or so many groups of subjects."),
]
Seeds = Annotated[int, typer.Option(min=1, help="Times to train each fold.")]
Steps = Annotated[int | None, typer.Option(min=8, help="Steps of each training [as configured].")]
Compile = Annotated[
    bool, typer.Option("--compile", help="A sixth less time on a CPU; needs a C++ compiler on this computer.")
]
OnDevice = Annotated[Device, typer.Option(help="Where to train; on a GPU with more --jobs.")]
Jobs = Annotated[int, typer.Option(min=1, help="Folds at a time.")]
Dask = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Hand the folds to a Dask cluster: its scheduler.")]


class Protocol(StrEnum):
    """Which rows the table of evaluate has."""

    HONEST = "honest"
    PUBLISHED = "published"
    BOTH = "both"


def add_learning_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(train)
    app.command()(evaluate)
    app.command()(ablate)
    app.command("export-model")(export_model)


def train(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the run.")],
    config: Config = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE|shipped", help="A trained network to start from; shipped: this program's."
        ),
    ] = None,
    synthetic: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="An archive of synthetic video, whose intervals are exact; may be repeated."),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.AUTO,
) -> None:
    """Train a network on points.

    The folder holds the configuration, a log, curves for TensorBoard, checkpoints and, in the end, model.safetensors.

    It may be interrupted: the same command goes on where it stopped.
    """
    require_extra("torch", "safetensors", "tensorboard")
    from training import checkpoint
    from training.run import train_in

    _remark([*data, *(synthetic or ())], tested=False)
    if start == Path("shipped") and not start.exists():
        start = checkpoint.shipped()
    with _bar() as progress:

        def told(done: int, total: int, parts: Mapping[str, float]) -> None:
            if progress is not None:
                progress(done, total, f"loss {sum(parts.values()):.3f}")

        model = train_in(out, data, config, start, device.value, told, synthetic or ())
    typer.echo(f"Trained: {model}. To use it: apexspot export-model {model} --out FILE.onnx.")


def evaluate(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the folds and the tables.")],
    config: Config = None,
    protocol: Annotated[Protocol, typer.Option(help="Rows of the table.")] = Protocol.BOTH,
    folds: Folds = "loso",
    seeds: Seeds = 1,
    steps: Steps = None,
    jobs: Jobs = 2,
    dask: Dask = None,
    compiled: Compile = False,
    device: OnDevice = Device.AUTO,
) -> None:
    """Measure accuracy on people who were held out of training.

    honest: everything is chosen on the other people. published: the best epoch of each tested person, as in published
    tables, beside which alone it belongs. The tables are printed and written, with a report in HTML.

    It may be interrupted: the same command goes on with the folds that are missing.
    """
    require_extra("torch")
    from training.evaluate import Protocol as Rows
    from training.evaluate import evaluate as run

    _remark(data, tested=True)
    number, study, spread = _folds(folds), _study(config, steps, compiled), _spread(jobs, dask)
    with _bar() as progress:
        done = None if progress is None else lambda n, total: progress(n, total, "folds")
        text = run(data, out, study, number, seeds, spread, Rows(protocol.value), done, device.value)
    typer.echo(text, nl=False)
    typer.echo(f"With curves of single recordings: {out / 'report.html'}")


def ablate(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the folds' scores and the table.")],
    config: Config = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this variant; may be repeated [all].")
    ] = None,
    folds: Folds = "loso",
    seeds: Seeds = 1,
    steps: Steps = None,
    jobs: Jobs = 2,
    dask: Dask = None,
    compiled: Compile = False,
    device: OnDevice = Device.AUTO,
) -> None:
    """Measure what each part of the method is worth.

    Every variant is trained anew for every fold, which takes long; --folds and --steps make it small.

    It may be interrupted: the same command goes on with the folds that are missing.
    """
    require_extra("torch")
    from training.ablate import ablate as run

    _remark(data, tested=True)
    number, study, spread = _folds(folds), _study(config, steps, compiled), _spread(jobs, dask)
    with _bar() as progress:
        done = None if progress is None else lambda words, n, total: progress(n, total, words)
        text = run(data, out, study, number, seeds, spread, only or (), done, device.value)
    typer.echo(text, nl=False)


def export_model(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="What apexspot train has made.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Model file (.onnx) to write.")],
    like: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Model file whose thresholds are taken [the shipped one].")
    ] = None,
    learned_from: Annotated[
        str | None, typer.Option("--training-data", metavar="TEXT", help="What it learned from [as the run says].")
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Terms of use [those of the model whose thresholds it has; of your own recordings alone: yours].",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a file that is there already.")] = False,
) -> None:
    """Make a trained network a model file that the application can use.

    The file is compared with the network before it is kept. Use it with: apexspot spot VIDEO --model FILE.
    """
    if any(is_same(out, read) for read in (checkpoint, like) if read is not None):
        raise UsageError(f"{out} is what the model is made from; choose another name for --out.")
    if out.exists() and not out.is_dir() and not force:
        raise UsageError(f"{out} is there already; choose another name, or allow it with --force.")
    require_extra("torch", "onnx", "onnxscript", "safetensors")
    from training.export import export_checkpoint

    difference, spec = export_checkpoint(checkpoint, out, like, learned_from, licence)
    typer.echo(f"{out}: looks {spec.look_ahead_s:.1f} s ahead; differs from the network by at most {difference:.0e}.")
    typer.echo(f"  Learned from: {spec.training_data}. Terms: {spec.licence}.")


def _remark(data: Sequence[Path], *, tested: bool) -> None:
    """Say on stderr what may not be meant so in the archives."""
    from training.archive import remarks

    for folder in data:
        for sentence in remarks(folder, tested=tested):
            typer.echo(f"apexspot: {sentence}", err=True)


def _folds(words: str) -> int:
    """Number of groups; 0 is one subject at a time.

    Raises:
        UsageError: it is neither ``loso`` nor a number above 1.
    """
    if words.lower() == "loso":
        return 0
    if not words.isdecimal() or int(words) < 2:
        raise UsageError(f"--folds is {words}; it must be loso (one subject at a time) or a number from 2 on.")
    return int(words)


def _study(config: Path | None, steps: int | None, compiled: bool) -> Study:
    from training.config import load_config
    from training.held_out import Study

    chosen = load_config(config)
    settings = chosen.settings()
    if steps is not None:
        settings = replace(settings, steps=steps)
    if compiled:
        settings = replace(settings, compiled=True)
    return Study(settings, chosen.drawn_tracks, chosen.drawn_people, apex_branch=chosen.parts.apex_branch)


def _spread(jobs: int, dask: str | None) -> Spread:
    """Who trains the folds: processes of this machine, or a cluster."""
    from training.held_out import in_processes

    if dask is None:
        return in_processes(jobs)
    return lambda orders: _on_cluster(orders, dask)


def _on_cluster(orders: Sequence[FoldOrder], address: str) -> Iterator[Path]:
    """The file of each fold, as it is done; a fold that fails costs no other.

    Raises:
        DataError: some folds could not be done, or the cluster is gone. UsageError: there is no such cluster.
    """
    from app.batch.interrupts import Interrupts
    from app.batch.run import Where, run_tasks
    from app.batch.tasks import Task
    from training.held_out import discard, train_fold

    tasks = [Task(order.file.stem, order.absolute()) for order in orders]
    failed: list[str] = []
    with Interrupts() as interrupts:
        where = Where(dask=address)
        with closing(run_tasks(train_fold, tasks, where, lambda number, share: None, interrupts, discard)) as done:
            for _, result in done:
                if isinstance(result, str):
                    failed.append(result)
                else:
                    yield result
    if failed:
        raise DataError(
            f"{len(failed)} of {len(orders)} folds could not be done, the first because: {failed[0]} "
            "What is done is kept, and the same command goes on."
        )


@contextmanager
def _bar() -> Iterator[Callable[[int, int, str], None] | None]:
    """A bar on stderr while a terminal is there to see it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("preparing", total=None)

        def report(done: int, total: int, words: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{done}/{total} {words}")

        yield report
