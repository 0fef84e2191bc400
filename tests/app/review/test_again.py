"""What counts after a person worked on it: found again, left out, taken back; and a frame has one point."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from app.exchange import export_session
from app.review.again import is_one_of
from app.review.review import Review
from app.review.state import LEFT_OUT, PERSON, Status, StoredInterval, standing
from models.errors import UsageError
from models.types import ExpressionType

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO


def exported_status(folder: Path, out: Path) -> dict[int, str]:
    (table,) = (file for file in export_session(folder, ["csv"], out).files if ".intervals." in file.name)
    with table.open(encoding="utf-8", newline="") as file:
        return {int(row["id"]): row["status"] for row in csv.DictReader(file)}


def leave_out(review: Review, row: StoredInterval) -> int:
    return review.exclude(row.interval.apex_s - 0.1, row.interval.apex_s + 0.1)


def test_what_a_person_made_is_not_found_a_second_time(review: Review) -> None:
    first = review.state.thresholds
    i = review.state.intervals[0].interval
    review.set_thresholds(replace(first, macro=1.0, micro=1.0))
    assert not review.state.shown()
    made = review.add_interval(i.type, i.onset_s, i.apex_s, i.offset_s)
    review.set_thresholds(first)
    there = [row for row in review.state.intervals if is_one_of(row.interval, (i,))]
    assert [(row.id, row.source) for row in there] == [(made, PERSON)]


def test_what_is_left_out_neither_counts_nor_is_exported_as_found(review: Review, folder: Path, tmp_path: Path) -> None:
    first, second, third = review.state.intervals[:3]
    review.accept(second.id)
    review.reject(third.id)
    stretches = [leave_out(review, row) for row in (first, second, third)]
    assert {row.id for row in review.state.shown()}.isdisjoint({first.id, second.id, third.id})
    standings = {row.id: standing(row, review.state.exclusions) for row in review.state.intervals}
    assert [standings[row.id] for row in (first, second, third)] == [LEFT_OUT, LEFT_OUT, Status.REJECTED]
    status = exported_status(folder, tmp_path / "out")
    assert [status[row.id] for row in (first, second, third)] == ["left out", "left out", "rejected"]
    for stretch in stretches:
        review.include_again(stretch)
    assert {first.id, second.id} <= {row.id for row in review.state.shown()}
    status = exported_status(folder, tmp_path / "again")
    assert [status[row.id] for row in (first, second, third)] == ["found", "accepted", "rejected"]


def test_a_frame_has_one_point(review: Review) -> None:
    first = review.add_point(7.7, MACRO)
    with pytest.raises(UsageError, match=r"a macro point at 7\.\d\d s already"):
        review.add_point(7.7, MACRO)
    assert review.add_point(7.7, MICRO) == first
    assert [p.type for p in review.state.points if p.id == first] == [MICRO]
    other = review.add_point(9.0, MACRO)
    before = review.state
    with pytest.raises(UsageError, match="already"):
        review.move_point(other, 7.7)
    assert review.state == before
    review.undo()
    review.undo()
    assert [p.type for p in review.state.points if p.id == first] == [MACRO]


def test_only_what_a_person_changed_can_be_taken_back(review: Review) -> None:
    row = review.state.intervals[0]
    assert not review.can_reset(row.id)
    review.reject(row.id)
    assert review.can_reset(row.id)
    review.reset(row.id)
    made = review.retype(row.id, MICRO)
    assert review.can_reset(made)
    assert not review.can_reset(review.add_interval(MICRO, 9.9, 10.1, 10.3))


def test_an_edit_of_the_thresholds_says_which(review: Review) -> None:
    first = review.state.thresholds
    review.set_thresholds(replace(first, macro=0.9))
    assert review.undo_text == "set the macro threshold to 0.9"
    review.set_thresholds(replace(first, macro=0.8, movement=0.02))
    assert review.undo_text == "set the thresholds"
