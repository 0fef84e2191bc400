"""Recordings played as if live: scores with a short future, and what became of provisional flags."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from models.baseline import displacement  # noqa: E402
from models.decode import DecodeSettings  # noqa: E402
from models.network import NetworkSettings, SpotterNetwork  # noqa: E402
from models.types import ExpressionType, Interval, Scores, Update  # noqa: E402
from training.datasets import Recording  # noqa: E402
from training.replay import Flags, HeldOutSpotter, replay  # noqa: E402
from training.trainer import infer  # noqa: E402

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO
SMALL = NetworkSettings(scales=(8,), width=8, dilations=(1,), activity_frames=16)


def network() -> SpotterNetwork:
    torch.manual_seed(0)
    made = SpotterNetwork(SMALL)
    made.fit_normalisation([torch.randn(2, 60, 12, 2) * 0.02])
    return made.eval()


def recording(frames: int = 80) -> Recording:
    position = np.cumsum(np.random.default_rng(0).normal(size=(frames, 12, 2)) * 0.004, axis=0).astype(np.float32)
    return Recording("v", "s", "set", 30.0, position, (), ())


@pytest.mark.parametrize("step_frames", [1, 3])
def test_a_score_is_what_the_network_says_with_so_much_future(step_frames: int) -> None:
    made, video = network(), recording()
    played = replay(video, HeldOutSpotter(made, DecodeSettings()), (0.1,), step_frames)
    features = displacement(video.position_iod)
    intensity, apex = infer(made, features)
    assert np.allclose(played.curves[np.inf], np.column_stack([intensity, apex]), atol=1e-5)
    curve = played.curves[0.1]
    assert np.isfinite(curve).all()
    matches = 0
    for t in range(10, 60):
        # the future is 0.1 s, and up to a step more
        ways = [infer(made, features[: t + 1 + ahead]) for ahead in range(3, 3 + step_frames)]
        matches += any(np.allclose(curve[t], [i[t], *a[t]], atol=1e-5) for i, a in ways)
    assert matches == 50
    assert np.abs(curve[10:60] - played.curves[np.inf][10:60]).max() > 1e-3, "the future does matter"


def interval(onset_s: float, offset_s: float, kind: ExpressionType = MACRO, final: bool = False) -> Interval:
    apex_s = (onset_s + offset_s) / 2
    frames = [round(t * 30) for t in (onset_s, apex_s, offset_s)]
    return Interval(kind, onset_s, apex_s, offset_s, frames[0], frames[1], frames[2], 0.5, final)


def step(now_s: float, seen: tuple[Interval, ...] = (), final: tuple[Interval, ...] = ()) -> Update:
    one = np.zeros(1, np.float32)
    newest = Scores(np.array([now_s]), np.array([True]), one, one, one, one)
    return Update(Scores.empty(), newest, final, seen)


def test_a_flag_is_confirmed_moved_or_withdrawn() -> None:
    flags = Flags()
    flags.take(step(2.0, (interval(1.0, 2.0), interval(1.4, 1.6, MICRO))))
    flags.take(step(2.5, (interval(1.1, 2.3), interval(8.0, 8.5))))
    flags.take(step(4.0, (interval(8.0, 8.5),), (interval(1.1, 2.2, final=True),)))
    flags.take(step(9.0, (), (interval(8.4, 9.5, final=True), interval(20.0, 21.0, final=True))))
    ends = [(f.type, f.end, f.raised_s, f.ended_s) for f in flags.ended]
    assert ends == [
        (MICRO, "withdrawn", 2.0, 2.5),
        (MACRO, "confirmed", 2.0, 4.0),
        (MACRO, "moved", 2.5, 9.0),
    ]
    assert (flags.finals, flags.unflagged) == (3, 1)


def test_a_flag_that_becomes_the_other_type_has_moved() -> None:
    flags = Flags()
    flags.take(step(2.0, (interval(1.0, 1.4, MICRO),)))
    flags.take(step(4.0, (), (interval(1.0, 1.5, MACRO, final=True),)))
    assert [f.end for f in flags.ended] == ["moved"] and flags.unflagged == 0


def test_a_flag_is_held_against_what_was_shown_first() -> None:
    """It crept away in small steps: nobody would call that confirmed."""
    flags = Flags()
    for k in range(6):
        flags.take(step(2.0 + 0.1 * k, (interval(1.0 + 0.15 * k, 2.0 + 0.15 * k),)))
    flags.take(step(4.0, (), (interval(1.75, 2.75, final=True),)))
    assert [f.end for f in flags.ended] == ["moved"]
