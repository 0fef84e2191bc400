"""Movements that lead away from where a face usually is, and those that lead back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from models.decode import DecodeSettings, Found
from models.departure import LONGEST_LOSS_FRAMES, USUAL_BEFORE_FRAMES, away_iod, narrowed_iod
from models.islands import PAST_FRAMES, Past, departs, forms_words, moves, pasts, usual_position
from models.types import FloatArray

SpotAll = Callable[..., list[tuple[str, int, int, int]]]
APEX, HALF, END = 800, 20, 1000
CORNERS = (8, 10)
BROW = 2


def test_the_three_farthest_regions_count() -> None:
    usual = np.full((12, 2), 7.0, np.float32)
    position = usual.copy()
    position[0] += (0.03, 0.04)
    position[5] += (0.0, -0.02)
    position[11] += (0.05, 0.0)
    position[3] += (0.01, 0.0)
    assert away_iod(position, usual) == pytest.approx((0.05 + 0.02 + 0.05) / 3, abs=1e-6)


def corners(offsets: FloatArray) -> FloatArray:
    """A face (T, 12, 2) whose corners of the mouth stand so far out, in a coordinate system of any origin."""
    position = np.random.default_rng(5).normal(0.0, 0.0003, (len(offsets), 12, 2)).astype(np.float32)
    for region, out in zip(CORNERS, (-1.0, 1.0), strict=True):
        position[:, region, 0] += out * offsets
    return position + np.float32(3.0)


def bell(apex: int = APEX, half: int = HALF, frames: int = END) -> FloatArray:
    """1 at the apex, 0 from ``half`` frames before and after it on."""
    away = np.clip(np.abs(np.arange(frames) - apex) / half, 0.0, 1.0)
    return np.cos(0.5 * np.pi * away).astype(np.float32) ** 2


def departing(offsets: FloatArray, least: float = 1.0, apex: int = APEX) -> bool:
    position = corners(offsets)
    usual = usual_position(apex, lambda first, end: position[first:end])
    assert usual is not None
    return departs(Found(0, apex - HALF, apex, apex + HALF, 0.9), lambda first, end: position[first:end], usual, least)


def wide(first: int, end: int) -> FloatArray:
    """0.1 from one frame to before another, 0 otherwise."""
    offsets = np.zeros(END, np.float32)
    offsets[first:end] = 0.1
    return offsets


def test_a_smile_out_of_a_calm_face_departs() -> None:
    assert departing(0.1 * bell(), least=1.5)


def test_a_moment_of_calm_amid_a_smile_does_not() -> None:
    """The mouth has been wide for eight seconds, is calm for a moment, and wide again."""
    returned = wide(APEX - 240, END) * (1.0 - bell())
    assert not departing(returned)
    assert departing(returned, least=0.0), "nobody asks"


def test_where_the_mouth_has_rested_elsewhere_for_long_that_is_usual() -> None:
    assert departing(wide(0, END) * (1.0 - bell()), least=1.5)


def test_one_end_may_lie_in_another_expression() -> None:
    """A smile out of calm, and a wider one that begins before it is over; the nearer end is the onset."""
    offsets = 0.1 * bell()
    offsets[APEX + HALF :] = 0.15
    assert departing(offsets, least=1.5)
    offsets[: APEX - HALF + 1] = 0.15
    offsets[: APEX - 300] = 0.0
    assert not departing(offsets), "from a wide smile to a wider one: the face comes back meanwhile"


def test_a_face_that_was_not_seen_for_long_has_no_usual_position() -> None:
    """Then everything is believed of it."""
    asked = DecodeSettings(least_motion_in_speech_iod=0.01, least_departure_in_speech=1.0, narrow_in_speech_iod=0.04)
    returned = np.zeros(END, np.float32)
    early = USUAL_BEFORE_FRAMES - 1
    returned[early - 240 :] = 0.1
    for offsets in (returned * (1.0 - bell(early)), -0.06 * bell(early)):
        for late in (0, 1):
            position = talking(corners(np.roll(offsets, late)))
            found = Found(0, early + late - HALF, early + late, early + late + HALF, 0.9)
            believed = moves(found, lambda first, end, seen=position: seen[first:end], asked)
            assert believed is (late == 0)


def talking(position: FloatArray) -> FloatArray:
    """The same face with four syllables a second."""
    spoken = position.copy()
    spoken[:, 11, 1] += 0.03 * np.sin(4.0 * np.pi * np.arange(len(position)) / 30.0).astype(np.float32) ** 2
    return spoken


def test_it_is_asked_of_a_face_that_talks_and_of_no_other() -> None:
    silent = corners(wide(APEX - 240, END) * (1.0 - bell()))
    found = Found(0, APEX - HALF, APEX, APEX + HALF, 0.9)
    asked = DecodeSettings(least_motion_in_speech_iod=0.01, least_departure_in_speech=1.0)

    def believed(position: FloatArray, settings: DecodeSettings = asked) -> bool:
        return moves(found, lambda first, end: position[first:end], settings)

    assert believed(silent)
    assert not believed(talking(silent))
    assert believed(talking(corners(0.1 * bell())))
    assert believed(talking(silent), replace(asked, least_departure_in_speech=0.0))
    assert believed(talking(silent), replace(asked, least_motion_in_speech_iod=0.0)), "talk is like anything else"


def test_the_corners_of_the_mouth_tell_how_narrow_it_is() -> None:
    usual = corners(np.zeros(1, np.float32))[0]
    pursed = usual.copy()
    pursed[8] += (0.03, 0.05)
    pursed[10] += (-0.01, 0.05)
    assert narrowed_iod(pursed, usual) == pytest.approx(0.04, abs=1e-6)
    assert narrowed_iod(pursed + np.float32(0.2), usual) == pytest.approx(0.04, abs=1e-6), "the whole face aside"
    assert narrowed_iod(usual, pursed) == pytest.approx(-0.04, abs=1e-6)


def test_a_talking_mouth_drawn_together_forms_words_unless_the_brows_move() -> None:
    found = Found(0, APEX - HALF, APEX, APEX + HALF, 0.9)
    asked = DecodeSettings(least_motion_in_speech_iod=0.04, narrow_in_speech_iod=0.04)

    def believed(position: FloatArray, settings: DecodeSettings = asked) -> bool:
        return moves(found, lambda first, end: position[first:end], settings)

    pursed, smile = corners(-0.06 * bell()), corners(0.06 * bell())
    assert not believed(talking(pursed))
    assert believed(talking(smile))
    assert believed(pursed), "the face is silent"
    assert believed(talking(pursed), replace(asked, narrow_in_speech_iod=0.0)), "nobody asks"
    assert believed(talking(pursed), replace(asked, narrow_in_speech_iod=0.2)), "not as narrow as that"
    raised = talking(pursed)
    raised[:, BROW, 1] -= 0.06 * bell()
    assert believed(raised), "the forehead does not speak"


def test_calm_lips_are_narrow_after_a_long_laugh() -> None:
    position = corners(wide(APEX - 500, END) * (1.0 - bell()))
    usual = usual_position(APEX, lambda first, end: position[first:end])
    assert usual is not None
    assert forms_words(position[APEX], usual, 0.04)
    assert not forms_words(position[APEX - HALF], usual, 0.04)
    assert not forms_words(position[APEX], usual, 0.0), "nobody asks"


def test_it_does_not_depend_on_how_the_frames_come(spot_all: SpotAll) -> None:
    """A talking mouth, wide for some seconds at a time with moments of calm in them, that smiles and purses else."""
    frames = 2700
    offsets = np.zeros(frames, np.float32)
    for first in range(300, frames, 600):
        offsets[first : first + 250] = 0.1
    for at, apex in enumerate(range(60, frames - 60, 83)):
        offsets += (-0.1 if offsets[apex] else 0.06 * (-1) ** (at // 2)) * bell(apex, 12, frames)
    position = talking(corners(offsets))
    departure = {"least_motion_in_speech_iod": 0.01, "least_departure_in_speech": 1.1}
    changes = {**departure, "narrow_in_speech_iod": 0.04}
    whole = spot_all(position, **changes)
    left = [len(found) for found in (whole, spot_all(position, **departure), spot_all(position))]
    assert 0 < left[0] < left[1] < left[2], "each rule leaves some out, some stay"
    for every in (5, 13, 40):
        assert spot_all(position, every, **changes) == whole


def test_a_face_that_was_lost_for_a_moment_is_no_new_one(spot_all: SpotAll) -> None:
    """A mouth that is wide for eight seconds, with a moment of calm, in the middle of which a hand hides the face."""
    position = talking(corners(wide(APEX - 240, END) * (1.0 - bell())))
    asked = {"least_motion_in_speech_iod": 0.01, "least_departure_in_speech": 1.3}
    back = APEX - 100

    def after(lost: range, every: int | None = None, **changes: float) -> list[tuple[str, int, int, int]]:
        return [i for i in spot_all(position, every, lost, **changes) if i[2] > back + 5]

    longest = range(back - LONGEST_LOSS_FRAMES, back)
    longer = range(longest.start - 2, back)
    for lost in (range(back - 10, back), longest):
        assert after(lost), "nobody asks"
        for every in (None, 7):
            assert not after(lost, every, **asked)
    assert after(longer, **asked) == after(longer), "it may be somebody else's"


def test_what_is_remembered_of_a_face() -> None:
    first, second, third = (corners(0.1 * np.arange(n, dtype=np.float32)) for n in (30, 700, 20))
    recording = np.concatenate([first, np.zeros((9, 12, 2), np.float32), second, third[:1], third])
    stretches = [(0, 29), (39, 738), (740, 759), (940, 950)]
    remembered = list(pasts(stretches, lambda a, b: recording[a:b]))
    assert [len(past) for past in remembered] == [0, 30, PAST_FRAMES, 0]
    np.testing.assert_array_equal(remembered[1], first)
    np.testing.assert_array_equal(remembered[2], second[-PAST_FRAMES:])
    past = Past()
    for seen in (remembered[2], third):
        past.see(seen)
    np.testing.assert_array_equal(past.position_iod, np.concatenate([second, third])[-PAST_FRAMES:])
