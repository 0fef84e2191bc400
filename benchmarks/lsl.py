"""Time stamps and delay of the LSL streams: ``python -m benchmarks.lsl [--minutes 5]``.

A camera of recorded pictures gives 30 a second to the session that the window and ``apexspot record`` use: it notes
LSL's clock at each capture and then decodes the picture, as a webcam does. ``app.lsl.LslSink`` sends the scores; an
inlet in another process takes them. Printed are how far the time stamp of a sample lies from the capture of its frame
(offset and jitter), and how long after the capture the sample arrives. Sender and receiver share a machine and so a
clock, which is what makes the comparison possible; LSL's own correction between the two should therefore be nought, and
is printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.live import LiveSession
from app.lsl import LslSink
from app.lsl.library import load
from app.lsl.outlet import SCORES
from benchmarks.live_speed import FPS, HEIGHT_PX, WIDTH_PX, read_pictures
from models.assets import DEMO_CLIP, asset_path
from models.types import Frame

pylsl = load()

FIND_S = 20.0
TOGETHER_S = 50e-6
SETTLED_S = 1.0
"""Looked at apart: by then the sender has seen enough frames to know the source's clock."""


class Camera:
    """Compressed pictures, forwards and backwards, each due at its time; ``captured_s`` has LSL's clock at each."""

    name, nominal_fps, is_live = "recorded pictures", FPS, True

    def __init__(self, video: Path, seconds: float) -> None:
        pictures = [cv2.imencode(".jpg", picture)[1] for picture in read_pictures(video)]
        self._pictures = pictures + pictures[-2:0:-1]
        self._count = round(seconds * FPS)
        self._closed = False
        self.captured_s: list[float] = []

    def __iter__(self) -> Iterator[Frame]:
        begin_s = time.monotonic()
        for index in range(self._count):
            time.sleep(max(0.0, begin_s + index / FPS - time.monotonic()))
            if self._closed:
                return
            now_s, lsl_s = both_clocks()
            self.captured_s.append(lsl_s)
            picture = cv2.imdecode(self._pictures[index % len(self._pictures)], cv2.IMREAD_COLOR)
            yield Frame(index, now_s - begin_s, np.asarray(picture, np.uint8))

    def close(self) -> None:
        self._closed = True


def both_clocks() -> tuple[float, float]:
    """The clock that cameras are timed with and LSL's, read together: again where something came between."""
    while True:
        before_s = pylsl.local_clock()
        now_s = time.monotonic()
        after_s = pylsl.local_clock()
        if after_s - before_s < TOGETHER_S:
            return now_s, (before_s + after_s) / 2


def receive(answer: Connection) -> None:
    """The other process: take samples until the sender ends; sends rows of frame, stamp, correction, arrival (s)."""
    found = pylsl.resolve_byprop("name", SCORES, 1, FIND_S)
    if not found:
        answer.send(None)
        return
    inlet = pylsl.StreamInlet(found[0], max_chunklen=1, recover=False)
    inlet.open_stream(FIND_S)
    inlet.time_correction(FIND_S)
    answer.send("ready")
    rows = []
    try:
        while True:
            values, stamp_s = inlet.pull_sample(5.0)
            if values is not None:
                rows.append((values[0], stamp_s, inlet.time_correction(), pylsl.local_clock()))
    except pylsl.util.LostError:
        answer.send(np.array(rows, np.float64).reshape(-1, 4))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--video", type=Path, default=asset_path(DEMO_CLIP), help="video with a face (the demo)")
    options = parser.parse_args()
    camera = Camera(options.video, options.minutes * 60.0)
    sink = LslSink(camera.name)
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,), daemon=True)
    receiver.start()
    if not ours.poll(2 * FIND_S) or ours.recv() is None:
        print("The other process cannot find the stream.", file=sys.stderr)
        return 1
    session = LiveSession(camera, sinks=(sink,))
    with session:
        session.wait(options.minutes * 60.0 + 120.0)
    sink.close()
    snapshot = session.snapshot()
    if snapshot.error or not ours.poll(FIND_S):
        print(snapshot.error or "The other process does not answer.", file=sys.stderr)
        return 1
    rows = ours.recv()
    receiver.join(FIND_S)
    print(f"{platform.machine()}, pylsl {pylsl.__version__}, liblsl {pylsl.library_version() / 100:.2f}")
    print(f"{WIDTH_PX}x{HEIGHT_PX} at {FPS:.0f} fps for {options.minutes:g} min, scoring on {snapshot.provider}")
    report(np.array(camera.captured_s), rows, snapshot.counters.processed)
    return 0


def report(captured_s: NDArray[np.float64], rows: NDArray[np.float64], analysed: int) -> None:
    frames = rows[:, 0].astype(int)
    print(f"{len(captured_s)} frames captured, {analysed} analysed, {len(rows)} samples received; ", end="")
    print(f"in order: {'yes' if np.all(np.diff(frames) > 0) else 'NO'}\n")
    true_s = captured_s[frames]
    offset_ms = (rows[:, 1] + rows[:, 2] - true_s) * 1000.0
    delay_ms = (rows[:, 3] - true_s) * 1000.0
    settled = true_s - captured_s[0] >= SETTLED_S
    names = ("mean", "sd", "min", "p5", "p50", "p95", "p99", "max")
    print(f"{'(ms)':<38}" + "".join(f"{name:>9}" for name in names))
    for title, values in (
        ("time stamp - capture, all", offset_ms),
        (f"time stamp - capture, after {SETTLED_S:.0f} s", offset_ms[settled]),
        ("between two stamps - two captures", np.diff(rows[:, 1] - true_s)[settled[1:]] * 1000.0),
        ("LSL's correction of the clocks", rows[:, 2] * 1000.0),
        ("arrival - capture", delay_ms),
    ):
        low, *rest = np.percentile(values, (5, 50, 95, 99))
        figures = (values.mean(), values.std(), values.min(), low, *rest, values.max())
        print(f"{title:<38}" + "".join(f"{figure:>9.3f}" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
