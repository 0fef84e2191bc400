"""Speed of the live path: ``python -m benchmarks.live_speed [--seconds 180]``.

Plays a video at 640x480 and 30 fps, in real time, through the session that the window uses (reader, perception and
scoring threads), and prints the milliseconds of each stage and of the whole way, from a frame leaving its source to its
point on the curve, and the frames that were dropped. The video is decoded before the clock starts, since a camera hands
over pictures. With ``--window`` the real window is open meanwhile, so that its drawing takes its share of the machine;
``--size 3840x2160`` makes it as large as a 4K screen.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from app.live import LiveSession
from app.live_meter import Percentiles
from app.live_types import LiveSnapshot, StageTimes
from app.sources.paced import PacedSource
from models.assets import DEMO_CLIP, asset_path
from models.types import Frame, Image
from models.video import VideoFile

WIDTH_PX, HEIGHT_PX, FPS = 640, 480, 30.0


class Pictures:
    """The same pictures forwards and backwards again and again, so that nothing jumps, for ``seconds``."""

    nominal_fps: float | None = FPS
    is_live = True

    def __init__(self, pictures: list[Image], name: str, seconds: float) -> None:
        self.name = name
        there_and_back = pictures + pictures[-2:0:-1]
        self._pictures = itertools.islice(itertools.cycle(there_and_back), round(seconds * FPS))

    def __iter__(self) -> Iterator[Frame]:
        for index, picture in enumerate(self._pictures):
            # a camera fills a new picture each time
            yield Frame(index, index / FPS, picture.copy())

    def close(self) -> None:
        """Nothing to free."""


def read_pictures(path: Path, most: int = 600) -> list[Image]:
    """The first ``most`` frames of a video, scaled to 640x480."""
    with VideoFile(path) as video:
        frames = itertools.islice(video, most)
        return [np.asarray(cv2.resize(frame.image, (WIDTH_PX, HEIGHT_PX)), np.uint8) for frame in frames]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--video", type=Path, default=asset_path(DEMO_CLIP), help="video with a face (the demo)")
    parser.add_argument("--window", action="store_true", help="with the real window open")
    parser.add_argument("--size", type=_sides, default="1280x720", help="of the window, in pixels (%(default)s)")
    options = parser.parse_args()
    source = PacedSource(Pictures(read_pictures(options.video), options.video.name, options.seconds))
    begin_s, begin_cpu_s = time.monotonic(), time.process_time()
    session = LiveSession(source)
    if options.window:
        run_in_window(session, options.seconds + 60.0, options.size)
    else:
        with session:
            session.wait(options.seconds + 60.0)
    took_s, cpu_s = time.monotonic() - begin_s, time.process_time() - begin_cpu_s
    snapshot = session.snapshot()
    if snapshot.error:
        print(snapshot.error, file=sys.stderr)
        return 1
    report(snapshot, session.stage_times(), took_s, cpu_s, options.window)
    return 0


def _sides(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


def run_in_window(session: LiveSession, most_s: float, size_px: tuple[int, int]) -> None:
    """Let the real window watch ``session`` until it is over."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QSettings

    from app.gui.cameras import CameraScan
    from app.gui.main import make_application, open_window
    from app.gui.theme import LIGHT

    app = make_application(sys.argv[:1])
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(str(Path(folder) / "settings.ini"), QSettings.Format.IniFormat)
        window = open_window(app, settings, LIGHT, CameraScan(lambda: ()))
        window.resize(*size_px)
        window.show()
        window.player.watch(session)
        end_s = time.monotonic() + most_s
        while window.player.running and time.monotonic() < end_s:
            app.processEvents()
            time.sleep(0.001)
        window.close()


def report(snapshot: LiveSnapshot, times: StageTimes, took_s: float, cpu_s: float, with_window: bool) -> None:
    counters = snapshot.counters
    cores = os.cpu_count() or 1
    print(f"{snapshot.source_name}, {WIDTH_PX}x{HEIGHT_PX} at {FPS:.0f} fps, {'with' if with_window else 'no'} window")
    print(f"{counters.offered} frames in {took_s:.1f} s")
    print(f"{platform.machine()}, {cores} cores, scoring on {snapshot.provider}, {cpu_s / took_s:.2f} cores busy\n")
    print(f"{'stage (ms)':<28}{'count':>8}{'p50':>9}{'p95':>9}{'p99':>9}")
    stages: tuple[tuple[str, Percentiles], ...] = (
        ("queue before perception", times.queue),
        ("perception", times.perception),
        ("wait for the next scoring", times.ring),
        ("scoring step", times.scoring),
        ("capture to curve", times.end_to_end),
    )
    for name, stage in stages:
        print(f"{name:<28}{stage.count:>8}{stage.p50_ms:>9.1f}{stage.p95_ms:>9.1f}{stage.p99_ms:>9.1f}")
    analysis = snapshot.analysis
    print(f"\ndropped {counters.dropped} of {counters.offered} frames; {len(analysis.intervals)} intervals")


if __name__ == "__main__":
    sys.exit(main())
