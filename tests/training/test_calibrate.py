"""Counting and choosing thresholds on rendered video."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.spotter import Spotter
from models.types import ExpressionType, FrameMotion, Interval
from training.calibrate import (
    LOW,
    Limits,
    Truth,
    best_value,
    candidates,
    choose,
    count,
    evaluate,
    iou_s,
    overall_f1,
    pooled,
    spot,
    truths,
    with_thresholds,
)
from training.coded import weight
from training.rendered import Order
from training.synth_script import Event, Script
from training.tracks import TrackSettings, make_tracks

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO


def interval(kind: ExpressionType, onset_s: float, offset_s: float, score: float = 0.9) -> Interval:
    middle = (onset_s + offset_s) / 2
    frames = (round(t * 30) for t in (onset_s, middle, offset_s))
    return Interval(kind, onset_s, middle, offset_s, *frames, score)


def test_iou_of_seconds() -> None:
    assert iou_s((0.0, 2.0), (1.0, 3.0)) == pytest.approx(1 / 3)
    assert iou_s((0.0, 1.0), (1.0, 2.0)) == 0.0


def test_a_truth_is_hit_once_and_only_by_its_own_type() -> None:
    true = [Truth(MACRO, 1.0, 2.0, True)]
    twice = [interval(MACRO, 1.0, 2.0, 0.9), interval(MACRO, 1.1, 2.0, 0.8)]
    assert count(twice, true) == (1, 2, 1)
    assert count([interval(MICRO, 1.0, 2.0)], true) == (0, 1, 1)
    assert count([interval(MICRO, 1.0, 2.0)], true, same_type=False) == (1, 1, 1)


def test_what_lies_on_a_faint_truth_counts_neither_way() -> None:
    faint = [Truth(MACRO, 1.0, 2.0, False)]
    assert count([interval(MACRO, 1.0, 2.0)], faint) == (0, 0, 0)
    assert count([interval(MICRO, 1.2, 1.9)], faint) == (0, 0, 0)
    assert count([interval(MACRO, 5.0, 6.0)], faint) == (0, 1, 0)


def test_thresholds_keep_the_limits_before_they_please_f1() -> None:
    busy, still = Order("random", 1001, 10.0), Order("still", 1101, 60.0)
    true = [t for t in truths(busy) if t.asked]
    hits = [interval(t.type, t.onset_s, t.offset_s, 0.6) for t in true]
    alarm = interval(MACRO, 20.0, 21.0, 0.7)
    free = choose({busy: hits}, Limits())
    assert max(free.values()) <= 0.6
    assert evaluate({busy: hits}, free)["random"].f1 == 1.0
    strict = choose({busy: hits, still: [alarm]}, Limits(still=0.0))
    assert strict[MACRO] > 0.7, "the still video allows no alarm, whatever it costs elsewhere"
    assert evaluate({still: [alarm]}, strict)["still"].found == 0


def test_expressions_of_lively_people_are_no_alarms_and_count_in_f1() -> None:
    busy, lively = Order("random", 1001, 10.0), Order("lively", 1301, 30.0)
    found = {
        order: [interval(t.type, t.onset_s, t.offset_s, score) for t in truths(order) if t.asked]
        for order, score in ((busy, 0.6), (lively, 0.4))
    }
    chosen = choose(found, Limits())
    assert max(chosen.values()) <= 0.4, "higher thresholds would lose the lively person's expressions"
    both = pooled(evaluate(found, chosen).values())
    assert both.f1 == 1.0 and both.hits == both.truths == sum(len(i) for i in found.values()) > 5
    assert both.minutes == pytest.approx(40.0 / 60.0)


def test_what_people_show_often_counts_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of ten smiles missed, or both pursed lips: the lips are the lesser loss, though as many are missed."""
    events = [macro_of(name, 3.0 * k + 1.0) for k, name in enumerate(["smile"] * 10 + ["lip_pucker"] * 2)]
    monkeypatch.setattr(Order, "script", lambda order: Script(0, 60.0, events=tuple(events)))
    order = Order("random", 987654)
    hits = [interval(t.type, t.onset_s, t.offset_s) for t in truths(order)]
    alarm = interval(MACRO, 50.0, 51.0)
    smiles, lips = (evaluate({order: kept})["random"] for kept in (hits[2:], hits[:10]))
    assert smiles.f1 == lips.f1 == pytest.approx(20 / 22)
    assert smiles.f1_coded < 0.92 < 0.98 < lips.f1_coded < 1.0
    assert overall_f1({"random": smiles}) == smiles.f1_coded, "what is chosen by"
    every = evaluate({order: [*hits, alarm]})["random"]
    total = 10 * weight(("smile",)) + 2 * weight(("lip_pucker",))
    assert every.f1_coded == pytest.approx(2 * total / (2 * total + 1)), "an alarm counts once"


def macro_of(name: str, onset_s: float) -> Event:
    return Event((name,), onset_s, onset_s + 0.5, onset_s + 1.0, type=MACRO)


def test_what_is_asked_in_speech_is_what_pays() -> None:
    busy = Order("random", 1001, 60.0)
    hits = [interval(t.type, t.onset_s, t.offset_s) for t in truths(busy) if t.asked]
    alarms = [interval(MACRO, 100.0 + 10.0 * k, 101.0 + 10.0 * k) for k in range(5)]
    everything = dict.fromkeys(ExpressionType, 0.5)
    found = {0.0: {busy: hits + alarms}, 0.03: {busy: hits + alarms[:3]}, 0.05: {busy: hits[1:] + alarms[:3]}}
    assert best_value(found, everything) == 0.03, "fewer alarms"
    assert best_value(found | {0.04: found[0.03]}, everything) == 0.04, "of equals the largest"
    assert best_value({0.0: {busy: hits}, 0.03: {busy: hits[1:]}}, everything) == 0.0, "none where none pays"
    talk = Order("talk", 1201, 60.0)
    with_talk = {0.0: {busy: hits, talk: alarms}, 0.05: {busy: hits[1:], talk: []}}
    assert best_value(with_talk, everything) == 0.05, "alarms of talk without an expression count"


def test_candidates_are_what_the_application_finds_with_such_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """One run of the network serves every size, and a lost face parts what it parts in the application."""
    talker = TrackSettings(duration_s=40.0, speech_share=1.0, empty_share=0.0)
    nowhere = np.full((12, 2), np.nan, np.float32)
    seen = [
        FrameMotion(i, i / 30.0, not 400 <= i < 420, nowhere if 400 <= i < 420 else position, 1.0)
        for i, position in enumerate(make_tracks(1, 5, settings=talker)[0].position_iod)
    ]
    monkeypatch.setattr("training.calibrate.motions", lambda order, cache: seen)
    order, spotter = Order("talk", 1201), Spotter(use_gpu=False)
    settings = {size: replace(spotter.spec.decode, least_motion_in_speech_iod=size) for size in (0.0, 0.1)}
    found = candidates([order], spotter, Path("unused"), settings)
    for size_iod, mine in found.items():
        lenient = copy(spotter)
        decode = with_thresholds(spotter.spec.decode, dict.fromkeys(ExpressionType, LOW))
        decode = replace(decode, one_type=False, least_motion_in_speech_iod=size_iod)
        lenient.spec = replace(spotter.spec, decode=decode)
        assert sorted(mine[order], key=repr) == sorted(spot(seen, lenient), key=repr)
    assert 0 < len(found[0.1][order]) < len(found[0.0][order])
