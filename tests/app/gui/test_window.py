"""The window at work: demo, curve, table, export, stop, no camera, errors."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog, QPushButton
from pytestqt.qtbot import QtBot

from app.gui.movement_dialog import MovementDialog
from app.gui.networks import LAB, OWN
from app.gui.player import Player
from app.gui.window import LIVE, REVIEW, MainWindow
from app.settings import SettingsFile, SmallestMovement
from app.sources import CameraChoice, DemoChoice, FileChoice, StreamChoice
from models.assets import LAB_SPOTTER, SPOTTER, asset_path

OpenWindow = Callable[..., MainWindow]
WAIT_MS = 30_000


def curve(window: MainWindow) -> tuple[int, float]:
    """Points on the intensity curve (final and provisional), and the time of the last one."""
    track = window.live.view.curves.intensity
    times = [item.getData()[0] for item in (*track._final.values(), *track._provisional.values())]
    points = [t for t in times if t is not None and len(t)]
    return sum(map(len, points)), max((float(t[-1]) for t in points), default=0.0)


def rows(window: MainWindow) -> list[list[str]]:
    model = window.live.view.table.model
    return [[model.data(model.index(r, c)) for c in range(model.columnCount())] for r in range(model.rowCount())]


def test_the_demo_moves_the_curve_and_fills_the_table_and_the_csv(
    qtbot: QtBot, open_main_window: OpenWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_main_window()
    assert window.live.stack.currentWidget() is window.live.start_page and not window.live.bar.export_button.isEnabled()
    window.live.play(DemoChoice())
    assert window.live.stack.currentWidget() is window.live.view and window.live.bar.start_button.text() == "Stop"
    qtbot.waitUntil(lambda: curve(window)[0] > 30, timeout=WAIT_MS)
    before = curve(window)[1]
    qtbot.waitUntil(lambda: curve(window)[1] > before + 0.5, timeout=WAIT_MS)
    assert window.live.view.picture._image is not None
    state, fps, latency, lost, movement, provider = window.status.texts()
    assert state.startswith("Watching") and fps.endswith("fps") and latency.endswith("ms")
    assert "frames not analysed" in lost and movement == "" and provider.startswith("scoring on")
    qtbot.waitUntil(lambda: len(rows(window)) > 0, timeout=WAIT_MS)
    assert rows(window)[0][0] in ("Macro", "Micro")

    window.live.toggle()
    qtbot.waitUntil(lambda: not window.player.running, timeout=WAIT_MS)
    window.refresh()
    snapshot = window.player.snapshot()
    assert snapshot is not None and snapshot.error is None and window.live.bar.start_button.text() == "Start"
    intervals = snapshot.analysis.intervals
    assert intervals and [row[-1] for row in rows(window)] == ["final"] * len(intervals)

    target = tmp_path / "found.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    qtbot.mouseClick(window.live.bar.export_button, Qt.MouseButton.LeftButton)
    with target.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["type"] for row in written] == [str(interval.type) for interval in intervals]
    assert str(target) in window.banner.text and f"Wrote {len(intervals)} interval" in window.banner.text

    window.live.view.table.view.selectRow(0)
    assert window.live.view.curves._highlighted == intervals[-1]


def test_a_smallest_movement_holds_from_the_next_start_and_is_remembered(
    qtbot: QtBot, open_main_window: OpenWindow, store: SettingsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_main_window()
    usual = window.player.usual

    def answer(anywhere: float, in_speech: float, accepted: bool = True) -> Callable[[MovementDialog], int]:
        def exec(dialog: MovementDialog) -> int:
            dialog.anywhere.setValue(anywhere)
            dialog.in_speech.setValue(in_speech)
            return int(accepted)

        return exec

    assert usual.in_speech_iod
    answers = iter([answer(0.25, usual.in_speech_iod), answer(0.1, 0.2, accepted=False), answer(0.008, 0.0)])
    monkeypatch.setattr(MovementDialog, "exec", lambda dialog: next(answers)(dialog))
    ask = window.menus.actions["Smallest movement…"].trigger
    ask()
    assert SettingsFile(store.path).values.smallest == SmallestMovement(0.25, None)
    window.live.play(DemoChoice())
    # the first smile is over after 4.5 s, and would be in the table by now
    qtbot.waitUntil(lambda: curve(window)[1] > 5.5, timeout=WAIT_MS)
    assert rows(window) == [] and window.status.texts()[4] == "movements from 0.250"
    ask()
    assert window.player.smallest == SmallestMovement(0.25, None), "nothing was chosen"
    ask()
    assert window.player.smallest == SettingsFile(store.path).values.smallest == SmallestMovement(None, 0.0)
    assert window.status.texts()[4] == "movements from 0.250", "until the next start"
    window.live.play(DemoChoice())
    qtbot.waitUntil(lambda: len(rows(window)) > 0, timeout=WAIT_MS)
    assert window.status.texts()[4] == "movements in speech from 0.000"


def test_the_network_for_laboratory_recordings_is_chosen_and_remembered(
    qtbot: QtBot, open_main_window: OpenWindow, store: SettingsFile
) -> None:
    window = open_main_window()
    entry = window.menus.actions[LAB]
    assert not entry.isChecked() and window.player.usual.in_speech_iod
    entry.trigger()
    assert SettingsFile(store.path).values.lab and window.review.network == Path("lab")
    assert window.player.usual.in_speech_iod == 0.0, "the sizes are those of the network that is chosen"
    window.live.play(DemoChoice())
    qtbot.waitUntil(lambda: window.status.texts()[-1].endswith("(laboratory)"), timeout=WAIT_MS)
    entry.trigger()
    assert not SettingsFile(store.path).values.lab and window.review.network == Path("lively")
    assert window.status.texts()[-1].endswith("(laboratory)"), "until the next start"
    entry.trigger()
    assert open_main_window().menus.actions[LAB].isChecked()


def test_a_network_of_ones_own_is_chosen_and_remembered(
    qtbot: QtBot,
    open_main_window: OpenWindow,
    store: SettingsFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, none = tmp_path / "network-of-the-first-study.onnx", tmp_path / "notes.onnx"
    shutil.copy(asset_path(LAB_SPOTTER), own)
    none.write_text("no network")
    answers = iter([str(none), "", str(own), str(own)])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (next(answers), ""))
    window = open_main_window()
    lab, entry = window.menus.actions[LAB], window.menus.actions[OWN]
    lab.trigger()
    for said in (str(none), ""):
        window.banner.hide()
        entry.trigger()
        assert not entry.isChecked() and lab.isChecked() and window.player.network == Path("lab"), "as it was"
        assert said in window.banner.text and bool(window.banner.text) is bool(said)
    entry.trigger()
    assert entry.isChecked() and not lab.isChecked()
    assert window.player.network == window.review.network == SettingsFile(store.path).values.network == own
    assert window.player.usual.in_speech_iod == 0.0, "it is the one that is asked"
    window.live.play(DemoChoice())
    qtbot.waitUntil(lambda: window.status.texts()[-1].endswith("(network-…irst-study.onnx)"), timeout=WAIT_MS)

    entry.trigger()
    assert not entry.isChecked() and window.player.network == window.review.network == Path("lively")
    entry.trigger()
    lab.trigger()
    assert not entry.isChecked() and window.player.network == Path("lab"), "one of them at most"
    store.change(lab=False, own_network=own)
    again = open_main_window()
    assert again.menus.actions[OWN].isChecked() and again.player.network == own
    own.unlink()
    gone = open_main_window()
    assert str(own) in gone.banner.text and not gone.menus.actions[OWN].isChecked()
    assert gone.player.network == Path("lively") and SettingsFile(store.path).values.own_network is None


def test_a_network_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    own = tmp_path / "mine.onnx"
    shutil.copy(asset_path(LAB_SPOTTER), own)
    player = Player()
    player.network = own
    before = player.usual
    shutil.copy(asset_path(SPOTTER), own)
    assert player.usual != before


def test_the_smallest_movements_start_as_chosen_and_go_back_to_the_models(qtbot: QtBot) -> None:
    dialog = MovementDialog(None, SmallestMovement(0.03, None), SmallestMovement(0.008, 0.06))
    qtbot.addWidget(dialog)
    assert (dialog.anywhere.value(), dialog.in_speech.value()) == (0.03, 0.06)
    assert dialog.chosen == SmallestMovement(0.03, None)
    dialog.in_speech.setValue(0.1)
    assert dialog.chosen == SmallestMovement(0.03, 0.1)
    qtbot.mouseClick(dialog.reset, Qt.MouseButton.LeftButton)
    assert (dialog.anywhere.value(), dialog.in_speech.value()) == (0.008, 0.06)
    assert dialog.chosen == SmallestMovement(None, None)


def test_no_camera_is_a_page_with_a_way_on(qtbot: QtBot, open_main_window: OpenWindow) -> None:
    window = open_main_window()
    qtbot.waitUntil(lambda: window.live.start_page.title.text() == "No camera found", timeout=WAIT_MS)
    assert window.live.start_page.look_button.isVisible() and window.live.start_page.hint.text()
    qtbot.mouseClick(window.live.start_page.demo_button, Qt.MouseButton.LeftButton)
    assert window.player.running and window.live.stack.currentWidget() is window.live.view
    qtbot.waitUntil(lambda: window.live.view.picture._image is not None, timeout=WAIT_MS)


def test_cameras_are_offered_by_name(qtbot: QtBot, open_main_window: OpenWindow) -> None:
    cameras = (CameraChoice("usb-1", "Front camera"), CameraChoice("usb-2", "Lab camera"))
    window = open_main_window(cameras)
    qtbot.waitUntil(lambda: window.live.bar.choice == cameras[0], timeout=WAIT_MS)
    texts = [button.text() for button in window.live.start_page.findChildren(QPushButton)]
    assert "Watch Front camera" in texts and "Watch Lab camera" in texts
    assert window.live.bar.chooser.itemText(1) == "Lab camera"


def test_a_camera_that_is_not_there_is_said_on_a_banner(qtbot: QtBot, open_main_window: OpenWindow) -> None:
    gone = CameraChoice("no-such-id", "Unplugged camera")
    window = open_main_window((gone,))
    window.live.play(gone)
    qtbot.waitUntil(lambda: bool(window.banner.text), timeout=WAIT_MS)
    assert "Unplugged camera" in window.banner.text and "Traceback" not in window.banner.text
    assert window.live.stack.currentWidget() is window.live.start_page and not window.player.running


def test_a_file_that_is_no_video_is_said_on_a_banner(
    qtbot: QtBot, open_main_window: OpenWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "notes.mp4"
    broken.write_text("not a video")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(broken), ""))
    window = open_main_window()
    window.live.play_file()
    qtbot.waitUntil(lambda: "notes.mp4" in window.banner.text, timeout=WAIT_MS)
    assert window.live.bar.choice == FileChoice(broken)
    # a good source afterwards takes the message away
    window.live.play(DemoChoice())
    assert window.banner.text == ""


def test_closing_while_running_ends_the_session(
    qtbot: QtBot, open_main_window: OpenWindow, face_video: Path, settings: QSettings
) -> None:
    window = open_main_window()
    window.live.play(FileChoice(face_video))
    qtbot.waitUntil(lambda: curve(window)[0] > 0, timeout=WAIT_MS)
    window.close()
    assert not window.player.running and settings.value("window/geometry") is not None


def started_by_space(qtbot: QtBot, open_main_window: OpenWindow, video: Path) -> MainWindow:
    """A window in which the focused Start was pressed."""
    window = open_main_window()
    window.live.bar.choose(FileChoice(video))
    window.live.bar.start_button.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_Space)
    return window


def test_space_starts_and_stops_and_presses_focused_buttons(
    qtbot: QtBot, open_main_window: OpenWindow, face_video: Path
) -> None:
    window = started_by_space(qtbot, open_main_window, face_video)
    assert window.player.running
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not window.player.running, timeout=WAIT_MS)
    shown = window.live.bar.regions_button.isChecked()
    window.live.press_space(window.live.bar.regions_button)
    assert (
        window.live.bar.regions_button.isChecked() is not shown and window.live.view.picture.show_regions is not shown
    )


def test_space_starts_and_stops_right_after_the_start(
    qtbot: QtBot, open_main_window: OpenWindow, face_video: Path
) -> None:
    window = open_main_window()
    window.live.bar.choose(FileChoice(face_video))
    assert QApplication.focusWidget() is window.live, "not the switch, which would be pressed"
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert window.player.running
    window.live.toggle()
    window.show_workspace(REVIEW)
    window.switch._group.button(LIVE).setFocus()
    window.switch._group.button(LIVE).click()
    assert QApplication.focusWidget() is window.live


def test_space_never_records_where_start_was_pressed(
    qtbot: QtBot, open_main_window: OpenWindow, face_video: Path
) -> None:
    window = started_by_space(qtbot, open_main_window, face_video)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert QApplication.focusWidget() is window.live, "Start rests until the source has ended"
    qtbot.waitUntil(lambda: not window.player.running, timeout=WAIT_MS)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert window.player.running


def test_choosing_another_source_while_running_switches(
    qtbot: QtBot, open_main_window: OpenWindow, face_video: Path, faceless_video: Path
) -> None:
    window = open_main_window()
    window.live.play(FileChoice(face_video))
    qtbot.waitUntil(lambda: curve(window)[0] > 0, timeout=WAIT_MS)
    window.live.bar.chosen.emit(FileChoice(faceless_video))
    assert curve(window)[0] <= 2, "the old curve is gone"
    qtbot.waitUntil(lambda: window.status.texts()[0] == f"{faceless_video.name} ended", timeout=WAIT_MS)
    assert window.live.bar.choice == FileChoice(faceless_video)


def test_a_stream_is_asked_for_by_address(
    qtbot: QtBot, open_main_window: OpenWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_main_window()
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("no address", True))
    window.live.open_stream()
    assert window.live.bar.choice == StreamChoice("no address")
    qtbot.waitUntil(lambda: bool(window.banner.text), timeout=WAIT_MS)
    assert window.live.stack.currentWidget() is window.live.start_page


def test_exporting_nothing_is_said(open_main_window: OpenWindow) -> None:
    window = open_main_window()
    window.live.export()
    assert "nothing to export" in window.banner.text
