"""Values that travel through the program. All are immutable; times are seconds, frames count from 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
Image = NDArray[np.uint8]

GRID_HZ = 30.0
"""Rate of the model's regular time grid (Hz)."""

REGION_NAMES = (
    "brow left outer",
    "brow left middle",
    "brow left inner",
    "brow right inner",
    "brow right middle",
    "brow right outer",
    "nose bridge",
    "nose tip",
    "mouth corner left",
    "upper lip",
    "mouth corner right",
    "lower lip",
)
"""The 12 regions in the order of the feature layout. Left and right are those of the picture, not of the person."""

REGION_LANDMARKS = (63, 105, 66, 296, 334, 293, 197, 4, 61, 0, 291, 17)
"""MediaPipe mesh index at the centre of each region (dlib-68 points 18 19 20 23 24 25 28 30 48 51 54 57)."""

REGION_COUNT = len(REGION_LANDMARKS)

LOW_QUALITY = 0.5
"""A frame whose quality lies below this is shown as unreliable."""


class ExpressionType(StrEnum):
    """The two classes that are spotted."""

    MACRO = "macro"
    MICRO = "micro"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture: ``image`` is BGR uint8 (H, W, 3), ``time_s`` its capture or presentation time."""

    index: int
    time_s: float
    image: Image


@runtime_checkable
class FrameSource(Protocol):
    """Anything that delivers frames in order of time: a file, a camera, a stream.

    A source is a context manager; leaving it frees the device. Iterating ends when the source ends and raises
    ``models.errors.VideoError`` or ``SourceError`` with a sentence for the user when it breaks.
    """

    @property
    def name(self) -> str:
        """What the user calls it (file name, camera name, address)."""

    @property
    def nominal_fps(self) -> float | None:
        """Frames a second as the source states it, ``None`` where it does not say."""

    @property
    def is_live(self) -> bool:
        """True where frames are lost if nobody takes them (camera, stream)."""

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None:
        """Free the device or file; harmless when repeated."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceTrack:
    """A face found in one frame.

    landmarks_px: (478, 3) float32 in the pixels of the whole picture (z in the same unit, smaller is nearer).
    iod_px: inter-ocular distance, between the centres of the two eyes' corners.
    to_aligned: (2, 3) float64 similarity from picture pixels to the aligned face.
    """

    landmarks_px: FloatArray
    iod_px: float
    to_aligned: NDArray[np.float64]


UNKNOWN_AXIS: FloatArray = np.full(2, np.nan, np.float32)
"""Where a face looks while nobody knows."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameMotion:
    """What perception knows after one frame.

    position_iod: (12, 2) float32, where each region of the face stands in the face's own, head-motion-free
        coordinates (x to the right of the picture, y down), in inter-ocular distances. Its zero is arbitrary, so only
        differences in time mean something. Fast changes come from optical flow, slow ones from the landmarks. NaN
        where ``valid`` is false.
    quality: 0 (useless) to 1; below ``LOW_QUALITY`` the head turned faster than could be undone, the picture is
        too blurred, or the face is too small.
    axis: (2,) float32, x and y in the picture of the unit vector along which the face looks, so about the angles in
        radians by which the head is turned and nods. NaN where it is not known.
    """

    index: int
    time_s: float
    valid: bool
    position_iod: FloatArray
    quality: float
    face: FaceTrack | None = None
    axis: FloatArray = field(default_factory=lambda: UNKNOWN_AXIS)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores on the regular grid; each array has length T. NaN where no face was seen (``valid`` false)."""

    time_s: NDArray[np.float64]
    valid: BoolArray
    intensity: FloatArray
    macro: FloatArray
    micro: FloatArray
    quality: FloatArray

    def __len__(self) -> int:
        return len(self.time_s)

    @staticmethod
    def empty() -> Scores:
        none = np.empty(0, np.float32)
        return Scores(np.empty(0, np.float64), np.empty(0, np.bool_), none, none, none, none)

    @staticmethod
    def concatenate(parts: list[Scores]) -> Scores:
        """Join consecutive parts in order."""
        if not parts:
            return Scores.empty()
        return Scores(
            np.concatenate([p.time_s for p in parts]),
            np.concatenate([p.valid for p in parts]),
            np.concatenate([p.intensity for p in parts]),
            np.concatenate([p.macro for p in parts]),
            np.concatenate([p.micro for p in parts]),
            np.concatenate([p.quality for p in parts]),
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """A spotted expression. Times lie on the grid; frames are the source's nearest ones; both ends are inclusive.

    final: False while the look-ahead has not passed; such an interval may still move or vanish.
    """

    type: ExpressionType
    onset_s: float
    apex_s: float
    offset_s: float
    onset_frame: int
    apex_frame: int
    offset_frame: int
    score: float
    final: bool = True

    @property
    def duration_s(self) -> float:
        return self.offset_s - self.onset_s


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """What one step of the analysis brought.

    final: grid frames that became final in this step, each delivered exactly once and in order.
    provisional: the newest grid frames, scored with the future seen so far; replaces the previous provisional part.
    intervals: intervals that became final in this step, each delivered exactly once, in order of onset. One may begin a
        little before one that an earlier step delivered.
    provisional_intervals: all intervals currently seen in the part that is not final; replaces the previous ones.
    """

    final: Scores
    provisional: Scores
    intervals: tuple[Interval, ...]
    provisional_intervals: tuple[Interval, ...]
