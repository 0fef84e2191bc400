"""The final scores of the last minutes, in bounded memory."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from models.types import GRID_HZ, Scores

_FIELDS = tuple(field.name for field in fields(Scores))


class ScoreHistory:
    """Keeps the newest ``span_s`` seconds of final scores, and at most twice that.

    ``scores()`` costs nothing: it hands out read-only views. A row, once written, is never written again; when a
    block of memory is full the newest rows move to a fresh one, and views of the old block stay as they were.
    """

    def __init__(self, span_s: float) -> None:
        self._keep = round(span_s * GRID_HZ)
        self._count = 0
        self._block = self._new_block(2 * self._keep)

    @staticmethod
    def _new_block(rows: int) -> dict[str, NDArray[np.generic]]:
        return {name: np.zeros(rows, getattr(Scores.empty(), name).dtype) for name in _FIELDS}

    def extend(self, scores: Scores) -> None:
        """Add scores that follow those already kept."""
        added = len(scores)
        if added == 0:
            return
        if self._count + added > 2 * self._keep:
            kept = min(self._count, self._keep)
            block = self._new_block(max(2 * self._keep, kept + added))
            for name in _FIELDS:
                block[name][:kept] = self._block[name][self._count - kept : self._count]
            self._block, self._count = block, kept
        for name in _FIELDS:
            self._block[name][self._count : self._count + added] = getattr(scores, name)
        self._count += added

    def scores(self) -> Scores:
        """What is kept, oldest first."""
        views = {}
        for name in _FIELDS:
            view = self._block[name][: self._count]
            view.flags.writeable = False
            views[name] = view
        return Scores(**views)  # type: ignore[arg-type]  # the fields' own types, by construction
