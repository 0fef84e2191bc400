"""A real recorded session, opened in a real Review workspace that must leave nothing running."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.review.workspace import ReviewWorkspace
from app.gui.theme import LIGHT, apply_theme
from app.live import LiveSession
from app.session import Recorder
from app.session.schema import SourceInfo
from models.spotter import Spotter
from models.types import ExpressionType
from models.video import VideoFile
from training.actions import Side
from training.synth_script import Degradation, Event, Script
from training.synthetic import write

OpenWorkspace = Callable[[Path], ReviewWorkspace]
WAIT_MS = 30_000


@pytest.fixture(scope="session")
def drawn_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smile and a brow raise within six seconds, frames missing and unevenly spaced."""
    smile = Event(("smile",), 1.0, 1.5, 2.4, 1.0, Side.BOTH, ExpressionType.MACRO)
    brows = Event(("brow_raise",), 3.6, 3.77, 4.0, 0.9, Side.BOTH, ExpressionType.MICRO)
    uneven = Degradation(drop_share=0.06, time_jitter=0.15)
    script = Script(7, 6.0, 24.0, (320, 240), iod_px=52.0, events=(smile, brows), sway_iod=0.004, degradation=uneven)
    path = tmp_path_factory.mktemp("drawn") / "clip.mp4"
    write(script, path)
    return path


def record(clip: Path, folder: Path, scores_only: bool = False) -> Path:
    spotter = Spotter(use_gpu=False)
    recorder = Recorder(folder, SourceInfo(kind="file", name=clip.name), spotter, scores_only=scores_only)
    with LiveSession(VideoFile(clip), spotter=spotter, lossless=True, sinks=(recorder,)) as live:
        assert live.wait(60.0)
    recorder.close()
    return recorder.folder


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, drawn_clip: Path) -> Path:
    return record(drawn_clip, tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def recording(recorded: Path, tmp_path: Path) -> Path:
    """A session folder that a test may change."""
    return Path(shutil.copytree(recorded, tmp_path / "2026-11-23_09-00-00_P07"))


@pytest.fixture
def workspace(qtbot: QtBot, qapp: QApplication) -> Iterator[ReviewWorkspace]:
    """An empty workspace; fails if a thread or a running timer survives its closing."""
    apply_theme(qapp, LIGHT)
    made = ReviewWorkspace(LIGHT)
    made.resize(1256, 620)
    with qtbot.waitActive(made):  # shortcuts only work in the active window
        made.show()
        made.activateWindow()
    yield made
    made.close_recording()
    made.close_recording()
    timers = [timer for timer in made.findChildren(QTimer) if timer.isActive()]
    assert not timers, f"timers left running: {timers}"
    made.close()
    made.deleteLater()
    qapp.processEvents()
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("apexspot")]
    assert not threads, f"threads left behind: {threads}"


@pytest.fixture
def open_path(qtbot: QtBot, workspace: ReviewWorkspace) -> OpenWorkspace:
    """Opens a path and waits until it is there."""

    def open_(path: Path) -> ReviewWorkspace:
        workspace.open(path)
        qtbot.waitUntil(lambda: workspace.has_recording, timeout=WAIT_MS)
        return workspace

    return open_
