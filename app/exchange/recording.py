"""What is exported: a session folder, or a table ``NAME.intervals.csv`` with what lies beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from app.exchange.own_tables import read_frames, rows, stored_interval
from app.exchange.text_tables import read_text
from app.review.edit_log import EditLog
from app.review.folders import SUFFIX
from app.review.opening import session_for
from app.review.state import Thresholds, counts
from app.session import Session, read_session
from app.session.events import StoredEvent, read_events
from app.session.reader import Exclusion, FrameTable, StoredInterval, StoredPoint
from app.session.schema import INFO_FILE, INTERVALS_FILE, SessionInfo
from app.tables import INTERVAL_COLUMNS, is_file, is_folder
from models.api import frame_length_s
from models.errors import DataError, UsageError
from models.types import ExpressionType

INTERVALS_SUFFIX = ".intervals.csv"

_TABLES = (".csv", ".txt")

_FALLBACK_RATE_HZ = 30.0
"""Taken where nothing says how long a frame lasts."""

_MOST = 1e12
"""No number of a summary is larger."""

_THRESHOLDS = {
    "intensity": "island_threshold",
    "macro": "macro_threshold",
    "micro": "micro_threshold",
    "movement": "least_motion_iod",
    "in_speech": "least_motion_in_speech_iod",
}
"""Thresholds by the names that they have here and in a summary."""


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
    times here. duration_s, fps: None where unknown. frame_s: seconds that a frame lasts, a 30th where unknown. video:
    its pictures, None where there are none. session: whether it is a session folder. video_id: the name by which data
    sets would call the video. participant: code, or empty.
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
    frame_s: float
    video: Path | None
    session: bool
    video_id: str
    participant: str
    about: About

    @property
    def kept(self) -> tuple[StoredInterval, ...]:
        """The intervals that count: untouched or accepted ones whose apex lies in no excluded stretch."""
        return tuple(stored for stored in self.intervals if counts(stored, self.exclusions))

    def of(self, type_: ExpressionType) -> tuple[StoredInterval, ...]:
        """Those that count, of one type."""
        return tuple(stored for stored in self.kept if stored.interval.type is type_)

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


def read_recording(source: Path, video: Path | None = None) -> Recording:
    """Read what is to be exported; nothing is changed. A video that was reviewed stands for its review.

    video: the pictures, where they lie elsewhere.

    Raises:
        UsageError: there is no such session or table.
        DataError: it is damaged, or the session was not finished.
    """
    if video is not None and not is_file(video):
        raise UsageError(f"There is no video {video}.")
    if source.name == INTERVALS_FILE and is_file(source.parent / INFO_FILE):
        source = source.parent  # a session's own table stands for the session
    if is_folder(source):
        if not is_file(source / INFO_FILE):
            raise UsageError(f"{source} is no session (it has no {INFO_FILE}); name one, or a NAME.intervals.csv.")
        recording = _of_session(source)
    elif is_file(source) and source.suffix.lower() in _TABLES:
        recording = _of_table(source)
    elif is_file(source):
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
    if not is_file(folder / INFO_FILE):
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
        frame_s=_frame_s(frames, fps),
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
    frames, model = info.counts, info.model
    facts = [
        ("Participant", info.participant),
        ("Consent", info.consent),
        ("Recorded (UTC)", f"{info.created_utc:%Y-%m-%d %H:%M:%S}"),
        ("Source", f"{info.source.kind}: {info.source.name}"),
        ("Frames", f"{frames.offered} offered, {frames.analysed} analysed, {frames.dropped} dropped"),
        ("Pictures kept", _pictures_kept(info)),
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


def _pictures_kept(info: SessionInfo) -> str:
    if info.source.path is not None:
        return "by the video itself"
    if info.scores_only:
        return "none (scores only)"
    return f"{info.counts.video_written}, {info.counts.video_dropped} dropped by a slow disk or encoder"


def _of_table(path: Path) -> Recording:
    lowered = path.name.casefold()
    name = path.name[: -len(INTERVALS_SUFFIX)] if lowered.endswith(INTERVALS_SUFFIX) else path.stem
    frames_path, summary_path = path.with_name(f"{name}.frames.csv"), path.with_name(f"{name}.json")
    frames = read_frames(frames_path) if is_file(frames_path) else None
    if frames is not None and not len(frames):
        frames = None
    summary = _summary(summary_path) if is_file(summary_path) else {}
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
        frame_s=_frame_s(frames, fps),
        video=video if video is not None and is_file(video) else None,
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
        ("Grid rate", _with_unit(settings.get("grid_hz"), "Hz")),
        ("Look-ahead of a final score", _with_unit(settings.get("look_ahead_s"), "s")),
    ]
    given = {name: settings.get(key) for name, key in _THRESHOLDS.items()}
    thresholds = {name: float(value) for name, value in given.items() if value is not None}
    return About(
        title=str(summary.get("video") or name),
        facts=tuple((name, str(value)) for name, value in facts if value not in (None, "")),
        versions=tuple(sorted((str(k), str(v)) for k, v in (summary.get("versions") or {}).items())),
        thresholds=thresholds or None,
        remarks=(str(summary["message"]),) if summary.get("message") else (),
    )


def _with_unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:g} {unit}"


def _summary(path: Path) -> dict[str, Any]:
    """What NAME.json says; its numbers, where it has them, are numbers.

    Raises:
        DataError: it cannot be read, or holds something else.
    """
    try:
        summary = json.loads(read_text(path))
    except ValueError as error:
        raise DataError(f"{path} is damaged: it is not JSON; run apexspot spot again.") from error
    if not isinstance(summary, dict):
        raise DataError(f"{path} is no summary of apexspot spot; move it away from {path.stem}{INTERVALS_SUFFIX}.")
    for group in ("model", "settings", "versions"):
        if not isinstance(summary.get(group) or {}, dict):
            raise DataError(f"{path}: {group} is no group of values; correct it, or run apexspot spot again.")
    settings = summary.get("settings") or {}
    numbers = {key: summary.get(key) for key in ("fps", "duration_s")}
    numbers |= {key: settings.get(key) for key in ("grid_hz", "look_ahead_s", *_THRESHOLDS.values())}
    for key, value in numbers.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
            raise DataError(f"{path}: {key} is {value!r}, not a number; correct it, or run apexspot spot again.")
    return summary


def _ordered(intervals: Iterable[StoredInterval]) -> tuple[StoredInterval, ...]:
    return tuple(sorted(intervals, key=lambda stored: (stored.interval.onset_s, stored.interval.offset_s, stored.id)))


def _rate(frames: FrameTable) -> tuple[float | None, float | None]:
    """Frames a second and length (s), the last frame included; None for a single frame or none."""
    frame_s = frame_length_s(frames.index, frames.time_s)
    if frame_s is None:
        return None, None
    span_s = float(frames.time_s[-1] - frames.time_s[0])
    steps = int(frames.index[-1] - frames.index[0])
    if span_s <= 0.0 or steps <= 0:
        return None, None
    return steps / span_s, span_s + frame_s


def _frame_s(frames: FrameTable | None, fps: float | None) -> float:
    measured = None if frames is None else frame_length_s(frames.index, frames.time_s)
    return measured or 1.0 / (fps or _FALLBACK_RATE_HZ)
