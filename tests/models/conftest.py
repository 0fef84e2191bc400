"""What tests of decoding share."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace

import pytest

from models.analyzer import Analyzer
from models.decode import ClassDecode, DecodeSettings
from models.spotter import Spotter
from models.types import FloatArray, FrameMotion

EVERYTHING = DecodeSettings(
    macro=ClassDecode(0.05, 15, 21, 0.35, 0.5, 1.8, 2.5, 300, 6, 99.0),
    micro=ClassDecode(0.05, 5, 7, 0.0, 1.0, 1.0, 99.0, 7, 1, 99.0),
    island=0.3,
)
"""Decoding that takes whatever moves."""


Spotted = list[tuple[str, int, int, int]]
"""Type, onset, apex and offset, in frames."""


@pytest.fixture
def spot_all() -> Callable[..., Spotted]:
    """Intervals of positions (T, 12, 2) at 30 Hz, scored every so many frames, or at once; with changes of decoding.

    lost: frames in which there is no face.
    """

    def spot(position: FloatArray, every: int | None = None, lost: Container[int] = (), **changes: float) -> Spotted:
        spotter = Spotter(use_gpu=False)
        settings: DecodeSettings = replace(EVERYTHING, **changes)  # type: ignore[arg-type]
        spotter.spec = replace(spotter.spec, decode=settings)
        analyzer, found = Analyzer(spotter), []
        for i, here in enumerate(position):
            analyzer.push(FrameMotion(i, i / 30.0, i not in lost, here, 1.0))
            if every is not None and i % every == every - 1:
                found += analyzer.update().intervals
        found += analyzer.finish().intervals
        return sorted((i.type.value, i.onset_frame, i.apex_frame, i.offset_frame) for i in found)

    return spot
