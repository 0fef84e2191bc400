"""What the LSL streams are made of, without LSL: the clock, the frames' scores, the flags, the table of events."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

import numpy as np
import pytest

from app.arrival_clock import ArrivalClock
from app.lsl.flags import Flag, FlagEvent, FlagTracker
from app.lsl.scored import CHANNELS, NewestScores
from app.session.events import EVENT_COLUMNS, EventTable, StoredEvent, read_events
from app.session.schema import EVENTS_FILE
from models.errors import DataError
from models.types import GRID_HZ, ExpressionType, FloatArray, FrameMotion, Interval, Scores, Update

NO_POSITION: FloatArray = np.full((12, 2), np.nan, np.float32)


def test_the_clock_takes_the_least_delay() -> None:
    clock = ArrivalClock()
    assert clock.offset_s is None
    delays_s = [0.080, 0.012, 0.004, 0.020, 0.300]
    for k, delay_s in enumerate(delays_s):
        clock.observe(k / 30, 1000.0 + k / 30 + delay_s)
    assert clock.offset_s == pytest.approx(1000.004)


def test_the_clock_follows_a_source_that_runs_slow() -> None:
    clock = ArrivalClock(span_s=10.0)
    slow = 0.001  # a second in a thousand, far more than any camera
    for k in range(30 * 120):
        clock.observe(k / 30 * (1.0 - slow), 1000.0 + k / 30 + 0.005 * (k % 3))
    true_s = 1000.0 + 119 * slow
    assert clock.offset_s is not None
    assert true_s - 20 * slow - 0.001 <= clock.offset_s <= true_s + 0.001


def scores(start: int, stop: int, value: float = 0.0) -> Scores:
    """Grid points ``start`` to ``stop``, their intensity the number of the point plus ``value``."""
    points = np.arange(start, stop)
    same = (points + value).astype(np.float32)
    half, fourth = same / np.float32(2), same / np.float32(4)
    return Scores(points / GRID_HZ, np.ones(len(points), np.bool_), same, half, fourth, np.ones_like(same))


def update(final: Scores | None = None, provisional: Scores | None = None) -> Update:
    return Update(final or Scores.empty(), provisional or Scores.empty(), (), ())


def test_each_frame_comes_once_with_the_newest_score() -> None:
    newest = NewestScores()
    for k in range(7):  # 45 Hz: frames fall between the points of the grid
        newest.motion(FrameMotion(2 * k, k / 45, k != 3, NO_POSITION, 1.0))
    first = newest.update(update(provisional=scores(0, 3, 0.5)))
    assert first.values[:, 0].tolist() == [0, 2, 4, 6] and first.time_s == pytest.approx(np.arange(4) / 45)
    assert first.values[:3, 1] == pytest.approx(np.arange(3) / 1.5 + 0.5, abs=1e-5)
    assert np.isnan(first.values[3, 1:]).all(), "no face, no score"
    second = newest.update(update(final=scores(0, 3), provisional=scores(3, 4)))
    assert second.values[:, 0].tolist() == [8]
    third = newest.update(update(provisional=scores(3, 4)))
    assert len(third) == 0
    last = newest.update(update(final=scores(3, 4)))
    assert len(last) == 0
    rest = newest.rest()
    assert rest.values[:, 0].tolist() == [10, 12] and rest.values.shape == (2, len(CHANNELS))
    assert rest.values[0, 1] == pytest.approx(3.0), "within a step of the last point"
    assert len(newest.rest()) == 0


def interval(onset_s: float, offset_s: float, type_: ExpressionType = ExpressionType.MACRO) -> Interval:
    frames = (round(onset_s * 30), round((onset_s + offset_s) * 15), round(offset_s * 30))
    return Interval(type_, onset_s, (onset_s + offset_s) / 2, offset_s, *frames, score=0.5)


def told(flags: list[Flag]) -> list[tuple[str, int, int | None]]:
    return [(flag.event.value, flag.number, flag.id) for flag in flags]


def test_flags_are_found_confirmed_and_withdrawn() -> None:
    tracker = FlagTracker()
    nothing = Scores.empty()

    def step(final: tuple[Interval, ...] = (), seen: tuple[Interval, ...] = ()) -> list[tuple[str, int, int | None]]:
        return told(tracker.step(Update(nothing, nothing, final, seen)))

    micro = ExpressionType.MICRO
    assert step(seen=(interval(2.0, 2.5),)) == [("found", 1, None)]
    assert step(seen=(interval(2.1, 3.0),)) == [], "it moved"
    assert step(seen=(interval(2.1, 3.2), interval(2.2, 2.4, micro))) == [("found", 2, None)]
    assert step(seen=(interval(2.1, 3.2), interval(5.0, 5.5))) == [("found", 3, None), ("withdrawn", 2, None)]
    assert step(final=(interval(2.1, 3.3),), seen=(interval(5.0, 5.6),)) == [("confirmed", 1, 1)]
    # one that becomes another one's neighbour, and one that nobody had seen coming
    assert step(seen=(interval(5.0, 5.2), interval(5.4, 6.0))) == [("found", 4, None)]
    assert step(final=(interval(5.0, 5.2), interval(5.4, 6.0), interval(7.0, 7.3, micro))) == [
        ("confirmed", 3, 2),
        ("confirmed", 4, 3),
        ("confirmed", 5, 4),
    ]
    assert step() == []
    last = tracker.step(Update(nothing, nothing, (), (interval(9.0, 9.5),)))[0]
    assert tracker.step(Update(nothing, nothing, (), ()))[0] == Flag(
        FlagEvent.WITHDRAWN, last.number, None, interval(9.0, 9.5)
    )


def test_events_are_read_as_they_were_written(tmp_path: Path) -> None:
    table = EventTable(tmp_path)
    assert not (tmp_path / EVENTS_FILE).exists() and read_events(tmp_path) == ()
    labels = ["stimulus 1", 'said "now", then left', "=1+1", "-5", "'quoted", "a\nb\tc", "Ärger ☹", "@cmd"]
    for k, label in enumerate(labels):
        table.add(k / 30, k, label, "Psy, Toolbox")
    assert table.count == 0, "not on the disk yet"
    table.sync()
    assert table.count == len(labels)
    table.close()
    table.close()
    events = read_events(tmp_path)
    assert events[0] == StoredEvent(1, 0.0, 0, "stimulus 1", "Psy, Toolbox")
    assert [event.label for event in events] == [label.replace("\n", " ").replace("\t", " ") for label in labels]
    assert [event.id for event in events] == list(range(1, 9))
    with (tmp_path / EVENTS_FILE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == EVENT_COLUMNS and len(rows) == 9
    assert [row[3] for row in rows[3:5]] == ["'=1+1", "-5"], "a spreadsheet runs no label"

    path = tmp_path / EVENTS_FILE
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_events(tmp_path) == events, "saved again by a spreadsheet"
    with path.open("a") as file:
        file.write("9,0.3,9,torn")
    assert len(read_events(tmp_path)) == 8
    with path.open("a") as file:
        file.write("\n")
    with pytest.raises(DataError, match="line 10"):
        read_events(tmp_path)
    path.write_text("id,time_s,frame,label,stream\n1,nan,9,go,task\n", "utf-8")
    with pytest.raises(DataError, match="line 2"):
        read_events(tmp_path)
    path.write_text("id;time_s;frame;label;stream\n1;0,3;9;go;task\n", "utf-8")
    with pytest.raises(DataError, match="other separators than commas"):
        read_events(tmp_path)
