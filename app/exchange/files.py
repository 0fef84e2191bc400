"""Files that appear whole or not at all, and tables whose cells a spreadsheet shows instead of running."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from app.tables import bare_text as bare_text
from app.tables import existing, short_beside, whole_file
from app.tables import plain_text as plain_text
from app.tables import safe_text as safe_text
from models.errors import OutputError, UsageError


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
    partial = short_beside(path, path.suffix)
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
