"""What is exported: a session folder, or a table ``NAME.intervals.csv`` with what lies beside it."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from app.exchange.files import bare_text
from app.review.edit_log import EditLog
from app.review.folders import SUFFIX
from app.review.opening import session_for
from app.review.state import Thresholds
from app.session import Session, read_session
from app.session.events import StoredEvent, read_events
from app.session.reader import Exclusion, FrameTable, StoredInterval, StoredPoint
from app.session.schema import INFO_FILE, INTERVALS_FILE, SessionInfo
from app.tables import INTERVAL_COLUMNS
from models.errors import DataError, UsageError
from models.types import ExpressionType, Interval

INTERVALS_SUFFIX = ".intervals.csv"
COUNTS = ("found", "accepted")
"""Statuses of intervals that count; the others were rejected by a person, or replaced by one of theirs."""

_TABLES = (".csv", ".txt")

_SIZE_CAP_BYTES = 256 * 1024 * 1024

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class About:
    """What is known of how a recording was made; empty where nothing is.

    facts: lines of name and value for a person. thresholds: intensity, macro and micro, each 0 to 1.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    thresholds: dict[str, float] | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A recording with everything that is known of it.

    name: of the exported files. source: where it was read. intervals: all of the table's rows, in order of onset.
    events: what other programs marked while it was recorded.
    frames: None where there is no per-frame table. first_s: time of the video's first picture on the clock of all
    times here. duration_s, fps: None where unknown. video: its pictures, None where there are none. session: whether
    it is a session folder. video_id: the name by which data sets would call the video. participant: code, or empty.
    """

    name: str
    source: Path
    intervals: tuple[StoredInterval, ...]
    points: tuple[StoredPoint, ...]
    exclusions: tuple[Exclusion, ...]
    events: tuple[StoredEvent, ...]
    frames: FrameTable | None
    first_s: float
    duration_s: float | None
    fps: float | None
    video: Path | None
    session: bool
    video_id: str
    participant: str
    about: About

    @property
    def kept(self) -> tuple[StoredInterval, ...]:
        """The intervals that count: untouched or accepted ones whose apex lies in no excluded stretch."""
        return tuple(stored for stored in self.intervals if stored.status in COUNTS and not self._excluded(stored))

    def of(self, type_: ExpressionType) -> tuple[StoredInterval, ...]:
        """Those that count, of one type."""
        return tuple(stored for stored in self.kept if stored.interval.type is type_)

    def _excluded(self, stored: StoredInterval) -> bool:
        apex = stored.interval.apex_frame
        return any(exclusion.start_frame <= apex <= exclusion.end_frame for exclusion in self.exclusions)

    @staticmethod
    def score(stored: StoredInterval) -> float:
        """How sure the model was; NaN for what a person made, whatever the table says."""
        return stored.interval.score if stored.source == "model" else math.nan

    @property
    def end_s(self) -> float:
        """Length of the recording seen from its video's first picture; not less than anything in it."""
        ends = [stored.interval.offset_s for stored in self.intervals]
        ends += [point.time_s for point in self.points] + [exclusion.end_s for exclusion in self.exclusions]
        last = max(ends, default=self.first_s) - self.first_s
        return max(last, self.duration_s or 0.0, 1e-3)

    @property
    def frame_s(self) -> float:
        """Seconds that a frame lasts; a 30th where the rate is unknown."""
        return 1.0 / (self.fps or 30.0)


def read_recording(source: Path, video: Path | None = None) -> Recording:
    """Read what is to be exported; nothing is changed. A video that was reviewed stands for its review.

    video: the pictures, where they lie elsewhere.

    Raises:
        UsageError: there is no such session or table.
        DataError: it is damaged, or the session was not finished.
    """
    if video is not None and not video.is_file():
        raise UsageError(f"There is no video {video}.")
    if source.name == INTERVALS_FILE and (source.parent / INFO_FILE).is_file():
        source = source.parent  # a session's own table stands for the session
    if source.is_dir():
        if not (source / INFO_FILE).is_file():
            raise UsageError(f"{source} is no session (it has no {INFO_FILE}); name one, or a NAME.intervals.csv.")
        recording = _of_session(source)
    elif source.is_file() and source.suffix.lower() in _TABLES:
        recording = _of_table(source)
    elif source.is_file():
        folder = session_for(source)
        if folder is None:
            raise UsageError(f"{source} has not been analysed; do that first: apexspot open {source}")
        recording = _of_session(folder)
    else:
        raise UsageError(f"There is no session or table {source}.")
    return recording if video is None else replace(recording, video=video)


def finished_session(folder: Path) -> Session:
    """A session that is whole.

    Raises:
        UsageError: there is none. DataError: it is damaged, still being recorded, or broke off.
    """
    if not (folder / INFO_FILE).is_file():
        raise UsageError(f"There is no session {folder} (no {INFO_FILE} in it).")
    session = read_session(folder)
    if not session.finished:
        raise DataError(
            f"{folder} is being recorded, or broke off; end it, or put it in order with: apexspot recover {folder}"
        )
    return session


def _of_session(folder: Path) -> Recording:
    session = finished_session(folder)
    info = session.info
    frames = session.frames
    fps, duration_s = _rate(frames)
    kind, name = info.source.kind, info.source.name
    return Recording(
        name=folder.resolve().name.removesuffix(SUFFIX),
        source=folder,
        intervals=_ordered(session.intervals),
        points=tuple(sorted(session.points, key=lambda point: (point.time_s, point.id))),
        exclusions=tuple(sorted(session.exclusions, key=lambda exclusion: (exclusion.start_s, exclusion.id))),
        events=read_events(folder),
        frames=frames if len(frames) else None,
        first_s=info.clock.first_frame_s or 0.0,
        duration_s=duration_s,
        fps=fps,
        video=session.video,
        session=True,
        video_id=Path(name).stem if kind == "file" and name else folder.resolve().name,
        participant=info.participant,
        about=_about_session(info, _thresholds(session)),
    )


def _thresholds(session: Session) -> dict[str, float]:
    """Those that hold now: a person's choice, else those of the recording."""
    history = EditLog(session.folder).history()
    return asdict(history.thresholds(Thresholds.of(session)))


def _about_session(info: SessionInfo, thresholds: dict[str, float]) -> About:
    counts, model = info.counts, info.model
    facts = [
        ("Participant", info.participant),
        ("Consent", info.consent),
        ("Recorded (UTC)", f"{info.created_utc:%Y-%m-%d %H:%M:%S}"),
        ("Source", f"{info.source.kind}: {info.source.name}"),
        ("Frames", f"{counts.offered} offered, {counts.analysed} analysed, {counts.dropped} dropped"),
        (
            "Pictures kept",
            "none (scores only)"
            if info.scores_only
            else f"{counts.video_written}, {counts.video_dropped} dropped by a slow disk or encoder",
        ),
        ("Model", f"{model.file} {model.version}, scored on {model.provider}"),
        ("Model SHA-256", model.sha256),
        ("Face model SHA-256", model.face_landmarker_sha256),
        ("Grid rate", f"{info.grid_hz:g} Hz"),
        ("Look-ahead of a final score", f"{model.look_ahead_s:g} s"),
    ]
    return About(
        title=info.participant or info.source.name,
        facts=tuple((name, value) for name, value in facts if value),
        versions=tuple(sorted(info.versions.items())),
        thresholds=thresholds,
        remarks=info.remarks,
    )


def _of_table(path: Path) -> Recording:
    lowered = path.name.casefold()
    name = path.name[: -len(INTERVALS_SUFFIX)] if lowered.endswith(INTERVALS_SUFFIX) else path.stem
    frames_path, summary_path = path.with_name(f"{name}.frames.csv"), path.with_name(f"{name}.json")
    frames = _frames(frames_path) if frames_path.is_file() else None
    if frames is not None and not len(frames):
        frames = None
    summary = _summary(summary_path) if summary_path.is_file() else {}
    fps, duration_s = _rate(frames) if frames is not None else (summary.get("fps"), summary.get("duration_s"))
    video_name = Path(str(summary.get("video") or "")).name
    video = path.with_name(video_name) if video_name else None
    return Recording(
        name=name,
        source=path,
        intervals=_ordered(rows(path, INTERVAL_COLUMNS, stored_interval)),
        points=(),
        exclusions=(),
        events=(),
        frames=frames,
        first_s=0.0,
        duration_s=duration_s,
        fps=fps,
        video=video if video is not None and video.is_file() else None,
        session=False,
        video_id=Path(video_name).stem or name,
        participant="",
        about=_about_summary(name, summary),
    )


def _about_summary(name: str, summary: dict[str, Any]) -> About:
    model, settings = summary.get("model") or {}, summary.get("settings") or {}
    facts = [
        ("Video", summary.get("video")),
        ("Frames", summary.get("frames")),
        ("Damaged or repeated frames left out", summary.get("skipped")),
        ("Model", " ".join(str(model[key]) for key in ("file", "version") if key in model)),
        ("Scored on", summary.get("provider")),
        ("Model SHA-256", model.get("sha256")),
        ("Face model SHA-256", model.get("face_landmarker_sha256")),
        ("Grid rate", f"{settings['grid_hz']:g} Hz" if "grid_hz" in settings else None),
        ("Look-ahead of a final score", f"{settings['look_ahead_s']:g} s" if "look_ahead_s" in settings else None),
    ]
    keys = {
        "intensity": "island_threshold",
        "macro": "macro_threshold",
        "micro": "micro_threshold",
        "movement": "least_motion_iod",
        "in_speech": "least_motion_in_speech_iod",
    }
    thresholds = {name: float(settings[key]) for name, key in keys.items() if key in settings}
    return About(
        title=str(summary.get("video") or name),
        facts=tuple((name, str(value)) for name, value in facts if value not in (None, "")),
        versions=tuple(sorted((str(k), str(v)) for k, v in (summary.get("versions") or {}).items())),
        thresholds=thresholds or None,
        remarks=(str(summary["message"]),) if summary.get("message") else (),
    )


def _summary(path: Path) -> dict[str, Any]:
    try:
        summary = json.loads(_text(path))
    except ValueError as error:
        raise DataError(f"{path} is damaged: it is not JSON; run apexspot spot again.") from error
    if not isinstance(summary, dict):
        raise DataError(f"{path} is no summary of apexspot spot; move it away from {path.stem}{INTERVALS_SUFFIX}.")
    return summary


def _ordered(intervals: Iterator[StoredInterval] | tuple[StoredInterval, ...]) -> tuple[StoredInterval, ...]:
    return tuple(sorted(intervals, key=lambda stored: (stored.interval.onset_s, stored.interval.offset_s, stored.id)))


def _rate(frames: FrameTable) -> tuple[float | None, float | None]:
    """Frames a second and length (s), the last frame included; None for a single frame or none."""
    if len(frames) < 2:
        return None, None
    span_s = float(frames.time_s[-1] - frames.time_s[0])
    steps = int(frames.index[-1] - frames.index[0])
    if span_s <= 0.0 or steps <= 0:
        return None, None
    return steps / span_s, span_s + span_s / steps


def stored_interval(row: dict[str, str]) -> StoredInterval:
    """A row of an intervals table; an empty score becomes NaN.

    Raises:
        ValueError: a cell is no number, or onset, apex and offset are not in this order.
    """
    onset_s, offset_s = float(row["onset_s"]), float(row["offset_s"])
    interval = Interval(
        type=ExpressionType(row["type"]),
        onset_s=onset_s,
        apex_s=float(row["apex_s"]),
        offset_s=offset_s,
        onset_frame=int(row["onset_frame"]),
        apex_frame=int(row["apex_frame"]),
        offset_frame=int(row["offset_frame"]),
        score=float(row["score"]) if row["score"] else math.nan,
    )
    if not (math.isfinite(onset_s) and onset_s <= interval.apex_s <= offset_s and math.isfinite(offset_s)):
        raise ValueError
    return StoredInterval(int(row["id"]), interval, bare_text(row["source"]), bare_text(row["status"]))


def _frames(path: Path) -> FrameTable:
    names = ("frame", "time_s", "face", "intensity", "macro", "micro", "quality")

    def parse(row: dict[str, str]) -> list[float]:
        return [int(row["frame"]), float(row["time_s"]), *(_number(row[name]) for name in names[2:])]

    values = np.array(list(rows(path, names, parse)), np.float64)
    columns = values.reshape(-1, len(names)).T
    face = columns[2]
    return FrameTable(
        columns[0].astype(np.int64), columns[1], ~np.isnan(face), face == 1.0, *(column for column in columns[3:])
    )


def _number(cell: str) -> float:
    return float(cell) if cell else math.nan


def rows(path: Path, columns: tuple[str, ...], parse: Callable[[dict[str, str]], _T]) -> Iterator[_T]:
    """Parsed rows of a table of ours.

    Raises:
        DataError: a column is missing or a row cannot be understood; the message names file, row and remedy.
    """
    reader = csv.DictReader(io.StringIO(_text(path)))
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(f"{path} lacks the column {missing[0]}; docs/formats.md lists what such a table holds.")
    for number, row in enumerate(reader, start=2):
        try:
            yield parse(row)
        except (ValueError, TypeError) as error:
            raise DataError(f"{path}, row {number} cannot be understood; correct it, or export it anew.") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _SIZE_CAP_BYTES:
            raise DataError(f"{path} is far too large for such a table.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text; save it as CSV in UTF-8.") from error
