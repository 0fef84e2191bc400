"""Putting a session in order that broke off: a kill, a crash, a power cut, a disk that went away.

Nothing that was written is changed. Torn last rows are cut off, the video is closed, and what the program still had in
its memory is computed again from the recorded features: scores of the last seconds and intervals that were open. A
table that is missing or cannot be read is made again in the same way, and what was there stays under another name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np

from app.session.features import close_features
from app.session.folder import lock, session_folders
from app.session.mp4 import close_video, count_pictures
from app.session.reader import Session, read_frames, read_intervals, read_points, read_session, replay
from app.session.schema import (
    FEATURES_FILE,
    FRAMES_FILE,
    INTERVALS_FILE,
    POINT_COLUMNS,
    POINTS_FILE,
    VIDEO_FILE,
    WRITING_SUFFIX,
    Clock,
    Counts,
    SessionState,
    read_info,
    write_info,
)
from app.session.tables import FrameRowMaker, Lines, interval_row
from app.tables import FRAME_COLUMNS, INTERVAL_COLUMNS
from models.errors import DataError, OutputError
from models.spotter import Spotter, shipped_with
from models.types import Interval, Scores

_DAMAGED_SUFFIX = ".damaged"
"""Added to the name of a table that cannot be read; its rows are computed again as far as that is possible."""


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: tuple[str, ...]
    read: Callable[[Path], object]


_TABLES = (
    _Table(FRAMES_FILE, FRAME_COLUMNS, read_frames),
    _Table(INTERVALS_FILE, INTERVAL_COLUMNS, read_intervals),
    _Table(POINTS_FILE, POINT_COLUMNS, read_points),
)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What recovery did. rows_added, intervals_added: computed again from the features. remark: what to know of it."""

    session: Session
    rows_added: int
    intervals_added: int
    remark: str


def find_unfinished(root: Path) -> list[Path]:
    """Sessions in ``root``, or ``root`` itself, that broke off; one that is being recorded now is not among them.

    One that cannot say how it stands is, as long as its video was not finished; ``recover`` says what is wrong with it.

    Raises:
        UsageError: there is no such folder. DataError: it is a session that cannot say how it stands.
    """
    folders = session_folders(root)
    if folders == [root]:
        read_info(root)
    return [folder for folder in folders if _unfinished(folder) and not being_recorded(folder)]


def recover(folder: Path, spotter: Spotter | None = None) -> Recovered:
    """Put an unfinished session in order; one that is finished is read and left as it is.

    It may be interrupted and run again. spotter: a model that may have recorded, beside those that ship.

    Raises:
        ModelFileError, AssetError: a model that ships cannot be used.
        DataError: it is no session, is damaged beyond this, or is being recorded now.
        OutputError: it cannot be written.
    """
    info = read_info(folder)
    if info.state is not SessionState.RECORDING:
        return Recovered(read_session(folder), 0, 0, "")
    path = folder / FEATURES_FILE
    try:
        with path.open("r+b") as file:
            if not lock(file):
                raise DataError(f"{folder} is being recorded at this moment; stop the recording first.")
            return _recover(folder, file, spotter)
    except OSError as error:
        raise OutputError(f"{folder} cannot be recovered ({error.strerror or error}).") from error


def _recover(folder: Path, features: BinaryIO, given: Spotter | None) -> Recovered:
    close_features(folder / FEATURES_FILE, features)
    damaged = [table for table in _TABLES if not _mend(folder / table.name, table)]
    video = folder / VIDEO_FILE
    writing = folder / (VIDEO_FILE + WRITING_SUFFIX)
    pictures = close_video(writing, video) if writing.is_file() else count_pictures(video) if video.is_file() else 0

    session = read_session(folder)
    remark = "Recovered after the recording had broken off."
    if damaged:
        names = " and ".join(f"{table.name}{_DAMAGED_SUFFIX}" for table in damaged)
        remark += f" What could not be read of it is kept as {names}."
    recorded_with = session.info.model.sha256
    is_given = given is not None and given.spec.sha256 == recorded_with
    spotter = given if is_given else shipped_with(recorded_with)
    if spotter is not None:
        chosen = session.info.thresholds
        scores, intervals = replay(session, spotter.with_least_motion(chosen.movement, chosen.in_speech))
    else:
        scores, intervals = Scores.empty(), ()
        remark += " Its last seconds have no scores: the model that recorded it was not at hand."
    rows = _add_rows(session, scores)
    added = _add_intervals(session, intervals)

    session = read_session(folder)
    info = session.info
    index = session.frames.index
    offered = int(index[-1] - index[0]) + 1 if len(index) else 0
    first_s = info.clock.first_frame_s
    if first_s is None and len(index):
        first_s = float(session.frames.time_s[0])
    info = info.model_copy(
        update={
            "state": SessionState.RECOVERED,
            "clock": Clock(first_frame_s=first_s, first_frame_utc=info.clock.first_frame_utc),
            "ended_utc": info.ended_utc or _last_written(folder),
            "counts": Counts(
                offered=offered,
                analysed=len(session.features),
                dropped=max(0, offered - len(session.features)),
                video_written=pictures,
                video_dropped=0 if info.scores_only else max(0, offered - pictures),
                intervals=len(session.intervals),
            ),
            "remarks": (*info.remarks, remark),
        }
    )
    write_info(folder, info)
    return Recovered(read_session(folder), rows, added, remark)


def _add_rows(session: Session, scores: Scores) -> int:
    """Rows of the frames whose features were kept but whose scores were not final yet."""
    last = int(session.frames.index[-1]) if len(session.frames) else -1
    maker = FrameRowMaker()
    end = last
    for motion in session.motions():
        if motion.index > last:
            # numbers that are missing between two analysed frames are frames that were lost; their times are unknown
            maker.offered(motion.index, motion.time_s)
            maker.motion(motion)
            end = motion.index
    if end == last:
        return 0
    rows = [*maker.scores(scores), *maker.rest()]
    table = Lines(session.folder / FRAMES_FILE, None)
    for row in rows:
        table.add(row)
    _finish(table)
    return len(rows)


def _add_intervals(session: Session, found: tuple[Interval, ...]) -> int:
    """Intervals that were still open. One that shares more than half with a kept one of its type is that one."""
    kept = [stored.interval for stored in session.intervals]
    fresh = [i for i in found if not any(_same(i, other) for other in kept)]
    number = max((stored.id for stored in session.intervals), default=0)
    table = Lines(session.folder / INTERVALS_FILE, None)
    for interval in fresh:
        number += 1
        table.add(interval_row(number, interval))
    _finish(table)
    return len(fresh)


def _finish(table: Lines) -> None:
    """On the disk before ``session.json`` says that nothing is missing."""
    table.flush()
    table.sync()
    table.close()


def _same(a: Interval, b: Interval) -> bool:
    shared = min(a.offset_frame, b.offset_frame) - max(a.onset_frame, b.onset_frame) + 1
    together = max(a.offset_frame, b.offset_frame) - min(a.onset_frame, b.onset_frame) + 1
    return a.type is b.type and shared > 0.5 * together


def _mend(path: Path, table: _Table) -> bool:
    """Cut off a torn last row; begin a table anew that is not there or cannot be read.

    Returns:
        False where it could not be read; what was there has another name now.
    """
    readable = True
    with suppress(FileNotFoundError):
        with path.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
        if path.stat().st_size == 0:
            path.unlink()
        else:
            try:
                table.read(path)
            except DataError:
                readable = False
                path.replace(path.with_name(path.name + _DAMAGED_SUFFIX))
    if not path.exists():
        _finish(Lines(path, table.columns))
    return readable


def _last_written(folder: Path) -> datetime:
    newest_s = np.max([path.stat().st_mtime for path in (folder / FEATURES_FILE, folder / FRAMES_FILE)])
    return datetime.fromtimestamp(float(newest_s), UTC)


def _unfinished(folder: Path) -> bool:
    try:
        return read_info(folder).state is SessionState.RECORDING
    except DataError:
        return (folder / (VIDEO_FILE + WRITING_SUFFIX)).exists()


def being_recorded(folder: Path) -> bool:
    """Whether a program records into the folder at this moment."""
    try:
        with (folder / FEATURES_FILE).open("rb") as file:
            return not lock(file)
    except OSError:
        return False
