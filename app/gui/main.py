"""Opening the window."""

from __future__ import annotations

import gc
import logging
import os
import sys
from functools import partial
from pathlib import Path
from types import TracebackType

from pyqtgraph.util.garbage_collector import GarbageCollector
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from app.gui.cameras import CameraScan
from app.gui.player import Player
from app.gui.theme import DARK, LIGHT, Theme, apply_theme, system_is_dark
from app.gui.window import MainWindow
from app.settings import SettingsFile, settings_path
from app.signals import on_end_signals
from app.sources import SourceChoice

log = logging.getLogger(__name__)


def run_window(choice: SourceChoice | None, autoplay: bool, recording: Path | None = None) -> int:
    """Show the window until it is closed.

    Meanwhile garbage is collected in this thread alone: Qt crashes where another thread, of which a session has
    several, happens to find a closed dialog and deletes it while Qt is at work here.

    choice: what is chosen at first; None leaves it to the cameras that are found. autoplay: start it at once.
    recording: a session folder or a video to open in Review.

    Returns:
        The exit status.
    """
    app = make_application(sys.argv[:1])
    collector = GarbageCollector()
    window = open_window(app, QSettings("apexspot", "apexspot"))
    hook, sys.excepthook = sys.excepthook, partial(_unexpected, window)
    if choice is not None:
        if autoplay:
            window.live.play(choice)
        else:
            window.live.bar.choose(choice)
    window.show()
    if recording is not None:
        window.open_recording(recording)
    try:
        # a recording is finished before the window closes; the poll timer lets Python see the signal
        with on_end_signals(window.leave):
            return app.exec()
    finally:
        sys.excepthook = hook
        collector.timer.stop()
        gc.enable()


def _unexpected(
    window: MainWindow, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """An error inside the window goes to the log; the user gets a sentence and a window that lives on."""
    log.error("unexpected error in the window", exc_info=(kind, error, trace))
    window.banner.say(f"Something unexpected went wrong in the window ({kind.__name__}); the log has the details.")


def make_application(arguments: list[str]) -> QApplication:
    """The Qt application, rid of the plugin paths that OpenCV sets for a Qt of its own."""
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in os.environ.get(name, ""):
            del os.environ[name]
    app = QApplication(arguments)
    # once, before there are windows: Qt deletes the style before, which a style sheet may still use for their widgets
    app.setStyle("Fusion")
    app.setApplicationName("apexspot")
    app.setDesktopFileName("apexspot")
    return app


def open_window(
    app: QApplication,
    settings: QSettings,
    theme: Theme | None = None,
    cameras: CameraScan | None = None,
    store: SettingsFile | None = None,
    player: Player | None = None,
) -> MainWindow:
    """A window that follows the desktop's light or dark, unless a ``theme`` is given.

    settings: for its geometry. store: what it remembers besides, the user's own file where none is given.
    """
    follows = theme is None
    theme = theme or (DARK if system_is_dark(app) else LIGHT)
    apply_theme(app, theme)
    window = MainWindow(
        player or Player(), cameras or CameraScan(), settings, store or SettingsFile(settings_path()), theme
    )
    if follows:

        def follow() -> None:
            now = DARK if system_is_dark(app) else LIGHT
            apply_theme(app, now)
            window.set_theme(now)

        app.styleHints().colorSchemeChanged.connect(follow)
    return window
