"""``apexspot spot``: any number of videos, on this machine or a cluster; what is done is not done again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from app.batch.find import Place, find_videos
from app.batch.interrupts import Interrupts
from app.tables import check_folder, existing, is_folder, look
from models.errors import OutputError, UsageError
from models.types import ExpressionType

if TYPE_CHECKING:
    from app.batch.spotting import How, Wanted
    from app.batch.summary import Row
    from app.spot import Method, SpotResult


def spot_all(
    paths: Sequence[Path],
    out: Path,
    *,
    force: bool,
    model: Path | None = None,
    jobs: int | None = None,
    dask: str | None = None,
    smallest_movement_iod: float | None = None,
    smallest_in_speech_iod: float | None = None,
) -> bool:
    """Spot in every video that the paths name; True if all of them, and all sub-folders, could be read.

    Raises:
        UsageError: a video is missing, results of something else would be overwritten, nothing can be written to
            ``out``, there is no such cluster, or a smallest movement does not lie between 0 and 1.
        ModelFileError: the model cannot be used.
        DataError: the cluster is gone.
    """
    found = find_videos(paths)
    places = found.places
    if look(out) is not None and not is_folder(out):
        raise UsageError(f"{out} is a file; --out wants a folder.")
    with Interrupts() as interrupts:
        # imported only now: a slip of the pen is answered at once. Ctrl+C waits: native code would complain as it loads
        with interrupts.held():
            from app.batch.pool import usual_jobs
            from app.batch.run import Where
            from app.batch.spotting import How
            from app.batch.standing import State
            from app.batch.summary import is_summary, read_summary, row_of_summary, write_summary
            from app.spot import Method
            from models.spotter import Spotter

        spotter = Spotter(model, use_gpu=False).with_least_motion(smallest_movement_iod, smallest_in_speech_iod)
        method = Method.of(spotter)
        # one video alone is told of in its own files, unless it joins others
        several = len(places) > 1 or found.in_folders
        before = read_summary(out, replace=force) if several or is_summary(out) else None
        wanted = _compare(places, out, method, force)
        if not force:
            _check_free(wanted)
        todo = [one for one in wanted if one.standing.state is not State.DONE]
        interrupts.check()
        for sentence in found.unread:
            typer.echo(f"apexspot: {sentence}", err=True)
        _make_folders({out, *(one.files.summary.parent for one in todo)})
        rows = [
            row_of_summary(one.place.video, one.place.results, one.standing.summary)
            for one in wanted
            if one.standing.summary is not None
        ]
        kept = len(rows)
        try:
            how = How(method, model, Where(min(jobs or usual_jobs(), max(len(todo), 1)), dask))
            bad = _spot(todo, how, rows, interrupts)
        except KeyboardInterrupt:
            if len(wanted) > 1:
                over = f"{len(rows)} of {len(wanted)} videos are over"
                typer.echo(f"apexspot: {over}; the same command does the others.", err=True)
            raise
        finally:
            if rows and before is not None:
                write_summary(out, rows, before)
    if kept:
        typer.echo(f"{kept} of {len(wanted)} videos were done before." if len(wanted) > 1 else _done_before(wanted[0]))
    if bad and len(wanted) > 1:
        typer.echo(f"apexspot: {bad} of {len(wanted)} videos could not be used.", err=True)
    return bad == 0 and not found.unread


def _compare(places: Sequence[Place], out: Path, method: Method, force: bool) -> list[Wanted]:
    """See what is there of each video's results; the videos with results are read for that."""
    from app.batch.progress import progress_bar
    from app.batch.spotting import Wanted
    from app.batch.standing import standing
    from app.spot import SpotFiles

    wanted = []
    names = [str(place.video) for place in places]
    with progress_bar(names, _sizes(places), "comparing ") as watch:
        for number, place in enumerate(places):
            files = SpotFiles.of(out / place.folder, place.name)
            wanted.append(Wanted(place, files, standing(place.video, files, method, unchanged=force)))
            watch(number, 1.0)
    return wanted


def _check_free(wanted: Sequence[Wanted]) -> None:
    from app.batch.standing import State

    taken = [one for one in wanted if one.standing.state is State.OTHER]
    if taken:
        first = existing(taken[0].files.all())[0]
        others = f" and the results of {len(taken) - 1} more" if len(taken) > 1 else ""
        raise UsageError(
            f"{first} ({taken[0].standing.reason}){others} would be overwritten; choose another folder with --out, "
            "or allow it with --force."
        )


def _make_folders(folders: set[Path]) -> None:
    try:
        for folder in sorted(folders):
            check_folder(folder)
    except OutputError as error:
        raise UsageError(str(error)) from error


def _spot(todo: Sequence[Wanted], how: How, rows: list[Row], interrupts: Interrupts) -> int:
    """Spot in the videos, say what comes of each and add its row; the number of those that could not be used."""
    from app.batch.progress import progress_bar
    from app.batch.spotting import spot_wanted
    from app.batch.summary import row_of_failure, row_of_result

    bad = 0
    names, sizes = [one.place.video.name for one in todo], _sizes([one.place for one in todo])
    with progress_bar(names, sizes) as watch, closing(spot_wanted(todo, how, watch, interrupts)) as spotted:
        for one, result in spotted:
            video, results = one.place.video, one.place.results
            if isinstance(result, str):
                bad += 1
                rows.append(row_of_failure(video, results, result))
                typer.echo(f"apexspot: {result}", err=True)
            else:
                rows.append(row_of_result(video, results, result))
                _tell(one, result)
            sys.stdout.flush()
    return bad


def _tell(one: Wanted, result: SpotResult) -> None:
    counts = ", ".join(f"{result.count(type_)} {type_.value}" for type_ in ExpressionType)
    typer.echo(f"{one.place.video}: {counts} in {result.duration_s:.1f} s -> {one.files.intervals}")
    if result.message:
        typer.echo(f"  {result.message}")


def _done_before(one: Wanted) -> str:
    return f"{one.place.video} was done before -> {one.files.intervals}"


def _sizes(places: Sequence[Place]) -> list[float]:
    """Bytes of each video: what is known of its length without opening it."""
    sizes = []
    for place in places:
        try:
            sizes.append(float(place.video.stat().st_size))
        except OSError:
            sizes.append(0.0)
    return sizes
