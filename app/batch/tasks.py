"""One task a recording, and what is told while many are done: the seam between the work and whoever does it.

The work is a plain function of an order, importable by its name, since it runs in another process or on another
machine. Whoever runs it (``app.batch.pool``, ``app.batch.cluster``) gives events, as they come about.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.logs import log_path
from models.errors import ApexspotError

log = logging.getLogger(__name__)

Order = TypeVar("Order")
Result = TypeVar("Result")

Tell = Callable[[float | None], None]
"""What the work calls often, with the share that is done (0 to 1, ``None`` where the length is unknown).

Raises Stopped where nobody waits for the result any more.
"""

Work = Callable[[Order, Tell], Result]
"""What is done to each recording. An ``ApexspotError`` is a sentence for the user; the other recordings go on."""


class Stopped(BaseException):
    """The run was given up. Not an ``Exception``, so that nothing takes it for a fault of the recording."""


@dataclass(frozen=True, slots=True)
class Task(Generic[Order]):
    """name: of the recording, for people."""

    name: str
    order: Order


@dataclass(frozen=True, slots=True)
class Moved:
    """Task ``number`` has come so far, 0 to 1; ``None`` where it cannot be told."""

    number: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Finished(Generic[Result]):
    """Task ``number`` is done."""

    number: int
    result: Result


@dataclass(frozen=True, slots=True)
class Failed:
    """Task ``number`` came to nothing. trace: where that was not foreseen, the traceback for the log."""

    number: int
    sentence: str
    trace: str | None = None


def attempt(number: int, work: Work[Order, Result], task: Task[Order], tell: Tell) -> Finished[Result] | Failed:
    """Do one task; whatever goes wrong is a ``Failed``."""
    try:
        return Finished(number, work(task.order, tell))
    except ApexspotError as error:
        return Failed(number, str(error))
    except Exception as error:
        kind = type(error).__name__
        return Failed(number, f"{task.name} was given up ({kind}, unexpected)", traceback.format_exc())


def sentence_of(failed: Failed, name: str) -> str:
    """The sentence for the user; what nobody foresaw goes to the log, and the sentence says where that is."""
    if failed.trace is None:
        return failed.sentence
    log.error("unexpected error in %s\n%s", name, failed.trace)
    return f"{failed.sentence}; see {log_path()}"
