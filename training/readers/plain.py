"""Anybody's own recordings: video files and a CSV.

``points.csv``: ``video,time_s,type``, one row an expression, ``time_s`` anywhere inside it. ``intervals.csv``:
``video,onset_s,offset_s,type``, optionally ``apex_s``. One file may hold both kinds of rows. ``video`` is a path below
the folder, with or without its ending (``training.readers.lookup``); an optional column ``subject`` says who is seen,
otherwise each video counts as a person of its own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.errors import ApexspotError, LabelError, UsageError
from models.types import GRID_HZ
from models.video import VideoFile
from training.listing import some
from training.readers.labels import (
    CodedInterval,
    CodedPoint,
    Finding,
    GivenPoints,
    Reading,
    RecordingLabels,
    alike_subjects,
)
from training.readers.lookup import OwnVideos
from training.readers.rates import frame_rate_hz
from training.readers.spreadsheet import Sheet, cell, columns, expression_type, read_sheets

DATA_SET = "plain"
END_SLACK_S = 0.1
"""A label may lie this far behind the end that the file states."""

_OPTIONAL = ("time_s", "onset_s", "apex_s", "offset_s", "subject")


@dataclass(slots=True)
class _Video:
    path: Path
    fps: float
    end_s: float
    subject: str
    points: GivenPoints
    intervals: list[CodedInterval] = field(default_factory=list)


def read(root: Path, labels: Path | None = None, *, unlabelled: bool = False) -> Reading:
    """Read the tables and look for their videos below ``root``. With ``unlabelled``, other videos there come along.

    Raises:
        UsageError: the folder or the tables are missing.
        LabelError: a table lacks a column or a cell cannot be understood.
    """
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}; --root wants the folder with the videos.")
    tables = _tables(root, labels)
    files = OwnVideos(root)
    videos: dict[str, _Video] = {}
    findings: list[Finding] = []
    unknown: dict[tuple[str, str], list[int]] = defaultdict(list)
    for table in tables:
        _read_table(root, files, _sheet(table), videos, findings, unknown)
    for (table_name, why), rows in unknown.items():
        findings.append(Finding(f"{table_name}, row {', '.join(map(str, rows))}: {why}.", lost=True))
    if unlabelled:
        _add_unlabelled(root, files, videos, findings)
    if not videos and not findings:
        raise LabelError(f"{tables[0]} holds no labels; it wants rows of video,time_s,type.")
    recordings = [
        RecordingLabels(name, v.subject, DATA_SET, v.path, v.fps, tuple(v.intervals), tuple(v.points.kept))
        for name, v in sorted(videos.items())
    ]
    nameless = [name for name, v in sorted(videos.items()) if v.subject == name]
    if 0 < len(nameless) < len(videos):
        findings.append(
            Finding(f"No subject is named of {some(nameless)}; each is taken as a person of its own.", lost=False)
        )
    return Reading(DATA_SET, tuple(recordings), (*findings, *alike_subjects(recordings)))


def _tables(root: Path, labels: Path | None) -> list[Path]:
    if labels is not None:
        if not labels.is_file():
            raise UsageError(f"There is no file {labels}; --labels wants a CSV with the columns video,time_s,type.")
        return [labels]
    tables = [root / name for name in ("points.csv", "intervals.csv") if (root / name).is_file()]
    if not tables:
        raise UsageError(f"{root} holds neither points.csv nor intervals.csv; please name the CSV with --labels.")
    return tables


def _sheet(table: Path) -> Sheet:
    """The sheet with the labels.

    Raises:
        LabelError: several have some; which are meant only their writer knows.
    """
    sheets = read_sheets(table)
    shown = [sheet for sheet in sheets if not sheet.hidden] or sheets
    labelled = [sheet for sheet in shown if _has_labels(sheet)]
    if len(labelled) > 1:
        names = ", ".join(sheet.name for sheet in labelled)
        raise LabelError(f"{table} has labels in several sheets ({names}); bring them into one, or hide the others.")
    return (labelled or shown)[0]


def _has_labels(sheet: Sheet) -> bool:
    try:
        header, _ = columns(sheet, ("video", "type"))
    except LabelError:
        return False
    titles = {title.lower() for title in sheet.rows[header]}
    return not titles.isdisjoint(("time_s", "onset_s")) and any(any(row) for row in sheet.rows[header + 1 :])


def _read_table(
    root: Path,
    files: OwnVideos,
    sheet: Sheet,
    videos: dict[str, _Video],
    findings: list[Finding],
    unknown: dict[tuple[str, str], list[int]],
) -> None:
    header, at = columns(sheet, ("video", "type"))
    titles = [title.lower() for title in sheet.rows[header]]
    at |= {title: titles.index(title) for title in _OPTIONAL if title in titles}
    if "time_s" not in at and not {"onset_s", "offset_s"} <= set(at):
        raise LabelError(f"{sheet.path} has no column time_s (points), nor onset_s and offset_s (intervals).")
    for number, row in enumerate(sheet.rows[header + 1 :], start=header + 2):
        if not any(row):
            continue
        where = f"{sheet.path}, row {number}"
        kind = expression_type(sheet.path, number, cell(row, at["type"]))
        times = {t: _seconds(where, t, cell(row, at[t])) for t in _OPTIONAL[:-1] if t in at and cell(row, at[t])}
        if "time_s" not in times and not {"onset_s", "offset_s"} <= set(times):
            raise LabelError(f"{where}: neither time_s nor onset_s and offset_s are given; fill them in.")
        meant = files.meant(cell(row, at["video"]))
        if len(meant) != 1:
            unknown[sheet.path.name, _not_one(root, cell(row, at["video"]), meant)].append(number)
            continue
        name = meant[0].as_posix()
        if name not in videos:
            videos[name] = _open(root / name, name)
        video = videos[name]
        subject = cell(row, at["subject"]) if "subject" in at else ""
        if subject and video.subject not in (name, subject):
            raise LabelError(
                f"{where}: {name} shows {subject} here and {video.subject} in an earlier row; correct one of them."
            )
        video.subject = subject or video.subject
        if late := [t for t in times.values() if not 0 <= t <= video.end_s + END_SLACK_S]:
            outside = f"{late[0]:g} s lies outside {name}, which is {video.end_s:.2f} s long; correct the row"
            findings.append(Finding(f"{where}: {outside}.", lost=True))
            continue
        if "time_s" in times:
            video.points.add(where, CodedPoint(min(times["time_s"], video.end_s), kind), findings)
        if "onset_s" in times and "offset_s" in times:
            onset_s, offset_s = times["onset_s"], times["offset_s"]
            apex_s = times.get("apex_s", (onset_s + offset_s) / 2)
            if not onset_s <= apex_s <= offset_s:
                raise LabelError(f"{where}: onset, apex and offset are not in this order; correct the row.")
            onset, apex, offset = (round(t * video.fps) for t in (onset_s, apex_s, offset_s))
            if any((i.onset, i.offset, i.type) == (onset, offset, kind) for i in video.intervals):
                same = f"the same {kind.value} interval of {name} ({onset_s:g} to {offset_s:g} s) as in an earlier row"
                findings.append(Finding(f"{where}: {same}; remove one of the rows.", lost=True))
                continue
            video.intervals.append(CodedInterval(onset, apex, offset, kind))


def _not_one(root: Path, video: str, meant: Sequence[Path]) -> str:
    """Why a cell names no video that can be taken."""
    if not video:
        return "no video is named; fill it in (of merged cells only the first holds what is seen)"
    if not meant:
        return f"there is no video {video} below {root}; check its name"
    several = some([path.as_posix() for path in meant])
    return f"{video} may be any of {several}; write which one, with its folder and ending"


def _seconds(where: str, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LabelError(f"{where}: {column} is {text!r}, not a time in seconds; correct it.")
    return value


def _open(path: Path, name: str) -> _Video:
    try:
        with VideoFile(path) as video:
            end_s = video.duration_s or math.inf
            return _Video(path, frame_rate_hz(video) or GRID_HZ, end_s, name, GivenPoints(name))
    except ApexspotError:
        return _Video(path, GRID_HZ, math.inf, name, GivenPoints(name))  # named, with the reason, when it is to be read


def _add_unlabelled(root: Path, files: OwnVideos, videos: dict[str, _Video], findings: list[Finding]) -> None:
    bare = {path.as_posix(): root / path for path in files.videos}
    for name in sorted(set(bare) - set(videos)):
        videos[name] = _open(bare[name], name)
        findings.append(Finding(f"{name} has no label; taken as free of expressions.", lost=False))
