"""From a picture to the position of the 12 regions in the face's own coordinates."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.face import FaceTracker, alignment
from models.flow import FlowSettings, RegionFlow
from models.perception_drift import DriftCorrection
from models.perception_quality import frame_quality, sharpness
from models.perception_turns import TurnCorrection
from models.rigid import RIGID_LANDMARKS, HeadPose, RigidMotion, fit_rigid, head_pose
from models.types import REGION_COUNT, REGION_LANDMARKS, FaceTrack, Frame, FrameMotion, Image

Array = NDArray[np.float64]

_RIGID_COUNT = len(RIGID_LANDMARKS)
_POINTS = list(RIGID_LANDMARKS) + list(REGION_LANDMARKS)

# head motion after which the next frame is measured from the newest one, however young the anchor
_MAX_SHIFT_IOD = 0.08
_MAX_TURN_RAD = math.radians(4.0)

# time stamps of a steady camera are rounded; without this tolerance the number of frames in a lag would vary. Odd, so
# that no usual frame rate falls on the limit itself
_TIME_TOLERANCE_S = 0.0043


@dataclass(frozen=True, slots=True)
class PerceptionSettings:
    """Constants of the measurement; the defaults were chosen with ``benchmarks/flow_choice.py``.

    lag_s: flow is measured from an anchor picture, which is replaced once it is this old; 0 means every time.
    crossover_s, crossover_rad: time, and turning of the head, after which landmarks have taken over from integrated
        flow (all but 1/e).
    max_gap_s: no flow is measured across a longer gap between frames.
    """

    flow: FlowSettings = field(default_factory=FlowSettings)
    lag_s: float = 0.1
    crossover_s: float = 2.0
    crossover_rad: float = math.radians(20.0)
    max_gap_s: float = 0.25


class Tracker(Protocol):
    """What finds the face; ``models.face.FaceTracker`` unless told otherwise."""

    def track(self, image: Image, time_s: float) -> FaceTrack | None:
        """The face in a BGR picture, or ``None``."""

    def close(self) -> None:
        """Free what it holds; harmless when repeated."""


@dataclass(frozen=True, slots=True, eq=False)
class _Anchor:
    """The picture that flow is measured from; points are the rigid landmarks, then the regions.

    points_px: (n, 2) in the aligned face; points_iod: (n, 3) with depth, about the rigid points' centre.
    iod_px: one IOD in the aligned face, not foreshortened where the head is turned. axis: (2,), x and y of the face's.
    """

    time_s: float
    axis: Array
    face: Image
    transform: Array
    points_px: Array
    points_iod: Array
    iod_px: float


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """What one frame shows since the anchor: the head's motion, what it leaves at the regions (12, 2), sharpness.

    axis: (2,), x and y of the face's axis at the anchor.
    """

    since_s: float
    axis: Array
    motion: RigidMotion
    left_iod: Array
    sharp: float


@dataclass(frozen=True, slots=True, eq=False)
class _Since:
    """Displacement (12, 2) of the regions since the anchor: what the rigid fit left, and without the turn's error."""

    left_iod: Array
    corrected_iod: Array

    @staticmethod
    def nothing() -> _Since:
        return _Since(np.zeros((REGION_COUNT, 2)), np.zeros((REGION_COUNT, 2)))


class Perception:
    """Face, flow, head motion and drift correction in one: ``process`` each frame in order of time.

    The same frames with the same times give the same numbers; nothing depends on when or how fast they come, nor on
    the number of threads: the flow is measured beside the landmarks, in a thread of its own. Where no face is seen the
    result is invalid and its positions are NaN, and the next face starts anew; so do a picture of another size and a
    time that goes back. Over a gap of more than ``max_gap_s`` the landmarks' own step stands in for the flow.

    Not for use by two threads at once. Close it, or use it as a context manager.

    Raises:
        AssetError: the shipped landmark model is missing or damaged.
    """

    def __init__(self, settings: PerceptionSettings | None = None, tracker: Tracker | None = None) -> None:
        self.settings = settings or PerceptionSettings()
        self._flow = RegionFlow(self.settings.flow)
        self._drift = DriftCorrection(self.settings.crossover_s, self.settings.crossover_rad)
        self._turns = TurnCorrection()
        self._anchor: _Anchor | None = None
        self._since_anchor = _Since.nothing()
        self._pose: HeadPose | None = None
        self._shape: tuple[int, ...] | None = None
        self._time_s = -math.inf
        self._tracker: Tracker = tracker if tracker is not None else FaceTracker()
        # flow needs nothing of what the landmarks say about the same frame, so both are at work at a time
        self._beside = ThreadPoolExecutor(1, "apexspot-flow")

    def process(self, frame: Frame) -> FrameMotion:
        """Follow the face into ``frame``; see ``FrameMotion`` for what comes back."""
        if frame.image.shape != self._shape or frame.time_s < self._time_s:
            self._restart()
            self._turns.restart()
        gap_s = frame.time_s - self._time_s
        self._shape, self._time_s = frame.image.shape, frame.time_s
        anchor = self._anchor if gap_s <= self.settings.max_gap_s else None
        measuring = None if anchor is None else self._beside.submit(self._measure, anchor, frame)
        track = self._tracker.track(frame.image, frame.time_s)
        measured = None if measuring is None else measuring.result()
        if track is None:
            self._restart()
            nothing = np.full((REGION_COUNT, 2), np.nan, np.float32)
            return FrameMotion(frame.index, frame.time_s, False, nothing, 0.0)
        pose = head_pose(track.landmarks_px)
        landmark_iod, axis = pose.regions_iod.astype(np.float64), pose.axis
        step_iod: Array | None = None
        if measured is not None:
            left_iod = measured.left_iod
            since = _Since(left_iod, left_iod - self._turns.in_flow(measured.axis, measured.motion.turn))
            step_iod = since.corrected_iod - self._since_anchor.corrected_iod
            self._turns.learn_landmarks(landmark_iod, left_iod - self._since_anchor.left_iod, axis, gap_s)
            self._since_anchor = since
        turned_rad = pose.angle_to(self._pose) if self._pose is not None else 0.0
        self._pose = pose
        position = self._drift.update(landmark_iod - self._turns.in_landmarks(axis), step_iod, gap_s, turned_rad)
        if measured is None:
            begun = self._begin_anew(frame, track, pose)
            quality = frame_quality(track, pose, frame.image.shape, sharpness(begun.face, begun.iod_px))
        else:
            if self._is_stale(measured):
                turn = measured.motion.turn
                self._turns.learn_flow(measured.left_iod, measured.axis, turn, measured.since_s)
                self._begin_anew(frame, track, pose)
            quality = frame_quality(track, pose, frame.image.shape, measured.sharp, measured.motion, measured.since_s)
        at = position.astype(np.float32)
        return FrameMotion(frame.index, frame.time_s, True, at, quality, track, axis.astype(np.float32))

    def _measure(self, anchor: _Anchor, frame: Frame) -> _Measured:
        face = self._flow.warp(frame.image, anchor.transform)
        dense = self._flow.dense(anchor.face, face)
        moved = self._flow.at(dense, anchor.points_px).astype(np.float64) / anchor.iod_px
        motion = fit_rigid(anchor.points_iod[:_RIGID_COUNT], moved[:_RIGID_COUNT])
        left_iod = moved[_RIGID_COUNT:] - motion.at(anchor.points_iod[_RIGID_COUNT:])
        return _Measured(frame.time_s - anchor.time_s, anchor.axis, motion, left_iod, sharpness(face, anchor.iod_px))

    def _is_stale(self, measured: _Measured) -> bool:
        """Whether the next frame is better measured from the present one than from the anchor."""
        old = measured.since_s >= self.settings.lag_s - _TIME_TOLERANCE_S
        return old or measured.motion.shift_iod > _MAX_SHIFT_IOD or measured.motion.turn_rad > _MAX_TURN_RAD

    def _begin_anew(self, frame: Frame, track: FaceTrack, pose: HeadPose) -> _Anchor:
        """Make this frame the one that the next are measured from."""
        transform = alignment(track.landmarks_px, self.settings.flow.aligned)
        face = self._flow.warp(frame.image, transform)
        points = track.landmarks_px[_POINTS].astype(np.float64)
        points_px = points[:, :2] @ transform[:, :2].T + transform[:, 2]
        zoom = math.sqrt(abs(float(np.linalg.det(transform[:, :2]))))
        iod_px = pose.scale_px * zoom
        inside = np.column_stack([points_px, points[:, 2] * zoom])
        points_iod = (inside - inside[:_RIGID_COUNT].mean(axis=0)) / iod_px
        self._anchor = _Anchor(frame.time_s, pose.axis, face, transform, points_px, points_iod, iod_px)
        self._since_anchor = _Since.nothing()
        return self._anchor

    def _restart(self) -> None:
        self._anchor = None
        self._pose = None
        self._since_anchor = _Since.nothing()
        self._drift.restart()
        self._turns.lose_face()

    def close(self) -> None:
        """Free MediaPipe and the thread for the flow; harmless when repeated."""
        self._tracker.close()
        self._beside.shutdown()

    def __enter__(self) -> Perception:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
