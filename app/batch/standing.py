"""What there is of a video's results: nothing, what a new run would give, or something else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

from app.spot import Method, SpotFiles
from app.tables import existing
from models.digest import content_sha256
from models.errors import DataError


class State(Enum):
    FREE = auto()
    """Nothing is there, or a part of what a run that was cut off has left."""
    DONE = auto()
    """The same recording, seen and scored in the same way."""
    OTHER = auto()
    """Something that would be lost."""


@dataclass(frozen=True, slots=True)
class Standing:
    """reason: where it is something else, what. summary: NAME.json of what is done."""

    state: State
    reason: str = ""
    summary: dict[str, Any] | None = None


def standing(video: Path, files: SpotFiles, method: Method, *, unchanged: bool) -> Standing:
    """Compare what is there with what a run would make.

    The recording is compared by its content, so it may have been renamed or moved. Tables that were changed by hand
    are taken as they are where all are there, but where ``unchanged`` is asked for; where one is gone, they would be
    lost.
    """
    there = existing(files.all())
    if not there:
        return Standing(State.FREE)
    summary = _read(files.summary)
    if summary is None:
        return Standing(State.OTHER, "no result that spot could go on from")
    if _part(summary, "model", "sha256") != method.model_sha256:
        return Standing(State.OTHER, "found by another model")
    if (_part(summary, "code", "perception"), _part(summary, "code", "scoring")) != (
        method.perception,
        method.scoring,
    ):
        return Standing(State.OTHER, "found by another version of apexspot")
    if (
        _part(summary, "settings", "least_motion_iod"),
        _part(summary, "settings", "least_motion_in_speech_iod"),
    ) != (method.least_motion_iod, method.least_motion_in_speech_iod):
        return Standing(State.OTHER, "found with another smallest movement")
    try:
        if summary.get("video_sha256") != content_sha256(video):
            return Standing(State.OTHER, "of another recording")
    except DataError:
        return Standing(State.FREE)  # it will be said when its turn comes, and nothing is written then
    tables = {"intervals_sha256": files.intervals, "frames_sha256": files.frames}
    incomplete = len(there) < len(files.all())
    # what a run that was cut off has left is as it was written; anything else is somebody's work
    if (incomplete or unchanged) and any(
        _part(summary, "tables", key) != _content(path) for key, path in tables.items() if path in there
    ):
        return Standing(State.OTHER, "changed since")
    return Standing(State.FREE) if incomplete else Standing(State.DONE, summary=summary)


def _content(path: Path) -> str | None:
    try:
        return content_sha256(path)
    except DataError:
        return None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        summary = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) else None


def _part(summary: dict[str, Any], group: str, key: str) -> object:
    values = summary.get(group)
    return values.get(key) if isinstance(values, dict) else None
