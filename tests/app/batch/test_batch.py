"""``apexspot spot`` over folders: what is done stays, what fails is named, what stops goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import app.cli as cli
from app.batch.summary import read_summary, row_of_failure, row_of_summary, write_summary
from app.spot import SpotFiles, _unfinished, remove_unfinished, spot_video
from models.errors import OutputError
from models.spotter import Spotter

if TYPE_CHECKING:
    from tests.app.batch.conftest import Command, Table
    from tests.conftest import Picture, WriteVideo

ROOT = Path(__file__).resolve().parents[3]
ALL = ["room", "s1/smile", "s1/torn", "smile"]
GOOD = ["room", "s1/smile", "smile"]


def times(out: Path) -> dict[str, int]:
    return {
        path.relative_to(out).as_posix(): path.stat().st_mtime_ns
        for path in out.rglob("*")
        if path.is_file() and path.name != "summary.csv"
    }


def change(path: Path, *keys: str, value: object) -> None:
    """Change one value in a NAME.json."""
    summary = part = json.loads(path.read_text("utf-8"))
    for key in keys[:-1]:
        part = part[key]
    assert keys[-1] in part
    part[keys[-1]] = value
    path.write_text(json.dumps(summary), "utf-8")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, make_study: Callable[[Path], Path]) -> Path:
    """The results of the study's good videos, made once. Not to be changed."""
    folder = tmp_path_factory.mktemp("done")
    (make_study(folder / "study") / "s1" / "torn.mp4").unlink()
    assert cli._run(["spot", str(folder / "study"), "--out", str(folder / "results")]) == 0
    return folder / "results"


@pytest.fixture
def done(results: Path, study: Path, tmp_path: Path) -> Path:
    """The same results, of the study without what is damaged."""
    (study / "s1" / "torn.mp4").rename(tmp_path / "torn.mp4")
    return Path(shutil.copytree(results, tmp_path / "results"))


def test_a_folder_gives_results_in_its_sub_folders_and_a_summary(
    run: Command, study: Path, tmp_path: Path, summary_of: Callable[[Path], Table], blink: Path
) -> None:
    code, _, err = run("spot", study, "--out", "results", "--jobs", 2)
    assert code == 1
    assert "torn.mp4" in err and "1 of 4 videos could not be used" in err
    results = tmp_path / "results"
    made = {path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()}
    assert made == {"summary.csv", *(f"{n}.{e}" for n in GOOD for e in ("intervals.csv", "frames.csv", "json"))}
    table = summary_of(results)
    assert list(table) == ALL
    torn = table.pop("s1/torn")
    assert "torn.mp4" in torn["error"] and torn["frames"] == torn["seconds"] == ""
    assert all(float(row["seconds"]) > 0 and row["error"] == "" for row in table.values())
    assert [(table[n]["frames"], table[n]["face_share"]) for n in GOOD] == [
        ("30", "0.0000"),
        ("10", "1.0000"),
        ("10", "1.0000"),
    ]
    assert float(table["smile"]["fps"]) == pytest.approx(30, abs=0.1)
    assert table["room"]["message"] == "No face was found in this video."
    assert table["room"]["macros"] == table["room"]["micros"] == "0"
    alone = SpotFiles.of(tmp_path, "alone")
    spot_video(blink, alone, Spotter(use_gpu=False))
    assert (results / "s1" / "smile.frames.csv").read_bytes() == alone.frames.read_bytes(), "the same as by itself"


def test_what_is_done_is_not_done_again(
    run: Command, study: Path, done: Path, tmp_path: Path, summary_of: Callable[[Path], Table]
) -> None:
    before, table = times(done), summary_of(done)
    (study / "smile.mp4").rename(study / "grin.mp4")  # another name, the same content
    for path in done.glob("smile.*"):
        path.rename(done / path.name.replace("smile", "grin"))
    (done / "summary.csv").unlink()
    shutil.copy(tmp_path / "torn.mp4", study / "s1")
    code, out, _ = run("spot", study, "--out", "results")
    assert code == 1
    assert "3 of 4 videos were done before." in out
    assert sorted(times(done).values()) == sorted(before.values())
    again = summary_of(done)
    assert list(again) == ["grin", "room", "s1/smile", "s1/torn"]
    assert again["room"]["video"] == f"{study.as_posix()}/room.mp4"
    for name in ("room", "s1/smile"):
        assert {**again[name], "video": ""} == {**table[name], "video": ""}


def test_what_would_be_lost_is_refused_and_replaced_with_force(run: Command, study: Path, done: Path) -> None:
    before = times(done)
    (study / "smile.mp4").write_bytes((study / "room.mp4").read_bytes())
    change(done / "s1" / "smile.json", "code", "scoring", value="0" * 16)
    code, _, err = run("spot", study, "--out", "results")
    assert code == 2
    assert "smile.intervals.csv (of another recording) and the results of 1 more would be overwritten" in err
    assert "--force" in err
    code, _, err = run("spot", study / "s1", "--out", "results/s1")
    assert code == 2 and "smile.intervals.csv (found by another version of apexspot) would be overwritten" in err
    change(done / "room.json", "model", "sha256", value="0" * 64)
    code, _, err = run("spot", study / "room.mp4", "--out", "results")
    assert code == 2 and "room.intervals.csv (found by another model) would be overwritten" in err
    tables = {name: when for name, when in before.items() if name.endswith(".csv")}
    assert {name: when for name, when in times(done).items() if name.endswith(".csv")} == tables
    change(done / "room.json", "model", "sha256", value=Spotter(use_gpu=False).spec.sha256)
    code, out, _ = run("spot", study, "--out", "results", "--force")
    assert code == 0 and "1 of 3 videos were done before." in out, "what would come out the same stays with force, too"
    assert times(done)["room.frames.csv"] == before["room.frames.csv"]
    assert run("spot", study, "--out", "results")[1] == "3 of 3 videos were done before.\n"


def test_the_laboratory_network_is_named(run: Command, study: Path) -> None:
    assert run("spot", study / "smile.mp4", "--model", "lab", "--out", "lab")[0] == 0
    summary = json.loads(Path("lab/smile.json").read_text("utf-8"))
    assert summary["model"]["file"] == "spotter_lab.onnx"


def test_the_smallest_movement_belongs_to_the_results(run: Command, study: Path, done: Path) -> None:
    code, _, err = run("spot", study, "--smallest-movement", "0.9", "--out", "results")
    assert code == 2 and "found with another smallest movement" in err
    assert run("spot", study, "--smallest-movement", "0.9", "--out", "large")[0] == 0
    summary = json.loads(Path("large/s1/smile.json").read_text("utf-8"))
    assert summary["settings"]["least_motion_iod"] == 0.9
    assert run("spot", study, "--smallest-movement", "0.9", "--out", "large")[1] == "3 of 3 videos were done before.\n"
    code, _, err = run("spot", study, "--smallest-movement-in-speech", "0.2", "--out", "results")
    assert code == 2 and "found with another smallest movement" in err
    assert run("spot", study, "--smallest-movement-in-speech", "0.2", "--out", "silent")[0] == 0
    summary = json.loads(Path("silent/s1/smile.json").read_text("utf-8"))
    assert summary["settings"]["least_motion_in_speech_iod"] == 0.2
    code, _, err = run("spot", study, "--smallest-movement", "1.5", "--out", "other")
    assert code == 2 and "between 0 and 1" in err and not Path("other").exists()


def test_tables_changed_by_hand_stay_unless_forced(run: Command, study: Path, done: Path) -> None:
    table = done / "smile.intervals.csv"
    table.write_text("mine")
    assert run("spot", study, "--out", "results")[0] == 0
    assert table.read_text() == "mine"
    code, out, _ = run("spot", study, "--out", "results", "--force")
    assert code == 0 and "2 of 3 videos were done before." in out
    assert table.read_text() != "mine"


@pytest.mark.parametrize("lost", ["json", "frames.csv"])
def test_a_table_changed_by_hand_stays_where_another_file_is_gone(
    lost: str, run: Command, study: Path, done: Path
) -> None:
    table = done / "smile.intervals.csv"
    table.write_text("mine")
    (done / f"smile.{lost}").unlink()
    code, _, err = run("spot", study, "--out", "results")
    assert code == 2 and "smile.intervals.csv (" in err and "would be overwritten" in err
    assert ("changed since" in err) == (lost == "frames.csv")
    assert table.read_text() == "mine"
    assert run("spot", study, "--out", "results", "--force")[0] == 0 and table.read_text() != "mine"


def test_a_sub_folder_that_cannot_be_read_is_as_a_video_that_cannot(
    run: Command, study: Path, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    (study / "closed").mkdir()
    code, out, err = run("spot", study, "--out", "results")
    assert code == 1 and "3 of 3 videos were done before." in out
    assert err == f"apexspot: The folder {study / 'closed'} cannot be read (Permission denied).\n"


def test_results_that_a_kill_left_incomplete_are_done_again(run: Command, study: Path, done: Path) -> None:
    (done / "smile.intervals.csv").unlink()
    prefix, suffix = _unfinished(SpotFiles.of(done, "smile"))
    (done / f"{prefix}abc{suffix}").mkdir()
    (done / f"{prefix}abc{suffix}" / "smile.json").touch()
    code, out, _ = run("spot", study, "--out", "results")
    assert code == 0 and "2 of 3 videos were done before." in out
    assert (done / "smile.intervals.csv").exists() and not list(done.glob(".*"))


def test_results_come_together_or_not_at_all(tmp_path: Path, blink: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = SpotFiles.of(tmp_path, "blink")
    for path in files.all():
        path.write_text("older")

    def no_room(path: Path, *rest: object) -> None:
        path.write_text("half")
        raise OutputError("cannot be written") from OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OutputError, match=r"blink\.json and .* \(No space left"):
        patch.setattr("app.spot.write_frames", no_room)
        spot_video(blink, files, Spotter(use_gpu=False))
    assert [path.read_text() for path in files.all()] == ["older"] * 3
    assert len(list(tmp_path.iterdir())) == 3
    remove_unfinished(files)
    assert len(list(tmp_path.iterdir())) == 3


def test_rows_of_other_runs_stay_while_their_results_do(
    run: Command, study: Path, done: Path, summary_of: Callable[[Path], Table]
) -> None:
    for path in done.glob("room.*"):
        path.unlink()
    shutil.copy(study / "smile.mp4", study.parent / "new.mp4")
    assert run("spot", study.parent / "new.mp4", "--out", "results")[0] == 0
    assert list(summary_of(done)) == ["new", "s1/smile", "smile"]


def test_a_table_of_ones_own_is_not_overwritten(run: Command, study: Path, tmp_path: Path) -> None:
    mine = tmp_path / "summary.csv"
    mine.write_text("subject,age\n1,30\n")
    code, _, err = run("spot", study)
    assert code == 2 and "is not a summary of this program" in err
    assert run("spot", study / "smile.mp4")[0] == 0, "one video alone wants no summary"
    assert mine.read_text() == "subject,age\n1,30\n"
    assert run("spot", study, "--force")[0] == 1
    assert mine.read_text().startswith("video,results,")


def test_a_spreadsheet_runs_nothing_of_the_summary(tmp_path: Path, summary_of: Callable[[Path], Table]) -> None:
    write_summary(tmp_path, [row_of_failure(Path("=1+1.mp4"), "=1+1", "-x\nis no video")], [])
    (row,) = summary_of(tmp_path).values()
    assert (row["video"], row["results"], row["error"]) == ("'=1+1.mp4", "'=1+1", "'-x is no video")


NAMES = ["'quoted", "'=1+1", "=1+1", "b\udcff", "b\udcfe", "a\nb", "a b", "sub/'x"]


def test_lines_stay_whatever_the_names_are(tmp_path: Path, summary_of: Callable[[Path], Table]) -> None:
    out = tmp_path / "results"
    (out / "sub").mkdir(parents=True)
    for name in NAMES:
        try:
            (out / f"{name}.json").touch()
        except OSError:
            pytest.skip("there can be no such names here")
    write_summary(out, [row_of_summary(Path(f"{name}.mp4"), name, {}) for name in NAMES], [])
    before = summary_of(out)
    assert len(before) == len(NAMES)
    write_summary(out, [row_of_summary(Path("new.mp4"), "new", {})], read_summary(out, replace=False))
    assert set(summary_of(out)) == {*before, "new"}
    for name in NAMES:
        (out / f"{name}.json").unlink()
    write_summary(out, [], read_summary(out, replace=False))
    assert summary_of(out) == {}


def test_the_line_of_a_failure_stays_until_the_video_is_tried_again_or_gone(
    tmp_path: Path, summary_of: Callable[[Path], Table]
) -> None:
    torn, gone, elsewhere = tmp_path / "torn\n.mp4", tmp_path / "gone.mp4", tmp_path / "unplugged" / "x.mp4"
    torn.touch()
    gone.touch()
    failed = [row_of_failure(path, f"s1/{path.stem}", f"{path} is no video.") for path in (torn, gone, elsewhere)]
    write_summary(tmp_path, failed, [])
    gone.unlink()
    write_summary(tmp_path, [row_of_failure(tmp_path / "n.mp4", "n", "No.")], read_summary(tmp_path, replace=False))
    assert list(summary_of(tmp_path)) == ["n", "s1/torn\\u000a", "s1/x"]
    again = row_of_summary(torn, "torn", {})
    write_summary(tmp_path, [again], read_summary(tmp_path, replace=False))
    assert "s1/torn\\u000a" not in summary_of(tmp_path)


@pytest.mark.timeout(300)  # starts the program three times
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_asked_twice_to_end_and_begun_again_it_does_every_video_once(
    tmp_path: Path,
    portrait: Picture,
    write_video: WriteVideo,
    summary_of: Callable[[Path], Table],
    wait_for_the_end_of: Callable[[list[int]], None],
) -> None:
    study, out = tmp_path / "study", tmp_path / "results"
    study.mkdir()
    video = write_video(tmp_path / "video.mkv", [portrait] * 15)
    for number in range(10):
        shutil.copy(video, study / f"v{number:02}.mkv")
    command = [sys.executable, "-m", "app", "spot", str(study), "--out", str(out), "--jobs", "2"]
    first: dict[str, int] = {}
    for asked in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as program:
            assert program.stdout is not None
            assert all(" -> " in program.stdout.readline() for _ in range(3))
            mine = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
            assert len(mine) >= 2
            program.send_signal(asked)
            program.send_signal(asked)
            _, err = program.communicate(timeout=60)
        assert program.returncode == 130
        assert "videos are over; the same command does the others" in err and "Traceback" not in err
        wait_for_the_end_of([int(pid) for pid in mine])
        assert not list(out.glob(".*"))
        table = summary_of(out)
        assert {f"{name}.json" for name in table} <= {path.name for path in out.iterdir()}
        first |= {name: when for name, when in times(out).items() if name not in first}
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "videos were done before." in answer.stdout
    assert list(summary_of(out)) == [f"v{number:02}" for number in range(10)]
    assert all(float(row["seconds"]) > 0 for row in summary_of(out).values())
    assert all(times(out)[name] == when for name, when in first.items()), "nothing was done twice"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_in_a_terminal_one_bar_is_over_all_videos(study: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "app", "spot", str(study), "--out", str(tmp_path / "results")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT, env={**os.environ, "TERM": "xterm", "COLUMNS": "90"}
    ) as program:
        os.close(theirs)
        shown = b""
        while part := read(ours):
            shown += part
        assert program.stdout is not None
        said = program.stdout.read()
    os.close(ours)
    assert program.returncode == 1
    assert b"/4 " in shown and b"%" in shown
    assert said.count(b" -> ") == 3, "results go to standard output, not to where the bar is"


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
