"""How far a frame's measurement can be trusted."""

from __future__ import annotations

import math

import cv2
import numpy as np

from models.rigid import HeadPose, RigidMotion
from models.types import REGION_LANDMARKS, FaceTrack, Image

# Each pair: the first and better counts as 1, the second and worse as 0. Size and sharpness were set where the error of
# an injected smile begins to grow (benchmarks/motion_limits.py); pose and turning where the depth guess gives out.
_SIZE_PX = (24.0, 12.0)
_SHARPNESS = (0.16, 0.08)
_POSE_RAD = (math.radians(25.0), math.radians(55.0))
_TURN_RAD_S = (math.radians(40.0), math.radians(140.0))
_RESIDUAL_IOD = (0.01, 0.05)
_OUTSIDE = (0.0, 0.25)


def sharpness(face: Image, iod_px: float) -> float:
    """Fine detail (0.015-0.03 IOD) over coarse detail (0.08-0.16 IOD) in a grey aligned face, free of contrast.

    About 0.3-0.6 for webcams in focus, 0.12 and below where brows and lips are smeared over more than 0.06 IOD.
    """
    half = cv2.resize(face, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.float32)
    fine, less, coarse, least = (
        cv2.GaussianBlur(half, (0, 0), 0.5 * share * iod_px) for share in (0.015, 0.03, 0.08, 0.16)
    )
    return float((fine - less).std()) / max(float((coarse - least).std()), 1.0)


def frame_quality(
    track: FaceTrack,
    pose: HeadPose,
    shape: tuple[int, ...],
    sharp: float,
    motion: RigidMotion | None = None,
    since_s: float = 0.0,
) -> float:
    """0 (useless) to 1: the product of what size, sharpness, pose, picture edge and head motion leave of it.

    shape: of the picture. sharp: see ``sharpness``. motion, since_s: the head's motion since the anchor picture and the
    time it took; ``None`` where it was not measured.
    """
    height, width = shape[:2]
    x, y = track.landmarks_px[list(REGION_LANDMARKS), :2].T
    outside = float(np.mean((x < 0) | (y < 0) | (x >= width) | (y >= height)))
    quality = (
        _fade(track.iod_px, _SIZE_PX)
        * _fade(sharp, _SHARPNESS)
        * _fade(pose.off_axis_rad, _POSE_RAD)
        * _fade(outside, _OUTSIDE)
    )
    if motion is not None:
        quality *= _fade(motion.residual_iod, _RESIDUAL_IOD)
        if since_s > 0.0:
            quality *= _fade(motion.turn_rad / since_s, _TURN_RAD_S)
    return quality


def _fade(value: float, limits: tuple[float, float]) -> float:
    good, bad = limits
    return min(1.0, max(0.0, (value - bad) / (good - bad)))
