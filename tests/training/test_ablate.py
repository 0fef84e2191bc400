"""The rows of the ablation table: each differs from the whole method in one thing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from training.ablate import by_set, variants
from training.held_out import Study
from training.protocols import ThresholdRule
from training.readers import PointDraw
from training.spotformer import SpotformerSettings

FULL = Study()


def test_every_row_differs_from_the_whole_and_from_the_others() -> None:
    rows = variants(FULL)
    assert rows[0].study == FULL
    ways = [(v.study, v.rule, v.alone) for v in rows]
    assert all(a != b for i, a in enumerate(ways) for b in ways[:i])
    assert len({v.key for v in rows}) == len({v.words for v in rows}) == len(rows)


def test_what_each_row_changes() -> None:
    s = FULL.settings
    of = {v.key: v.study for v in variants(FULL)}
    assert of["hard"].settings == replace(s, gaussian_from=2.0, adaptive_at=())
    assert of["point"].settings == replace(s, adaptive_at=())
    assert of["no-contrastive"].settings.loss == replace(s.loss, contrastive=0.0)
    assert of["no-apex"].settings.loss == replace(s.loss, apex=0.0) and not of["no-apex"].apex_branch
    assert of["no-displacement"].settings.network == replace(s.network, scales=(1,))
    assert of["no-relative"].settings.network == replace(s.network, relative=False)
    one = replace(s.network, members=1)
    assert of["one-member"].settings == replace(s, network=one, lab_members=0)
    assert of["no-lab"].settings == replace(s, lab_members=0)
    assert of["no-relabel"].settings == replace(s, move_points=False)
    assert of["no-synthetic"].drawn == 0 and of["no-synthetic"].settings.synthetic_crops == 0
    assert {of[f"points-{d.value}"].draw for d in PointDraw} == set(PointDraw)


def test_rows_that_need_no_training_judge_the_folds_of_the_whole() -> None:
    again = [v for v in variants(FULL) if v.folder]
    assert {v.rule for v in again} == set(ThresholdRule) - {ThresholdRule.RATE}
    assert all(v.folder == "full" and v.study == FULL for v in again)


def test_archives_of_one_data_set_belong_together(archive: Path, tmp_path: Path) -> None:
    """Else one row would stand there twice, each time with another part of the recordings."""
    more, other = (Path(shutil.copytree(archive, tmp_path / name / kind)) for name, kind in (("a", "tiny"), ("b", "x")))
    assert by_set([archive, other, more]) == [[archive, more], [other]]


def test_a_network_without_relative_motion_has_no_such_row() -> None:
    alone = Study(replace(FULL.settings, network=replace(FULL.settings.network, members=1)))
    assert not {"one-member", "no-lab"} & {v.key for v in variants(alone)}
    former = Study(replace(FULL.settings, network=SpotformerSettings(width=8)))
    assert "no-relative" not in {v.key for v in variants(former)}
