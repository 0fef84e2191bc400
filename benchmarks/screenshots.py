"""Pictures of the real window for the documentation: ``python -m benchmarks.screenshots``.

Plays the demo in real time in windows of several sizes, light and dark, and grabs each when the demo has shown
something; records it and puts points; shows what is asked before, and the page for a machine without a camera; then
makes the pictures of Review (``benchmarks.screenshots_review``). Without a display Qt's offscreen platform draws the
same.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication, QWidget

from app.gui.cameras import CameraScan
from app.gui.main import make_application, open_window
from app.gui.record_dialog import RecordDialog
from app.gui.recording import RecordingPlan
from app.gui.theme import DARK, LIGHT, Theme
from app.gui.window import MainWindow
from app.settings import Settings, SettingsFile
from app.sources import DemoChoice, FileChoice, SourceChoice
from models.types import ExpressionType

OUT = Path(__file__).resolve().parent.parent / "docs" / "img"


class Does(Enum):
    """What the window does in a picture."""

    PLAY = "play"
    RECORD = "record"
    ASK = "ask"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Shot:
    """One picture: ``name``.png, the window's size in logical pixels, its theme, and what the window does."""

    name: str
    size: tuple[int, int]
    theme: Theme
    does: Does


SHOTS = (
    Shot("live-light", (1280, 720), LIGHT, Does.PLAY),
    Shot("live-dark", (1280, 720), DARK, Does.PLAY),
    Shot("live-large", (1920, 1080), LIGHT, Does.PLAY),
    Shot("live-large-dark", (1920, 1080), DARK, Does.PLAY),
    Shot("recording-light", (1280, 720), LIGHT, Does.RECORD),
    Shot("recording-dark", (1280, 720), DARK, Does.RECORD),
    Shot("record-dialog", (1280, 720), LIGHT, Does.ASK),
    Shot("record-dialog-dark", (1280, 720), DARK, Does.ASK),
    Shot("no-camera", (1280, 720), LIGHT, Does.NOTHING),
    Shot("no-camera-dark", (1280, 720), DARK, Does.NOTHING),
)

POINTS = ((3.1, ExpressionType.MACRO), (6.3, ExpressionType.MICRO), (9.1, ExpressionType.MACRO))
"""When the demo's expressions are labelled (s)."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the pictures (docs/img)")
    parser.add_argument("--only", nargs="*", default=[], help="names of single pictures")
    parser.add_argument("--video", type=Path, help="play this video instead of the demo")
    parser.add_argument("--after", type=float, default=17.3, help="seconds of the source before the picture is taken")
    options = parser.parse_args()
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = make_application(sys.argv[:1])
    options.out.mkdir(parents=True, exist_ok=True)
    source: SourceChoice = FileChoice(options.video) if options.video else DemoChoice()
    for shot in SHOTS:
        if not options.only or shot.name in options.only:
            path = options.out / f"{shot.name}.png"
            dropped = take(app, shot, source, options.after, path)
            print(path, dropped, flush=True)
    if options.only:
        return 0
    return subprocess.run([sys.executable, "-m", "benchmarks.screenshots_review", "--out", str(options.out)]).returncode


def take(app: QApplication, shot: Shot, source: SourceChoice, after_s: float, path: Path) -> str:
    """Open a window, let it play, grab it.

    Returns:
        How many frames were dropped: on a busy machine the picture should be taken again.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(str(Path(folder) / "settings.ini"), QSettings.Format.IniFormat)
        store = SettingsFile(Path(folder) / "settings.json")
        window = open_window(app, settings, shot.theme, CameraScan(lambda: ()), store)
        window.resize(*shot.size)
        window.show()
        shown: QWidget = window
        if shot.does is Does.PLAY:
            window.live.play(source)
            until(app, lambda: _played_s(window) >= after_s, after_s + 30.0)
        elif shot.does is Does.RECORD:
            window.live.record(source, RecordingPlan(Path(folder) / "recordings", "P01"))
            for time_s, kind in POINTS:
                until(app, lambda time_s=time_s: _played_s(window) >= time_s, after_s + 30.0)  # type: ignore[misc]
                window.live.put_point(kind)
            until(app, lambda: _played_s(window) >= after_s, after_s + 30.0)
        elif shot.does is Does.ASK:
            shown = dialog(window, source)
            until(app, lambda: False, 0.5)
        else:
            until(app, lambda: False, 0.5)
        shown.grab().save(str(path))
        dropped = window.status.texts()[3]
        window.leave()
        until(app, lambda: not window.isVisible(), 30.0)
        window.deleteLater()
        until(app, lambda: False, 0.1)
        return dropped


def dialog(window: MainWindow, source: SourceChoice) -> RecordDialog:
    """What is asked before a recording, filled in."""
    settings = Settings(recordings=Path("/data/recordings"), consent="video and scores, for research")
    asked = RecordDialog(window, source, settings)
    asked.participant.setText("P01")
    asked.agreed.click()
    asked.show()
    asked.consent.deselect()
    return asked


def until(app: QApplication, done: Callable[[], bool], most_s: float) -> None:
    """Let the window live until ``done``, or for ``most_s``."""
    end_s = time.monotonic() + most_s
    while time.monotonic() < end_s and not done():
        app.processEvents()
        time.sleep(0.005)


def _played_s(window: MainWindow) -> float:
    snapshot = window.player.snapshot()
    return snapshot.frame.time_s if snapshot and snapshot.frame else 0.0


if __name__ == "__main__":
    sys.exit(main())
