"""A run over many recordings, wherever they are done: progress is shown, failures become sentences."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from app.batch.cluster import run_on_cluster
from app.batch.interrupts import Interrupts
from app.batch.pool import run_in_processes
from app.batch.progress import Watch
from app.batch.tasks import Failed, Moved, Order, Result, Task, Work, sentence_of


@dataclass(frozen=True, slots=True)
class Where:
    """jobs: processes of this machine. dask: address of a cluster, which then does it instead."""

    jobs: int = 1
    dask: str | None = None


def run_tasks(
    work: Work[Order, Result],
    tasks: Sequence[Task[Order]],
    where: Where,
    watch: Watch,
    interrupts: Interrupts,
    discard: Callable[[Order], None],
) -> Generator[tuple[int, Result | str], None, None]:
    """Do the tasks; gives each one's number with its result, or with the sentence that says why there is none.

    Close the iterator, or leave it by an exception, to stop: ``discard`` then removes what a task that was cut off may
    have left.

    Raises:
        UsageError, DataError: there is no such cluster, or it is gone.
        KeyboardInterrupt: Ctrl+C was pressed, though nobody heard it at the time.
    """
    if where.dask is None:
        events = run_in_processes(work, tasks, where.jobs, interrupts)
    else:
        events = run_on_cluster(work, tasks, where.dask)
    begun: set[int] = set()
    try:
        with closing(events):
            for event in events:
                interrupts.check()
                if isinstance(event, Moved):
                    begun.add(event.number)
                    watch(event.number, event.share)
                    continue
                begun.discard(event.number)
                watch(event.number, 1.0)
                if isinstance(event, Failed):
                    yield event.number, sentence_of(event, tasks[event.number].name)
                else:
                    yield event.number, event.result
    finally:
        for number in begun:
            discard(tasks[number].order)
