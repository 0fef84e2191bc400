"""Frame-exact random access to the pictures of a video."""

from __future__ import annotations

from pathlib import Path

from app.session.reader import FrameTable
from models.types import Image


class Pictures:
    """Exactly the picture of a frame. Used from one thread."""

    @staticmethod
    def open(video: Path, first_frame_s: float, frames: FrameTable) -> Pictures:
        raise NotImplementedError

    def picture(self, row: int) -> Image | None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
