"""What the analyzer refuses to report: motion within the noise, and a head that turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.analyzer import Analyzer
from models.decode import LEAST_MOTION_IOD
from models.errors import UsageError
from models.islands import farthest_iod
from models.spotter import Spotter
from models.types import REGION_NAMES, FrameMotion, Interval

NOSE = [REGION_NAMES.index("nose bridge"), REGION_NAMES.index("nose tip")]


def test_distances_are_from_the_first_frame() -> None:
    position = np.ones((10, 12, 2), np.float32)
    position[5, 8] += (0.03, -0.04)
    position[7, NOSE[1]] += (0.0, 0.02)
    farthest, nose = farthest_iod(position)
    assert farthest == pytest.approx(0.05, abs=1e-6)
    assert nose == pytest.approx(0.02, abs=1e-6)


def spot(size_iod: float, nose_share: float, least_motion_iod: float | None = None) -> list[Interval]:
    """Smile-like movements of a given size every five seconds; the nose goes along by a share of it."""
    time_s = np.arange(900) / 30.0
    phase = np.clip((time_s % 5.0 - 2.0) / 1.2, 0.0, 1.0)
    profile = np.sin(np.pi * phase) ** 2 * size_iod
    position = np.random.default_rng(3).normal(0.0, 0.0002, (900, 12, 2)).astype(np.float32)
    for region, out in ((8, -0.8), (10, 0.8)):
        position[:, region, 0] += out * profile
        position[:, region, 1] -= 0.6 * profile
    position[:, NOSE[1], 0] += nose_share * profile
    analyzer = Analyzer(Spotter(use_gpu=False).with_least_motion(least_motion_iod))
    for i, t in enumerate(time_s):
        analyzer.push(FrameMotion(i, float(t), True, position[i], 1.0))
    return list(analyzer.finish().intervals)


def test_a_plain_smile_is_found() -> None:
    assert len([i for i in spot(0.12, 0.0) if i.type == "macro"]) >= 5


def test_the_same_motion_within_the_noise_is_not() -> None:
    assert spot(0.4 * LEAST_MOTION_IOD, 0.0) == []


def test_the_smallest_movement_is_a_matter_of_choice() -> None:
    whole = spot(0.12, 0.0)
    assert whole and spot(0.12, 0.0, least_motion_iod=0.11) == whole
    assert spot(0.12, 0.0, least_motion_iod=0.13) == []
    assert Spotter(use_gpu=False).spec.decode.least_motion_iod == LEAST_MOTION_IOD


@pytest.mark.parametrize("size", [-0.01, 1.01, float("nan")])
def test_a_smallest_movement_that_makes_no_sense_is_refused(size: float) -> None:
    spotter = Spotter(use_gpu=False)
    for sizes in ((size, None), (None, size)):
        with pytest.raises(UsageError, match="between 0 and 1"):
            spotter.with_least_motion(*sizes)


def test_each_smallest_movement_is_chosen_by_itself() -> None:
    spotter = Spotter(use_gpu=False)
    own = spotter.spec.decode
    anywhere, in_speech = spotter.with_least_motion(0.02), spotter.with_least_motion(in_speech_iod=0.0)
    assert anywhere.spec.decode == replace(own, least_motion_iod=0.02)
    assert in_speech.spec.decode == replace(own, least_motion_in_speech_iod=0.0)
    assert spotter.spec.decode == own, "the model itself stays as it is"


def test_nor_as_a_macro_where_the_nose_goes_along() -> None:
    assert [i for i in spot(0.12, 0.8) if i.type == "macro"] == []
