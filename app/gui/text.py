"""How numbers and tips are written for people."""

from __future__ import annotations

import textwrap

from models.assets import LAB_SPOTTER, SPOTTER
from models.types import ExpressionType, Interval

MICRO_LIMIT_S = 0.5
"""Durations up to here are shown in milliseconds."""

TIP_COLUMNS = 64
"""Letters in a line of a tool tip."""


def clock(time_s: float, decimals: int = 0) -> str:
    """``75.5`` -> ``1:15`` or, with two decimals, ``1:15.50``; hours only where there are any."""
    sign = "-" if time_s < 0 else ""
    whole, rest = divmod(round(abs(time_s) * 10**decimals), 10**decimals)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return f"{sign}{head}.{rest:0{decimals}d}" if decimals else sign + head


def duration(seconds: float) -> str:
    """Milliseconds for what is as short as a micro-expression, else seconds."""
    return f"{seconds * 1000:.0f} ms" if seconds <= MICRO_LIMIT_S + 1e-6 else f"{seconds:.2f} s"


def kind_name(kind: ExpressionType) -> str:
    """``Macro`` or ``Micro``."""
    return "Macro" if kind is ExpressionType.MACRO else "Micro"


def size(size_bytes: int) -> str:
    """``4.2 MB`` or ``38.1 GB``, of 1024 times 1024 bytes and so on."""
    mib = size_bytes / 1024**2
    return f"{mib:.1f} MB" if mib < 1024 else f"{mib / 1024:.1f} GB"


def counted(count: int, noun: str) -> str:
    """``1 point``, ``2 points``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


LOSS_TOLERATED = 0.05
"""Share of a recording's frames that may go unanalysed before that is told as a warning."""


def lost_much(lost: int, frames: int) -> bool:
    """Whether so many frames were not analysed that curves and intervals miss much."""
    return lost > LOSS_TOLERATED * frames


def of_frames(lost: int, frames: int) -> str:
    """``2 of 900 frames``."""
    return f"{lost} of {counted(frames, 'frame')}"


def tally(intervals: tuple[Interval, ...]) -> str:
    """``3 macro, 2 micro``."""
    macro = sum(interval.type is ExpressionType.MACRO for interval in intervals)
    return f"{macro} macro, {len(intervals) - macro} micro"


def network_name(file: str) -> str:
    """What people call the network in a model file."""
    names = {SPOTTER: "the usual network", LAB_SPOTTER: "the network for laboratory recordings"}
    return names.get(file, f"the network {file}")


def shortened(name: str, characters: int) -> str:
    """A name with an ellipsis in its middle where it is longer; its end tells most."""
    if len(name) <= characters:
        return name
    head = characters // 3
    return f"{name[:head]}…{name[len(name) - (characters - head - 1) :]}"


def tip(sentences: str) -> str:
    """A tool tip in lines: Qt shows plain text in a single one, however long."""
    return textwrap.fill(sentences, TIP_COLUMNS, break_long_words=False)
