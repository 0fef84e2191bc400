"""The owners' layouts and label tables, on small trees and spreadsheets of the same shape made here."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import openpyxl
import pytest

from models.errors import LabelError, UsageError
from models.types import ExpressionType
from training.readers import CodedInterval, DataSet, Reading, read
from training.readers.layout import number_of

if TYPE_CHECKING:
    from tests.conftest import WriteVideo

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO
Rows = Sequence[Sequence[object]]

CASME2_NAMES: dict[str, Rows] = {
    "naming rule1": [[15, "s15", 1], [15, "s15", 1], [23, "s23", 7]],
    "naming rule2": [[101, "disgust1"], [502, "happy1"]],
}
SAMM_HEAD = ["Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type", "Action Units"]
CASME3_HEAD = ["Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Expression type", "Objective class"]


def workbook(path: Path, sheets: dict[str, Rows]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def pictures(folder: Path, first: int, last: int, name: str) -> None:
    """Empty files: readers look at names alone."""
    folder.mkdir(parents=True)
    for number in range(first, last + 1):
        (folder / name.format(number)).touch()


def sentences(reading: Reading, *, lost: bool) -> list[str]:
    found = [finding.sentence for finding in reading.findings if finding.lost is lost]
    assert all(s.endswith(".") and "\n" not in s for s in found)
    return found


def refused(data_set: DataSet, root: Path, labels: Path | None = None) -> str:
    with pytest.raises(LabelError) as caught:
        read(data_set, root, labels)
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".")
    return text


@pytest.mark.parametrize(
    ("name", "number"),
    [("img001.jpg", 1), ("006_1_0012.jpg", 12), ("8.jpg", 8), ("frame0007_crop.png", 7), ("thumbs.jpg", None)],
)
def test_a_pictures_number_is_the_last_in_its_name(name: str, number: int | None) -> None:
    assert number_of(name) == number


# --- CAS(ME)^2 ----------------------------------------------------------------------------------------------------


def casme2(root: Path, codes: Rows) -> Path:
    pictures(root / "rawpic" / "s15" / "15_0101disgustingteeth", 1, 100, "img{:03d}.jpg")
    return workbook(root / "CAS(ME)^2code_final.xlsx", {"CASFEcode_final": codes, **CASME2_NAMES})


CODES: Rows = [
    [1, "disgust1_1", 11, 20, 30, "4+7", "negative", "macro-expression", "happyiness"],
    [1, "disgust1_2", 41, 46, 0, 4, "negative", "micro-expression", "fear"],
    [1, "disgust1_3", 61, 0, 71, 4, "negative", "macro-expression", "fear"],
    [1, "disgust1_4", 81, 95, 91, 4, "negative", "macro-expression", "fear"],
]


def test_casme2_frames_count_from_0_and_gaps_in_the_coding_are_filled_and_said(tmp_path: Path) -> None:
    casme2(tmp_path, CODES)
    reading = read(DataSet.CASME2, tmp_path)
    (recording,) = reading.recordings
    assert (recording.name, recording.subject, recording.fps) == ("casme_015_0101", "casme_015", 30.0)
    assert recording.source.name == "15_0101disgustingteeth"
    assert recording.intervals == (
        CodedInterval(10, 19, 29, MACRO, "4+7", "happiness"),
        CodedInterval(40, 45, 50, MICRO, "4", "fear", "mirrored"),
        CodedInterval(60, 65, 70, MACRO, "4", "fear"),
        CodedInterval(80, 90, 90, MACRO, "4", "fear"),
    )
    assert not sentences(reading, lost=True)
    notes = " ".join(sentences(reading, lost=False))
    assert "row 2: no offset" in notes and "row 3: no apex" in notes and "row 4: the apex lies outside" in notes


def test_casme2_takes_the_subject_from_the_recordings_own_name(tmp_path: Path) -> None:
    """One recording of the original is filed in another person's folder."""
    casme2(tmp_path, [*CODES, [7, "happy1_1", 5, 6, 9, 12, "positive", "macro-expression", "happiness"]])
    pictures(tmp_path / "rawpic" / "s19" / "23_0502funnyerrors", 1, 20, "img{:03d}.jpg")
    assert [r.name for r in read(DataSet.CASME2, tmp_path).recordings] == ["casme_015_0101", "casme_023_0502"]


def test_casme2_prefers_whole_numbered_pictures(tmp_path: Path, face_video: Path) -> None:
    casme2(tmp_path, CODES)
    pictures(tmp_path / "cropped" / "s15" / "15_0101disgustingteeth", 1, 100, "img{:03d}.jpg")
    film = tmp_path / "rawvideo" / "s15" / "15_0101disgustingteeth.avi"
    film.parent.mkdir(parents=True)
    film.write_bytes(face_video.read_bytes())
    assert read(DataSet.CASME2, tmp_path).recordings[0].source.parent.parent.name == "rawpic"


def test_casme2_video_files_and_a_table_elsewhere(tmp_path: Path, face_video: Path) -> None:
    film = tmp_path / "videos" / "s15" / "15_0101disgustingteeth.avi"
    film.parent.mkdir(parents=True)
    film.write_bytes(face_video.read_bytes())
    table = workbook(tmp_path / "codes.xlsx", {"codes": CODES[:1], **CASME2_NAMES})
    with pytest.raises(UsageError, match="--labels"):
        read(DataSet.CASME2, tmp_path / "videos")
    assert read(DataSet.CASME2, tmp_path / "videos", table).recordings[0].intervals[0].onset == 10


def test_a_recording_at_another_frame_rate_is_left_out_and_named(
    tmp_path: Path, face_video: Path, write_video: WriteVideo
) -> None:
    """Its frame numbers would fall on other moments."""
    films = tmp_path / "rawvideo" / "s15"
    films.mkdir(parents=True)
    grey = [np.full((64, 64, 3), 90, np.uint8)] * 50
    write_video(films / "15_0101disgustingteeth.mp4", grey, [40 * k for k in range(50)])
    table = workbook(tmp_path / "codes.xlsx", {"codes": CODES[:1], **CASME2_NAMES})
    reading = read(DataSet.CASME2, tmp_path, table)
    (lost,) = sentences(reading, lost=True)
    assert "casme_015_0101" in lost and "at about 25 frames a second, but codes.xlsx counts 30; left out" in lost
    assert reading.recordings == ()
    # 29.97 is 30
    shutil.copy(face_video, films / "15_0101disgustingteeth.mp4")
    reading = read(DataSet.CASME2, tmp_path, table)
    assert len(reading.recordings) == 1 and not reading.findings


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    late = [1, "disgust1_5", 500, 505, 510, 4, "negative", "macro-expression", "fear"]
    over = [1, "disgust1_6", 95, 98, 120, 4, "negative", "macro-expression", "fear"]
    backwards = [1, "disgust1_7", 50, 50, 40, 4, "negative", "macro-expression", "fear"]
    elsewhere = [7, "happy1_1", 5, 6, 9, 12, "positive", "macro-expression", "happiness"]
    casme2(tmp_path, [CODES[0], late, over, backwards, elsewhere])
    pictures(tmp_path / "rawpic" / "s15" / "15_0508funnydunkey", 1, 9, "img{:03d}.jpg")
    reading = read(DataSet.CASME2, tmp_path)
    lost = sentences(reading, lost=True)
    assert len(lost) == 3
    assert any("row 2" in s and "frame 500 lies outside casme_015_0101, which runs from 1 to 100" in s for s in lost)
    assert any("row 4" in s and "correct" in s for s in lost)
    assert any("row 5" in s and "no recording casme_023_0502" in s for s in lost)
    notes = sentences(reading, lost=False)
    assert any("row 3" in s and "cut there" in s for s in notes)
    assert any("casme_015_0508" in s and "without any label" in s for s in notes)
    assert [i.offset for i in reading.recordings[0].intervals] == [29, 99]
    assert [r.name for r in read(DataSet.CASME2, tmp_path, unlabelled=True).recordings] == [
        "casme_015_0101",
        "casme_015_0508",
    ]


def test_a_damaged_or_foreign_spreadsheet_is_refused(tmp_path: Path) -> None:
    table = casme2(tmp_path, CODES)
    workbook(table, {"CASFEcode_final": CODES})
    assert "names the people" in refused(DataSet.CASME2, tmp_path)
    workbook(table, {"CASFEcode_final": [row[:7] for row in CODES], **CASME2_NAMES})
    assert "nine columns" in refused(DataSet.CASME2, tmp_path)
    workbook(table, {"c": [*CODES, [1, "disgust1_1", "soon", 2, 3, 4, "", "macro-expression", ""]], **CASME2_NAMES})
    assert "row 5: 'soon' is not a frame number" in refused(DataSet.CASME2, tmp_path)
    workbook(table, {"c": [*CODES, [9, "disgust1_1", 1, 2, 3, 4, "", "macro-expression", ""]], **CASME2_NAMES})
    assert "row 5: the naming sheets know no person 9" in refused(DataSet.CASME2, tmp_path)
    table.write_bytes(b"PK\x03\x04 torn")
    assert str(table) in refused(DataSet.CASME2, tmp_path)


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    workbook(tmp_path / "CASME_sq_gt.xlsx", {"c": CODES, **CASME2_NAMES})
    assert "no recordings" in refused(DataSet.CASME2, tmp_path)
    pictures(tmp_path / "s40" / "40_0101disgustingteeth", 1, 3, "img{:03d}.jpg")
    assert "None of the recordings" in refused(DataSet.CASME2, tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        read(DataSet.CASME2, tmp_path / "nowhere")


# --- SAMM Long Videos ---------------------------------------------------------------------------------------------


def samm(root: Path, rows: Rows, preface: int = 0, head: Sequence[object] = SAMM_HEAD) -> Path:
    pictures(root / "SAMM_longvideos" / "006_1", 1, 800, "006_1_{:04d}.jpg")
    explanation = [[f"SAMM Long Videos, line {k}"] for k in range(preface)]
    return workbook(root / "SAMM_LongVideos_V3_Release.xlsx", {"Sheet1": [*explanation, head, *rows]})


def test_samm_at_200_frames_a_second_with_a_page_above_its_header(tmp_path: Path) -> None:
    rows = [
        ["006", "006_1_1", "1", 566, 648, 743, 178, "Macro", "4(B/C)+7B"],
        ["006", "006_1_4", "1", 324, -1, 403, 80, "Micro - 1/2", "4+7"],
    ]
    samm(tmp_path, rows, preface=9)
    reading = read(DataSet.SAMM_LV, tmp_path)
    (recording,) = reading.recordings
    assert (recording.name, recording.subject, recording.fps) == ("samm_006_1", "samm_006", 200.0)
    assert recording.intervals == (
        CodedInterval(323, 362, 402, MICRO, "4+7"),
        CodedInterval(565, 647, 742, MACRO, "4(B/C)+7B"),
    )
    assert any("row 12: no apex" in s for s in sentences(reading, lost=False))


def test_samm_without_a_column_or_with_another_naming_is_refused(tmp_path: Path) -> None:
    row = ["006", "006_1_1", "1", 566, 648, 743, 178, "Macro", "4"]
    table = samm(tmp_path, [row], head=[t for t in SAMM_HEAD if t != "Apex"])
    assert "no column Apex" in refused(DataSet.SAMM_LV, tmp_path)
    workbook(table, {"Sheet1": [SAMM_HEAD, [*row[:1], "smile", *row[2:]]]})
    assert "row 2: Filename is 'smile'" in refused(DataSet.SAMM_LV, tmp_path)
    workbook(table, {"Sheet1": [SAMM_HEAD, [*row[:7], "Subtle", "4"]]})
    assert "row 2: type is 'Subtle'" in refused(DataSet.SAMM_LV, tmp_path)


def test_samm_clips_of_single_expressions_are_not_long_videos(tmp_path: Path) -> None:
    samm(tmp_path, [["006", "006_1_1", "1", 566, 648, 743, 178, "Macro", "4"]])
    pictures(tmp_path / "SAMM" / "006_1_2", 500, 600, "006_{:05d}.jpg")
    (recording,) = read(DataSet.SAMM_LV, tmp_path, unlabelled=True).recordings
    assert recording.source.name == "006_1"


# --- CAS(ME)^3 ----------------------------------------------------------------------------------------------------


def test_casme3_beside_depth_pictures_with_numbers_that_are_text(tmp_path: Path) -> None:
    film = tmp_path / "part_A" / "spNO.1" / "spNO.1" / "a"
    pictures(film / "color", 1, 100, "{}.jpg")
    pictures(film / "depth", 1, 100, "{}.png")
    rows = [
        ["spNO.1", "a", "37", "63", "65", "4+15+R10", "Macro-expression", "VII"],
        ["spNO.1", "A", "0", "0", "25", "14", "Micro-expression", "VII"],
    ]
    # under another name than the original's .xls, which nothing here can write
    table = workbook(tmp_path / "part_A_v2.xlsx", {"AU+Emotion": [CASME3_HEAD, *rows], "eye blink": [["Subject"]]})
    reading = read(DataSet.CASME3, tmp_path)
    (recording,) = reading.recordings
    assert (recording.name, recording.subject) == ("casme3_001_a", "casme3_001")
    assert recording.source == film / "color"
    assert recording.intervals == (
        CodedInterval(0, 12, 24, MICRO, "14"),
        CodedInterval(36, 62, 64, MACRO, "4+15+R10"),
    )
    notes = " ".join(sentences(reading, lost=False))
    assert "row 3: no onset" in notes and "row 3: no apex" in notes
    workbook(table, {"AU+Emotion": [CASME3_HEAD, ["spNO.1", "z", "1", "2", "3", "4", "Macro-expression", "I"]]})
    assert "row 2: 'spNO.1', 'z' is not a person and a film" in refused(DataSet.CASME3, tmp_path)
