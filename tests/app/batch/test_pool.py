"""Processes that do tasks: whatever happens to one of them, the others go on, and none is left."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.batch import pool
from app.batch.interrupts import Interrupts
from app.batch.pool import run_in_processes
from app.batch.tasks import Failed, Finished, Moved, Task, sentence_of

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
Run = Callable[..., Iterator[Moved | Finished[object] | Failed]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.syspath_prepend(HERE)
    import works

    with Interrupts() as interrupts:
        yield lambda *orders, jobs=1: run_in_processes(
            works.work, [Task(order, order) for order in orders], jobs, interrupts
        )
    assert not multiprocessing.active_children()


def ends(events: Iterator[Moved | Finished[object] | Failed]) -> dict[int, Finished[object] | Failed]:
    found: dict[int, Finished[object] | Failed] = {}
    for event in events:
        if not isinstance(event, Moved):
            assert event.number not in found
            found[event.number] = event
    return found


def test_each_task_comes_to_an_end_of_its_own(run: Run) -> None:
    got = ends(run("a", "bad", "bug", "threads", jobs=2))
    assert got[0] == Finished(0, "a")
    assert got[1] == Failed(1, "The recording bad is damaged.")
    bug = got[2]
    assert isinstance(bug, Failed) and bug.sentence == "bug was given up (ZeroDivisionError, unexpected)"
    assert "works.py" in (bug.trace or "") and sentence_of(bug, "bug").endswith("apexspot.log")
    assert got[3] == Finished(3, 1), "each process computes on one thread"


def test_a_process_that_dies_costs_its_task_a_second_try(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    got = ends(run(f"die-once {tmp_path / 'died'}", "die", "a", "b", jobs=2))
    assert isinstance(got[0], Finished) and isinstance(got[2], Finished) and isinstance(got[3], Finished)
    dead = got[1]
    assert isinstance(dead, Failed) and "ended again (SIGKILL" in dead.sentence
    assert caplog.text.count("the process that did die ended") == 2


def test_processes_are_used_again_and_replaced_now_and_then(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_TASKS_A_PROCESS", 3)
    pids = [end.result for end in ends(run(*["pid"] * 5)).values() if isinstance(end, Finished)]
    assert pids[0] == pids[1] == pids[2] != pids[3] == pids[4]


def test_what_a_process_logs_comes_to_our_log(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    ends(run("warn this"))
    assert [r.getMessage() for r in caplog.records if r.name == "works"] == ["heed this"]


def test_who_leaves_stops_the_processes(run: Run) -> None:
    with closing(run("endless", "endless", "a", jobs=2)) as events:
        begun: set[int] = set()
        while begun != {0, 1}:
            event = next(events)
            assert isinstance(event, Moved)
            begun.add(event.number)


def test_a_process_that_does_not_listen_is_killed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PATIENCE_S", 0.2)
    with closing(run("deaf")) as events:
        next(events)


def test_ctrl_c_twice_waits_for_nobody(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PATIENCE_S", 600.0)  # the test would time out
    events = run("deaf")
    with pytest.raises(KeyboardInterrupt):
        next(events)
        os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    events.close()  # type: ignore[attr-defined]


def test_processes_end_when_who_started_them_is_killed(wait_for_the_end_of: Callable[[list[int]], None]) -> None:
    code = (
        "import multiprocessing, works\n"
        "from app.batch.interrupts import Interrupts\n"
        "from app.batch.pool import run_in_processes\n"
        "from app.batch.tasks import Task\n"
        "for _ in run_in_processes(works.work, [Task('x', 'endless')], 1, Interrupts()):\n"
        "    print(multiprocessing.active_children()[0].pid, flush=True)\n"
    )
    paths = os.pathsep.join([str(HERE), str(ROOT)])
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    ) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        program.kill()
    wait_for_the_end_of([pid])


def test_ctrl_c_is_raised_once_and_then_counted() -> None:
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert not interrupts.impatient
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.impatient
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_waits_while_it_is_held() -> None:
    passed = False
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt), interrupts.held():
        os.kill(os.getpid(), signal.SIGINT)
        passed = True
    assert passed
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_a_program_that_is_deaf_to_ctrl_c_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGINT)
            interrupts.check()
    finally:
        signal.signal(signal.SIGINT, before)
