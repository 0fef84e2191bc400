from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.tables import (
    FRAME_COLUMNS,
    INTERVAL_COLUMNS,
    FrameRows,
    at_times,
    check_folder,
    existing,
    is_file,
    is_folder,
    look,
    resolved,
    whole_file,
    write_frames,
    write_intervals,
    write_summary,
)
from models.errors import OutputError, UsageError
from models.types import ExpressionType, Interval, Scores

GRID = np.arange(6) / 30


def scores(valid=(1, 1, 1, 1, 1, 1), intensity=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5)):
    ok = np.array(valid, bool)
    values = np.where(ok, np.array(intensity, np.float32), np.nan).astype(np.float32)
    return Scores(GRID, ok, values, values / 2, values / 4, np.where(ok, 1, 0).astype(np.float32))


def rows(times, faces=None):
    faces = [True] * len(times) if faces is None else faces
    return FrameRows(np.arange(len(times)), np.array(times), np.array(faces))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def read(path):
    data = path.read_bytes()
    assert b"\r" not in data
    assert data.endswith(b"\n")
    return list(csv.reader(data.decode().splitlines()))


MACRO = Interval(ExpressionType.MACRO, 1.0, 1.5, 2.25, 30, 45, 67, 0.87654)
MICRO = Interval(ExpressionType.MICRO, 3.0, 3.1, 1 / 3 + 3, 90, 93, 100, 0.5)


def test_intervals_are_numbered_in_order_of_onset(tmp_path):
    """However they became final: a macro-expression may begin before a shorter one that was settled earlier."""
    early = replace(MACRO, onset_s=0.5, onset_frame=15)
    tables = [tmp_path / "live.csv", tmp_path / "batch.csv"]
    write_intervals(tables[0], (MACRO, early, MICRO))
    write_intervals(tables[1], (early, MACRO, MICRO))
    assert [(row[0], row[2]) for row in read(tables[0])[1:]] == [("1", "0.5000"), ("2", "1.0000"), ("3", "3.0000")]
    assert read(tables[0]) == read(tables[1])


def test_intervals_have_the_agreed_columns(tmp_path):
    path = tmp_path / "a.intervals.csv"
    write_intervals(path, (MACRO, MICRO))
    head, first, second = read(path)
    assert ",".join(head) == (
        "id,type,onset_s,apex_s,offset_s,duration_s,onset_frame,apex_frame,offset_frame,score,source,status"
    )
    assert tuple(head) == INTERVAL_COLUMNS
    assert ",".join(first) == "1,macro,1.0000,1.5000,2.2500,1.2500,30,45,67,0.8765,model,found"
    assert ",".join(second) == "2,micro,3.0000,3.1000,3.3333,0.3333,90,93,100,0.5000,model,found"


def test_no_interval_is_a_table_without_rows(tmp_path):
    write_intervals(tmp_path / "a.csv", [])
    assert read(tmp_path / "a.csv") == [list(INTERVAL_COLUMNS)]


def test_frames_get_interpolated_scores_and_empty_cells_without_a_face(tmp_path):
    path = tmp_path / "a.frames.csv"
    write_frames(path, rows([0.0, 0.05, 0.1], [True, True, False]), scores())
    assert read(path) == [
        list(FRAME_COLUMNS),
        ["0", "0.0000", "1", "0.00000", "0.00000", "0.00000", "1.000"],
        ["1", "0.0500", "1", "0.15000", "0.07500", "0.03750", "1.000"],
        ["2", "0.1000", "0", "", "", "", ""],
    ]


def test_interpolation_invents_nothing_in_a_gap():
    s = scores(valid=(1, 1, 0, 0, 0, 1))
    got = at_times(s, s.intensity, np.array([0.0, 0.05, 0.0833, 0.1, 0.15, 1 / 6, 0.19, 0.3]))
    assert got[0] == pytest.approx(0.0)
    assert got[1] == pytest.approx(0.1)  # between a valid and an invalid point the valid one counts
    assert np.isnan(got[2:4]).all()
    assert got[4:7] == pytest.approx([0.5, 0.5, 0.5])
    assert np.isnan(got[7])


def test_interpolation_of_nothing_is_nothing():
    assert np.isnan(at_times(Scores.empty(), Scores.empty().intensity, np.array([0.0, 1.0]))).all()


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("before")

    def break_off():
        with whole_file(path) as file:
            file.write("half")
            assert path.read_text() == "before"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert path.read_text() == "before"
    assert names_in(tmp_path) == ["a.csv"]
    with whole_file(path) as file:
        file.write("after\n")
    assert path.read_bytes() == b"after\n"
    assert names_in(tmp_path) == ["a.csv"]


def test_what_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_intervals(tmp_path / "missing" / "a.csv", [])
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Nothing can be written"):
        check_folder(tmp_path / "file" / "below")
    target = tmp_path / "taken.csv"
    target.mkdir()
    with pytest.raises(OutputError, match=r"taken\.csv cannot be written"):
        write_intervals(target, [])
    assert names_in(tmp_path) == ["file", "taken.csv"]


def test_a_folder_is_made_and_left_empty(tmp_path):
    check_folder(tmp_path / "a" / "b")
    assert names_in(tmp_path / "a" / "b") == []


def test_existing_results_are_seen(tmp_path):
    (tmp_path / "a").touch()
    assert existing([tmp_path / "a", tmp_path / "b"]) == [tmp_path / "a"]


def test_a_summary_is_json_and_refuses_what_json_has_not(tmp_path):
    write_summary(tmp_path / "a.json", {"name": "Größe", "fps": 25.0})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"name": "Größe", "fps": 25.0}
    with pytest.raises(ValueError, match="JSON"):
        write_summary(tmp_path / "b.json", {"fps": float("nan")})
    assert names_in(tmp_path) == ["a.json"]


def test_a_name_that_is_no_utf8_comes_back_from_json(tmp_path):
    write_summary(tmp_path / "a.json", {"video": "Größe\udcff.mp4"})
    text = (tmp_path / "a.json").read_text("utf-8")
    assert "Größe\\udcff.mp4" in text and json.loads(text) == {"video": "Größe\udcff.mp4"}


def test_a_file_may_have_the_longest_name_that_there_is(tmp_path):
    path = tmp_path / ("n" * 251 + ".csv")
    with whole_file(path) as file:
        file.write("x")
    assert names_in(tmp_path) == [path.name]


def test_what_is_at_a_path_is_asked_without_surprises(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert is_file(tmp_path / "file") and not is_folder(tmp_path / "file")
    assert is_folder(tmp_path) and not is_file(tmp_path)
    nothing = (tmp_path / "gone", tmp_path / "file" / "below", tmp_path / ("n" * 300), tmp_path / "a\0b")
    assert [look(path) for path in nothing] == [None] * 4 and existing(nothing) == []

    def refuse(self, **more):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "stat", refuse)
    for ask in (look, is_file, is_folder, lambda path: existing([path])):
        with pytest.raises(UsageError, match=r"file cannot be read \(Permission denied\)"):
            ask(tmp_path / "file")


def test_a_link_to_itself_is_a_sentence(tmp_path):
    loop = tmp_path / "loop"
    try:
        loop.symlink_to("loop")
    except OSError:
        pytest.skip("links cannot be made here")
    assert resolved(loop).name == "loop" and existing([loop]) == [loop]
    with pytest.raises(UsageError, match="loop cannot be read"):
        look(loop)
