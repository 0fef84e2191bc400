"""Dense optical flow in the aligned face, averaged round the regions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.face import ALIGNED, AlignedFace
from models.types import FloatArray, Image


class FlowMethod(StrEnum):
    """Dense flow algorithms of OpenCV."""

    DIS_ULTRAFAST = "dis-ultrafast"
    DIS_FAST = "dis-fast"
    DIS_MEDIUM = "dis-medium"
    FARNEBACK = "farneback"


_DIS_PRESETS = {
    FlowMethod.DIS_ULTRAFAST: cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    FlowMethod.DIS_FAST: cv2.DISOPTICAL_FLOW_PRESET_FAST,
    FlowMethod.DIS_MEDIUM: cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """What ``benchmarks/flow_choice.py`` compares.

    radius_iod: the flow is averaged in a disc of this radius round each landmark.
    """

    method: FlowMethod = FlowMethod.DIS_MEDIUM
    aligned: AlignedFace = field(default_factory=lambda: ALIGNED)
    radius_iod: float = 0.08
    normalise: bool = False


class RegionFlow:
    """Flow between two pictures warped by the same transform, so that a trembling landmark is no motion."""

    def __init__(self, settings: FlowSettings | None = None) -> None:
        self.settings = settings or FlowSettings()
        aligned = self.settings.aligned
        self._dis: Any = None
        if self.settings.method in _DIS_PRESETS:
            self._dis = cv2.DISOpticalFlow.create(_DIS_PRESETS[self.settings.method])
        radius = max(1, round(self.settings.radius_iod * aligned.iod_px))
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        inside = x * x + y * y <= radius * radius
        self._disc = np.stack([x[inside], y[inside]], axis=1)

    def warp(self, image: Image, transform: NDArray[np.float64]) -> Image:
        """Grey aligned face of a BGR picture; ``transform`` (2, 3) leads from the picture to the aligned face."""
        aligned = self.settings.aligned
        size = (aligned.width_px, aligned.height_px)
        shrink = 1.0 / max(float(np.sqrt(abs(np.linalg.det(transform[:, :2])))), 1e-6)
        sigma_px = 0.4 * shrink if shrink > 1.5 else 0.0
        part, to_face = _cut(image, transform, size, margin_px=2 + round(4 * sigma_px))
        grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
        if sigma_px > 0.0:
            # smooth a picture that will be shrunk, or fine texture turns into false motion
            grey = cv2.GaussianBlur(grey, (0, 0), sigma_px)
        face = cv2.warpAffine(grey, to_face, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        plain = np.asarray(face, np.uint8)
        return _normalised(plain, aligned.iod_px) if self.settings.normalise else plain

    def dense(self, first: Image, second: Image) -> FloatArray:
        """Displacement (H, W, 2) in pixels of the aligned face from ``first`` to ``second``."""
        if self._dis is not None:
            return np.asarray(self._dis.calc(first, second, None), np.float32)
        flow = cv2.calcOpticalFlowFarneback(first, second, None, 0.5, 4, 21, 3, 7, 1.5, 0)  # type: ignore[call-overload]
        return np.asarray(flow, np.float32)

    def at(self, flow: FloatArray, points: NDArray[Any]) -> FloatArray:
        """Robust mean (n, 2) of a flow field in the discs round points (n, 2), in pixels of the aligned face."""
        height, width = flow.shape[:2]
        where = np.rint(points).astype(np.intp)[:, None, :] + self._disc
        x = np.clip(where[..., 0], 0, width - 1)
        y = np.clip(where[..., 1], 0, height - 1)
        samples = np.sort(flow[y, x], axis=1)
        quarter = samples.shape[1] // 4
        return np.asarray(samples[:, quarter : samples.shape[1] - quarter].mean(axis=1), np.float32)


def _cut(
    image: Image, transform: NDArray[np.float64], size: tuple[int, int], margin_px: int
) -> tuple[Image, NDArray[np.float64]]:
    """The part of the picture that the aligned face shows, and the transform from that part.

    Saves the work on the rest of a large picture.
    """
    height, width = image.shape[:2]
    corners = np.array([(0, 0), (size[0], 0), (0, size[1]), size], np.float64)
    back = cv2.invertAffineTransform(transform)
    seen = corners @ back[:, :2].T + back[:, 2]
    left, top = np.floor(seen.min(axis=0)).astype(int) - margin_px
    right, bottom = np.ceil(seen.max(axis=0)).astype(int) + margin_px
    left, right = max(0, min(int(left), width - 1)), max(1, min(int(right), width))
    top, bottom = max(0, min(int(top), height - 1)), max(1, min(int(bottom), height))
    shifted = transform.copy()
    shifted[:, 2] += transform[:, :2] @ (left, top)
    return image[top:bottom, left:right], shifted


def _normalised(face: Image, iod_px: float) -> Image:
    """Take out slow changes of brightness and contrast over the face: local mean and local spread."""
    grey = face.astype(np.float32)
    size = int(0.25 * iod_px) * 2 + 1
    mean = cv2.blur(grey, (size, size))
    spread = np.sqrt(np.maximum(cv2.blur(grey * grey, (size, size)) - mean * mean, 0.0))
    return np.clip(128.0 + 40.0 * (grey - mean) / (spread + 4.0), 0, 255).astype(np.uint8)
