"""Pictures of the Review workspace for the documentation: ``python -m benchmarks.screenshots_review``.

Records the demo (faster than it plays, nothing dropped) into a temporary folder, opens it in the real window in several
sizes, light and dark, goes through it as a reviewer would, and grabs each window. Without a display Qt's offscreen
platform draws the same.
"""

from __future__ import annotations

import argparse
import os
import shutil
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
from app.gui.review.desk import Desk
from app.gui.theme import DARK, LIGHT, Theme
from app.gui.window import MainWindow
from app.live import LiveSession
from app.session import Recorder
from app.session.schema import SourceInfo
from app.settings import SettingsFile
from app.sources import DemoChoice, open_source
from models.spotter import Spotter
from models.types import ExpressionType

OUT = Path(__file__).resolve().parent.parent / "docs" / "img"
MOST_S = 60.0
"""Longest wait for a recording to open."""


@dataclass(frozen=True)
class Shot:
    """One picture: ``name``.png, the window's size in logical pixels, its theme; keys: with the list of keys on top."""

    name: str
    size: tuple[int, int]
    theme: Theme
    keys: bool = False


SHOTS = (
    Shot("review-light", (1280, 720), LIGHT),
    Shot("review-dark", (1280, 720), DARK),
    Shot("review-large-light", (1920, 1080), LIGHT),
    Shot("review-large-dark", (1920, 1080), DARK),
    Shot("review-keys", (1280, 720), LIGHT, keys=True),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the pictures (docs/img)")
    parser.add_argument("--only", nargs="*", default=[], help="names of single pictures")
    parser.add_argument("--size", nargs=2, type=int, metavar=("WIDTH", "HEIGHT"), help="another size for all of them")
    options = parser.parse_args()
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = make_application(sys.argv[:1])
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        recorded = record_demo(Path(folder) / "recorded")
        for shot in SHOTS:
            if not options.only or shot.name in options.only:
                copy = shutil.copytree(recorded, Path(folder) / shot.name / recorded.name)
                path = options.out / f"{shot.name}.png"
                take(app, shot, tuple(options.size or shot.size), copy, path)
                print(path)
    return 0


def record_demo(folder: Path) -> Path:
    """Analyse the whole demo and record it."""
    spotter = Spotter()
    recorder = Recorder(folder, SourceInfo(kind="demo", name="Demo"), spotter, participant="P07")
    source = open_source(DemoChoice(), paced=False)
    with LiveSession(source, spotter=spotter, lossless=True, sinks=(recorder,)) as live:
        live.wait(MOST_S)
    recorder.close()
    return recorder.folder


def take(app: QApplication, shot: Shot, size: tuple[int, ...], recording: Path, path: Path) -> None:
    """Open a window, review a little, grab it."""
    place = recording.parent
    settings = QSettings(str(place / "window.ini"), QSettings.Format.IniFormat)
    store = SettingsFile(place / "settings.json")
    window = open_window(app, settings, shot.theme, CameraScan(lambda: ()), store)
    window.resize(size[0], size[1])
    window.show()
    window.open_recording(recording)
    until(app, lambda: window.review.has_recording, MOST_S)
    review(window)
    if shot.keys:
        window.review.toggle_help()
    until(app, lambda: False, 0.5)
    window.grab().save(str(path))
    window.leave()
    window.deleteLater()
    until(app, lambda: False, 0.1)


def review(window: MainWindow) -> None:
    """Some verdicts, a point label, a stretch that is left out, and an interval that is being looked at."""
    desk = window.review.desk
    assert isinstance(desk, Desk)
    shown = desk.state.shown()
    desk.go_to_interval(1)
    desk.accept()
    if len(shown) > 3:
        desk.go_to_interval(1)
        desk.accept()
    desk.go_to(desk.end_s - 1.2)
    desk.add_point(ExpressionType.MICRO)
    desk.select(desk.begin_s, desk.begin_s + 1.5)
    desk.exclude("settling in")
    desk.go_to_interval(-1)
    desk.go_to_interval(-1)
    window.review.view.curves.show_all()


def until(app: QApplication, done: Callable[[], bool], most_s: float) -> None:
    """Let the window live until ``done``, or for ``most_s``."""
    end_s = time.monotonic() + most_s
    while time.monotonic() < end_s and not done():
        app.processEvents()
        time.sleep(0.005)


if __name__ == "__main__":
    sys.exit(main())
