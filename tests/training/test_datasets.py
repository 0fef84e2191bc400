"""Reading feature archives: numbers on the grid, and a clear sentence for everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.errors import DataError, LabelError
from models.types import GRID_HZ, ExpressionType
from training.datasets import PX_PER_IOD, LabelledInterval, Point, integrate, load_flow12

POINT_HEAD = "video,frame,type\n"
INTERVAL_HEAD = "video,subject,onset_frame,apex_frame,offset_frame,type,offset_source,au\n"


def archive(
    folder: Path,
    fps: float = 30.0,
    points: str = "s1_a,20,macro\ns1_a,44,micro\n",
    intervals: str = "s1_a,s1,10,20,40,macro,coded,4\n",
    flows: dict[str, np.ndarray] | None = None,
) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    made = {"s1_a": rng.normal(0, 0.05, (60, 12, 2)), "s2_b": rng.normal(0, 0.05, (30, 12, 2))}
    np.savez(folder / "features.npz", **{k: v.astype(np.float16) for k, v in (flows or made).items()})
    (folder / "meta.json").write_text(json.dumps({"fps": fps, "px_per_unit": 20.0}), "utf-8")
    (folder / "points.csv").write_text(POINT_HEAD + points, "utf-8")
    (folder / "intervals.csv").write_text(INTERVAL_HEAD + intervals, "utf-8")
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(LabelError) as caught:
        load_flow12(folder)
    assert isinstance(caught.value, DataError)
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".")
    return text


# --- numbers -------------------------------------------------------------------------------------------------------


def test_an_archive_is_read(tmp_path: Path) -> None:
    one, two = load_flow12(archive(tmp_path / "mine"))
    assert (one.name, one.subject, one.data_set, one.fps) == ("s1_a", "s1", "mine", 30.0)
    assert one.position_iod.shape == (60, 12, 2) and one.position_iod.dtype == np.float32
    assert one.points == (Point(20, ExpressionType.MACRO), Point(44, ExpressionType.MICRO))
    assert one.intervals == (LabelledInterval(10, 20, 40, ExpressionType.MACRO),)
    assert two.points == () and two.intervals == ()
    assert two.subject == "s2", "without an interval the subject is taken from the name"


def test_units_and_integration_by_hand(tmp_path: Path) -> None:
    """One unit of flow is 20 px, 40 px are an inter-ocular distance; flow t leads from frame t to t + 1."""
    flow = np.zeros((40, 12, 2), np.float16)
    flow[10, 8, 0] = 0.5
    [recording] = load_flow12(archive(tmp_path / "a", flows={"s1_a": flow}, points="", intervals=""))
    moved = recording.position_iod[:, 8, 0]
    np.testing.assert_allclose(moved[:11], 0.0, atol=1e-7)
    np.testing.assert_allclose(moved[11:], 0.5 * 20.0 / PX_PER_IOD, atol=1e-6)
    assert not recording.position_iod[:, :8].any()


def test_the_offset_of_stored_flow_is_taken_off() -> None:
    flow = np.full((50, 12, 2), 0.01)
    np.testing.assert_allclose(integrate(flow, GRID_HZ), 0.0, atol=1e-7)


def test_twenty_five_hertz_is_brought_to_the_grid(tmp_path: Path) -> None:
    flow = np.zeros((101, 12, 2))
    flow[:, 0, 0] = np.sin(np.arange(101) / 8)
    slow, same = integrate(flow, 25.0), integrate(flow, GRID_HZ)
    assert len(slow) == 121 and len(same) == 101, "four seconds either way"
    np.testing.assert_allclose(slow[::6], same[::5], atol=1e-5)
    [recording] = load_flow12(
        archive(tmp_path / "a", 25.0, "s1_a,25,macro\n", "s1_a,s1,10,25,50,macro,coded,4\n", {"s1_a": flow})
    )
    assert recording.points[0].frame == 30
    assert recording.intervals[0] == LabelledInterval(12, 30, 60, ExpressionType.MACRO)


def test_labels_a_little_outside_the_flow_are_brought_in(tmp_path: Path) -> None:
    """The flow has one frame less than the video."""
    one, _ = load_flow12(archive(tmp_path / "a", points="s1_a,60,macro\ns1_a,-1,Micro \n", intervals=""))
    assert one.points == (Point(59, ExpressionType.MACRO), Point(0, ExpressionType.MICRO))


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "videos", "points"), [("casme2", 75, (249, 46)), ("samm_lv", 122, (262, 135))], ids=["casme2", "samm_lv"]
)
def test_the_real_archives(shared_data: Path, name: str, videos: int, points: tuple[int, int]) -> None:
    recordings = load_flow12(shared_data / "flow12" / name)
    assert len(recordings) == videos
    kinds = [p.type for r in recordings for p in r.points]
    assert (kinds.count(ExpressionType.MACRO), kinds.count(ExpressionType.MICRO)) == points
    for r in recordings:
        assert np.isfinite(r.position_iod).all()
        assert all(0 <= p.frame < len(r.position_iod) for p in r.points)
        # the coders left some apexes out (0) or put them outside; onset and offset are always there
        assert all(0 <= i.onset <= i.offset < len(r.position_iod) for i in r.intervals)
        assert all(0 <= i.apex < len(r.position_iod) for i in r.intervals)


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["features.npz", "points.csv", "intervals.csv", "meta.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = archive(tmp_path / "a")
    (folder / name).unlink()
    assert name in refused(folder)


def test_no_archive_at_all(tmp_path: Path) -> None:
    assert str(tmp_path / "none") in refused(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("features.npz", b"not a zip"),
        ("features.npz", b""),
        ("features.npz", b"PK\x03\x04 torn off"),
        ("meta.json", b"{"),
        ("meta.json", b'{"fps": 30}'),
        ("meta.json", b'{"fps": "fast", "px_per_unit": 20}'),
        ("meta.json", b"[30, 20]"),
        ("points.csv", b"\xff\xfe\x00\x01\n"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes) -> None:
    folder = archive(tmp_path / "a")
    (folder / name).write_bytes(content)
    assert str(folder) in refused(folder)


def test_pickled_arrays_are_not_opened(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a")
    np.savez(folder / "features.npz", s1_a=np.array([{"a": 1}], dtype=object))
    refused(folder)


@pytest.mark.parametrize(
    ("points", "row", "said"),
    [
        ("s1_a,20,macro\nnobody,5,micro\n", 3, "nobody"),
        ("s1_a,twenty,macro\n", 2, "'twenty'"),
        ("s1_a,,macro\n", 2, "frame"),
        ("s1_a,4.5,macro\n", 2, "4.5"),
        ("s1_a,20,macro\ns1_a,20,meso\n", 3, "must be macro or micro"),
        ("s1_a,20,\n", 2, "must be macro or micro"),
        ("s1_a,200,macro\n", 2, "lies outside s1_a, which ends at 59"),
        ("s1_a,-9,macro\n", 2, "lies outside"),
        ("s1_a,20\n", 2, "type"),
        ("s1_a\n", 2, "frame"),
        ("nobody,5,micro\n", 2, "correct its name or remove the row"),
        ("s1_a,200,macro\n", 2, "correct or remove the row"),
    ],
)
def test_a_bad_point_is_named_by_file_and_row(tmp_path: Path, points: str, row: int, said: str) -> None:
    text = refused(archive(tmp_path / "a", points=points))
    assert f"points.csv, row {row}" in text and said in text


@pytest.mark.parametrize(
    ("intervals", "said"),
    [
        ("nobody,s1,10,20,40,macro,coded,4\n", "nobody"),
        ("s1_a,s1,ten,20,40,macro,coded,4\n", "onset_frame"),
        ("s1_a,s1,10,20,400,macro,coded,4\n", "400"),
        ("s1_a,s1,10,20,40,smile,coded,4\n", "must be macro or micro"),
        ("s1_a,s1,40,20,10,macro,coded,4\n", "the offset lies before the onset; correct the row"),
    ],
)
def test_a_bad_interval_is_named_by_file_and_row(tmp_path: Path, intervals: str, said: str) -> None:
    text = refused(archive(tmp_path / "a", intervals=intervals))
    assert "intervals.csv, row 2" in text and said in text


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a")
    (folder / "points.csv").write_text("video,time,type\ns1_a,20,macro\n", "utf-8")
    text = refused(folder)
    assert "points.csv" in text and "frame" in text
    (folder / "points.csv").write_text("", "utf-8")
    assert "points.csv" in refused(folder)


@pytest.mark.parametrize(
    "flow",
    [np.zeros((60, 13, 2)), np.zeros((60, 24)), np.full((60, 12, 2), np.nan), np.zeros((0, 12, 2))],
    ids=["13 regions", "flat", "not a number", "no frame"],
)
def test_features_of_another_shape(tmp_path: Path, flow: np.ndarray) -> None:
    text = refused(archive(tmp_path / "a", points="", intervals="", flows={"s1_a": flow}))
    assert "features.npz" in text and "s1_a" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("fps", value) for value in (float("nan"), float("inf"), 0.0, -30.0, 1e9, 1e-3)),
        *(("px_per_unit", value) for value in (float("nan"), float("inf"), 0.0, -20.0, 1e9)),
    ],
)
def test_a_description_without_sense_is_refused(tmp_path: Path, name: str, value: float) -> None:
    folder = archive(tmp_path / "a")
    (folder / "meta.json").write_text(json.dumps({"fps": 30.0, "px_per_unit": 20.0, name: value}), "utf-8")
    text = refused(folder)
    assert "meta.json" in text and name in text and "correct it" in text


@pytest.mark.parametrize("step", [1e300, 1e6, 1500.0], ids=["no float32", "at once", "in sum"])
def test_motion_that_no_face_makes_is_refused(tmp_path: Path, step: float) -> None:
    """It would end in weights that are not numbers."""
    folder = archive(tmp_path / "a", points="", intervals="")
    flow = np.zeros((60, 12, 2))
    flow[10:14] = step
    np.savez(folder / "features.npz", s1_a=flow)
    text = refused(folder)
    assert "features.npz: the motion of s1_a" in text and "meta.json" in text


def test_points_that_share_a_frame_are_believed(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a", points="s1_a,20,macro\ns1_a,20,micro\ns1_a,20,macro\n")
    assert len(load_flow12(folder)[0].points) == 3


def test_tables_as_a_spreadsheet_program_saves_them(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a")
    table = folder / "points.csv"
    rows = table.read_text("utf-8")
    table.write_text(rows, "utf-8-sig")
    assert len(load_flow12(folder)[0].points) == 2
    table.write_text(rows.replace(",", ";"), "utf-8")
    assert "commas between them, not semicolons" in refused(folder)
