"""Sentences on what a person should know of a recording that was opened."""

from __future__ import annotations

from app.gui.text import lost_much, network_name, of_frames
from app.session.reader import FrameTable
from app.session.schema import ModelInfo


def not_analysed(frames: FrameTable) -> tuple[str, bool]:
    """How many frames were lost before they were looked at, and whether that is many; empty where there are none."""
    lost = len(frames) - int(frames.analysed.sum())
    if not lost:
        return "", False
    total = len(frames)
    return f"{of_frames(lost, total)} were not analysed: the computer was too slow.", lost_much(lost, total)


def scored_again(model: ModelInfo) -> str:
    """What another network has changed, and what it has not."""
    return (
        f"Scored again by {network_name(model.file)}: what you accepted, rejected and added stayed; the thresholds are "
        "this network's, and earlier steps cannot be undone."
    )
