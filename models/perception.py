"""From a picture to the position of the 12 regions in the face's own coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from models.face import FaceTracker, alignment
from models.flow import FlowSettings, RegionFlow
from models.rigid import RIGID_LANDMARKS, HeadPose, RigidMotion, fit_rigid, head_pose
from models.types import REGION_COUNT, REGION_LANDMARKS, FaceTrack, FloatArray, Frame, FrameMotion, Image

_POINTS = list(RIGID_LANDMARKS) + list(REGION_LANDMARKS)


@dataclass(frozen=True, slots=True)
class PerceptionSettings:
    """lag_s: the flow is measured from a picture at most this old; 0 means the previous picture.
    crossover_s: time constant at which landmarks take over from integrated flow.
    max_gap_s: no flow is measured across a longer gap.
    """

    flow: FlowSettings = field(default_factory=FlowSettings)
    lag_s: float = 0.0
    crossover_s: float = 2.0
    max_gap_s: float = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class _Anchor:
    """The picture that flow is measured from, and where the regions stood in it."""

    time_s: float
    face: Image
    transform: NDArray[np.float64]
    points_px: NDArray[np.float64]
    points_iod: NDArray[np.float64]
    iod_px: float
    position_iod: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Last:
    """The previous valid frame."""

    time_s: float
    landmark_iod: FloatArray
    flow_iod: NDArray[np.float64]
    position_iod: NDArray[np.float64]


def _fade(value: float, good: float, bad: float) -> float:
    """1 at ``good`` and better, 0 at ``bad`` and worse, straight between."""
    return min(1.0, max(0.0, (value - bad) / (good - bad)))


class Perception:
    """Face, flow, head motion and drift correction in one: ``process`` each frame in order of time.

    The same frames with the same times give the same numbers; nothing depends on when or how fast they come. Where
    no face is seen the result is invalid and its positions are NaN, and the next face starts anew.

    Position (complementary filter, all in seconds): fast change is integrated flow, free of the head's rigid motion;
    slow position is that of the landmarks, turned to the front. Over a gap of more than ``max_gap_s`` the landmarks'
    own step stands in for the flow.
    """

    def __init__(self, settings: PerceptionSettings | None = None) -> None:
        self.settings = settings or PerceptionSettings()
        self._flow = RegionFlow(self.settings.flow)
        self._anchor: _Anchor | None = None
        self._last: _Last | None = None
        self._size: tuple[int, ...] | None = None
        self._tracker = FaceTracker()

    def process(self, frame: Frame) -> FrameMotion:
        """Follow the face into ``frame``; see ``FrameMotion``."""
        if frame.image.shape != self._size:
            self._size = frame.image.shape
            self._forget()
        track = self._tracker.track(frame.image, frame.time_s)
        if track is None:
            self._forget()
            nothing = np.full((REGION_COUNT, 2), np.nan, np.float32)
            return FrameMotion(frame.index, frame.time_s, False, nothing, 0.0)
        pose = head_pose(track.landmarks_px)
        motion: RigidMotion | None = None
        flow_iod: NDArray[np.float64] | None = None
        anchor, last = self._anchor, self._last
        gap_s = frame.time_s - last.time_s if last is not None else math.inf
        if anchor is not None and 0.0 <= gap_s <= self.settings.max_gap_s:
            flow_iod, motion = self._displacement(anchor, frame.image)
        last = self._position(frame.time_s, pose, flow_iod)
        quality = self._quality(track, pose, motion, gap_s)
        if motion is None or anchor is None or frame.time_s - anchor.time_s >= self.settings.lag_s - 1e-6:
            self._anchor = self._new_anchor(frame, track, pose, last.flow_iod)
        return FrameMotion(frame.index, frame.time_s, True, last.position_iod.astype(np.float32), quality, track)

    def _displacement(self, anchor: _Anchor, image: Image) -> tuple[NDArray[np.float64], RigidMotion]:
        """Expression's displacement (12, 2) in IOD since the anchor, and the head's motion that was taken away."""
        dense = self._flow.dense(anchor.face, self._flow.warp(image, anchor.transform))
        moved = self._flow.at(dense, anchor.points_px).astype(np.float64) / anchor.iod_px
        count = len(RIGID_LANDMARKS)
        motion = fit_rigid(anchor.points_iod[:count], moved[:count])
        return moved[count:] - motion.at(anchor.points_iod[count:]), motion

    def _position(self, time_s: float, pose: HeadPose, flow_iod: NDArray[np.float64] | None) -> _Last:
        landmark = pose.regions_iod.astype(np.float64)
        anchor, last = self._anchor, self._last
        if last is None:
            total, position = landmark, landmark
        else:
            if flow_iod is not None and anchor is not None:
                total = anchor.position_iod + flow_iod
            else:
                total = last.flow_iod + landmark - last.landmark_iod
            gap_s = max(time_s - last.time_s, 0.0)
            keep = math.exp(-gap_s / self.settings.crossover_s)
            position = keep * (last.position_iod + total - last.flow_iod) + (1.0 - keep) * landmark
        self._last = _Last(time_s, pose.regions_iod, total, position)
        return self._last

    def _new_anchor(self, frame: Frame, track: FaceTrack, pose: HeadPose, flow_iod: NDArray[np.float64]) -> _Anchor:
        aligned = self.settings.flow.aligned
        transform = alignment(track.landmarks_px, aligned)
        face = self._flow.warp(frame.image, transform)
        points = track.landmarks_px[_POINTS].astype(np.float64)
        points_px = points[:, :2] @ transform[:, :2].T + transform[:, 2]
        # one IOD in the aligned face, not foreshortened where the head is turned
        zoom = math.sqrt(abs(float(np.linalg.det(transform[:, :2]))))
        iod_px = pose.scale_px * zoom
        depth = (points[:, 2] - points[: len(RIGID_LANDMARKS), 2].mean()) * zoom
        centre = points_px[: len(RIGID_LANDMARKS)].mean(axis=0)
        points_iod = np.column_stack([points_px - centre, depth]) / iod_px
        return _Anchor(frame.time_s, face, transform, points_px, points_iod, iod_px, flow_iod)

    def _quality(self, track: FaceTrack, pose: HeadPose, motion: RigidMotion | None, gap_s: float) -> float:
        quality = _fade(track.iod_px, 40.0, 16.0) * _fade(pose.off_axis_rad, math.radians(25.0), math.radians(55.0))
        if motion is not None and gap_s > 0.0:
            quality *= _fade(motion.turn_rad / gap_s, math.radians(30.0), math.radians(120.0))
            quality *= _fade(motion.residual_iod, 0.01, 0.05)
        return quality

    def _forget(self) -> None:
        self._anchor = None
        self._last = None

    def close(self) -> None:
        """Free MediaPipe; harmless when repeated."""
        self._tracker.close()

    def __enter__(self) -> Perception:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
