"""What the conditions of ``benchmarks.clip_conditions`` do to pictures and times."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.conditions import CONDITIONS, Condition
from models.types import Frame, Image

FRAMES = 24


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """A soft reddish blob that wanders; the sides are odd, as those of some clips are."""
    y, x = np.mgrid[:97, :131]

    def picture(index: int) -> Image:
        blob = np.exp(-(((x - 50 - index) / 25) ** 2) - ((y - 45) / 30) ** 2)
        return np.stack([140 * blob + 15, 180 * blob + 15, 220 * blob + 15], axis=2).astype(np.uint8)

    return [Frame(i, i / 30, picture(i)) for i in range(FRAMES)]


def of(name: str) -> Condition:
    return next(condition for condition in CONDITIONS if condition.name == name)


def test_every_condition_has_a_name_of_its_own() -> None:
    assert len({condition.name for condition in CONDITIONS}) == len(CONDITIONS)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.name)
def test_frames_stay_in_order_and_whole(condition: Condition, frames: list[Frame]) -> None:
    changed = list(condition.change(frames))
    assert [frame.index for frame in changed] == list(range(len(changed)))
    assert (np.diff([frame.time_s for frame in changed]) > 0).all()
    assert FRAMES // 2 <= len(changed) <= FRAMES
    assert changed[0].time_s == pytest.approx(0.0)
    assert {frame.image.shape for frame in changed} == {changed[0].image.shape}
    assert changed[0].image.dtype == np.uint8 and changed[0].image.shape[2] == 3


@pytest.mark.parametrize("condition", CONDITIONS[1:], ids=lambda c: c.name)
def test_each_condition_changes_something_and_is_the_same_again(condition: Condition, frames: list[Frame]) -> None:
    def seen() -> list[tuple[float, bytes]]:
        return [(frame.time_s, frame.image.tobytes()) for frame in condition.change(frames)]

    assert seen() == seen()
    assert seen() != [(frame.time_s, frame.image.tobytes()) for frame in frames]


def test_harmless_conditions_leave_time_alone(frames: list[Frame]) -> None:
    for condition in CONDITIONS:
        if condition.harmless:
            times = [frame.time_s for frame in condition.change(frames)]
            assert times == pytest.approx([frame.time_s for frame in frames], abs=1e-4), condition.name


def test_a_third_of_the_light_is_a_third(frames: list[Frame]) -> None:
    dark = np.mean([frame.image for frame in of("a third of the light, noise").change(frames)])
    assert dark == pytest.approx(0.33 * np.mean([frame.image for frame in frames]), rel=0.05)


def test_half_the_frame_rate_keeps_the_times(frames: list[Frame]) -> None:
    kept = list(of("half the frame rate").change(frames))
    assert [frame.time_s for frame in kept] == [frame.time_s for frame in frames[::2]]


def test_a_tenth_of_the_frames_is_lost() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    lost = of("a tenth of the frames lost, times uneven")
    many = [Frame(i, i / 30, picture) for i in range(3000)]
    assert len(list(lost.change(many))) == pytest.approx(2700, abs=60)
