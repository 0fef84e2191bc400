"""From any path to a session folder: a session itself, or a video that is analysed once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class AnalysisState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AnalysisProgress:
    """share: 0 to 1. left_s: None while it cannot be told. error: the sentence for the user where state is failed."""

    share: float
    left_s: float | None
    state: AnalysisState
    error: str | None


def session_for(path: Path) -> Path | None:
    raise NotImplementedError


class AnalysisJob:
    """Analyses a video on a thread. folder: the session folder, once state is done."""

    def __init__(self, video: Path) -> None:
        raise NotImplementedError

    folder: Path | None

    def start(self) -> None:
        raise NotImplementedError

    def progress(self) -> AnalysisProgress:
        raise NotImplementedError

    def cancel(self) -> None:
        raise NotImplementedError

    def join(self, timeout_s: float | None = None) -> None:
        raise NotImplementedError
