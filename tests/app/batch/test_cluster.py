"""``--dask``: a scheduler and two workers on this machine, one of which dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.app.batch.conftest import Command, Table
    from tests.conftest import Picture, WriteVideo

pytest.importorskip("distributed")

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__SCHEDULER__DASHBOARD__ENABLED": "False"}

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
    pytest.mark.timeout(300),  # starts many programs
]


@dataclass
class Cluster:
    """file: what the scheduler says of itself. workers: without the nanny that would start a dead one again."""

    file: Path
    workers: list[subprocess.Popen[bytes]]

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text())["address"])


def dask(what: str, file: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dask", what, "--scheduler-file", str(file), "--host", "127.0.0.1", *more]
    log = (file.parent / f"{what}-{time.monotonic_ns()}.log").open("wb")
    with log:
        return subprocess.Popen([*command, "--no-dashboard"], cwd=file.parent, env=ENVIRONMENT, stdout=log, stderr=log)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    file = tmp_path_factory.mktemp("cluster") / "scheduler.json"
    started = [dask("scheduler", file, "--port", "0")]
    try:
        while not file.exists() or not file.read_text():
            assert started[0].poll() is None
            time.sleep(0.1)
        workers = [dask("worker", file, "--nthreads", "1", "--no-nanny") for _ in range(2)]
        started += workers
        yield Cluster(file, workers)
    finally:
        for one in reversed(started):
            one.kill()
            one.wait()


def spot(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", *(str(a) for a in arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=ENVIRONMENT,
    )


def test_a_folder_is_done_by_the_workers(
    cluster: Cluster, study: Path, tmp_path: Path, summary_of: Callable[[Path], Table]
) -> None:
    with spot("spot", "study", "--out", "results", "--dask", cluster.address, cwd=tmp_path) as program:
        _, err = program.communicate()
    assert program.returncode == 1
    table = summary_of(tmp_path / "results")
    assert list(table) == ["room", "s1/smile", "s1/torn", "smile"]
    assert "torn.mp4" in table["s1/torn"]["error"] and "(on the worker tcp://127.0.0.1" in table["s1/torn"]["error"]
    assert "1 of 4 videos could not be used" in err and "Traceback" not in err
    with spot("spot", "study", "--out", "results", "--dask", cluster.file, cwd=tmp_path) as again:
        assert "3 of 4 videos were done before." in again.communicate()[0]


def test_recordings_are_extracted_by_the_workers(cluster: Cluster, tmp_path: Path, blink: Path) -> None:
    (tmp_path / "own").mkdir()
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(blink, tmp_path / "own" / name)
    (tmp_path / "own" / "points.csv").write_text("video,time_s,type\na.mp4,0.1,macro\nb.mp4,0.2,micro\n", "utf-8")
    arguments = ("extract", "--dataset", "plain", "--root", "own", "--out", "archive", "--dask", cluster.address)
    with spot(*arguments, cwd=tmp_path) as program:
        out, err = program.communicate()
    assert (program.returncode, err) == (0, "")
    assert "2 recordings extracted; 2 points" in out
    assert len(list((tmp_path / "archive" / "motion").iterdir())) == 2


FOLDS = """
steps = 8
drawn_tracks = 1
[batch]
recorded = 1
synthetic = 1
frames = 64
[tcn]
scales = [3, 8]
width = 8
dilations = [1]
activity_frames = 20
members = 2
"""


def test_folds_are_trained_by_the_workers_as_they_are_here(cluster: Cluster, tmp_path: Path, archive: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "run.toml").write_text(FOLDS)
    shutil.copytree(archive, tmp_path / "tiny")
    given = ("evaluate", "--data", "tiny", "--config", "run.toml", "--device", "cpu")
    tables = []
    for name, where in (("there", ("--dask", cluster.address)), ("here", ("--jobs", "1"))):
        with spot(*given, "--out", name, *where, cwd=tmp_path) as program:
            out, err = program.communicate()
        assert (program.returncode, err) == (0, "")
        tables.append(out.splitlines()[:-1])
    assert tables[0] == tables[1]
    for fold in range(3):
        one, two = (np.load(tmp_path / name / f"seed-0-fold-{fold:02d}.npz") for name in ("there", "here"))
        assert set(one.files) == set(two.files)
        assert all(np.array_equal(one[key], two[key]) for key in one.files)

    shutil.rmtree(tmp_path / "there")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "seed-0-fold-01.safetensors").mkdir()
    with spot(*given, "--out", "there", "--dask", cluster.address, cwd=tmp_path) as program:
        _, err = program.communicate()
    assert program.returncode == 1 and "1 of 3 folds could not be done" in err and "Traceback" not in err
    assert len(list((tmp_path / "there").glob("seed-*.npz"))) == 2, "the others are kept"


def test_a_worker_that_dies_costs_its_video_a_retry(
    cluster: Cluster, blink: Path, tmp_path: Path, summary_of: Callable[[Path], Table]
) -> None:
    (tmp_path / "study").mkdir()
    for number in range(8):
        shutil.copy(blink, tmp_path / "study" / f"v{number}.mp4")
    with spot("spot", "study", "--out", "results", "--dask", cluster.address, cwd=tmp_path) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        cluster.workers[0].send_signal(signal.SIGKILL)
        out, err = program.communicate()
    assert (program.returncode, err) == (0, "")
    assert len(out.splitlines()) == 7
    table = summary_of(tmp_path / "results")
    assert list(table) == [f"v{number}" for number in range(8)]
    assert all(row["error"] == "" for row in table.values())
    assert not list((tmp_path / "results").glob(".*"))


def test_ctrl_c_takes_back_what_a_worker_is_doing(
    cluster: Cluster, blink: Path, tmp_path: Path, portrait: Picture, write_video: WriteVideo
) -> None:
    write_video(tmp_path / "long.mkv", [portrait] * 3000)
    shutil.copy(blink, tmp_path / "short.mp4")
    with spot("spot", "short.mp4", "long.mkv", "--out", "results", "--dask", cluster.address, cwd=tmp_path) as program:
        assert program.stdout is not None
        assert "short.mp4" in program.stdout.readline()
        time.sleep(1.0)  # the worker that is left begins with the long one
        program.send_signal(signal.SIGINT)
        _, err = program.communicate()
    assert program.returncode == 130 and "stopped" in err and "Traceback" not in err
    with spot("spot", "short.mp4", "--out", "next", "--dask", cluster.address, cwd=tmp_path) as after:
        assert after.wait() == 0, after.stderr and after.stderr.read()
    assert not (tmp_path / "results" / "long.json").exists(), "the worker was free before the long one was through"
    assert not list((tmp_path / "results").glob(".*"))


def test_without_a_scheduler_it_says_so(run: Command, study: Path, tmp_path: Path) -> None:
    named, empty, torn = (tmp_path / f"{name}.json" for name in ("named", "empty", "torn"))
    named.write_text('{"address": 8786}')
    empty.write_text("{}")
    torn.write_text('{"addr')
    # the last asks for a certificate that nobody has set up
    for address in ("nowhere", named, empty, torn, "tls://127.0.0.1:1"):
        code, _, err = run("spot", study, "--dask", address)
        assert code == 2
        assert f"There is no Dask scheduler at {address} " in err and len(err.splitlines()) == 1


def test_a_network_that_ships_goes_to_the_workers_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.batch.find import Place
    from app.batch.run import Where
    from app.batch.spotting import How, Wanted, _order
    from app.batch.standing import Standing, State
    from app.spot import Method, SpotFiles

    monkeypatch.chdir(tmp_path)
    method = Method("", "", "", 0.0, 0.0)
    wanted = Wanted(Place(Path("v.mp4"), Path(), "v"), SpotFiles.of(Path("out"), "v"), Standing(State.FREE))

    def sent(model: str) -> Path | None:
        return _order(wanted, How(method, Path(model), Where(dask="tcp://host:8786"))).model

    assert sent("lab") == Path("lab")
    assert sent("own.onnx") == tmp_path / "own.onnx"
    (tmp_path / "lab").touch()
    assert sent("lab") == tmp_path / "lab", "a file of that name comes first"


def test_what_runs_on_workers_is_compared_with_what_asks(study: Path, tmp_path: Path) -> None:
    from app.batch.spotting import SpotOrder, spot_order
    from app.spot import Method, SpotFiles
    from models.errors import DataError

    order = SpotOrder(
        study / "smile.mp4", SpotFiles.of(tmp_path, "smile"), None, Method("0" * 64, "", "", 0.008, 0.0), False
    )
    with pytest.raises(DataError, match=r"smile\.mp4 was not used: another version"):
        spot_order(order, lambda share: None)
    assert not order.files.summary.exists()
