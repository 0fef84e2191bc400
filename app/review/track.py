"""A session's features on the model's grid, and decoding them with other thresholds.

The same as ``models.grid.GridResampler`` gives frame by frame, computed for hours at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.review.state import Thresholds
from models.decode import DecodeSettings, runs_above
from models.grid import MAX_GAP_S, GridFrame
from models.islands import Islands, pasts
from models.types import GRID_HZ, BoolArray, FloatArray, Interval, Scores


@dataclass(frozen=True, slots=True, eq=False)
class GridTrack:
    """T grid frames. position_iod: (T, 12, 2), NaN where not valid. source_frame: nearest source frame's index.

    axis: (T, 2) of the nearest source frame, where the face looks; NaN where it is not known.
    """

    time_s: NDArray[np.float64]
    valid: BoolArray
    position_iod: FloatArray
    quality: NDArray[np.float64]
    source_frame: NDArray[np.int64]
    axis: FloatArray

    def __len__(self) -> int:
        return len(self.time_s)

    def __getitem__(self, at: int, /) -> GridFrame:
        return GridFrame(
            float(self.time_s[at]),
            bool(self.valid[at]),
            self.position_iod[at],
            float(self.quality[at]),
            int(self.source_frame[at]),
            self.axis[at],
        )

    def quality_of(self, first: int, end: int) -> NDArray[np.float64]:
        """(N,) of the frames from ``first`` to before ``end``."""
        return self.quality[first:end]

    def position_of(self, first: int, end: int) -> FloatArray:
        """(N, 12, 2) of the frames from ``first`` to before ``end``."""
        return self.position_iod[first:end]

    def axis_of(self, first: int, end: int) -> FloatArray:
        """(N, 2) of the frames from ``first`` to before ``end``."""
        return self.axis[first:end]

    def part(self, first: int, end: int) -> GridTrack:
        """The frames from ``first`` to before ``end``, without copying."""
        here = slice(first, end)
        return GridTrack(
            self.time_s[here],
            self.valid[here],
            self.position_iod[here],
            self.quality[here],
            self.source_frame[here],
            self.axis[here],
        )


def grid_track(features: NDArray[np.void]) -> GridTrack:
    """Features (rows of ``app.session.features.FEATURE_ROW``) on the grid."""
    source_s = features["time_s"]
    rises = np.ones(len(features), np.bool_)
    rises[1:] = source_s[1:] > np.maximum.accumulate(source_s)[:-1]  # as the resampler passes over frames out of order
    features = features[rises]
    if not len(features):
        nowhere = np.empty((0, 12, 2), np.float32)
        nothing = np.empty((0, 2), np.float32)
        return GridTrack(np.empty(0), np.empty(0, np.bool_), nowhere, np.empty(0), np.empty(0, np.int64), nothing)
    source_s = features["time_s"]
    start_s, last_s = float(source_s[0]), float(source_s[-1])
    time_s = start_s + np.arange(int((last_s - start_s) * GRID_HZ) + 3) / GRID_HZ
    between = int(np.count_nonzero(time_s < last_s - 1e-9))
    # one more where the grid falls on the last frame
    time_s = time_s[: between + int(time_s[between] <= last_s + 0.5 / GRID_HZ)]

    after = np.searchsorted(source_s - 1e-9, time_s, side="right")
    at_end = np.arange(len(time_s)) >= between
    after[at_end] = len(features) - 1
    before = np.where(at_end, after, after - 1)
    step_s = np.where(at_end, 1.0, source_s[after] - source_s[before])
    weight = np.clip((time_s - source_s[before]) / step_s, 0.0, 1.0)
    weight[at_end] = 0.0
    valid = features["valid"]
    bridged = valid[before] & valid[after] & (step_s <= MAX_GAP_S) & ~at_end
    exact = valid[before] & (weight < 1e-6) & ~bridged

    position = np.full((len(time_s), *features["position_iod"].shape[1:]), np.nan, np.float32)
    right = weight[bridged].astype(np.float32)[:, None, None]
    left = (1.0 - weight[bridged]).astype(np.float32)[:, None, None]
    source = features["position_iod"]
    position[bridged] = source[before[bridged]] * left + source[after[bridged]] * right
    position[exact] = source[before[exact]]
    quality = np.zeros(len(time_s))
    quality[exact] = features["quality"][before[exact]]
    quality[bridged] = np.minimum(features["quality"][before], features["quality"][after])[bridged]
    nearest = np.where(weight < 0.5, before, after)
    axis = features["axis"][nearest]
    return GridTrack(time_s, bridged | exact, position, quality, features["frame"][nearest], axis)


def with_thresholds(settings: DecodeSettings, thresholds: Thresholds) -> DecodeSettings:
    """The decoding of a model with other thresholds."""
    return replace(
        settings,
        island=thresholds.intensity,
        macro=replace(settings.macro, threshold=thresholds.macro),
        micro=replace(settings.micro, threshold=thresholds.micro),
        least_motion_iod=thresholds.movement,
        least_motion_in_speech_iod=thresholds.in_speech,
    )


def decode_track(track: GridTrack, scores: Scores, settings: DecodeSettings) -> tuple[Interval, ...]:
    """All intervals, in order of onset. scores: of the track's frames, from the first on; there may be fewer."""
    length = min(len(track), len(scores))
    values = np.stack([scores.intensity, scores.macro, scores.micro], axis=1)[:length]
    stretches = runs_above((track.valid[:length] & scores.valid[:length]).astype(np.float32), 0.5)
    found: list[Interval] = []
    for (first, last), past_iod in zip(stretches, pasts(stretches, track.position_of), strict=True):
        stretch = Islands(track.part(first, last + 1), values[first : last + 1], 0, settings, past_iod)
        for island in stretch.islands(0):
            found += stretch.intervals(island, True)
    return tuple(sorted(found, key=lambda i: (i.onset_s, i.type)))
