"""Synthetic video with known truth: a portrait that moves as a script says.

``render`` gives the frames, ``encode`` writes them with their exact times, ``write_truth`` the table of expressions.
From the command line: ``python -m training.synthetic --kind random --seed 1 --duration-s 60 --out FILE.mp4``; with
``--people`` a head of the ICT face takes the portrait's place.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ApexspotError, OutputError
from models.types import FloatArray, Frame
from training.actions import ACTIONS, SPEECH_SHAPES, Side
from training.degrade import TICK_HZ, Camera, frame_times
from training.ict_face import FaceModel, IctHead
from training.portrait import Head, Pose
from training.synth_script import (
    Event,
    HeadKeyframe,
    Script,
    SpeechStretch,
    blinks_script,
    demo_script,
    head_turns_script,
    random_script,
    speech_script,
    still_script,
)
from training.synth_talk import (
    conversation_script,
    lively_conversation_script,
    lively_script,
    talk_script,
    unsettled_conversation_script,
)

logger = logging.getLogger(__name__)

TRUTH_COLUMNS = (
    *("type", "action", "side", "amplitude", "onset_s", "apex_s", "offset_s"),
    *("onset_frame", "apex_frame", "offset_frame"),
)

KINDS: dict[str, Callable[[int, float, float, tuple[int, int], bool], Script]] = {
    "random": random_script,
    "still": still_script,
    "blinks": blinks_script,
    "turns": head_turns_script,
    "speech": speech_script,
    "talk": talk_script,
    "conversation": conversation_script,
    "lively": lively_script,
    "lively_conversation": lively_conversation_script,
    "unsettled_conversation": unsettled_conversation_script,
    "demo": lambda seed, duration_s, fps, size, irregular: demo_script(seed, fps, size),
}
"""Kind of script -> function of seed, duration, frame rate, size and whether the frame times are irregular."""


def times_of(script: Script) -> NDArray[np.float64]:
    """Times of the frames that ``render`` gives."""
    return frame_times(script.degradation, script.duration_s, script.fps, np.random.default_rng([script.seed, 2]))


def pose_at(script: Script, time_s: float) -> Pose:
    """The head's pose from keyframes and sway."""
    return _sway(script, time_s, _between(script.head, time_s))


def render(script: Script, people: FaceModel | None = None) -> Iterator[Frame]:
    """Frames of a script, one after the other; the same script always gives the same pictures.

    people: the head is one of these, drawn by the script's seed, in place of the portrait.
    """
    size, iod_px = script.size, script.iod_px
    head = Head(script.identity, size, iod_px) if people is None else IctHead(people, script.seed, size, iod_px)
    motion = Motion(script, head)
    times = times_of(script)
    camera = Camera(script.degradation, script.size, script.duration_s, np.random.default_rng([script.seed, 3]))
    for index, time_s in enumerate(times.tolist()):
        picture = head.paint(motion.displacement(time_s), pose_at(script, time_s))
        yield Frame(index, time_s, camera.take(picture, time_s))


class Motion:
    """Displacement of the mesh over time, from the events and the speech of a script."""

    def __init__(self, script: Script, head: Head | IctHead) -> None:
        self._head = head
        self._fields: dict[tuple[str, Side], FloatArray] = {}
        syllables = [e for number, s in enumerate(script.speech) for e in _syllables(s, script.seed, number)]
        self._events = (*script.events, *syllables)
        self._spans_s = np.array([(e.onset_s, e.offset_s) for e in self._events]).reshape(-1, 2)

    def displacement(self, time_s: float) -> FloatArray:
        """Of each point of the head's mesh, in IOD."""
        total = self._head.still()
        for number in np.flatnonzero((self._spans_s[:, 0] < time_s) & (time_s < self._spans_s[:, 1])):
            event = self._events[number]
            strength = float(event.strength(time_s))
            for name in event.actions:
                total += strength * self._field(name, event.side)
        return total

    def _field(self, name: str, side: Side) -> FloatArray:
        key = (name, side)
        if key not in self._fields:
            self._fields[key] = self._head.field(ACTIONS[name], side)
        return self._fields[key]


def _syllables(stretch: SpeechStretch, seed: int, number: int) -> Iterator[Event]:
    """Mouth shapes that overlap like syllables, with pauses between words."""
    rng = np.random.default_rng([seed, 4, number])
    time_s = stretch.start_s
    while True:
        period_s = float(rng.uniform(0.7, 1.3)) / stretch.rate_hz
        length_s = period_s * float(rng.uniform(1.0, 1.5))
        if time_s + length_s > stretch.end_s:
            return
        shape = SPEECH_SHAPES[int(rng.choice(len(SPEECH_SHAPES), p=[0.5, 0.25, 0.25]))]
        amplitude = stretch.loudness * float(rng.uniform(0.25, 1.0))
        yield Event(
            (shape.name,), time_s, time_s + length_s * float(rng.uniform(0.35, 0.6)), time_s + length_s, amplitude
        )
        time_s += period_s + (float(rng.uniform(0.15, 0.7)) if rng.random() < 0.15 else 0.0)


def _between(keys: tuple[HeadKeyframe, ...], time_s: float) -> Pose:
    if not keys:
        return Pose()
    after = next((i for i, key in enumerate(keys) if key.time_s > time_s), len(keys))
    if after == 0:
        return keys[0].pose
    if after == len(keys):
        return keys[-1].pose
    a, b = keys[after - 1], keys[after]
    share = (1.0 - np.cos(np.pi * (time_s - a.time_s) / (b.time_s - a.time_s))) / 2.0
    return Pose(*(float(p + (q - p) * share) for p, q in zip(_numbers(a.pose), _numbers(b.pose), strict=True)))


def _numbers(pose: Pose) -> tuple[float, ...]:
    return (pose.yaw_deg, pose.pitch_deg, pose.roll_deg, pose.x_iod, pose.y_iod, pose.scale)


def _sway(script: Script, time_s: float, pose: Pose) -> Pose:
    """A slow wander: three sines of random phase (0.07-0.6 Hz) for each of the six numbers of the pose."""
    if not (script.sway_iod or script.sway_deg):
        return pose
    rng = np.random.default_rng([script.seed, 5])
    rates_hz = np.exp(rng.uniform(np.log(0.07), np.log(0.6), (6, 3)))
    phases = rng.uniform(0.0, 2.0 * np.pi, (6, 3))
    # slow sines get more of the amplitude, so that all move at about the same speed
    shares = 1.0 / rates_hz / np.sqrt(((1.0 / rates_hz) ** 2).sum(axis=1, keepdims=True) / 2.0)
    wander = (shares * np.sin(2.0 * np.pi * rates_hz * time_s + phases)).sum(axis=1)
    sizes = np.array([script.sway_deg] * 3 + [script.sway_iod] * 2 + [script.sway_iod * 0.5])
    return Pose(*(float(p + s * w) for p, s, w in zip(_numbers(pose), sizes, wander, strict=True)))


def truth_rows(script: Script, times_s: NDArray[np.float64]) -> list[dict[str, str | int]]:
    """The expressions of a script as rows of the truth table; frames are the nearest ones in ``times_s``."""
    rows: list[dict[str, str | int]] = []
    for event in script.expressions:
        row: dict[str, str | int] = {
            "type": str(event.type),
            "action": "+".join(event.actions),
            "side": event.side.value,
            "amplitude": f"{event.amplitude:.3f}",
        }
        for name in ("onset", "apex", "offset"):
            moment = getattr(event, f"{name}_s")
            row[f"{name}_s"] = f"{moment:.4f}"
            row[f"{name}_frame"] = int(np.abs(times_s - moment).argmin())
        rows.append(row)
    return rows


def write_truth(script: Script, times_s: NDArray[np.float64], path: Path) -> None:
    """Write the truth table as CSV.

    Raises:
        OutputError: the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, TRUTH_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(truth_rows(script, times_s))
    try:
        path.write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}).") from error


def encode(frames: Iterable[Frame], path: Path, fps: float, crf: int = 23, preset: str = "veryfast") -> int:
    """Write frames as H.264 (yuv420p) with their own times; returns their number.

    Uneven times are kept (a tick is 1/90000 s). Width and height must be even. The file appears under its name when it
    is complete.

    Raises:
        OutputError: the file cannot be written.
    """
    unfinished = path.with_name(path.name + ".writing")
    try:
        with av.open(str(unfinished), "w", format="mp4") as container:
            count = _mux(container, frames, fps, {"crf": str(crf), "preset": preset})
        unfinished.replace(path)
    except (OSError, av.FFmpegError) as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}).") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    return count


def _mux(container: av.container.OutputContainer, frames: Iterable[Frame], fps: float, options: dict[str, str]) -> int:
    tick = Fraction(1, TICK_HZ)
    stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=options)
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = tick
    stream.codec_context.thread_count = 1
    count = 0
    for frame in frames:
        if count == 0:
            stream.height, stream.width = frame.image.shape[:2]
        yuv = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2YUV_I420), np.uint8)
        picture = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
        picture.pts = round(frame.time_s * TICK_HZ)
        picture.time_base = tick
        container.mux(stream.encode(picture))
        count += 1
    container.mux(stream.encode(None))
    return count


def write(script: Script, path: Path, people: FaceModel | None = None) -> int:
    """Render a script to ``path`` and its truth beside it (``NAME.truth.csv``); returns the number of frames."""
    count = encode(render(script, people), path, script.fps, script.degradation.crf)
    write_truth(script, times_of(script), path.with_suffix(".truth.csv"))
    return count


def _size(text: str) -> tuple[int, int]:
    width, height = (int(part) for part in text.split("x"))
    if min(width, height) < 64 or width % 2 or height % 2:
        raise argparse.ArgumentTypeError("width and height must be even and at least 64")
    return width, height


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.synthetic", description="Make a video with known truth.")
    parser.add_argument("--kind", choices=sorted(KINDS), default="random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--duration-s", type=float, default=60.0, help="ignored by the demo, which has its own")
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--irregular", action="store_true", help="uneven frame times and lost frames")
    parser.add_argument("--size", type=_size, default=(640, 480), metavar="WIDTHxHEIGHT")
    parser.add_argument("--people", type=Path, metavar="FILE.npz", help="the ICT face; the seed chooses whose head")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.mp4")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if not (0.0 < options.duration_s <= 7200.0 and 5.0 <= options.fps <= 240.0):
        parser.error("the duration must lie in 0-7200 s and the frame rate in 5-240 frames a second")
    script = KINDS[options.kind](options.seed, options.duration_s, options.fps, options.size, options.irregular)
    try:
        count = write(script, options.out, FaceModel(options.people) if options.people else None)
    except ApexspotError as error:
        logger.error("%s", error)
        return error.exit_code
    logger.info("%s: %d frames, %d expressions", options.out, count, len(script.expressions))
    return 0


if __name__ == "__main__":
    sys.exit(main())
