"""Tables as text, whoever wrote them: found by their columns, whatever separates these, and no row half understood."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.exchange.files import bare_text
from models.errors import DataError

_SIZE_CAP_BYTES = 256 * 1024 * 1024

_SEPARATORS = ",\t;"
"""Tried in this order."""

Wanted = Sequence[Sequence[str]]
"""Columns of which a header has, of each group, at least one."""


class UnfitError(ValueError):
    """What a row says makes no sense; the message is a clause on why."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table by lowered header; number: as a spreadsheet counts."""

    number: int
    cells: dict[str, str]

    def first(self, names: Sequence[str]) -> str:
        """The cell under the first of the headers that the row has a cell for, else an empty text."""
        return next((self.cells[name] for name in names if name in self.cells), "")

    def text(self, column: str) -> str:
        """A cell.

        Raises:
            UnfitError: the row ends before it.
        """
        if column not in self.cells:
            raise UnfitError(f"it has no cell {column}")
        return self.cells[column]

    def value(self, column: str) -> float:
        """A cell's number, with a decimal point or a decimal comma; it may be NaN or infinite.

        Raises:
            UnfitError: it is none.
        """
        text = self.cells.get(column, "")
        try:
            return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
        except ValueError:
            raise UnfitError(f"{column} is {text!r}, not a number") from None

    def whole(self, column: str) -> int:
        """A cell's whole number.

        Raises:
            UnfitError: it is none.
        """
        text = self.text(column)
        try:
            return int(text)
        except ValueError:
            raise UnfitError(f"{column} is {text!r}, not a whole number") from None


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        DataError: it cannot be read, is far too large, or is not UTF-8.
    """
    try:
        if path.stat().st_size > _SIZE_CAP_BYTES:
            raise DataError(f"{path} is far too large for such a table.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text; save it as CSV in UTF-8.") from error


def table_rows(path: Path, wanted: Wanted) -> list[Row] | None:
    """Rows below the first line that has the columns; lines before it are passed over. None where no line has them.

    Raises:
        DataError: it cannot be read, a quotation mark is not closed, or a row has more cells than the header.
    """
    text = read_text(path)
    for separator in _SEPARATORS:
        if _header(text, separator, wanted) is not None:
            return _below_header(path, text, separator, wanted)
    return None


def missing_column(path: Path, columns: Sequence[str]) -> str:
    """The first of the columns that a table lacks, taken as it is likeliest meant."""
    lines = read_text(path).splitlines()
    headers = [_lowered(lines[0].split(separator)) if lines else [] for separator in _SEPARATORS]
    lacking = ([name for name in columns if name not in header] for header in headers)
    return min(lacking, key=len)[0]


def _lowered(cells: Sequence[str]) -> list[str]:
    return [cell.strip().strip('"').casefold() for cell in cells]


def _is_header(cells: Sequence[str], wanted: Wanted) -> bool:
    return all(any(name in cells for name in group) for group in wanted)


def _header(text: str, separator: str, wanted: Wanted) -> list[str] | None:
    try:
        for cells in csv.reader(io.StringIO(text), delimiter=separator):
            if _is_header(header := _lowered(cells), wanted):
                return header
    except csv.Error:  # with another separator it may be a table
        pass
    return None


def _below_header(path: Path, text: str, separator: str, wanted: Wanted) -> list[Row]:
    header: list[str] | None = None
    rows = []
    number = 0
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text), delimiter=separator, strict=True), start=1):
            if header is None:
                lowered = _lowered(cells)
                header = lowered if _is_header(lowered, wanted) else None
            elif any(cell.strip() for cell in cells):
                if any(cell.strip() for cell in cells[len(header) :]):
                    raise DataError(
                        f"{path}, row {number} has {len(cells)} cells, but there are {len(header)} columns; put a text "
                        "or a number with a comma in quotation marks, or separate the columns by semicolons."
                    )
                # where a header comes twice (BORIS names several columns alike) the first one counts
                pairs = list(zip(header, (bare_text(cell.strip()) for cell in cells), strict=False))
                rows.append(Row(number, dict(reversed(pairs))))
    except csv.Error as error:
        raise DataError(
            f"{path}, row {number + 1} cannot be understood ({error}); its quotation marks do not come in pairs."
        ) from error
    return rows
