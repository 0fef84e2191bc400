"""A study of small videos, and the command that spots in them."""

from __future__ import annotations

import csv
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Picture, WriteVideo

Command = Callable[..., tuple[int, str, str]]
Table = dict[str, dict[str, str]]


@pytest.fixture(scope="session")
def blink(tmp_path_factory: pytest.TempPathFactory, portrait: Picture, write_video: WriteVideo) -> Path:
    """A face for ten frames."""
    return write_video(tmp_path_factory.mktemp("blink") / "blink.mp4", [portrait] * 10)


@pytest.fixture
def study(tmp_path: Path, make_study: Callable[[Path], Path]) -> Path:
    """Four videos in two folders, one of them damaged."""
    return make_study(tmp_path / "study")


@pytest.fixture(scope="session")
def make_study(blink: Path, faceless_video: Path) -> Callable[[Path], Path]:
    """Makes such a folder."""

    def make(folder: Path) -> Path:
        (folder / "s1").mkdir(parents=True)
        shutil.copy(blink, folder / "smile.mp4")
        shutil.copy(faceless_video, folder / "room.mp4")
        shutil.copy(blink, folder / "s1" / "smile.mp4")
        (folder / "s1" / "torn.mp4").write_bytes(blink.read_bytes()[:900])
        return folder

    return make


@pytest.fixture(scope="session")
def summary_of() -> Callable[[Path], Table]:
    """Reads a folder's summary.csv, by the name of the results."""

    def read(out: Path) -> Table:
        with (out / "summary.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        table = {row["results"]: row for row in rows}
        assert len(table) == len(rows)
        return table

    return read


@pytest.fixture(scope="session")
def wait_for_the_end_of() -> Callable[[list[int]], None]:
    """Waits until none of the processes runs any more; the test times out where one does for ever."""

    def is_running(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        state = Path(f"/proc/{pid}/stat")  # one that has ended may wait there for who collects it
        return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")

    def wait(pids: list[int]) -> None:
        while any(is_running(pid) for pid in pids):
            time.sleep(0.05)

    return wait
