"""Other coders' work: round trips, names of tiers, and one sentence for what cannot be."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from praatio import textgrid
from pympi.Elan import Eaf

from app.exchange import ImportFormat, LabelNames, as_coded, export_session, import_as_coder, import_as_points
from app.exchange.recording import read_recording
from app.review.agree import agreement
from app.session import read_session
from models.errors import ApexspotError, DataError, UsageError
from models.types import ExpressionType
from tests.app.exchange.conftest import FPS, INTERVALS, KEPT, POINTS, make_session, table, time_s

ENDINGS = {"elan": ".eaf", "textgrid": ".TextGrid", "boris": ".boris.csv", "csv": ".intervals.csv"}


def exported(session: Path, format_: str, out: Path) -> Path:
    (file,) = (f for f in export_session(session, [format_], out).files if f.name.endswith(ENDINGS[format_]))
    return file


def eaf(path: Path, tiers: dict[str, list[tuple[int, int, str]]], origin_ms: int = 0) -> Path:
    document = Eaf()
    document.add_linked_file("file:///films/talk%20one.mp4", mimetype="video/mp4", time_origin=origin_ms or None)
    for name, marks in tiers.items():
        document.add_tier(name)
        for mark in marks:
            document.add_annotation(name, *mark)
    document.to_file(str(path))
    return path


@pytest.mark.parametrize("format_", ENDINGS)
def test_what_was_exported_comes_back_the_same(format_: str, session: Path, tmp_path: Path) -> None:
    file = exported(session, format_, tmp_path / "out")
    result = import_as_coder(file, ImportFormat(format_), session=session, coder="Second")
    assert result.file == session / "coders" / "Second.intervals.csv"
    assert result.counts == {ExpressionType.MACRO: 3, ExpressionType.MICRO: 3}
    back = read_recording(result.file).intervals
    counting = sorted((row for row in INTERVALS if row[0] in KEPT), key=lambda row: (row[2], row[4]))
    assert [s.id for s in back] == list(range(1, 7))
    assert {(s.source, s.status) for s in back} == {("Second", "accepted")}
    for stored, (_, type_, onset, apex, offset, *_) in zip(back, counting, strict=True):
        i = stored.interval
        assert i.type.value == type_ and i.score == 1.0
        assert (i.onset_s, i.offset_s) == pytest.approx((time_s(onset), time_s(offset)), abs=0.0005)
        assert (i.onset_frame, i.offset_frame) == (onset, offset)
        assert i.apex_s == pytest.approx(time_s(apex), abs=0.0005) and i.apex_frame == apex


@pytest.mark.parametrize("format_", ["elan", "textgrid", "boris"])
def test_points_come_back_as_labels_for_training(format_: str, session: Path, tmp_path: Path) -> None:
    file = exported(session, format_, tmp_path / "out")
    result = import_as_points([file], ImportFormat(format_), out=tmp_path / "points.csv", video="film")
    labels = pd.read_csv(result.file)
    assert list(labels.columns) == ["video", "time_s", "type"] and set(labels["video"]) == {"film"}
    assert sorted(zip(labels["time_s"], labels["type"], strict=True)) == sorted((k / FPS, t) for _, k, t in POINTS)
    assert any("intervals left out" in note for note in result.notes)


def test_the_labels_are_what_training_reads(tmp_path: Path, write_video, portrait) -> None:
    from training.readers import plain

    (tmp_path / "films").mkdir()
    write_video(tmp_path / "films" / "talk one.mp4", [portrait] * 90)
    source = eaf(tmp_path / "talk.eaf", {"micro": [(1000, 1200, "brow")], "MaE": [(1500, 2500, "apex 1.700 s")]})
    import_as_points([source], ImportFormat.ELAN, out=tmp_path / "films" / "points.csv")
    (recording,) = plain.read(tmp_path / "films").recordings
    assert [(point.time_s, point.type.value) for point in recording.points] == [(1.1, "micro"), (1.7, "macro")]


def test_names_of_tiers_and_labels_can_be_given(session: Path, tmp_path: Path) -> None:
    source = eaf(
        tmp_path / "anna.eaf",
        {"Face": [(400, 900, "Smile"), (1000, 1200, "twitch"), (2000, 2400, "blink")], "Speech": [(0, 100, "hm")]},
    )
    with pytest.raises(DataError, match=r"there are: Face \(3\), Speech \(1\).*--macro NAME and --micro NAME"):
        import_as_coder(source, ImportFormat.ELAN, session=session)
    names = LabelNames(macro=("smile ",), micro=("Twitch",))
    result = import_as_coder(source, ImportFormat.ELAN, session=session, names=names)
    assert result.file.name == "anna.intervals.csv"
    assert result.counts == {ExpressionType.MACRO: 1, ExpressionType.MICRO: 1}
    assert len(result.notes) == 1 and "Face (1), Speech (1)" in result.notes[0]
    first, second = read_recording(result.file).intervals
    assert (first.interval.onset_frame, first.interval.offset_frame) == (10, 22)
    assert second.interval.type is ExpressionType.MICRO and second.interval.onset_s == pytest.approx(time_s(25))


def test_the_origin_of_a_medium_in_elan_counts(tmp_path: Path) -> None:
    source = eaf(tmp_path / "a.eaf", {"macro": [(1000, 2000, "")]}, origin_ms=500)
    result = import_as_points([source], ImportFormat.ELAN, out=tmp_path / "p.csv")
    assert result.file.read_text() == "video,time_s,type\ntalk one.mp4,2.000000,macro\n"


def test_a_textgrid_in_utf16_is_read(session: Path, tmp_path: Path) -> None:
    grid = textgrid.Textgrid(0, 10)
    grid.addTier(textgrid.IntervalTier("micro", [(1.0, 1.4, "Ärger")], 0, 10))
    grid.save(str(tmp_path / "a.TextGrid"), "short_textgrid", includeBlankSpaces=True)
    text = (tmp_path / "a.TextGrid").read_text(encoding="utf-8")
    (tmp_path / "a.TextGrid").write_text(text, encoding="utf-16")
    result = import_as_coder(tmp_path / "a.TextGrid", ImportFormat.TEXTGRID, session=session)
    assert result.counts[ExpressionType.MICRO] == 1


TABULAR = ("Observation id", "Subject", "Behavior", "Behavioral category", "Behavior type", "Time", "Media file name")


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_boris_own_exports_are_read(delimiter: str, session: Path, tmp_path: Path) -> None:
    rows = [
        ("o", "p", "macro", "", "START", "1.0", "/data/film.mp4"),
        ("o", "p", "micro", "", "START", "1.2", "/data/film.mp4"),
        ("o", "p", "micro", "", "STOP", "1.4", "/data/film.mp4"),
        ("o", "p", "macro", "", "STOP", "2.0", "/data/film.mp4"),
        ("o", "p", "blink", "", "POINT", "3.0", "/data/film.mp4"),
    ]
    tabular = tmp_path / "tabular.csv"
    tabular.write_text("\n".join(delimiter.join(row) for row in [("Observation", "o"), TABULAR, *rows]))
    result = import_as_coder(tabular, ImportFormat.BORIS, session=session)
    found = [(s.interval.onset_frame, s.interval.offset_frame) for s in read_recording(result.file).intervals]
    assert found == [(25, 50), (30, 35)] and "blink (1)" in result.notes[0]
    header = ("Behavior", "Behavior type", "Start (s)", "Stop (s)", "Comment start")
    aggregated = tmp_path / "aggregated.tsv"
    lines = [header, ("macro", "STATE", "1.0", "2.0", "apex 1.200 s"), ("micro", "STATE", "1.2", "1.4", "apex 9.000 s")]
    aggregated.write_text("\n".join(delimiter.join(line) for line in lines))
    result = import_as_coder(aggregated, ImportFormat.BORIS, session=session)
    again = read_recording(result.file).intervals
    assert [(s.interval.onset_frame, s.interval.offset_frame) for s in again] == found
    assert again[0].interval.apex_frame == 30
    assert again[1].interval.apex_s == pytest.approx(time_s(0) + 1.3), "an apex outside of it is none"


def test_frames_of_a_challenge_table_are_taken_as_frames(session: Path, tmp_path: Path) -> None:
    megc = table(
        tmp_path / "m.csv", ("vid", "pred_onset", "pred_offset", "type"), [("a", 20, 55, "mae"), ("a", 40, 50, "me")]
    )
    result = import_as_coder(megc, ImportFormat.CSV, session=session)
    first, _ = read_recording(result.file).intervals
    assert (first.interval.onset_frame, first.interval.offset_frame) == (20, 55)
    assert first.interval.onset_s == pytest.approx(time_s(20))
    out = tmp_path / "points.csv"
    with pytest.raises(UsageError, match="--fps"):
        import_as_points([megc], ImportFormat.CSV, out=out)
    import_as_points([megc], ImportFormat.CSV, out=out, fps=25.0)
    assert list(pd.read_csv(out)["time_s"]) == [1.5, 1.8]


def test_without_a_session_the_rate_makes_frames(tmp_path: Path) -> None:
    source = eaf(tmp_path / "a.eaf", {"macro": [(1000, 2000, "")]})
    with pytest.raises(UsageError, match="--fps"):
        import_as_coder(source, ImportFormat.ELAN, out=tmp_path / "a.csv")
    result = import_as_coder(source, ImportFormat.ELAN, out=tmp_path / "a.csv", fps=30.0)
    (stored,) = read_recording(result.file).intervals
    assert (stored.interval.onset_frame, stored.interval.apex_frame, stored.interval.offset_frame) == (30, 45, 60)


def test_several_files_become_one_table_of_points(tmp_path: Path) -> None:
    grids = []
    for name in ("one", "two"):
        grid = textgrid.Textgrid(0, 10)
        grid.addTier(textgrid.IntervalTier("micro", [(1.0, 1.4, "x")], 0, 10))
        grid.save(str(tmp_path / f"{name}.TextGrid"), "long_textgrid", includeBlankSpaces=True)
        grids.append(tmp_path / f"{name}.TextGrid")
    result = import_as_points(grids, ImportFormat.TEXTGRID, out=tmp_path / "p.csv")
    assert list(pd.read_csv(result.file)["video"]) == ["one", "two"]


def broken(tmp_path: Path) -> dict[str, tuple[Path, str, str]]:
    """Files that cannot be taken in: format and a part of the sentence."""
    columns = ("onset_s", "offset_s", "type")
    at = time_s(0)
    files = {
        "backwards": (table(tmp_path / "a.csv", columns, [(at + 2, at + 1, "macro")]), "csv", "row 2: it ends before"),
        "letters": (
            table(tmp_path / "b.csv", columns, [(at, at, "macro"), ("x", at, "macro")]),
            "csv",
            "row 3: onset_s",
        ),
        "late": (
            table(tmp_path / "c.csv", columns, [(at + 20, at + 21, "micro")]),
            "csv",
            "row 2: .* outside the session",
        ),
        "frames": (
            table(tmp_path / "d.csv", ("onset_frame", "offset_frame", "type"), [(1, 999, "micro")]),
            "csv",
            "999",
        ),
        "columns": (table(tmp_path / "e.csv", ("a", "b"), [(1, 2)]), "csv", "no line of headers"),
        "empty": (table(tmp_path / "f.csv", columns, []), "csv", "no annotation at all"),
        "points": (table(tmp_path / "g.csv", ("time_s", "type"), [(at + 1, "macro")]), "csv", "--as points"),
        "xlsx": (tmp_path / "h.xlsx", "csv", "save or export it as CSV"),
        "unpaired": (
            table(tmp_path / "i.csv", ("time", "code"), [(1, "macro")]),
            "boris",
            "row 2: macro starts and never",
        ),
        "stop": (
            table(tmp_path / "j.csv", ("time", "code", "type"), [(1, "macro", "STOP")]),
            "boris",
            "without having started",
        ),
        "no elan": (table(tmp_path / "k.eaf", columns, []), "elan", "no .eaf"),
        "no grid": (table(tmp_path / "l.TextGrid", columns, []), "textgrid", "no TextGrid"),
        "commas": (tmp_path / "m.csv", "csv", "row 2 has 5 cells, but there are 3 columns"),
        "quote": (tmp_path / "n.csv", "csv", "row 2 .* quotation marks"),
        "status": (
            table(tmp_path / "o.csv", (*columns, "status"), [(at, at, "macro", ""), (at, at, "macro", "maybe")]),
            "csv",
            "row 3: its status is 'maybe'; known are found, accepted, rejected, replaced, left out",
        ),
        "missing": (tmp_path / "none.eaf", "elan", "There is no file"),
        "name": (table(tmp_path / "-..csv", columns, [(at, at, "macro")]), "csv", "--coder"),
    }
    (tmp_path / "h.xlsx").write_bytes(b"PK\x03\x04")
    (tmp_path / "m.csv").write_text("type,onset_s,offset_s\nmacro,1,5,2,9\n")
    (tmp_path / "n.csv").write_text('type,onset_s,offset_s,comment\nmacro,13,13.5,"unclosed\nmicro,14,14.2,x\n')
    return files


CASES = (
    "backwards",
    "letters",
    "late",
    "frames",
    "columns",
    "empty",
    "points",
    "xlsx",
    "unpaired",
    "stop",
    "no elan",
    "no grid",
    "commas",
    "quote",
    "status",
    "missing",
    "name",
)


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_taken_in_is_one_sentence(case: str, session: Path, tmp_path: Path) -> None:
    file, format_, sentence = broken(tmp_path)[case]
    with pytest.raises(ApexspotError, match=sentence) as caught:
        import_as_coder(file, ImportFormat(format_), session=session)
    assert file.name in str(caught.value) or case == "name"
    assert not (session / "coders").exists(), "nothing is left behind"


def test_an_import_replaces_only_what_it_may(session: Path, tmp_path: Path) -> None:
    source = eaf(tmp_path / "anna.eaf", {"macro": [(400, 900, "")]})
    first = import_as_coder(source, ImportFormat.ELAN, session=session)
    before = first.file.read_bytes()
    with pytest.raises(UsageError, match="would be overwritten"):
        import_as_coder(eaf(source, {"macro": [(400, 800, "")]}), ImportFormat.ELAN, session=session)
    assert first.file.read_bytes() == before
    import_as_coder(source, ImportFormat.ELAN, session=session, force=True)
    assert first.file.read_bytes() != before
    with pytest.raises(UsageError, match="either"):
        import_as_coder(source, ImportFormat.ELAN, session=session, out=tmp_path / "x.csv")
    with pytest.raises(UsageError, match="There is no session"):
        import_as_coder(source, ImportFormat.ELAN, session=tmp_path / "nowhere")


def test_a_status_may_be_empty_or_in_capitals(session: Path, tmp_path: Path) -> None:
    columns = ("type", "onset_s", "offset_s", "status")
    said = ("", "Accepted", " FOUND ", "Rejected", "left out", "replaced")
    rows = [("macro", time_s(10 * k), time_s(10 * k + 5), status) for k, status in enumerate(said)]
    result = import_as_coder(table(tmp_path / "a.csv", columns, rows), ImportFormat.CSV, session=session)
    assert [stored.interval.onset_frame for stored in read_recording(result.file).intervals] == [0, 10, 20]


def test_semicolons_may_separate_what_has_commas_and_stand_behind_a_row(session: Path, tmp_path: Path) -> None:
    file = tmp_path / "german.csv"
    file.write_text('sep=;\n"type";"onset_s";"offset_s"\n"macro";13,5;14,5;;\n', encoding="utf-8-sig")
    (stored,) = read_recording(import_as_coder(file, ImportFormat.CSV, session=session).file).intervals
    assert (stored.interval.onset_frame, stored.interval.offset_frame) == (25, 50)


@pytest.mark.parametrize("target", ["source", "link", "intervals.csv", "exclusions.csv", "SESSION.JSON"])
def test_an_import_never_replaces_its_source_or_what_a_session_is(target: str, session: Path, tmp_path: Path) -> None:
    source = table(tmp_path / "anna.csv", ("onset_s", "offset_s", "type"), [(13.0, 14.0, "macro")])
    outs = {"source": source, "link": tmp_path / "link.csv"}
    outs["link"].symlink_to(session / "intervals.csv")
    before = {path: path.read_bytes() for path in (source, *session.iterdir())}
    with pytest.raises(UsageError, match=r"is what is being imported|belongs to the session there"):
        import_as_coder(source, ImportFormat.CSV, out=outs.get(target, session / target), fps=25.0, force=True)
    assert {path: path.read_bytes() for path in (source, *session.iterdir())} == before
    into = import_as_coder(source, ImportFormat.CSV, session=session).file
    with pytest.raises(UsageError, match="is what is being imported"):
        import_as_points([into], ImportFormat.CSV, out=into, force=True)


def test_an_unfinished_session_takes_nothing_in(tmp_path: Path) -> None:
    from app.session.schema import SessionState

    folder = make_session(tmp_path / "s", state=SessionState.RECORDING)
    source = eaf(tmp_path / "anna.eaf", {"macro": [(400, 900, "")]})
    with pytest.raises(DataError, match="apexspot recover"):
        import_as_coder(source, ImportFormat.ELAN, session=folder)


def test_a_coder_can_be_compared_with_the_session(session: Path, tmp_path: Path) -> None:
    own = read_session(session)
    file = exported(session, "elan", tmp_path / "out")
    same = as_coded(own, import_as_coder(file, ImportFormat.ELAN, session=session, coder="same").file)
    assert [(row.a, row.b, row.hits) for row in agreement(own, same)] == [(3, 3, 3), (3, 3, 3), (6, 6, 6)]
    source = eaf(tmp_path / "anna.eaf", {"macro": [(800, 2200, "")], "micro": [(9000, 9200, "")]})
    other = as_coded(own, import_as_coder(source, ImportFormat.ELAN, session=session).file)
    macro, micro, _ = agreement(own, other)
    assert (macro.a, macro.b, macro.hits) == (3, 1, 1) and micro.hits == 0
    later = make_session(tmp_path / "later")
    frames = [line.split(",") for line in (later / "frames.csv").read_text().splitlines()]
    table(later / "frames.csv", frames[0], [[int(k) + 100, *rest] for k, *rest in frames[1:]])
    with pytest.raises(DataError, match="is not of the recording"):
        as_coded(read_session(later), session / "coders" / "anna.intervals.csv")
