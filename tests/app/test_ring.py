"""The ring buffer: order, overrun reports, waiting, and no torn rows under a fast writer."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from app.ring import MOTION_ROW, Overflow, RingBuffer, motion_row, row_motion
from models.types import FrameMotion

PAIR = np.dtype([("number", np.int64), ("copies", np.int64, (64,))])


def pair(number: int) -> tuple[int, np.ndarray]:
    return number, np.full(64, number)


def test_rows_arrive_in_order_and_once() -> None:
    ring = RingBuffer(PAIR, 4)
    reader = ring.reader()
    seen: list[int] = []
    for number in range(10):
        assert ring.append(pair(number))
        if number % 3 == 2:
            seen += reader.read().rows["number"].tolist()
    seen += reader.read().rows["number"].tolist()
    assert seen == list(range(10))
    assert len(reader.read()) == 0 and reader.lost == 0


def test_an_overrun_reader_is_told_by_how_much_and_others_are_not_touched() -> None:
    ring = RingBuffer(PAIR, 4)
    slow, quick = ring.reader(), ring.reader()
    for number in range(11):
        ring.append(pair(number))
        assert quick.read().lost == 0
    batch = slow.read()
    assert batch.rows["number"].tolist() == [7, 8, 9, 10]
    assert batch.lost == slow.lost == 7
    ring.append(pair(11))
    assert slow.read().lost == 0


def test_a_new_reader_starts_at_the_newest_row() -> None:
    ring = RingBuffer(PAIR, 4)
    ring.append(pair(0))
    reader = ring.reader()
    assert len(reader.read()) == 0
    ring.append(pair(1))
    assert reader.read().rows["number"].tolist() == [1]


def test_no_capacity_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        RingBuffer(PAIR, 0)


def test_closing_wakes_a_reader_and_keeps_what_was_written() -> None:
    ring = RingBuffer(PAIR, 4)
    reader = ring.reader()
    assert not reader.wait(0.01)
    ring.append(pair(5))
    timer = threading.Timer(0.05, ring.close)
    reader.read()
    timer.start()
    assert reader.wait(10.0) and ring.closed
    timer.join()
    assert not ring.append(pair(6)) and len(reader.read()) == 0


@pytest.mark.parametrize("overflow", list(Overflow))
def test_a_fast_writer_tears_no_row(overflow: Overflow) -> None:
    count = 20_000
    ring = RingBuffer(PAIR, 8, overflow)
    reader = ring.reader()
    writer = threading.Thread(target=lambda: [ring.append(pair(number)) for number in range(count)])
    writer.start()
    seen: list[int] = []
    lost = 0
    while len(seen) + lost < count:
        assert reader.wait(10.0)
        batch = reader.read()
        lost += batch.lost
        assert (batch.rows["copies"] == batch.rows["number"][:, None]).all()
        seen += batch.rows["number"].tolist()
    writer.join()
    assert seen == sorted(set(seen))
    if overflow is Overflow.WAIT:
        assert lost == 0 and seen == list(range(count))


def test_a_waiting_writer_is_freed_when_the_ring_closes() -> None:
    ring = RingBuffer(PAIR, 2, Overflow.WAIT)
    ring.reader()
    results: list[bool] = []
    writer = threading.Thread(target=lambda: results.extend(ring.append(pair(number)) for number in range(3)))
    writer.start()
    writer.join(0.1)
    assert writer.is_alive() and ring.written == 2
    ring.close()
    writer.join(10.0)
    assert results == [True, True, False]


def test_a_motion_comes_back_as_it_was() -> None:
    position = np.random.default_rng(3).normal(size=(12, 2)).astype(np.float32)
    position[4] = np.nan
    axis = np.array([0.1, -0.2], np.float32)
    motion = FrameMotion(index=7, time_s=1 / 3, valid=True, position_iod=position, quality=0.1, axis=axis)
    ring = RingBuffer(MOTION_ROW, 2)
    reader = ring.reader()
    ring.append(motion_row(motion, taken_s=9.5, seen_s=9.7))
    row = reader.read().rows[0]
    back = row_motion(row)
    assert (back.index, back.time_s, back.valid, back.quality) == (7, 1 / 3, True, 0.1)
    assert (row["taken_s"], row["seen_s"]) == (9.5, 9.7)
    np.testing.assert_array_equal(back.position_iod, position)
    np.testing.assert_array_equal(back.axis, axis)
