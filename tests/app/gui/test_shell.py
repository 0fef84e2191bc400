"""The window round its workspaces: switch, keys, menus, drag and drop, help, recovery, signals, a failing encoder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from app.gui.help import about_dialog, keys_dialog
from app.gui.recovery import Recovery
from app.gui.session_export import FormatDialog
from app.gui.window import LIVE, REVIEW, MainWindow
from app.session import Recorder, find_unfinished, read_session
from app.session.schema import INFO_FILE, SessionState, SourceInfo, read_info, write_info
from app.settings import SettingsFile
from models.assets import LAB_SPOTTER, asset_path
from models.digest import content_sha256
from models.spotter import Spotter
from models.types import Frame, FrameMotion

OpenWindow = Callable[..., MainWindow]
ROOT = Path(__file__).resolve().parents[3]
WAIT_MS = 60_000


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A short recording in the folder where the window's recordings go."""
    recorder = Recorder(tmp_path / "recordings", SourceInfo(kind="camera", name="Desk"), Spotter(use_gpu=False))
    for k in range(45):
        recorder.frame(Frame(k, k / 30, np.full((48, 64, 3), k, np.uint8)))
        recorder.motion(FrameMotion(k, k / 30, True, np.zeros((12, 2), np.float32), 1.0))
    recorder.close()
    return recorder.folder


def break_off(folder: Path) -> None:
    """What a kill leaves: no end in session.json, and a torn last row."""
    info = read_info(folder)
    write_info(folder, info.model_copy(update={"state": SessionState.RECORDING, "ended_utc": None}))
    table = folder / "frames.csv"
    table.write_bytes(table.read_bytes()[:-9])


def drop(target: QWidget, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    action, button, no_keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPointF(5, 5).toPoint(), action, data, button, no_keys)
    QApplication.sendEvent(target, entering)
    assert entering.isAccepted()
    QApplication.sendEvent(target, QDropEvent(QPointF(5, 5), action, data, button, no_keys))


def test_a_session_or_its_video_dropped_on_the_window_opens_in_review(
    qtbot: QtBot, open_main_window: OpenWindow, session: Path, store: SettingsFile
) -> None:
    window = open_main_window()
    for path in (session, session / "video.mp4"):
        drop(window, path)
        qtbot.waitUntil(lambda: window.review.has_recording, timeout=WAIT_MS)
        assert window._workspaces.currentWidget() is window.review and session.name in window.windowTitle()
        assert store.values.opened == session.parent
        window.refresh()
        assert window.review_head.isVisible() and window.review_head.name == session.name
        window.show_workspace(LIVE)
        window.refresh()
        assert not window.review_head.isVisible() and window.windowTitle() == "apexspot"
        window.review.close_recording()
    # what lies over the window lets it through
    window.show_workspace(LIVE)
    curves = window.live.view.curves._plots
    assert not curves.acceptDrops() and not curves.viewport().acceptDrops()


def test_menu_entries_open_recordings(
    qtbot: QtBot, open_main_window: OpenWindow, session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_main_window()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(session))
    window.menus.actions["Open a session folder…"].trigger()
    qtbot.waitUntil(lambda: window.review.has_recording, timeout=WAIT_MS)
    window.review.close_recording()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(session / "video.mp4"), ""))
    window.menus.actions["Open a video…"].trigger()
    qtbot.waitUntil(lambda: window.review.has_recording, timeout=WAIT_MS)


def test_what_is_open_in_review_is_exported_in_another_format(
    qtbot: QtBot, open_main_window: OpenWindow, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_main_window()
    window.show_workspace(REVIEW)
    window.export()
    assert "nothing to export" in window.banner.text
    window.open_recording(session)
    qtbot.waitUntil(lambda: window.review.has_recording, timeout=WAIT_MS)

    def choose(dialog: FormatDialog) -> QDialog.DialogCode:
        dialog.chooser.setCurrentText("ELAN annotation")
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(FormatDialog, "exec", choose)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "out"))
    window.menus.actions["Export…"].trigger()
    qtbot.waitUntil(lambda: window.banner.text.startswith("Wrote"), timeout=WAIT_MS)
    (written,) = (tmp_path / "out").iterdir()
    assert written.suffix == ".eaf" and written.name in window.banner.text

    written.write_text("as it was")
    asked: list[tuple[object, ...]] = []
    for answer in (QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes):
        monkeypatch.setattr(QMessageBox, "question", lambda *given, answer=answer: asked.append(given) or answer)
        window.export()
        said = "Nothing was exported." if answer is QMessageBox.StandardButton.No else f"Wrote {written.name}"
        qtbot.waitUntil(lambda said=said: window.banner.text.startswith(said), timeout=WAIT_MS)
        kept = answer is QMessageBox.StandardButton.No
        assert (written.read_text() == "as it was") is kept and list((tmp_path / "out").iterdir()) == [written]
    assert [(given[2], given[-1]) for given in asked] == [
        (f"{written} would be overwritten. Overwrite?", QMessageBox.StandardButton.No)
    ] * 2


def test_what_is_no_recording_is_said(qtbot: QtBot, open_main_window: OpenWindow, tmp_path: Path) -> None:
    window = open_main_window()
    (tmp_path / "notes.txt").write_text("no video")
    window.open_recording(tmp_path / "notes.txt")
    qtbot.waitUntil(lambda: "notes.txt" in window.banner.text, timeout=WAIT_MS)
    window.open_recording(tmp_path)
    qtbot.waitUntil(lambda: "no session" in window.banner.text, timeout=WAIT_MS)
    assert not window.review.has_recording


def test_the_switch_and_keys_that_belong_to_one_workspace(qtbot: QtBot, open_main_window: OpenWindow) -> None:
    window = open_main_window()
    start = window.menus.actions["Start recording…"]
    assert start.shortcut().toString() == "R"
    window.switch._group.button(REVIEW).click()
    assert window._workspaces.currentWidget() is window.review and not window.live.bar.isVisible()
    # R, 1, 2, Space and F1 mean something else there
    assert start.shortcut().isEmpty() and not window._space.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window._workspaces.currentWidget() is window.live and start.shortcut().toString() == "R"
    shown = window.live.bar.regions_button.isChecked()
    window.menus.actions["Face regions"].trigger()
    assert window.live.bar.regions_button.isChecked() is not shown
    window.refresh()
    assert window.menus.actions["Face regions"].isChecked() is not shown


def test_no_two_entries_share_a_key(open_main_window: OpenWindow) -> None:
    window = open_main_window()
    keys = [key.toString() for action in window.menus.actions.values() for key in action.shortcuts()]
    assert len(keys) == len(set(keys)) and {"R", "1", "2", "Ctrl+O", "F11"} <= set(keys)


def test_no_tool_tip_is_wider_than_a_window(open_main_window: OpenWindow) -> None:
    window = open_main_window()
    shown: list[QWidget | QAction] = [*window.findChildren(QWidget), *window.findChildren(QAction)]
    tips = {thing.toolTip() for thing in shown}
    assert any("\n" in tip for tip in tips), "those of Review's thresholds need several lines"
    assert [tip for tip in tips if max(map(len, tip.splitlines() or [""])) > 90] == []


def test_help_names_keys_versions_model_and_licence(qtbot: QtBot, open_main_window: OpenWindow) -> None:
    window = open_main_window()
    keys, about = keys_dialog(window), about_dialog(window)
    for key in ("Space", "R", "1", "2", "F11"):
        assert f"<b>{key}" in keys.table.text()
    spec = Spotter(use_gpu=False).spec
    for part in (spec.sha256[:16], spec.version, spec.licence, "Apache-2.0", "mediapipe"):
        assert part in about.table.text()


def test_a_recording_that_broke_off_is_offered_and_recovered(
    qtbot: QtBot, open_main_window: OpenWindow, session: Path
) -> None:
    break_off(session)
    shutil.copytree(session, session.with_name(".clip.mp4.apexspot.1a2b"))  # as of an analysis that was cut short
    window = open_main_window()
    qtbot.waitUntil(lambda: "1 recording broke off" in window.banner.text, timeout=WAIT_MS)
    assert str(session) in window.banner.text
    assert [button.text() for button in window.banner.buttons] == ["Recover", "Not now"]
    qtbot.mouseClick(window.banner.buttons[1], Qt.MouseButton.LeftButton)
    assert window.banner.text == "" and session in find_unfinished(session.parent)

    window.recovery.look(session.parent)
    qtbot.waitUntil(lambda: "broke off" in window.banner.text, timeout=WAIT_MS)
    qtbot.mouseClick(window.banner.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "was recovered: 45 frames, 45 pictures" in window.banner.text, timeout=WAIT_MS)
    recovered = read_session(session)
    assert recovered.info.state is SessionState.RECOVERED and len(recovered.frames) == 45
    assert [button.text() for button in window.banner.buttons] == ["Review it"]


def test_what_a_network_of_ones_own_recorded_is_recovered_with_it(
    qtbot: QtBot, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_off(session)
    own = Path(shutil.copy(asset_path(LAB_SPOTTER), tmp_path / "mine.onnx"))
    info = read_info(session)
    model = info.model.model_copy(update={"sha256": content_sha256(own), "file": own.name})
    write_info(session, info.model_copy(update={"model": model}))
    monkeypatch.setattr("app.session.recovery.shipped_with", lambda _: None)
    recovery = Recovery()
    recovery.recover([session], own)
    qtbot.waitUntil(lambda: not recovery.busy, timeout=WAIT_MS)
    assert "was recovered" in (recovery.take_result() or ("",))[0]
    recovered = read_session(session)
    assert not any("not at hand" in remark for remark in recovered.info.remarks)


def test_several_that_broke_off_are_recovered_together_and_a_damaged_one_is_named(
    qtbot: QtBot, open_main_window: OpenWindow, session: Path
) -> None:
    break_off(session)
    damaged = session.with_name("2026-01-01_00-00-00")
    damaged.mkdir()
    (damaged / INFO_FILE).write_bytes((session / INFO_FILE).read_bytes())
    (damaged / "features.npy").write_bytes(b"not features")
    window = open_main_window()
    qtbot.waitUntil(lambda: "2 recordings broke off" in window.banner.text, timeout=WAIT_MS)
    qtbot.mouseClick(window.banner.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "was recovered" in window.banner.text, timeout=WAIT_MS)
    assert str(damaged) in window.banner.text and "Traceback" not in window.banner.text


_PROGRAM = """
import json, logging, os, resource, signal, sys, threading
from pathlib import Path
from PySide6.QtCore import QSettings, QTimer
import app.gui.main as main
from app.gui.cameras import CameraScan
from app.gui.recording import RecordingPlan
from app.settings import SettingsFile
from app.sources import DemoChoice

logging.getLogger().addHandler(logging.NullHandler())
out, what = Path(sys.argv[1]), sys.argv[2]
seen = []

def open_window(app, settings):
    settings = QSettings(str(out / "geometry.ini"), QSettings.Format.IniFormat)
    window = opened(app, settings, cameras=CameraScan(lambda: ()), store=SettingsFile(out / "settings.json"))
    QTimer.singleShot(0, lambda: window.live.record(DemoChoice(), RecordingPlan(out / "recordings")))
    timer = QTimer(window)
    timer.timeout.connect(lambda: look(window))
    timer.start(50)
    return window

def look(window):
    status = window.player.recording.status() if window.player.recording else None
    if status is None or status.elapsed_s < 1.0:
        return
    if what == "encoder" and not seen:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
        seen.append("")
    text = window.banner.text
    if text and text not in seen:
        seen.append(text)
    if what == "signal" or (what == "encoder" and len(seen) > 1 and status.elapsed_s > 4.0):
        os.kill(os.getpid(), signal.SIGTERM)

opened, main.open_window = main.open_window, open_window
code = main.run_window(None, autoplay=False)
print(json.dumps({"code": code, "seen": seen, "threads": [
    t.name for t in threading.enumerate() if t.name.startswith("apexspot")
]}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM, and no limit of file sizes")
@pytest.mark.parametrize("what", ["signal", "encoder"])
def test_a_request_to_terminate_finishes_the_recording_also_after_its_video_failed(what: str, tmp_path: Path) -> None:
    """encoder: the system's limit of a file's size fails in the middle of the video, as a full disk does."""
    answer = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path), what], capture_output=True, text=True, cwd=ROOT, timeout=100
    )
    assert answer.returncode == 0 and "Traceback" not in answer.stderr, answer.stderr
    told = json.loads(answer.stdout.splitlines()[-1])
    assert told["code"] == 0 and told["threads"] == []
    (folder,) = (tmp_path / "recordings").iterdir()
    session = read_session(folder)
    assert session.info.state is SessionState.COMPLETE
    assert len(session.frames) == session.info.counts.offered > 20
    if what == "encoder":
        said = [text for text in told["seen"] if text]
        assert "cannot be written any further (File too large)" in said[0]
        assert "Scores, intervals and points are still recorded." in said[0]
        assert all("Recorded 0:0" in sentence for sentence in said[1:]), "nothing else is said before its end"
        assert session.frames.time_s[-1] > 3.5 and session.info.counts.video_dropped > 0
