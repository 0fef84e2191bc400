"""The live session: its ends, its errors, its counters, and that nothing stays behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.live import HISTORY_S, LiveSession
from app.live_history import ScoreHistory
from app.live_meter import DurationMeter, RateMeter
from app.live_queue import FrameQueue, TakenFrame
from app.live_types import LiveState
from models.errors import SourceError
from models.perception import Perception
from models.spotter import Spotter
from models.types import Frame, FrameSource, Scores
from models.video import VideoFile


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("apexspot")]
    assert not left, f"threads left behind: {left}"


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return Spotter()


class Endless:
    """The frames of a video over and over; ``breaks_after`` frames it fails, ``hangs`` makes it wait until closed."""

    def __init__(self, path: Path, breaks_after: int | None = None, hangs: bool = False) -> None:
        self._path = path
        self._breaks_after = breaks_after
        self._hangs = hangs
        self.closed = threading.Event()

    name = "endless"
    nominal_fps: float | None = 30.0
    is_live = True

    def __iter__(self) -> Iterator[Frame]:
        if self._hangs:
            self.closed.wait(30.0)
            return
        with VideoFile(self._path) as video:
            pictures = [frame.image for frame in video]
        index = 0
        while not self.closed.is_set():
            if index == self._breaks_after:
                raise SourceError("The camera endless stopped delivering pictures; plug it in again.")
            yield Frame(index, index / 30.0, pictures[index % len(pictures)])
            index += 1
            time.sleep(0.001)

    def close(self) -> None:
        self.closed.set()


def test_a_stopped_session_ends_and_closes_its_source(face_video: Path, spotter: Spotter) -> None:
    source = Endless(face_video)
    assert isinstance(source, FrameSource)
    session = LiveSession(source, spotter=spotter)
    session.start()
    session.start()
    wait_for(session, lambda: session.snapshot().analysis.number > 2)
    running = session.snapshot()
    assert running.state is LiveState.RUNNING and running.source_name == "endless"
    assert running.motion is not None and running.motion.face is not None
    assert running.frame is not None and running.frame.index == running.motion.index
    assert running.fps > 0 and running.latency_ms is not None and running.provider == spotter.provider
    session.stop()
    session.stop()
    ended = session.snapshot()
    assert ended.state is LiveState.ENDED and ended.error is None and source.closed.is_set()
    assert len(ended.analysis.provisional) == 0 and not ended.analysis.provisional_intervals
    counters = ended.counters
    # far more is offered than can be looked at, so the oldest are dropped; those in the queue at the end are analysed
    assert counters.dropped > 0 and counters.offered == counters.processed + counters.dropped
    session.start()
    assert session.snapshot().state is LiveState.ENDED


def test_a_source_that_breaks_ends_the_session_with_its_sentence(face_video: Path, spotter: Spotter) -> None:
    source = Endless(face_video, breaks_after=40)
    with LiveSession(source, spotter=spotter, lossless=True) as session:
        assert session.wait(90.0)
    snapshot = session.snapshot()
    assert snapshot.state is LiveState.FAILED
    assert snapshot.error == "The camera endless stopped delivering pictures; plug it in again."
    assert snapshot.counters.processed > 0 and len(snapshot.analysis.scores) > 0
    assert source.closed.is_set()


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    missing = tmp_path / "missing.mp4"
    with LiveSession(lambda: VideoFile(missing)) as session:
        assert session.wait(90.0)
    snapshot = session.snapshot()
    assert snapshot.state is LiveState.FAILED and snapshot.error is not None and "missing.mp4" in snapshot.error


def test_a_model_that_cannot_be_opened_is_said(tmp_path: Path, face_video: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    source = Endless(face_video)
    with LiveSession(source, spotter=lambda: Spotter(broken)) as session:
        assert session.wait(90.0)
    snapshot = session.snapshot()
    assert snapshot.state is LiveState.FAILED and "broken.onnx" in (snapshot.error or "")
    assert source.closed.is_set()


def test_an_unexpected_error_becomes_a_sentence(face_video: Path, spotter: Spotter) -> None:
    def no_perception() -> Perception:
        raise RuntimeError("internal detail")

    with LiveSession(Endless(face_video), no_perception, spotter) as session:
        assert session.wait(90.0)
    error = session.snapshot().error
    assert error is not None and "following the face" in error and "internal detail" not in error


def test_a_hanging_source_is_closed_under_its_reader(face_video: Path, spotter: Spotter) -> None:
    source = Endless(face_video, hangs=True)
    session = LiveSession(source, spotter=spotter)
    session.start()
    session.request_stop()
    assert session.wait(90.0), "the rest of the session does not wait for the source"
    session.stop()
    assert source.closed.is_set()


def test_stopping_before_starting_closes_the_source(face_video: Path, spotter: Spotter) -> None:
    source = Endless(face_video)
    session = LiveSession(source, spotter=spotter)
    session.stop()
    session.start()
    assert source.closed.is_set() and session.snapshot().state is LiveState.ENDED


def test_no_face_gives_a_gap_and_no_interval(faceless_video: Path, spotter: Spotter) -> None:
    with LiveSession(VideoFile(faceless_video), spotter=spotter, lossless=True) as session:
        assert session.wait(90.0)
    analysis = session.snapshot().analysis
    assert len(analysis.scores) > 20 and not analysis.scores.valid.any() and np.isnan(analysis.scores.intensity).all()
    assert analysis.intervals == ()


def test_stage_times_are_kept(face_video: Path, spotter: Spotter) -> None:
    with LiveSession(VideoFile(face_video), spotter=spotter, lossless=True) as session:
        assert session.wait(90.0)
    times = session.stage_times()
    assert times.perception.count == times.queue.count == session.snapshot().counters.processed == 60
    for stage in (times.queue, times.perception, times.scoring, times.end_to_end):
        assert 0.0 <= stage.p50_ms <= stage.p95_ms <= stage.p99_ms
    assert times.end_to_end.p50_ms > times.perception.p50_ms


def test_the_queue_drops_the_oldest_or_waits() -> None:
    frames = [TakenFrame(Frame(k, k / 30, np.zeros((1, 1, 3), np.uint8)), 0.0) for k in range(5)]
    queue = FrameQueue(2, lossless=False)
    assert all(queue.put(frame) for frame in frames) and queue.dropped == 3
    queue.close()
    assert not queue.put(frames[0])
    assert [queue.get(), queue.get(), queue.get()] == [frames[3], frames[4], None]

    waiting = FrameQueue(2, lossless=True)
    writer = threading.Thread(target=lambda: [waiting.put(frame) for frame in frames])
    writer.start()
    taken = [waiting.get() for _ in frames]
    writer.join(10.0)
    assert taken == frames and waiting.dropped == 0


def test_the_history_is_bounded_and_old_views_stay_as_they_were() -> None:
    history = ScoreHistory(span_s=2.0)
    views: list[Scores] = []
    for begin in range(0, 1000, 10):
        time_s = np.arange(begin, begin + 10) / 30.0
        values = time_s.astype(np.float32)
        history.extend(Scores(time_s, np.ones(10, np.bool_), values, values, values, values))
        views.append(history.scores())
    for number, view in enumerate(views):
        assert min(60, 10 * (number + 1)) <= len(view) <= 120
        assert view.time_s[-1] == pytest.approx((10 * (number + 1) - 1) / 30.0)
        np.testing.assert_allclose(np.diff(view.time_s), 1 / 30.0)
        np.testing.assert_array_equal(view.intensity, view.time_s.astype(np.float32))
    with pytest.raises(ValueError, match="read-only"):
        views[0].intensity[0] = 1.0
    assert HISTORY_S >= 30.0


def test_meters() -> None:
    meter = DurationMeter(capacity=100)
    assert meter.percentiles().count == 0 and np.isnan(meter.percentiles().p50_ms)
    for k in range(150):
        meter.add(k / 1000.0)
    assert meter.percentiles().count == 100 and meter.percentiles().p50_ms == pytest.approx(99.5)
    assert meter.percentiles(newest=11).p50_ms == pytest.approx(144.0)
    rate = RateMeter(span_s=2.0)
    for k in range(100):
        rate.add(k / 25.0)
    assert rate.rate_hz == pytest.approx(25.0)


def wait_for(session: LiveSession, condition: object, most_s: float = 90.0) -> None:
    end_s = time.monotonic() + most_s
    assert callable(condition)
    while not condition():
        assert time.monotonic() < end_s and not session.snapshot().state.over, session.snapshot().error
        time.sleep(0.01)
