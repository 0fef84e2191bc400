"""The commands that train, judge and export networks. They need the extra ``[train]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.cli_train import require_extra

Data = Annotated[list[Path], typer.Option("--data", metavar="DIR", help="A feature archive; may be repeated.")]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="TOML; without it the shipped model's recipe.")
]


class Device(StrEnum):
    """Where training runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def add_learning_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(train)


def train(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the run.")],
    config: Config = None,
    start: Annotated[
        Path | None, typer.Option("--from", metavar="CHECKPOINT", help="A trained network to start from.")
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.AUTO,
) -> None:
    """Train a network on points.

    The folder holds the configuration, a log, curves for TensorBoard, checkpoints and, in the end, model.safetensors.

    It may be interrupted: the same command goes on where it stopped.
    """
    require_extra("torch", "safetensors", "tensorboard")
    from training.run import train_in

    with _bar() as progress:
        model = train_in(out, data, config, start, device.value, progress)
    typer.echo(f"Trained: {model}. To use it: apexspot export-model {model} --out FILE.onnx.")


@contextmanager
def _bar() -> Iterator[Callable[[int, int, Mapping[str, float]], None] | None]:
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

        def report(done: int, total: int, parts: Mapping[str, float]) -> None:
            bar.update(task, completed=done, total=total, description=f"{done}/{total} loss {sum(parts.values()):.3f}")

        yield report
