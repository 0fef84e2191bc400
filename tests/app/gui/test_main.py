"""The window's own process: which thread takes garbage away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys, threading, time, weakref
from pathlib import Path
from PySide6.QtCore import QSettings, QTimer
from app.gui import main
from app.gui.cameras import CameraScan
from app.settings import SettingsFile

out, collected_by = Path(sys.argv[1]), set()

class Loop:
    def __init__(self):
        self.me = self
        weakref.finalize(self, lambda: collected_by.add(threading.current_thread().name))

def litter():
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        for _ in range(100):
            Loop()
        time.sleep(0.01)

def open_window(app, settings):
    settings = QSettings(str(out / "geometry.ini"), QSettings.Format.IniFormat)
    window = opened(app, settings, cameras=CameraScan(lambda: ()), store=SettingsFile(out / "settings.json"))
    threading.Thread(target=litter, name="worker").start()
    QTimer.singleShot(3500, window.close)
    return window

opened, main.open_window = main.open_window, open_window
code = main.run_window(None, autoplay=False)
print(code, *sorted(collected_by))
"""


def test_garbage_is_collected_in_the_windows_thread_alone(tmp_path: Path) -> None:
    """Qt does not survive that another thread deletes a closed dialog while a style sheet is being set."""
    answer = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        timeout=100,
    )
    assert answer.stdout.splitlines()[-1:] == ["0 MainThread"], answer.stderr
