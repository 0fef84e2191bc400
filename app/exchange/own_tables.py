"""Reading our own tables, which people change in a spreadsheet: what cannot be true is refused with its row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.exchange.text_tables import Row, UnfitError, missing_column, table_rows
from app.review.state import LEFT_OUT, Status
from app.session.reader import FrameTable, StoredInterval, is_time
from app.tables import FRAME_COLUMNS
from models.errors import DataError
from models.types import ExpressionType, Interval

COUNTS = (Status.FOUND.value, Status.ACCEPTED.value)
"""Statuses of intervals that count; the others were rejected by a person, replaced by one of theirs, or left out."""

_STATUSES = (*(status.value for status in Status), LEFT_OUT)

_MOST_FRAMES = 2**53
"""Above this a float does not hold every whole number."""

_T = TypeVar("_T")


def rows(path: Path, columns: tuple[str, ...], parse: Callable[[Row], _T]) -> Iterator[_T]:
    """Parsed rows of a table of ours, also as a spreadsheet saves it (semicolons or tabs, decimal commas).

    Raises:
        DataError: a column is missing or a row cannot be understood; the message names file, row and remedy.
    """
    table = table_rows(path, [(name,) for name in columns])
    if table is None:
        lacking = missing_column(path, columns)
        raise DataError(f"{path} lacks the column {lacking}; docs/formats.md lists what such a table holds.")
    for row in table:
        try:
            yield parse(row)
        except UnfitError as error:
            raise DataError(
                f"{path}, row {row.number} cannot be understood: {error}; correct it, or export it anew."
            ) from error


def stored_interval(row: Row) -> StoredInterval:
    """A row of an intervals table; an empty score becomes NaN, an empty status ``found``.

    Raises:
        UnfitError: a cell makes no sense, or onset, apex and offset are not in this order.
    """
    type_ = row.text("type")
    if type_ not in list(ExpressionType):
        raise UnfitError(f"its type is {type_!r}; it is {' or '.join(ExpressionType)}")
    interval = Interval(
        type=ExpressionType(type_),
        onset_s=row.value("onset_s"),
        apex_s=row.value("apex_s"),
        offset_s=row.value("offset_s"),
        onset_frame=row.whole("onset_frame"),
        apex_frame=row.whole("apex_frame"),
        offset_frame=row.whole("offset_frame"),
        score=_number(row, "score"),
    )
    if not (is_time(interval.onset_s) and is_time(interval.offset_s)):
        raise UnfitError("onset_s or offset_s is no time")
    if not interval.onset_s <= interval.apex_s <= interval.offset_s:
        raise UnfitError("onset_s, apex_s and offset_s are not in this order")
    if not 0 <= interval.onset_frame <= interval.apex_frame <= interval.offset_frame <= _MOST_FRAMES:
        raise UnfitError("onset_frame, apex_frame and offset_frame are not in this order")
    if math.isinf(interval.score):
        raise UnfitError("its score is infinite")
    return StoredInterval(row.whole("id"), interval, row.text("source"), known_status(row.text("status")))


def known_status(text: str) -> str:
    """A status as we write it, in capitals or not; what is empty has been ``found``.

    Raises:
        UnfitError: there is no such status.
    """
    status = text.strip().casefold() or COUNTS[0]
    if status not in _STATUSES:
        raise UnfitError(f"its status is {text!r}; known are {', '.join(_STATUSES)}")
    return status


def read_frames(path: Path) -> FrameTable:
    """A table of frames.

    Raises:
        DataError: a column is missing or a row cannot be understood.
    """
    values = np.array(list(rows(path, FRAME_COLUMNS, _frame)), np.float64)
    columns = values.reshape(-1, len(FRAME_COLUMNS)).T
    face = columns[2]
    return FrameTable(
        columns[0].astype(np.int64), columns[1], ~np.isnan(face), face == 1.0, *(column for column in columns[3:])
    )


def _frame(row: Row) -> list[float]:
    frame, time_s = row.whole("frame"), row.value("time_s")
    if not 0 <= frame <= _MOST_FRAMES:
        raise UnfitError(f"there is no frame {frame}")
    if not is_time(time_s):
        raise UnfitError(f"time_s is {row.text('time_s')!r}, not a time")
    return [frame, time_s, *(_number(row, name) for name in FRAME_COLUMNS[2:])]


def _number(row: Row, column: str) -> float:
    return row.value(column) if row.text(column) else math.nan
