"""``apexspot spot``: several videos, one after the other, with a progress bar."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.logs import log_path
from app.tables import check_folder, existing
from models.errors import ApexspotError, OutputError, UsageError
from models.types import ExpressionType

log = logging.getLogger(__name__)

_ADDRESSES = frozenset({"http:", "https:", "rtsp:", "rtsps:", "rtmp:", "udp:", "tcp:"})


def spot_all(videos: list[Path], out: Path, *, force: bool, model: Path | None) -> bool:
    """Spot in every video; True if all of them could be read.

    Raises:
        UsageError: a video is missing or a folder, results are there already, or nothing can be written to ``out``.
        ModelFileError: the model cannot be used.
    """
    videos = _without_repeats(videos)
    _check_videos(videos)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; --out wants a folder.")
    # imported only now: a slip of the pen is answered at once
    from app.spot import SpotFiles, result_names, spot_video
    from models.spotter import Spotter

    files = [SpotFiles.of(out, name) for name in result_names(videos)]
    if not force:
        _check_free([path for f in files for path in f.all()])
    try:
        check_folder(out)
    except OutputError as error:
        raise UsageError(str(error)) from error
    spotter = Spotter(model)
    bad = 0
    for number, (video, target) in enumerate(zip(videos, files, strict=True), start=1):
        title = video.name if len(videos) == 1 else f"{number}/{len(videos)} {video.name}"
        try:
            with _progress(title) as report:
                result = spot_video(video, target, spotter, report)
        except ApexspotError as error:
            bad += 1
            typer.echo(f"apexspot: {error}", err=True)
        except Exception as error:
            bad += 1
            log.exception("unexpected error in %s", video)
            typer.echo(
                f"apexspot: {video} was given up ({type(error).__name__}, unexpected); see {log_path()}", err=True
            )
        else:
            counts = ", ".join(f"{result.count(type_)} {type_.value}" for type_ in ExpressionType)
            typer.echo(f"{video}: {counts} in {result.duration_s:.1f} s -> {target.intervals}")
            if result.message:
                typer.echo(f"  {result.message}")
    if bad and len(videos) > 1:
        typer.echo(f"apexspot: {bad} of {len(videos)} videos could not be used.", err=True)
    return bad == 0


def _without_repeats(videos: list[Path]) -> list[Path]:
    seen: set[Path] = set()
    kept = []
    for video in videos:
        where = video.resolve()
        if where not in seen:
            seen.add(where)
            kept.append(video)
    return kept


def _check_videos(videos: list[Path]) -> None:
    for video in videos:
        if video.parts and video.parts[0].lower() in _ADDRESSES:  # what a path makes of "http://…"
            raise UsageError(f"{video} is an address; spot reads files, streams are opened in the window.")
        try:
            missing = not video.exists()
        except OSError:
            continue  # not ours to see; said when its turn comes
        if missing:
            raise UsageError(f"There is no file {video}.")
        if video.is_dir():
            raise UsageError(f"{video} is a folder; please name the video files in it.")


def _check_free(paths: list[Path]) -> None:
    there = existing(paths)
    if there:
        others = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(
            f"{there[0]}{others} would be overwritten; choose another folder with --out, or allow it with --force."
        )


@contextmanager
def _progress(title: str) -> Iterator[Callable[[float, float | None], None] | None]:
    """A bar on stderr while a terminal is there to see it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)

        def report(done_s: float, total_s: float | None) -> None:
            bar.update(task, completed=done_s, total=total_s)

        yield report
