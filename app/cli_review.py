"""``apexspot agree``: two coders compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.disk import is_same
from models.errors import UsageError

if TYPE_CHECKING:
    from app.session import Session


def add_review_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(agree)


def agree(
    a: Annotated[
        Path,
        typer.Argument(metavar="A", help="A session, a video that was reviewed, or a coder's table: the reference."),
    ],
    b: Annotated[Path, typer.Argument(metavar="B", help="The other coder's, of the same recording.")],
    touched: Annotated[
        bool, typer.Option("--touched", help="Count only intervals that a coder accepted or made.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="CSV", help="Also write the table to a file.")] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a file that is there already.")] = False,
) -> None:
    """Compare two coders of one recording.

    An interval of B is a hit if it overlaps one of A of the same type by an IoU of 0.5. Precision is the share of B's
    intervals that are hits, recall that of A's; kappa is Cohen's, frame by frame. Rejected intervals and stretches that
    either coder excluded do not count. A coder's table is what "apexspot import --into SESSION" makes.
    """
    from app.review.agree import agreement, write_agreement
    from app.session.folder import is_session

    if out is not None and (is_same(out, a) or is_same(out, b) or is_session(out.parent)):
        raise UsageError(f"{out} belongs to what is compared, or to a session; choose another place for --out.")
    if out is not None and out.exists() and not force:
        raise UsageError(f"{out} is there already; choose another name, or allow it with --force.")
    rows = agreement(*_sessions(a, b), touched_only=touched)
    typer.echo(f"A {a}\nB {b}\n")
    typer.echo(f"{'':6} {'A':>5} {'B':>5} {'hits':>5} {'precision':>9} {'recall':>7} {'F1':>6} {'kappa':>6}")
    for row in rows:
        typer.echo(
            f"{row.name:6} {row.a:5d} {row.b:5d} {row.hits:5d} {_share(row.precision):>9} {_share(row.recall):>7} "
            f"{_share(row.f1):>6} {_share(row.kappa):>6}"
        )
    typer.echo(f"\nIntervals match at IoU 0.5; kappa over {rows[-1].frames} frames.")
    if out is not None:
        write_agreement(out, rows)


def _sessions(a: Path, b: Path) -> tuple[Session, Session]:
    """Both coders' views of the recording; a table of intervals is seen on top of the session that it belongs to."""
    tables = [path for path in (a, b) if path.suffix.lower() == ".csv"]
    if not tables:
        return _session(a), _session(b)
    from app.exchange.importing import CODERS_FOLDER, as_coded

    beside = [path.parent.parent for path in tables if path.parent.name == CODERS_FOLDER]
    owners = [path for path in (a, b) if path not in tables] + beside
    if not owners:
        raise UsageError("One of the two must be a session, or a table in a session's folder coders.")
    session = _session(owners[0])
    first, second = (as_coded(session, path) if path in tables else session for path in (a, b))
    return first, second


def _session(path: Path) -> Session:
    from app.session import read_session

    if path.is_dir():
        return read_session(path)
    from app.review.opening import session_for

    folder = session_for(path)
    if folder is None:
        raise UsageError(f"{path} has not been analysed by the models at hand; open it once: apexspot open {path}.")
    return read_session(folder)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
