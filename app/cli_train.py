"""The commands that belong to training. They need the extra ``[train]``, which is asked for only when one is used."""

from __future__ import annotations

import importlib.util
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.batch.interrupts import Interrupts
from models.errors import UsageError

if TYPE_CHECKING:
    from training.extract import Extraction
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
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Recordings at a time [one a processor, less one; 8 at most].")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Hand the recordings to a Dask cluster: its scheduler.")
    ] = None,
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
    if not reading.recordings:
        raise UsageError("Nothing was extracted: none of the recordings can be used as it is, see above.")
    result = extract_all(reading, out, jobs=jobs, dask=dask, points=points, seed=seed)
    if not _tell(result, out, len(reading.recordings)):
        raise typer.Exit(1)


def _summary(reading: Reading) -> str:
    intervals = [interval for recording in reading.recordings for interval in recording.intervals]
    points = sum(len(recording.points) for recording in reading.recordings)
    people = len({recording.subject for recording in reading.recordings})
    counts = ", ".join(f"{sum(i.type == kind for i in intervals)} {kind}" for kind in ("macro", "micro"))
    labels = f"{points} points" if points and not intervals else f"{counts} expressions"
    return f"{reading.data_set}: {len(reading.recordings)} recordings of {people} people, {labels}."


def extract_all(
    reading: Reading,
    out: Path,
    *,
    jobs: int | None = None,
    dask: str | None = None,
    points: DrawName = DrawName.APEX,
    seed: int = 0,
) -> Extraction:
    """Run perception over all recordings and write the archive ``out``; one that fails is named and passed over.

    Raises:
        UsageError: ``out`` holds something else, or there is no such cluster.
        OutputError: ``out`` cannot be written. DataError: the cluster is gone.
    """
    with Interrupts() as interrupts:
        with interrupts.held():  # native code would complain as it loads
            from app.batch.pool import usual_jobs
            from app.batch.progress import progress_bar
            from app.batch.run import Where, run_tasks
            from app.batch.tasks import Task
            from training.extract import complete, discard, plan, see
            from training.readers import PointDraw

        planned = plan(reading, out)
        orders = [order.absolute() if dask else order for order in planned.todo]
        tasks = [Task(str(order.source), order) for order in orders]
        failed: dict[str, str] = {}
        with progress_bar([order.name for order in orders]) as watch:
            where = Where(jobs or usual_jobs(), dask)
            with closing(run_tasks(see, tasks, where, watch, interrupts, discard)) as seen:
                for number, sentence in seen:
                    if sentence is not None:
                        failed[orders[number].name] = sentence
        return complete(planned, failed, draw=PointDraw(points.value), seed=seed)


def _tell(result: Extraction, out: Path, recordings: int) -> bool:
    for sentence in (*result.failed, *(finding.sentence for finding in result.findings)):
        typer.echo(f"apexspot: {sentence}", err=True)
    kept = f", {result.kept} were there already" if result.kept else ""
    typer.echo(f"{out}: {result.extracted} recordings extracted{kept}; {result.points} points.")
    if result.failed:
        typer.echo(f"apexspot: {len(result.failed)} of {recordings} could not be used.", err=True)
    return not result.failed and not any(finding.lost for finding in result.findings)
