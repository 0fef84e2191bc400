"""Pictures of the real window for the documentation: ``python -m benchmarks.screenshots``.

Plays the demo in real time in windows of several sizes, light and dark, and grabs each when the demo has shown
something; then the page for a machine without a camera. Without a display Qt's offscreen platform draws the same.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from app.gui.cameras import CameraScan
from app.gui.main import make_application, open_window
from app.gui.theme import DARK, LIGHT, Theme
from app.gui.window import MainWindow
from app.sources import DemoChoice, FileChoice, SourceChoice

OUT = Path(__file__).resolve().parent.parent / "docs" / "img"


@dataclass(frozen=True)
class Shot:
    """One picture: ``name``.png, the window's size in logical pixels, its theme, and whether the source plays."""

    name: str
    size: tuple[int, int]
    theme: Theme
    plays: bool


SHOTS = (
    Shot("live-light", (1280, 720), LIGHT, True),
    Shot("live-dark", (1280, 720), DARK, True),
    Shot("live-large", (1920, 1080), LIGHT, True),
    Shot("no-camera", (1280, 720), LIGHT, False),
    Shot("no-camera-dark", (1280, 720), DARK, False),
)


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
            take(app, shot, source, options.after, path)
            print(path)
    return 0


def take(app: QApplication, shot: Shot, source: SourceChoice, after_s: float, path: Path) -> None:
    """Open a window, let it play, grab it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(str(Path(folder) / "settings.ini"), QSettings.Format.IniFormat)
        window = open_window(app, settings, shot.theme, CameraScan(lambda: ()))
        window.resize(*shot.size)
        window.show()
        if shot.plays:
            window.play(source)
            until(app, lambda: _played_s(window) >= after_s or not window.player.running, after_s + 30.0)
        else:
            until(app, lambda: False, 0.5)
        window.grab().save(str(path))
        window.close()
        window.deleteLater()
        until(app, lambda: False, 0.1)


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
