"""``apexspot extract``: real perception over small recordings, in processes of their own, resumable."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import openpyxl
import pytest

from app.batch.interrupts import Interrupts
from app.batch.progress import Watch
from app.batch.run import Where, run_tasks
from app.batch.tasks import Task
from app.cli import _run
from app.cli_train import DataSetName, DrawName, extract_all, require_extra
from models.errors import DataError, UsageError
from models.perception import Perception
from models.types import ExpressionType
from models.video import VideoFile
from training.archive import load_archive, load_motion, save_motion
from training.extract import Extraction, Plan, complete, discard, plan, see
from training.readers import DataSet, PointDraw, read

if TYPE_CHECKING:
    from tests.conftest import WriteVideo

Picture = np.ndarray


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, portrait: Picture, write_video: WriteVideo) -> Path:
    """A face for two thirds of a second."""
    pictures = [np.asarray(cv2.convertScaleAbs(portrait, beta=k / 4), np.uint8) for k in range(20)]
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", pictures)


def own_in(root: Path, clip: Path) -> Path:
    """Two videos with a face and a point in each."""
    root.mkdir()
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(clip, root / name)
    (root / "points.csv").write_text("video,time_s,type\na.mp4,0.25,macro\nb.mp4,0.5,micro\n", "utf-8")
    return root


@pytest.fixture
def own(tmp_path: Path, clip: Path) -> Path:
    return own_in(tmp_path / "own", clip)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """The archive of those two, made without interruption. Not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    result = extracted(own_in(folder / "own", clip), folder / "archive")
    assert (result.extracted, result.kept, result.failed, result.points) == (2, 0, (), 2)
    return folder / "archive"


def run(root: Path, out: Path, *more: str, dataset: str = "plain") -> int:
    return _run(["extract", "--dataset", dataset, "--root", str(root), "--out", str(out), "--jobs", "2", *more])


def extracted(root: Path, out: Path, jobs: int = 2) -> Extraction:
    return extract_all(read(DataSet.PLAIN, root), out, jobs=jobs)


def casme2(root: Path, portrait: Picture) -> Path:
    """A recording of 30 pictures in the owner's naming, and the spreadsheet."""
    folder = root / "rawpic" / "s15" / "15_0101disgustingteeth"
    folder.mkdir(parents=True)
    for number in range(1, 31):
        cv2.imwrite(str(folder / f"img{number:03d}.jpg"), cv2.convertScaleAbs(portrait, beta=number / 8))
    book = openpyxl.Workbook()
    sheets = {
        "CASFEcode_final": [[1, "disgust1_1", 11, 20, 30, "4", "negative", "macro-expression", "fear"]],
        "naming rule1": [[15, "s15", 1]],
        "naming rule2": [[101, "disgust1"]],
    }
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(root / "CAS(ME)^2code_final.xlsx")
    return root


def test_a_data_set_becomes_an_archive(tmp_path: Path, portrait: Picture, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = casme2(tmp_path / "casme", portrait), tmp_path / "out"
    assert run(root, out, "--points", "uniform", "--seed", "3", dataset="casme2") == 0
    (recording,) = load_archive(out)
    assert (recording.name, recording.subject, recording.data_set) == ("casme_015_0101", "casme_015", "casme2")
    assert recording.position_iod.shape == (30, 12, 2) and np.isfinite(recording.position_iod).all()
    (interval,) = recording.intervals
    assert (interval.onset, interval.apex, interval.offset) == (10, 19, 29)
    (point,) = recording.points
    assert interval.onset <= point.frame <= interval.offset
    meta = json.loads((out / "meta.json").read_text("utf-8"))
    assert meta["points"] == {"drawn": "uniform", "seed": 3}
    assert "1 recordings of 1 people, 1 macro, 0 micro expressions" in capsys.readouterr().out


def test_it_is_the_live_perception(whole: Path, clip: Path) -> None:
    stored = load_motion(whole / "motion" / "a.mp4.npz")
    with Perception() as perception, VideoFile(clip) as video:
        seen = [perception.process(frame) for frame in video]
    assert np.allclose(stored.time_s, [m.time_s for m in seen])
    assert np.allclose(stored.position_iod, [m.position_iod for m in seen], atol=1e-4)
    assert stored.valid.all()


def test_what_is_done_is_not_done_again_unless_it_changed(
    own: Path, whole: Path, tmp_path: Path, faceless_video: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    when = (out / "motion" / "a.mp4.npz").stat().st_mtime_ns
    (out / "motion" / "b.mp4.npz").write_bytes(b"torn")
    (out / "motion" / ".b.mp4.npz.writing").touch()
    again = extracted(own, out)
    assert (again.extracted, again.kept) == (1, 1)
    assert (out / "motion" / "a.mp4.npz").stat().st_mtime_ns == when
    assert not list((out / "motion").glob(".*"))
    shutil.copy(faceless_video, own / "b.mp4")
    other = extracted(own, out)
    assert other.kept == 1 and len(other.failed) == 1 and "no face" in other.failed[0]
    assert [r.name for r in load_archive(out)] == ["a.mp4"], "what failed now is not taken from before"


def test_it_carries_on_past_a_bad_recording_and_names_it(
    own: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    (own / "torn.mp4").write_bytes((own / "a.mp4").read_bytes()[:900])
    with (own / "points.csv").open("a", encoding="utf-8") as file:
        file.write("torn,0.5,macro\n")
    assert run(own, out) == 1
    said = capsys.readouterr()
    assert "torn.mp4" in said.err and "1 of 3 could not be used" in said.err and "2 were there already" in said.out
    assert "Traceback" not in said.err
    assert [r.name for r in load_archive(out)] == ["a.mp4", "b.mp4"]


def test_what_was_thinned_too_far_before_is_seen_again(own: Path, whole: Path, tmp_path: Path) -> None:
    """As a browser's recording was, whose rate was taken for 1000."""
    out = Path(shutil.copytree(whole, tmp_path / "out"))
    target = out / "motion" / "a.mp4.npz"
    motion = load_motion(target)
    few = {name: getattr(motion, name)[::4] for name in ("time_s", "valid", "position_iod", "quality")}
    save_motion(target, replace(motion, **few))
    assert [order.name for order in plan(read(DataSet.PLAIN, own), out).todo] == ["a.mp4"]


def test_recordings_that_an_archive_loses_are_named(own: Path, whole: Path, tmp_path: Path) -> None:
    """A second folder does not come beside the first, it takes its place."""
    out = Path(shutil.copytree(whole, tmp_path / "out"))
    (own / "points.csv").write_text("video,time_s,type\nb.mp4,0.5,micro\n", "utf-8")
    (finding,) = extracted(own, out).findings
    assert not finding.lost and "is no longer of 1 recording that it had before (a.mp4)" in finding.sentence
    assert extracted(own, out).findings == ()


def by_hand(planned: Plan, watch: Watch) -> dict[str, str | None]:
    """Sees what is to be done, one after the other; the sentence about each, by its name."""
    tasks = [Task(str(order.source), order) for order in planned.todo]
    with Interrupts() as interrupts:
        seen = run_tasks(see, tasks, Where(jobs=1), watch, interrupts, discard)
        return {planned.todo[number].name: sentence for number, sentence in seen}


def test_an_interrupted_run_leaves_nothing_half_written_and_goes_on(own: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def stop_after_one(number: int, share: float | None) -> None:
        if number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        by_hand(plan(read(DataSet.PLAIN, own), out), stop_after_one)
    assert not multiprocessing.active_children()
    assert [p.name for p in (out / "motion").iterdir()] == ["a.mp4.npz"] and not (out / "meta.json").exists()
    result = extracted(own, out)
    assert (result.extracted, result.kept) == (1, 1)
    for mine, theirs in zip(load_archive(out), load_archive(whole), strict=True):
        assert np.array_equal(mine.position_iod, theirs.position_iod) and mine.points == theirs.points


def test_a_process_that_dies_costs_its_recording_a_second_try(own: Path, tmp_path: Path) -> None:
    deaths: list[int] = []

    def kill_first(number: int, share: float | None) -> None:
        if number == 0 and len(deaths) < 1:
            deaths.append(number)
            multiprocessing.active_children()[0].kill()

    planned = plan(read(DataSet.PLAIN, own), tmp_path / "out")
    assert by_hand(planned, kill_first) == {"a.mp4": None, "b.mp4": None} and deaths == [0]
    complete(planned, {})
    assert [r.name for r in load_archive(tmp_path / "out")] == ["a.mp4", "b.mp4"]


def test_what_another_version_would_see_is_refused(own: Path, tmp_path: Path) -> None:
    planned = plan(read(DataSet.PLAIN, own), tmp_path / "out")
    with pytest.raises(DataError, match=r"a\.mp4 was not used: another version"):
        see(replace(planned.todo[0], digest="0" * 16), lambda share: None)
    assert not any((tmp_path / "out" / "motion").iterdir())


def test_check_only_says_what_is_missing(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["extract", "--dataset", "plain", "--root", str(own), "--check"]) == 0
    assert "2 recordings of 2 people, 2 points" in capsys.readouterr().out
    with (own / "points.csv").open("a", encoding="utf-8") as file:
        file.write("nobody,0.5,macro\n")
    assert run(own, tmp_path / "out", "--check") == 1
    assert "row 4: there is no video nobody" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_faults_in_ones_own_labels_are_corrected_first(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (own / "points.csv").open("a", encoding="utf-8") as file:
        file.write("a.mp4,99,macro\n")
    assert run(own, tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "row 4: 99 s lies outside a.mp4" in said and "Nothing was extracted" in said
    assert not (tmp_path / "out").exists()


def test_recordings_at_another_frame_rate_are_not_extracted(
    tmp_path: Path, portrait: Picture, write_video: WriteVideo, capsys: pytest.CaptureFixture[str]
) -> None:
    root = casme2(tmp_path / "casme", portrait)
    shutil.rmtree(root / "rawpic")
    film = root / "rawvideo" / "s15" / "15_0101disgustingteeth.mp4"
    film.parent.mkdir(parents=True)
    write_video(film, [portrait] * 30, [40 * k for k in range(30)])
    assert run(root, tmp_path / "out", "--check", dataset="casme2") == 1
    assert "at about 25 frames a second" in capsys.readouterr().out
    assert run(root, tmp_path / "out", dataset="casme2") == 2
    said = capsys.readouterr().err
    assert "at about 25 frames a second" in said and "Nothing was extracted" in said
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else_is_left_alone(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").touch()
    with pytest.raises(UsageError, match="holds other files"):
        extracted(own, out)
    (out / "motion").mkdir()
    (out / "meta.json").write_text('{"data_set": "samm_lv"}', "utf-8")
    with pytest.raises(UsageError, match="archive of samm_lv"):
        extracted(own, out)
    with pytest.raises(UsageError, match="is a file"):
        extracted(own, out / "thesis.txt")


def test_requests_that_make_no_sense(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["extract", "--dataset", "plain", "--root", str(own)]) == 2
    assert "--out" in capsys.readouterr().err
    assert _run(["extract", "--dataset", "plain", "--root", str(own / "none"), "--check"]) == 2
    assert "no folder" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install() -> None:
    require_extra("json")
    with pytest.raises(UsageError, match=r"pip install 'apexspot\[train\]'"):
        require_extra("json", "no_such_module")


def test_help_imports_nothing_heavy_and_names_are_the_readers_own() -> None:
    code = (
        "import sys\nimport app.cli\n"
        "app.cli._run(['extract', '--help'])\n"
        "bad = {'training', 'torch', 'pandas', 'cv2', 'mediapipe', 'openpyxl'} & set(sys.modules)\n"
        "sys.exit(f'imported: {bad}' if bad else 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert [*map(str, DataSetName)] == [*map(str, DataSet)] and [*map(str, DrawName)] == [*map(str, PointDraw)]
    assert {kind.value for kind in ExpressionType} == {"macro", "micro"}
