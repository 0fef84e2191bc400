"""The real spreadsheets, against labels of the same data sets that others converted (``flow12``)."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from models.types import ExpressionType
from training.readers import CodedInterval, DataSet, casme2, casme3, read, samm_lv
from training.readers.labels import CodedRow

pytestmark = pytest.mark.shared_data

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO
# what the owners state, or what was counted in their tables (method.md 2.5)
COUNTS = {"casme2": (22, 95, 300, 57), "samm_lv": (30, 147, 343, 159), "casme3": (98, 956, 3346, 860)}
TABLES = {
    "casme2": ("CASME_sq_gt.xlsx", casme2),
    "samm_lv": ("SAMM_LongVideos.xlsx", samm_lv),
    "casme3": ("CAS(ME)3_part_A_v2.xls", casme3),
}


def rows_of(shared_data: Path, data_set: str) -> list[CodedRow]:
    name, reader = TABLES[data_set]
    return reader.read_rows(shared_data / "annotations" / name)


def flow12(shared_data: Path, data_set: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (shared_data / "flow12" / data_set / "intervals.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["video"]].append(row)
    return found


@pytest.mark.parametrize("data_set", TABLES)
def test_the_right_table_is_found_among_all(shared_data: Path, tmp_path: Path, data_set: str) -> None:
    folder = tmp_path / {"casme2": "s15/15_0401film", "samm_lv": "006_1", "casme3": "spNO.1/a"}[data_set]
    folder.mkdir(parents=True)
    for number in (1, 20000):
        (folder / f"{number}.jpg").touch()
    (tmp_path / "annotations").symlink_to(shared_data / "annotations")
    (recording,) = read(DataSet(data_set), tmp_path).recordings
    assert len(recording.intervals) == sum(row.name == recording.name for row in rows_of(shared_data, data_set)) > 0


@pytest.mark.parametrize("data_set", TABLES)
def test_counts(shared_data: Path, data_set: str) -> None:
    rows = rows_of(shared_data, data_set)
    kinds = Counter(row.type for row in rows)
    counted = (len({r.subject for r in rows}), len({r.name for r in rows}), kinds[MACRO], kinds[MICRO])
    assert counted == COUNTS[data_set]


def empty_tree(root: Path, rows: list[CodedRow], layout: str, numbers: tuple[int, int]) -> Path:
    """Folders in the owner's naming, with the first and the last picture, which is all that a reader looks at."""
    for name in {row.name for row in rows}:
        _, subject, film = name.split("_")
        folder = root / layout.format(subject=subject, number=int(subject), film=film)
        folder.mkdir(parents=True)
        for number in numbers:
            (folder / f"img{number:05d}.jpg").touch()
    return root


def test_casme2_agrees_with_converted_labels(shared_data: Path, tmp_path: Path) -> None:
    """Frame numbers there start at 1 as coded, ours at 0. Missing offsets were completed there from another source."""
    rows = rows_of(shared_data, "casme2")
    root = empty_tree(tmp_path, rows, "rawpic/s{number}/{number}_{film}film", (1, 5000))
    reading = read(DataSet.CASME2, root, shared_data / "annotations" / "CASME_sq_gt.xlsx")
    ours = {recording.name: recording for recording in reading.recordings}
    sources: Counter[str] = Counter()
    apart = []
    for name, theirs in flow12(shared_data, "casme2").items():
        assert ours[name].subject == theirs[0]["subject"]
        theirs = sorted(theirs, key=lambda row: (int(row["onset_frame"]), int(row["offset_frame"])))
        for mine, row in zip(ours[name].intervals, theirs, strict=True):
            assert (mine.onset + 1, mine.type, mine.au) == (int(row["onset_frame"]), row["type"], row["au"])
            sources[mine.offset_source, row["offset_source"]] += 1
            if row["offset_source"] == "completed":
                apart.append(mine.offset + 1 - int(row["offset_frame"]))
            else:
                apex, offset = int(row["apex_frame"]), int(row["offset_frame"])
                assert mine.offset + 1 == offset and mine.apex + 1 == (min(apex, offset) or mine.apex + 1)
    assert sources == {("coded", "coded"): 263, ("mirrored", "completed"): 28, ("mirrored", "mirrored"): 4}
    assert max(abs(frames) for frames in apart) <= 20, "a mirrored offset stays within two thirds of a second"
    assert sum(interval.offset_source == "mirrored" for r in reading.recordings for interval in r.intervals) == 44


def test_samm_agrees_with_converted_labels(shared_data: Path, tmp_path: Path) -> None:
    """There every eighth frame was kept: 25 a second, numbers rounded down."""
    rows = rows_of(shared_data, "samm_lv")
    root = empty_tree(tmp_path, rows, "SAMM_longvideos/{subject}_{film}", (1, 20000))
    reading = read(DataSet.SAMM_LV, root, shared_data / "annotations" / "SAMM_LongVideos.xlsx")
    ours = {recording.name: recording.intervals for recording in reading.recordings}
    compared = 0
    for name, theirs in flow12(shared_data, "samm_lv").items():
        onsets = sorted((int(row["onset_frame"]), row["type"]) for row in theirs)
        assert onsets == sorted((interval.onset // 8, interval.type) for interval in ours[name])
        compared += len(onsets)
    assert compared == 423
    assert not [finding for finding in reading.findings if finding.lost]


def test_casme3_reads_every_row(shared_data: Path, tmp_path: Path) -> None:
    rows = rows_of(shared_data, "casme3")
    root = empty_tree(tmp_path, rows, "part_A/spNO.{number}/{film}/color", (1, 20000))
    reading = read(DataSet.CASME3, root, shared_data / "annotations" / "CAS(ME)3_part_A_v2.xls")
    assert sum(len(recording.intervals) for recording in reading.recordings) == 4206
    first = next(r for r in reading.recordings if r.name == "casme3_001_a").intervals[0]
    assert first == CodedInterval(36, 62, 64, MACRO, "4+15+R10")
    assert not [finding for finding in reading.findings if finding.lost]
