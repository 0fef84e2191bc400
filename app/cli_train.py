"""The commands that belong to training. They need the extra ``[train]``, which is asked for only when one is used."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import UsageError

if TYPE_CHECKING:
    from training.extract import Extraction, Report
    from training.readers import Reading


class DataSetName(StrEnum):
    """The same as ``training.readers.DataSet``, which is not imported for ``--help``."""

    CASME2 = "casme2"
    SAMM_LV = "samm_lv"
    CASME3 = "casme3"
    PLAIN = "plain"
    SESSIONS = "sessions"


class DrawName(StrEnum):
    """The same as ``training.readers.PointDraw``."""

    APEX = "apex"
    UNIFORM = "uniform"
    EDGE = "edge"


def add_training_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(extract)


def require_extra(*modules: str) -> None:
    """Refuse to go on where a module of the extra ``[train]`` is not installed.

    Raises:
        UsageError: one is missing.
    """
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise UsageError(
            f"This command needs {', '.join(missing)}, which an ordinary installation leaves out; "
            "run: pip install 'apexspot[train]'."
        )


def extract(
    dataset: Annotated[DataSetName, typer.Option(help="Whose layout the folder has.")],
    root: Annotated[Path, typer.Option(metavar="DIR", help="The recordings, as their owner hands them out.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the feature archive.")] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Label table, where it is not below the folder.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Recordings at a time [one a processor, less one].")] = None,
    points: Annotated[DrawName, typer.Option(help="Where points fall that are drawn from intervals.")] = DrawName.APEX,
    seed: Annotated[int, typer.Option(min=0, help="Seed of that draw.")] = 0,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Take in recordings without labels, as free of expressions.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say what is missing.")] = False,
) -> None:
    """Measure the motion in recordings, for training.

    A data set's folder and labels become a feature archive.

    It may be interrupted and run again: a recording that is done is not done again.
    One that cannot be used is named and passed over, and the exit code is then 1.
    """
    if out is None and not check:
        raise UsageError("Please say with --out where the archive is to go, or --check to only see what is missing.")
    require_extra("torch", "pandas", "openpyxl", "xlrd")
    from training.readers import DataSet, read

    reading = read(DataSet(dataset.value), root, labels, unlabelled=unlabelled)
    lost = sum(finding.lost for finding in reading.findings)
    for finding in reading.findings:
        typer.echo(finding.sentence, err=not check)
    typer.echo(_summary(reading))
    if check or out is None:
        if lost:
            raise typer.Exit(1)
        return
    if lost and DataSet(dataset.value).is_own:
        raise UsageError(f"Nothing was extracted; please correct the {lost} faults named above first.")
    if not _extract(reading, out, jobs or max(1, (os.cpu_count() or 1) - 1), points, seed):
        raise typer.Exit(1)


def _summary(reading: Reading) -> str:
    intervals = [interval for recording in reading.recordings for interval in recording.intervals]
    points = sum(len(recording.points) for recording in reading.recordings)
    people = len({recording.subject for recording in reading.recordings})
    counts = ", ".join(f"{sum(i.type == kind for i in intervals)} {kind}" for kind in ("macro", "micro"))
    labels = f"{points} points" if points and not intervals else f"{counts} expressions"
    return f"{reading.data_set}: {len(reading.recordings)} recordings of {people} people, {labels}."


def _extract(reading: Reading, out: Path, jobs: int, points: DrawName, seed: int) -> bool:
    from training.extract import extract as run
    from training.readers import PointDraw

    with _bar() as report:
        result: Extraction = run(reading, out, jobs=jobs, draw=PointDraw(points.value), seed=seed, report=report)
    for sentence in (*result.failed, *(finding.sentence for finding in result.findings)):
        typer.echo(f"apexspot: {sentence}", err=True)
    kept = f", {result.kept} were there already" if result.kept else ""
    typer.echo(f"{out}: {result.extracted} recordings extracted{kept}; {result.points} points.")
    if result.failed:
        typer.echo(f"apexspot: {len(result.failed)} of {len(reading.recordings)} could not be used.", err=True)
    return not result.failed and not any(finding.lost for finding in result.findings)


@contextmanager
def _bar() -> Iterator[Report]:
    """A bar on stderr while a terminal is there to see it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total, name: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("looking for what is done", total=None)

        def report(done: float, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{int(done)}/{total} {name}")

        yield report
