"""Folds, thresholds and protocols of the evaluation with subjects held out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train]")

from models.decode import Found
from models.errors import LabelError, UsageError
from models.types import ExpressionType
from training.datasets import LabelledInterval, Point, Recording
from training.detectors import by_length, pick, run_frames, trusted, windows
from training.evaluate import note
from training.held_out import FoldOrder, Folds, Judged, Study, _drawn, judge, train_fold
from training.protocols import ThresholdRule, fold_thresholds, honest, published, spans
from training.readers import PointDraw

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO


def recording(name: str, subject: str, frames: int = 300) -> Recording:
    position = np.zeros((frames, 12, 2), np.float32)
    position[100:116, 8:11, 1] -= 0.1 * np.hanning(16)[:, None]
    interval = LabelledInterval(95, 108, 131, MACRO)
    return Recording(name, subject, "set", 30.0, position, (Point(108, MACRO),), (interval,))


VIDEOS = [recording(f"v{i}", f"s{i}") for i in range(4)]
HIT = Found(0, 95, 108, 131, 0.8)
MISS = Found(0, 200, 210, 230, 0.3)


def test_each_subject_is_held_out_once() -> None:
    folds = Folds.make(VIDEOS, 0)
    assert folds.count == 4
    assert sorted(folds.fold(r) for r in VIDEOS) == [0, 1, 2, 3]
    assert Folds.make(VIDEOS, 2).count == 2
    assert Folds.make(VIDEOS, 9).count == 4, "no fold is empty"
    with pytest.raises(LabelError, match="one subject"):
        Folds.make([recording("v0", "s0"), recording("v1", "s0")], 0)
    alone = replace(recording("v9", "me"), data_set="own")
    with pytest.raises(LabelError, match=r"data set own are of one subject \(me\).*column subject"):
        Folds.make([*VIDEOS, alone], 0)


def no_training(orders: Sequence[FoldOrder]) -> Iterator[Path]:
    raise AssertionError("this was to be refused before anything is trained")


def test_a_data_set_without_intervals_is_refused_before_training(archive: Path, tmp_path: Path) -> None:
    bare = Path(shutil.copytree(archive, tmp_path / "bare"))
    header = (bare / "intervals.csv").read_text().splitlines()[0]
    (bare / "intervals.csv").write_text(header + "\n")
    with pytest.raises(LabelError, match=r"data set bare has points but no intervals.*intervals\.csv"):
        judge([archive, bare], tmp_path / "out", Study(), 0, 1, no_training)
    with pytest.raises(UsageError, match="lies in the archive"):
        judge([archive], archive / "out", Study(), 0, 1, no_training)
    assert not (tmp_path / "out").exists() and not (archive / "out").exists()


def test_fewer_folds_than_asked_for_are_said() -> None:
    judged = Judged(Study(), VIDEOS, Folds.make(VIDEOS, 9), [[]])
    assert "4 folds (not 9, for want of subjects)" in note(judged, 9)
    for asked in (0, 4):
        assert "4 folds; one seed" in note(judged, asked)


def test_a_note_says_whose_expressions_cannot_be_found_for_want_of_a_threshold() -> None:
    """Of four subjects one alone has micros, and in another set one of two has points at all."""
    micro = replace(VIDEOS[2], points=(Point(108, MACRO), Point(200, MICRO)))
    other = [replace(recording(f"w{i}", f"t{i}"), data_set="two", points=VIDEOS[0].points[i:]) for i in range(2)]
    recordings = [*VIDEOS[:2], micro, VIDEOS[3], *other]
    said = note(Judged(Study(), recordings, Folds.make(recordings, 0), [[]]), 0)
    assert "No micro of set can be found in s2: nobody held out at another time has a micro point" in said
    assert "No macro of two can be found in t0:" in said and "No micro of two can be found in t0, t1:" in said
    assert "No macro of set" not in said and said.count("No ") == 3


def thresholds_of(found: list[Found], rule: ThresholdRule) -> dict[ExpressionType, float]:
    """Of the first fold, where every recording has the same detections."""
    return dict(fold_thresholds({r.name: found for r in VIDEOS}, VIDEOS, Folds.make(VIDEOS, 0), rule)[0])


def test_a_threshold_lets_through_as_many_as_there_are_points() -> None:
    for rule in (ThresholdRule.RATE, ThresholdRule.COUNT):
        thresholds = thresholds_of([HIT, MISS], rule)
        assert thresholds == {MACRO: HIT.score, MICRO: float("inf")}
    assert thresholds_of([MISS], ThresholdRule.COUNT)[MACRO] == MISS.score
    assert thresholds_of([], ThresholdRule.COUNT)[MACRO] == float("inf")


def test_the_best_threshold_on_points_and_on_intervals() -> None:
    """A wide detection holds the point but misses the interval: only intervals tell."""
    wide, late = Found(0, 40, 100, 180, 0.6), Found(0, 260, 270, 280, 0.5)
    assert thresholds_of([wide, late], ThresholdRule.POINTS)[MACRO] == wide.score
    assert thresholds_of([wide, late], ThresholdRule.INTERVALS)[MACRO] == float("inf")
    assert thresholds_of([wide, HIT, late], ThresholdRule.INTERVALS)[MACRO] == HIT.score
    both = thresholds_of([HIT, Found(1, 104, 108, 112, 0.9)], ThresholdRule.INTERVALS)
    assert both == {MACRO: HIT.score, MICRO: float("inf")}, "a micro that is none has no threshold"


def test_a_point_counts_once() -> None:
    again = Found(0, 100, 107, 120, 0.7)
    assert thresholds_of([HIT, again], ThresholdRule.POINTS)[MACRO] == HIT.score


def test_the_held_out_subject_has_no_say_in_its_threshold() -> None:
    folds = Folds.make(VIDEOS, 0)
    quiet = {r.name: [HIT, MISS] for r in VIDEOS}
    loud = {**quiet, "v0": [HIT, *[Found(0, 10 * i, 10 * i + 5, 10 * i + 9, 0.95) for i in range(9)]]}
    for rule in ThresholdRule:
        assert fold_thresholds(quiet, VIDEOS, folds, rule)[0] == fold_thresholds(loud, VIDEOS, folds, rule)[0]
    assert honest(loud, VIDEOS, folds).overall.predicted > honest(quiet, VIDEOS, folds).overall.predicted


def test_spans_are_in_the_recordings_own_frames() -> None:
    slow = Recording("v", "s", "set", 25.0, VIDEOS[0].position_iod, (), VIDEOS[0].intervals)
    predicted, true = spans([HIT, MISS], slow, {MACRO: 0.5, MICRO: 0.5})
    assert [(s.onset, s.offset) for s in predicted] == [(79, 109)] == [(s.onset, s.offset) for s in true]
    inside = Found(1, 104, 108, 112, 0.7)
    assert len(spans([HIT, inside], slow, {MACRO: 0.5, MICRO: 0.5})[0]) == 2
    assert len(spans([HIT, inside], slow, {MACRO: 0.5, MICRO: 0.5}, single=True)[0]) == 1


def test_what_the_application_would_not_report() -> None:
    assert trusted([HIT, MISS], VIDEOS[0]) == [HIT], "nothing moves there"
    turned = recording("v", "s")
    turned.position_iod[:, 6:8] = turned.position_iod[:, 8:10]
    assert trusted([HIT], turned) == [], "the nose moves as far"


def test_the_published_protocol_takes_each_subjects_best_epoch() -> None:
    folds = Folds.make(VIDEOS, 0)
    first = {r.name: [HIT] if r.subject in ("s0", "s1") else [MISS] for r in VIDEOS}
    second = {r.name: [HIT] if r.subject in ("s2", "s3") else [MISS] for r in VIDEOS}
    assert published([first, second], VIDEOS, folds).overall.true_positives == 4
    assert honest(first, VIDEOS, folds).overall.true_positives == 2


def test_the_peak_picker_finds_a_plain_movement() -> None:
    best = max((f for f in pick(VIDEOS[0]) if f.class_index == 0), key=lambda f: f.score)
    assert abs(best.apex - 108) <= 2


def test_windows_do_not_overlap_much_and_stay_inside() -> None:
    score = np.zeros(60, np.float32)
    score[[5, 8, 40]] = 0.5, 0.9, 0.4
    found = [f for f in windows([score, np.zeros(60, np.float32)]) if f.class_index == 0]
    assert [f.apex for f in found] == [8, 40]
    assert all(0 <= f.onset <= f.apex <= f.offset < 60 for f in found)


def test_without_the_apex_branch_length_tells_the_classes_apart() -> None:
    t = np.arange(200)
    intensity = np.maximum(np.exp(-(((t - 50) / 15) ** 2)), np.exp(-(((t - 140) / 4) ** 2))).astype(np.float32)
    assert run_frames(intensity, 50) == 25 and run_frames(intensity, 140) == 7
    nonsense = np.random.default_rng(0).random((200, 2)).astype(np.float32)
    found = by_length(intensity, nonsense)
    assert [(f.class_index, f.apex) for f in found] == [(0, 50), (1, 140)]


def test_a_run_may_reach_the_ends() -> None:
    assert run_frames(np.ones(9, np.float32), 4) == 9
    assert run_frames(np.array([1, 1, 0, 1], np.float32), 0) == 2


def test_points_are_drawn_inside_their_intervals_and_by_seed() -> None:
    for draw in PointDraw:
        drawn = {_drawn(VIDEOS[0], draw, seed) for seed in range(20)}
        assert len(drawn) > 3
        assert all(len(points) == 1 and 95 <= points[0].frame <= 131 for points in drawn)
        assert _drawn(VIDEOS[0], draw, 3) == _drawn(VIDEOS[0], draw, 3)
    edges = [_drawn(VIDEOS[0], PointDraw.EDGE, seed)[0].frame for seed in range(20)]
    assert all(frame <= 98 or frame >= 128 for frame in edges)


def test_a_machine_with_other_code_refuses_a_fold(tmp_path: Path) -> None:
    order = FoldOrder((tmp_path,), Folds(1, {}), 0, Study(), tmp_path / "fold.npz", "cpu", code="another")
    with pytest.raises(UsageError, match="another version"):
        train_fold(order)
