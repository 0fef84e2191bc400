"""What camera, lamp and clock do to a picture: blur, light, sensor noise, lost frames and uneven times."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import Image
from training.synth_script import Degradation

TICK_HZ = 90_000
"""Clock of the written video; times are rounded to it, so that a file gives them back exactly."""

_NOISE_PICTURES = 3


def frame_times(
    degradation: Degradation, duration_s: float, fps: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Capture times in seconds, strictly increasing, first 0: every ``1 / fps``, jittered, some lost."""
    count = max(1, round(duration_s * fps))
    times = np.arange(count) / fps
    if degradation.time_jitter:
        times = times + np.clip(rng.normal(0.0, degradation.time_jitter, count), -0.4, 0.4) / fps
    if degradation.drop_share:
        kept = rng.random(count) >= degradation.drop_share
        kept[[0, -1]] = True
        times = times[kept]
    ticks = np.round((times - times[0]) * TICK_HZ)
    return np.asarray(ticks / TICK_HZ)


class Camera:
    """Turns clean pictures into those of a webcam; deterministic for a given generator and order of frames."""

    def __init__(
        self, degradation: Degradation, size: tuple[int, int], duration_s: float, rng: np.random.Generator
    ) -> None:
        self._degradation = degradation
        self._size = size
        self._rng = rng
        width, height = size
        # noise is drawn once and reused at random offsets: drawing a million values a frame costs more than painting
        bank = rng.standard_normal((height + 64, width + 64, 3, _NOISE_PICTURES), dtype=np.float32)
        self._bank = [np.ascontiguousarray(bank[..., i]) for i in range(_NOISE_PICTURES)]
        grey = np.arange(256, dtype=np.float32)
        self._sigma = (degradation.noise * np.sqrt(0.25 + 0.75 * grey / 128.0)).astype(np.float32)
        self._phase = float(rng.uniform(0.0, 2.0 * np.pi))
        knots = np.arange(0.0, duration_s + 4.0, 2.0)
        self._knots, self._gains = knots, degradation.exposure_drift * np.clip(rng.normal(size=len(knots)), -2, 2)

    def take(self, picture: Image, time_s: float) -> Image:
        """The picture as the camera delivers it at ``time_s``."""
        d = self._degradation
        out = cv2.GaussianBlur(picture, (0, 0), d.blur_px) if d.blur_px > 0.05 else picture
        gain = 1.0 + d.flicker * np.sin(2.0 * np.pi * d.flicker_hz * time_s + self._phase)
        gain *= 1.0 + float(np.interp(time_s, self._knots, self._gains))
        if gain != 1.0:
            out = cv2.convertScaleAbs(out, alpha=float(gain))
        if d.noise <= 0.0:
            return np.asarray(out, np.uint8)
        width, height = self._size
        y, x, which = (int(n) for n in self._rng.integers(0, [64, 64, _NOISE_PICTURES]))
        noise = self._bank[which][y : y + height, x : x + width]
        noisy = cv2.add(out, cv2.multiply(noise, cv2.LUT(out, self._sigma)), dtype=cv2.CV_8U)
        return np.asarray(noisy, np.uint8)
