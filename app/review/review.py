"""One opened recording, what a person does with it, and the history of that."""

from __future__ import annotations

from pathlib import Path

from app.review.state import ReviewState, Thresholds
from app.session.reader import FrameTable, Session
from models.types import ExpressionType, Interval


class Review:
    """One opened recording and its history of edits. Used from one thread; every edit is on the disk when it returns.

    Times given are snapped to the nearest frame. Every edit raises ``UsageError`` for what makes no sense, and
    ``OutputError`` where it cannot be saved; nothing has changed then.

    Attributes:
        folder: the session's folder.
        session: what was recorded, as it stood when it was opened.
        frames: a row per source frame.
        state: what counts now.
        revision: grows with each change of ``state``.
        read_only: why nothing can be changed, a sentence; ``None`` where it can.
    """

    folder: Path
    session: Session
    frames: FrameTable
    state: ReviewState
    revision: int
    read_only: str | None

    @staticmethod
    def open(folder: Path) -> Review:
        """Open a session folder.

        Raises:
            DataError, UsageError: it is no session, or is damaged.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let another window edit the session; harmless when repeated. Nothing is lost without it."""
        raise NotImplementedError

    def accept(self, id: int) -> None:
        raise NotImplementedError

    def reject(self, id: int) -> None:
        raise NotImplementedError

    def retype(self, id: int, type_: ExpressionType) -> int:
        raise NotImplementedError

    def move(
        self, id: int, onset_s: float | None = None, apex_s: float | None = None, offset_s: float | None = None
    ) -> int:
        raise NotImplementedError

    def add_interval(self, type_: ExpressionType, onset_s: float, apex_s: float, offset_s: float) -> int:
        raise NotImplementedError

    def remove_interval(self, id: int) -> None:
        raise NotImplementedError

    def reset(self, id: int) -> None:
        raise NotImplementedError

    def add_point(self, time_s: float, type_: ExpressionType) -> int:
        raise NotImplementedError

    def move_point(self, id: int, time_s: float) -> None:
        raise NotImplementedError

    def retype_point(self, id: int, type_: ExpressionType) -> None:
        raise NotImplementedError

    def remove_point(self, id: int) -> None:
        raise NotImplementedError

    def exclude(self, start_s: float, end_s: float, reason: str = "") -> int:
        raise NotImplementedError

    def include_again(self, id: int) -> None:
        raise NotImplementedError

    def preview(self, thresholds: Thresholds) -> tuple[Interval, ...]:
        raise NotImplementedError

    def set_thresholds(self, thresholds: Thresholds) -> None:
        raise NotImplementedError

    def undo(self) -> str | None:
        raise NotImplementedError

    def redo(self) -> str | None:
        raise NotImplementedError

    @property
    def undo_text(self) -> str | None:
        raise NotImplementedError

    @property
    def redo_text(self) -> str | None:
        raise NotImplementedError

    def frame_at(self, time_s: float) -> int:
        raise NotImplementedError
