"""The application's own sessions: folders with ``session.json``, ``features.npy``, ``points.csv`` (DESIGN.md 4).

A session keeps what perception saw while it ran, frame by frame. That is taken as it is, so that training sees exactly
what the application saw, and sessions without a video serve as well. Only where it is missing is the video seen again.
Stretches that a person excluded (``exclusions.csv``) give no points, and their frames count as frames without a face.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.digest import perception_digest
from models.errors import LabelError, UsageError
from models.types import GRID_HZ, REGION_COUNT
from models.video import VideoFile
from training.listing import some
from training.readers.labels import CodedPoint, Finding, GivenPoints, Reading, RecordingLabels, alike_subjects
from training.readers.lookup import files_below
from training.readers.plain import END_SLACK_S
from training.readers.rates import frame_rate_hz
from training.readers.spreadsheet import cell, columns, expression_type, read_sheets

DATA_SET = "sessions"
FEATURES_FILE = "features.npy"
EXCLUSIONS_FILE = "exclusions.csv"

_SLACK_S = 1e-5
"""The tables' times have six decimals."""

_FIELDS = {"time_s": (), "valid": (), "quality": (), "position_iod": (REGION_COUNT, 2)}


def read(root: Path, labels: Path | None = None, *, unlabelled: bool = False) -> Reading:
    """Read one session folder, or all in a folder. The subject is the participant that ``session.json`` names.

    A session that names none counts as a person of its own. Sessions without a point are left out unless
    ``unlabelled`` is true.

    Raises:
        UsageError: there is no session, or ``labels`` was given (each session has its own).
        LabelError: a table of a session cannot be understood.
    """
    if labels is not None:
        raise UsageError("Sessions carry their points in points.csv; --labels is for other data sets.")
    if root.name in ("", ".."):
        root = root.resolve()  # a session is called as its folder is
    folders = [root, *sorted(root.iterdir())] if root.is_dir() else []
    sessions = [folder for folder in folders if (folder / "session.json").is_file()]
    # not taken unasked: they may be copies that other coders have reviewed
    deeper = [path.parent for path in files_below(root) if path.name == "session.json" and len(path.parts) > 2]
    where = some([path.as_posix() for path in deeper], most=3)
    if not sessions:
        instead = f"; there are some deeper ({where}), name the folder that they lie in" if deeper else ""
        raise UsageError(f"{root} is no session folder and holds none (a folder with session.json){instead}.")
    recordings: list[RecordingLabels] = []
    findings: list[Finding] = []
    if deeper:
        count = f"{len(deeper)} session{'s' if len(deeper) > 1 else ''}"
        sentence = f"{count} in deeper folders of {root} ({where}) left out; give each such folder"
        findings.append(Finding(f"{sentence} an archive of its own with --root.", lost=False))
    for folder in sessions:
        _read_session(folder, recordings, findings, unlabelled=unlabelled)
    return Reading(DATA_SET, tuple(recordings), (*findings, *alike_subjects(recordings)))


def load_features(path: Path) -> NDArray[np.void]:
    """Rows of ``features.npy`` with the fields time_s (s), valid, quality, position_iod (12, 2).

    Frames of excluded stretches are not valid.

    Raises:
        LabelError: it cannot be read, holds nothing, or has other fields.
    """
    try:
        with path.open("rb") as file:
            rows = np.load(file, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise LabelError(f"{path} cannot be read ({error}); open the session in apexspot to repair it.") from error
    shapes = {name: rows.dtype[name].shape for name in rows.dtype.names or ()}
    if rows.ndim != 1 or any(shapes.get(name) != shape for name, shape in _FIELDS.items()):
        raise LabelError(f"{path} does not hold a session's features as this version of apexspot writes them.")
    if not len(rows):
        raise LabelError(f"{path} holds no frames; leave this session out.")
    for start_s, end_s in _exclusions(path.parent):
        excluded = (rows["time_s"] >= start_s - _SLACK_S) & (rows["time_s"] <= end_s + _SLACK_S)
        rows["valid"][excluded] = False
        rows["position_iod"][excluded] = np.nan
    return np.asarray(rows)


def exclusions_digest(folder: Path) -> str:
    """Changes with what a person excluded from a session; empty where nothing was."""
    path = folder / EXCLUSIONS_FILE
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else ""


def _read_session(
    folder: Path, recordings: list[RecordingLabels], findings: list[Finding], *, unlabelled: bool
) -> None:
    features, video = folder / FEATURES_FILE, folder / "video.mp4"
    if features.is_file():
        source = features
        time_s = load_features(features)["time_s"]
        start_s, end_s = float(time_s[0]), float(time_s[-1] - time_s[0])
        fps = 1.0 / float(np.median(np.diff(time_s))) if len(time_s) > 1 else GRID_HZ
    elif video.is_file():
        source = video
        start_s = _first_time_s(folder / "frames.csv")
        with VideoFile(video) as file:
            fps, end_s = frame_rate_hz(file) or GRID_HZ, file.duration_s or np.inf
    else:
        findings.append(Finding(f"{folder.name} has neither {FEATURES_FILE} nor video.mp4; left out.", lost=True))
        return
    points = _points(folder, start_s, end_s, findings)
    if points or unlabelled:
        info = _info(folder)
        subject = _subject(folder, info, findings)
        if source == features:
            _check_perception(folder, info, findings)
        recordings.append(RecordingLabels(folder.name, subject, DATA_SET, source, fps, (), points))
    else:
        findings.append(Finding(f"{folder.name} has no points yet; left out (--unlabelled takes it in).", lost=False))


def _info(folder: Path) -> dict[str, Any]:
    path = folder / "session.json"
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise LabelError(f"{path} cannot be read ({error}); leave this session out.") from error


def _subject(folder: Path, info: dict[str, Any], findings: list[Finding]) -> str:
    participant = info.get("participant")
    if not participant:
        findings.append(
            Finding(f"{folder.name} names no participant in session.json; taken as a person of its own.", lost=False)
        )
    return str(participant or folder.name)


def _check_perception(folder: Path, info: dict[str, Any], findings: list[Finding]) -> None:
    """Say so where the features are not what perception would see today."""
    model = info.get("model")
    seen_by = model.get("perception") if isinstance(model, dict) else None
    if seen_by and seen_by != perception_digest():
        findings.append(
            Finding(
                f"{folder.name} was recorded with another version of the perception; what was seen then is taken as it "
                "is, and may differ a little from what this version would see.",
                lost=False,
            )
        )


def _points(folder: Path, start_s: float, end_s: float, findings: list[Finding]) -> tuple[CodedPoint, ...]:
    """The points, in seconds from the first frame: the session's clock may have started before."""
    table = folder / "points.csv"
    if not table.is_file():
        return ()
    sheet = read_sheets(table)[0]
    header, at = columns(sheet, ("time_s", "type"))
    points = GivenPoints(folder.name)
    exclusions = _exclusions(folder)
    for number, row in enumerate(sheet.rows[header + 1 :], start=header + 2):
        if not any(row):
            continue
        try:
            time_s = float(cell(row, at["time_s"])) - start_s
        except ValueError:
            raise LabelError(f"{table}, row {number}: time_s is {cell(row, at['time_s'])!r}, not seconds.") from None
        kind = expression_type(table, number, cell(row, at["type"]))
        if any(first_s - _SLACK_S <= time_s + start_s <= last_s + _SLACK_S for first_s, last_s in exclusions):
            findings.append(Finding(f"{table}, row {number}: the point lies in an excluded stretch.", lost=False))
        elif -END_SLACK_S <= time_s <= end_s + END_SLACK_S:
            points.add(f"{table}, row {number}", CodedPoint(min(max(time_s, 0.0), end_s), kind), findings)
        else:
            findings.append(
                Finding(f"{table}, row {number}: the point lies outside the session; correct or remove it.", lost=True)
            )
    return tuple(points.kept)


def _exclusions(folder: Path) -> list[tuple[float, float]]:
    """Start and end (s, on the session's clock, inclusive) of the stretches that a person took out."""
    table = folder / EXCLUSIONS_FILE
    if not table.is_file():
        return []
    sheet = read_sheets(table)[0]
    header, at = columns(sheet, ("start_s", "end_s"))
    stretches = []
    for number, row in enumerate(sheet.rows[header + 1 :], start=header + 2):
        if not any(row):
            continue
        try:
            stretches.append((float(cell(row, at["start_s"])), float(cell(row, at["end_s"]))))
        except ValueError:
            raise LabelError(f"{table}, row {number}: start_s or end_s is not a number of seconds.") from None
    return stretches


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
