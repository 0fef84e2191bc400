"""The head's own motion: fitted to points that no expression moves, and taken away from what the face does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.types import REGION_LANDMARKS, FloatArray

# Nose, eye corners, temples and outer cheekbones of a face seen from the front, in IOD from the middle between the
# eyes (x right, y down, z away from the viewer). Measured with the face landmarker on a public-domain portrait and its
# mirror image, averaged. The silhouette is left out: flow there belongs half to the background.
_RIGID_FACE: dict[int, tuple[float, float, float]] = {
    168: (0.000, -0.045, -0.329),
    6: (0.000, 0.087, -0.390),
    197: (0.000, 0.208, -0.462),
    195: (0.000, 0.317, -0.540),
    5: (0.000, 0.436, -0.624),
    193: (-0.124, -0.034, -0.257),
    417: (0.124, -0.034, -0.257),
    122: (-0.092, 0.107, -0.348),
    351: (0.092, 0.107, -0.348),
    196: (-0.088, 0.222, -0.436),
    419: (0.088, 0.222, -0.436),
    174: (-0.155, 0.262, -0.359),
    399: (0.155, 0.262, -0.359),
    188: (-0.154, 0.154, -0.276),
    412: (0.154, 0.154, -0.276),
    33: (-0.722, -0.023, 0.041),
    263: (0.722, -0.023, 0.041),
    133: (-0.278, 0.023, -0.041),
    362: (0.278, 0.023, -0.041),
    243: (-0.244, 0.028, -0.057),
    463: (0.244, 0.028, -0.057),
    143: (-0.982, 0.030, 0.274),
    372: (0.982, 0.030, 0.274),
    156: (-0.957, -0.128, 0.160),
    383: (0.957, -0.128, 0.160),
    116: (-0.999, 0.212, 0.267),
    345: (0.999, 0.212, 0.267),
    111: (-0.897, 0.147, 0.149),
    340: (0.897, 0.147, 0.149),
}
RIGID_LANDMARKS = tuple(_RIGID_FACE)
_RIGID_IOD = np.array(list(_RIGID_FACE.values()), np.float64)

# residuals below this are noise (IOD per step); larger ones lose weight
_NOISE_IOD = 0.004
_ITERATIONS = 5


@dataclass(frozen=True, slots=True, eq=False)
class RigidMotion:
    """A small rigid motion of the head as it shows in the picture.

    parameters: tx, ty (IOD), s (relative change of size), wx, wy, wz (rad): right-hand side of
        u = tx + s x - wz y + wy z,  v = ty + s y + wz x - wx z.
    residual_iod: weighted root mean square of what the fit leaves at the rigid points.
    """

    parameters: NDArray[np.float64]
    residual_iod: float

    @property
    def turn(self) -> NDArray[np.float64]:
        """Rotation out of the picture's plane (2,), as the change of x and y of the face's axis (rad)."""
        wx, wy = self.parameters[3:5]
        return np.array([wy, -wx])

    @property
    def turn_rad(self) -> float:
        """Size of the rotation out of the picture's plane."""
        return float(np.linalg.norm(self.turn))

    @property
    def shift_iod(self) -> float:
        """Size of the shift in the picture."""
        return float(np.linalg.norm(self.parameters[:2]))

    def at(self, points_iod: NDArray[Any]) -> NDArray[np.float64]:
        """Displacement (n, 2) in IOD that the head's motion alone gives at points (n, 3)."""
        return (_design(points_iod) @ self.parameters).reshape(-1, 2)


def _design(points: NDArray[Any]) -> NDArray[np.float64]:
    """Rows u0, v0, u1, v1, … of the linear system, columns tx ty s wx wy wz."""
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    rows = np.zeros((len(points), 2, 6))
    rows[:, 0, 0] = 1.0
    rows[:, 1, 1] = 1.0
    rows[:, 0, 2], rows[:, 1, 2] = x, y
    rows[:, 1, 3] = -z
    rows[:, 0, 4] = z
    rows[:, 0, 5], rows[:, 1, 5] = -y, x
    return rows.reshape(-1, 6)


def fit_rigid(points_iod: NDArray[Any], flow_iod: NDArray[Any]) -> RigidMotion:
    """Robust least squares (iteratively reweighted, Cauchy weights) of the six parameters.

    points_iod: (n, 3), n >= 6, positions in IOD with the landmarks' depth; flow_iod: (n, 2), their displacement.
    """
    design = _design(points_iod)
    flow = flow_iod.astype(np.float64)
    weight: NDArray[np.float64] = np.ones(len(flow))
    parameters: NDArray[np.float64] = np.zeros(6)
    for _ in range(_ITERATIONS):
        rows = np.repeat(weight, 2)
        normal = design.T @ (design * rows[:, None]) + 1e-9 * np.eye(6)
        solved = np.linalg.solve(normal, design.T @ (rows * flow.reshape(-1)))
        parameters = np.asarray(solved, np.float64)
        left = flow - (design @ parameters).reshape(-1, 2)
        error = np.linalg.norm(left, axis=1)
        scale = max(1.5 * float(np.median(error)), _NOISE_IOD)
        weight = np.asarray(1.0 / (1.0 + (error / scale) ** 2), np.float64)
    residual = float(np.sqrt((weight * error**2).sum() / weight.sum()))
    return RigidMotion(parameters, residual)


@dataclass(frozen=True, slots=True, eq=False)
class HeadPose:
    """Where the head stands: similarity that carries the face seen from the front into the picture.

    rotation: (3, 3), front to picture; scale_px: pixels of one IOD, free of foreshortening.
    regions_iod: (12, 2) x and y of the regions' landmarks, turned back to the front.
    """

    rotation: NDArray[np.float64]
    scale_px: float
    regions_iod: FloatArray

    @property
    def axis(self) -> NDArray[np.float64]:
        """x and y of the face's axis in the picture (2,); both 0 where it looks into the camera."""
        return self.rotation[:2, 2]

    @property
    def off_axis_rad(self) -> float:
        """Angle between the face's axis and the line of sight."""
        return float(np.arccos(np.clip(self.rotation[2, 2], -1.0, 1.0)))

    def angle_to(self, other: HeadPose) -> float:
        """Angle between this pose's axis and another's."""
        return float(np.arccos(np.clip(self.rotation[:, 2] @ other.rotation[:, 2], -1.0, 1.0)))


def head_pose(landmarks_px: FloatArray) -> HeadPose:
    """Similarity Procrustes (Kabsch, Umeyama) of the rigid landmarks to a fixed front view.

    The front view is the same for everybody, so positions before and after a gap can be compared.
    """
    points = landmarks_px[list(RIGID_LANDMARKS)].astype(np.float64)
    centre, front_centre = points.mean(axis=0), _RIGID_IOD.mean(axis=0)
    a, b = _RIGID_IOD - front_centre, points - centre
    u, singular, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ np.diag(sign) @ vt
    scale_px = max(float((singular * sign).sum() / (a * a).sum()), 1e-6)
    regions = landmarks_px[list(REGION_LANDMARKS)].astype(np.float64)
    front = (regions - centre) @ rotation / scale_px + front_centre
    return HeadPose(rotation, scale_px, front[:, :2].astype(np.float32))
