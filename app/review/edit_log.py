"""``edits.jsonl``: what a person did, a line each, on the disk before it counts; and the tables that follow from it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app.disk import sync_folder
from app.review.rows import History, LogLine
from app.review.state import ReviewState
from app.session.schema import (
    EDITS_FILE,
    EXCLUSION_COLUMNS,
    EXCLUSIONS_FILE,
    INTERVALS_FILE,
    POINT_COLUMNS,
    POINTS_FILE,
)
from app.session.tables import exclusion_row, interval_row, point_row, replace_table
from app.tables import INTERVAL_COLUMNS
from models.errors import DataError, OutputError

_LINE: TypeAdapter[LogLine] = TypeAdapter(LogLine)


class EditLog:
    """The log of one session folder; the file is made with the first line."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EDITS_FILE
        self._length = 0
        """Bytes of whole lines; what stands behind them was never done."""

    def read(self) -> list[LogLine]:
        """All lines; a torn last one is passed over.

        Raises:
            DataError: it cannot be read or is damaged.
        """
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise DataError(f"{self._path} cannot be read ({error.strerror}).") from error
        whole = data[: data.rfind(b"\n") + 1]
        self._length = len(whole)
        lines = []
        for number, text in enumerate(whole.splitlines(), start=1):
            try:
                lines.append(_LINE.validate_json(text))
            except ValidationError as error:
                raise DataError(f"{self._path} is damaged in line {number}.") from error
        return lines

    def history(self) -> History:
        """What all lines come to; one that does not fit those before it has no effect.

        Raises:
            DataError: as ``read``.
        """
        history = History()
        for line in self.read():
            with suppress(ValueError):
                history.take(line)
        return history

    def append(self, line: LogLine) -> None:
        """Write a line and wait until it is on the disk.

        Raises:
            OutputError: it cannot be written; the log is as it was before.
        """
        data = _LINE.dump_json(line, exclude_defaults=True) + b"\n"
        try:
            new = not self._path.exists()
            with self._path.open("ab") as file:
                if file.tell() < self._length:  # filling it up would damage it
                    raise OutputError(f"{self._path} was changed by something else; open the session again.")
                try:
                    file.truncate(self._length)
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    with suppress(OSError):
                        os.truncate(self._path, self._length)
                    raise
            if new:
                sync_folder(self._path.parent)
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written ({error.strerror}); the edit was not made.") from error
        self._length += len(data)

    def take_back(self, line: LogLine) -> None:
        """Cut off the newest line, where the tables could not follow it."""
        self._length -= len(_LINE.dump_json(line, exclude_defaults=True)) + 1
        with suppress(OSError):  # then the next line takes its place, or the tables follow it when opened again
            os.truncate(self._path, self._length)


def write_tables(folder: Path, before: ReviewState, after: ReviewState) -> None:
    """Replace the tables that differ.

    Raises:
        OutputError: one cannot be written; it stays as it was.
    """
    try:
        if after.intervals != before.intervals:
            intervals = sorted(after.intervals, key=lambda row: row.id)
            rows = (interval_row(row.id, row.interval, row.source, row.status) for row in intervals)
            replace_table(folder / INTERVALS_FILE, INTERVAL_COLUMNS, rows)
        if after.points != before.points:
            points = sorted(after.points, key=lambda row: row.id)
            replace_table(folder / POINTS_FILE, POINT_COLUMNS, map(point_row, points))
        if after.exclusions != before.exclusions:
            exclusions = sorted(after.exclusions, key=lambda row: row.id)
            replace_table(folder / EXCLUSIONS_FILE, EXCLUSION_COLUMNS, map(exclusion_row, exclusions))
    except OSError as error:
        raise OutputError(f"The tables in {folder} cannot be written ({error.strerror}).") from error
