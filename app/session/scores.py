"""``scores.npy``: the scores on the model's grid, kept when a session ends, so that it is decoded again at once.

Nothing is lost without it: the scores follow from ``features.npy`` and the model.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from app.session.schema import SCORES_FILE
from models.types import Scores

log = logging.getLogger(__name__)

SCORE_ROW = np.dtype(
    [
        ("time_s", "<f8"),
        ("valid", "?"),
        ("intensity", "<f4"),
        ("macro", "<f4"),
        ("micro", "<f4"),
        ("quality", "<f4"),
    ]
)
"""A point of the grid."""


def keep_scores(folder: Path, scores: Scores) -> None:
    """Write the scores of a session; where that fails there are none, which is no loss."""
    rows = np.empty(len(scores), SCORE_ROW)
    for name in SCORE_ROW.names or ():
        rows[name] = getattr(scores, name)
    partial = folder / f".{SCORES_FILE}"
    try:
        with partial.open("wb") as file:
            np.save(file, rows, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / SCORES_FILE)
    except OSError as error:
        log.info("%s keeps no scores: %s", folder, error)
        with suppress(OSError):
            partial.unlink()


def kept_scores(folder: Path) -> Scores | None:
    """The scores that were kept; ``None`` where there are none, or the file is not whole."""
    try:
        with (folder / SCORES_FILE).open("rb") as file:
            rows = np.load(file, allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return None
    if rows.dtype != SCORE_ROW or rows.ndim != 1:
        return None
    return Scores(*(np.ascontiguousarray(rows[name]) for name in SCORE_ROW.names or ()))
