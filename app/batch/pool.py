"""Processes of this machine that do tasks side by side.

A process does one task after another, each on a single thread, and is replaced by a fresh one now and then, so that
memory stays the same however many tasks there are. A process that dies (a decoder that crashes, no memory left) costs
its task a second try, alone, when all others are done. Pipes connect them with this process; nothing opens a socket.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic

from app.batch.interrupts import Interrupts
from app.batch.tasks import Failed, Finished, Moved, Order, Result, Stopped, Task, Work, attempt
from models.memory import share_arenas

log = logging.getLogger(__name__)

_TASKS_A_PROCESS = 100
_TELL_S = 0.1
"""A process says how far it is, and hears that it is to stop, at most this often."""

_PATIENCE_S = 5.0
"""Processes that have not ended this long after they were told to are killed."""


def run_in_processes(
    work: Work[Order, Result], tasks: Sequence[Task[Order]], jobs: int, interrupts: Interrupts
) -> Generator[Moved | Finished[Result] | Failed, None, None]:
    """Do the tasks, ``jobs`` at a time. Each gives any number of ``Moved`` and then ``Finished`` or ``Failed``.

    Close the iterator, or leave it by an exception, to stop: the processes end within a moment, and are killed where
    Ctrl+C was pressed again.
    """
    crew: _Crew[Order, Result] = _Crew(work, interrupts)
    waiting = deque(range(len(tasks)))
    once_more: deque[int] = deque()
    last_try: set[int] = set()
    try:
        while waiting or once_more or crew.busy:
            while waiting and crew.busy < jobs:
                number = waiting.popleft()
                crew.give(number, tasks[number])
            if once_more and not crew.busy:
                number = once_more.popleft()
                last_try.add(number)
                crew.give(number, tasks[number])
            for event in crew.listen():
                if not isinstance(event, _Died):
                    yield event
                    continue
                name = tasks[event.number].name
                log.warning("the process that did %s ended (%s)", name, event.how)
                if event.number in last_try:
                    sentence = f"{name} was given up: its process ended, and ended again ({event.how})."
                    yield Failed(event.number, sentence)
                else:
                    once_more.append(event.number)
                    yield Moved(event.number, 0.0)
    finally:
        crew.end()


def usual_jobs() -> int:
    """Processes that are started unless told otherwise: one a processor that is ours, less one, and 8 at most."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(ours - 1, 1), 8)


@dataclass(frozen=True, slots=True)
class _Died:
    """The process of task ``number`` ended in the middle of it."""

    number: int
    how: str


@dataclass(slots=True)
class _Member:
    """A process. orders: closed to tell it to end. number: its task; given: how many it was given so far."""

    process: BaseProcess
    orders: Connection
    answers: Connection
    number: int | None = None
    given: int = 0


class _Crew(Generic[Order, Result]):
    """The processes: those that have a task, and those that wait for one."""

    def __init__(self, work: Work[Order, Result], interrupts: Interrupts) -> None:
        self._work = work
        self._interrupts = interrupts
        self._members: list[_Member] = []
        # a fork would copy half-used decoders and thread pools
        self._context = multiprocessing.get_context("spawn")

    @property
    def busy(self) -> int:
        return sum(member.number is not None for member in self._members)

    def give(self, number: int, task: Task[Order]) -> None:
        """Hand a task to a process that waits, or to a new one."""
        member = next((m for m in self._members if m.number is None), None) or self._hire()
        member.number = number
        member.given += 1
        with contextlib.suppress(OSError):  # it is dead; that is heard where its answers end
            member.orders.send((number, task))

    def listen(self) -> Iterator[Moved | Finished[Result] | Failed | _Died]:
        """Wait until something is heard of those at work."""
        at_work = {m.answers: m for m in self._members if m.number is not None}
        for answers in wait(list(at_work)):
            member = at_work[answers]  # type: ignore[index]
            number = member.number
            assert number is not None
            try:
                message: Moved | Finished[Result] | Failed | logging.LogRecord = member.answers.recv()
            except (EOFError, OSError):
                self._dismiss(member)
                yield _Died(number, _how(member.process.exitcode))
                continue
            if isinstance(message, logging.LogRecord):
                logging.getLogger(message.name).handle(message)
                continue
            if not isinstance(message, Moved):
                member.number = None
                if member.given >= _TASKS_A_PROCESS:
                    self._dismiss(member)
            yield message

    def end(self) -> None:
        """Let every process end; none is left when this returns."""
        for member in self._members:
            member.orders.close()
            member.answers.close()  # so that none waits to be heard
        end_s = time.monotonic() + _PATIENCE_S
        for member in self._members:
            self._see_off(member, end_s)
        self._members.clear()

    def _hire(self) -> _Member:
        # one-way pipes: a two-way pipe would be a socket
        their_orders, orders = self._context.Pipe(duplex=False)
        answers, their_answers = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_serve, args=(self._work, their_orders, their_answers), daemon=True)
        member = _Member(process, orders, answers)
        with self._interrupts.held():
            process.start()
            self._members.append(member)
        their_orders.close()
        their_answers.close()
        return member

    def _dismiss(self, member: _Member) -> None:
        self._members.remove(member)
        member.orders.close()
        member.answers.close()
        self._see_off(member, time.monotonic() + _PATIENCE_S)

    def _see_off(self, member: _Member, end_s: float) -> None:
        while member.process.is_alive() and time.monotonic() < end_s and not self._interrupts.impatient:
            member.process.join(0.05)
        member.process.kill()
        member.process.join()


def _how(exit_code: int | None) -> str:
    """Why a process ended, in words."""
    if exit_code is None or exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"
    return f"{name}; perhaps for want of memory" if name == "SIGKILL" else name


# --- what runs in the processes ---------------------------------------------------------------------------------------


def _serve(work: Work[Order, Result], orders: Connection, answers: Connection) -> None:
    """Do tasks until there are no more orders."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    import cv2

    cv2.setNumThreads(1)
    share_arenas()
    outlet = _Outlet(orders, answers)
    logging.getLogger().addHandler(_Forward(outlet))  # type: ignore[arg-type]
    logging.raiseExceptions = False  # a log that nobody takes any more must not print a traceback
    # who gives the orders may be gone at any time
    with contextlib.suppress(EOFError, OSError, Stopped):
        while True:
            number, task = orders.recv()
            outlet.send(attempt(number, work, task, lambda share, n=number: outlet.tell(n, share)))  # type: ignore[misc]


class _Outlet:
    """What a process has to say; log records may come from other threads."""

    def __init__(self, orders: Connection, answers: Connection) -> None:
        self._orders, self._answers = orders, answers
        self._lock = threading.Lock()
        self._told_s = 0.0

    def send(self, message: object) -> None:
        with self._lock:
            self._answers.send(message)

    def tell(self, number: int, share: float | None) -> None:
        """Say how far the task has come.

        Raises:
            Stopped: the orders' pipe is closed.
        """
        now_s = time.monotonic()
        if now_s - self._told_s < _TELL_S:
            return
        self._told_s = now_s
        # no order comes before the task is done, so what is there to read can only be the end
        try:
            ended = self._orders.poll()
        except OSError:
            ended = True
        if ended:
            raise Stopped
        self.send(Moved(number, share))


class _Forward(logging.handlers.QueueHandler):
    """Hands log records to the process that keeps the log."""

    def enqueue(self, record: logging.LogRecord) -> None:
        outlet: Any = self.queue
        outlet.send(record)
