"""Work spread over processes of one thread each, so that its numbers do not depend on how many there are."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import torch

from models.errors import UsageError

Map = Callable[..., Iterator[Any]]


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch in one thread: sums depend on how they are cut."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def workers(jobs: int) -> Iterator[Map]:
    """``map`` over so many processes, or in this one where one is enough.

    Where the work is left early, by Ctrl+C or an error, the processes end at once.

    Raises:
        UsageError: a process was ended from outside.
    """
    if jobs <= 1:
        with one_thread():
            yield map
        return
    others = set(multiprocessing.active_children())
    # forking a process whose libraries run threads may hang
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin)
    try:
        yield pool.map
    except BrokenProcessPool as error:
        raise UsageError(
            "A process was ended from outside, perhaps for want of memory; run the command again with fewer --jobs, "
            "what is done is kept."
        ) from error
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    # a terminal sends Ctrl+C to every process; the first one tells the others
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _end_with_parent()


def _end_with_parent() -> None:
    """End this process when the first one is ended in a way that it cannot pass on, or was while this one began."""
    first = multiprocessing.parent_process()

    def follow() -> None:
        if first is not None:
            first.join()
            os._exit(1)

    threading.Thread(target=follow, name="apexspot-parent", daemon=True).start()
