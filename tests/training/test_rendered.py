"""Rendered video as training material, through the real perception."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from models.types import ExpressionType
from training.rendered import (
    Order,
    calibration_orders,
    motions,
    track,
    training_orders,
    unsettled_orders,
    video,
    visible,
)
from training.synth_script import Event

ORDER = Order("random", 2003, duration_s=3.0)


def test_a_track_has_the_scripts_truth_on_the_grid(tmp_path: Path) -> None:
    made = track(ORDER, tmp_path)
    assert made.position_iod.shape == (len(made.strength), 12, 2)
    assert abs(len(made.strength) - 90) <= 1
    assert np.isfinite(made.position_iod).all()
    assert len(made.events) == len(ORDER.script().expressions)
    for event in made.events:
        assert 0 <= event.onset <= event.apex <= event.offset < len(made.strength)
        column = list(ExpressionType).index(event.type)
        assert made.strength[event.apex, column] > 0.5


def test_what_was_made_once_is_not_made_again(tmp_path: Path) -> None:
    first = motions(ORDER, tmp_path)
    made = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    again = motions(ORDER, tmp_path)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == made
    assert video(ORDER, tmp_path) in made
    np.testing.assert_array_equal([m.position_iod for m in first], [m.position_iod for m in again])


def test_training_calibration_and_report_share_no_seed() -> None:
    from benchmarks.synthetic import ORDERS, OTHERS

    calibration = calibration_orders(Path("people.npz"))
    assert set(calibration_orders()) < set(calibration)
    unsettled = unsettled_orders(Path("people.npz"))
    assert set(unsettled_orders()) < set(unsettled)
    seeds = [o.seed for orders in (training_orders(), calibration, unsettled, ORDERS, OTHERS) for o in orders]
    assert len(seeds) == len(set(seeds))


def test_only_strong_enough_events_are_asked_for() -> None:
    def smile(amplitude: float) -> Event:
        return Event(("smile",), 0.0, 0.5, 1.0, amplitude, type=ExpressionType.MACRO)

    assert visible(smile(1.0))
    assert not visible(smile(0.05))


def test_lively_video_is_the_same_video_with_larger_expressions() -> None:
    for kind, plain in (("lively", "random"), ("lively_conversation", "conversation")):
        large, small = (
            [e for seed in range(8) for e in Order(k, 4001 + seed).script().expressions] for k in (kind, plain)
        )
        assert [(e.actions, e.onset_s, e.offset_s, e.type) for e in large] == [
            (e.actions, e.onset_s, e.offset_s, e.type) for e in small
        ]
        assert np.percentile([e.largest_iod for e in large], 90) > 1.1 * np.percentile(
            [e.largest_iod for e in small], 90
        )
        assert max(e.largest_iod for e in large) <= 0.35 + 1e-6


def test_an_unsettled_mouth_rests_elsewhere_for_longer_than_an_expression_and_is_none() -> None:
    for seed in range(4101, 4109):
        script, plain = (Order(f"{kind}_conversation", seed).script() for kind in ("unsettled", "lively"))
        assert script.expressions == plain.expressions
        rests = script.events[len(plain.events) :]
        assert len(rests) >= 2
        for rest in rests:
            assert rest.type is None
            assert 5.0 <= rest.hold_s < rest.offset_s - rest.onset_s <= 18.0
            assert 0.03 <= rest.largest_iod <= 0.1
        assert all(a.offset_s < b.onset_s for a, b in pairwise(rests))
