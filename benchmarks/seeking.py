"""Frame-exact seeking: ``python -m benchmarks.seeking [--seeks 200]``.

Makes an H.264 file with B-frames and few key frames, one with a variable frame rate, an MPEG-4 file in AVI, a transport
stream, and a session as the recorder writes it (with pictures dropped). Each frame has its number burnt in, as a row of
black and white blocks. Then it asks for the picture of random frames and reads the number that is in it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from app.review.pictures import Pictures
from app.session.reader import FrameTable
from app.session.schema import (
    VIDEO_FILE,
    SessionInfo,
    SessionState,
    SourceInfo,
    model_info,
    thresholds,
    write_info,
)
from app.session.video import VideoWriter
from models.spotter import Spotter
from models.types import Frame, Image
from models.video import VideoFile

BITS, BLOCK_PX = 16, 20
WIDTH, HEIGHT = BITS * BLOCK_PX, 240


@dataclass(frozen=True, slots=True)
class Case:
    """A video and the frames that it should show. numbers: burnt in, of each row; ``None`` where it was dropped."""

    name: str
    video: Path
    first_frame_s: float
    frames: FrameTable
    numbers: tuple[int | None, ...]


def main() -> int:
    parser = argparse.ArgumentParser(description="Ask for random frames and read their burnt-in numbers.")
    parser.add_argument("--seeks", type=int, default=200)
    parser.add_argument("--frames", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    wrong = 0
    print(f"{'video':34} frames  seeks  right    median   slowest      step  step back")
    with tempfile.TemporaryDirectory() as folder:
        for case in make_cases(Path(folder), arguments.frames):
            rows = random.Random(arguments.seed).choices(range(len(case.numbers)), k=arguments.seeks)
            right, times_ms = seek(case, rows)
            wrong += len(rows) - right
            onward_ms, back_ms = step(case)
            print(
                f"{case.name:34} {len(case.numbers):6d} {len(rows):6d} {right:6d} {np.median(times_ms):6.1f} ms "
                f"{max(times_ms):6.1f} ms {onward_ms:6.1f} ms {back_ms:7.1f} ms",
                flush=True,
            )
    print("every picture was the one asked for" if not wrong else f"{wrong} pictures were NOT the ones asked for")
    return 1 if wrong else 0


def seek(case: Case, rows: list[int]) -> tuple[int, list[float]]:
    """How many of the rows showed their number, and the milliseconds that each took.

    Hardly a picture is kept, so that nearly every one needs a seek.
    """
    pictures = Pictures.open(case.video, case.first_frame_s, case.frames, cache_bytes=0)
    right, times_ms = 0, []
    for row in rows:
        start_s = time.perf_counter()
        picture = pictures.picture(row)
        times_ms.append(1000.0 * (time.perf_counter() - start_s))
        right += (None if picture is None else read_number(picture)) == case.numbers[row]
    pictures.close()
    return right, times_ms


def step(case: Case) -> tuple[float, float]:
    """Median milliseconds of a step onward and of a step back, over fifty each in the middle."""
    pictures = Pictures.open(case.video, case.first_frame_s, case.frames)
    middle = len(case.numbers) // 2
    pictures.picture(middle)
    medians = []
    for rows in (range(middle + 1, middle + 51), range(middle + 49, middle - 1, -1)):
        times_ms = []
        for row in rows:
            start_s = time.perf_counter()
            pictures.picture(row)
            times_ms.append(1000.0 * (time.perf_counter() - start_s))
        medians.append(float(np.median(times_ms)))
    pictures.close()
    return medians[0], medians[1]


def make_cases(folder: Path, frames: int) -> list[Case]:
    """The videos, each with its frames."""
    steps_ms = np.random.default_rng(4).integers(12, 90, frames)
    even_ms = [round(k * 1000 / 30) for k in range(frames)]
    uneven_ms = np.cumsum(steps_ms).tolist()
    h264 = {"preset": "fast", "bf": "3", "g": "250", "x264-params": "open-gop=1:b-pyramid=normal"}
    return [
        _file_case("H.264, B-frames, open GOPs", folder / "b.mp4", even_ms, "libx264", h264),
        _file_case("H.264, variable rate, B-frames", folder / "vfr.mkv", uneven_ms, "libx264", {"bf": "2"}),
        _file_case("MPEG-4 with B-frames in AVI", folder / "old.avi", even_ms, "mpeg4", {"bf": "2", "b": "2M"}),
        _file_case("H.264 in a transport stream", folder / "tv.ts", even_ms, "libx264", {"bf": "2", "g": "50"}),
        _session_case(folder / "session", frames),
    ]


def _file_case(name: str, path: Path, times_ms: list[int], codec: str, options: dict[str, str]) -> Case:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        base = Fraction(1, 30) if path.suffix == ".avi" else Fraction(1, 1000)
        stream.codec_context.time_base = stream.time_base = base
        for number, time_ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="bgr24")
            frame.pts = number if path.suffix == ".avi" else time_ms
            frame.time_base = base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with VideoFile(path) as video:
        seen = [(frame.time_s, read_number(frame.image)) for frame in video]
    return Case(name, path, 0.0, _table([t for t, _ in seen]), tuple(number for _, number in seen))


def _session_case(folder: Path, frames: int) -> Case:
    """A session's own video: a camera's uneven times, and every 97th picture lost."""
    folder.mkdir()
    times_s = np.round(1000.0 + np.cumsum(np.random.default_rng(6).uniform(0.02, 0.05, frames)), 6)
    numbers = [None if number % 97 == 96 else number for number in range(frames)]
    writer = VideoWriter(folder / VIDEO_FILE, queue_bytes=frames * numbered(0).nbytes)
    for number, time_s in zip(numbers, times_s.tolist(), strict=True):
        if number is not None:
            writer.put(Frame(number, time_s, numbered(number)))
    writer.close(600.0)
    spotter = Spotter(use_gpu=False)
    info = SessionInfo(
        state=SessionState.COMPLETE,
        source=SourceInfo(kind="camera", name="numbers"),
        created_utc=datetime.now(UTC),
        model=model_info(spotter),
        thresholds=thresholds(spotter),
    )
    write_info(folder, info)
    return Case(
        "a session, some pictures dropped", folder / VIDEO_FILE, float(times_s[0]), _table(times_s), tuple(numbers)
    )


def _table(times_s: Sequence[float] | NDArray[np.float64]) -> FrameTable:
    """Frames with the times that the tables keep, microseconds."""
    count = len(times_s)
    no, nan = np.zeros(count, np.bool_), np.full(count, np.nan)
    return FrameTable(np.arange(count), np.round(np.asarray(times_s, np.float64), 6), no, no, nan, nan, nan, nan)


def numbered(number: int) -> Image:
    """A picture with its number burnt in, lowest bit first; below it noise, so that frames differ everywhere."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for bit in range(BITS):
        image[: HEIGHT // 2, bit * BLOCK_PX : (bit + 1) * BLOCK_PX] = 235 if number >> bit & 1 else 20
    coarse = np.random.default_rng(number).integers(60, 190, (HEIGHT // 2 // BLOCK_PX, BITS, 3), np.uint8)
    image[HEIGHT // 2 :] = coarse.repeat(BLOCK_PX, axis=0).repeat(BLOCK_PX, axis=1)
    return image


def read_number(image: Image) -> int:
    """The number that is burnt in."""
    blocks = image[: HEIGHT // 2].reshape(HEIGHT // 2, BITS, BLOCK_PX, 3)[:, :, 4:-4].mean(axis=(0, 2, 3))
    return sum(1 << bit for bit, level in enumerate(blocks) if level > 128)


if __name__ == "__main__":
    sys.exit(main())
