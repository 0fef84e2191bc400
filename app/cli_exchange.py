"""``apexspot export`` and ``apexspot import``: out to the tools that people already use, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models.errors import UsageError

_FORMATS = "csv, megc, megc-str, elan, textgrid, boris, bids, openface, html, or all"


def add_exchange_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("export")(export)
    app.command("import")(import_)


def export(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SESSION", help="Session folders, or tables NAME.intervals.csv.")
    ],
    to: Annotated[list[str], typer.Option("--to", metavar="FORMAT", help=f"{_FORMATS}; may be repeated.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")] = Path(),
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace files that are there already.")] = False,
    video: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The video of a table, where it lies elsewhere.")
    ] = None,
) -> None:
    """Write a session, or the tables of "apexspot spot", in the formats of other tools.

    Intervals that a person rejected, replaced or excluded are in csv alone. The files and their columns are described
    in docs/formats.md.
    """
    from app.exchange import export_all

    result = export_all(sources, to, out, force=force, video=video)
    for note in result.notes:
        typer.echo(f"apexspot: {note}", err=True)
    for file in result.files:
        typer.echo(str(file))


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="What a coder made; several for --as points.")],
    format_: Annotated[str, typer.Option("--format", metavar="FORMAT", help="elan, textgrid, boris or csv.")],
    into: Annotated[
        Path | None, typer.Option(metavar="SESSION", help="The session that it belongs to (as coder).")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="CSV", help="Or a table to write.")] = None,
    as_: Annotated[
        str, typer.Option("--as", metavar="WHAT", help="coder: intervals to compare. points: labels for training.")
    ] = "coder",
    coder: Annotated[str | None, typer.Option(metavar="NAME", help="The coder's name [the file's name].")] = None,
    macro: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Tier or label that means macro; may be repeated [macro, mae, …]."),
    ] = None,
    micro: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Tier or label that means micro; may be repeated [micro, me, …]."),
    ] = None,
    video: Annotated[
        str | None, typer.Option(metavar="NAME", help="The video's name in a table of points [what FILE says].")
    ] = None,
    fps: Annotated[
        float | None, typer.Option(metavar="N", help="The video's frame rate, where no session tells it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a table that is there already.")] = False,
) -> None:
    """Take in another coder's work, from ELAN, Praat, BORIS or a table.

    Into a session it becomes coders/NAME.intervals.csv, which "apexspot agree" compares. As points it becomes a table
    video,time_s,type, which training reads.
    """
    from app.exchange import ImportFormat, LabelNames, import_as_coder, import_as_points

    if format_ not in list(ImportFormat):
        raise UsageError(f"There is no format {format_}; there are: {', '.join(ImportFormat)}.")
    names = LabelNames(tuple(macro or ()), tuple(micro or ()))
    kind = ImportFormat(format_)
    if as_ == "coder":
        if len(files) > 1:
            raise UsageError("One file at a time as coder; several go with --as points.")
        if video is not None:
            raise UsageError("--video goes with --as points; a coder's intervals belong to the session.")
        result = import_as_coder(files[0], kind, session=into, out=out, coder=coder, names=names, fps=fps, force=force)
    elif as_ == "points":
        if into is not None or out is None:
            raise UsageError("Points are labels for training, in a table of their own: --out CSV instead of --into.")
        if coder is not None:
            raise UsageError("--coder goes with --as coder; a table of points names no coder.")
        result = import_as_points(files, kind, out=out, video=video, names=names, fps=fps, force=force)
    else:
        raise UsageError(f"--as {as_} makes no sense; it is coder or points.")
    for note in result.notes:
        typer.echo(f"apexspot: {note}", err=True)
    counts = ", ".join(f"{count} {type_.value}" for type_, count in result.counts.items())
    typer.echo(f"{counts} -> {result.file}")
