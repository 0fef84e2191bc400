"""Processes that work side by side, and how they end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from models.errors import UsageError  # noqa: E402
from training.workers import workers  # noqa: E402


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
