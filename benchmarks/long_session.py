"""A session of hours: ``python -m benchmarks.long_session [--hours 2]``.

Makes a session as a recorder would have written it after that time, at 30 frames a second: uneven frame times, a face
that moves every few seconds, scores from the shipped model, intervals and points. Only camera and perception are left
out. Then a process of its own opens it for review and prints how long that took and how much memory it has; after that
what a person does there: find other intervals with other thresholds, accept one, undo.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.review.review import Review
from app.session.schema import Clock, Counts, SessionInfo, SessionState, SourceInfo, model_info, thresholds, write_info
from app.session.tables import SessionTables
from models.analyzer import Analyzer
from models.spotter import Spotter
from models.types import ExpressionType, FrameMotion

OPEN_LIMIT_S, MEMORY_LIMIT_MIB = 3.0, 1536.0
FPS = 30.0

_T = TypeVar("_T")


def main() -> int:
    parser = argparse.ArgumentParser(description="Open a session of hours.")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="make the session there and leave it")
    parser.add_argument("--open", type=Path, metavar="DIR", help="only open this session and print figures as JSON")
    arguments = parser.parse_args()
    if arguments.open is not None:
        print(json.dumps(open_session(arguments.open)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch) / "session"
        start_s = time.perf_counter()
        make(folder, arguments.hours)
        size_mib = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
        print(f"made in {time.perf_counter() - start_s:.0f} s: {arguments.hours:g} hours, {size_mib:.0f} MiB")
        command = [sys.executable, "-m", "benchmarks.long_session", "--open", str(folder.resolve())]
        root = Path(__file__).resolve().parent.parent
        out = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    figures: dict[str, float] = json.loads(out.splitlines()[-1])
    for name, value in figures.items():
        print(f"{name:42} {value:10.2f}" if value != int(value) else f"{name:42} {int(value):10d}")
    good = figures["open, s"] < OPEN_LIMIT_S and figures["memory at most, MiB"] < MEMORY_LIMIT_MIB
    print(f"{'within' if good else 'NOT within'} {OPEN_LIMIT_S:g} s and {MEMORY_LIMIT_MIB:g} MiB")
    return 0 if good else 1


def make(folder: Path, hours: float) -> None:
    """Write the session."""
    folder.mkdir(parents=True)
    spotter = Spotter(use_gpu=False)
    draw = np.random.default_rng(11)
    count = round(hours * 3600.0 * FPS)
    time_s = np.round(5.0 + np.arange(count) / FPS + draw.uniform(0.0, 0.008, count), 6)
    tables, analyzer = SessionTables(folder), Analyzer(spotter)
    for first in range(0, count, 900):
        here = slice(first, min(first + 900, count))
        position = _positions(time_s[here], draw)
        for k, at_s in enumerate(time_s[here].tolist()):
            motion = FrameMotion(first + k, at_s, True, position[k], 1.0)
            tables.offered(first + k, at_s)
            tables.motion(motion)
            analyzer.push(motion)
        tables.update(analyzer.update(provisional=False))
        tables.flush()
        tables.point(float(time_s[first]), first, ExpressionType.MICRO)
    tables.update(analyzer.finish())
    tables.close()
    info = SessionInfo(
        state=SessionState.COMPLETE,
        scores_only=True,
        source=SourceInfo(kind="camera", name="simulated"),
        created_utc=datetime.now(UTC),
        clock=Clock(first_frame_s=float(time_s[0])),
        model=model_info(spotter),
        thresholds=thresholds(spotter),
        counts=Counts(offered=count, analysed=count, intervals=tables.interval_count),
    )
    write_info(folder, info)


def _positions(time_s: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """(T, 12, 2): noise, and a smile every six seconds, some short and faint."""
    number = (time_s // 6.0).astype(int)
    length_s = np.where(number % 4 == 3, 0.35, 1.2 + 0.2 * (number % 5))
    size_iod = np.where(number % 4 == 3, 0.03, 0.05 + 0.02 * (number % 6))
    profile = size_iod * np.sin(np.pi * np.clip((time_s % 6.0 - 2.0) / length_s, 0.0, 1.0)) ** 2
    position = draw.normal(0.0, 0.0003, (len(time_s), 12, 2)).astype(np.float32)
    for region, out in ((8, -0.8), (10, 0.8)):
        position[:, region, 0] += out * profile
        position[:, region, 1] -= 0.6 * profile
    return position


def open_session(folder: Path) -> dict[str, float]:
    """Figures of one opening and of a few edits; in a fresh process the peak of memory is that of the review."""
    before_mib = _memory_mib()
    seconds, review = _timed(lambda: Review.open(folder))
    figures = {
        "frames": float(len(review.frames)),
        "intervals": float(len(review.state.intervals)),
        "open, s": seconds,
        "memory before, MiB": before_mib,
        "memory when open, MiB": _memory_mib(),
    }
    figures["first preview of thresholds, s"], _ = _timed(lambda: review.preview(review.state.thresholds))
    other = replace(review.state.thresholds, macro=0.3, micro=0.2)
    figures["next preview, s"], found = _timed(lambda: review.preview(other))
    figures["intervals with lower thresholds"] = float(len(found))
    figures["set thresholds, saved, s"], _ = _timed(lambda: review.set_thresholds(other))
    figures["accept an interval, saved, s"], _ = _timed(lambda: review.accept(review.state.intervals[0].id))
    figures["undo, saved, s"], _ = _timed(review.undo)
    figures["memory at most, MiB"] = _memory_mib()
    review.close()
    return figures


def _timed(call: Callable[[], _T]) -> tuple[float, _T]:
    start_s = time.perf_counter()
    result = call()
    return time.perf_counter() - start_s, result


def _memory_mib() -> float:
    """The process's highest use of memory so far."""
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main())
