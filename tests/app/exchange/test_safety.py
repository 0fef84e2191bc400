"""The commands as a person uses them: nothing runs in a spreadsheet, nothing is overwritten, nothing half-written."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.exchange.files import bare_text, plain_text, safe_text
from app.session.schema import SessionState
from tests.app.exchange.conftest import make_session

FORMULAS = ("=1+1", "+1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\0=1", "＝1+1", "'=1")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_defused(text: str) -> None:
    assert safe_text(text).startswith("'") and "\r" not in safe_text(text) and "\t" not in safe_text(text)


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert bare_text(safe_text(text)) == plain_text(text)
    assert not safe_text(text).lstrip().startswith(("=", "+", "-", "@"))


def test_no_cell_of_any_table_would_run(session: Path, run, tmp_path: Path) -> None:
    code, _, err = run("export", session, "--to", "all", "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    for file in (tmp_path / "out").iterdir():
        if file.suffix in (".csv", ".tsv"):
            with file.open(encoding="utf-8", newline="") as opened:
                cells = [c for row in csv.reader(opened, delimiter="\t" if file.suffix == ".tsv" else ",") for c in row]
            assert cells and not [c for c in cells if c.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_export_names_its_files_and_keeps_what_is_there(session: Path, run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text, _ = run("export", session, "--to", "elan", "--to", "csv", "--out", out)
    assert code == 0 and [Path(line).name for line in text.splitlines()] == [
        f"{session.name}{ending}"
        for ending in (".intervals.csv", ".frames.csv", ".points.csv", ".exclusions.csv", ".eaf")
    ]
    (out / f"{session.name}.eaf").write_text("mine")
    code, text, err = run("export", session, "--to", "elan", "--to", "html", "--out", out)
    assert code == 2 and "would be overwritten" in err and "--force" in err and text == ""
    assert not (out / f"{session.name}.html").exists(), "nothing is written before all is checked"
    assert run("export", session, "--to", "elan", "--out", out, "--force")[0] == 0
    assert "ANNOTATION_DOCUMENT" in (out / f"{session.name}.eaf").read_text()


def test_an_export_never_writes_over_its_source(session: Path, bare: Path, run) -> None:
    for source, out in ((bare, bare.parent), (session / "intervals.csv", session)):
        before = {path: path.read_bytes() for path in out.iterdir()}
        code, _, err = run("export", source, "--to", "csv", "--out", out, "--force")
        if source == bare:
            assert code == 2 and "is what is being exported" in err
        assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("nowhere", "--to", "csv"), 2, "There is no session or table nowhere"),
        ((".", "--to", "csv"), 2, "is no session"),
        (("SESSION", "--to", "doc"), 2, "no format doc; there are: csv, megc"),
        (("SESSION", "--to", "csv", "--video", "none.mp4"), 2, "There is no video none.mp4"),
        (("SESSION", "--to", "csv", "--out", "FILE"), 2, "is a file; --out wants a folder"),
        (("SESSION", "OTHER", "--to", "csv"), 2, "Two of the recordings would both be written to"),
        (("BROKEN", "--to", "csv"), 1, "apexspot recover"),
        (("FILE", "--to", "csv"), 1, "lacks the column id"),
        (("VIDEO", "--to", "csv"), 2, "has not been analysed; do that first: apexspot open"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    arguments: tuple[str, ...], code: int, sentence: str, session: Path, run, tmp_path: Path
) -> None:
    file = tmp_path / "some.csv"
    file.write_text("a,b\n1,2\n")
    other = make_session(tmp_path / "elsewhere" / session.name)
    broken = make_session(tmp_path / "broken", state=SessionState.RECORDING)
    video = tmp_path / "film.mp4"
    video.write_bytes(b"a film")
    named = {"SESSION": session, "FILE": file, "OTHER": other, "BROKEN": broken, "VIDEO": video}
    found = run("export", *(named.get(argument, argument) for argument in arguments))
    assert found[0] == code and sentence in found[2] and found[2].count("\n") == 1
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("1,macro,0.5,0.4,0.9,0.4,1,2,3,0.5,model,found", "row 2 cannot be understood"),
        ("1,smile,0.1,0.4,0.9,0.8,1,2,3,0.5,model,found", "row 2 cannot be understood"),
        ("1,macro,0.1", "row 2 cannot be understood"),
    ],
)
def test_a_damaged_row_is_named(line: str, sentence: str, bare: Path, run) -> None:
    header = bare.read_text().splitlines()[0]
    bare.write_text(f"{header}\n{line}\n")
    code, _, err = run("export", bare, "--to", "megc")
    assert code == 1 and sentence in err and "talk.intervals.csv" in err


def test_a_damaged_row_of_frames_is_named(bare: Path, run) -> None:
    frames = bare.with_name("talk.frames.csv")
    frames.write_text(frames.read_text() + ",9.0,1,0.1,0.1,0.1,1.0\n")
    code, _, err = run("export", bare, "--to", "openface")
    assert code == 1 and "cannot be understood" in err and "talk.frames.csv" in err


def test_a_full_disk_leaves_nothing_half_written(
    session: Path, run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", no_space)
    for format_ in ("csv", "elan", "textgrid", "boris", "bids", "openface", "html"):
        code, _, err = run("export", session, "--to", format_, "--out", tmp_path / "out")
        assert code == 1 and "No space left on device" in err
        assert list((tmp_path / "out").iterdir()) == []


def test_import_says_what_it_took_and_what_not(session: Path, run, tmp_path: Path) -> None:
    run("export", session, "--to", "elan", "--out", tmp_path / "out")
    file = tmp_path / "out" / f"{session.name}.eaf"
    code, text, err = run("import", file, "--format", "elan", "--into", session, "--coder", "B")
    target = session / "coders" / "B.intervals.csv"
    assert code == 0 and text == f"3 macro, 3 micro -> {target}\n" and target.is_file()
    assert "exclusions (2)" in err and "3 points left out" in err
    code, text, _ = run("import", file, "--format", "elan", "--as", "points", "--out", "points.csv")
    assert code == 0 and text == "2 macro, 1 micro -> points.csv\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--format", "word", "--into", "s"), "no format word"),
        (("--format", "elan"), "either --into SESSION or --out CSV"),
        (("--format", "elan", "--as", "points", "--into", "s"), "--out CSV instead of --into"),
        (("--format", "elan", "--as", "judge", "--out", "x"), "it is coder or points"),
        (("b.eaf", "--format", "elan", "--into", "s"), "One file at a time"),
        (("--format", "elan", "--into", "s", "--video", "v"), "--video goes with --as points"),
    ],
)
def test_an_impossible_import_is_one_sentence(arguments: tuple[str, ...], sentence: str, run) -> None:
    code, _, err = run("import", "a.eaf", *arguments)
    assert code == 2 and sentence in err and err.count("\n") == 1
