"""Folds, thresholds and protocols of the evaluation with subjects held out."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train]")

from models.decode import Found
from models.types import ExpressionType
from training.datasets import LabelledInterval, Point, Recording
from training.evaluate import _by_length, _honest, _pick, _published, _run_frames, _thresholds, _windows, main
from training.held_out import Folds, _drawn
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


def test_a_threshold_lets_through_as_many_as_there_are_points() -> None:
    found = {r.name: [HIT, MISS] for r in VIDEOS}
    threshold = _thresholds(found, VIDEOS)[MACRO]
    assert sum(f.score >= threshold for detections in found.values() for f in detections) >= len(VIDEOS)
    assert _thresholds(found, VIDEOS)[MICRO] == float("inf")


def test_the_held_out_subject_has_no_say_in_its_threshold() -> None:
    folds = Folds.make(VIDEOS, 0)
    quiet = {r.name: [HIT, MISS] for r in VIDEOS}
    loud = {**quiet, "v0": [HIT, *[Found(0, 10 * i, 10 * i + 5, 10 * i + 9, 0.95) for i in range(9)]]}
    others = [r for r in VIDEOS if r.name != "v0"]
    assert _thresholds(quiet, others) == _thresholds(loud, others)
    assert _honest(loud, VIDEOS, folds).overall.predicted > _honest(quiet, VIDEOS, folds).overall.predicted


def test_the_published_protocol_takes_each_subjects_best_epoch() -> None:
    folds = Folds.make(VIDEOS, 0)
    first = {r.name: [HIT] if r.subject in ("s0", "s1") else [MISS] for r in VIDEOS}
    second = {r.name: [HIT] if r.subject in ("s2", "s3") else [MISS] for r in VIDEOS}
    assert _published([first, second], VIDEOS, folds).overall.true_positives == 4
    assert _honest(first, VIDEOS, folds).overall.true_positives == 2


def test_the_peak_picker_finds_a_plain_movement() -> None:
    best = max((f for f in _pick(VIDEOS[0]) if f.class_index == 0), key=lambda f: f.score)
    assert abs(best.apex - 108) <= 2


def test_windows_do_not_overlap_much_and_stay_inside() -> None:
    score = np.zeros(60, np.float32)
    score[[5, 8, 40]] = 0.5, 0.9, 0.4
    found = [f for f in _windows([score, np.zeros(60, np.float32)]) if f.class_index == 0]
    assert [f.apex for f in found] == [8, 40]
    assert all(0 <= f.onset <= f.apex <= f.offset < 60 for f in found)


def test_a_folder_that_is_no_archive_is_one_sentence(tmp_path, caplog) -> None:
    code = main(["--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert code == 1
    assert "not a feature archive" in caplog.text


def test_without_the_apex_branch_length_tells_the_classes_apart() -> None:
    t = np.arange(200)
    intensity = np.maximum(np.exp(-(((t - 50) / 15) ** 2)), np.exp(-(((t - 140) / 4) ** 2))).astype(np.float32)
    assert _run_frames(intensity, 50) == 25 and _run_frames(intensity, 140) == 7
    nonsense = np.random.default_rng(0).random((200, 2)).astype(np.float32)
    found = _by_length(intensity, nonsense)
    assert [(f.class_index, f.apex) for f in found] == [(0, 50), (1, 140)]


def test_a_run_may_reach_the_ends() -> None:
    assert _run_frames(np.ones(9, np.float32), 4) == 9
    assert _run_frames(np.array([1, 1, 0, 1], np.float32), 0) == 2


def test_points_are_drawn_inside_their_intervals_and_by_seed() -> None:
    for draw in PointDraw:
        drawn = {_drawn(VIDEOS[0], draw, seed) for seed in range(20)}
        assert len(drawn) > 3
        assert all(len(points) == 1 and 95 <= points[0].frame <= 131 for points in drawn)
        assert _drawn(VIDEOS[0], draw, 3) == _drawn(VIDEOS[0], draw, 3)
    edges = [_drawn(VIDEOS[0], PointDraw.EDGE, seed)[0].frame for seed in range(20)]
    assert all(frame <= 98 or frame >= 128 for frame in edges)
