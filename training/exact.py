"""Recordings whose intervals are exact, as those of synthetic video: learned like drawn tracks, from their truth.

For coded recordings this is nothing: a coder's interval says little of how strong the expression was in between, and
training is to see points alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.errors import LabelError
from models.islands import farthest_iod
from models.types import ExpressionType, FloatArray
from training.actions import intensity_profile
from training.archive import load_data
from training.datasets import LabelledInterval, Recording
from training.ship import RENDERED_SHARE
from training.tracks import VISIBLE_MACRO_IOD, VISIBLE_MICRO_IOD, Track, TrackEvent


def exact_tracks(folder: Path) -> list[Track]:
    """Each recording of an archive with a raised cosine over each interval as its true strength.

    Raises:
        LabelError: the archive cannot be used, or no recording has an interval.
    """
    recordings = load_data(folder)
    if not any(r.intervals for r in recordings):
        raise LabelError(f"{folder} has no intervals, from which synthetic video is learned; see its intervals.csv.")
    return [_track(recording) for recording in recordings]


def beside(drawn: Sequence[Track], exact: Sequence[Track]) -> list[Track]:
    """Both together, weighted so that ``RENDERED_SHARE`` of the synthetic crops come from the exact recordings."""
    if not drawn or not exact:
        return [*drawn, *exact]
    weight = RENDERED_SHARE / (1.0 - RENDERED_SHARE) * sum(t.weight for t in drawn) / len(exact)
    return [*drawn, *(replace(t, weight=weight) for t in exact)]


def _track(recording: Recording) -> Track:
    frames = np.arange(len(recording.position_iod), dtype=np.float64)
    strength = np.zeros((len(frames), len(ExpressionType)), np.float32)
    events = []
    for interval in recording.intervals:
        # a movement of a few frames may have its apex on one of its ends
        onset, offset = interval.onset - 0.5, interval.offset + 0.5
        column = list(ExpressionType).index(interval.type)
        apex = float(min(max(interval.apex, interval.onset), interval.offset))
        profile = intensity_profile(frames, onset, apex, offset)
        strength[:, column] = np.maximum(strength[:, column], profile)
        visible = _visible(interval, recording.position_iod)
        events.append(TrackEvent(interval.type, interval.onset, interval.apex, interval.offset, visible))
    return Track(recording.position_iod, strength, tuple(events))


def _visible(interval: LabelledInterval, position_iod: FloatArray) -> bool:
    """Whether perception saw enough of it for a spotter to be asked for it."""
    farthest, _ = farthest_iod(position_iod[interval.onset : interval.offset + 1])
    return farthest >= (VISIBLE_MICRO_IOD if interval.type is ExpressionType.MICRO else VISIBLE_MACRO_IOD)
