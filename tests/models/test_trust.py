"""What the analyzer refuses to report: motion within the noise, and a head that turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.analyzer import Analyzer
from models.decode import LEAST_MOTION_IOD, DecodeSettings, Found
from models.errors import UsageError
from models.islands import farthest_iod, largest_turn_rad, moves
from models.spotter import Spotter
from models.types import REGION_NAMES, FloatArray, FrameMotion, Interval

NOSE = [REGION_NAMES.index("nose bridge"), REGION_NAMES.index("nose tip")]


def test_distances_are_from_the_first_frame() -> None:
    position = np.ones((10, 12, 2), np.float32)
    position[5, 8] += (0.03, -0.04)
    position[7, NOSE[1]] += (0.0, 0.02)
    farthest, nose = farthest_iod(position)
    assert farthest == pytest.approx(0.05, abs=1e-6)
    assert nose == pytest.approx(0.02, abs=1e-6)


def smiles(size_iod: float, nose_share: float) -> FloatArray:
    """Smile-like movements of a given size every five seconds; the nose goes along by a share of it. (900, 12, 2)."""
    time_s = np.arange(900) / 30.0
    phase = np.clip((time_s % 5.0 - 2.0) / 1.2, 0.0, 1.0)
    profile = np.sin(np.pi * phase) ** 2 * size_iod
    position = np.random.default_rng(3).normal(0.0, 0.0002, (900, 12, 2)).astype(np.float32)
    for region, out in ((8, -0.8), (10, 0.8)):
        position[:, region, 0] += out * profile
        position[:, region, 1] -= 0.6 * profile
    position[:, NOSE[1], 0] += nose_share * profile
    return position


def spot(size_iod: float, nose_share: float, least_motion_iod: float | None = None) -> list[Interval]:
    analyzer = Analyzer(Spotter(use_gpu=False).with_least_motion(least_motion_iod))
    for i, position in enumerate(smiles(size_iod, nose_share)):
        analyzer.push(FrameMotion(i, i / 30.0, True, position, 1.0))
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


def turning(span_rad: float) -> FloatArray:
    """A face (600, 2) that looks ahead, turns from frame 270 on for a second, and stays there."""
    axis = np.zeros((600, 2), np.float32)
    axis[:, 0] = span_rad * np.clip((np.arange(600) - 270) / 30.0, 0.0, 1.0)
    return axis


def test_how_far_a_head_turned() -> None:
    axis = np.array([[0.1, 0.0], [0.4, 0.4], [0.1, -0.2], [np.nan, np.nan]], np.float32)
    assert largest_turn_rad(axis) == pytest.approx(0.5)
    assert largest_turn_rad(axis[::-1]) == 0.0, "where it looked at first is not known"
    assert largest_turn_rad(axis[:1]) == 0.0


@pytest.mark.parametrize(
    ("size_iod", "axis", "trusted"),
    [
        (0.03, turning(0.0), True),
        (0.03, turning(0.3), False),
        (0.03, turning(0.1), True),
        (0.12, turning(0.3), True),
        (0.03, np.full((600, 2), np.nan, np.float32), True),
        (0.03, None, True),
    ],
    ids=["a face at rest", "a turn", "a small turn", "a large movement", "not known", "nobody knows"],
)
def test_a_movement_that_a_turn_may_have_left_is_not_reported(
    size_iod: float, axis: FloatArray | None, trusted: bool
) -> None:
    position = np.zeros((600, 12, 2), np.float32)
    position[270:310, 0, 1] = size_iod
    settings = DecodeSettings(least_motion_turning_iod_rad=0.2)
    unasked = replace(settings, least_motion_turning_iod_rad=0.0)
    axis_of = None if axis is None else lambda first, end: axis[first:end]
    found = Found(0, 275, 290, 312, 0.9)
    assert moves(found, lambda first, end: position[first:end], settings, axis_of) is trusted
    late = Found(0, 420, 440, 460, 0.9)
    position[430:450, 0, 1] = 0.03
    assert moves(late, lambda first, end: position[first:end], settings, axis_of), "the turn is over"
    assert moves(found, lambda first, end: position[first:end], unasked, axis_of)


def test_where_the_face_looks_reaches_the_decoding() -> None:
    spotter = Spotter(use_gpu=False)
    asked = replace(spotter.spec.decode, least_motion_turning_iod_rad=0.5)
    spotter.spec = replace(spotter.spec, decode=asked)
    position = smiles(0.12, 0.0)
    turned = np.zeros((len(position), 2), np.float32)
    turned[:450, 0] = 0.2 * np.sin(np.arange(450) / 8.0)
    found = []
    for axis in (np.zeros_like(turned), turned):
        analyzer = Analyzer(spotter)
        for i, (here, there) in enumerate(zip(position, axis, strict=True)):
            analyzer.push(FrameMotion(i, i / 30.0, True, here, 1.0, None, there))
        found.append(list(analyzer.finish().intervals))
    at_rest, in_turns = found
    assert in_turns == [i for i in at_rest if i.onset_s > 15.0] and len(in_turns) < len(at_rest)


def test_nor_as_a_macro_where_the_nose_goes_along() -> None:
    assert [i for i in spot(0.12, 0.8) if i.type == "macro"] == []
