"""Tables as data sets' owners hand them out: ``.xlsx``, ``.xls`` or ``.csv``, read without guessing at types."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import LabelError
from models.types import ExpressionType
from training.archive_tables import semicolons
from training.readers.layout import TABLES

_HEADER_WITHIN_ROWS = 40
"""Some releases put a page of explanation above the header."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its rows from the first, each cell as stripped text (whole numbers without a decimal point).

    hidden: whether a spreadsheet program does not show it.
    """

    path: Path
    name: str
    rows: tuple[tuple[str, ...], ...]
    hidden: bool = False


def read_sheets(path: Path) -> list[Sheet]:
    """All sheets of a table file.

    Raises:
        LabelError: the file cannot be read as a table.
    """
    if path.suffix.lower() not in TABLES | {".xlsm"}:
        raise LabelError(f"{path} is not a label table; it must be a file .csv, .xlsx or .xls.")
    try:
        if path.suffix.lower() == ".csv":
            return [_csv(path)]
        if path.suffix.lower() == ".xls":
            return _xls(path)
        return _xlsx(path)
    except ModuleNotFoundError as error:
        raise LabelError(f"{path} needs the package {error.name}: pip install 'apexspot[train]'.") from error
    except UnicodeDecodeError as error:
        raise LabelError(f"{path} cannot be read as a table, since it is not text in UTF-8; save it so.") from error
    except Exception as error:  # the packages raise whatever a damaged file trips them over
        reason = " ".join(str(error).split()) or type(error).__name__
        raise LabelError(f"{path} cannot be read as a table ({reason}); please take the file as handed out.") from error


def _csv(path: Path) -> Sheet:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return Sheet(path, path.stem, tuple(tuple(_text(cell) for cell in row) for row in csv.reader(file)))


def _xlsx(path: Path) -> list[Sheet]:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and validation rules that do not matter here
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        return [
            Sheet(
                path,
                sheet.title,
                tuple(tuple(_text(c) for c in row) for row in sheet.iter_rows(values_only=True)),
                sheet.sheet_state != "visible",
            )
            for sheet in book.worksheets
        ]
    finally:
        book.close()


def _xls(path: Path) -> list[Sheet]:
    import xlrd

    # of a damaged file it would say more on stdout
    book = xlrd.open_workbook(str(path), logfile=io.StringIO())
    return [
        Sheet(path, s.name, tuple(tuple(_text(c) for c in s.row_values(i)) for i in range(s.nrows)), s.visibility != 0)
        for s in book.sheets()
    ]


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def columns(sheet: Sheet, wanted: Sequence[str]) -> tuple[int, dict[str, int]]:
    """Row index of the header and the column of each wanted title (a title may go on: ``Onset Frame``).

    Raises:
        LabelError: a column is missing.
    """
    best: dict[str, int] = {}
    best_row = 0
    for number, row in enumerate(sheet.rows[:_HEADER_WITHIN_ROWS]):
        titles = [cell.lower() for cell in row]
        found = {}
        for title in wanted:
            exact = [i for i, cell in enumerate(titles) if cell == title.lower()]
            longer = [i for i, cell in enumerate(titles) if cell.startswith(title.lower())]
            if exact or longer:
                found[title] = (exact or longer)[0]
        if len(found) > len(best):
            best, best_row = found, number
    for title in wanted:
        if title not in best:
            raise LabelError(
                f"{sheet.path}, sheet {sheet.name}: there is no column {title}; it needs {', '.join(wanted)}"
                f"{semicolons(sheet.rows[best_row]) if sheet.rows else ''}."
            )
    return best_row, best


def cell(row: Sequence[str], column: int) -> str:
    """A cell, empty where the row breaks off before it."""
    return row[column] if column < len(row) else ""


def frame_number(sheet: Sheet, row_number: int, text: str) -> int | None:
    """A coded frame; 0, negative numbers, dashes and empty cells mean that there is none.

    Raises:
        LabelError: the cell holds something else.
    """
    if text in ("", "-", "/", "\\"):
        return None
    try:
        number = int(text)
    except ValueError:
        raise LabelError(
            f"{sheet.path}, sheet {sheet.name}, row {row_number}: {text!r} is not a frame number; please correct it."
        ) from None
    return number if number > 0 else None


def expression_type(path: Path, row_number: int, text: str) -> ExpressionType:
    """``macro`` or ``micro`` from however the owner spells it (``Micro - 1/2``, ``macro-expression``).

    Raises:
        LabelError: neither.
    """
    for kind in ExpressionType:
        if text.strip().lower().startswith(kind.value):
            return kind
    raise LabelError(f"{path}, row {row_number}: type is {text!r}; it must be macro or micro.")
