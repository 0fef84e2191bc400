"""Whether a window can be opened here; asked before Qt is, since Qt ends the program where it cannot."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass

log = logging.getLogger(__name__)

_PROBE = "from PySide6.QtGui import QGuiApplication as A; a = A([]); print(a.platformName())"
_PROBE_TIMEOUT_S = 20.0
_HEADLESS_PLATFORMS = ("offscreen", "minimal", "vnc")


@dataclass(frozen=True, slots=True)
class Display:
    """platform: Qt's name of it ("xcb", "wayland", "windows", "cocoa", "offscreen"), ``None`` where no window can be
    opened; ``problem`` then says why, as a sentence."""

    platform: str | None
    problem: str = ""

    @property
    def usable(self) -> bool:
        return self.platform is not None


def probe_display() -> Display:
    """Try Qt in a process of its own, unless it is plain already that there is no display."""
    if sys.platform.startswith("linux") and not _named_display():
        return Display(None, "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set).")
    try:
        answer = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("the display could not be probed: %s", error)
        return Display(None, "The display does not answer.")
    platform = answer.stdout.strip()
    if answer.returncode == 0 and platform:
        return Display(platform)
    log.warning("Qt cannot start here: %s", answer.stderr.strip())
    if "ModuleNotFoundError" in answer.stderr:
        return Display(None, "The window's package PySide6 is not installed.")
    # Qt names the library whenever its X plugin fails, also where only the display does not answer
    if "cursor0" in answer.stderr and "could not connect" not in answer.stderr:
        return Display(None, "Qt needs the system library libxcb-cursor0 to open a window.")
    where = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or "of this machine"
    return Display(None, f"The display {where} cannot be used.")


def _named_display() -> bool:
    if os.environ.get("QT_QPA_PLATFORM", "").split(":")[0] in _HEADLESS_PLATFORMS:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
