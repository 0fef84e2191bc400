"""The pieces of the new user's way that need no video; its commands are tested with the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks.own_data import SEED, held_against, labelled_script, main, write_points
from models.types import ExpressionType


def test_as_many_expressions_as_points(tmp_path: Path) -> None:
    script = labelled_script(SEED, 60.0, 6)
    assert len(script.expressions) == 6 and {e.type for e in script.expressions} == set(ExpressionType)
    assert len(script.events) > 6, "blinks stay"
    assert labelled_script(SEED, 60.0, 6) == script
    write_points(script, "monday.mp4", tmp_path / "points.csv")
    with (tmp_path / "points.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["type"] for row in rows] == [str(e.type) for e in script.expressions]
    for row, event in zip(rows, script.expressions, strict=True):
        assert row["video"] == "monday.mp4" and event.onset_s - 0.01 <= float(row["time_s"]) <= event.offset_s + 0.01
    with pytest.raises(SystemExit, match="fewer points"):
        labelled_script(SEED, 60.0, 100)


def test_intervals_are_held_against_the_script(tmp_path: Path) -> None:
    script = labelled_script(SEED, 60.0, 6)
    first, second = script.expressions[:2]
    rows = [
        "id,type,onset_s,apex_s,offset_s,score",
        f"1,{first.type},{first.onset_s},{first.apex_s},{first.offset_s},0.7",
        f"2,{second.type},{second.offset_s},{second.offset_s + 0.2},{second.offset_s + 0.4},0.6",
    ]
    (tmp_path / "a.intervals.csv").write_text("\n".join(rows) + "\n")
    result = held_against(tmp_path / "a.intervals.csv", script).overall
    assert (result.true_positives, result.false_positives, result.false_negatives) == (1, 1, 5)


def test_a_folder_in_use_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path)])
    assert "not empty" in capsys.readouterr().err
