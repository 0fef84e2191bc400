"""Spotting in a recording: the video goes in once, and three files come out."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.tables import write_frames, write_intervals, write_summary
from app.versions import versions
from models.api import Analysis, Progress, analyze
from models.assets import FACE_LANDMARKER_SHA256
from models.digest import content_sha256, perception_digest, scoring_digest
from models.errors import OutputError
from models.grid import MAX_GAP_S
from models.spotter import Spotter
from models.types import GRID_HZ, ExpressionType, Interval

_NAME_BYTES = 255
"""As long as a file's name may be where the system does not tell."""

_CUT_OFF_S = 1.0
"""A video that ends this much before the length that it states is reported as cut off."""

_MOST_APART = 0.05
"""Share of a video's length in which pictures may be too far apart before that is told."""


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
    """What the results depend on besides the recording: network, the code before and behind it, the person's choice."""

    model_sha256: str
    perception: str
    scoring: str
    least_motion_iod: float
    least_motion_in_speech_iod: float

    @staticmethod
    def of(spotter: Spotter) -> Method:
        spec, decode = spotter.spec, spotter.spec.decode
        return Method(
            spec.sha256,
            perception_digest(),
            scoring_digest(),
            decode.least_motion_iod,
            decode.least_motion_in_speech_iod,
        )


@dataclass(frozen=True, slots=True)
class SpotResult:
    """What was found in one video.

    duration_s: time of the last frame since the first, plus one frame. fps: measured, ``None`` for a single frame.
    face_share: share of the frames with a face, 0 to 1. skipped: damaged packets and frames that were left out.
    message: what the user should know about this video; empty where there is nothing to say. sha256: of the video's
    content. taken_s: how long it took, to a millisecond.
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
        OutputError: a result cannot be written; that its name is too long is said before the video is read.
    """
    begin_s = time.monotonic()
    _check_names(path, files)
    analysis = analyze(path, model=spotter, progress=progress)
    result = SpotResult(
        video=path,
        files=files,
        frames=len(analysis.rows),
        duration_s=analysis.duration_s,
        fps=analysis.fps,
        face_share=analysis.face_share,
        skipped=analysis.skipped,
        intervals=analysis.intervals,
        message=_message(analysis),
        sha256=content_sha256(path),
        # as NAME.json keeps it, so that a table made again from it says the same
        taken_s=round(time.monotonic() - begin_s, 3),
    )
    with _together(files) as written:
        write_intervals(written.intervals, analysis.intervals)
        write_frames(written.frames, analysis.rows, analysis.scores)
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
    """How the names of folders with results that are not whole yet begin and end.

    A digest stands for the results' name, which may be as long as names get.
    """
    return f".apexspot-{hashlib.sha256(os.fsencode(files.summary.name)).hexdigest()[:16]}.", ".writing"


def _check_names(video: Path, files: SpotFiles) -> None:
    most = _NAME_BYTES
    if hasattr(os, "pathconf"):
        with contextlib.suppress(OSError, ValueError):
            most = os.pathconf(files.summary.parent, "PC_NAME_MAX")
    longest = max((path.name for path in files.all()), key=lambda name: len(os.fsencode(name)))
    if len(os.fsencode(longest)) > most:
        raise OutputError(
            f"{video} was not used: the name of its results, {longest}, is too long for a file; rename the video."
        )


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


def _message(analysis: Analysis) -> str:
    remarks = []
    if not analysis.rows.face.any():
        remarks.append("No face was found in this video.")
    if analysis.skipped:
        remarks.append(f"{analysis.skipped} damaged or repeated frames were left out.")
    stated_s, duration_s = analysis.stated_s, analysis.duration_s
    steps_s = np.diff(analysis.rows.time_s)
    apart_s = float(steps_s[steps_s > MAX_GAP_S].sum())
    if apart_s > _MOST_APART * duration_s:
        remarks.append(
            f"In {apart_s:.1f} of {duration_s:.1f} s the pictures are more than {MAX_GAP_S} s apart, too far to follow "
            "a movement; nothing can be found there."
        )
    if stated_s is not None and stated_s - duration_s > _CUT_OFF_S:
        remarks.append(f"The video ends after {duration_s:.1f} of {stated_s:.1f} s; it seems to be cut off.")
    return " ".join(remarks)


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
            "least_motion_iod": decode.least_motion_iod,
            "least_motion_in_speech_iod": decode.least_motion_in_speech_iod,
            "least_motion_turning_iod_rad": decode.least_motion_turning_iod_rad,
            "least_departure_in_speech": decode.least_departure_in_speech,
            "narrow_in_speech_iod": decode.narrow_in_speech_iod,
        },
        "code": {"perception": method.perception, "scoring": method.scoring},
        "tables": {
            "intervals_sha256": content_sha256(written.intervals),
            "frames_sha256": content_sha256(written.frames),
        },
        "versions": versions(),
        "taken_s": result.taken_s,
    }
