"""Ctrl+C, and a polite request to end, while processes are at work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from app.signals import heard


class Interrupts:
    """Counts ``END_SIGNALS``, Ctrl+C among them: the first raises ``KeyboardInterrupt``, further ones are only counted.

    So what is tidied up after the first is not torn apart by the second; who tidies up looks at ``impatient``. Outside
    the main thread, and where the program was started deaf to a signal, nothing is changed.
    """

    def __init__(self) -> None:
        self._count = 0
        self._held = False
        self._before: dict[signal.Signals, Any] = {}

    @property
    def impatient(self) -> bool:
        """Whether it was pressed more than once."""
        return self._count > 1

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` where it was pressed; native code that is being loaded may have swallowed it."""
        if self._count:
            raise KeyboardInterrupt

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._pressed) for number in heard()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Either waits until the end of the block; a process started inside never hears of Ctrl+C (but on Windows)."""
        # a new process inherits the mask; SIGTERM is not in it, since that is how it will be ended
        masks = hasattr(signal, "pthread_sigmask")
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masks else set()
        count, self._held = self._count, True
        try:
            yield
        finally:
            self._held = False
            if masks:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if count == 0 and self._count > 0:
            raise KeyboardInterrupt

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._count == 1 and not self._held:
            raise KeyboardInterrupt
