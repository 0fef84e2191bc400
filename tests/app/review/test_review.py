"""What a person does with a recording: each edit, taken back and done again, and all of it after opening anew."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.review.review import Review
from app.review.state import PERSON, ReviewState, Status, StoredInterval, Thresholds
from app.session import read_session
from app.session.schema import EDITS_FILE, EXCLUSIONS_FILE, INTERVALS_FILE, SessionState, read_info, write_info
from models.decode import LEAST_MOTION_IOD
from models.errors import OutputError, UsageError
from models.types import ExpressionType

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO


def interval(review: Review, id: int) -> StoredInterval:
    return next(row for row in review.state.intervals if row.id == id)


def edits(review: Review) -> dict[str, Callable[[], object]]:
    """One of every kind of edit, each on rows of its own."""
    first, second, third = (row.id for row in review.state.intervals[:3])
    return {
        "accept": lambda: review.accept(first),
        "reject": lambda: review.reject(second),
        "retype": lambda: review.retype(third, MICRO),
        "move": lambda: review.move(first, onset_s=2.0, offset_s=4.1),
        "add": lambda: review.add_interval(MICRO, 9.9, 10.1, 10.3),
        "point": lambda: review.add_point(7.7, MACRO),
        "move point": lambda: review.move_point(1, 4.4),
        "retype point": lambda: review.retype_point(1, MACRO),
        "exclude": lambda: review.exclude(15.0, 17.0, "eats,\nand talks"),
        "include": lambda: review.include_again(1),
        "thresholds": lambda: review.set_thresholds(Thresholds(0.05, 0.2, 0.9)),
        "remove point": lambda: review.remove_point(1),
    }


def test_every_edit_is_on_the_disk_and_can_be_undone_and_done_again(review: Review, folder: Path) -> None:
    states: list[ReviewState] = [review.state]
    for name, edit in edits(review).items():
        edit()
        assert review.state != states[-1], name
        assert review.revision == len(states)
        states.append(review.state)
        review.close()
        review_again = Review.open(folder)
        assert review_again.state == review.state, name
        assert review_again.undo_text == review.undo_text
        review_again.close()
    review.close()
    review = Review.open(folder)
    for before in reversed(states[:-1]):
        text = review.undo_text
        assert review.undo() == text
        assert review.state == before
    assert review.undo() is None and review.undo_text is None
    review.close()
    review = Review.open(folder)
    for after in states[1:]:
        assert review.redo() is not None
        assert review.state == after
    assert review.redo() is None and review.redo_text is None
    assert Review.open(folder).state == states[-1]


def test_what_the_model_found_stays_when_a_person_makes_another_of_it(review: Review, folder: Path) -> None:
    row = review.state.intervals[0]
    new = review.move(row.id, offset_s=row.interval.offset_s + 0.2)
    assert interval(review, row.id) == replace(row, status=Status.REPLACED.value)
    made = interval(review, new)
    assert (made.source, made.status) == (PERSON, Status.ACCEPTED)
    assert made.interval.offset_s == pytest.approx(row.interval.offset_s + 0.2, abs=0.05)
    assert review.move(new, onset_s=made.interval.onset_s - 0.2) == new, "a person's own row is moved in place"
    assert [i.id for i in review.state.shown()].count(row.id) == 0
    stored = {s.id: s for s in read_session(folder).intervals}
    assert stored[row.id].interval == row.interval and stored[row.id].status == "replaced"
    review.reset(new)
    assert interval(review, row.id) == row and all(i.id != new for i in review.state.intervals)


def test_a_removed_correction_rejects_what_it_replaced(review: Review) -> None:
    row = review.state.intervals[0]
    review.remove_interval(review.retype(row.id, MICRO))
    assert interval(review, row.id).status == Status.REJECTED


def test_ids_are_never_used_again(review: Review, folder: Path) -> None:
    id = review.add_interval(MACRO, 9.0, 9.5, 10.0)
    review.remove_interval(id)
    point = review.add_point(3.0, MACRO)
    review.remove_point(point)
    review.close()
    review = Review.open(folder)
    assert review.add_interval(MACRO, 9.0, 9.5, 10.0) > id
    assert review.add_point(3.0, MACRO) > point


def test_times_are_those_of_frames(review: Review) -> None:
    times = review.frames.time_s
    for at_s in (-5.0, 0.51, 7.1234, 11.99, 1000.0):
        row = review.frame_at(at_s)
        assert abs(times[row] - at_s) == np.abs(times - at_s).min()
    made = interval(review, review.add_interval(MICRO, 8.0, 8.1, 8.2)).interval
    for at_s, frame in (
        (made.onset_s, made.onset_frame),
        (made.apex_s, made.apex_frame),
        (made.offset_s, made.offset_frame),
    ):
        assert times[list(review.frames.index).index(frame)] == pytest.approx(at_s, abs=1e-6)


def test_a_new_edit_forgets_what_was_undone(review: Review) -> None:
    first, second = (row.id for row in review.state.intervals[:2])
    review.accept(first)
    review.undo()
    review.accept(second)
    assert review.redo() is None and interval(review, first).status == Status.FOUND


def test_what_makes_no_sense_is_refused_and_changes_nothing(review: Review, folder: Path) -> None:
    before, revision = review.state, review.revision
    model = review.state.intervals[0].id
    person = review.add_interval(MACRO, 9.0, 9.5, 10.0)
    review.undo()
    revision = review.revision
    for wrong in (
        lambda: review.accept(999),
        lambda: review.remove_interval(model),
        lambda: review.add_interval(MACRO, 10.0, 9.5, 9.0),
        lambda: review.add_interval(MACRO, 9.0, 9.0, 9.0),
        lambda: review.move(model, onset_s=20.0),
        lambda: review.move_point(99, 1.0),
        lambda: review.exclude(5.0, 4.0),
        lambda: review.set_thresholds(Thresholds(0.1, 1.5, 0.1)),
        lambda: review.accept(person),
    ):
        with pytest.raises(UsageError):
            wrong()
    assert review.state == before and review.revision == revision
    review.accept(model)
    review.accept(model)  # says nothing new
    assert review.revision == revision + 1


def test_a_second_window_may_only_look_until_the_first_is_closed(review: Review, folder: Path) -> None:
    second = Review.open(folder)
    assert second.read_only is not None and review.read_only is None
    with pytest.raises(UsageError, match="another window"):
        second.accept(second.state.intervals[0].id)
    review.close()
    assert Review.open(folder).read_only is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_can_be_looked_at(folder: Path) -> None:
    folder.chmod(0o555)
    try:
        review = Review.open(folder)
        assert review.read_only is not None and "cannot" in review.read_only
        assert review.preview(review.state.thresholds)
        with pytest.raises(UsageError):
            review.add_point(1.0, MACRO)
    finally:
        folder.chmod(0o755)


def test_a_recording_that_broke_off_is_not_edited(folder: Path) -> None:
    write_info(folder, read_info(folder).model_copy(update={"state": SessionState.RECORDING}))
    review = Review.open(folder)
    assert review.read_only is not None and "recover" in review.read_only


def test_a_torn_last_line_was_never_done(review: Review, folder: Path) -> None:
    first, second = (row.id for row in review.state.intervals[:2])
    review.accept(first)
    state = review.state
    review.accept(second)
    review.close()
    log = folder / EDITS_FILE
    whole = log.read_bytes()
    kept = whole[: whole.rstrip(b"\n").rfind(b"\n") + 1]
    table = (folder / INTERVALS_FILE).read_bytes()
    for cut in (1, 17, len(whole) - len(kept) - 1):
        log.write_bytes(whole[: len(kept) + cut])
        # the table as it was when the line was being written
        (folder / INTERVALS_FILE).write_bytes(table.replace(_line(table, second), _line(table, second, "found")))
        again = Review.open(folder)
        assert again.state == state
        again.reject(second)
        assert Review.open(folder).undo_text == again.undo_text is not None
        again.close()
        assert log.read_bytes().startswith(kept) and log.read_bytes().count(b"\n") == 2


def test_the_smallest_movement_is_kept_and_older_logs_have_none(review: Review, folder: Path) -> None:
    now = review.state.thresholds
    review.set_thresholds(replace(now, movement=0.05))
    review.set_thresholds(replace(now, macro=0.9))
    review.undo()
    state = review.state
    review.close()
    log = (folder / EDITS_FILE).read_text("utf-8")
    assert log.count('"movement"') == 2, "written where it is not the usual one, as in a log from before it existed"
    again = Review.open(folder)
    assert again.state == state and again.state.thresholds.movement == 0.05
    again.undo()
    assert again.state.thresholds == now and now.movement == LEAST_MOTION_IOD


def _line(table: bytes, id: int, status: str | None = None) -> bytes:
    line = next(line for line in table.splitlines() if line.startswith(f"{id},".encode()))
    return line if status is None else line.rpartition(b",")[0] + b"," + status.encode()


def test_a_kill_between_log_and_table_loses_nothing(review: Review, folder: Path) -> None:
    """The log is written first: with its newest line and the table of before, opening makes the edit whole."""
    steps: dict[str, Callable[[Review], object]] = {
        "accept": lambda r: r.accept(r.state.intervals[1].id),
        "move": lambda r: r.move(r.state.intervals[0].id, onset_s=1.7),
        "undo": lambda r: r.undo(),
        "thresholds": lambda r: r.set_thresholds(Thresholds(0.05, 0.15, 0.9)),
    }
    for step, do in steps.items():
        before = (folder / INTERVALS_FILE).read_bytes()
        do(review)
        after = (folder / INTERVALS_FILE).read_bytes()
        review.close()
        assert before != after, step
        (folder / INTERVALS_FILE).write_bytes(before)
        again = Review.open(folder)
        assert again.state == review.state, step
        assert (folder / INTERVALS_FILE).read_bytes() == after, step
        review = again


@pytest.mark.parametrize("broken", [INTERVALS_FILE, EDITS_FILE])
def test_an_edit_that_cannot_be_saved_changes_nothing(review: Review, folder: Path, broken: str) -> None:
    first, second = (row.id for row in review.state.intervals[:2])
    review.accept(first)
    before, revision = review.state, review.revision
    files = {name: (folder / name).read_bytes() for name in (INTERVALS_FILE, EDITS_FILE)}
    (folder / broken).unlink()
    (folder / broken).mkdir()
    (folder / broken / "in the way").touch()
    for edit in (lambda: review.accept(second), lambda: review.undo()):
        with pytest.raises(OutputError, match="cannot be written"):
            edit()
        assert (review.state, review.revision) == (before, revision)
    shutil.rmtree(folder / broken)
    (folder / broken).write_bytes(files[broken])
    assert {name: (folder / name).read_bytes() for name in files} == files
    review.accept(second)
    review.close()
    assert Review.open(folder).state == review.state != before


def test_tables_that_something_else_changed_are_respected(review: Review, folder: Path) -> None:
    first = review.state.intervals[0].id
    review.accept(first)
    review.close()
    table = folder / INTERVALS_FILE
    data = table.read_bytes()
    table.write_bytes(data.replace(_line(data, first), _line(data, first, "rejected")))
    again = Review.open(folder)
    assert interval(again, first).status == Status.REJECTED
    with pytest.raises(UsageError, match="something else"):
        again.undo()


def test_a_log_that_something_else_cut_is_not_filled_up(review: Review, folder: Path) -> None:
    first, second = (row.id for row in review.state.intervals[:2])
    review.accept(first)
    state = review.state
    (folder / EDITS_FILE).write_bytes(b"")
    with pytest.raises(OutputError, match="something else"):
        review.accept(second)
    assert review.state == state and (folder / EDITS_FILE).read_bytes() == b""
    review.close()
    assert Review.open(folder).state == state


def test_exclusions_are_read_with_the_session(review: Review, folder: Path) -> None:
    review.exclude(3.0, 5.0, 'says "hello", twice')
    (row,) = read_session(folder).exclusions
    assert row.reason == 'says "hello", twice' and row.start_s == pytest.approx(3.0, abs=0.05)
    with (folder / EXCLUSIONS_FILE).open(newline="") as file:
        assert next(csv.reader(file)) == ["id", "start_s", "end_s", "start_frame", "end_frame", "reason"]
