"""Markers that come in, sent by real outlets."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.cli_record import _markers_trouble
from app.lsl import MarkerSink, check_lsl, inlet, library
from app.session.events import read_events
from app.session.schema import EVENTS_FILE
from models.errors import UsageError
from models.types import Frame

pylsl = pytest.importorskip("pylsl", reason="needs the extra [lsl]")

PICTURE = np.zeros((2, 2, 3), np.uint8)

NOW_S = 50_000.0
"""What LSL's clock says where a test does without LSL."""

Sample = tuple[Any, float]


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


def follow(sink: MarkerSink, name: str, samples: list[Sample]) -> None:
    """The listening to one stream, with these samples (values, stamp) in the place of LSL's, until the sender ends."""
    left = iter(samples)

    def pull_sample(timeout_s: float) -> Sample:
        for sample in left:
            return sample
        raise pylsl.util.LostError

    stream = SimpleNamespace(open_stream=float, time_correction=lambda timeout_s: 0.0, pull_sample=pull_sample)
    sink._lsl = SimpleNamespace(
        StreamInlet=lambda *arguments, **more: stream, util=pylsl.util, local_clock=lambda: NOW_S
    )
    sink._follow(name, SimpleNamespace(uid=lambda: "ours"))


def frames(sink: MarkerSink, count: int) -> None:
    """So many frames, 30 a second, the last of them now."""
    sink._lsl = SimpleNamespace(local_clock=lambda: NOW_S)
    for k in range(count):
        sink.frame(Frame(k, k / 30, PICTURE))


def test_numbers_keep_all_their_digits() -> None:
    for dtype, value, text in (
        (np.int64, 1732999999123456789, "1732999999123456789"),
        (np.int8, -5, "-5"),
        (np.float64, 1732999999.123456, "1732999999.123456"),
        (np.float32, 0.1, "0.1"),
        (np.float32, 16777216, "16777216"),
        (np.float64, 3.0, "3"),
        (np.float64, np.nan, "nan"),
    ):
        assert inlet._label(np.array([value], dtype)) == text
    assert inlet._label(np.array([b"left", b"", b" a\nb "], object)) == "left a b"


def test_stamps_of_another_clock_become_the_time_of_arrival(tmp_path: Path) -> None:
    sink = MarkerSink(tmp_path, ())
    frames(sink, 301)
    text = np.array([b"go"], object)
    follow(sink, "task", [(text, NOW_S - 4.0)])
    assert sink.status().foreign == ()
    # the time of day, and seconds since the program began
    follow(sink, "day", [(text, 1.8e9)])
    follow(sink, "own", [(text, 12.5)])
    sink.close()
    events = {event.stream: event for event in read_events(tmp_path)}
    assert sink.status().foreign == ("day", "own") and sink.status().outside == 0
    assert [(events[name].time_s, events[name].frame) for name in ("task", "day", "own")] == [
        (6.0, 180),
        (10.0, 300),
        (10.0, 300),
    ]


def test_what_was_stamped_before_the_first_picture_is_left_out_however_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inlet, "_KEPT_FRAMES", 90)
    sink = MarkerSink(tmp_path, ())
    frames(sink, 301)
    text = np.array([b"go"], object)
    follow(sink, "task", [(text, NOW_S - 10.5), (text, NOW_S - 8.0)])
    sink.close()
    assert [event.time_s for event in read_events(tmp_path)] == [2.0] and sink.status().outside == 1


def test_a_stream_that_cannot_be_listened_to_costs_no_other_its_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = MarkerSink(tmp_path, ())
    frames(sink, 31)

    def fail(name: str) -> None:
        raise RuntimeError("could not create stream inlet.")

    monkeypatch.setattr(sink, "_look_for", fail)
    sink._listen("bad")
    follow(sink, "task", [(np.array([b"go"], object), NOW_S - 0.5)])
    sink.close()
    assert [event.stream for event in read_events(tmp_path)] == ["task"] and sink.status().events == 1
    error = sink.status().error
    assert error is not None and "bad ended unexpectedly" in error


def test_many_events_at_once_wait_for_the_disk_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("app.session.tables.os.fsync", synced.append)
    sink = MarkerSink(tmp_path, ())
    frames(sink, 31)
    number = np.array([1.5], np.float32)
    last: list[Sample] = [(None, 0.0)]
    follow(sink, "eeg", [(number, NOW_S - 0.5)] * 500 + last + [(number, NOW_S - 0.4)] + last)
    assert sink.status().events == 501 and len(synced) == 2
    sink.close()


def test_an_old_liblsl_that_cannot_be_told_to_be_quiet_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(content: str) -> None:
        raise NotImplementedError

    monkeypatch.setattr(pylsl, "set_config_content", refuse)
    monkeypatch.setattr(library, "_configured", lambda: False)
    check_lsl()


def test_a_stream_that_went_without_a_word_makes_way_for_another_one() -> None:
    world = SimpleNamespace(now_s=0.0, answering=[])
    lsl = SimpleNamespace(
        local_clock=lambda: world.now_s,
        ContinuousResolver=lambda *wanted: SimpleNamespace(
            results=lambda: [SimpleNamespace(uid=lambda uid=uid: uid) for uid in world.answering]
        ),
    )
    silence = inlet._Silence(lsl, "task", "ours")
    told = []
    for world.now_s, world.answering in (
        (9.0, ["another"]),  # not silent for long
        (11.0, ["another"]),  # just asked
        (18.0, ["another", "ours"]),
        (19.0, []),  # nobody else is there
        (20.0, ["another"]),
    ):
        told.append(silence.another_answers())
    assert told == [False, False, False, False, True]
    silence.broken()
    assert not silence.another_answers(), "it was heard"


def test_a_stream_that_has_ended_is_told_of_while_it_is_looked_for_again(tmp_path: Path) -> None:
    sink = MarkerSink(tmp_path, ())
    frames(sink, 31)
    follow(sink, "task", [(np.array([b"go"], object), NOW_S - 0.5)])
    assert sink.status().gone == ("task",)
    assert _markers_trouble(sink, ("task",), 60.0) == ["The LSL stream task has ended; it is looked for again."]
    sink.close()
