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
        # smooth a picture that will be shrunk, or fine texture turns into false motion
        shrink = 1.0 / max(float(np.sqrt(abs(np.linalg.det(transform[:, :2])))), 1e-6)
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if shrink > 1.5:
            grey = cv2.GaussianBlur(grey, (0, 0), 0.4 * shrink)
        size = (aligned.width_px, aligned.height_px)
        face = cv2.warpAffine(grey, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
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


def _normalised(face: Image, iod_px: float) -> Image:
    """Take out slow changes of brightness and contrast over the face: local mean and local spread."""
    grey = face.astype(np.float32)
    size = int(0.25 * iod_px) * 2 + 1
    mean = cv2.blur(grey, (size, size))
    spread = np.sqrt(np.maximum(cv2.blur(grey * grey, (size, size)) - mean * mean, 0.0))
    return np.clip(128.0 + 40.0 * (grey - mean) / (spread + 4.0), 0, 255).astype(np.uint8)
