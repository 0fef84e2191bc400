"""``events.csv``: events that other programs marked while a session was recorded. Absent where nobody listened to any.

A label is text from another program. One line a row, and no label that a spreadsheet would run as a formula: such a
label is written with an apostrophe in front, which reading takes off again.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from app.session.reader import cell_time, table_rows
from app.session.schema import EVENTS_FILE
from app.session.tables import Lines

EVENT_COLUMNS = ("id", "time_s", "frame", "label", "stream")

_FORMULA = frozenset("=+-@＝＋－＠'")
"""Beginnings that a spreadsheet takes for a formula, and the apostrophe that keeps it from that."""

_LONGEST = 1000
"""Characters kept of a label."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A row of ``events.csv``. time_s: on the source's clock. frame: the source's nearest. stream: who sent it."""

    id: int
    time_s: float
    frame: int
    label: str
    stream: str


class EventTable:
    """``events.csv`` while it grows; the file is made with the first event. Used from one thread at a time.

    count: events that are on the disk.

    Raises:
        OSError: it cannot be made or written, from every method.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / EVENTS_FILE
        self._lines: Lines | None = None
        self._added = 0
        self.count = 0

    def add(self, time_s: float, frame: int, label: str, stream: str) -> None:
        """Add an event."""
        if self._lines is None:
            self._lines = Lines(self._path, EVENT_COLUMNS)
        self._added += 1
        row = io.StringIO()
        cells = (self._added, f"{time_s:.6f}", frame, _safe(label), _safe(stream))
        csv.writer(row, lineterminator="").writerow(cells)
        self._lines.add(row.getvalue())

    def sync(self) -> None:
        """From here on neither a killed program nor a power cut loses what was added."""
        if self._lines is not None and self.count < self._added:
            self._lines.flush()
            self._lines.sync()
            self.count = self._added

    def close(self) -> None:
        """Harmless when repeated. Not before ``sync``."""
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.close()


def read_events(folder: Path) -> tuple[StoredEvent, ...]:
    """The events of a session, in the order in which they came; a row that was not written whole is passed over.

    Raises:
        DataError: the table is damaged or cannot be read.
    """
    path = folder / EVENTS_FILE
    return tuple(table_rows(path, _event, torn=True)) if path.exists() else ()


def _event(row: dict[str, str]) -> StoredEvent:
    label, stream = (row[name].removeprefix("'") for name in ("label", "stream"))
    return StoredEvent(int(row["id"]), cell_time(row["time_s"]), int(row["frame"]), label, stream)


def _safe(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST]
    return f"'{line}" if line[:1] in _FORMULA and not _is_number(line) else line


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
