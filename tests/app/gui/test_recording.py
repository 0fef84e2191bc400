"""Recording in the window as a person does it: the dialog, the strip, points, the end, and what can go wrong."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from app.gui.record_dialog import RecordDialog
from app.gui.recording import RecordingPlan, recording_end
from app.gui.window import MainWindow
from app.session import RecorderSettings, RecorderStatus, read_session
from app.session.mp4 import count_pictures
from app.session.schema import Counts, SessionInfo, SessionState
from app.settings import SettingsFile
from app.sources import CameraChoice, DemoChoice, FileChoice
from models.types import ExpressionType

OpenWindow = Callable[..., MainWindow]
WAIT_MS = 60_000


def answer(kind: type[QDialog], act: Callable[[QDialog], None]) -> None:
    """Deal with a dialog as soon as it is there; it holds up whoever opened it."""

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, kind):
            try:
                act(dialog)
            except BaseException:
                dialog.reject()  # else the test would wait for ever
                raise
        else:
            QTimer.singleShot(20, look)

    QTimer.singleShot(20, look)


def press(dialog: QDialog, text: str) -> None:
    button = next(button for button in dialog.findChildren(QPushButton) if button.text() == text)
    button.click()


def facts(window: MainWindow) -> str:
    return window.strip.texts[1]


def wait_until_recorded(qtbot: QtBot, window: MainWindow, seconds: float) -> None:
    def long_enough() -> bool:
        status = window.player.recording.status() if window.player.recording else None
        return status is not None and status.elapsed_s >= seconds and window.player.snapshot().frame is not None

    qtbot.waitUntil(long_enough, timeout=WAIT_MS)


def test_a_person_records_the_demo_and_puts_points(
    qtbot: QtBot, open_main_window: OpenWindow, store: SettingsFile, tmp_path: Path
) -> None:
    window = open_main_window()
    window.live.bar.choose(DemoChoice())

    def fill(dialog: QDialog) -> None:
        assert isinstance(dialog, RecordDialog) and dialog.focusWidget() is dialog.participant
        qtbot.keyClicks(dialog.participant, "P01")
        dialog.agreed.click()
        qtbot.keyClicks(dialog.consent, "video and scores")
        qtbot.keyClick(dialog, Qt.Key.Key_Return)

    answer(RecordDialog, fill)
    qtbot.keyClick(window, Qt.Key.Key_R)
    assert window.player.recording_now and window.live.bar.record_button.text() == "Starting…"
    assert not window.live.bar.chooser.isEnabled()
    wait_until_recorded(qtbot, window, 2.0)
    with qtbot.waitActive(window):  # there is no window manager here to do that when a dialog closes
        window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_1)
    qtbot.keyClick(window, Qt.Key.Key_2)
    qtbot.keyClick(window, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: "3 points (1 macro, 2 micro)" in facts(window), timeout=WAIT_MS)
    assert window.strip.isVisible() and window.strip.texts[0].endswith("Recording P01")
    assert "GB free" in facts(window) and "MB" in facts(window)
    assert "frames not analysed" in facts(window) and "0 pictures missing from the video" in facts(window)
    assert window.live.bar.record_button.text().startswith("Stop")
    assert [kind for _, kind in window.live.view.curves._marks] == [
        *(ExpressionType.MACRO, ExpressionType.MICRO, ExpressionType.MICRO)
    ]

    window._space.activated.emit()  # Space must not end a recording
    assert window.player.running and "R ends it" in window.banner.text
    qtbot.keyClick(window, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: not window.player.recording_now, timeout=WAIT_MS)
    window.refresh()
    assert not window.strip.isVisible() and window.live.bar.record_button.text() == "Record"
    (folder,) = (tmp_path / "recordings").iterdir()
    assert str(folder) in window.banner.text and [b.text() for b in window.banner.buttons] == ["Review it"]

    session = read_session(folder)
    assert session.info.state is SessionState.COMPLETE and folder.name.endswith("_P01")
    assert (session.info.participant, session.info.consent) == ("P01", "video and scores")
    assert [(point.type.value, point.source) for point in session.points] == [
        *(("macro", "person"), ("micro", "person"), ("micro", "person"))
    ]
    assert session.points[0].time_s == session.frames.time_s[session.points[0].frame] >= 1.5
    assert session.video is not None and count_pictures(session.video) == session.info.counts.offered
    # the next participant is not taken for this one
    again = RecordDialog(window, DemoChoice(), store.values)
    qtbot.addWidget(again)
    assert again.consent.text() == "video and scores" and again.folder.text() == str(tmp_path / "recordings")
    assert again.participant.text() == "" and not again.agreed.isChecked()

    qtbot.mouseClick(window.banner.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.review.has_recording, timeout=WAIT_MS)
    assert folder.name in window.windowTitle()


def test_a_recording_of_a_file_ends_with_it(
    qtbot: QtBot, open_main_window: OpenWindow, face_video: Path, tmp_path: Path
) -> None:
    window = open_main_window()
    window.live.play(FileChoice(face_video))
    qtbot.waitUntil(lambda: window.player.snapshot().frame is not None, timeout=WAIT_MS)
    window.live.record(FileChoice(face_video), RecordingPlan(tmp_path / "out", scores_only=True))
    qtbot.waitUntil(lambda: "Recorded 0:02" in window.banner.text, timeout=WAIT_MS)
    (folder,) = (tmp_path / "out").iterdir()
    session = read_session(folder)
    assert session.info.state is SessionState.COMPLETE and session.info.counts.offered == 60
    assert session.video is None and session.frames.index[0] == 0, "from its beginning"


def test_the_dialog_says_what_is_missing_and_cancel_records_nothing(
    qtbot: QtBot, open_main_window: OpenWindow, store: SettingsFile
) -> None:
    window = open_main_window()
    seen: list[str] = []

    def try_all(dialog: QDialog) -> None:
        assert isinstance(dialog, RecordDialog)
        dialog.participant.setText("a/b")
        press(dialog, "Start recording")
        seen.append(dialog.problem.text())
        dialog.participant.setText("P1")
        dialog.agreed.click()
        press(dialog, "Start recording")
        seen.append(dialog.problem.text())
        dialog.agreed.click()
        dialog.folder.setText("  ")
        press(dialog, "Start recording")
        seen.append(dialog.problem.text())
        dialog.folder.setText("~nobody-of-that-name/recordings")
        press(dialog, "Start recording")
        seen.append(dialog.problem.text())
        dialog.reject()

    before = store.values
    answer(RecordDialog, try_all)
    qtbot.mouseClick(window.live.bar.record_button, Qt.MouseButton.LeftButton)
    assert "'a/b'" in seen[0] and "agreed to" in seen[1] and "folder" in seen[2]
    assert "home folder" in seen[3]
    assert window.player.recording is None and store.values == before


@pytest.mark.parametrize(
    ("lost", "missing", "told", "good"),
    [
        (0, 0, [], True),
        (15, 0, ["15 of 300 frames were not analysed."], True),
        (210, 3, ["210 of 300 frames were not analysed.", "close other programs", "3 pictures are missing"], False),
        (0, 1, ["1 picture is missing from its video."], True),
    ],
)
def test_the_end_tells_what_was_lost_and_what_helps(
    lost: int, missing: int, told: list[str], good: bool, tmp_path: Path
) -> None:
    counts = Counts(offered=300, analysed=300 - lost, dropped=lost, video_written=300 - missing, video_dropped=missing)
    info = SessionInfo.model_construct(state=SessionState.COMPLETE, counts=counts)
    status = RecorderStatus(tmp_path, 10.0, counts, 1, None, None, None)
    end = recording_end(status, info, None, "1 macro, 0 micro")
    assert end.good is good and all(part in end.sentence for part in told)
    assert ("not analysed" in end.sentence, "its video" in end.sentence) == (lost > 0, missing > 0)


def test_points_need_a_recording(qtbot: QtBot, open_main_window: OpenWindow) -> None:
    window = open_main_window()
    qtbot.keyClick(window, Qt.Key.Key_1)
    assert "recording" in window.banner.text and "R records" in window.banner.text


def test_closing_while_recording_asks_and_then_finishes(
    qtbot: QtBot, open_main_window: OpenWindow, tmp_path: Path
) -> None:
    window = open_main_window()
    window.live.record(DemoChoice(), RecordingPlan(tmp_path / "out"))
    wait_until_recorded(qtbot, window, 0.5)
    answer(QMessageBox, lambda box: press(box, "Keep recording"))
    window.close()
    assert window.isVisible() and window.player.recording_now
    answer(QMessageBox, lambda box: press(box, "Finish and quit"))
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=WAIT_MS)
    (folder,) = (tmp_path / "out").iterdir()
    session = read_session(folder)
    assert session.info.state is SessionState.COMPLETE and len(session.frames) == session.info.counts.offered > 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of files that are open")
def test_a_folder_that_is_removed_ends_the_recording_and_the_curve_goes_on(
    qtbot: QtBot, open_main_window: OpenWindow, tmp_path: Path
) -> None:
    window = open_main_window()
    window.live.record(DemoChoice(), RecordingPlan(tmp_path / "out"))
    wait_until_recorded(qtbot, window, 0.5)
    shutil.rmtree(tmp_path / "out")
    qtbot.waitUntil(lambda: "was removed or moved" in window.banner.text, timeout=WAIT_MS)
    assert not window.player.recording_now and window.banner.buttons == []
    newest_s = window.player.snapshot().analysis.newest_s or 0.0
    qtbot.waitUntil(lambda: (window.player.snapshot().analysis.newest_s or 0.0) > newest_s + 0.5, timeout=WAIT_MS)
    assert window.player.running and not (tmp_path / "out").exists()
    window.live.toggle()  # Space stops the source again
    qtbot.waitUntil(lambda: not window.player.running, timeout=WAIT_MS)


def test_a_disk_that_fills_up_warns_and_then_ends_with_everything_kept(
    qtbot: QtBot, open_main_window: OpenWindow, tmp_path: Path
) -> None:
    free = shutil.disk_usage(tmp_path).free
    window = open_main_window(limits=RecorderSettings(warn_below_bytes=2 * free, stop_below_bytes=free - 100 * 1024**2))
    window.live.record(DemoChoice(), RecordingPlan(tmp_path / "out"))
    wait_until_recorded(qtbot, window, 0.5)
    qtbot.waitUntil(lambda: "are free on the disk" in window.banner.text, timeout=WAIT_MS)
    assert window.strip.texts[2] == "Little disk space"
    ballast = tmp_path / "ballast"
    ballast.write_bytes(os.urandom(200 * 1024**2))
    try:
        qtbot.waitUntil(lambda: "with everything kept" in window.banner.text, timeout=WAIT_MS)
    finally:
        ballast.unlink()
    (folder,) = (tmp_path / "out").iterdir()
    session = read_session(folder)
    assert session.info.state is SessionState.COMPLETE
    assert len(session.frames) == session.info.counts.offered and len(session.features) == session.info.counts.analysed


def test_what_cannot_be_recorded_is_said_and_leaves_nothing(
    qtbot: QtBot, open_main_window: OpenWindow, tmp_path: Path
) -> None:
    window = open_main_window()
    (tmp_path / "file").write_text("in the way")
    window.live.record(DemoChoice(), RecordingPlan(tmp_path / "file"))
    qtbot.waitUntil(lambda: "Nothing can be written to" in window.banner.text, timeout=WAIT_MS)
    window.live.record(CameraChoice("no-such-id", "Unplugged camera"), RecordingPlan(tmp_path / "out"))
    qtbot.waitUntil(lambda: "Unplugged camera" in window.banner.text, timeout=WAIT_MS)
    assert "Nothing was recorded" in window.banner.text and list((tmp_path / "out").iterdir()) == []
    assert not window.strip.isVisible() and window.live.bar.start_button.isEnabled()
