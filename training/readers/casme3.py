"""CAS(ME)^3 part A (Li et al. 2022): 100 people, 13 films each, 30 frames a second, macro- and micro-expressions.

As unpacked: ``part_A/spNO.1/a/color/1.jpg`` beside a folder ``depth`` that is not used; numbers have no leading zeros
and some are missing, so a picture's time follows from its number. Micro-expressions are typed by their coders and may
last longer than half a second.
"""

from __future__ import annotations

import re
from pathlib import Path

from models.errors import LabelError
from training.readers.labels import CodedRow
from training.readers.original import Original
from training.readers.spreadsheet import cell, columns, expression_type, frame_number, read_sheets

DATA_SET = "casme3"
FPS = 30.0

_SUBJECT = re.compile(r"^sp(?:no)?\.?(?P<subject>\d{1,3})$", re.IGNORECASE)
_FILM = re.compile(r"^[a-m]$", re.IGNORECASE)
_WHOLE = re.compile(r"^sp(?:no)?\.?(?P<subject>\d{1,3})_(?P<film>[a-m])$", re.IGNORECASE)
_FRAMES = ("Onset", "Apex", "Offset")
_COLUMNS = ("Subject", "Filename", *_FRAMES, "AU", "Expression type")


def _name(parts: tuple[str, ...]) -> str | None:
    if parts[-1].lower() in ("color", "colour", "rgb"):
        parts = parts[:-1]
    if found := _WHOLE.match(parts[-1]):
        return _recording(found["subject"], found["film"])
    if len(parts) < 2:
        return None
    person = _SUBJECT.match(parts[-2])
    return _recording(person["subject"], parts[-1]) if person and _FILM.match(parts[-1]) else None


def _recording(subject: str, film: str) -> str:
    return f"casme3_{int(subject):03d}_{film.lower()}"


def read_rows(table: Path) -> list[CodedRow]:
    """The coded expressions of the first sheet; the second lists blinks.

    Raises:
        LabelError: a column is missing, or a cell cannot be understood.
    """
    sheet = read_sheets(table)[0]
    header, at = columns(sheet, _COLUMNS)
    rows = []
    for number, row in enumerate(sheet.rows[header + 1 :], start=header + 2):
        if not any(row):
            continue
        person, film = _SUBJECT.match(cell(row, at["Subject"])), cell(row, at["Filename"])
        if person is None or not _FILM.match(film):
            raise LabelError(
                f"{table}, row {number}: {cell(row, at['Subject'])!r}, {film!r} is not a person and a film (spNO.1, a)."
            )
        name = _recording(person["subject"], film)
        onset, apex, offset = (frame_number(sheet, number, cell(row, at[title])) for title in _FRAMES)
        rows.append(
            CodedRow(
                number,
                name,
                name.rsplit("_", 1)[0],
                onset,
                apex,
                offset,
                expression_type(table, number, cell(row, at["Expression type"])),
                cell(row, at["AU"]),
            )
        )
    return rows


ORIGINAL = Original(
    data_set=DATA_SET,
    fps=FPS,
    table=r"part_?a_v\d",
    table_words="the spreadsheet of CAS(ME)^3, part A (CAS(ME)3_part_A_v2.xls)",
    example="spNO.1/a/color/1.jpg",
    name_of=_name,
    rows_of=read_rows,
)
"""The folder as unpacked and the spreadsheet as handed out (``CAS(ME)3_part_A_v2.xls``)."""
