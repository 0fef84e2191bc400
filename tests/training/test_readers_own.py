"""A user's own recordings: plain tables, and the application's sessions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from models.digest import perception_digest
from models.errors import LabelError, UsageError
from models.types import ExpressionType
from training.archive import load_archive, load_motion
from training.extract import Extraction, complete, plan, see
from training.readers import CodedInterval, CodedPoint, DataSet, Reading, read

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO


@pytest.fixture
def own(tmp_path: Path, face_video: Path) -> Path:
    (tmp_path / "anna").mkdir()
    for name in ("anna/one.mp4", "anna/two.mp4", "three.mp4"):
        shutil.copy(face_video, tmp_path / name)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def refused(root: Path, labels: Path | None = None) -> str:
    with pytest.raises(LabelError) as caught:
        read(DataSet.PLAIN, root, labels)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    return str(caught.value)


def test_points_by_path_with_or_without_ending(own: Path) -> None:
    write(own / "points.csv", "video,time_s,type,subject\nanna/one.mp4,0.5,macro,anna\nanna\\one,1.25,Micro,anna\n")
    reading = read(DataSet.PLAIN, own)
    (recording,) = reading.recordings
    assert (recording.name, recording.subject) == ("anna/one.mp4", "anna")
    assert recording.fps == pytest.approx(30.0, abs=0.01)
    assert recording.points == (CodedPoint(0.5, MACRO), CodedPoint(1.25, MICRO))
    assert not reading.findings


def test_a_name_that_is_there_once_is_enough_and_each_video_is_a_person_of_its_own(own: Path) -> None:
    write(own / "points.csv", "video,time_s,type\ntwo.mp4,0.5,macro\nthree,0.5,micro\n")
    assert [(r.name, r.subject) for r in read(DataSet.PLAIN, own).recordings] == [
        ("anna/two.mp4", "anna/two.mp4"),
        ("three.mp4", "three.mp4"),
    ]


def test_people_whose_names_are_nearly_the_same_or_missing_are_told(own: Path) -> None:
    """Somebody who is taken as two people is learned and tested at once."""
    rows = ["anna/one,0.5,macro,P 1", "anna/two,0.5,macro,p1", "three,0.5,micro,"]
    for count, told in ((2, ["P 1 and p1 are taken as different people"]), (3, ["of three.mp4; each is taken", "P 1"])):
        write(own / "points.csv", "\n".join(["video,time_s,type,subject", *rows[:count]]))
        findings = read(DataSet.PLAIN, own).findings
        assert len(findings) == len(told) and not any(finding.lost for finding in findings)
        assert all(words in finding.sentence for words, finding in zip(told, findings, strict=True))


def test_intervals_become_frames(own: Path) -> None:
    write(own / "intervals.csv", "video,onset_s,offset_s,type\nthree,0.5,1.5,macro\n")
    (recording,) = read(DataSet.PLAIN, own).recordings
    assert recording.intervals == (CodedInterval(15, 30, 45, MACRO),) and recording.points == ()


def test_both_kinds_of_rows_in_one_table(own: Path) -> None:
    table = write(own / "mine.csv", "video,time_s,onset_s,apex_s,offset_s,type\nthree,0.7,0.5,0.8,1.1,macro\n")
    (recording,) = read(DataSet.PLAIN, own, table).recordings
    assert recording.points == (CodedPoint(0.7, MACRO),)
    assert recording.intervals == (CodedInterval(15, 24, 33, MACRO),)


def test_unknown_videos_and_labels_outside_are_named_with_row_and_remedy(own: Path) -> None:
    write(own / "points.csv", "video,time_s,type\nfour,0.5,macro\nthree,7.5,macro\nthree,0.5,micro\n../x,1,macro\n")
    reading = read(DataSet.PLAIN, own)
    lost = [finding.sentence for finding in reading.findings if finding.lost]
    assert any("row 2: there is no video four" in s and "check its name" in s for s in lost)
    assert any("row 3: 7.5 s lies outside three.mp4, which is 2.00 s long" in s for s in lost)
    assert any("row 5: there is no video ../x" in s for s in lost)
    assert reading.recordings[0].points == (CodedPoint(0.5, MICRO),)


def test_a_name_that_fits_several_videos_and_a_row_without_one_are_told(own: Path) -> None:
    shutil.copy(own / "three.mp4", own / "anna" / "three.MOV")
    write(own / "points.csv", "video,time_s,type\nthree,0.5,macro\nthree.mov,0.5,macro\n,1,micro\n,2,micro\n")
    reading = read(DataSet.PLAIN, own)
    assert [r.name for r in reading.recordings] == ["anna/three.MOV"]
    several, nothing = [finding.sentence for finding in reading.findings if finding.lost]
    assert "row 2: three may be any of anna/three.MOV, three.mp4; write which one" in several
    assert "row 4, 5: no video is named; fill it in" in nothing


def workbook(path: Path, sheets: dict[str, list[list[object]]], hidden: str = "") -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = "hidden" if name == hidden else "visible"
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_the_labels_of_a_workbook_are_those_of_the_one_sheet_in_sight_that_has_some(own: Path) -> None:
    """Not of a hidden one, of notes before it, or of the first of two coders."""
    head: list[object] = ["video", "time_s", "type"]
    old, new = [head, ["three", 0.25, "macro"]], [head, ["three", 0.5, "macro"]]
    for sheets in ({"old": old, "new": new}, {"notes": [["written by anna"]], "new": new}, {"empty": [head], "n": new}):
        (recording,) = read(DataSet.PLAIN, own, workbook(own / "t.xlsx", sheets, hidden="old")).recordings
        assert recording.points == (CodedPoint(0.5, MACRO),)
    both = refused(own, workbook(own / "t.xlsx", {"anna": old, "berta": new}))
    assert "t.xlsx has labels in several sheets (anna, berta); bring them into one" in both
    assert "no column video" in refused(own, workbook(own / "t.xlsx", {"notes": [["nothing"]], "more": [["yet"]]}))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("video,type\nthree,macro\n", "no column time_s"),
        ("time_s,type\n1,macro\n", "no column video"),
        ("video,time_s,type\nthree,soon,macro\n", "row 2: time_s is 'soon'"),
        ("video,time_s,type\nthree,nan,macro\n", "row 2: time_s is 'nan'"),
        ("video,time_s,type\nthree,1,smile\n", "row 2: type is 'smile'"),
        ("video,time_s,type\nthree,,macro\n", "row 2: neither time_s"),
        ("video,onset_s,offset_s,type\nthree,1.5,0.5,macro\n", "row 2: onset, apex and offset"),
        ("video,time_s,type,subject\nthree,1,macro,a\nthree,1,macro,b\n", "shows b here and a in an earlier row"),
        ("video,time_s,type\n", "holds no labels"),
        ("video;time_s;type\nthree;1;macro\n", "commas between them, not semicolons"),
    ],
)
def test_a_table_that_cannot_be_understood_is_refused(own: Path, text: str, says: str) -> None:
    assert says in refused(own, write(own / "t.csv", text))


def test_a_name_longer_than_a_files_is_no_video(own: Path) -> None:
    write(own / "points.csv", f"video,time_s,type\n{'a' * 300},1,macro\n{'b' * 300}/c.mp4,1,macro\n")
    said = [finding.sentence for finding in read(DataSet.PLAIN, own).findings]
    assert len(said) == 2 and all("there is no video" in sentence for sentence in said)


def test_tables_of_other_kinds_and_damaged_ones_are_refused(own: Path) -> None:
    assert "must be a file .csv, .xlsx or .xls" in refused(own, own / "three.mp4")
    # the beginning of an old spreadsheet, and nothing after it
    (own / "t.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert "t.xls cannot be read as a table" in refused(own, own / "t.xls")
    (own / "t.csv").write_bytes(b"video,time_s,type\nthree,1,macro\n".decode().encode("utf-16"))
    assert "t.csv cannot be read as a table" in refused(own, own / "t.csv")


def test_points_that_come_twice_are_found(own: Path) -> None:
    """The same one is a fault; two types at one moment may be meant."""
    write(
        own / "points.csv", "video,time_s,type\nthree,1,macro\nthree,0.5,macro\nthree.mp4,1.00,Macro\nthree,1,micro\n"
    )
    reading = read(DataSet.PLAIN, own)
    twice, both = reading.findings
    assert twice.lost and "row 4: the same macro point of three.mp4 (1 s)" in twice.sentence
    assert "points.csv, row 2; remove one" in twice.sentence
    assert (
        not both.lost and "row 5: a micro point" in both.sentence and "macro point at the same moment" in both.sentence
    )
    assert [(p.time_s, p.type) for p in reading.recordings[0].points] == [(1.0, MACRO), (0.5, MACRO), (1.0, MICRO)]


def test_intervals_that_come_twice_are_found(own: Path) -> None:
    rows = "three,0.5,1.5,macro\nthree,0.5,1.5,micro\nthree.mp4,0.50,1.5,Macro\n"
    write(own / "intervals.csv", "video,onset_s,offset_s,type\n" + rows)
    reading = read(DataSet.PLAIN, own)
    (finding,) = reading.findings
    assert finding.lost and "row 4: the same macro interval of three.mp4 (0.5 to 1.5 s)" in finding.sentence
    assert [i.type for i in reading.recordings[0].intervals] == [MACRO, MICRO]


def test_a_missing_table_or_folder_is_said(own: Path) -> None:
    with pytest.raises(UsageError, match=r"neither points\.csv nor intervals\.csv"):
        read(DataSet.PLAIN, own)
    with pytest.raises(UsageError, match="no file"):
        read(DataSet.PLAIN, own, own / "none.csv")
    with pytest.raises(UsageError, match="no folder"):
        read(DataSet.PLAIN, own / "none")


def test_videos_without_labels_come_along_when_asked_for(own: Path) -> None:
    write(own / "points.csv", "video,time_s,type\nthree,0.5,micro\n")
    assert len(read(DataSet.PLAIN, own).recordings) == 1
    assert len(read(DataSet.PLAIN, own, unlabelled=True).recordings) == 3


# --- sessions -----------------------------------------------------------------------------------------------------


def session(
    folder: Path, video: Path | None, points: str | None, start_s: float = 0.0, participant: str = "anna"
) -> None:
    folder.mkdir()
    write(folder / "session.json", f'{{"participant": "{participant}"}}')
    write(folder / "frames.csv", f"frame,time_s,face,intensity,macro,micro\n0,{start_s},1,,,\n")
    if video is not None:
        shutil.copy(video, folder / "video.mp4")
    if points is not None:
        write(folder / "points.csv", "id,time_s,frame,type,source\n" + points)


def test_sessions_give_points_on_the_videos_own_clock(tmp_path: Path, face_video: Path) -> None:
    session(tmp_path / "2026-11-22_14-03-07_berta-2", face_video, "1,2.25,22,macro,person\n", start_s=1.5)
    session(tmp_path / "2026-11-22_15-00-00", face_video, None)
    session(tmp_path / "2026-11-22_16-00-00", None, "1,0.5,15,macro,person\n")
    reading = read(DataSet.SESSIONS, tmp_path)
    (recording,) = reading.recordings
    assert recording.source.name == "video.mp4", "nothing else is there"
    assert (recording.subject, recording.points) == ("anna", (CodedPoint(0.75, MACRO),))
    said = " ".join(finding.sentence for finding in reading.findings)
    assert "2026-11-22_15-00-00 has no points yet" in said and "2026-11-22_16-00-00 has neither" in said
    one = read(DataSet.SESSIONS, tmp_path / "2026-11-22_14-03-07_berta-2")
    assert [r.name for r in one.recordings] == [recording.name]


def test_the_current_folder_may_be_a_session(tmp_path: Path, face_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session(tmp_path / "one", face_video, "1,0.5,15,macro,person\n")
    (tmp_path / "one" / "coders").mkdir()
    for current, root in (("one", "."), ("one/coders", "..")):
        monkeypatch.chdir(tmp_path / current)
        assert [r.name for r in read(DataSet.SESSIONS, Path(root)).recordings] == ["one"]


def test_sessions_in_deeper_folders_are_told(tmp_path: Path, face_video: Path) -> None:
    (tmp_path / "berta" / "copies").mkdir(parents=True)
    session(tmp_path / "berta" / "copies" / "one", face_video, "1,0.5,15,macro,person\n")
    with pytest.raises(UsageError, match=r"some deeper \(berta/copies/one\), name the folder"):
        read(DataSet.SESSIONS, tmp_path)
    session(tmp_path / "one", face_video, "1,0.5,15,macro,person\n")
    reading = read(DataSet.SESSIONS, tmp_path)
    (finding,) = reading.findings
    assert [r.name for r in reading.recordings] == ["one"] and not finding.lost
    assert f"1 session in deeper folders of {tmp_path} (berta/copies/one) left out" in finding.sentence


def test_a_point_that_a_session_has_twice_is_found(tmp_path: Path, face_video: Path) -> None:
    session(tmp_path / "one", face_video, "1,0.5,15,macro,person\n2,0.5,15,macro,person\n")
    (finding,) = read(DataSet.SESSIONS, tmp_path).findings
    assert finding.lost and "row 3: the same macro point of one" in finding.sentence


def test_the_participant_is_that_of_the_session_not_of_its_folder(tmp_path: Path, face_video: Path) -> None:
    session(tmp_path / "2026-11-22_14-03-07_anna", face_video, "1,0.5,15,macro,person\n", participant="berta")
    session(tmp_path / "2026-11-22_15-03-07_anna", face_video, "1,0.5,15,macro,person\n", participant="")
    reading = read(DataSet.SESSIONS, tmp_path)
    assert [r.subject for r in reading.recordings] == ["berta", "2026-11-22_15-03-07_anna"]
    (finding,) = reading.findings
    assert not finding.lost and "2026-11-22_15-03-07_anna names no participant" in finding.sentence


def test_a_session_that_another_perception_has_seen_is_told(tmp_path: Path) -> None:
    session(tmp_path / "one", None, "1,0.5,15,macro,person\n")
    features(tmp_path / "one" / "features.npy", start_s=0.0)
    for seen_by, told in ((perception_digest(), 0), ("of before", 1)):
        info = {"participant": "anna", "model": {"perception": seen_by}}
        write(tmp_path / "one" / "session.json", json.dumps(info))
        findings = read(DataSet.SESSIONS, tmp_path).findings
        assert len(findings) == told
    assert not findings[0].lost and "one was recorded with another version of the perception" in findings[0].sentence


def extract(reading: Reading, out: Path) -> Extraction:
    planned = plan(reading, out)
    for order in planned.todo:
        see(order, lambda share: None)
    return complete(planned, {})


def features(path: Path, start_s: float, seconds: float = 2.0) -> None:
    """What a session keeps: one row a frame, here 25 a second."""
    fields = [("frame", "<i8"), ("time_s", "<f8"), ("valid", "?"), ("quality", "<f8"), ("position_iod", "<f4", (12, 2))]
    rows = np.zeros(round(seconds * 25) + 1, fields)
    rows["time_s"] = start_s + np.arange(len(rows)) / 25
    rows["valid"], rows["quality"] = True, 1.0
    rows["position_iod"] = 0.1 * (rows["time_s"] - start_s)[:, None, None]
    np.save(path, rows)


def test_a_session_gives_what_was_seen_while_it_ran(tmp_path: Path) -> None:
    """Also without a video, and on a clock that starts elsewhere."""
    folder = tmp_path / "in" / "2026-11-22_14-03-07_x"
    folder.parent.mkdir()
    session(folder, None, "1,11.0,25,macro,person\n2,11.9,47,micro,person\n")
    write(folder / "session.json", '{"participant": "P07"}')
    features(folder / "features.npy", start_s=10.0)
    reading = read(DataSet.SESSIONS, folder.parent)
    assert not reading.findings
    result = extract(reading, tmp_path / "out")
    assert (result.extracted, result.failed, result.points) == (1, (), 2)
    (recording,) = load_archive(tmp_path / "out")
    assert (recording.name, recording.subject, recording.fps) == (folder.name, "P07", pytest.approx(25.0))
    assert recording.position_iod.shape == (61, 12, 2)
    assert np.allclose(recording.position_iod[:, 0, 0], np.arange(61) / 300, atol=1e-5)
    assert [point.frame for point in recording.points] == [30, 57]


def test_points_at_which_no_face_was_seen_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "one"
    folder.parent.mkdir()
    session(folder, None, "1,10.4,10,macro,person\n2,11.2,30,micro,person\n")
    features(folder / "features.npy", start_s=10.0)
    rows = np.load(folder / "features.npy")
    rows["valid"][28:] = False
    np.save(folder / "features.npy", rows)
    result = extract(read(DataSet.SESSIONS, folder.parent), tmp_path / "out")
    (finding,) = result.findings
    assert result.points == 2 and not finding.lost
    assert "one: no face was found at 1 of its 2 points (1.20 s)" in finding.sentence


def test_excluded_stretches_give_neither_points_nor_frames(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "2026-11-22_14-03-07_x"
    folder.parent.mkdir()
    session(folder, None, "1,10.4,10,macro,person\n2,11.2,30,micro,person\n")
    features(folder / "features.npy", start_s=10.0)
    assert len(read(DataSet.SESSIONS, folder.parent).recordings[0].points) == 2
    extract(read(DataSet.SESSIONS, folder.parent), tmp_path / "out")
    (motion,) = (tmp_path / "out" / "motion").glob("*.npz")
    assert load_motion(motion).valid.all()
    columns = "id,start_s,end_s,start_frame,end_frame,reason\n"
    write(folder / "exclusions.csv", columns + '1,11.0,11.4,25,35,"eats, talks"\n')
    reading = read(DataSet.SESSIONS, folder.parent)
    assert [point.type for point in reading.recordings[0].points] == [MACRO]
    assert "row 3: the point lies in an excluded stretch" in reading.findings[0].sentence
    # what was extracted before the exclusion is not taken for done
    extract(reading, tmp_path / "out")
    assert np.flatnonzero(~load_motion(motion).valid).tolist() == list(range(25, 36))
    assert len(load_archive(tmp_path / "out")[0].points) == 1
    write(folder / "exclusions.csv", columns + "1,soon,11.4,25,35,\n")
    with pytest.raises(LabelError, match="row 2: start_s or end_s is not a number"):
        read(DataSet.SESSIONS, folder.parent)


def test_features_of_another_kind_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "2026-11-22_14-03-07_x"
    session(folder, None, "1,1.0,25,macro,person\n")
    for content in (b"", b"\x93NUMPY torn"):
        (folder / "features.npy").write_bytes(content)
        with pytest.raises(LabelError, match=r"features.npy cannot be read"):
            read(DataSet.SESSIONS, tmp_path)
    np.save(folder / "features.npy", np.zeros((5, 12, 2)))
    with pytest.raises(LabelError, match="does not hold a session's features"):
        read(DataSet.SESSIONS, tmp_path)


def test_a_point_outside_its_session_is_named(tmp_path: Path, face_video: Path) -> None:
    session(tmp_path / "2026-11-22_14-03-07_anna", face_video, "1,0.5,15,macro,person\n2,9.0,270,micro,person\n")
    (finding,) = read(DataSet.SESSIONS, tmp_path).findings
    assert finding.lost and "row 3: the point lies outside the session" in finding.sentence
    with pytest.raises(UsageError, match="no session"):
        read(DataSet.SESSIONS, tmp_path / "none")
