"""Files that appear whole or not at all, and cells that a spreadsheet shows instead of running."""

from __future__ import annotations

import contextlib
import csv
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from app.tables import existing, whole_file
from models.errors import OutputError, UsageError

_RUNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'")
"""What makes a spreadsheet take a text for a formula, at its beginning; and the apostrophe that keeps it from that."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\r\n]+")


def safe_text(text: str) -> str:
    """A text as a cell: on one line, and with an apostrophe in front where a spreadsheet would run it."""
    plain = plain_text(text)
    return f"'{plain}" if plain.lstrip().startswith(_RUNS) else plain


def bare_text(cell: str) -> str:
    """A cell as it was before ``safe_text``."""
    return cell[1:] if cell.startswith("'") and cell[1:].lstrip().startswith(_RUNS) else cell


def plain_text(text: str) -> str:
    """A text without the characters that XML forbids, on one line."""
    return _CONTROL.sub("", _BREAKS.sub(" ", text))


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str = ",") -> None:
    """Write a table; cells are written as they are given.

    Raises:
        OutputError: it cannot be written; what was there before stays.
    """
    with whole_file(path) as file:
        table = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)


@contextlib.contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """A path beside ``path`` for a writer of its own; what was written there takes its place at the end.

    Raises:
        OutputError: it cannot be written; a file that was there before stays as it was.
    """
    partial = path.with_name(f".{path.stem[:64]}.{secrets.token_hex(6)}{path.suffix}")
    try:
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror or type(error).__name__}).") from error


def check_free(paths: Sequence[Path]) -> None:
    """See that nothing would be overwritten.

    Raises:
        UsageError: something would.
    """
    there = existing(paths)
    if there:
        others = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(
            f"{there[0]}{others} would be overwritten; choose another place with --out, or allow it with --force."
        )
