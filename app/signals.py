"""What the system sends to a program that is to end: Ctrl+C, a request to terminate, a terminal that was closed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

END_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""SIGHUP is unknown to Windows."""


def heard() -> list[signal.Signals]:
    """Those of ``END_SIGNALS`` to which the program was not started deaf, as ``nohup`` starts it."""
    return [number for number in END_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def on_end_signals(act: Callable[[], object]) -> Iterator[None]:
    """Call ``act`` instead of ending at once. A signal that is ignored (``nohup``) stays ignored. Main thread only."""
    before = {number: signal.signal(number, lambda *_: act()) for number in heard()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
