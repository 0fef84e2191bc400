"""How far a frame's measurement can be trusted."""

from __future__ import annotations

import math

from models.rigid import HeadPose, RigidMotion
from models.types import FaceTrack, Image

# each pair: good and better counts as 1, bad and worse as 0
_SIZE_PX = (40.0, 16.0)
_POSE_RAD = (math.radians(25.0), math.radians(55.0))
_TURN_RAD_S = (math.radians(40.0), math.radians(140.0))
_RESIDUAL_IOD = (0.01, 0.05)


def _fade(value: float, limits: tuple[float, float]) -> float:
    good, bad = limits
    return min(1.0, max(0.0, (value - bad) / (good - bad)))


def frame_quality(image: Image, track: FaceTrack, pose: HeadPose, motion: RigidMotion | None, since_s: float) -> float:
    """0 (useless) to 1: the product of face size, pose, turn rate and what the head-motion fit left.

    motion, since_s: the head's motion since the anchor picture and the time it took; ``None`` where not measured.
    """
    quality = _fade(track.iod_px, _SIZE_PX) * _fade(pose.off_axis_rad, _POSE_RAD)
    if motion is not None:
        if since_s > 0.0:
            quality *= _fade(motion.turn_rad / since_s, _TURN_RAD_S)
        quality *= _fade(motion.residual_iod, _RESIDUAL_IOD)
    return quality
