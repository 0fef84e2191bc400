"""The application's own sessions: folders with ``session.json``, ``video.mp4`` and ``points.csv`` (DESIGN.md 4)."""

from __future__ import annotations

import re
from pathlib import Path

from models.errors import LabelError, UsageError
from models.types import GRID_HZ
from models.video import VideoFile
from training.readers.labels import CodedPoint, Finding, Reading, RecordingLabels
from training.readers.plain import END_SLACK_S
from training.readers.spreadsheet import cell, columns, expression_type, read_sheets

DATA_SET = "sessions"

_NAME = re.compile(r"^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(?:_(?P<person>.+?))?(?:-\d+)?$")


def read(root: Path, labels: Path | None = None, *, unlabelled: bool = False) -> Reading:
    """Read one session folder, or all in a folder. The name behind the date is taken as the subject.

    Sessions without a point are left out unless ``unlabelled`` is true.

    Raises:
        UsageError: there is no session, or ``labels`` was given (each session has its own).
        LabelError: a table of a session cannot be understood.
    """
    if labels is not None:
        raise UsageError("Sessions carry their points in points.csv; --labels is for other data sets.")
    folders = [root, *sorted(root.iterdir())] if root.is_dir() else []
    sessions = [folder for folder in folders if (folder / "session.json").is_file()]
    if not sessions:
        raise UsageError(f"{root} is no session folder and holds none (a folder with session.json).")
    recordings = []
    findings = []
    for folder in sessions:
        video = folder / "video.mp4"
        if not video.is_file():
            findings.append(Finding(f"{folder.name} has no video.mp4, only scores; left out.", lost=False))
            continue
        with VideoFile(video) as file:
            fps, end_s = file.nominal_fps or GRID_HZ, file.duration_s
        points = _points(folder, end_s, findings)
        if points or unlabelled:
            recordings.append(RecordingLabels(folder.name, _subject(folder), DATA_SET, video, fps, (), points))
        else:
            findings.append(Finding(f"{folder.name} has no points yet; left out (--unlabelled takes it in).", False))
    return Reading(DATA_SET, tuple(recordings), tuple(findings))


def _subject(folder: Path) -> str:
    found = _NAME.match(folder.name)
    return found["person"] if found and found["person"] else folder.name


def _points(folder: Path, end_s: float | None, findings: list[Finding]) -> tuple[CodedPoint, ...]:
    table = folder / "points.csv"
    if not table.is_file():
        return ()
    # the session's clock may start before its first frame; a video always starts at 0
    start_s = _first_time_s(folder / "frames.csv")
    sheet = read_sheets(table)[0]
    header, at = columns(sheet, ("time_s", "type"))
    points = []
    for number, row in enumerate(sheet.rows[header + 1 :], start=header + 2):
        if not any(row):
            continue
        try:
            time_s = float(cell(row, at["time_s"])) - start_s
        except ValueError:
            raise LabelError(f"{table}, row {number}: time_s is {cell(row, at['time_s'])!r}, not seconds.") from None
        kind = expression_type(table, number, cell(row, at["type"]))
        if time_s < 0 or (end_s is not None and time_s > end_s + END_SLACK_S):
            findings.append(Finding(f"{table}, row {number}: the point lies outside video.mp4; correct it.", lost=True))
        else:
            points.append(CodedPoint(time_s, kind))
    return tuple(points)


def _first_time_s(table: Path) -> float:
    if not table.is_file():
        return 0.0
    sheet = read_sheets(table)[0]
    header, at = columns(sheet, ("time_s",))
    if len(sheet.rows) <= header + 1:
        return 0.0
    try:
        return float(cell(sheet.rows[header + 1], at["time_s"]))
    except ValueError:
        raise LabelError(f"{table}, row {header + 2}: time_s is not a number of seconds.") from None
