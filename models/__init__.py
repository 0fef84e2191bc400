"""Perception and spotting: frame -> landmarks -> region motion -> scores -> intervals.

    from models import analyze
    intervals = analyze("interview.mp4").intervals_table()

This package knows neither Qt nor the application; only ``models.network`` imports torch, and nothing but
``training`` imports that. ``import models`` alone loads nothing heavy: the names below come when they are asked for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.api import Analysis, FrameScore, analyze

__all__ = ["Analysis", "FrameScore", "analyze"]

# ONNX Runtime from 1.29 on reports to its maker over HTTPS some ten seconds after its import, and keeps an identifier
# of the machine in the cache folder of the user. Only this variable, set before the import, stops both (see its
# Privacy.md); disable_telemetry_events() comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def __getattr__(name: str) -> Any:
    if name in __all__:
        import models.api

        return getattr(models.api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
