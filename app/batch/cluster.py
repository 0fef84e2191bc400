"""Tasks handed to an existing Dask cluster, for more videos than one machine can do (extra ``[cluster]``).

The scheduler gives a worker's tasks to others when the worker dies, and gives a task up when it has cost more workers
than the scheduler's ``allowed-failures``. The workers read and write the files themselves, so they need the same paths.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import logging
import secrets
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from app.batch.tasks import Failed, Finished, Moved, Order, Result, Stopped, Task, Work, attempt
from models.errors import DataError, UsageError

log = logging.getLogger(__name__)

_CONNECT_S = 15
_LOOK_S = 1.0
"""How often a worker looks whether its task is still wanted."""


def run_on_cluster(
    work: Work[Order, Result], tasks: Sequence[Task[Order]], address: str
) -> Generator[Moved | Finished[Result] | Failed, None, None]:
    """Do the tasks on the cluster whose scheduler is at ``address`` (or described by a scheduler file of that path).

    Each task gives ``Finished`` or ``Failed``; the sentence of a ``Failed`` says on which worker it was. Close the
    iterator, or leave it by an exception, to take back what is not done yet; a worker that is in the middle of a task
    leaves it within a second.

    Raises:
        UsageError: Dask is not installed, or there is no scheduler.
        DataError: the scheduler is gone.
    """
    if importlib.util.find_spec("distributed") is None:
        raise UsageError("--dask needs the package distributed; run: pip install 'apexspot[cluster]'.")
    dask: Any = importlib.import_module("distributed")
    client = _connect(dask, address)
    try:
        run = f"apexspot-{secrets.token_hex(6)}"
        keys = [f"{run}-{number}" for number in range(len(tasks))]
        futures = [
            client.submit(_on_worker, number, work, task, key, key=key, pure=False)
            for number, (task, key) in enumerate(zip(tasks, keys, strict=True))
        ]
        number_of = {future.key: number for number, future in enumerate(futures)}
        for future in dask.as_completed(futures, loop=client.loop):
            number = number_of[future.key]
            name = tasks[number].name
            try:
                event = future.result()
            except dask.CancelledError as error:
                raise DataError(
                    f"The Dask scheduler at {address} is gone; what is done is kept, and the same command goes on."
                ) from error
            except dask.KilledWorker as error:
                log.warning("%s: %s", name, error)
                event = Failed(number, f"{name} was given up: every worker that had it died.")
            except Exception as error:  # what the cluster itself could not do, such as reading our code
                log.warning("%s", name, exc_info=error)
                event = Failed(number, f"{name} could not be done on the cluster ({type(error).__name__}: {error}).")
            yield event
            future.release()
    finally:
        # without its client the scheduler takes back what is left
        client.close()


def _connect(dask: Any, address: str) -> Any:
    try:
        where = _scheduler(address)
        dask.comm.get_address_host_port(where, strict=True)
        # a client that could not be made would be waited for, and complain as it goes
        asyncio.run(asyncio.wait_for(_knock(dask, where), _CONNECT_S))
        return dask.Client(where, timeout=_CONNECT_S, set_as_default=False, name="apexspot")
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise UsageError(
            f"There is no Dask scheduler at {address} ({type(error).__name__}); "
            "--dask wants its address, as in tcp://HOST:8786, or its scheduler file."
        ) from error


def _scheduler(address: str) -> str:
    """The address that is meant, which a scheduler file holds.

    Raises:
        OSError: the file cannot be read. ValueError: it is no scheduler file.
    """
    file = Path(address)
    if file.suffix != ".json" or not file.is_file():
        return address
    described = json.loads(file.read_text("utf-8"))
    if not isinstance(described, dict) or not isinstance(described.get("address"), str):
        raise ValueError(f"{file} names no address")
    return str(described["address"])


async def _knock(dask: Any, address: str) -> None:
    comm = await dask.comm.connect(address, _CONNECT_S, **dask.Security().get_connection_args("client"))
    await comm.close()


# --- what runs on the workers -----------------------------------------------------------------------------------------


def _on_worker(number: int, work: Work[Order, Result], task: Task[Order], key: str) -> Finished[Result] | Failed:
    import cv2
    from distributed import get_worker

    cv2.setNumThreads(1)
    worker: Any = get_worker()
    looked_s = time.monotonic()

    def tell(share: float | None) -> None:
        """A thread cannot be ended from outside, so a task that was taken back ends itself."""
        nonlocal looked_s
        now_s = time.monotonic()
        if now_s - looked_s < _LOOK_S:
            return
        looked_s = now_s
        state = worker.state.tasks.get(key)
        if state is not None and state.state == "cancelled":
            raise Stopped

    try:
        event = attempt(number, work, task, tell)
    except Stopped:
        return Failed(number, f"{task.name} was taken back.")
    if isinstance(event, Failed):
        return Failed(number, f"{event.sentence.rstrip('.')} (on the worker {worker.address}).", event.trace)
    return event
