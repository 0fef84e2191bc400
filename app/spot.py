"""Spotting in a recording: the video goes in once, and three files come out."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.tables import FrameRows, write_frames, write_intervals, write_summary
from app.versions import versions
from models.analyzer import Analyzer
from models.assets import FACE_LANDMARKER_SHA256
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
class SpotResult:
    """What was found in one video.

    duration_s: time of the last frame since the first, plus one frame. fps: measured, ``None`` for a single frame.
    face_share: share of the frames with a face, 0 to 1. skipped: damaged packets and frames that were left out.
    message: what the user should know about this video; empty where there is nothing to say.
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

    def count(self, type_: ExpressionType) -> int:
        return sum(interval.type is type_ for interval in self.intervals)


def spot_video(path: Path, files: SpotFiles, spotter: Spotter, progress: Progress | None = None) -> SpotResult:
    """Spot the expressions in a video file and write intervals, frames and summary.

    The video is read once and as a stream; only a few numbers per frame are kept. Nothing is written before all of it
    has been read.

    Raises:
        UsageError, VideoError: the video cannot be read.
        OutputError: a result cannot be written.
    """
    index, time_s, face = array("q"), array("d"), array("b")
    finals: list[Scores] = []
    intervals: list[Interval] = []

    def collect(update: Update) -> None:
        finals.append(update.final)
        intervals.extend(update.intervals)

    with VideoFile(path) as video, Perception() as perception:
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
        result = _result(video, rows, files, tuple(intervals))

    write_intervals(files.intervals, intervals)
    write_frames(files.frames, rows, Scores.concatenate(finals))
    write_summary(files.summary, _summary(result, spotter))
    return result


def result_names(videos: Sequence[Path]) -> list[str]:
    """A name for each video's results: the file name without its ending.

    Of several videos with one name the first keeps it, the next ones get ``-2``, ``-3``, … in the order given; a number
    that another video bears by itself is passed over. Case does not count, since it does not in every file system.
    """
    stems = Counter(video.stem.casefold() for video in videos)
    taken: set[str] = set()
    names = []
    for video in videos:
        name, number = video.stem, 2
        while name.casefold() in taken or (name != video.stem and name.casefold() in stems):
            name = f"{video.stem}-{number}"
            number += 1
        taken.add(name.casefold())
        names.append(name)
    return names


def _result(video: VideoFile, rows: FrameRows, files: SpotFiles, intervals: tuple[Interval, ...]) -> SpotResult:
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
        video.path, files, frames, duration_s, fps, face_share, video.skipped, intervals, " ".join(remarks)
    )


def _summary(result: SpotResult, spotter: Spotter) -> dict[str, object]:
    decode = spotter.spec.decode
    return {
        "video": result.video.name,
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
        "versions": versions(),
    }
