"""Rendered video as training and test material: synthetic video seen through the application's own perception.

What ``training.tracks`` draws without pictures, this does with them: portrait, camera, codec, MediaPipe, flow. It is
slow (about half real time on one core), so its results are kept: one ``.mp4`` a script and one ``.npz`` a perception,
named by what made them.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from models.digest import content_sha256, perception_digest
from models.grid import GridResampler
from models.perception import Perception
from models.types import GRID_HZ, ExpressionType, FrameMotion
from models.video import VideoFile
from training.archive import fill_gaps
from training.ict_face import FaceModel
from training.seen import load_seen, save_seen
from training.synth_script import Event, Script
from training.synthetic import KINDS, write
from training.tracks import VISIBLE_MACRO_IOD, VISIBLE_MICRO_IOD, Track, TrackEvent

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """One video to be made: the kind of script, its seed, length and camera.

    people: file of the ICT face, one of whose heads is filmed (``training.ict_face``); without it the portrait is.
    """

    kind: str
    seed: int
    duration_s: float = 60.0
    fps: float = 30.0
    irregular: bool = False
    people: Path | None = None

    def script(self) -> Script:
        return KINDS[self.kind](self.seed, self.duration_s, self.fps, (640, 480), self.irregular)


def video(order: Order, cache: Path) -> Path:
    """The encoded video of an order, from the cache if it has been made before."""
    made_of = repr(order.script()).encode()
    if order.people is not None:
        made_of += content_sha256(order.people).encode()
    kept = cache / f"{order.kind}-{order.seed}-{_digest(made_of)}.mp4"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        write(order.script(), kept, None if order.people is None else FaceModel(order.people))
        log.info("rendered %s", kept.name)
    return kept


def motions(order: Order, cache: Path) -> list[FrameMotion]:
    """What perception sees in the encoded video, from the cache if this perception has seen it before."""
    clip = video(order, cache)
    kept = clip.with_name(f"{clip.stem}-{perception_digest()}.npz")
    if not kept.exists():
        save_seen(kept, look(clip))
        log.info("saw %s", kept.name)
    return load_seen(kept)


def see_all(orders: Sequence[Order], cache: Path, jobs: int) -> None:
    """Have all these videos rendered and seen, ``jobs`` of them at a time; ``motions`` then finds them in the cache."""
    with ProcessPoolExecutor(jobs, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        list(pool.map(_see, orders, [cache] * len(orders)))


def _see(order: Order, cache: Path) -> None:
    motions(order, cache)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def look(video: Path) -> list[FrameMotion]:
    """Run perception over a video file; the pictures themselves are not kept."""
    with Perception() as perception, VideoFile(video) as source:
        seen = [perception.process(frame) for frame in source]
    return [replace(m, face=None) for m in seen]


def track(order: Order, cache: Path) -> Track:
    """Positions on the grid with the script's truth. Frames without a face repeat the last position."""
    grid = GridResampler()
    frames = [frame for motion in motions(order, cache) for frame in grid.push(motion)] + grid.finish()
    position = fill_gaps(np.stack([f.position_iod for f in frames]))
    time_s = np.arange(len(frames)) / GRID_HZ
    strength = np.zeros((len(frames), 2), np.float32)
    events = []
    for event in order.script().expressions:
        column = list(ExpressionType).index(event.type or ExpressionType.MACRO)
        profile = event.strength(time_s) / event.amplitude
        strength[:, column] = np.maximum(strength[:, column], profile)
        apex_s = event.apex_s + event.hold_s / 2
        onset, apex, offset = (
            min(round(t * GRID_HZ), len(frames) - 1) for t in (event.onset_s, apex_s, event.offset_s)
        )
        events.append(TrackEvent(event.type or ExpressionType.MACRO, onset, apex, offset, visible(event)))
    return Track(position.astype(np.float32), strength, tuple(events))


def visible(event: Event) -> bool:
    """Whether the event's largest region displacement is one that a spotter is asked to find."""
    return event.largest_iod >= (VISIBLE_MICRO_IOD if event.type is ExpressionType.MICRO else VISIBLE_MACRO_IOD)


def training_orders() -> Sequence[Order]:
    """The rendered part of the shipped model's training material (seeds 2000-2999)."""
    return (
        *(Order("random", 2001 + i, fps=(30.0, 25.0)[i % 4 == 3], irregular=i % 5 == 4) for i in range(6)),
        *(Order("turns", 2201 + i) for i in range(2)),
        *(Order("speech", 2101 + i) for i in range(2)),
        *(Order("conversation", 2301 + i, fps=(30.0, 25.0)[i % 3 == 2]) for i in range(6)),
        *(Order("lively", 2401 + i, fps=(30.0, 25.0)[i == 3]) for i in range(4)),
        *(Order("lively_conversation", 2501 + i) for i in range(4)),
    )


def calibration_orders(people: Path | None = None) -> Sequence[Order]:
    """What thresholds are chosen on (seeds 1000-1999); never reported.

    people: file of the ICT face; with it there are videos of some of its heads, too, since thresholds are for people in
    general and not for the portrait.
    """
    others = (
        *(Order("random", 1051 + i, people=people) for i in range(5)),
        *(Order("turns", 1161 + i, people=people) for i in range(4)),
        *(Order("talk", 1251 + i, people=people) for i in range(2)),
        *(Order("lively", 1351 + i, people=people) for i in range(2)),
        *(Order("lively_conversation", 1451 + i, people=people) for i in range(2)),
    )
    return (
        *(others if people is not None else ()),
        *(Order("random", 1001 + i, fps=(30.0, 25.0)[i % 5 == 2], irregular=i % 5 == 3) for i in range(10)),
        *(Order("still", 1101 + 20 * i) for i in range(3)),
        Order("blinks", 1102),
        *(Order("turns", 1110 + i) for i in range(6)),
        *(Order("speech", 1105 + i) for i in range(4)),
        *(Order("talk", 1201 + i, fps=(30.0, 25.0)[i % 4 == 2]) for i in range(8)),
        *(Order("lively", 1301 + i, fps=(30.0, 25.0)[i % 4 == 2]) for i in range(8)),
        *(Order("lively_conversation", 1401 + i) for i in range(9)),
    )


def unsettled_orders(people: Path | None = None) -> Sequence[Order]:
    """Talk with mouths that rest elsewhere: what the departure in speech is chosen on, beside other talk."""
    kind = "unsettled_conversation"
    others = tuple(Order(kind, 1551 + i, people=people) for i in range(4)) if people is not None else ()
    return (*others, *(Order(kind, 1501 + i) for i in range(8)))
