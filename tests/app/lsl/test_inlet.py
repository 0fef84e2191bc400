"""Markers that come in, sent by real outlets."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.lsl import MarkerSink
from app.session.events import read_events
from app.session.schema import EVENTS_FILE
from models.errors import UsageError
from models.types import Frame

pylsl = pytest.importorskip("pylsl", reason="needs the extra [lsl]")

PICTURE = np.zeros((2, 2, 3), np.uint8)


def outlet(name: str, channels: int = 1, format_: str = "string") -> Any:
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", channels, 0.0, format_, uuid.uuid4().hex))


def until(condition: Callable[[], object], most_s: float = 60.0) -> None:
    end_s = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.02)


class Camera:
    """Frames of now; their times count from ``begin_s`` on LSL's clock."""

    def __init__(self, sink: MarkerSink) -> None:
        self._sink = sink
        self.begin_s = pylsl.local_clock()
        self.times_s: list[float] = []

    def run(self, frames: int) -> None:
        for _ in range(frames):
            time_s = pylsl.local_clock() - self.begin_s
            self._sink.frame(Frame(len(self.times_s), time_s, PICTURE))
            self.times_s.append(time_s)
            time.sleep(0.005)

    def nearest(self, time_s: float) -> int:
        return int(np.argmin(np.abs(np.array(self.times_s) - time_s)))


def test_markers_get_the_time_and_frame_at_which_they_were_stamped(tmp_path: Path) -> None:
    task, keys = outlet("task"), outlet("keys", 2, "int32")
    sink = MarkerSink(tmp_path, ("task", "keys", "task"))
    camera = Camera(sink)
    until(lambda: sink.status().found == ("keys", "task"))
    assert not (tmp_path / EVENTS_FILE).exists() and camera.times_s == []
    task.push_sample(["too early"], camera.begin_s + 0.001)
    until(lambda: sink.status().outside == 1)

    camera.run(40)
    in_past_s, ahead_s = camera.times_s[10] + 0.001, camera.times_s[-1] + 0.05
    task.push_sample(["stimulus, left"], camera.begin_s + in_past_s)
    until(lambda: sink.status().events == 1)
    task.push_sample([b"caf\xe9"], camera.begin_s + ahead_s)
    task.push_sample([""], camera.begin_s + ahead_s)
    keys.push_sample([7, -1], camera.begin_s + camera.times_s[20])
    time.sleep(0.5)
    assert sink.status().events <= 2, "an event whose frame has not come is waited for"
    camera.run(20)
    until(lambda: sink.status().events == 3)
    task.push_sample(["the end"], camera.begin_s + camera.times_s[-1] + 60.0)
    until(task.have_consumers)
    time.sleep(1.5)  # to arrive; there is nothing to see of it before its frame comes
    sink.close()
    sink.close()

    events = {event.label: event for event in read_events(tmp_path)}
    assert set(events) == {"stimulus, left", "caf\ufffd", "7 -1", "the end"}
    assert sorted(event.id for event in events.values()) == [1, 2, 3, 4]
    for label, time_s in (("stimulus, left", in_past_s), ("caf\ufffd", ahead_s), ("7 -1", camera.times_s[20])):
        # LSL compares the clocks over the network, which is the less exact the busier the machine is
        assert events[label].time_s == pytest.approx(time_s, abs=0.02)
        assert events[label].frame == camera.nearest(events[label].time_s)
    assert events["7 -1"].stream == "keys" and events["the end"].frame == 59
    assert sink.status().error is None and sink.status().unsynchronised == ()


def test_a_stream_may_come_later_and_come_again(tmp_path: Path) -> None:
    sink = MarkerSink(tmp_path, ("later",))
    camera = Camera(sink)
    camera.run(1)

    def came(label: str) -> bool:
        return label in [event.label for event in read_events(tmp_path)]

    for label in ("first", "again"):
        sender = outlet("later")
        until(sender.have_consumers)
        sender.push_sample([label])
        time.sleep(0.05)
        camera.run(1)
        until(partial(came, label))
        del sender
    sink.close()
    assert [event.label for event in read_events(tmp_path)] == ["first", "again"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    sender = outlet("lost")
    sink = MarkerSink(tmp_path / "missing", ("lost",))
    camera = Camera(sink)
    camera.run(3)
    until(sender.have_consumers)
    sender.push_sample(["x"], camera.begin_s + camera.times_s[1])
    until(lambda: sink.status().error)
    sender.push_sample(["y"])
    sink.close()
    error = sink.status().error
    assert error is not None and error.startswith("No more events") and sink.status().events == 0


def test_nobody_sends_and_names_that_cannot_be(tmp_path: Path) -> None:
    sink = MarkerSink(tmp_path, ("nobody",))
    sink.close()
    assert sink.status().found == () and list(tmp_path.iterdir()) == []
    for name in ("", "it's", 'the "task"'):
        with pytest.raises(UsageError, match="LSL stream"):
            MarkerSink(tmp_path, (name,))
