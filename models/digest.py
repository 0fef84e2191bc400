"""What a result depends on, in a few characters: the recording's content and the code that looked at it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from models.assets import FACE_LANDMARKER_SHA256
from models.errors import DataError

_PERCEPTION = ("video.py", "face.py", "flow.py", "rigid.py", "perception*.py")
_SCORING = ("grid.py", "baseline.py", "decode.py", "islands.py", "speech.py", "departure.py", "analyzer.py")


def perception_digest() -> str:
    """Changes with the code and the landmark model that perception consists of."""
    return _digest(_PERCEPTION, FACE_LANDMARKER_SHA256)


def scoring_digest() -> str:
    """Changes with the code that makes intervals of perception's features; the network has a SHA-256 of its own."""
    return _digest(_SCORING, "")


def content_sha256(path: Path) -> str:
    """SHA-256 of a file's content, read piece by piece.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from error


def _digest(patterns: tuple[str, ...], more: str) -> str:
    folder = Path(__file__).parent
    files = sorted(path for pattern in patterns for path in folder.glob(pattern))
    content = b"".join(path.read_bytes() for path in files) + more.encode()
    return hashlib.sha256(content).hexdigest()[:16]
