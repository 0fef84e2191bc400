"""Reading annotation programs with tiers: ELAN's ``.eaf`` (pympi) and Praat's TextGrid (praatio)."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from praatio import textgrid
from praatio.utilities.errors import PraatioException
from pympi.Elan import Eaf

from app.exchange.annotations import EVENT_TIER, EXCLUSION_TIER, POINT_TIER
from app.exchange.labels import Label
from app.tables import is_file
from models.errors import DataError, UsageError

_SIZE_CAP_BYTES = 256 * 1024 * 1024
_APEX = re.compile(r"\bapex (\d+(?:\.\d+)?) s\b")
"""What our export writes into an annotation's text."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What a file holds. video: name of the video that it belongs to, empty where it does not say.

    clock: whether times are those of the recording's own clock; else they count from the video's first picture.
    in_frames: whether they are frames, from 0, instead of seconds.
    """

    labels: tuple[Label, ...]
    video: str = ""
    clock: bool = False
    in_frames: bool = False


def check_readable(path: Path) -> None:
    """See that there is such a file, of a sensible size.

    Raises:
        UsageError, DataError: there is not.
    """
    if not is_file(path):
        raise UsageError(f"There is no file {path}.")
    try:
        if path.stat().st_size > _SIZE_CAP_BYTES:
            raise DataError(f"{path} is far too large for such a file.")
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error


def read_elan(path: Path) -> Labels:
    """Tiers of an ``.eaf``; an annotation without times of its own (a dependent tier's) has those of its parent.

    Raises:
        UsageError, DataError: it cannot be read.
    """
    check_readable(path)
    try:
        document: Any = Eaf(str(path), suppress_version_warning=True)
        media = document.get_linked_files()
        # ELAN counts from this moment of the medium
        origin_ms = int((media[0].get("TIME_ORIGIN") or 0) if media else 0)
        labels = [
            label
            for tier in document.get_tier_names()
            for label in _elan_tier(tier, document.get_annotation_data_for_tier(tier), origin_ms)
        ]
    except Exception as error:  # pympi lets through whatever a broken file brings about
        raise DataError(f"{path} is no .eaf that can be read, or it is damaged; does ELAN open it?") from error
    url = str(media[0].get("MEDIA_URL") or "") if media else ""
    return Labels(tuple(labels), unquote(url.rpartition("/")[2]))


def _elan_tier(tier: str, rows: list[tuple[Any, ...]], origin_ms: int) -> list[Label]:
    labels = []
    for number, (start_ms, end_ms, value, *_) in enumerate(rows, start=1):
        if start_ms is None or end_ms is None:  # ELAN lays such an annotation between its neighbours by eye
            continue
        where = f"tier {tier}, annotation {number}"
        labels.append(_label(tier, str(value or ""), (start_ms + origin_ms) / 1000, (end_ms + origin_ms) / 1000, where))
    return labels


def read_textgrid(path: Path) -> Labels:
    """Tiers of a TextGrid, empty intervals left out.

    Raises:
        UsageError, DataError: it cannot be read.
    """
    check_readable(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            grid: Any = textgrid.openTextgrid(
                str(path), includeEmptyIntervals=False, reportingMode="silence", duplicateNamesMode="rename"
            )
        labels = []
        for tier in grid.tiers:
            for number, entry in enumerate(tier.entries, start=1):
                where = f"tier {tier.name}, entry {number}"
                start_s, end_s = (entry[0], entry[1]) if len(entry) == 3 else (entry[0], None)
                labels.append(_label(tier.name, entry[-1], float(start_s), end_s, where))
    except (PraatioException, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no TextGrid that can be read, or it is damaged; does Praat open it?") from error
    return Labels(tuple(labels))


def _label(tier: str, text: str, start_s: float, end_s: float | None, where: str) -> Label:
    kind = tier.strip().casefold()
    if kind.startswith(POINT_TIER):
        return Label((text,), start_s, None, None, where)
    if kind.startswith((EXCLUSION_TIER, EVENT_TIER)):  # whatever stands there, it is no expression
        return Label((tier,), start_s, end_s, None, where)
    apex_s = None if end_s is None else apex_in(text, start_s, end_s)
    return Label((tier, text), start_s, end_s, apex_s, where)


def apex_in(text: str, start_s: float, end_s: float) -> float | None:
    """The apex that our export wrote into the text of a stretch, None where there is none inside of it."""
    if (match := _APEX.search(text)) is None:
        return None
    apex_s = float(match[1])
    # the stretch may have been dragged since; an apex outside it says nothing any more
    return apex_s if start_s - 1e-6 <= apex_s <= end_s + 1e-6 else None
