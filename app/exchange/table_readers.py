"""Reading other coders' tables: BORIS's events, our own CSV and any CSV with our column names, MEGC's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from app.exchange.boris import POINT_CODES
from app.exchange.labels import Label
from app.exchange.own_tables import COUNTS, known_status
from app.exchange.text_tables import Row, UnfitError, Wanted, table_rows
from app.exchange.tier_readers import Labels, apex_in, check_readable
from models.errors import DataError

_BORIS_NAMES = {
    "time": ("time", "time (s)"),
    "start": ("start (s)",),
    "stop": ("stop (s)",),
    "code": ("behavior", "code"),
    "subject": ("subject",),
    "modifier": ("modifiers", "modifier"),
    "kind": ("behavior type", "status", "type", "event type"),
    "comment": ("comment", "comment start"),
    "media": ("media file name", "media file path", "media file"),
}
"""BORIS's headers, of its own import, its tabular and its aggregated events, old and new."""

_ROLES = {"start": "start", "stop": "stop", "point": "point", "state start": "start", "state stop": "stop"}


def read_boris(path: Path) -> Labels:
    """Events of BORIS, as its import takes them (time, code) or as it exports them (tabular or aggregated).

    Rows of a state are paired by subject, behaviour and modifier in order of time, as BORIS pairs them. Without a
    column that says so, a behaviour is a point where its name is one of our export's, else a state.

    Raises:
        UsageError, DataError: it cannot be read, or a state is begun and not ended.
    """
    rows = _table(path, (("behavior", "code"), ("time", "time (s)", "start (s)")))
    headers = rows[0].cells if rows else {}
    if any(name in headers for name in _BORIS_NAMES["start"]):
        labels = [_aggregated(path, row) for row in rows]
    else:
        labels = list(_paired(path, rows))
    media = next((name for row in rows if (name := row.first(_BORIS_NAMES["media"]))), "")
    return Labels(tuple(labels), media.replace("\\", "/").rpartition("/")[2])


def _aggregated(path: Path, row: Row) -> Label:
    where = f"row {row.number}"
    code = row.first(_BORIS_NAMES["code"])
    start_s = _number(path, row, "start (s)")
    if row.first(_BORIS_NAMES["kind"]).casefold() == "point":
        return Label((code,), start_s, None, None, where)
    stop_s = _number(path, row, "stop (s)")
    return Label((code,), start_s, stop_s, apex_in(row.first(_BORIS_NAMES["comment"]), start_s, stop_s), where)


def _paired(path: Path, rows: list[Row]) -> Iterator[Label]:
    time = next((name for name in _BORIS_NAMES["time"] if rows and name in rows[0].cells), "time")
    timed = sorted(((_number(path, row, time), row.number, row) for row in rows), key=lambda one: one[:2])
    begun: dict[tuple[str, str, str], tuple[float, Row]] = {}
    for time_s, number, row in timed:
        code = row.first(_BORIS_NAMES["code"])
        role = _ROLES.get(row.first(_BORIS_NAMES["kind"]).strip().casefold())
        if role == "point" or (role is None and code in POINT_CODES.values()):
            yield Label((code,), time_s, None, None, f"row {number}")
            continue
        key = (row.first(_BORIS_NAMES["subject"]), code, row.first(_BORIS_NAMES["modifier"]))
        if key not in begun:
            if role == "stop":
                raise DataError(f"{path}, row {number}: {code} stops without having started; add the row of its start.")
            begun[key] = (time_s, row)
        else:
            if role == "start":
                before = begun[key][1].number
                raise DataError(
                    f"{path}, row {number}: {code} starts again before it stopped (it began in row {before})."
                )
            start_s, first = begun.pop(key)
            apex_s = apex_in(first.first(_BORIS_NAMES["comment"]), start_s, time_s)
            yield Label((code,), start_s, time_s, apex_s, f"rows {first.number} and {number}")
    for (_, code, _), (_, row) in begun.items():
        raise DataError(f"{path}, row {row.number}: {code} starts and never stops; add the row where it stops.")


def read_csv(path: Path) -> dict[str, Labels]:
    """A CSV of intervals or points, by video (an empty name where there is no such column).

    Columns: ``type``, ``label`` or ``code``, with ``time_s``, or ``onset_s``, ``offset_s`` and optionally ``apex_s``,
    or the same as frames (``onset_frame``, …), or MEGC's ``vid``, ``pred_onset``, ``pred_offset``. Rows of our own
    tables that a person rejected, replaced or left out do not come along.

    Raises:
        UsageError, DataError: it cannot be read.
    """
    wanted = (("type", "label", "code"), ("time_s", "onset_s", "onset_frame", "pred_onset"))
    rows = _table(path, wanted)
    headers = rows[0].cells if rows else {}
    in_frames = "onset_s" not in headers and "time_s" not in headers
    names = ("onset_s", "offset_s", "apex_s")
    if in_frames:
        names = ("onset_frame", "offset_frame", "apex_frame")
        names = names if names[0] in headers else ("pred_onset", "pred_offset", "")
    found: dict[str, list[Label]] = {}
    for row in rows:
        if _status(path, row) not in COUNTS:
            continue
        onset, offset, apex = "time_s", "", ""
        if not row.cells.get("time_s", ""):
            onset, offset, apex = names
        found.setdefault(row.first(("video", "vid")), []).append(
            Label(
                (row.first(("type", "label", "code")),),
                _number(path, row, onset),
                _number(path, row, offset) if offset else None,
                _number(path, row, apex) if row.cells.get(apex, "") else None,
                f"row {row.number}",
            )
        )
    return {video: Labels(tuple(labels), video, clock=True, in_frames=in_frames) for video, labels in found.items()}


def _status(path: Path, row: Row) -> str:
    try:
        return known_status(row.first(("status",)))
    except UnfitError as error:
        raise DataError(f"{path}, row {row.number}: {error}; correct the cell.") from error


def _number(path: Path, row: Row, column: str) -> float:
    try:
        value = row.value(column)
        if not math.isfinite(value):
            raise UnfitError(f"{column} is {row.text(column)!r}, not a number")
    except UnfitError as error:
        raise DataError(f"{path}, row {row.number}: {error}; correct the cell.") from error
    return value


def _table(path: Path, wanted: Wanted) -> list[Row]:
    """Rows below the first line that has, of each group, one of the columns; lines before it are passed over."""
    check_readable(path)
    if path.suffix.lower() in (".xlsx", ".xls", ".ods", ".boris"):
        raise DataError(f"{path} is no text table; save or export it as CSV or TSV.")
    rows = table_rows(path, wanted)
    if rows is None:
        columns = " and ".join(" or ".join(group) for group in wanted)
        raise DataError(f"{path} has no line of headers with {columns}; docs/formats.md lists what can be read.")
    return rows
