"""A session made of a video, or of a session's own features: what the models see now, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from app.review.again import found_again
from app.review.rows import Edit
from app.review.saved import SavedReview
from app.session.folder import lock
from app.session.reader import Session, read_session
from app.session.schema import (
    FEATURES_FILE,
    FRAMES_FILE,
    SCORES_FILE,
    Clock,
    Counts,
    SessionInfo,
    SessionState,
    SourceInfo,
    model_info,
    thresholds,
    write_info,
)
from app.session.tables import SessionTables
from models.analyzer import Analyzer
from models.errors import OutputError, UsageError
from models.perception import Perception
from models.spotter import Spotter
from models.types import FrameMotion
from models.video import VideoFile

_STEP_FRAMES = 300
"""Frames between two steps of the scoring; the scores do not depend on it."""

Seen = tuple[int, float, FrameMotion | None]
"""A source frame: its index, its time (s), and its motion; ``None`` where it was lost before it was looked at."""


def look_at(video: VideoFile) -> Iterator[Seen]:
    """Every frame of a video through perception.

    Raises:
        VideoError: it cannot be read.
    """
    with Perception() as perception:
        for frame in video:
            yield frame.index, frame.time_s, replace(perception.process(frame), face=None)


def seen_before(session: Session) -> Iterator[Seen]:
    """Every frame of a session, as it was seen when it was recorded."""
    motions = session.motions()
    for index, time_s, analysed in zip(
        session.frames.index.tolist(), session.frames.time_s.tolist(), session.frames.analysed.tolist(), strict=True
    ):
        yield index, time_s, next(motions, None) if analysed else None


def write_session(folder: Path, seen: Iterable[Seen], source: SourceInfo, spotter: Spotter) -> SessionInfo:
    """Score frames and write a whole session, without pictures, into an empty folder.

    Raises:
        OutputError: it cannot be written. Whatever ``seen`` raises.
    """
    created = datetime.now(UTC)
    first_s: float | None = None
    try:
        tables = SessionTables(folder)
        lock(tables.features.file)  # so that nobody takes it for one that was left behind
        try:
            analyzer = Analyzer(spotter)
            for number, (index, time_s, motion) in enumerate(seen, start=1):
                first_s = time_s if first_s is None else first_s
                tables.offered(index, time_s)
                if motion is not None:
                    tables.motion(motion)
                    analyzer.push(motion)
                if number % _STEP_FRAMES == 0:
                    tables.update(analyzer.update(provisional=False))
                    tables.flush()
            tables.update(analyzer.finish())
        finally:
            tables.close()
    except OSError as error:
        raise OutputError(f"Nothing more can be written to {folder} ({error.strerror or error}).") from error
    info = SessionInfo(
        state=SessionState.COMPLETE,
        scores_only=True,
        source=source,
        created_utc=created,
        ended_utc=datetime.now(UTC),
        clock=Clock(first_frame_s=first_s),
        model=model_info(spotter),
        thresholds=thresholds(spotter),
        counts=Counts(
            offered=tables.offered_count,
            analysed=tables.analysed_count,
            dropped=tables.offered_count - tables.analysed_count,
            intervals=tables.interval_count,
        ),
    )
    write_info(folder, info)
    return info


def take_over(folder: Path, fresh: Path) -> None:
    """Put a new analysis into a session that a person has worked on; what the person did stays.

    fresh: the new analysis, a whole session; its files are moved away. ``session.json`` comes last: where this breaks
    off, the session still says that it was made by the models of before.

    Raises:
        UsageError: the session is open for editing. OutputError: it cannot be written.
    """
    old, new = read_session(folder), read_session(fresh)
    saved = SavedReview(old)
    try:
        if saved.read_only is not None:
            raise UsageError(saved.read_only)
        highest = max(*(row.id for row in saved.state.intervals), saved.history.highest(lambda edit: edit.intervals), 0)
        decoded = tuple(row.interval for row in new.intervals)
        changes = found_again(saved.state, decoded, saved.history.found_before(), highest + 1)
        try:
            # scores first: those that do not belong to the features are not used
            for name in (SCORES_FILE, FEATURES_FILE, FRAMES_FILE):
                with suppress(FileNotFoundError):
                    (fresh / name).replace(folder / name)
        except OSError as error:
            raise OutputError(f"{folder} cannot be brought up to date ({error.strerror}).") from error
        text = f"analysed again by the model {new.info.model.version}"
        saved.analysed(Edit(saved.history.next_number, text, changes))
        update = {name: getattr(new.info, name) for name in ("source", "model", "thresholds", "clock", "counts")}
        remark = f"Analysed again on {datetime.now(UTC):%Y-%m-%d}; before that by the model {old.info.model.version}."
        write_info(folder, old.info.model_copy(update={**update, "remarks": (*old.info.remarks, remark)}))
    finally:
        saved.close()
