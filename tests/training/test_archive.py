"""Feature archives of the live perception: the round trip, the grid, and a sentence for everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.digest import perception_digest
from models.errors import LabelError, UsageError
from models.types import REGION_COUNT, ExpressionType, FrameMotion
from training.archive import (
    FORMAT,
    SCHEMA,
    Motion,
    check_apart,
    check_classes,
    data_digest,
    load_archive,
    load_data,
    load_motion,
    motion_file,
    on_grid,
    remarks,
    save_motion,
)
from training.archive_tables import INTERVAL_COLUMNS, POINT_COLUMNS, write_table
from training.datasets import LabelledInterval, Point

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO


def motion(fps: float = 25.0, seconds: float = 4.0, missing: tuple[float, float] | None = None) -> Motion:
    """Every region moves to the right by 0.1 IOD a second; no face between the two times of ``missing``."""
    seen = []
    for index in range(int(seconds * fps) + 1):
        time_s = index / fps
        valid = missing is None or not missing[0] <= time_s < missing[1]
        position = np.zeros((REGION_COUNT, 2), np.float32)
        position[:, 0] = 0.1 * time_s
        seen.append(FrameMotion(index, time_s, valid, position if valid else position * np.nan, 1.0 if valid else 0.0))
    return Motion.of(seen, perception_digest(), "test")


def archive(folder: Path, points: str = "a,2.0,macro\nb,1.0,micro\n", intervals: str = "a,1.5,2.0,2.5,macro\n") -> Path:
    (folder / "motion").mkdir(parents=True)
    for name in "ab":
        save_motion(folder / "motion" / motion_file(name), motion())
    entries = [{"name": n, "subject": f"s{n}", "fps": 25.0, "file": motion_file(n)} for n in "ab"]
    meta = {"format": FORMAT, "schema": SCHEMA, "data_set": "mine", "perception": perception_digest()}
    (folder / "meta.json").write_text(json.dumps({**meta, "recordings": entries}), "utf-8")
    (folder / "points.csv").write_text("video,time_s,type\n" + points, "utf-8")
    (folder / "intervals.csv").write_text("video,onset_s,apex_s,offset_s,type\n" + intervals, "utf-8")
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(LabelError) as caught:
        load_archive(folder)
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".")
    return text


def test_an_archive_comes_back_on_the_grid(tmp_path: Path) -> None:
    one, two = load_archive(archive(tmp_path / "x"))
    assert (one.name, one.subject, one.data_set, one.fps) == ("a", "sa", "mine", 25.0)
    assert one.position_iod.shape == (121, 12, 2) and one.position_iod.dtype == np.float32
    assert np.allclose(one.position_iod[:, 3, 0], 0.1 * np.arange(121) / 30, atol=1e-6)
    assert one.points == (Point(60, MACRO),) and two.points == (Point(30, MICRO),)
    assert one.intervals == (LabelledInterval(45, 60, 75, MACRO),) and two.intervals == ()
    check_classes([one, two], "x")
    assert [r.name for r in load_data(tmp_path / "x")] == ["a", "b"]


def test_times_count_from_the_first_frame_that_was_seen() -> None:
    late = motion()
    assert Motion(late.time_s + 1.0, late.valid, late.position_iod, late.quality, "", "").holds(0.95)
    assert not Motion(late.time_s + 1.0, late.valid, late.position_iod, late.quality, "", "").holds(0.8)
    assert late.holds(4.1) and not late.holds(4.2)
    away = motion(missing=(1.0, 2.0))
    assert [away.sees(time_s) for time_s in (-1.0, 0.97, 0.99, 1.97, 1.99, 9.0)] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]


def test_gaps_keep_the_last_position(tmp_path: Path) -> None:
    position = on_grid(motion(30.0, 4.0, missing=(1.0, 2.0)))
    assert np.isfinite(position).all()
    assert np.allclose(position[31:59, 0, 0], position[29, 0, 0], atol=0.004)
    assert position[75, 0, 0] == pytest.approx(0.25, abs=1e-3)
    before = on_grid(motion(30.0, 4.0, missing=(0.0, 1.0)))
    assert np.allclose(before[:29, 0, 0], 0.1, atol=0.01), "before the first face stands its own position"


def test_motion_survives_the_file(tmp_path: Path) -> None:
    whole = motion(missing=(1.0, 1.5))
    save_motion(tmp_path / "m.npz", whole)
    read = load_motion(tmp_path / "m.npz")
    for field in ("time_s", "valid", "position_iod", "quality"):
        assert np.array_equal(getattr(read, field), getattr(whole, field), equal_nan=True)
    assert (read.perception, read.source) == (whole.perception, "test")
    assert [p.name for p in tmp_path.iterdir()] == ["m.npz"], "nothing half-written is left"


def test_file_names_are_safe_and_told_apart() -> None:
    assert motion_file("samm_006_1") == "samm_006_1.npz"
    assert motion_file("anna/one.mp4") != motion_file("anna_one.mp4")
    assert all("/" not in motion_file(n) and not motion_file(n).startswith(".") for n in ("../x", "a/b", "ä ö", ".hid"))
    deep = [motion_file(f"{'session/' * 60}{n}.mp4") for n in "ab"]
    assert len({*deep, motion_file("a" * 250)}) == 3 and all(len(name) < 230 for name in deep)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ("c,2.0,macro\n", "row 2: there is no recording c"),
        ("a,2.0,macro\na,4.5,macro\n", "row 3: 4.5 s lies outside a, which runs from 0.00 to 4.00 s"),
        ("a,soon,macro\n", "row 2: time_s is 'soon'"),
        ("a,inf,macro\n", "row 2: time_s is 'inf'"),
        ("a,1.0,smile\n", "row 2: type is 'smile'"),
        ("a\n", "row 2: time_s is ''"),
    ],
)
def test_wrong_points_are_named_with_their_row(tmp_path: Path, points: str, says: str) -> None:
    assert says in refused(archive(tmp_path / "x", points))


def test_wrong_intervals_are_named_with_their_row(tmp_path: Path) -> None:
    assert "intervals.csv, row 2: 9 s lies outside a" in refused(archive(tmp_path / "x", intervals="a,1,2,9,macro\n"))
    assert "row 2: onset, apex and offset" in refused(archive(tmp_path / "y", intervals="a,3,2,3.5,macro\n"))


def test_an_empty_class_is_refused(tmp_path: Path) -> None:
    recordings = load_archive(archive(tmp_path / "x", "a,2.0,macro\n"))
    with pytest.raises(LabelError, match="no micro point"):
        check_classes(recordings, "x")
    with pytest.raises(LabelError, match="no recordings"):
        check_classes([], "x")


def test_damage_is_said_in_a_sentence(tmp_path: Path) -> None:
    folder = archive(tmp_path / "x")
    part = folder / "motion" / "a.npz"
    whole = part.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not an archive", whole[:200] + bytes(64) + whole[264:]):
        part.write_bytes(content)
        assert "a.npz" in refused(folder)
    part.unlink()
    assert "a.npz is missing" in refused(folder)


def test_arrays_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    good = motion()
    torn = good.position_iod.copy()
    torn[5] = np.nan
    for bad in (
        Motion(good.time_s[::-1], good.valid, good.position_iod, good.quality, "", ""),
        Motion(good.time_s, good.valid, good.position_iod[:-1], good.quality, "", ""),
        Motion(good.time_s, good.valid, torn, good.quality, "", ""),
        Motion(good.time_s, ~good.valid, good.position_iod, good.quality, "", ""),
        Motion(good.time_s, good.valid, good.position_iod + np.float32(1e30), good.quality, "", ""),
        Motion(good.time_s[:0], good.valid[:0], good.position_iod[:0], good.quality[:0], "", ""),
    ):
        save_motion(tmp_path / "m.npz", bad)
        with pytest.raises(LabelError, match="does not hold a recording's motion"):
            load_motion(tmp_path / "m.npz")


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", time_s=np.array([{}], object))
    with pytest.raises(LabelError, match="damaged"):
        load_motion(tmp_path / "m.npz")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "other"}, "not of a feature archive"),
        ({"schema": 99}, "has schema 99"),
        ({"recordings": []}, "holds no recordings"),
        ({"recordings": [{"name": "a"}]}, "cannot be read"),
        ({"recordings": [{"name": "a", "subject": "s", "fps": 1, "file": "../a.npz"}]}, "is not a file in motion"),
        *(
            ({"recordings": [{"name": "a", "subject": "s", "fps": fps, "file": "a.npz"}]}, "meta.json: fps of a is")
            for fps in (0, -30, float("nan"), 1e9)
        ),
    ],
)
def test_other_descriptions_are_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = archive(tmp_path / "x") / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **change}), "utf-8")
    assert says in refused(path.parent)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "no meta.json" in refused(tmp_path)
    folder = archive(tmp_path / "x")
    (folder / "meta.json").write_text("[1", "utf-8")
    assert "meta.json cannot be read" in refused(folder)


def test_tables_appear_whole_and_the_digest_sees_every_change(tmp_path: Path) -> None:
    folder = archive(tmp_path / "x")
    before = data_digest(folder)
    assert before == data_digest(archive(tmp_path / "y")), "the same content has the same digest wherever it lies"
    write_table(folder / "points.csv", POINT_COLUMNS, [("a", "2.0000", "macro")])
    write_table(folder / "intervals.csv", INTERVAL_COLUMNS, [("a", 1, 2, 3, "micro", "coded", "4+7, left", "")])
    assert data_digest(folder) != before
    assert load_archive(folder)[0].intervals == (LabelledInterval(30, 60, 90, MICRO),)
    assert not list(folder.glob(".*"))


@pytest.mark.shared_data
def test_flow12_is_told_from_its_files(shared_data: Path) -> None:
    assert len(load_data(shared_data / "flow12" / "samm_lv")) == 122


def test_the_same_point_twice_is_refused_unless_both_were_drawn(tmp_path: Path) -> None:
    twice = "a,2.0,macro\nb,1.0,micro\na,2.000,macro\n"
    folder = archive(tmp_path / "x", twice)
    assert "points.csv, rows 2 and 4: the same point twice" in refused(folder)
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    (folder / "meta.json").write_text(json.dumps({**meta, "points": {"drawn": "apex", "seed": 0}}), "utf-8")
    assert len(load_archive(folder)[0].points) == 2


def test_what_may_be_a_slip_is_remarked(tmp_path: Path) -> None:
    folder = archive(tmp_path / "x", "a,2.0,macro\nb,1.0,micro\nb,1,macro\na,2.000,Micro\n")
    (both,) = remarks(folder)
    assert "points.csv, rows 3 and 4; 2 and 5: a macro and a micro point of one recording at the same moment" in both
    assert [len(r.points) for r in load_archive(folder)] == [2, 2], "as they are"
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    drawn = {"points": {"drawn": "apex", "seed": 0}, "perception": "of before"}
    (folder / "meta.json").write_text(json.dumps({**meta, **drawn}), "utf-8")
    (older,) = remarks(folder)
    assert "another version of the perception; extract it again" in older
    folder = archive(tmp_path / "y")
    assert remarks(folder) == []
    (bare,) = remarks(folder, tested=True)
    assert "y has points but no intervals of b, so that in the test all that is found there counts as wrong" in bare
    for intervals in ("", "a,1,2,3,macro\nb,1,1,1,micro\n"):
        (folder / "intervals.csv").write_text("video,onset_s,apex_s,offset_s,type\n" + intervals, "utf-8")
        assert remarks(folder, tested=True) == [], "of none at all it is said elsewhere"


def test_an_archive_is_not_written_into(tmp_path: Path) -> None:
    folder = archive(tmp_path / "x")
    for out in (folder, folder / "runs" / "one", tmp_path / "y" / ".." / "x" / "run"):
        with pytest.raises(UsageError, match="choose another --out"):
            check_apart(out, [tmp_path / "other", folder])
    check_apart(tmp_path / "x2", [folder])
    check_apart(tmp_path, [folder])
