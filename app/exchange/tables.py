"""Exports that are plain tables: our own CSV, the MEGC challenges, and frames in OpenFace's habit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.exchange.files import safe_text, write_table
from app.exchange.recording import Recording
from app.review.state import standing
from app.session.events import EVENT_COLUMNS
from app.session.reader import FrameTable, StoredInterval
from app.session.schema import EXCLUSION_COLUMNS, POINT_COLUMNS
from app.tables import FRAME_COLUMNS, INTERVAL_COLUMNS
from models.types import ExpressionType

MEGC_COLUMNS = ("vid", "pred_onset", "pred_offset", "type")
MEGC_STR_COLUMNS = ("subject", "video", "onset", "offset", "emotion")
OPENFACE_COLUMNS = (
    "frame",
    "face_id",
    "timestamp",
    "confidence",
    "success",
    "intensity",
    "macro_score",
    "micro_score",
    "in_macro",
    "in_micro",
)

_MEGC_TYPES = {ExpressionType.MACRO: "mae", ExpressionType.MICRO: "me"}


def csv_files(recording: Recording, out: Path) -> list[Path]:
    """Where ``write_csv`` writes: intervals, and of what there is frames, points, exclusions and events."""
    parts = ["intervals"]
    parts += ["frames"] if recording.frames is not None else []
    parts += ["points", "exclusions"] if recording.session else []
    parts += ["events"] if recording.events else []
    return [out / f"{recording.name}.{part}.csv" for part in parts]


def write_csv(recording: Recording, files: Sequence[Path]) -> None:
    """Our own tables, every row with its source and status."""
    by_part = {file.name.split(".")[-2]: file for file in files}
    standings = (replace(i, status=standing(i, recording.exclusions)) for i in recording.intervals)
    write_table(by_part["intervals"], INTERVAL_COLUMNS, map(interval_cells, standings))
    if recording.frames is not None:
        write_table(by_part["frames"], FRAME_COLUMNS, _frame_rows(recording.frames))
    if "points" in by_part:
        points = (
            (str(p.id), f"{p.time_s:.6f}", str(p.frame), p.type.value, safe_text(p.source)) for p in recording.points
        )
        write_table(by_part["points"], POINT_COLUMNS, points)
        exclusions = (
            (
                str(e.id),
                f"{e.start_s:.6f}",
                f"{e.end_s:.6f}",
                str(e.start_frame),
                str(e.end_frame),
                safe_text(e.reason),
            )
            for e in recording.exclusions
        )
        write_table(by_part["exclusions"], EXCLUSION_COLUMNS, exclusions)
    if "events" in by_part:
        events = (
            (str(e.id), f"{e.time_s:.6f}", str(e.frame), safe_text(e.label), safe_text(e.stream))
            for e in recording.events
        )
        write_table(by_part["events"], EVENT_COLUMNS, events)


def interval_cells(stored: StoredInterval) -> tuple[str, ...]:
    """A row of an intervals table; times with all the digits that a session has."""
    i = stored.interval
    return (
        str(stored.id),
        i.type.value,
        *(f"{value:.6f}" for value in (i.onset_s, i.apex_s, i.offset_s, i.duration_s)),
        *(str(frame) for frame in (i.onset_frame, i.apex_frame, i.offset_frame)),
        number_cell(i.score, 5),
        safe_text(stored.source),
        safe_text(stored.status),
    )


def number_cell(value: float, decimals: int, missing: str = "") -> str:
    """A number with so many decimals, ``missing`` for NaN."""
    return missing if math.isnan(value) else f"{value:.{decimals}f}"


def write_megc(recordings: Sequence[Recording], file: Path) -> None:
    """Spotted intervals as the spotting tasks of the MEGC challenges take them: frames, ends inclusive."""
    rows = (
        (
            safe_text(recording.video_id),
            str(stored.interval.onset_frame),
            str(stored.interval.offset_frame),
            _MEGC_TYPES[stored.interval.type],
        )
        for recording in recordings
        for stored in recording.kept
    )
    write_table(file, MEGC_COLUMNS, rows)


def write_megc_str(recordings: Sequence[Recording], file: Path) -> None:
    """Micro-expressions as the spot-then-recognise task takes them; the emotion is the coder's to fill in."""
    rows = (
        (
            safe_text(recording.participant),
            safe_text(recording.video_id),
            str(stored.interval.onset_frame),
            str(stored.interval.offset_frame),
            "",
        )
        for recording in recordings
        for stored in recording.of(ExpressionType.MICRO)
    )
    write_table(file, MEGC_STR_COLUMNS, rows)


def write_openface(recording: Recording, frames: FrameTable, file: Path) -> None:
    """One row per frame in OpenFace's order of columns; frames count from 1 there, times from the first picture."""
    inside = {type_: _inside(recording, frames, type_) for type_ in ExpressionType}
    quality = np.where(frames.face, np.nan_to_num(frames.quality), 0.0)
    rows = (
        (
            str(frames.index[k] + 1),
            "0",
            f"{frames.time_s[k] - recording.first_s:.4f}",
            f"{quality[k]:.3f}",
            str(int(frames.face[k])),
            *(number_cell(float(column[k]), 5) for column in (frames.intensity, frames.macro, frames.micro)),
            *(str(int(inside[type_][k])) for type_ in ExpressionType),
        )
        for k in range(len(frames))
    )
    write_table(file, OPENFACE_COLUMNS, rows)


def _inside(
    recording: Recording, frames: FrameTable, type_: ExpressionType
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    inside = np.zeros(len(frames), np.bool_)
    for stored in recording.of(type_):
        i = stored.interval
        inside |= (frames.index >= i.onset_frame) & (frames.index <= i.offset_frame)
    return inside


def _frame_rows(frames: FrameTable) -> Iterator[tuple[str, ...]]:
    for k in range(len(frames)):
        seen = str(int(frames.face[k])) if frames.analysed[k] else ""
        values = (frames.intensity[k], frames.macro[k], frames.micro[k], frames.quality[k])
        yield (
            str(frames.index[k]),
            f"{frames.time_s[k]:.6f}",
            seen,
            *(number_cell(float(value), 5) for value in values),
        )
