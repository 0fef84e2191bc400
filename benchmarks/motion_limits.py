"""Where measurement gives out: error of a known smile, noise and quality against face size and blur.

    python -m benchmarks.motion_limits

``err``: as in ``flow_choice``, smile of 0.1 IOD on a swaying head. ``noise``: displacement over 12 frames of the
largest region on a swaying head, median. ``quality``: median of ``FrameMotion.quality``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from benchmarks import motion_clips as clips
from benchmarks.flow_choice import hold_error, noise_floor
from models.perception import Perception
from models.types import Frame, Image


def changed(clip: clips.Clip, change: Callable[[Image], Image]) -> clips.Clip:
    return replace(clip, frames=[Frame(f.index, f.time_s, change(f.image)) for f in clip.frames])


def smaller(factor: float) -> Callable[[Image], Image]:
    return lambda image: cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def blurred(sigma_px: float) -> Callable[[Image], Image]:
    """Out of focus; the sensor's noise comes after."""
    rng = np.random.default_rng(0)

    def change(image: Image) -> Image:
        soft = cv2.GaussianBlur(image, (0, 0), sigma_px) + rng.normal(0.0, clips.NOISE_LEVELS, image.shape)
        return np.clip(soft, 0, 255).astype(np.uint8)

    return change


def show(name: str, smile: clips.Clip, still: clips.Clip) -> None:
    found, quality = [], []
    for clip in (smile, still):
        with Perception() as perception:
            motions = [perception.process(frame) for frame in clip.frames]
        found.append(np.array([motion.position_iod for motion in motions], np.float64))
        quality += [motion.quality for motion in motions]
    error, (noise, _) = hold_error(smile, found[0], 0.2), noise_floor(still, found[1])
    print(f"{name:24s} {error:7.4f} {noise:7.4f} {np.median(quality):8.2f}", flush=True)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    portrait = clips.Portrait()
    smile = clips.expression(portrait, clips.SMILE, 0.1, "smile")
    still = clips.still(portrait, moving=True)
    print(f"{'':24s} {'err':>7s} {'noise':>7s} {'quality':>8s}")
    show("as it is, IOD 62 px", smile, still)
    for iod_px in (31, 22, 18, 15, 11):
        change = smaller(iod_px / portrait.iod_px)
        show(f"IOD {iod_px} px", changed(smile, change), changed(still, change))
    for sigma_iod in (0.03, 0.06, 0.09, 0.12):
        change = blurred(sigma_iod * portrait.iod_px)
        show(f"blur {sigma_iod:g} IOD", changed(smile, change), changed(still, change))


if __name__ == "__main__":
    main()
