"""Spotting in a recording: the video goes in once, and three files come out."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.tables import FrameRows, write_frames, write_intervals, write_summary
from app.versions import versions
from models.analyzer import Analyzer
from models.assets import FACE_LANDMARKER_SHA256
from models.digest import content_sha256, perception_digest, scoring_digest
from models.errors import OutputError
from models.perception import Perception
from models.spotter import Spotter
from models.types import GRID_HZ, ExpressionType, Interval, Scores, Update
from models.video import VideoFile

_STEP_FRAMES = 300
"""Frames between two steps of the scoring; the scores do not depend on it."""

_CUT_OFF_S = 1.0
"""A video that ends this much before the length that it states is reported as cut off."""

Progress = Callable[[float, float | None], None]
"""Called with the seconds done and the seconds in all (``None`` where unknown)."""


@dataclass(frozen=True, slots=True)
class SpotFiles:
    """Where the results of one video go."""

    intervals: Path
    frames: Path
    summary: Path

    @staticmethod
    def of(folder: Path, name: str) -> SpotFiles:
        return SpotFiles(
            folder / f"{name}.intervals.csv",
            folder / f"{name}.frames.csv",
            folder / f"{name}.json",
        )

    def all(self) -> tuple[Path, Path, Path]:
        return self.intervals, self.frames, self.summary


@dataclass(frozen=True, slots=True)
class Method:
    """What the results depend on besides the recording: the network, and the code before and behind it."""

    model_sha256: str
    perception: str
    scoring: str

    @staticmethod
    def of(spotter: Spotter) -> Method:
        return Method(spotter.spec.sha256, perception_digest(), scoring_digest())


@dataclass(frozen=True, slots=True)
class SpotResult:
    """What was found in one video.

    duration_s: time of the last frame since the first, plus one frame. fps: measured, ``None`` for a single frame.
    face_share: share of the frames with a face, 0 to 1. skipped: damaged packets and frames that were left out.
    message: what the user should know about this video; empty where there is nothing to say. sha256: of the video's
    content. taken_s: how long it took.
    """

    video: Path
    files: SpotFiles
    frames: int
    duration_s: float
    fps: float | None
    face_share: float
    skipped: int
    intervals: tuple[Interval, ...]
    message: str
    sha256: str
    taken_s: float

    def count(self, type_: ExpressionType) -> int:
        return sum(interval.type is type_ for interval in self.intervals)


def spot_video(path: Path, files: SpotFiles, spotter: Spotter, progress: Progress | None = None) -> SpotResult:
    """Spot the expressions in a video file and write intervals, frames and summary.

    The video is decoded once and as a stream; only a few numbers per frame are kept. Nothing is written before all of
    it has been read.

    Raises:
        UsageError, DataError: the video cannot be read.
        OutputError: a result cannot be written.
    """
    index, time_s, face = array("q"), array("d"), array("b")
    finals: list[Scores] = []
    intervals: list[Interval] = []

    def collect(update: Update) -> None:
        finals.append(update.final)
        intervals.extend(update.intervals)

    begin_s = time.monotonic()
    with VideoFile(path) as video, Perception() as perception:
        sha256 = content_sha256(path)
        analyzer = Analyzer(spotter)
        for frame in video:
            motion = perception.process(frame)
            analyzer.push(motion)
            index.append(motion.index)
            time_s.append(motion.time_s)
            face.append(motion.valid)
            if len(index) % _STEP_FRAMES == 0:
                collect(analyzer.update(provisional=False))
            if progress is not None:
                progress(frame.time_s, video.duration_s)
        collect(analyzer.finish())
        rows = FrameRows(np.array(index), np.array(time_s), np.array(face, np.bool_))
        result = _result(video, rows, files, tuple(intervals), sha256, time.monotonic() - begin_s)

    with _together(files) as written:
        write_intervals(written.intervals, intervals)
        write_frames(written.frames, rows, Scores.concatenate(finals))
        write_summary(written.summary, _summary(result, written, spotter))
    return result


def remove_unfinished(files: SpotFiles) -> None:
    """Remove what a process that was killed has left of these results; harmless where there is nothing."""
    with contextlib.suppress(OSError):
        prefix, suffix = _unfinished(files)
        for path in files.summary.parent.iterdir():
            if path.name.startswith(prefix) and path.name.endswith(suffix):
                shutil.rmtree(path, ignore_errors=True)


def _unfinished(files: SpotFiles) -> tuple[str, str]:
    """How the names of folders with results that are not whole yet begin and end."""
    return f".{files.summary.name}.", ".writing"


@contextlib.contextmanager
def _together(files: SpotFiles) -> Iterator[SpotFiles]:
    """Files beside the results that take their places once all three are written.

    The summary goes first, when older tables are gone: whatever moment the process is killed at, a table that is there
    belongs to the summary that is there.
    """
    remove_unfinished(files)
    prefix, suffix = _unfinished(files)
    folder = files.summary.with_name(f"{prefix}{secrets.token_hex(6)}{suffix}")
    written = SpotFiles(*(folder / path.name for path in files.all()))
    try:
        try:
            folder.mkdir()
            yield written
            files.intervals.unlink(missing_ok=True)
            files.frames.unlink(missing_ok=True)
            written.summary.replace(files.summary)
            written.frames.replace(files.frames)
            written.intervals.replace(files.intervals)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, OutputError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        reason = getattr(cause, "strerror", None) or type(cause).__name__
        raise OutputError(f"{files.summary} and its tables cannot be written ({reason}).") from error


def _result(
    video: VideoFile,
    rows: FrameRows,
    files: SpotFiles,
    intervals: tuple[Interval, ...],
    sha256: str,
    taken_s: float,
) -> SpotResult:
    frames = len(rows)
    span_s = float(rows.time_s[-1] - rows.time_s[0])
    fps = (frames - 1) / span_s if span_s > 0.0 else None
    face_share = float(np.mean(rows.face))
    duration_s = span_s + (1.0 / fps if fps else 0.0)
    remarks = []
    if not rows.face.any():
        remarks.append("No face was found in this video.")
    if video.skipped:
        remarks.append(f"{video.skipped} damaged or repeated frames were left out.")
    if video.duration_s is not None and video.duration_s - duration_s > _CUT_OFF_S:
        remarks.append(f"The video ends after {duration_s:.1f} of {video.duration_s:.1f} s; it seems to be cut off.")
    return SpotResult(
        video.path,
        files,
        frames,
        duration_s,
        fps,
        face_share,
        video.skipped,
        intervals,
        " ".join(remarks),
        sha256,
        taken_s,
    )


def _summary(result: SpotResult, written: SpotFiles, spotter: Spotter) -> dict[str, object]:
    decode, method = spotter.spec.decode, Method.of(spotter)
    return {
        "video": result.video.name,
        "video_sha256": result.sha256,
        "frames": result.frames,
        "duration_s": round(result.duration_s, 4),
        "fps": None if result.fps is None else round(result.fps, 4),
        "face_share": round(result.face_share, 4),
        "skipped": result.skipped,
        "counts": {type_.value: result.count(type_) for type_ in ExpressionType},
        "message": result.message,
        "model": {
            "file": spotter.path.name,
            "version": spotter.spec.version,
            "sha256": spotter.spec.sha256,
            "face_landmarker_sha256": FACE_LANDMARKER_SHA256,
        },
        "provider": spotter.provider,
        "settings": {
            "grid_hz": GRID_HZ,
            "look_ahead_s": round(spotter.spec.look_ahead_s, 4),
            "island_threshold": decode.island,
            "macro_threshold": decode.macro.threshold,
            "micro_threshold": decode.micro.threshold,
        },
        "code": {"perception": method.perception, "scoring": method.scoring},
        "tables": {
            "intervals_sha256": content_sha256(written.intervals),
            "frames_sha256": content_sha256(written.frames),
        },
        "versions": versions(),
        "taken_s": round(result.taken_s, 3),
    }
