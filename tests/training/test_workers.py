"""Processes that work side by side, and how they end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from models.errors import UsageError  # noqa: E402
from training.workers import _end_with_parent, workers  # noqa: E402


def threads_of(_: int) -> tuple[int, int]:
    return os.getpid(), torch.get_num_threads()


def end(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_in_this_process_where_one_is_enough() -> None:
    before = torch.get_num_threads()
    with workers(1) as each:
        assert list(each(threads_of, [0])) == [(os.getpid(), 1)]
    assert torch.get_num_threads() == before


def test_each_process_works_in_one_thread_and_an_early_end_ends_them() -> None:
    with pytest.raises(KeyboardInterrupt), workers(2) as each:
        pid, threads = next(iter(each(threads_of, [0])))
        assert pid != os.getpid() and threads == 1
        left = each(time.sleep, [300.0, 300.0, 300.0])
        raise KeyboardInterrupt
    del left
    assert not multiprocessing.active_children(), "nobody sleeps on, which the test's time limit would not allow"


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_a_process_that_is_ended_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="fewer --jobs"), workers(2) as each:
        list(each(end, [0]))


FIRST = """
import os, time
from training.workers import workers
def told(n):
    with open(f"{n}.pid", "w") as file:
        file.write(str(os.getpid()))
    time.sleep(300)
if __name__ == "__main__":
    with workers(2) as each:
        list(each(told, [0, 1]))
"""


def test_one_ends_that_has_lost_the_first_process_while_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wait for work for ever: the signal of a parent that ends comes to those alone who asked before."""
    ended, gone = threading.Event(), SimpleNamespace(join=lambda: None)
    monkeypatch.setattr("multiprocessing.parent_process", lambda: gone)
    monkeypatch.setattr("os._exit", lambda code: ended.set())
    _end_with_parent()
    assert ended.wait(10)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it looks into /proc")
def test_they_end_with_a_process_that_is_terminated(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(FIRST, "utf-8")
    root = str(Path(__file__).resolve().parents[2])
    with subprocess.Popen([sys.executable, "first.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}) as first:
        files = [tmp_path / "0.pid", tmp_path / "1.pid"]
        while not all(file.exists() and file.read_text() for file in files):
            assert first.poll() is None
            time.sleep(0.1)
        first.terminate()
    for file in files:
        status = Path(f"/proc/{file.read_text()}/stat")
        # ended, or waiting for somebody to take note of it
        while status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z":
            time.sleep(0.1)
