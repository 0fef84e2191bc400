"""Other coders' work: into a session as a second coder, or as point labels for training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from app.exchange.files import check_free, safe_text, write_table
from app.exchange.labels import LabelNames, Typed, listed, typed
from app.exchange.recording import INTERVALS_SUFFIX, finished_session, read_recording
from app.exchange.table_readers import read_boris, read_csv
from app.exchange.tables import interval_cells
from app.exchange.tier_readers import Labels, read_elan, read_textgrid
from app.review.review import PERSON_SCORE
from app.session import Session
from app.session.folder import check_participant
from app.session.reader import FrameTable, StoredInterval
from app.session.schema import INFO_FILE, SESSION_FILES
from app.tables import INTERVAL_COLUMNS, check_folder, is_file, is_folder, resolved
from models.errors import DataError, UsageError
from models.types import ExpressionType, Interval

CODERS_FOLDER = "coders"
POINT_COLUMNS = ("video", "time_s", "type")

END_SLACK_S = 0.25
"""A label may reach this far beyond the recording: programs let an annotation end where the medium ends."""

_STATUS = "accepted"


class ImportFormat(StrEnum):
    """What can be read."""

    ELAN = "elan"
    TEXTGRID = "textgrid"
    BORIS = "boris"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """file: what was written. counts: labels of each type in it. notes: sentences on what was left out."""

    file: Path
    counts: dict[ExpressionType, int]
    notes: tuple[str, ...]


_READERS: dict[ImportFormat, Callable[[Path], Labels]] = {
    ImportFormat.ELAN: read_elan,
    ImportFormat.TEXTGRID: read_textgrid,
    ImportFormat.BORIS: read_boris,
}


def import_as_coder(
    file: Path,
    format_: ImportFormat,
    *,
    session: Path | None = None,
    out: Path | None = None,
    coder: str | None = None,
    names: LabelNames | None = None,
    fps: float | None = None,
    force: bool = False,
) -> ImportResult:
    """Read a coder's intervals and write them as an intervals table.

    With ``session`` it goes to ``coders/CODER.intervals.csv`` in the session's folder, times on the session's clock and
    frames those of the session; else to ``out``, frames reckoned from ``fps``. coder: by default the file's name.

    Raises:
        UsageError: a request that makes no sense, or something would be overwritten without ``force``.
        DataError: the file cannot be read, has no macro or micro, or does not fit the session.
    """
    target = out
    if session is not None and out is None:
        target = session / CODERS_FOLDER
    if target is None or (session is not None and out is not None):
        raise UsageError("Say where to, either --into SESSION or --out CSV.")
    opened = None if session is None else finished_session(session)
    name = check_coder(coder if coder is not None else _stem(file))
    labels = _single(file, format_)
    found, notes = _typed(labels, names or LabelNames(), file)
    stretches = [one for one in found if one.label.end_s is not None]
    if len(stretches) < len(found):
        notes.append(f"{len(found) - len(stretches)} points left out; --as points takes them.")
    if not stretches:
        raise DataError(f"{file} holds points and no intervals; take them with --as points.")
    clock = _Clock(file, labels, opened, fps)
    rows = sorted((clock.interval(one) for one in stretches), key=lambda i: (i.onset_s, i.offset_s))
    target = target if opened is None else target / f"{name}{INTERVALS_SUFFIX}"
    stored = [StoredInterval(number, i, name, _STATUS) for number, i in enumerate(rows, start=1)]
    _write(target, INTERVAL_COLUMNS, [interval_cells(row) for row in stored], [file], force)
    return ImportResult(target, _count(stretches), tuple(notes))


def import_as_points(
    files: Sequence[Path],
    format_: ImportFormat,
    *,
    out: Path,
    video: str | None = None,
    names: LabelNames | None = None,
    fps: float | None = None,
    force: bool = False,
) -> ImportResult:
    """Read point labels and write them as ``video,time_s,type``, which training reads.

    Where a file holds points these are taken; else each interval's apex, or its middle where no apex is given. The
    video is ``video``, or what the file itself says, or the file's name.

    Raises:
        UsageError: a request that makes no sense, or something would be overwritten without ``force``.
        DataError: a file cannot be read, or has no macro or micro.
    """
    if video is not None and len(files) > 1:
        raise UsageError("--video goes with a single file.")
    rows: list[tuple[str, float, str]] = []
    notes: list[str] = []
    for file in files:
        for labels in _read(file, format_):
            found, left_out = _typed(labels, names or LabelNames(), file)
            notes += left_out
            points = [one for one in found if one.label.end_s is None]
            if points and len(points) < len(found):
                notes.append(f"{file}: its points are taken, its {len(found) - len(points)} intervals left out.")
            clock = _Clock(file, labels, None, fps)
            name = video or labels.video or _stem(file)
            rows += [(name, clock.point_s(one), one.type.value) for one in points or found]
    rows.sort()
    cells = [(safe_text(name), f"{time_s:.6f}", type_) for name, time_s, type_ in rows]
    _write(out, POINT_COLUMNS, cells, files, force)
    counts = Counter(type_ for *_, type_ in rows)
    return ImportResult(out, {type_: counts[type_.value] for type_ in ExpressionType}, tuple(notes))


def as_coded(session: Session, table: Path) -> Session:
    """The session as a coder sees it whose intervals lie in a table of their own, for ``app.review.agree``.

    Raises:
        UsageError: there is no such table.
        DataError: it is damaged, or of another recording: an interval's frames are not those of its times.
    """
    intervals = read_recording(table).intervals
    frames = session.frames
    for stored in intervals:
        i = stored.interval
        for frame, time_s in ((i.onset_frame, i.onset_s), (i.offset_frame, i.offset_s)):
            row = min(int(np.searchsorted(frames.index, frame)), len(frames) - 1)
            if not len(frames) or abs(float(frames.time_s[row]) - time_s) > END_SLACK_S:
                raise DataError(f"{table} is not of the recording {session.folder}: frame {frame} is at another time.")
    return replace(session, intervals=intervals, points=(), exclusions=())


def check_coder(name: str) -> str:
    """A coder's name, fit for a file's.

    Raises:
        UsageError: it is not.
    """
    try:
        if name:
            return check_participant(name)
    except UsageError:
        pass
    raise UsageError(
        f"{name!r} cannot be the name of a coder's file; give one with --coder: letters, digits, '.', '_' and '-'."
    )


class _Clock:
    """Turns a file's times or frames into those of the recording."""

    def __init__(self, file: Path, labels: Labels, session: Session | None, fps: float | None) -> None:
        self._file = file
        self._labels = labels
        self._fps = fps
        self._frames: FrameTable | None = None if session is None else session.frames
        self._first_s = 0.0
        if session is not None:
            if not len(session.frames):
                raise DataError(f"{session.folder} holds no frames, so nothing can be imported into it.")
            self._first_s = 0.0 if labels.clock else session.info.clock.first_frame_s or 0.0

    def interval(self, one: Typed) -> Interval:
        label = one.label
        onset_s = self._time_s(label.start_s, label.where)
        offset_s = self._time_s(label.start_s if label.end_s is None else label.end_s, label.where)
        if offset_s < onset_s:
            raise DataError(f"{self._file}, {label.where}: it ends before it begins; correct it there.")
        apex_s = (onset_s + offset_s) / 2 if label.apex_s is None else self._time_s(label.apex_s, label.where)
        if not onset_s - 1e-6 <= apex_s <= offset_s + 1e-6:
            raise DataError(f"{self._file}, {label.where}: its apex lies outside of it; correct it there.")
        apex_s = min(max(apex_s, onset_s), offset_s)
        onset, apex, offset = (self._frame(time_s) for time_s in (onset_s, apex_s, offset_s))
        return Interval(one.type, onset_s, apex_s, offset_s, onset, apex, offset, PERSON_SCORE)

    def point_s(self, one: Typed) -> float:
        label = one.label
        if label.end_s is None:
            return self._time_s(label.start_s, label.where)
        interval_s = (self._time_s(label.start_s, label.where) + self._time_s(label.end_s, label.where)) / 2
        return interval_s if label.apex_s is None else self._time_s(label.apex_s, label.where)

    def _time_s(self, value: float, where: str) -> float:
        if value < 0:
            raise DataError(f"{self._file}, {where}: {value:g} lies before the video's beginning; correct it there.")
        frames = self._frames
        if frames is None:
            return value / self._rate() if self._labels.in_frames else value
        first_s, last_s = float(frames.time_s[0]), float(frames.time_s[-1])
        if self._labels.in_frames:
            if not frames.index[0] <= value <= frames.index[-1]:
                raise DataError(
                    f"{self._file}, {where}: frame {value:g} lies outside the session, whose frames are "
                    f"{frames.index[0]} to {frames.index[-1]}; is it the file of this recording?"
                )
            return float(np.interp(value, frames.index, frames.time_s))
        time_s = value + self._first_s
        if not first_s - END_SLACK_S <= time_s <= last_s + END_SLACK_S:
            raise DataError(
                f"{self._file}, {where}: {value:.3f} s lies outside the session, which lasts until "
                f"{last_s - self._first_s:.3f} s; is it the file of this recording?"
            )
        return min(max(time_s, first_s), last_s)

    def _frame(self, time_s: float) -> int:
        if self._frames is None:
            return round(time_s * self._rate())
        return int(self._frames.index[np.argmin(np.abs(self._frames.time_s - time_s))])

    def _rate(self) -> float:
        if self._fps is None:
            raise UsageError(
                f"{self._file}: frames and times cannot be told from one another without the video's rate; give it "
                "with --fps, or name the session with --into."
            )
        if not 1.0 <= self._fps <= 1000.0:
            raise UsageError(f"--fps {self._fps:g} is no frame rate; it lies between 1 and 1000.")
        return self._fps


def _read(file: Path, format_: ImportFormat) -> list[Labels]:
    if format_ is ImportFormat.CSV:
        return list(read_csv(file).values()) or [Labels(())]
    return [_READERS[format_](file)]


def _single(file: Path, format_: ImportFormat) -> Labels:
    read = _read(file, format_)
    if len(read) > 1:
        videos = ", ".join(sorted(labels.video for labels in read)[:5])
        raise DataError(
            f"{file} holds labels of {len(read)} videos ({videos}, …); keep those of one recording in a file."
        )
    return read[0]


def _typed(labels: Labels, names: LabelNames, file: Path) -> tuple[list[Typed], list[str]]:
    found, others = typed(labels.labels, names, file)
    return found, [f"{file}: left out, being neither macro nor micro: {listed(others)}."] if others else []


def _count(found: Sequence[Typed]) -> dict[ExpressionType, int]:
    return {type_: sum(one.type is type_ for one in found) for type_ in ExpressionType}


def _stem(file: Path) -> str:
    name = file.name
    for ending in (INTERVALS_SUFFIX, ".points.csv", ".boris.csv", file.suffix):
        if ending and name.casefold().endswith(ending.casefold()):
            return name[: -len(ending)]
    return name


def _write(
    target: Path, columns: tuple[str, ...], rows: Sequence[Sequence[str]], sources: Sequence[Path], force: bool
) -> None:
    if is_folder(target):
        raise UsageError(f"{target} is a folder; --out wants the name of a CSV file.")
    where = resolved(target)
    if where in map(resolved, sources):
        raise UsageError(f"{target} is what is being imported; choose another name with --out, or with --coder.")
    if is_file(where.parent / INFO_FILE) and where.name.casefold() in SESSION_FILES:
        raise UsageError(f"{target} belongs to the session there; choose another place with --out.")
    if not force:
        check_free([target])
    check_folder(target.parent)
    write_table(target, columns, rows)
