"""The tables of a feature archive: reading with a sentence for everything that is wrong, writing all at once."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from models.errors import LabelError, OutputError
from models.types import ExpressionType

POINT_COLUMNS = ("video", "time_s", "type")
INTERVAL_COLUMNS = ("video", "onset_s", "apex_s", "offset_s", "type", "offset_source", "au", "emotion")

_NAMED = 5
"""Places that a sentence names; more are counted."""


def read_table(
    path: Path, columns: Sequence[str], missing_remedy: str = "run apexspot extract again"
) -> list[tuple[int, dict[str, str]]]:
    """Rows with their line number (the header is 1). missing_remedy: what to do where the file is missing.

    Raises:
        LabelError: the file cannot be read or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [c for c in columns if c not in (reader.fieldnames or ())]
            if missing:
                raise LabelError(
                    f"{path} has no column {missing[0]}; it needs {', '.join(columns)}"
                    f"{semicolons(reader.fieldnames or ())}."
                )
            # a line that breaks off early has None in its last cells
            return [(n, {c: row[c] or "" for c in columns}) for n, row in enumerate(reader, start=2)]
    except FileNotFoundError as error:
        raise LabelError(f"{path} is missing; {missing_remedy}.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelError(f"{path} cannot be read as a table ({error}); save it as CSV in UTF-8.") from error


def semicolons(header: Iterable[str]) -> str:
    """What to add to a message about a missing column where semicolons stand between the columns."""
    return ", and commas between them, not semicolons" if any(";" in title for title in header) else ""


def refuse_twice(path: Path, rows: Iterable[tuple[int, dict[str, str]]]) -> None:
    """Refuse a table of points in which one comes twice: it would be learned as two expressions.

    Raises:
        LabelError: it does.
    """
    seen: dict[tuple[str, ...], int] = {}
    for number, row in rows:
        cells = tuple(_meant(cell) for cell in row.values())
        if cells in seen:
            raise LabelError(f"{path}, rows {seen[cells]} and {number}: the same point twice; remove one of the rows.")
        seen[cells] = number


def both_types(path: Path, rows: Iterable[tuple[int, dict[str, str]]]) -> list[str]:
    """A sentence where recordings have a macro and a micro point at the same moment, which is meant or a slip."""
    seen: dict[tuple[str, str], tuple[int, str]] = {}
    pairs = []
    for number, row in rows:
        kind = _meant(row["type"])
        before, other = seen.setdefault((row["video"], _meant(row["time_s"])), (number, kind))
        if other != kind:
            pairs.append(f"{before} and {number}")
    if not pairs:
        return []
    which = "; ".join(pairs[:_NAMED]) + (f"; and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else "")
    return [
        f"{path}, rows {which}: a macro and a micro point of one recording at the same moment; taken as two "
        "expressions, remove one if it is a slip."
    ]


def _meant(cell: str) -> str:
    """The same for the same number or word, however it is written."""
    try:
        return repr(float(cell))
    except ValueError:
        return cell.strip().lower()


def seconds_of(path: Path, number: int, row: dict[str, str], column: str) -> float:
    """A cell that holds seconds.

    Raises:
        LabelError: it does not.
    """
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LabelError(f"{path}, row {number}: {column} is {row[column]!r}, not a time in seconds; correct it.")
    return value


def type_of(path: Path, number: int, row: dict[str, str]) -> ExpressionType:
    """The row's class.

    Raises:
        LabelError: it is neither macro nor micro.
    """
    try:
        return ExpressionType(row["type"].strip().lower())
    except ValueError:
        raise LabelError(f"{path}, row {number}: type is {row['type']!r}; it must be macro or micro.") from None


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table that appears complete or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_text(path: Path, text: str) -> None:
    """Write a text file that appears complete or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.writing")
    try:
        partial.write_text(text, "utf-8", newline="")
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}).") from error
    finally:
        partial.unlink(missing_ok=True)
