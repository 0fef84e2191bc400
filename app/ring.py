"""A ring buffer of rows between one writing thread and any number of reading threads.

Overflow policy, chosen when the ring is made:

* ``Overflow.OVERWRITE`` (live): ``append`` never waits. A reader that falls more than ``capacity`` rows behind loses
  the oldest ones, and its next ``read`` says how many.
* ``Overflow.WAIT`` (nothing may be lost): ``append`` waits until every reader has taken the row it would overwrite.

No lock is held while rows are copied. One slot more than ``capacity`` exists, so the slot the writer may be filling
never counts as readable; after its copy a reader checks how far the writer has come meanwhile, and reports what was
overwritten as lost instead of handing out a torn row.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.types import REGION_COUNT, FrameMotion

MOTION_ROW = np.dtype(
    [
        ("index", np.int64),
        ("time_s", np.float64),
        ("valid", np.bool_),
        ("position_iod", np.float32, (REGION_COUNT, 2)),
        ("quality", np.float64),
        ("axis", np.float32, (2,)),
        ("taken_s", np.float64),
        ("seen_s", np.float64),
    ]
)
"""One ``FrameMotion`` without its face. Two times on the monotonic clock: ``taken_s`` when the frame left its source,
``seen_s`` when it was through perception."""


class Overflow(Enum):
    """What ``append`` does when a reader is a whole ring behind."""

    OVERWRITE = auto()
    WAIT = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows in the order they were written (a copy), and how many before them were overwritten unread."""

    rows: NDArray[np.void]
    lost: int

    def __len__(self) -> int:
        return len(self.rows)


class RingBuffer:
    """Fixed capacity, memory taken once, one writer, many readers; the module's docstring has the overflow policy."""

    def __init__(self, dtype: np.dtype[Any], capacity: int, overflow: Overflow = Overflow.OVERWRITE) -> None:
        """
        Raises:
            ValueError: ``capacity`` is less than one.
        """
        if capacity < 1:
            raise ValueError("a ring needs room for at least one row")
        self.capacity = capacity
        self.overflow = overflow
        self._slots: NDArray[np.void] = np.zeros(capacity + 1, dtype)
        self._written = 0
        self._closed = False
        self._changed = threading.Condition()
        self._readers: tuple[RingReader, ...] = ()

    @property
    def written(self) -> int:
        """Rows written since the ring was made."""
        return self._written

    @property
    def closed(self) -> bool:
        """True once no more rows will come."""
        return self._closed

    def reader(self) -> RingReader:
        """A new reader, which sees the rows written from now on."""
        with self._changed:
            reader = RingReader(self, self._written)
            self._readers = (*self._readers, reader)
        return reader

    def append(self, row: tuple[Any, ...]) -> bool:
        """Write one row, from the one writing thread only.

        Returns:
            False if the ring has been closed and the row was not written.
        """
        if self.overflow is Overflow.WAIT:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._has_room())
        if self._closed:
            return False
        sequence = self._written
        self._slots[sequence % len(self._slots)] = row
        self._written = sequence + 1  # after the row itself: a reader never sees a row that is half there
        with self._changed:
            self._changed.notify_all()
        return True

    def close(self) -> None:
        """No more rows will come: wakes whoever waits. What was written can still be read. Harmless when repeated."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return all(self._written - reader.position < self.capacity for reader in self._readers)


class RingReader:
    """One reader's place in a ring; used from one thread. Made by ``RingBuffer.reader``."""

    def __init__(self, ring: RingBuffer, position: int) -> None:
        self._ring = ring
        self._position = position
        self._lost = 0

    @property
    def position(self) -> int:
        """Number of the next row to read, counted from the first row ever written."""
        return self._position

    @property
    def lost(self) -> int:
        """Rows this reader has lost so far."""
        return self._lost

    def wait(self, timeout_s: float) -> bool:
        """Wait until a row is there or the ring is closed.

        Returns:
            False if ``timeout_s`` passed first.
        """
        ring = self._ring
        with ring._changed:
            return ring._changed.wait_for(lambda: ring._closed or ring._written > self._position, timeout_s)

    def read(self) -> Batch:
        """All rows that are there and not yet read, without waiting."""
        ring = self._ring
        end = ring._written
        begin = max(self._position, end - ring.capacity)
        rows = ring._slots[np.arange(begin, end) % len(ring._slots)]
        first_intact = max(begin, min(ring._written - ring.capacity, end))  # what was overwritten during the copy
        rows = rows[first_intact - begin :]
        lost = first_intact - self._position
        with ring._changed:
            self._position = end
            self._lost += lost
            if ring.overflow is Overflow.WAIT:
                ring._changed.notify_all()
        return Batch(rows, lost)


def motion_row(motion: FrameMotion, taken_s: float, seen_s: float) -> tuple[Any, ...]:
    """``motion`` as a row of dtype ``MOTION_ROW``."""
    seen = (motion.index, motion.time_s, motion.valid, motion.position_iod, motion.quality, motion.axis)
    return (*seen, taken_s, seen_s)


def row_motion(row: np.void) -> FrameMotion:
    """The ``FrameMotion`` that ``motion_row`` stored; its face is not kept."""
    return FrameMotion(
        index=int(row["index"]),
        time_s=float(row["time_s"]),
        valid=bool(row["valid"]),
        position_iod=np.array(row["position_iod"], np.float32),
        quality=float(row["quality"]),
        axis=np.array(row["axis"], np.float32),
    )
