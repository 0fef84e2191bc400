"""Streams that go out, taken by real inlets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.live import LiveSession
from app.lsl import LslSink
from app.lsl.scored import CHANNELS
from app.sources.paced import PacedSource
from models.types import GRID_HZ, ExpressionType, FloatArray, Frame, FrameMotion, Interval, Scores, Update
from models.video import VideoFile

Listen = Callable[[str], Any]

pylsl = pytest.importorskip("pylsl", reason="needs the extra [lsl]")

PICTURE = np.zeros((2, 2, 3), np.uint8)
POSITION: FloatArray = np.zeros((12, 2), np.float32)
NOTHING = Scores.empty()


@pytest.fixture
def sink() -> Iterator[LslSink]:
    sink = LslSink("Desk camera of Ms. X", "1.2.3")
    yield sink
    sink.close()


def scores(start: int, stop: int) -> Scores:
    points = np.arange(start, stop)
    same = (points / 1000).astype(np.float32)
    return Scores(points / GRID_HZ, np.ones(len(points), np.bool_), same, same, same, np.ones_like(same))


def watch(sink: LslSink, frames: range) -> None:
    for k in frames:
        sink.frame(Frame(k, k / 30, PICTURE))
        sink.motion(FrameMotion(k, k / 30, True, POSITION, 1.0))


def test_what_the_streams_say_of_themselves(sink: LslSink, listen: Listen) -> None:
    for name in sink.names:
        info = listen(name).info
        about = info.desc()
        assert info.name() == name and about.child_value("model") == "1.2.3"
        assert about.child_value("program").startswith("apexspot ")
        assert "Desk" not in info.as_xml(), "what is watched is nobody's business"
        if name == "apexspot-scores":
            assert info.type() == "Expression" and tuple(info.get_channel_labels()) == CHANNELS
        else:
            assert info.type() == "Markers" and info.channel_count() == 1
    assert sink.listeners


def test_scores_bear_the_time_of_their_frame(sink: LslSink, listen: Listen) -> None:
    listener = listen("apexspot-scores")
    before_s = pylsl.local_clock()
    watch(sink, range(1))
    after_s = pylsl.local_clock()
    watch(sink, range(1, 6))
    sink.update(Update(NOTHING, scores(0, 5), (), ()))  # the last frame lies behind the grid's end
    sink.update(Update(scores(0, 5), NOTHING, (), ()))
    sink.close()
    sink.close()
    samples = listener.finish()
    assert [values[0] for values, _ in samples] == [0, 1, 2, 3, 4, 5], "the last one when the session ends"
    assert [values[1] for values, _ in samples] == pytest.approx([0, 0.001, 0.002, 0.003, 0.004, 0.004], abs=1e-6)
    stamps_s = np.array([stamp_s for _, stamp_s in samples])
    # all six frames came at once: the last has the least delay, so it says where the source's clock lies
    assert stamps_s - stamps_s[0] == pytest.approx(np.arange(6) / 30, abs=1e-6)
    assert before_s - 5 / 30 <= stamps_s[0] <= after_s


def test_flags_and_intervals(sink: LslSink, listen: Listen) -> None:
    flags, intervals = listen("apexspot-flags"), listen("apexspot-intervals")
    watch(sink, range(30))
    seen = Interval(ExpressionType.MICRO, 0.2, 0.3, 0.5, 6, 9, 15, 0.41, final=False)
    final = Interval(ExpressionType.MICRO, 0.2, 1 / 3, 0.6, 6, 10, 18, 0.625)
    other = Interval(ExpressionType.MACRO, 0.7, 0.8, 0.9, 21, 24, 27, 0.5, final=False)
    sink.update(Update(NOTHING, scores(0, 20), (), (seen,)))
    sink.update(Update(NOTHING, scores(0, 25), (), (seen, other)))
    sink.update(Update(scores(0, 30), NOTHING, (final,), ()))
    sink.close()

    ((text,), onset_lsl_s), *more = intervals.finish()
    row = json.loads(text)
    assert not more and next(iter(row)) == "type"
    session = {"type": "micro", "id": 1, "onset_s": 0.2, "apex_s": 0.333333, "offset_s": 0.6}
    session |= {"onset_frame": 6, "apex_frame": 10, "offset_frame": 18, "score": 0.625}
    assert {key: row[key] for key in session} == session
    assert row["onset_lsl_s"] == pytest.approx(onset_lsl_s, abs=2e-6)
    assert row["apex_lsl_s"] - row["onset_lsl_s"] == pytest.approx(1 / 3 - 0.2, abs=2e-6)
    assert row["offset_lsl_s"] - row["onset_lsl_s"] == pytest.approx(0.4, abs=2e-6)

    samples = flags.finish()
    events = [json.loads(values[0]) for values, _ in samples]
    assert [(e["event"], e["flag"], e.get("id"), e["type"]) for e in events] == [
        ("found", 1, None, "micro"),
        ("found", 2, None, "macro"),
        ("confirmed", 1, 1, "micro"),
        ("withdrawn", 2, None, "macro"),
    ]
    # a flag has the time of the newest frame that led to it
    stamps_s = np.array([stamp_s for _, stamp_s in samples])
    assert stamps_s - onset_lsl_s == pytest.approx(np.array([19, 24, 29, 29]) / 30 - 0.2, abs=1e-5)


def test_a_live_session_is_sent_whole(listen: Listen, face_video: Path) -> None:
    captured_s: dict[int, float] = {}

    class Camera:
        """A file at its own pace that notes when each picture is handed out."""

        name, nominal_fps, is_live = "camera", 30.0, True

        def __iter__(self) -> Iterator[Frame]:
            with PacedSource(VideoFile(face_video)) as source:
                for frame in source:
                    captured_s[frame.index] = pylsl.local_clock() - frame.time_s
                    yield frame

        def close(self) -> None: ...

    sink = LslSink("camera")
    listener = listen("apexspot-scores")
    with LiveSession(Camera(), sinks=(sink,)) as session:
        assert session.wait(60.0)
    snapshot = session.snapshot()
    sink.close()
    samples = listener.finish()
    assert snapshot.error is None and len(samples) == snapshot.counters.processed > 0
    frames = np.array([values[0] for values, _ in samples])
    stamps_s = np.array([stamp_s for _, stamp_s in samples])
    assert np.all(np.diff(frames) > 0) and np.all(np.diff(stamps_s) >= 0) and frames[-1] == 59
    assert not np.isnan([values for values, _ in samples]).any(), "the face is there all the time"
    # to begin with a frame may bear the delay with which it came; the last second has the clocks right
    late = frames >= 30
    assert stamps_s[late] - frames[late] / 30 == pytest.approx(min(captured_s.values()), abs=0.05)


def test_nobody_listens_and_nothing_follows_the_end(sink: LslSink) -> None:
    watch(sink, range(3))
    sink.update(Update(scores(0, 3), NOTHING, (), ()))
    assert not sink.listeners
    sink.close()
    sink.update(Update(scores(3, 6), NOTHING, (), ()))
    assert not sink.listeners and not pylsl.resolve_byprop("name", "apexspot-scores", 1, 0.5)
