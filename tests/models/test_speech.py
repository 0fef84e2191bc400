"""Speech: lips that open and close all the time, and what is then asked of a movement."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from models.decode import DecodeSettings, Found
from models.islands import moves
from models.speech import AFTER_FRAMES, BEFORE_FRAMES, MARGIN_FRAMES, SPEAKING_IOD, lip_motion_iod
from models.types import FloatArray

UPPER, LOWER, CORNERS = 9, 11, (8, 10)


def face(frames: int, seed: int = 0) -> FloatArray:
    """A calm face with the noise of a webcam, (frames, 12, 2)."""
    return np.random.default_rng(seed).normal(0.0, 0.0003, (frames, 12, 2)).astype(np.float32)


def talk(position: FloatArray, first: int, end: int, size_iod: float = 0.03, rate_hz: float = 4.0) -> None:
    """Syllables from one frame to before another."""
    syllables = np.sin(np.pi * rate_hz * np.arange(end - first) / 30.0) ** 2
    position[first:end, LOWER, 1] += size_iod * syllables


def smile(position: FloatArray, apex: int, size_iod: float, half: int = 18) -> None:
    """Corners that go out and come back."""
    bell = np.cos(0.5 * np.pi * np.arange(-half, half + 1) / (half + 1)) ** 2
    for region, out in zip(CORNERS, (-1.0, 1.0), strict=True):
        position[apex - half : apex + half + 1, region, 0] += out * size_iod * bell


@pytest.mark.parametrize("rate_hz", [2.5, 4.0, 6.0])
def test_syllables_are_speech(rate_hz: float) -> None:
    position = face(120)
    talk(position, 0, 120, rate_hz=rate_hz)
    assert lip_motion_iod(position) > 2.0 * SPEAKING_IOD


def test_a_calm_face_an_expression_and_a_slow_yawn_are_none() -> None:
    position = face(120)
    assert lip_motion_iod(position) < 0.5 * SPEAKING_IOD
    smile(position, 60, 0.3)
    position[50:70, LOWER, 1] += 0.2
    assert lip_motion_iod(position) < SPEAKING_IOD, "one movement, however large and quick"
    yawn = face(120)
    yawn[:, LOWER, 1] += 0.4 * np.sin(np.pi * np.arange(120) / 120.0)
    assert lip_motion_iod(yawn) < SPEAKING_IOD


def test_a_head_that_nods_is_none() -> None:
    position = face(120)
    position[:, :, 1] += 0.1 * np.sin(2.0 * np.pi * 3.0 * np.arange(120) / 30.0)[:, None]
    assert lip_motion_iod(position) < SPEAKING_IOD, "both lips go along"


@pytest.mark.parametrize("frames", [1, 5, 12])
def test_the_first_moments_of_a_face(frames: int) -> None:
    assert 0.0 <= lip_motion_iod(face(frames)) < SPEAKING_IOD


APEX, END = 800, 1000


def trusted(size_iod: float, in_speech_iod: float, speech: Iterable[tuple[int, int]]) -> bool:
    position = face(END)
    for first, end in speech:
        talk(position, first, end)
    smile(position, APEX, size_iod)
    found = Found(0, APEX - 18, APEX, APEX + 18, 0.9)
    settings = DecodeSettings(least_motion_in_speech_iod=in_speech_iod)
    return moves(found, lambda first, end: position[first:end], settings)


def test_speech_asks_for_more() -> None:
    before_and_after = [(0, APEX - 15), (APEX + 15, END)]
    assert trusted(0.05, 0.0, before_and_after), "unless nobody asks"
    assert not trusted(0.05, 0.06, before_and_after)
    assert trusted(0.07, 0.06, before_and_after)
    assert trusted(0.05, 0.06, []), "silent"
    with_pauses = [(first, first + 75) for first in range(0, APEX - 75, 120)]
    assert not trusted(0.05, 0.06, with_pauses), "a pause in which nobody speaks is part of the talk"
    assert trusted(0.05, 0.06, [(APEX - 200, APEX - 100)]), "a few words in a silence are no talk"
    far = [(0, APEX - BEFORE_FRAMES - MARGIN_FRAMES), (APEX + 1 + AFTER_FRAMES + MARGIN_FRAMES, END)]
    assert trusted(0.05, 0.06, far), "talk that is over, and talk that is still to come"


def test_it_does_not_depend_on_how_the_frames_come(spot_all: Callable[..., list[tuple[str, int, int, int]]]) -> None:
    """Talk goes on, stops for longer than is looked back, and begins again, so that windows of every kind decide."""
    position = face(2700)
    for apex in range(60, 2650, 90):
        smile(position, apex, 0.05)
    for first, end in ((200, 700), (900, 1000), (2000, 2500)):
        talk(position, first, end, size_iod=0.012)
    whole = spot_all(position, least_motion_in_speech_iod=0.08)
    assert 0 < len(whole) < len(spot_all(position)), "some are left out, some stay"
    for every in (5, 13, 40):
        assert spot_all(position, every, least_motion_in_speech_iod=0.08) == whole
