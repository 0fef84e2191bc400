"""A real window on Qt's offscreen platform, and proof that it leaves nothing running."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.cameras import CameraScan
from app.gui.main import open_window
from app.gui.theme import LIGHT
from app.gui.window import MainWindow
from app.sources import CameraChoice

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # read when the application is made, not at import

OpenWindow = Callable[..., MainWindow]


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def open_main_window(qtbot: QtBot, qapp: QApplication, settings: QSettings) -> Iterator[OpenWindow]:
    """Opens the real window with the cameras given; fails if a thread or a running timer survives its closing."""
    windows: list[MainWindow] = []

    def open_(cameras: tuple[CameraChoice, ...] = ()) -> MainWindow:
        window = open_window(qapp, settings, LIGHT, CameraScan(lambda: cameras))
        windows.append(window)
        with qtbot.waitActive(window):  # shortcuts only work in the active window
            window.show()
            window.activateWindow()
        return window

    yield open_
    for window in windows:
        window.close()
        timers = [timer for timer in window.findChildren(QTimer) if timer.isActive()]
        assert not timers, f"timers left running: {timers}"
        window.deleteLater()
    qapp.processEvents()
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("apexspot")]
    assert not threads, f"threads left behind: {threads}"
