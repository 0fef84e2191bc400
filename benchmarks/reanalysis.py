"""What compression costs: ``python -m benchmarks.reanalysis [VIDEO ...]``.

Records each video (the demo clip where none is named) as a live session that loses no frame, then scores it twice: from
the recorded features, which must give what live gave, and from the recorded video, which was compressed. Prints how
many of the live intervals the compressed video gives again (same type, overlap of at least 0.5), how many it adds, and
how far the scores are apart.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.live import LiveSession
from app.review.agree import count_hits
from app.review.analysis import look_at
from app.session import Recorder, read_session, replay
from app.session.schema import SourceInfo
from models.analyzer import Analyzer
from models.assets import DEMO_CLIP, asset_path
from models.spotter import Spotter
from models.types import ExpressionType, Interval, Scores
from models.video import VideoFile

WAIT_S = 3600.0
SCORES_LIMIT = 1e-4


@dataclass(frozen=True, slots=True)
class Compared:
    """Two analyses of one recording. found_again: intervals of the first that the second has too."""

    intervals: int
    found_again: int
    added: int
    differences: np.ndarray
    """Absolute differences of all three scores (N,), where both have one."""

    def line(self, name: str) -> str:
        share = f"{self.found_again / self.intervals:6.1%}" if self.intervals else "     -"
        mean, high, most = (
            (self.differences.mean(), np.percentile(self.differences, 95), self.differences.max())
            if len(self.differences)
            else (0.0, 0.0, 0.0)
        )
        return (
            f"{name:32} {self.intervals:9d} {self.found_again:11d} {share} {self.added:6d}   "
            f"{mean:9.5f} {high:9.5f} {most:9.5f}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="Score a recording's features and its compressed video again.")
    parser.add_argument("videos", nargs="*", type=Path, metavar="VIDEO")
    arguments = parser.parse_args()
    spotter = Spotter(use_gpu=False)
    print(f"{'':32} intervals  found again   share  added   scores apart: mean      95 %      most")
    exact = True
    totals = []
    for video in arguments.videos or [asset_path(DEMO_CLIP)]:
        with tempfile.TemporaryDirectory() as out:
            features, again, size_kib = compare(video, Path(out), spotter)
        exact &= features.found_again == features.intervals and features.added == 0
        exact &= not len(features.differences) or float(features.differences.max()) <= SCORES_LIMIT
        totals.append(again)
        print(f"{video.name}: recorded as {size_kib:.0f} KiB of video")
        print(features.line("  replayed from the features"))
        print(again.line("  the compressed video again"), flush=True)
    if len(totals) > 1:
        together = Compared(
            sum(c.intervals for c in totals),
            sum(c.found_again for c in totals),
            sum(c.added for c in totals),
            np.concatenate([c.differences for c in totals]),
        )
        print(together.line("all, the compressed videos"))
    print("replay equals live" if exact else "replay does NOT equal live")
    return 0 if exact else 1


def compare(video: Path, out: Path, spotter: Spotter) -> tuple[Compared, Compared, float]:
    """Live against the replay of its features, live against its compressed video, and the size of that (KiB)."""
    recorder = Recorder(out, SourceInfo(kind="file", name=video.name), spotter)
    with LiveSession(VideoFile(video), spotter=spotter, lossless=True, sinks=(recorder,)) as live:
        live.wait(WAIT_S)
        analysis = live.snapshot().analysis
    recorder.close()
    session = read_session(recorder.folder)
    if session.video is None:
        raise RuntimeError(f"nothing was recorded of {video}")
    first_s = session.info.clock.first_frame_s or 0.0
    replayed = compared((analysis.scores, analysis.intervals), replay(session, spotter), 0.0)
    again = compared((analysis.scores, analysis.intervals), analyse(session.video, spotter), first_s)
    return replayed, again, session.video.stat().st_size / 1024


def analyse(video: Path, spotter: Spotter) -> tuple[Scores, tuple[Interval, ...]]:
    """Scores and intervals of a video file."""
    analyzer = Analyzer(spotter)
    with VideoFile(video) as file:
        for _, _, motion in look_at(file):
            if motion is not None:
                analyzer.push(motion)
    update = analyzer.finish()
    return update.final, update.intervals


def compared(
    live: tuple[Scores, tuple[Interval, ...]], other: tuple[Scores, tuple[Interval, ...]], later_s: float
) -> Compared:
    """later_s: what the other's times lack. The grids begin with the first frame, so their points are the same."""
    length = min(len(live[0]), len(other[0]))
    if not np.allclose(live[0].time_s[:length], other[0].time_s[:length] + later_s, atol=1e-3):
        raise RuntimeError("the two analyses are not of the same moments")
    both = live[0].valid[:length] & other[0].valid[:length]
    differences = [
        np.abs(getattr(live[0], name)[:length] - getattr(other[0], name)[:length])[both]
        for name in ("intensity", "macro", "micro")
    ]
    hits = sum(
        count_hits([i for i in live[1] if i.type is type_], [i for i in other[1] if i.type is type_])
        for type_ in ExpressionType
    )
    return Compared(len(live[1]), hits, len(other[1]) - hits, np.concatenate(differences))


if __name__ == "__main__":
    sys.exit(main())
