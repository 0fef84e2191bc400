"""From the path of a video to its expressions: the whole of apexspot in one call (``docs/python.md``)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.analyzer import Analyzer
from models.errors import UsageError
from models.model_file import ModelSpec
from models.per_frame import FrameRows, at_times
from models.perception import Perception
from models.spotter import Spotter
from models.types import ExpressionType, FloatArray, Interval, Scores, Update
from models.video import VideoFile

if TYPE_CHECKING:
    import pandas as pd

_STEP_FRAMES = 300
"""Frames between two steps of the scoring; the scores do not depend on it."""

_SCORES = ("intensity", "macro", "micro", "quality")

Progress: TypeAlias = Callable[[float, float | None], None]
"""Called with the seconds done and the seconds in all (``None`` where unknown)."""


@dataclass(frozen=True, slots=True)
class FrameScore:
    """One frame of the video. Scores and quality (0 to 1) are ``None`` where no face was seen."""

    frame: int
    time_s: float
    face: bool
    intensity: float | None
    macro: float | None
    micro: float | None
    quality: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What was found in one video.

    intervals: the expressions, in order of onset; frames count from 0, both ends are inclusive.
    rows: the video's frames. scores: on the model's regular grid of 30 Hz; ``frames`` has them at the video's frames.
    stated_s: length that the file states, ``None`` where it does not say.
    skipped: damaged packets and frames that were left out.
    model: what scored. provider: where it ran ("CPU", "CUDA").
    """

    path: Path
    intervals: tuple[Interval, ...]
    rows: FrameRows
    scores: Scores
    stated_s: float | None
    skipped: int
    model: ModelSpec
    provider: str

    @property
    def fps(self) -> float | None:
        """Frames a second as measured; ``None`` for a single frame."""
        span_s = float(self.rows.time_s[-1] - self.rows.time_s[0])
        return (len(self.rows) - 1) / span_s if span_s > 0.0 else None

    @property
    def duration_s(self) -> float:
        """Time of the last frame since the first, plus one frame (``frame_length_s``)."""
        span_s = float(self.rows.time_s[-1] - self.rows.time_s[0])
        return span_s + (frame_length_s(self.rows.index, self.rows.time_s) or 0.0)

    @property
    def face_share(self) -> float:
        """Share of the frames with a face, 0 to 1."""
        return float(np.mean(self.rows.face))

    def count(self, type_: ExpressionType | str) -> int:
        """How many intervals of a type (``"macro"``, ``"micro"``) there are."""
        return sum(interval.type == type_ for interval in self.intervals)

    def per_frame(self) -> Mapping[str, NDArray[np.float64]]:
        """``intensity``, ``macro``, ``micro``, ``quality`` at the video's frames, (N,) each; NaN without a face."""
        return {name: self._at_frames(getattr(self.scores, name)) for name in _SCORES}

    def frames(self) -> Iterator[FrameScore]:
        """The video's frames one by one."""
        columns = list(self.per_frame().values())
        rows = zip(self.rows.index.tolist(), self.rows.time_s.tolist(), self.rows.face.tolist(), strict=True)
        for k, (frame, time_s, face) in enumerate(rows):
            values = (None if np.isnan(column[k]) else float(column[k]) for column in columns)
            yield FrameScore(frame, time_s, face, *values)

    def intervals_table(self) -> pd.DataFrame:
        """The intervals as a table, one row each: ``intervals.csv`` up to its ``score`` (``docs/formats.md``)."""
        import pandas as pd

        found = self.intervals
        return pd.DataFrame(
            {
                "id": np.arange(1, len(found) + 1),
                "type": pd.Series([i.type.value for i in found], dtype="str"),
                "onset_s": np.array([i.onset_s for i in found], np.float64),
                "apex_s": np.array([i.apex_s for i in found], np.float64),
                "offset_s": np.array([i.offset_s for i in found], np.float64),
                "duration_s": np.array([i.duration_s for i in found], np.float64),
                "onset_frame": np.array([i.onset_frame for i in found], np.int64),
                "apex_frame": np.array([i.apex_frame for i in found], np.int64),
                "offset_frame": np.array([i.offset_frame for i in found], np.int64),
                "score": np.array([i.score for i in found], np.float64),
            }
        )

    def frames_table(self) -> pd.DataFrame:
        """The video's frames as a table, with the columns of ``frames.csv``; ``face`` is a bool, NaN without a face."""
        import pandas as pd

        rows = self.rows
        return pd.DataFrame({"frame": rows.index, "time_s": rows.time_s, "face": rows.face, **self.per_frame()})

    def _at_frames(self, values: FloatArray) -> NDArray[np.float64]:
        return np.where(self.rows.face, at_times(self.scores, values, self.rows.time_s), np.nan)


def frame_length_s(index: NDArray[np.int64], time_s: NDArray[np.float64]) -> float | None:
    """Seconds that a frame lasts, ``None`` where fewer than two frames tell.

    index, time_s: (N,), each frame's number and time. It is the median distance of neighbours: a camera that gives
    fewer frames in the dark, or pauses, does not make a frame as long as its pause.
    """
    steps, distances_s = np.diff(index), np.diff(time_s)
    rising = (steps > 0) & (distances_s > 0.0)
    return float(np.median(distances_s[rising] / steps[rising])) if rising.any() else None


def analyze(
    path: str | PathLike[str],
    *,
    model: Spotter | str | PathLike[str] | None = None,
    until_s: float | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Find the macro- and micro-expressions in a video file.

    The video is read once and as a stream; only a few numbers per frame are kept. The scores and intervals are those
    of ``apexspot spot`` and of a live session over the same frames.

    path: any video file that FFmpeg reads.
    model: another model file than the one that ships, or an opened ``models.spotter.Spotter``, which several calls may
        share.
    until_s: analyse only what comes before this time (s).
    progress: called after every frame with the seconds done and the seconds in all; what it raises ends the analysis.

    Raises:
        models.errors.UsageError: there is no such file, or ``until_s`` is not above 0.
        models.errors.VideoError: it is no video, or it cannot be decoded.
        models.errors.ModelFileError: the model file cannot be used.
        models.errors.AssetError: a shipped file is missing or damaged.
    """
    if until_s is not None and not until_s > 0.0:
        raise UsageError("until_s wants a number of seconds above 0.")
    spotter = model if isinstance(model, Spotter) else Spotter(model)
    index, time_s, face = array("q"), array("d"), array("b")
    finals: list[Scores] = []
    intervals: list[Interval] = []

    def collect(update: Update) -> None:
        finals.append(update.final)
        intervals.extend(update.intervals)

    with VideoFile(Path(path)) as video, Perception() as perception:
        stated_s = video.duration_s
        total_s = stated_s if until_s is None or stated_s is None else min(stated_s, until_s)
        analyzer = Analyzer(spotter)
        for frame in video:
            if until_s is not None and frame.time_s >= until_s:
                break
            motion = perception.process(frame)
            analyzer.push(motion)
            index.append(motion.index)
            time_s.append(motion.time_s)
            face.append(motion.valid)
            if len(index) % _STEP_FRAMES == 0:
                collect(analyzer.update(provisional=False))
            if progress is not None:
                progress(frame.time_s, total_s)
        collect(analyzer.finish())
        skipped = video.skipped
    return Analysis(
        path=video.path,
        intervals=tuple(sorted(intervals, key=lambda i: i.onset_s)),
        rows=FrameRows(np.array(index), np.array(time_s), np.array(face, np.bool_)),
        scores=Scores.concatenate(finals),
        stated_s=stated_s,
        skipped=skipped,
        model=spotter.spec,
        provider=spotter.provider,
    )
