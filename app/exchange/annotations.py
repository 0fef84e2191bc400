"""Exports to annotation programs with tiers: ELAN's ``.eaf`` (pympi) and Praat's TextGrid (praatio).

Times there count from the video's first picture. A tier holds no two annotations at once, so what overlaps within
one type goes into a further tier (``macro 2``). Apex, score, number and status stand in an annotation's text, from
which the import reads the apex again.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from praatio import textgrid
from pympi.Elan import Eaf

from app.exchange.files import plain_text, whole_path
from app.exchange.recording import Recording
from app.session.reader import StoredInterval
from app.tables import resolved
from models.types import ExpressionType

POINT_TIER = "points"
EXCLUSION_TIER = "exclusions"
EVENT_TIER = "events"
EXCLUDED = "excluded"

_LEAST_MS = 1
"""Neither program takes an annotation without length."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An annotation: milliseconds from the video's first picture, and its text."""

    start_ms: int
    end_ms: int
    text: str


def video_ms(recording: Recording, time_s: float) -> int:
    """A time of the recording as milliseconds from the video's first picture."""
    return max(0, round((time_s - recording.first_s) * 1000))


def note(recording: Recording, stored: StoredInterval) -> str:
    """What is said of an interval in its annotation: the apex as a time in the video, score, number and status."""
    i = stored.interval
    parts = [f"apex {video_ms(recording, i.apex_s) / 1000:.3f} s"]
    score = recording.score(stored)
    if not math.isnan(score):
        parts.append(f"score {score:.2f}")
    return plain_text(", ".join((*parts, f"no. {stored.id}", stored.source, stored.status)))


def tiers_of(recording: Recording) -> dict[str, list[Mark]]:
    """Tiers by name; the four that are always there come first. What has no length is given that of a frame."""
    groups: dict[str, list[Mark]] = {
        type_.value: [_interval_mark(recording, stored) for stored in recording.of(type_)] for type_ in ExpressionType
    }
    frame_ms = max(_LEAST_MS, round(recording.frame_s * 1000))
    points = [(video_ms(recording, point.time_s), point.type.value) for point in recording.points]
    groups[POINT_TIER] = [Mark(start, start + frame_ms, text) for start, text in points]
    groups[EXCLUSION_TIER] = [
        _mark(recording, excluded.start_s, excluded.end_s, plain_text(excluded.reason).strip() or EXCLUDED)
        for excluded in recording.exclusions
    ]
    if recording.events:
        events = [(video_ms(recording, event.time_s), plain_text(event.label)) for event in recording.events]
        groups[EVENT_TIER] = [Mark(start, start + frame_ms, text) for start, text in events]
    lanes = {name: _lanes(marks) for name, marks in groups.items()}
    tiers = {name: found[0] if found else [] for name, found in lanes.items()}
    for name, found in lanes.items():
        tiers |= {f"{name} {number}": lane for number, lane in enumerate(found[1:], start=2)}
    return tiers


def write_elan(recording: Recording, file: Path) -> None:
    """An ``.eaf`` with the video linked and one tier each for macro, micro, points, exclusions, and events if any.

    Raises:
        OutputError: it cannot be written.
    """
    document: Any = Eaf(author="apexspot")
    document.remove_tier("default")
    if recording.video is not None:
        video = resolved(recording.video)
        document.add_linked_file(_url(video), relpath=_relative(video, file.parent), mimetype=_mime(video))
    for name, marks in tiers_of(recording).items():
        document.add_tier(name, part=plain_text(recording.participant) or None)
        for mark in marks:
            document.add_annotation(name, mark.start_ms, mark.end_ms, mark.text)
    _order_slots(document)
    with whole_path(file) as partial:
        document.to_file(partial)


def write_textgrid(recording: Recording, file: Path) -> None:
    """A TextGrid with a tier for each type, gaps filled with empty intervals; points are a point tier.

    Raises:
        OutputError: it cannot be written.
    """
    tiers = tiers_of(recording)
    ends = [mark.end_ms for marks in tiers.values() for mark in marks]
    end_s = max([round(recording.end_s * 1000), *ends]) / 1000
    grid = textgrid.Textgrid(0.0, end_s)
    for name, marks in tiers.items():
        # praatio takes a bracket in a label for its own when it reads
        entries = [(m.start_ms / 1000, m.end_ms / 1000, m.text.replace("[", "(").replace("]", ")")) for m in marks]
        if name.startswith((POINT_TIER, EVENT_TIER)):
            points = [(start_s, text) for start_s, _, text in entries]
            grid.addTier(textgrid.PointTier(name, points, 0.0, end_s))
        else:
            grid.addTier(textgrid.IntervalTier(name, entries, 0.0, end_s))
    with whole_path(file) as partial:
        grid.save(str(partial), format="long_textgrid", includeBlankSpaces=True, reportingMode="error")


def _order_slots(document: Any) -> None:
    """Number the time slots in the order of their times, as the format wants them; pympi numbers them as they come."""
    in_order = sorted(document.timeslots.items(), key=lambda slot: slot[1])
    names = {old: f"ts{number}" for number, (old, _) in enumerate(in_order, start=1)}
    document.timeslots = {names[old]: time_ms for old, time_ms in in_order}
    for marks, *_ in document.tiers.values():
        for key, (start, end, *rest) in marks.items():
            marks[key] = (names[start], names[end], *rest)


def _interval_mark(recording: Recording, stored: StoredInterval) -> Mark:
    i = stored.interval
    return _mark(recording, i.onset_s, i.offset_s, note(recording, stored))


def _mark(recording: Recording, start_s: float, end_s: float, text: str) -> Mark:
    start_ms = video_ms(recording, start_s)
    return Mark(start_ms, max(start_ms + _LEAST_MS, video_ms(recording, end_s)), text)


def _lanes(marks: Iterable[Mark]) -> list[list[Mark]]:
    """Marks spread so that no two of a lane overlap; touching is allowed."""
    lanes: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: (mark.start_ms, mark.end_ms)):
        for lane in lanes:
            if lane[-1].end_ms <= mark.start_ms:
                lane.append(mark)
                break
        else:
            lanes.append([mark])
    return lanes


def _url(video: Path) -> str:
    # ELAN takes what stands behind "file:" for a path as it is, without percent signs for blanks
    url = f"file:///{video.as_posix().lstrip('/')}"
    return url if _fits_xml(url) else video.as_uri()


def _relative(video: Path, folder: Path) -> str | None:
    try:
        relative = Path(os.path.relpath(video, resolved(folder))).as_posix()
    except ValueError:  # another drive
        return None
    relative = relative if relative.startswith(".") else f"./{relative}"
    return relative if _fits_xml(relative) else quote(os.fsencode(relative))


def _fits_xml(text: str) -> bool:
    """Whether XML can hold it; not so a name whose bytes are no UTF-8, which must be written with percent signs."""
    return plain_text(text) == text


def _mime(video: Path) -> str:
    known = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".mpg": "video/mpeg"}
    return known.get(video.suffix.lower(), "video/*")
