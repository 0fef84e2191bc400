"""Each format is opened by a reader that is not ours, and holds the same intervals to the millisecond."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pandas as pd
import pytest
from praatio import textgrid
from pympi.Elan import Eaf

from app.exchange import ExportResult, Format, export_all, export_session
from app.exchange.recording import read_recording
from app.session.schema import SourceInfo, read_info, write_info
from app.tables import FRAME_COLUMNS, INTERVAL_COLUMNS
from models.errors import UsageError
from tests.app.exchange.conftest import (
    EXCLUSIONS,
    FIRST_S,
    FPS,
    INTERVALS,
    KEPT,
    POINTS,
    REASON,
    make_session,
    table,
    time_s,
)


def expected(type_: str) -> list[tuple[int, int]]:
    """Onsets and offsets (ms from the first picture) of the intervals of a type that count, in order."""
    return sorted(
        (round(a / FPS * 1000), round(c / FPS * 1000)) for n, t, a, _, c, *_ in INTERVALS if t == type_ and n in KEPT
    )


def exported(source: Path, format_: str, out: Path, ending: str) -> Path:
    (file,) = (f for f in export_session(source, [format_], out).files if f.name.endswith(ending))
    return file


def lanes(tiers: dict[str, list[tuple[int, int]]], name: str) -> list[tuple[int, int]]:
    """All annotations of a name, spread over tiers ``name``, ``name 2``, …; none of them overlap within a tier."""
    found = [marks for tier, marks in tiers.items() if re.fullmatch(rf"{name}( \d+)?", tier)]
    for marks in found:
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(marks))
    return sorted(mark for marks in found for mark in marks)


@pytest.mark.filterwarnings("ignore:Parsing unknown version")
def test_pympi_reads_the_elan_file(session: Path, write_video, portrait, tmp_path: Path) -> None:
    write_video(session / "video.mp4", [portrait] * 3)
    document = Eaf(str(exported(session, "elan", tmp_path / "out", ".eaf")))
    assert list(document.get_tier_names())[:4] == ["macro", "micro", "points", "exclusions"]
    tiers = {name: sorted(mark[:2] for mark in document.get_annotation_data_for_tier(name)) for name in document.tiers}
    assert lanes(tiers, "macro") == expected("macro") and lanes(tiers, "micro") == expected("micro")
    assert {start for start, _ in lanes(tiers, "points")} == {round(k / FPS * 1000) for _, k, _ in POINTS}
    assert lanes(tiers, "exclusions") == [(round(a / FPS * 1000), round(b / FPS * 1000)) for _, a, b, _ in EXCLUSIONS]
    texts = [text for _, _, text in document.get_annotation_data_for_tier("exclusions")]
    assert texts == [REASON, "excluded"]
    assert list(document.timeslots.values()) == sorted(document.timeslots.values())
    (media,) = document.get_linked_files()
    assert media["MEDIA_URL"] == (session / "video.mp4").as_uri() and media["MIME_TYPE"] == "video/mp4"
    assert (tmp_path / "out" / media["RELATIVE_MEDIA_URL"]).resolve() == session / "video.mp4"


def test_praatio_reads_the_textgrid(session: Path, tmp_path: Path) -> None:
    file = exported(session, "textgrid", tmp_path, ".TextGrid")
    grid = textgrid.openTextgrid(str(file), includeEmptyIntervals=True)
    assert grid.maxTimestamp == pytest.approx(10.0)
    filled, tiers = {}, {}
    for tier in grid.tiers:
        entries = [(round(entry[0] * 1000), round(entry[-2] * 1000), entry[-1]) for entry in tier.entries]
        filled[tier.name] = entries
        tiers[tier.name] = [entry[:2] for entry in entries if entry[2]]
    assert lanes(tiers, "macro") == expected("macro") and lanes(tiers, "micro") == expected("micro")
    for name in ("macro", "micro", "exclusions"):
        rows = filled[name]
        assert rows[0][0] == 0 and rows[-1][1] == 10_000, "the tier reaches from end to end"
        assert all(a[1] == b[0] for a, b in itertools.pairwise(rows)), "there is no gap in it"
    assert sorted(
        label for tier in grid.tiers if tier.name.startswith("points") for _, label in tier.entries
    ) == sorted(type_ for *_, type_ in POINTS)


def test_pandas_reads_our_tables_and_they_keep_every_row(session: Path, tmp_path: Path) -> None:
    result = export_session(session, [Format.CSV], tmp_path / "out")
    names = [file.name.removeprefix(session.name) for file in result.files]
    assert names == [".intervals.csv", ".frames.csv", ".points.csv", ".exclusions.csv"]
    intervals, frames, points, exclusions = (pd.read_csv(file) for file in result.files)
    assert tuple(intervals.columns) == INTERVAL_COLUMNS and tuple(frames.columns) == FRAME_COLUMNS
    assert sorted(intervals["id"]) == [row[0] for row in INTERVALS], "rejected and replaced ones stay in the table"
    for row in intervals.itertuples():
        _, type_, onset, apex, offset, score, source, status = INTERVALS[row.id - 1]
        assert (row.type, row.source, row.status) == (type_, source, status)
        times = (row.onset_s, row.apex_s, row.offset_s, row.duration_s)
        assert times == pytest.approx((time_s(onset), time_s(apex), time_s(offset), (offset - onset) / FPS), abs=5e-7)
        assert (row.onset_frame, row.apex_frame, row.offset_frame) == (onset, apex, offset)
        assert row.score == pytest.approx(score, abs=5e-6)
    assert list(points["frame"]) == [25, 45, 45] and set(points["type"]) == {"macro", "micro"}
    assert list(exclusions["start_frame"]) == [200, 230]
    own = pd.read_csv(session / "frames.csv")
    pd.testing.assert_frame_equal(frames, own)


def test_the_megc_tables_hold_frames_with_inclusive_ends(session: Path, bare: Path, tmp_path: Path) -> None:
    result = export_all([session, bare], ["megc", "megc-str"], tmp_path)
    assert [file.name for file in result.files] == ["megc.csv", "megc-str.csv"]
    spotted, recognised = (pd.read_csv(file, keep_default_na=False) for file in result.files)
    assert list(spotted.columns) == ["vid", "pred_onset", "pred_offset", "type"]
    counting = [row for row in INTERVALS if row[0] in KEPT]
    for video in (session.name, "talk"):
        rows = spotted[spotted["vid"] == video]
        found = set(zip(rows["pred_onset"], rows["pred_offset"], rows["type"], strict=True))
        assert found == {(a, c, {"macro": "mae", "micro": "me"}[t]) for _, t, a, _, c, *_ in counting}
    assert list(recognised.columns) == ["subject", "video", "onset", "offset", "emotion"]
    assert set(recognised["emotion"]) == {""} and set(recognised["subject"]) == {"P7", ""}
    own = recognised[recognised["video"] == session.name]
    assert set(zip(own["onset"], own["offset"], strict=True)) == {
        (a, c) for _, t, a, _, c, *_ in counting if t == "micro"
    }


def test_no_table_of_a_challenge_mixes_two_recordings(session: Path, bare: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Path(shutil.copy(bare, tmp_path / "other" / "speech.intervals.csv"))
    other.with_name("speech.json").write_text('{"video": "talk.mov"}')
    out = tmp_path / "out"
    for format_ in ("megc", "megc-str"):
        with pytest.raises(UsageError, match=r"talk\.intervals\.csv and .*speech\.intervals\.csv would both be talk"):
            export_all([bare, other], [format_], out)
    result = export_all([bare, other], ["all"], out)
    assert not [file for file in result.files if "megc" in file.name]
    assert sum("would both be talk in the table" in note for note in result.notes) == 2
    people = [make_session(tmp_path / person, participant=person) for person in ("P1", "P2")]
    for person in people:
        info = read_info(person)
        write_info(person, info.model_copy(update={"source": SourceInfo(kind="file", name="smile.mp4")}))
    with pytest.raises(UsageError, match="would both be smile"):
        export_all(people, ["megc"], out)
    (file,) = export_all(people, ["megc-str"], out).files
    assert set(pd.read_csv(file)["subject"]) == {"P1", "P2"}, "the participant tells them apart"


def test_pandas_reads_the_boris_workbook_as_boris_does(session: Path, tmp_path: Path) -> None:
    text, book = export_session(session, ["boris"], tmp_path).files
    events = pd.read_excel(book, sheet_name=0, engine="openpyxl").fillna("")
    assert list(events.columns) == ["time", "subject", "code", "modifier", "comment"]
    written = pd.read_csv(text, keep_default_na=False)
    assert list(events["time"]) == pytest.approx(list(written["time"]))
    assert list(events["code"]) == list(written["code"])
    assert list(events["time"]) == sorted(events["time"]) and set(events["subject"]) == {"P7"}
    # BORIS pairs the rows of one code and modifier in turn
    pairs: dict[str, list[tuple[int, int]]] = {}
    for (code, _), group in events.groupby(["code", "modifier"]):
        times = [round(t * 1000) for t in group["time"]]
        if not code.startswith("point"):
            assert len(times) % 2 == 0
            pairs.setdefault(code, []).extend(zip(times[::2], times[1::2], strict=True))
    assert sorted(pairs["macro"]) == expected("macro") and sorted(pairs["micro"]) == expected("micro")
    assert len(pairs["excluded"]) == 2
    points = events[events["code"].str.startswith("point")]
    assert sorted(points["code"]) == ["point macro", "point macro", "point micro"]
    assert REASON in set(events["comment"]), "in a workbook a text is a text"


def test_the_bids_files_keep_the_written_rules(session: Path, tmp_path: Path) -> None:
    tsv, sidecar = export_session(session, ["bids"], tmp_path).files
    assert re.fullmatch(
        r"sub-[0-9A-Za-z]+(_[a-z]+-[0-9A-Za-z]+)*_task-[0-9A-Za-z]+(_[a-z]+-[0-9A-Za-z]+)*_events\.tsv", tsv.name
    )
    assert sidecar.name == tsv.name.removesuffix(".tsv") + ".json"
    raw = tsv.read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf") and b"\r" not in raw
    header = raw.decode("utf-8").splitlines()[0].split("\t")
    assert header[:3] == ["onset", "duration", "trial_type"] and len(set(header)) == len(header)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in header), "names are snake case"
    cells = pd.read_csv(tsv, sep="\t", dtype=str, keep_default_na=False)
    assert not (cells == "").any().any(), "what is not known is n/a, never empty"
    for name in ("onset", "duration"):
        assert pd.to_numeric(cells[name]).notna().all()
    events = pd.read_csv(tsv, sep="\t", na_values="n/a")
    assert (events["duration"] >= 0).all() and events["onset"].is_monotonic_increasing
    described = json.loads(sidecar.read_text())
    assert set(described) == set(header)
    assert set(events["trial_type"]) <= set(described["trial_type"]["Levels"])
    for type_ in ("macro", "micro"):
        rows = events[events["trial_type"] == type_]
        ends = [(round(a * 1000), round((a + d) * 1000)) for a, d in zip(rows["onset"], rows["duration"], strict=True)]
        assert sorted(ends) == expected(type_)
    assert (events["trial_type"] == "excluded").sum() == 2
    assert (events[events["trial_type"].str.startswith("point")]["duration"] == 0).all()


def test_people_whose_names_have_no_ascii_stay_apart_in_bids(bare: Path, tmp_path: Path) -> None:
    tables = [Path(shutil.copy(bare, tmp_path / f"{name}.intervals.csv")) for name in ("张三", "李四", "Mu\u0308ller")]
    names = [file.name.partition("_")[0] for file in export_all(tables, ["bids"], tmp_path / "out").files[::2]]
    assert names == ["sub-u5F20u4E09", "sub-u674Eu56DB", "sub-Mu00FCller"]


def test_the_openface_table_counts_frames_from_one(session: Path, tmp_path: Path) -> None:
    frames = pd.read_csv(exported(session, "openface", tmp_path, ".csv"))
    assert list(frames.columns[:5]) == ["frame", "face_id", "timestamp", "confidence", "success"]
    assert frames["frame"].iloc[0] == 1 and frames["timestamp"].iloc[0] == 0.0 and len(frames) == 250
    assert frames["timestamp"].iloc[249] == pytest.approx(249 / FPS, abs=1e-4)
    seen = frames["success"] == 1
    assert set(frames["frame"][~seen] - 1) == {60, 61, 62, 63, 64, 66}
    assert (frames["confidence"][~seen] == 0).all() and frames["intensity"][~seen].isna().all()
    inside = {k for n, t, a, _, c, *_ in INTERVALS if t == "macro" and n in KEPT for k in range(a, c + 1)}
    assert set(frames["frame"][frames["in_macro"] == 1] - 1) == inside


def test_events_of_other_programs_go_along(session: Path, tmp_path: Path) -> None:
    rows = [(1, f"{time_s(80):.6f}", 80, "stimulus 4", "psychopy"), (2, f"{time_s(90):.6f}", 90, "'=1+1", "psychopy")]
    table(session / "events.csv", ("id", "time_s", "frame", "label", "stream"), rows)
    result = export_session(session, ["csv", "elan", "textgrid", "bids"], tmp_path / "out")
    (own,) = (file for file in result.files if file.name.endswith(".events.csv"))
    assert list(pd.read_csv(own)["label"]) == ["stimulus 4", "'=1+1"]
    (eaf,) = (file for file in result.files if file.suffix == ".eaf")
    marks = Eaf(str(eaf)).get_annotation_data_for_tier("events")
    assert [(start, text) for start, _, text in marks] == [(3200, "stimulus 4"), (3600, "=1+1")]
    (grid,) = (file for file in result.files if file.suffix == ".TextGrid")
    points = textgrid.openTextgrid(str(grid), includeEmptyIntervals=False).getTier("events").entries
    assert [(point.time, point.label) for point in points] == [(3.2, "stimulus 4"), (3.6, "=1+1")]
    (tsv,) = (file for file in result.files if file.suffix == ".tsv")
    events = pd.read_csv(tsv, sep="\t")
    assert list(events[events["trial_type"] == "event"]["comment"]) == ["stimulus 4", "'=1+1"]


def test_a_bare_table_is_exported_with_what_lies_beside_it(bare: Path, tmp_path: Path) -> None:
    result = export_session(bare, ["all"], tmp_path / "out")
    assert result == ExportResult(result.files, ()) and len(result.files) == 12
    assert all(file.is_file() for file in result.files)
    frames = pd.read_csv(tmp_path / "out" / "talk.frames.csv")
    assert len(frames) == 250 and frames["time_s"].iloc[-1] == pytest.approx(249 / FPS)
    tiers = Eaf(str(tmp_path / "out" / "talk.eaf"))
    assert sorted(m[:2] for name in ("macro", "macro 2") for m in tiers.get_annotation_data_for_tier(name)) == expected(
        "macro"
    )
    assert tiers.get_linked_files() == [], "there is no such video beside the table"


def test_a_table_alone_is_exported_but_for_frames(bare: Path, tmp_path: Path) -> None:
    for name in ("talk.frames.csv", "talk.json"):
        (bare.parent / name).unlink()
    result = export_session(bare, ["all"], tmp_path / "out")
    assert len(result.notes) == 1 and "openface" in result.notes[0]
    assert {file.suffix for file in result.files} == {".csv", ".eaf", ".TextGrid", ".xlsx", ".tsv", ".json", ".html"}
    grid = textgrid.openTextgrid(str(tmp_path / "out" / "talk.TextGrid"), includeEmptyIntervals=True)
    assert grid.maxTimestamp == pytest.approx(190 / FPS)


def test_a_table_of_nothing_is_exported(bare: Path, tmp_path: Path) -> None:
    bare.write_text(",".join(INTERVAL_COLUMNS) + "\n")
    export_session(bare, ["all"], tmp_path / "out")
    assert pd.read_csv(tmp_path / "out" / "talk.megc.csv").empty
    assert Eaf(str(tmp_path / "out" / "talk.eaf")).get_annotation_data_for_tier("macro") == []
    grid = textgrid.openTextgrid(str(tmp_path / "out" / "talk.TextGrid"), includeEmptyIntervals=False)
    assert grid.getTier("macro").entries == ()


def test_the_times_in_a_video_do_not_depend_on_the_recordings_clock(session: Path, tmp_path: Path) -> None:
    assert FIRST_S > 0
    events = pd.read_csv(exported(session, "bids", tmp_path, ".tsv"), sep="\t")
    assert events["onset"].iloc[0] == pytest.approx(20 / FPS)


def test_the_review_of_a_video_is_exported_under_the_videos_name(tmp_path: Path) -> None:
    folder = make_session(tmp_path / "talk.mp4.apexspot")
    (file,) = export_session(folder, ["elan"], tmp_path / "out").files
    assert file.name == "talk.mp4.eaf"


def test_a_table_and_its_video_may_lie_apart(bare: Path, write_video, portrait, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    video = write_video(tmp_path / "films" / "my talk.mp4", [portrait] * 250, [k * 40 for k in range(250)])
    eaf, html = export_session(bare, ["elan", "html"], tmp_path / "out", video=video).files
    (media,) = Eaf(str(eaf)).get_linked_files()
    assert media["RELATIVE_MEDIA_URL"] == "../films/my talk.mp4"
    assert media["MEDIA_URL"] == f"file://{video}", "ELAN wants a path as it is"
    assert html.read_text().count('src="data:image/jpeg;base64,') == len(KEPT)


def test_a_video_whose_name_is_no_utf8_is_linked_so_that_xml_holds_it(bare: Path, tmp_path: Path) -> None:
    video = tmp_path / "my b\udcff.mp4"
    try:
        video.touch()
    except OSError:
        pytest.skip("there can be no such names here")
    (eaf,) = export_session(bare, ["elan"], tmp_path / "out", video=video).files
    (media,) = Eaf(str(eaf)).get_linked_files()
    assert media["MEDIA_URL"] == video.as_uri() and media["MEDIA_URL"].endswith("/my%20b%FF.mp4")
    assert os.fsdecode(unquote_to_bytes(media["RELATIVE_MEDIA_URL"])) == "../my b\udcff.mp4"


def test_what_is_no_video_is_said_where_its_pictures_are_wanted(bare: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("hello\n" * 100)
    result = export_session(bare, ["html", "elan"], tmp_path / "out", video=text)
    (note,) = result.notes
    assert note.startswith(f"The report of {bare} shows no faces: {text} is ") and "\n" not in note
    assert len(result.files) == 2


def test_a_frame_is_as_long_as_most_of_them(bare: Path) -> None:
    frames = bare.with_name("talk.frames.csv")
    rows = [[k, f"{k / FPS + (500 if k >= 125 else 0):.4f}", 1, "0.5", "0.2", "0.1", "1.000"] for k in range(250)]
    table(frames, FRAME_COLUMNS, rows)
    recording = read_recording(bare)
    assert recording.frame_s == pytest.approx(1 / FPS) and recording.duration_s == pytest.approx(500 + 250 / FPS)
    assert recording.fps == pytest.approx(249 / (500 + 249 / FPS))


def test_what_lies_in_an_excluded_stretch_is_in_the_table_alone(session: Path, tmp_path: Path) -> None:
    start, end = (f"{time_s(k):.6f}" for k in (25, 30))
    with (session / "exclusions.csv").open("a") as file:
        file.write(f"3,{start},{end},25,30,apex of the first interval\n")
    intervals, *_, megc = export_session(session, ["csv", "megc"], tmp_path / "out").files
    assert 1 in set(pd.read_csv(intervals)["id"])
    rows = pd.read_csv(megc)
    assert len(rows) == len(KEPT) - 1 and 20 not in set(rows["pred_onset"])
