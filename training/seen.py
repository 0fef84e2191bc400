"""What perception saw in a video, kept in a file for the next run of a program that looks at the same videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.types import REGION_COUNT, FrameMotion


def save_seen(path: Path, seen: Sequence[FrameMotion]) -> None:
    """Write motions, without their faces, as ``.npz``."""
    np.savez(
        path,
        index=np.array([m.index for m in seen], np.int64),
        time_s=np.array([m.time_s for m in seen]),
        valid=np.array([m.valid for m in seen], np.bool_),
        position_iod=np.array([m.position_iod for m in seen], np.float32).reshape(-1, REGION_COUNT, 2),
        quality=np.array([m.quality for m in seen]),
        axis=np.array([m.axis for m in seen], np.float32).reshape(-1, 2),
    )


def load_seen(path: Path) -> list[FrameMotion]:
    """The motions that ``save_seen`` wrote."""
    with np.load(path, allow_pickle=False) as z:
        columns = [z[name] for name in ("index", "time_s", "valid", "position_iod", "quality", "axis")]
    return [
        FrameMotion(int(index), float(time_s), bool(valid), position, float(quality), None, axis)
        for index, time_s, valid, position, quality, axis in zip(*columns, strict=True)
    ]
