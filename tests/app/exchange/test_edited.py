"""Tables of ours that a person or a spreadsheet changed: read where they are clear, refused in a sentence else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from app.exchange import ImportFormat, export_session, import_as_coder
from app.exchange.recording import read_recording
from app.tables import INTERVAL_COLUMNS
from models.errors import ApexspotError, DataError, UsageError
from tests.app.exchange.conftest import FRAMES, KEPT

ROW = "1,macro,0.1,0.4,0.9,0.8,2,10,22,0.5,model,found"
HEAD = ",".join(INTERVAL_COLUMNS)


@pytest.mark.parametrize(
    ("said", "status"),
    [("", "found"), ("Accepted", "accepted"), (" REJECTED ", "rejected"), ("Left Out", "left out")],
)
def test_a_status_is_read_as_it_was_meant(said: str, status: str, bare: Path, tmp_path: Path) -> None:
    bare.write_text(f"{HEAD}\n{ROW.removesuffix('found')}{said}\n")
    (stored,) = read_recording(bare).intervals
    assert stored.status == status
    csv, _, megc = export_session(bare, ["csv", "megc"], tmp_path / "out").files
    assert list(pd.read_csv(csv)["status"]) == [status]
    assert len(pd.read_csv(megc)) == (status in ("found", "accepted"))


def test_what_was_left_out_stays_so_when_it_is_exported_again(session: Path, tmp_path: Path) -> None:
    with (session / "exclusions.csv").open("a") as file:
        file.write("3,13.5,13.7,25,30,over the first apex\n")
    first = export_session(session, ["csv", "megc"], tmp_path / "one").files
    again = export_session(first[0], ["megc"], tmp_path / "two").files
    assert len(pd.read_csv(again[0])) == len(pd.read_csv(first[-1])) == len(KEPT) - 1


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (ROW.replace("found", "maybe"), "status is 'maybe'; known are found, accepted, rejected, replaced, left out"),
        (ROW.replace("2,10,22", "22,10,2"), "onset_frame, apex_frame and offset_frame are not in this order"),
        (ROW.replace("2,10,22", "2,10,99999999999999999999"), "offset_frame are not in this order"),
        (ROW.replace("2,10,22", "2,1.5,22"), "apex_frame is '1.5', not a whole number"),
        (ROW.replace("0.1,", "nan,"), "onset_s or offset_s is no time"),
        (ROW.replace("0.4,0.9", "0.4,inf"), "onset_s or offset_s is no time"),
        (ROW.replace("0.1,0.4,0.9", "1e300,2e305,3e306"), "onset_s or offset_s is no time"),
        (ROW.replace("0.1,0.4,0.9", "0.1,nan,0.9"), "are not in this order"),
        (ROW.removesuffix(",model,found"), "it has no cell source"),
        (ROW.replace("macro", "smile"), "its type is 'smile'; it is macro or micro"),
    ],
)
def test_a_row_that_cannot_be_is_named(row: str, sentence: str, bare: Path) -> None:
    bare.write_text(f"{HEAD}\n\n{row}\n")
    with pytest.raises(DataError) as caught:
        read_recording(bare)
    assert str(caught.value).startswith(f"{bare}, row 3 cannot be understood: ") and sentence in str(caught.value)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("99999999999999999999,10.0", "there is no frame 99999999999999999999"),
        ("-1,10.0", "there is no frame -1"),
        ("250,nan", "time_s is 'nan', not a time"),
    ],
)
def test_a_frame_that_cannot_be_is_named(row: str, sentence: str, bare: Path) -> None:
    frames = bare.with_name("talk.frames.csv")
    frames.write_text(frames.read_text() + f"{row},1,0.5,0.2,0.1,1.000\n")
    with pytest.raises(DataError) as caught:
        read_recording(bare)
    assert f"{frames}, row {FRAMES + 2} cannot be understood: {sentence}" in str(caught.value)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_table_that_a_spreadsheet_saved_is_read(separator: str, bare: Path) -> None:
    before = read_recording(bare)
    for path in (bare, bare.with_name("talk.frames.csv")):
        text = path.read_text().replace(",", separator).replace(".", ",")
        path.write_text("sep=;\n" + text if separator == ";" else text, encoding="utf-8-sig")
    after = read_recording(bare)
    assert after.intervals == before.intervals and after.duration_s == before.duration_s
    bare.write_text(bare.read_text(encoding="utf-8-sig").removeprefix("sep=;\n").replace("score", "points"))
    with pytest.raises(DataError, match="lacks the column score"):
        read_recording(bare)


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        ({"fps": "30"}, "fps is '30', not a number"),
        ({"duration_s": -1}, "duration_s is -1, not a number"),
        ({"fps": float("nan")}, "fps is nan, not a number"),
        ({"settings": {"grid_hz": "30"}}, "grid_hz is '30', not a number"),
        ({"settings": {"macro_threshold": True}}, "macro_threshold is True, not a number"),
        ({"settings": "none"}, "settings is no group of values"),
        ({"versions": ["a"]}, "versions is no group of values"),
    ],
)
def test_a_summary_that_cannot_be_is_named(summary: dict[str, object], sentence: str, bare: Path) -> None:
    bare.with_name("talk.json").write_text(json.dumps(summary))
    with pytest.raises(DataError) as caught:
        read_recording(bare)
    assert str(caught.value).startswith(f"{bare.with_name('talk.json')}: {sentence}")


def test_a_summary_may_leave_things_open(bare: Path, tmp_path: Path) -> None:
    summary = {"fps": None, "settings": {"grid_hz": None, "macro_threshold": None}, "model": None}
    bare.with_name("talk.json").write_text(json.dumps(summary))
    (file,) = export_session(bare, ["html"], tmp_path / "out").files
    assert "Grid rate" not in file.read_text()


def test_where_one_may_not_look_there_is_a_sentence(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Path.stat

    def refuse(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if "closed" in self.parts:
            raise PermissionError(13, "Permission denied", str(self))
        return stat(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", refuse)
    closed, beside = Path("closed"), bare.parent
    for source, out, video in ((closed, beside, None), (bare, closed, None), (bare, beside, closed / "v.mp4")):
        with pytest.raises(UsageError, match=r"closed.* cannot be read"):
            export_session(source, ["html"], out, video=video)
    for file, target in ((closed / "a.csv", Path("b.csv")), (bare, closed / "b.csv")):
        with pytest.raises(UsageError, match=r"closed.* cannot be read"):
            import_as_coder(file, ImportFormat.CSV, out=target, fps=25.0, coder="a")


def test_names_that_are_too_long_are_a_sentence(bare: Path, tmp_path: Path) -> None:
    long = tmp_path / ("n" * 300)
    for source, out, video in ((long, tmp_path, None), (bare, long, None), (bare, tmp_path, long)):
        with pytest.raises(ApexspotError, match=r"There is no|too long"):
            export_session(source, ["elan"], out, video=video)
