"""CAS(ME)^2 (Qu et al. 2018): 22 people, 30 frames a second, macro- and micro-expressions.

As unpacked: ``rawpic/s15/15_0101disgustingteeth/img001.jpg`` or ``rawvideo/s15/15_0101disgustingteeth.avi``. The
spreadsheet has no header; its people and films are numbered anew, and two more of its sheets say how.
"""

from __future__ import annotations

import re
from pathlib import Path

from models.errors import LabelError
from training.readers.labels import CodedRow
from training.readers.original import Original
from training.readers.spreadsheet import Sheet, cell, expression_type, frame_number, read_sheets

DATA_SET = "casme2"
FPS = 30.0

_RECORDING = re.compile(r"^(?:casme_)?(?P<subject>\d{2,3})_(?P<film>\d{4})")
_FILM_ALONE = re.compile(r"^(?P<film>\d{4})(?!\d)")
_SUBJECT_FOLDER = re.compile(r"^s(\d{2,3})$", re.IGNORECASE)
# but not the one of CAS(ME)^3, which may lie beside it
_TABLE = r"^(?!.*(part_?[abc]|me\)\^?3|casme_?3)).*(casme|cas\(me\)|code_?final)"
_CODES = ("person", "expression", "onset", "apex", "offset", "action units", "class", "type", "emotion")

# one row of the sheet as handed out
_TYPOS = {"happyiness": "happiness"}


def _name(parts: tuple[str, ...]) -> str | None:
    # the recording's own name goes first: 23_0502funnyerrors is handed out inside s19
    if found := _RECORDING.match(parts[-1]):
        return f"casme_{int(found['subject']):03d}_{found['film']}"
    folder = _SUBJECT_FOLDER.match(parts[-2]) if len(parts) > 1 else None
    film = _FILM_ALONE.match(parts[-1])
    return f"casme_{int(folder[1]):03d}_{film['film']}" if folder and film else None


def read_rows(table: Path) -> list[CodedRow]:
    """The coded expressions, with the names of the recordings that the two naming sheets give.

    Raises:
        LabelError: a sheet or column is missing, or a cell cannot be understood.
    """
    sheets = read_sheets(table)
    codes = next((s for s in sheets if any("expression" in cell(r, 7).lower() for r in s.rows[:5])), None)
    if codes is None:
        raise LabelError(f"{table}: no sheet has the nine columns of codes ({', '.join(_CODES)}).")
    people = _people(table, sheets)
    films = _films(table, sheets)
    rows = []
    for number, row in enumerate(codes.rows, start=1):
        where = f"{table}, sheet {codes.name}, row {number}"
        if not cell(row, 0).isdigit():
            if any(row) and number > 1:
                raise LabelError(f"{where}: {cell(row, 0)!r} is not a person's number; please correct the row.")
            continue
        film = cell(row, 1).rsplit("_", 1)[0].lower()
        if int(row[0]) not in people or film not in films:
            raise LabelError(f"{where}: the naming sheets know no person {row[0]} or no film {film}.")
        subject = f"casme_{people[int(row[0])]:03d}"
        onset, apex, offset = (frame_number(codes, number, cell(row, column)) for column in (2, 3, 4))
        emotion = cell(row, 8).lower()
        rows.append(
            CodedRow(
                number,
                f"{subject}_{films[film]}",
                subject,
                onset,
                apex,
                offset,
                expression_type(table, number, cell(row, 7)),
                cell(row, 5),
                _TYPOS.get(emotion, emotion),
            )
        )
    return rows


def _people(table: Path, sheets: list[Sheet]) -> dict[int, int]:
    """Person's number in the codes -> number in the folders."""
    for sheet in sheets:
        named = [row for row in sheet.rows if _SUBJECT_FOLDER.match(cell(row, 1)) and cell(row, 2).isdigit()]
        if named:
            return {int(row[2]): int(row[1][1:]) for row in named}
    raise LabelError(f"{table}: the sheet that names the people (15, s15, 1) is missing; it is part of the original.")


def _films(table: Path, sheets: list[Sheet]) -> dict[str, str]:
    """Film's name in the codes -> its four digits in the folders."""
    for sheet in sheets:
        named = [r for r in sheet.rows if cell(r, 0).isdigit() and re.fullmatch(r"[a-z]+\d", cell(r, 1).lower())]
        if named and all(not cell(row, 2) for row in named):
            return {row[1].lower(): f"{int(row[0]):04d}" for row in named}
    raise LabelError(f"{table}: the sheet that names the films (101, disgust1) is missing; it is part of the original.")


ORIGINAL = Original(
    data_set=DATA_SET,
    fps=FPS,
    table=_TABLE,
    table_words="the spreadsheet of CAS(ME)^2",
    example="rawpic/s15/15_0101…/img001.jpg or rawvideo/s15/15_0101….avi",
    name_of=_name,
    rows_of=read_rows,
)
"""The folder as unpacked and the spreadsheet as handed out (``CAS(ME)^2code_final.xlsx`` or similar)."""
