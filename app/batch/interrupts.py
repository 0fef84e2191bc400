"""Ctrl+C while processes are at work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType


class Interrupts:
    """Counts Ctrl+C: the first raises ``KeyboardInterrupt`` as ever, further ones are only counted.

    So what is tidied up after the first is not torn apart by the second; who tidies up looks at ``impatient``. Outside
    the main thread, and where the program was started deaf to Ctrl+C, nothing is changed.
    """

    def __init__(self) -> None:
        self._count = 0
        self._held = False
        self._before: object = None

    @property
    def impatient(self) -> bool:
        """Whether it was pressed more than once."""
        return self._count > 1

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` where it was pressed; native code that is being loaded may have swallowed it."""
        if self._count:
            raise KeyboardInterrupt

    def __enter__(self) -> Interrupts:
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._before = signal.signal(signal.SIGINT, self._pressed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]
            self._before = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Ctrl+C waits until the end of the block; a process started inside never hears of it (but on Windows)."""
        masks = hasattr(signal, "pthread_sigmask")  # a new process inherits the mask
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
