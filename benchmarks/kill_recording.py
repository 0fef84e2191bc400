"""Recordings that are killed: ``python -m benchmarks.kill_recording [--times 20] [--seconds 12]``.

Starts ``apexspot record`` on the demo, ends it with SIGKILL at a random moment, recovers the session, and prints what
was lost: the seconds between the kill and the newest feature row, and between the kill and the newest picture. The kill
is placed on the session's clock by the moment at which its first frame was taken, as ``session.json`` states it. Each
session must open again, hold every interval that stood in the file at the kill, and lose at most one second.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import av

from app.session import find_unfinished, read_session, recover
from models.spotter import Spotter

LIMIT_S = 1.0
START_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """killed_s: on the session's clock. The losses count from there, so they hold the pipeline's own delay too."""

    killed_s: float
    scores_lost_s: float
    video_lost_s: float
    intervals_before: int
    intervals_after: int
    intervals_kept: bool
    opened: bool

    @property
    def good(self) -> bool:
        return self.opened and self.intervals_kept and max(self.scores_lost_s, self.video_lost_s) <= LIMIT_S


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill recordings and see what is lost.")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=12.0, help="latest moment of a kill after the first frame")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    spotter = Spotter(use_gpu=False)
    outcomes = []
    print("  kill at  scores lost  video lost  intervals before/after  opens")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.times):
            outcome = kill_one(Path(folder) / str(number), moments.uniform(0.1, arguments.seconds), spotter)
            outcomes.append(outcome)
            print(
                f"{outcome.killed_s:7.2f} s  {outcome.scores_lost_s:9.2f} s  {outcome.video_lost_s:8.2f} s  "
                f"{outcome.intervals_before:10d} / {outcome.intervals_after:<10d}  "
                f"{'yes' if outcome.opened else 'NO'}{'' if outcome.good else '  <- not as promised'}",
                flush=True,
            )
    good = sum(outcome.good for outcome in outcomes)
    scores_s, video_s = max(o.scores_lost_s for o in outcomes), max(o.video_lost_s for o in outcomes)
    print(f"{good} of {len(outcomes)} as promised; most lost: {scores_s:.2f} s of scores, {video_s:.2f} s of video")
    return 0 if good == len(outcomes) else 1


def kill_one(out: Path, after_s: float, spotter: Spotter) -> Outcome:
    """Record into ``out``, kill ``after_s`` after the first frame, recover."""
    command = [sys.executable, "-m", "app", "record", "--source", "demo", "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=Path(__file__).resolve().parent.parent)
    try:
        folder, first_wall_s = _first_frame(out)
        time.sleep(max(0.0, first_wall_s + after_s - time.time()))
        killed_wall_s = time.time()
    finally:
        process.kill()
        process.wait()
    before = read_session(folder)
    assert find_unfinished(out) == [folder]
    after = recover(folder, spotter).session
    kept = {(s.id, s.interval) for s in before.intervals} <= {(s.id, s.interval) for s in after.intervals}
    first_s = after.info.clock.first_frame_s or 0.0
    killed_s = first_s + killed_wall_s - first_wall_s
    newest_s = float(after.features["time_s"][-1]) if len(after.features) else first_s
    picture_s = _last_picture_s(after.video) if after.video else 0.0
    return Outcome(
        killed_s=killed_s,
        scores_lost_s=killed_s - newest_s,
        video_lost_s=killed_s - first_s - picture_s,
        intervals_before=len(before.intervals),
        intervals_after=len(after.intervals),
        intervals_kept=kept,
        opened=after.finished and not find_unfinished(out),
    )


def _first_frame(out: Path) -> tuple[Path, float]:
    """The session's folder and the wall clock's seconds when its first frame was taken; waits for it."""
    end_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end_s:
        for folder in out.glob("*/session.json"):
            first = read_session(folder.parent).info.clock.first_frame_utc
            if first is not None:
                return folder.parent, first.timestamp()
        time.sleep(0.02)
    raise RuntimeError(f"no recording began within {START_LIMIT_S:.0f} s")


def _last_picture_s(video: Path) -> float:
    """Every picture is decoded, so that a damaged one would be noticed."""
    with av.open(os.fspath(video)) as container:
        return max(float(picture.time or 0.0) for picture in container.decode(video=0))


if __name__ == "__main__":
    sys.exit(main())
