"""Playing a clip through the live session gives what a batch run over the same frames gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from app.live import LiveSession
from app.live_types import LiveAnalysis, LiveState
from app.sources import FileChoice, open_source
from models.analyzer import Analyzer
from models.perception import Perception
from models.spotter import Spotter
from models.types import ExpressionType, Interval, Scores
from models.video import VideoFile
from training.actions import Side
from training.synth_script import Degradation, Event, Script
from training.synthetic import write

SIZE = (320, 240)


@dataclass(frozen=True)
class Clip:
    name: str
    fps: float
    duration_s: float
    irregular: bool = False


CLIPS = (
    Clip("30 fps", 30.0, 5.0),
    Clip("25 fps", 25.0, 4.0),
    Clip("60 fps", 60.0, 3.6),
    Clip("irregular", 24.0, 5.0, irregular=True),
)


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return Spotter()


def make_clip(clip: Clip, folder: Path) -> Path:
    """A smile and a short brow raise with calm between them."""
    smile = Event(("smile",), 1.0, 1.5, 2.4, 1.0, Side.BOTH, ExpressionType.MACRO)
    brows = Event(("brow_raise",), 3.2, 3.37, 3.6, 0.9, Side.BOTH, ExpressionType.MICRO)
    uneven = Degradation(drop_share=0.06, time_jitter=0.15) if clip.irregular else Degradation()
    script = Script(
        7, clip.duration_s, clip.fps, SIZE, iod_px=52.0, events=(smile, brows), sway_iod=0.004, degradation=uneven
    )
    path = folder / "clip.mp4"
    write(script, path)
    return path


def batch(path: Path, spotter: Spotter) -> tuple[Scores, tuple[Interval, ...]]:
    analyzer = Analyzer(spotter)
    with VideoFile(path) as video, Perception() as perception:
        for frame in video:
            analyzer.push(perception.process(frame))
    update = analyzer.finish()
    return update.final, update.intervals


def assert_same(live: LiveAnalysis, scores: Scores, intervals: tuple[Interval, ...]) -> None:
    assert len(scores) > 100
    np.testing.assert_array_equal(live.scores.time_s, scores.time_s)
    np.testing.assert_array_equal(live.scores.valid, scores.valid)
    for name in ("intensity", "macro", "micro", "quality"):
        np.testing.assert_allclose(getattr(live.scores, name), getattr(scores, name), atol=1e-4, rtol=0, err_msg=name)
    assert [times_of(i) for i in live.intervals] == [times_of(i) for i in intervals]
    np.testing.assert_allclose([i.score for i in live.intervals], [i.score for i in intervals], atol=1e-4)
    assert len(live.provisional) == 0 and live.provisional_intervals == ()


def times_of(interval: Interval) -> tuple[object, ...]:
    return (
        *(interval.type, interval.onset_s, interval.apex_s, interval.offset_s),
        *(interval.onset_frame, interval.apex_frame, interval.offset_frame, interval.final),
    )


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_lossless_session_equals_batch(clip: Clip, tmp_path: Path, spotter: Spotter) -> None:
    path = make_clip(clip, tmp_path)
    scores, intervals = batch(path, spotter)
    assert intervals, "the clip should hold something to compare"
    with LiveSession(VideoFile(path), spotter=spotter, lossless=True) as session:
        assert session.wait(110.0)
    snapshot = session.snapshot()
    assert (snapshot.state, snapshot.error, snapshot.counters.dropped) == (LiveState.ENDED, None, 0)
    assert snapshot.counters.offered == snapshot.counters.processed
    assert_same(snapshot.analysis, scores, intervals)


def test_session_at_the_clips_own_pace_equals_batch(tmp_path: Path, spotter: Spotter) -> None:
    path = make_clip(Clip("slow", 12.0, 5.0), tmp_path)
    scores, intervals = batch(path, spotter)
    for _ in range(4):  # a machine that is busy with other tests may lose frames, which is no matter here
        seen = 0
        with LiveSession(lambda: open_source(FileChoice(path), paced=True), spotter=spotter) as session:
            while not session.wait(0.05):
                seen = max(seen, len(session.snapshot().analysis.provisional))
        snapshot = session.snapshot()
        if snapshot.counters.dropped == 0:
            break
    assert (snapshot.state, snapshot.counters.dropped) == (LiveState.ENDED, 0)
    assert seen > 0, "there was no curve while it played"
    assert_same(snapshot.analysis, scores, intervals)
