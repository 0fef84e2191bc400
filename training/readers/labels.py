"""What every reader gives: recordings with their coded expressions, and sentences about what is missing.

Owners number frames from 1 and each leaves something out (an offset, an apex). Here the coded numbers become frames of
the recording at hand, counted from 0, both ends inclusive; what had to be completed is said, never hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.errors import LabelError
from models.types import ExpressionType
from training.listing import some, some_and_count
from training.readers.layout import Source

SLACK_FRAMES = 2
"""Coded frames may lie this far outside: a container's frame count is an estimate, and coders round."""

_RATE_TOLERANCE = 0.02
"""A file's own frame rate may differ by this share from its data set's: 29.97 is 30."""


@dataclass(frozen=True, slots=True)
class CodedInterval:
    """A coded expression in the recording's own frames, counted from 0, both ends inclusive.

    offset_source: ``coded``, or ``mirrored`` where the coder gave none (as far behind the apex as the onset is before).
    """

    onset: int
    apex: int
    offset: int
    type: ExpressionType
    au: str = ""
    emotion: str = ""
    offset_source: str = "coded"


@dataclass(frozen=True, slots=True)
class CodedPoint:
    """A point label: a time inside an expression, in seconds from the recording's first frame."""

    time_s: float
    type: ExpressionType


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about a data set. lost: whether labels or recordings cannot be used because of it."""

    sentence: str
    lost: bool


class GivenPoints:
    """The points that a person gave for one recording, as they are read. name: of the recording.

    A point that comes twice would be learned as two expressions and is a fault. Two types at one moment may be meant
    (micros lie inside macros), or be a slip.
    """

    def __init__(self, name: str) -> None:
        self.kept: list[CodedPoint] = []
        self._name = name
        self._where: dict[tuple[str, ExpressionType], str] = {}

    def add(self, where: str, point: CodedPoint, findings: list[Finding]) -> None:
        """Take in a point, or a finding if there is that one already. where: file and row, for the message."""
        time = f"{point.time_s:.4f}"  # as an archive has it
        if before := self._where.get((time, point.type)):
            same = f"the same {point.type.value} point of {self._name} ({point.time_s:g} s) as in {before}"
            findings.append(Finding(f"{where}: {same}; remove one of the rows.", lost=True))
            return
        for kind in ExpressionType:
            if before := self._where.get((time, kind)):
                findings.append(
                    Finding(
                        f"{where}: a {point.type.value} point of {self._name} ({point.time_s:g} s), and a {kind.value} "
                        f"point at the same moment in {before}; taken as two expressions, remove one if it is a slip.",
                        lost=False,
                    )
                )
        self._where[time, point.type] = where
        self.kept.append(point)


@dataclass(frozen=True, slots=True)
class RecordingLabels:
    """A recording that is there, and its labels.

    source: a video file, or a folder of numbered pictures that were taken at ``fps``.
    points: given by a person; where there are none they are drawn from intervals (``training.readers.points``).
    """

    name: str
    subject: str
    data_set: str
    source: Path
    fps: float
    intervals: tuple[CodedInterval, ...]
    points: tuple[CodedPoint, ...] = ()


def alike_subjects(recordings: Iterable[RecordingLabels]) -> list[Finding]:
    """A finding for each name of a person that is spelled in several ways: one would be tested on, another learned."""
    spelled: dict[str, set[str]] = defaultdict(set)
    for recording in recordings:
        if recording.subject != recording.name:
            spelled["".join(recording.subject.casefold().split())].add(recording.subject)
    return [
        Finding(
            f"The subjects {' and '.join(sorted(names))} are taken as different people; correct what is a slip.", False
        )
        for names in spelled.values()
        if len(names) > 1
    ]


@dataclass(frozen=True, slots=True)
class Reading:
    """A data set as read: the recordings that can be used, in order of name, and what is missing or was completed."""

    data_set: str
    recordings: tuple[RecordingLabels, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class CodedRow:
    """A row of an owner's table. Frame numbers as coded, ``None`` where there is none; row: as a spreadsheet counts."""

    row: int
    name: str
    subject: str
    onset: int | None
    apex: int | None
    offset: int | None
    type: ExpressionType
    au: str = ""
    emotion: str = ""


def join(
    data_set: str,
    fps: float,
    table: Path,
    root: Path,
    rows: Iterable[CodedRow],
    sources: Mapping[str, Source],
    *,
    subjects: Mapping[str, str],
    unlabelled: bool,
) -> Reading:
    """Bring rows and recordings together by name; ``subjects`` names the subject of each source.

    Recordings without a label are left out unless ``unlabelled`` is true: published counts leave them out as well. Left
    out are also video files whose frame rate is not ``fps``, at which the labels' frame numbers were counted.

    Raises:
        LabelError: none of the recordings that have labels is there.
    """
    by_name: dict[str, list[CodedRow]] = defaultdict(list)
    for row in rows:
        by_name[row.name].append(row)
    notes = _Notes(table)
    recordings = []
    wrong: dict[int, list[str]] = defaultdict(list)
    for name, source in sources.items():
        if name in by_name or unlabelled:
            if source.fps is not None and abs(source.fps / fps - 1.0) > _RATE_TOLERANCE:
                wrong[round(source.fps)].append(name)
                continue
            intervals = [i for row in by_name.get(name, []) if (i := _interval(row, source, notes)) is not None]
            intervals.sort(key=lambda i: (i.onset, i.offset))
            recordings.append(RecordingLabels(name, subjects[name], data_set, source.path, fps, tuple(intervals)))
    if not recordings and not wrong:
        raise LabelError(
            f"None of the recordings that {table} labels (such as {next(iter(by_name), 'none')}) is below {root}; "
            "please name the folder as its owner hands it out."
        )
    findings = notes.findings()
    for rate, unlike in wrong.items():
        findings.append(
            Finding(
                f"{_few(unlike)} below {root} at about {rate} frames a second, but {table.name} counts {fps:g}; left "
                "out, please take the files or pictures as their owner hands them out, or convert them at that rate.",
                lost=True,
            )
        )
    missing: dict[str, list[CodedRow]] = defaultdict(list)
    for name in sorted(set(by_name) - set(sources)):
        missing[by_name[name][0].subject] += by_name[name]
    for lacking in missing.values():
        names = ", ".join(dict.fromkeys(row.name for row in lacking))
        where = _rows([row.row for row in lacking])
        findings.append(
            Finding(f"{table.name}, {where}: no recording {names} below {root}; unpack it there, or go without.", True)
        )
    bare = sorted(set(sources) - set(by_name))
    if bare:
        done = "taken as free of expressions" if unlabelled else "left out (--unlabelled takes them in)"
        findings.append(
            Finding(f"{root}: {_few(bare)} without any label in {table.name}; {done}.", lost=False),
        )
    return Reading(data_set, tuple(sorted(recordings, key=lambda r: r.name)), tuple(findings))


class _Notes:
    """Collects what was done to rows, so that one sentence can speak of many."""

    def __init__(self, table: Path) -> None:
        self._table = table
        self._rows: dict[tuple[str, bool], list[int]] = defaultdict(list)

    def add(self, row: int, remark: str, *, lost: bool = False) -> None:
        self._rows[remark, lost].append(row)

    def findings(self) -> list[Finding]:
        return [
            Finding(f"{self._table.name}, {_rows(rows)}: {remark}.", lost)
            for (remark, lost), rows in self._rows.items()
        ]


def _interval(row: CodedRow, source: Source, notes: _Notes) -> CodedInterval | None:
    onset, apex, offset = row.onset, row.apex, row.offset
    offset_source = "coded"
    if onset is None:
        onset = source.first
        notes.add(row.row, "no onset; the recording's first frame is taken")
    if offset is None and apex is not None:
        offset = 2 * apex - onset
        offset_source = "mirrored"
        notes.add(row.row, "no offset; it is taken as far behind the apex as the onset lies before it")
    if offset is None or offset < onset:
        notes.add(row.row, "no offset, nor an apex behind the onset; left out, please correct it", lost=True)
        return None
    if apex is None:
        apex = (onset + offset) // 2
        notes.add(row.row, "no apex; the middle of the interval is taken")
    elif not onset <= apex <= offset:
        apex = min(max(apex, onset), offset)
        notes.add(row.row, "the apex lies outside its interval; the nearest end is taken")
    if onset < source.first - SLACK_FRAMES or onset > source.last + SLACK_FRAMES:
        notes.add(
            row.row,
            f"frame {onset} lies outside {row.name}, which runs from {source.first} to {source.last}; left out, "
            "please see that the recording is complete and at its full frame rate",
            lost=True,
        )
        return None
    if offset > source.last + SLACK_FRAMES:
        notes.add(row.row, f"offset {offset} lies behind the end of {row.name} ({source.last}) and is cut there")
    inside = [min(max(frame, source.first), source.last) - source.first for frame in (onset, apex, offset)]
    return CodedInterval(inside[0], inside[1], inside[2], row.type, row.au, row.emotion, offset_source)


def _rows(rows: list[int]) -> str:
    return ("row " if len(rows) == 1 else "rows ") + some([*map(str, rows)], most=40)


def _few(names: list[str]) -> str:
    return f"{len(names)} recording{'s' if len(names) > 1 else ''} ({some_and_count(names)})"
