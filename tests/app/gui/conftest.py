"""A real window on Qt's offscreen platform, and proof that it leaves nothing running."""

from __future__ import annotations

import gc
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
from app.gui.player import Player
from app.gui.theme import LIGHT
from app.gui.window import MainWindow
from app.session import RecorderSettings
from app.settings import SettingsFile
from app.sources import CameraChoice

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # read when the application is made, not at import

OpenWindow = Callable[..., MainWindow]


@pytest.fixture(autouse=True)
def _no_garbage_collected_elsewhere() -> Iterator[None]:
    """As in the program (``run_window``): no thread of a session deletes what is left of an earlier test's window."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def store(tmp_path: Path) -> SettingsFile:
    """Settings of a user whose recordings go to the test's own folder."""
    store = SettingsFile(tmp_path / "settings.json")
    store.change(recordings=tmp_path / "recordings")
    return store


@pytest.fixture
def open_main_window(
    qtbot: QtBot, qapp: QApplication, settings: QSettings, store: SettingsFile
) -> Iterator[OpenWindow]:
    """Opens the real window with the cameras given; fails if a thread or a running timer survives its closing."""
    windows: list[MainWindow] = []

    def open_(cameras: tuple[CameraChoice, ...] = (), limits: RecorderSettings | None = None) -> MainWindow:
        window = open_window(qapp, settings, LIGHT, CameraScan(lambda: cameras), store, Player(limits))
        windows.append(window)
        with qtbot.waitActive(window):  # shortcuts only work in the active window
            window.show()
            window.activateWindow()
        return window

    yield open_
    for window in windows:
        window.player.close()  # a recording is finished, so that closing asks nothing
        window.close()
        timers = [timer for timer in window.findChildren(QTimer) if timer.isActive()]
        assert not timers, f"timers left running: {timers}"
        window.deleteLater()
    qapp.processEvents()
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("apexspot")]
    assert not threads, f"threads left behind: {threads}"
