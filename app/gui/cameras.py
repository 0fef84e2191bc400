"""Looking for cameras without holding up the window."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from app.sources import CameraChoice
from app.sources.devices import list_cameras

log = logging.getLogger(__name__)


def found_cameras() -> tuple[CameraChoice, ...]:
    """The cameras that are plugged in now."""
    return tuple(CameraChoice(camera.id, camera.name) for camera in list_cameras())


class CameraScan:
    """Looks in a thread of its own: asking every device takes seconds on some systems. The window polls ``result``."""

    def __init__(self, find: Callable[[], tuple[CameraChoice, ...]] = found_cameras) -> None:
        self._find = find
        self._thread: threading.Thread | None = None
        self._result: tuple[CameraChoice, ...] | None = None

    @property
    def result(self) -> tuple[CameraChoice, ...] | None:
        """What the last finished look found; None while the first one is under way."""
        return self._result

    def look(self) -> None:
        """Look again, unless a look is under way."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="apexspot-cameras", daemon=True)
            self._thread.start()

    def close(self, timeout_s: float = 2.0) -> None:
        """Wait for a look that is under way."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._result = self._find()
        except Exception:
            log.exception("looking for cameras failed")
            self._result = self._result or ()
