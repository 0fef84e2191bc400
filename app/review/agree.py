"""How far two coders agree: hits of intervals, and Cohen's kappa per frame.

An interval of B is a hit if its overlap (IoU) with a not yet matched one of A of the same type is at least 0.5, the
best overlaps first. A is the reference: precision is the share of B's intervals that are hits, recall that of A's.
Frames that either coder excluded do not count, nor do intervals whose apex lies there.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.review.saved import frames_iou
from app.review.state import Status
from app.session.reader import FrameTable, Session, StoredInterval
from app.tables import whole_file
from models.errors import DataError
from models.types import ExpressionType, Interval

HIT_IOU = 0.5

COLUMNS = ("type", "a", "b", "hits", "precision", "recall", "f1", "kappa", "frames")

_SAME_TIME_S = 1e-3

Labels = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Agreement:
    """a, b: intervals of each coder. kappa: per frame; ``None`` where both call every frame the same thing."""

    name: str
    a: int
    b: int
    hits: int
    kappa: float | None
    frames: int

    @property
    def precision(self) -> float | None:
        """Hits among B's intervals."""
        return self.hits / self.b if self.b else None

    @property
    def recall(self) -> float | None:
        """Hits among A's intervals."""
        return self.hits / self.a if self.a else None

    @property
    def f1(self) -> float | None:
        """Twice the hits over the intervals of both."""
        return 2 * self.hits / (self.a + self.b) if self.a + self.b else None


def agreement(a: Session, b: Session, *, touched_only: bool = False) -> tuple[Agreement, ...]:
    """Agreement for macro, micro, and both together; a frame's label is then none, macro, micro or both at once.

    touched_only: only intervals that a coder accepted or made count, not those that nobody looked at.

    Raises:
        DataError: they are not of the same recording.
    """
    _check_same(a, b)
    counts = ~(_excluded(a) | _excluded(b))
    mine = [_counting(session, counts, touched_only) for session in (a, b)]
    labels = [_labels(intervals, a.frames)[:, counts] for intervals in mine]
    result = []
    total_hits = 0
    for row, type_ in enumerate(ExpressionType):
        of_type = [[i for i in intervals if i.type is type_] for intervals in mine]
        hits = count_hits(*of_type)
        total_hits += hits
        kappa = cohens_kappa(labels[0][row], labels[1][row])
        result.append(Agreement(type_.value, len(of_type[0]), len(of_type[1]), hits, kappa, int(counts.sum())))
    together = [2 * both[1] + both[0] for both in labels]
    kappa = cohens_kappa(together[0], together[1])
    result.append(Agreement("both", len(mine[0]), len(mine[1]), total_hits, kappa, int(counts.sum())))
    return tuple(result)


def count_hits(a: list[Interval], b: list[Interval]) -> int:
    """Pairs of intervals that are one; each is in one pair at most."""
    pairs = sorted(
        ((frames_iou(x, y), i, j) for i, x in enumerate(a) for j, y in enumerate(b)), key=lambda p: (-p[0], p[1], p[2])
    )
    taken_a: set[int] = set()
    taken_b: set[int] = set()
    for overlap, i, j in pairs:
        if overlap >= HIT_IOU and i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
    return len(taken_a)


def cohens_kappa(a: Labels, b: Labels) -> float | None:
    """Cohen's kappa (1960) of two label sequences; ``None`` where it is not defined: no frame, or one label alone."""
    if not len(a):
        return None
    names = np.union1d(a, b)
    observed = float(np.mean(a == b))
    by_chance = float(sum(np.mean(a == name) * np.mean(b == name) for name in names))
    return None if by_chance >= 1.0 else (observed - by_chance) / (1.0 - by_chance)


def write_agreement(path: Path, rows: tuple[Agreement, ...]) -> None:
    """Write the table as CSV; what is not defined is empty.

    Raises:
        OutputError: it cannot be written.
    """
    with whole_file(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for row in rows:
            shares = (row.precision, row.recall, row.f1, row.kappa)
            cells = ("" if value is None else f"{value:.4f}" for value in shares)
            table.writerow((row.name, row.a, row.b, row.hits, *cells, row.frames))


def _check_same(a: Session, b: Session) -> None:
    same = len(a.frames) == len(b.frames) and np.array_equal(a.frames.index, b.frames.index)
    if not same or not np.allclose(a.frames.time_s, b.frames.time_s, rtol=0.0, atol=_SAME_TIME_S):
        raise DataError(
            f"{a.folder} and {b.folder} are not of the same recording: their frames differ; two coders work on copies "
            "of one session, or each on the same video."
        )


def _excluded(session: Session) -> NDArray[np.bool_]:
    excluded = np.zeros(len(session.frames), np.bool_)
    for e in session.exclusions:
        excluded |= (session.frames.index >= e.start_frame) & (session.frames.index <= e.end_frame)
    return excluded


def _counting(session: Session, counts: NDArray[np.bool_], touched_only: bool) -> list[Interval]:
    frames = session.frames.index
    # the source may have lost the very frame; the next one stands for it
    kept = {int(frame) for frame in frames[counts]}
    wanted = (Status.ACCEPTED,) if touched_only else (Status.ACCEPTED, Status.FOUND)

    def counted(row: StoredInterval) -> bool:
        at = min(int(np.searchsorted(frames, row.interval.apex_frame)), len(frames) - 1)
        return row.status in wanted and int(frames[at]) in kept

    return [row.interval for row in session.intervals if counted(row)]


def _labels(intervals: list[Interval], frames: FrameTable) -> Labels:
    """(2, N): whether each frame lies in a macro, and in a micro."""
    labels = np.zeros((len(ExpressionType), len(frames)), np.int8)
    for interval in intervals:
        row = list(ExpressionType).index(interval.type)
        labels[row, (frames.index >= interval.onset_frame) & (frames.index <= interval.offset_frame)] = 1
    return labels
