"""Export to BORIS: rows of events with the columns that its import of a spreadsheet asks for.

BORIS takes state events in pairs, one row where a behaviour starts and one where it stops; it pairs rows of the same
subject, code and modifier in order of time. Its import reads ``.xlsx`` and ``.ods`` alone, so the same rows are written
as a workbook too; a CSV can be pasted.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from app.exchange.annotations import EXCLUDED, note, video_ms
from app.exchange.files import plain_text, safe_text, whole_path, write_table
from app.exchange.recording import Recording

COLUMNS = ("time", "subject", "code", "modifier", "comment")
POINT_CODES = {"macro": "point macro", "micro": "point micro"}
OVERLAP = "overlap"
"""Modifier of a state that begins while one of its code runs; without it BORIS would pair the wrong rows."""

_MARK, _STOP, _START, _STOP_AT_ONCE = range(4)


@dataclass(frozen=True, slots=True)
class _State:
    start_ms: int
    end_ms: int
    code: str
    modifier: str
    comment: str


def boris_files(recording: Recording, out: Path) -> list[Path]:
    """Where ``write_boris`` writes."""
    return [out / f"{recording.name}.boris.csv", out / f"{recording.name}.boris.xlsx"]


def write_boris(recording: Recording, files: Sequence[Path]) -> None:
    """The events as a CSV and as a workbook.

    Raises:
        OutputError: a file cannot be written.
    """
    rows = _rows(recording)
    cells = ((f"{ms / 1000:.3f}", *(safe_text(text) for text in texts)) for ms, texts in rows)
    write_table(files[0], COLUMNS, cells)
    _write_workbook(files[1], rows)


def _rows(recording: Recording) -> list[tuple[int, tuple[str, str, str, str]]]:
    """Rows in order of time: milliseconds from the video's first picture, subject, code, modifier, comment."""
    subject = plain_text(recording.participant)
    states = [
        _State(
            video_ms(recording, stored.interval.onset_s),
            video_ms(recording, stored.interval.offset_s),
            stored.interval.type.value,
            "",
            note(recording, stored),
        )
        for stored in recording.kept
    ]
    states += [
        _State(video_ms(recording, e.start_s), video_ms(recording, e.end_s), EXCLUDED, "", plain_text(e.reason))
        for e in recording.exclusions
    ]
    # at one time: marks, then stops, then starts, so that states which touch are paired as they belong together
    events = [
        (video_ms(recording, point.time_s), _MARK, (subject, POINT_CODES[point.type.value], "", ""))
        for point in recording.points
    ]
    for state in _without_overlap(states):
        stop = _STOP if state.end_ms > state.start_ms else _STOP_AT_ONCE
        events.append((state.start_ms, _START, (subject, state.code, state.modifier, state.comment)))
        events.append((state.end_ms, stop, (subject, state.code, state.modifier, "")))
    return [(ms, texts) for ms, _, texts in sorted(events)]


def _without_overlap(states: list[_State]) -> list[_State]:
    """The states, those that overlap one of their code under a modifier of their own."""
    ends: dict[tuple[str, str], int] = {}
    result = []
    for state in sorted(states, key=lambda state: (state.start_ms, state.end_ms)):
        number, modifier = 1, ""
        while ends.get((state.code, modifier), -1) > state.start_ms:
            modifier = OVERLAP if number == 1 else f"{OVERLAP} {number}"
            number += 1
        ends[state.code, modifier] = state.end_ms
        result.append(_State(state.start_ms, state.end_ms, state.code, modifier, state.comment))
    return result


_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="events" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
"""The parts of a workbook with one sheet (ECMA-376), but for the sheet."""


def _write_workbook(file: Path, rows: list[tuple[int, tuple[str, str, str, str]]]) -> None:
    """One sheet of numbers and inline texts; a text in a workbook is a text, so nothing in it can run."""
    lines = [_row(1, "".join(_text_cell(title) for title in COLUMNS))]
    lines += [
        _row(number, f"<c><v>{ms / 1000:.3f}</v></c>" + "".join(_text_cell(text) for text in texts))
        for number, (ms, texts) in enumerate(rows, start=2)
    ]
    sheet = f'<worksheet xmlns="{_SHEET}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
    with whole_path(file) as partial, zipfile.ZipFile(partial, "x", zipfile.ZIP_DEFLATED) as package:
        for name, part in (*_PARTS.items(), ("xl/worksheets/sheet1.xml", sheet)):
            package.writestr(name, _XML + part)


def _row(number: int, cells: str) -> str:
    return f'<row r="{number}">{cells}</row>'


def _text_cell(text: str) -> str:
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'
