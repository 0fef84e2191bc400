"""The single panels: table rows, the curve's range and bands, wording, themes, legible names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSettings
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QTableView, QWidget
from pytestqt.qtbot import QtBot

from app.gui.curves import SPAN_S, CurvesPanel
from app.gui.interval_table import IntervalTable
from app.gui.main import open_window
from app.gui.picture import PictureView
from app.gui.text import clock, duration, tally
from app.gui.theme import DARK, LIGHT, apply_theme
from app.gui.window import MainWindow
from app.live_types import Counters, LiveAnalysis, LiveSnapshot, LiveState
from app.settings import SettingsFile
from app.sources import DemoChoice
from models.types import ExpressionType, FaceTrack, Frame, FrameMotion, Interval, Scores

MACRO, MICRO = ExpressionType.MACRO, ExpressionType.MICRO


def interval(kind: ExpressionType, onset_s: float, length_s: float, final: bool = True) -> Interval:
    offset_s = onset_s + length_s
    frames = [round(30 * t) for t in (onset_s, onset_s + length_s / 2, offset_s)]
    return Interval(kind, onset_s, onset_s + length_s / 2, offset_s, *frames, score=0.8, final=final)


def scores(begin_s: float, end_s: float, gap: tuple[float, float] | None = None) -> Scores:
    time_s = np.arange(round(begin_s * 30), round(end_s * 30)) / 30.0
    valid = np.ones(len(time_s), np.bool_)
    if gap:
        valid &= (time_s < gap[0]) | (time_s >= gap[1])
    values = np.where(valid, 0.4, np.nan).astype(np.float32)
    return Scores(time_s, valid, values, values, values, valid.astype(np.float32))


def snapshot(analysis: LiveAnalysis, picture: np.ndarray | None = None, valid: bool = True) -> LiveSnapshot:
    frame = None if picture is None else Frame(analysis.number, 0.0, picture)
    landmarks = np.full((478, 3), 40.0, np.float32)
    face = FaceTrack(landmarks, 20.0, np.eye(2, 3)) if valid else None
    motion = FrameMotion(0, 0.0, valid, np.zeros((12, 2), np.float32), float(valid), face)
    return LiveSnapshot(
        LiveState.RUNNING, "x", True, frame, motion, analysis, Counters(1, 1, 0), 30.0, 90.0, "CPU", None
    )


def test_rows_follow_the_session(qtbot: QtBot, qapp: QApplication) -> None:
    table = IntervalTable(LIGHT)
    qtbot.addWidget(table)
    first, second = interval(MACRO, 1.0, 1.2), interval(MICRO, 5.0, 0.3)
    open_ones = tuple(interval(MACRO, t, 1.0, final=False) for t in (8.0, 11.0))

    def show(final: tuple[Interval, ...], provisional: tuple[Interval, ...]) -> list[tuple[float, str]]:
        table.show_snapshot(snapshot(LiveAnalysis(1, Scores.empty(), Scores.empty(), final, provisional)))
        model = table.model
        cells = [[model.data(model.index(r, c)) for c in range(model.columnCount())] for r in range(model.rowCount())]
        return [(model.interval(r).onset_s, row[-1]) for r, row in enumerate(cells)]

    picked: list[Interval | None] = []
    table.selected.connect(picked.append)
    assert show((), open_ones[:1]) == [(8.0, "provisional")]
    assert show((first,), open_ones) == [(11.0, "provisional"), (8.0, "provisional"), (1.0, "final")]
    table.view.selectRow(2)
    assert picked == [first]
    # the selection stays with its interval while rows come and go above it
    assert show((first, second), ()) == [(5.0, "final"), (1.0, "final")]
    assert picked == [first] and table.view.selectionModel().selectedRows()[0].row() == 1
    assert show((), ()) == []


def test_the_curve_follows_and_jumps_to_what_is_highlighted(qtbot: QtBot) -> None:
    panel = CurvesPanel(LIGHT)
    qtbot.addWidget(panel)
    panel.resize(700, 400)
    panel.show()
    old, new = interval(MACRO, 5.0, 1.0), interval(MICRO, 95.0, 0.3)
    panel.show_snapshot(snapshot(LiveAnalysis(1, scores(0, 98), scores(98, 100), (old, new), ())))
    assert panel.shown_s == pytest.approx((100 - 1 / 30 - SPAN_S, 100 - 1 / 30))
    shown = panel.intensity.viewRange()[0]
    assert shown == pytest.approx(list(panel.shown_s)) and panel.apex.viewRange()[0] == pytest.approx(shown)
    panel.highlight(new)
    assert panel.shown_s[1] > 99
    panel.highlight(old)
    assert panel.shown_s[0] < 5.0 < panel.shown_s[1] < 40
    panel.show_snapshot(snapshot(LiveAnalysis(2, scores(0, 99), scores(99, 101), (old, new), ())))
    assert panel.shown_s[1] < 40, "stays with what was asked for"
    panel.follow()
    assert panel.shown_s[1] == pytest.approx(101 - 1 / 30)


def test_gaps_stay_open_and_are_shaded(qtbot: QtBot) -> None:
    panel = CurvesPanel(LIGHT)
    qtbot.addWidget(panel)
    panel.resize(700, 400)
    panel.show()
    kinds = (interval(MACRO, 2.0, 2.0), interval(MICRO, 20.0, 0.4))
    panel.show_snapshot(
        snapshot(LiveAnalysis(1, scores(0, 28, gap=(10, 14)), scores(28, 30), kinds, (interval(MACRO, 25, 1, False),)))
    )
    drawn = panel.intensity._final["intensity"].getData()[1]
    assert np.isnan(drawn[10 * 30 : 14 * 30]).all() and np.isfinite(drawn[: 10 * 30]).all()
    image = panel.grab().toImage()
    ratio = image.devicePixelRatio()

    def colour(time_s: float, level: float) -> QColor:
        box = panel.intensity.getViewBox()
        scene = box.mapViewToScene(QPoint(0, 0).toPointF() + QPoint(1, 0).toPointF() * time_s)
        y = box.mapViewToScene(QPoint(0, 1).toPointF() * level).y()
        spot = panel._plots.viewport().mapTo(panel, panel._plots.mapFromScene(scene.x(), y))
        return image.pixelColor(round(spot.x() * ratio), round(spot.y() * ratio))

    plain, in_gap, in_macro = colour(6.0, 0.8), colour(12.0, 0.8), colour(2.5, 0.8)
    assert plain == QColor(LIGHT.panel)
    assert in_gap != plain and abs(in_gap.red() - in_gap.blue()) < 20, "grey"
    assert in_macro.red() - in_macro.blue() > 20, "orange"


def test_the_picture_keeps_its_aspect_and_mirrors(qtbot: QtBot) -> None:
    view = PictureView(LIGHT)
    qtbot.addWidget(view)
    view.resize(400, 200)
    view.set_show_regions(False)
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:, :50] = (0, 0, 255)  # BGR: the left half is red
    view.show_snapshot(snapshot(LiveAnalysis.empty(), picture))

    def reds() -> tuple[bool, bool, bool]:
        image = view.grab().toImage()
        return tuple(image.pixelColor(x, 100) == QColor(255, 0, 0) for x in (60, 140, 260))  # type: ignore[return-value]

    assert reds() == (False, True, False)
    view.set_mirrored(True)
    assert reds() == (False, False, True)
    plain = view.grab().toImage()
    view.set_show_regions(True)
    assert view.grab().toImage() != plain
    view.show_snapshot(snapshot(LiveAnalysis(1, *(Scores.empty(),) * 2, (), ()), picture, valid=False))
    assert view._trouble_text() == "No face in the picture"


def test_how_numbers_are_written() -> None:
    assert [clock(0), clock(75.4), clock(3725), clock(75.456, 2), clock(59.999, 2), clock(-1.5, 1)] == [
        *("0:00", "1:15", "1:02:05", "1:15.46", "1:00.00", "-0:01.5")
    ]
    assert [duration(0.2333), duration(0.5), duration(1.234)] == ["233 ms", "500 ms", "1.23 s"]
    assert tally((interval(MACRO, 0, 1), interval(MICRO, 2, 0.3), interval(MACRO, 4, 1))) == "2 macro, 1 micro"


def test_the_theme_can_change_while_open(open_main_window: Callable[..., MainWindow], qapp: QApplication) -> None:
    window = open_main_window()
    window.live.play(DemoChoice())
    light = window.live.view.curves.grab().toImage().pixelColor(5, 5)
    apply_theme(qapp, DARK)
    window.set_theme(DARK)
    qapp.processEvents()
    dark = window.live.view.curves.grab().toImage().pixelColor(5, 5)
    assert light.lightness() > 200 and dark.lightness() < 60
    apply_theme(qapp, LIGHT)


def test_everything_that_can_be_used_has_a_name(open_main_window: Callable[..., MainWindow]) -> None:
    window = open_main_window()
    for kind in (QAbstractButton, QComboBox, QTableView, PictureView, CurvesPanel):
        for widget in window.findChildren(kind):
            assert isinstance(widget, QWidget)
            if widget.objectName().startswith("qt_"):
                continue  # parts of Qt's own
            text = widget.text() if isinstance(widget, QAbstractButton) else ""
            assert text or widget.accessibleName(), widget
    words = " ".join(label.text() for label in window.findChildren(QLabel)).lower()
    assert "stays on this machine" in words and "research use" in words
    assert not any(word in words for word in ("lie", "lying", "decept", "truth"))


def test_geometry_is_remembered(qapp: QApplication, settings: QSettings, store: SettingsFile) -> None:
    for size in ((960, 640), (960, 640)):
        window = open_window(qapp, settings, LIGHT, store=store)
        if settings.value("window/geometry") is None:
            window.resize(*size)
        window.show()
        assert (window.width(), window.height()) == size
        window.close()
        window.deleteLater()
