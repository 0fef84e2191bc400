"""Thresholds of the network for laboratory recordings, from points of people that were held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train]")

from models.types import ExpressionType
from training.datasets import LabelledInterval, Point, Recording
from training.held_out import Folds, Judged, Study, key
from training.matching import Counts
from training.ship_lab import choose, main
from training.trainer import EPOCHS

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO
APEXES = (100, 300, 500)


def recording(data_set: str, subject: str) -> Recording:
    """Brows that rise by 0.1 IOD at each apex; the last of them is no expression, and has no point."""
    position = np.zeros((600, 12, 2), np.float32)
    for apex in APEXES:
        position[apex - 15 : apex + 16, :6, 1] -= 0.1 * np.hanning(31)[:, None]
    points = tuple(Point(apex, MACRO) for apex in APEXES[:2])
    intervals = tuple(LabelledInterval(apex - 15, apex, apex + 21, MACRO) for apex in APEXES[:2])
    return Recording(f"{data_set}-{subject}", subject, data_set, 30.0, position, points, intervals)


def scored(heights: tuple[float, ...]) -> np.ndarray:
    """(600, 3) intensity, macro, micro: a bump of some height at each apex."""
    scores = np.zeros((600, 3), np.float32)
    for apex, height in zip(APEXES, heights, strict=True):
        scores[apex - 15 : apex + 16, :2] = height * np.hanning(31)[:, None]
    return scores


def test_thresholds_let_through_what_there_are_points_for(tmp_path: Path) -> None:
    recordings = [recording(data_set, subject) for data_set in ("a", "b") for subject in ("1", "2")]
    folds = Folds.make(recordings, 2)
    files = [tmp_path / f"{fold}.npz" for fold in range(2)]
    for fold, file in enumerate(files):
        mine = {f"{EPOCHS}|{key(r)}": scored((0.9, 0.8, 0.5)) for r in recordings if folds.fold(r) == fold}
        np.savez(file, **mine)
    thresholds, results = choose(Judged(Study(), recordings, folds, [files]))
    assert 0.5 < thresholds[MACRO] < 0.8, "the two with points pass, the third does not"
    assert thresholds[MICRO] == float("inf"), "there are no points of micros"
    assert [(data_set, result.overall) for data_set, result in results.items()] == [
        (data_set, Counts(true_positives=4, false_positives=0, false_negatives=0)) for data_set in ("a", "b")
    ]


def test_without_data_or_evaluation_it_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["--data", str(tmp_path), "--run", str(tmp_path), "--out", str(tmp_path / "lab.onnx")]) != 0
    assert "is not a folder of apexspot evaluate" in caplog.text and not (tmp_path / "lab.onnx").exists()
