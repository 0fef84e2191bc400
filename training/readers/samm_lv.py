"""SAMM Long Videos (Yap et al. 2020): 32 people, 200 frames a second, macro- and micro-expressions.

As unpacked: ``SAMM_longvideos/006_1/006_1_0001.jpg``, one folder a recording (person, film). The spreadsheet names an
expression ``006_1_2``; some releases put a page of explanation above its header.
"""

from __future__ import annotations

import re
from pathlib import Path

from models.errors import LabelError
from training.readers.labels import CodedRow
from training.readers.original import Original
from training.readers.spreadsheet import cell, columns, expression_type, frame_number, read_sheets

DATA_SET = "samm_lv"
FPS = 200.0

# 006_1_2 is a clip of the older SAMM set, not a long video
_RECORDING = re.compile(r"^(?:samm_)?(?P<subject>\d{3})_(?P<film>\d{1,2})$", re.IGNORECASE)
_EXPRESSION = re.compile(r"^(?P<subject>\d{1,3})_(?P<film>\d{1,2})(?:_\d+)?$")
_FRAMES = ("Onset", "Apex", "Offset")
_COLUMNS = ("Filename", *_FRAMES, "Type", "Action Units")


def _name(parts: tuple[str, ...]) -> str | None:
    found = _RECORDING.match(parts[-1])
    return f"samm_{found['subject']}_{int(found['film'])}" if found else None


def read_rows(table: Path) -> list[CodedRow]:
    """The coded expressions.

    Raises:
        LabelError: a column is missing, or a cell cannot be understood.
    """
    sheet = read_sheets(table)[0]
    header, at = columns(sheet, _COLUMNS)
    rows = []
    for number, row in enumerate(sheet.rows[header + 1 :], start=header + 2):
        filename = cell(row, at["Filename"])
        if not filename:
            continue
        named = _EXPRESSION.match(filename)
        if named is None:
            raise LabelError(f"{table}, row {number}: Filename is {filename!r}, not person_film_expression (006_1_2).")
        subject = f"samm_{int(named['subject']):03d}"
        onset, apex, offset = (frame_number(sheet, number, cell(row, at[title])) for title in _FRAMES)
        rows.append(
            CodedRow(
                number,
                f"{subject}_{int(named['film'])}",
                subject,
                onset,
                apex,
                offset,
                expression_type(table, number, cell(row, at["Type"])),
                cell(row, at["Action Units"]),
            )
        )
    return rows


ORIGINAL = Original(
    data_set=DATA_SET,
    fps=FPS,
    table=r"samm.*long",
    table_words="the spreadsheet of SAMM Long Videos",
    example="006_1/006_1_0001.jpg or 006_1.mp4",
    name_of=_name,
    rows_of=read_rows,
)
"""The folder as unpacked and the spreadsheet as handed out (``SAMM_LongVideos_V3_Release.xlsx`` or similar)."""
