"""Other cameras, lamps and codecs for the pictures of a recorded clip."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.clips import Change
from models.types import Frame, Image
from models.video import VideoFile
from training.degrade import Camera
from training.synth_script import Degradation
from training.synthetic import encode

PLAIN = Degradation(noise=0.0, blur_px=0.0)
"""A camera that adds nothing."""
SEED = 20261130
_BLOCK_PX = 128
"""Sides that are multiples of it give whole blocks and aligned rows, in the halved planes of colour, too."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A name for the table, and what happens to the frames.

    harmless: nobody would say that an expression is harder to see; what changes in the results is chance.
    """

    name: str
    change: Change
    harmless: bool = False


def each(picture: Callable[[Image], Image]) -> Change:
    """The same change of every picture."""

    def change(frames: Iterable[Frame]) -> Iterator[Frame]:
        return (replace(frame, image=picture(frame.image)) for frame in frames)

    return change


def smaller(factor: float) -> Change:
    """Pictures of a smaller size; sides are even."""

    def picture(image: Image) -> Image:
        height, width = (2 * round(factor * side / 2) for side in image.shape[:2])
        return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)

    return each(picture)


def moved(by_px: tuple[int, int]) -> Change:
    """The picture's edge cut off at the left and top, so that the face lies elsewhere on the grid of pixels."""
    x, y = by_px
    return each(lambda image: np.ascontiguousarray(image[y:, x:]))


def brighter(gain: float) -> Change:
    return each(lambda image: np.asarray(cv2.convertScaleAbs(image, alpha=gain), np.uint8))


def rolled(angle_deg: float) -> Change:
    """The camera stands askew; corners repeat the edge."""

    def picture(image: Image) -> Image:
        height, width = image.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
        return np.asarray(cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)

    return each(picture)


def side_light(darkest: float) -> Change:
    """Light that falls from the left of the picture to ``darkest`` of itself at the right."""

    def picture(image: Image) -> Image:
        fall = np.linspace(1.0, darkest, image.shape[1], dtype=np.float32)[None, :, None]
        return np.asarray(image * fall, np.uint8)

    return each(picture)


def grey(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)


def mirrored(image: Image) -> Image:
    return np.ascontiguousarray(image[:, ::-1])


def every_second(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Half the frame rate."""
    kept = (frame for frame in frames if frame.index % 2 == 0)
    return (replace(frame, index=index) for index, frame in enumerate(kept))


def lost(share: float, jitter_s: float) -> Change:
    """Frames that are missing, and times that are stamped late by up to ``jitter_s``."""

    def change(frames: Iterable[Frame]) -> Iterator[Frame]:
        rng = np.random.default_rng(SEED)
        index = 0
        last_s = -np.inf
        for frame in frames:
            late_s = float(rng.uniform(0.0, jitter_s))
            if index and rng.random() < share:
                continue
            last_s = max(frame.time_s + (late_s if index else 0.0), last_s + 1e-3)
            yield replace(frame, index=index, time_s=last_s)
            index += 1

    return change


def camera(degradation: Degradation, gain: float = 1.0) -> Change:
    """Lens, lamp and sensor of ``training.degrade``, after the light is scaled by ``gain``."""

    def change(frames: Iterable[Frame]) -> Iterator[Frame]:
        device = None
        for frame in brighter(gain)(frames):
            if device is None:
                height, width = frame.image.shape[:2]
                device = Camera(degradation, (width, height), 300.0, np.random.default_rng(SEED))
            yield replace(frame, image=device.take(frame.image, frame.time_s))

    return change


def encoded(crf: int) -> Change:
    """Through H.264 and back, with the frames' own times.

    The encoder reads beyond the end of rows that fill no whole blocks, whatever lies there; so they are filled first.
    """

    def change(frames: Iterable[Frame]) -> Iterator[Frame]:
        sizes: list[tuple[int, ...]] = []

        def filled(image: Image) -> Image:
            sizes.append(image.shape)
            below, right = (-side % _BLOCK_PX for side in image.shape[:2])
            return np.asarray(cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "again.mp4"
            encode(each(filled)(frames), path, 30.0, crf)
            with VideoFile(path) as video:
                for frame, (height, width, _) in zip(video, sizes, strict=True):
                    yield replace(frame, image=np.ascontiguousarray(frame.image[:height, :width]))

    return change


AS_IT_IS = Condition("as it is", iter, harmless=True)
CONDITIONS = (
    AS_IT_IS,
    Condition("mirrored", each(mirrored), harmless=True),
    Condition("moved by 5 and 3 px", moved((5, 3)), harmless=True),
    Condition("a twentieth brighter", brighter(1.05), harmless=True),
    Condition("a tenth smaller", smaller(0.9), harmless=True),
    Condition("noise of 1 grey level", camera(replace(PLAIN, noise=1.0)), harmless=True),
    Condition("encoded again, CRF 20", encoded(20), harmless=True),
    Condition("camera askew by 15 degrees", rolled(15.0)),
    Condition("no colour", each(grey)),
    Condition("half the size", smaller(0.5)),
    Condition("half the frame rate", every_second),
    Condition("a tenth of the frames lost, times uneven", lost(0.1, 0.015)),
    Condition("a third of the light, noise", camera(replace(PLAIN, noise=3.0), gain=0.33)),
    Condition("light from one side", side_light(0.3)),
    Condition("flickering lamp, 2 %", camera(replace(PLAIN, flicker=0.02))),
    Condition("exposure wanders, 6 %", camera(replace(PLAIN, exposure_drift=0.06))),
    Condition("noise of 6 grey levels", camera(replace(PLAIN, noise=6.0))),
    Condition("out of focus, 2 px", camera(replace(PLAIN, blur_px=2.0))),
    Condition("encoded poorly, CRF 36", encoded(36)),
)
