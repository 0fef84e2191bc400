"""What is on show can be read: contrast, arrows, axes, long names, times after an hour, larger letters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QComboBox,
    QGraphicsView,
    QRadioButton,
    QStyle,
    QStyleOptionButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.gui.bands import labels_px
from app.gui.curves import AXIS_WIDTH_PX, CurvesPanel, TimeAxis, axis_width_px
from app.gui.interval_table import IntervalTable
from app.gui.record_dialog import RecordDialog
from app.gui.review.pages import AnalysisPage, EmptyPage
from app.gui.review_head import ReviewHead
from app.gui.session_export import FormatDialog
from app.gui.source_bar import Chooser
from app.gui.start_page import StartPage
from app.gui.theme import DARK, LIGHT, Theme, apply_theme
from app.live_types import Counters, LiveAnalysis, LiveSnapshot, LiveState
from app.review.opening import AnalysisJob
from app.settings import Settings
from app.sources import DemoChoice
from models.types import ExpressionType, Interval, Scores

LONG_NAME = "2026-11-23_10-15-00_interview_of_the_third_participant_camera_on_the_left_side_of_the_desk_take_two.mp4"

themes = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])


@pytest.fixture
def dressed(theme: Theme, qapp: QApplication) -> Iterator[Theme]:
    apply_theme(qapp, theme)
    yield theme
    apply_theme(qapp, LIGHT)


@pytest.fixture
def large_letters(qapp: QApplication) -> Iterator[None]:
    usual = qapp.font()
    large = QFont(usual)
    large.setPointSize(14)
    qapp.setFont(large)
    yield
    qapp.setFont(usual)


def contrast(a: QColor | str, b: QColor | str) -> float:
    """The ratio of WCAG 2."""
    bright, dim = sorted((luminance(QColor(a)), luminance(QColor(b))), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour: QColor) -> float:
    channels = [c / 255 for c in colour.getRgb()[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def picture(widget: QWidget) -> QImage:
    widget.ensurePolished()
    widget.resize(widget.sizeHint())
    return widget.grab().toImage()


@themes
def test_text_stands_out_from_its_background(theme: Theme) -> None:
    for text in (theme.text, theme.muted, theme.macro, theme.micro):
        assert min(contrast(text, theme.panel), contrast(text, theme.window)) >= 4.5, text
    assert contrast(theme.accent_text, theme.accent) >= 4.5
    assert contrast(theme.warning_text, theme.warning) >= 4.5


@themes
@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton])
def test_a_box_and_a_ring_stand_out_and_look_empty_where_nothing_is_chosen(
    kind: type[QAbstractButton], dressed: Theme, qtbot: QtBot
) -> None:
    part = QStyle.SubElement.SE_CheckBoxIndicator if kind is QCheckBox else QStyle.SubElement.SE_RadioButtonIndicator
    pictures = {}
    for chosen in (False, True):
        button = kind("x")
        qtbot.addWidget(button)
        button.setAutoExclusive(False)
        button.setChecked(chosen)
        image = picture(button)
        option = QStyleOptionButton()
        option.initFrom(button)
        box = button.style().subElementRect(part, option, button)
        middle = box.center().y()
        pictures[chosen] = [image.pixelColor(x, middle) for x in range(box.left(), box.right() + 1)]
    edge = max(pictures[False][:4], key=lambda colour: contrast(colour, dressed.window))
    assert min(contrast(edge, dressed.window), contrast(edge, dressed.panel)) >= 3.0
    assert set(map(QColor.name, pictures[False][4:-4])) == {dressed.panel}
    assert max(contrast(colour, dressed.panel) for colour in pictures[True][4:-4]) >= 3.0


@themes
@pytest.mark.parametrize("kind", [Chooser, QComboBox])
def test_a_list_to_choose_from_has_an_arrow(kind: type[QComboBox], dressed: Theme, qtbot: QtBot) -> None:
    """QComboBox: as in Qt's own dialogs."""
    combo = kind()
    qtbot.addWidget(combo)
    combo.addItem("x")
    combo.ensurePolished()
    combo.resize(200, combo.sizeHint().height())
    image = combo.grab(QRect(165, 8, 30, combo.height() - 16)).toImage()
    spots = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    assert max(contrast(spot, dressed.panel) for spot in spots) >= 3.0


def test_the_formats_of_an_export_are_such_a_list(qtbot: QtBot) -> None:
    dialog = FormatDialog(None)
    qtbot.addWidget(dialog)
    assert isinstance(dialog.chooser, Chooser) and dialog.format == "csv"
    dialog.chooser.setCurrentText("All of them")
    assert dialog.format == "all"


def test_ticks_have_as_many_decimals_as_tell_them_apart() -> None:
    axis = TimeAxis("bottom")

    def ticks(first_s: float, spacing_s: float) -> list[str]:
        return axis.tickStrings([first_s, first_s + spacing_s], 1.0, spacing_s)

    assert ticks(65.0, 10.0) == ["1:05", "1:15"] and ticks(6.0, 0.5) == ["0:06.0", "0:06.5"]
    assert ticks(6.0, 0.05) == ["0:06.00", "0:06.05"] and ticks(6.0, 0.01) == ["0:06.00", "0:06.01"]
    assert ticks(6.0, 0.005) == ["0:06.000", "0:06.005"] and ticks(6.0, 0.001) == ["0:06.000", "0:06.001"]


def test_the_axis_has_room_for_large_letters(qtbot: QtBot, large_letters: None) -> None:
    panel = CurvesPanel(LIGHT)
    qtbot.addWidget(panel)
    axis = panel.intensity.getAxis("left")
    metrics = panel.fontMetrics()
    number_px, title_px = metrics.horizontalAdvance("0.5"), metrics.height()
    assert axis.width() == axis_width_px() > AXIS_WIDTH_PX
    assert axis.width() - axis.style["tickTextOffset"][0] - number_px >= title_px


@pytest.mark.parametrize("height_px", [260, 400, 900])
def test_the_curve_never_reaches_the_labels_of_the_bands(height_px: int, qtbot: QtBot, qapp: QApplication) -> None:
    panel = CurvesPanel(LIGHT)
    qtbot.addWidget(panel)
    panel.resize(600, height_px)
    panel.show()
    qapp.processEvents()
    box = panel.intensity.getViewBox()
    least, most = box.viewRange()[1]
    over_px = (most - 1.0) / (most - least) * box.height()
    assert over_px >= labels_px(box.height()) - 0.5
    assert over_px < box.height() / 2, "most of it is the curve's"


def test_the_curves_have_a_name_where_the_focus_is(qtbot: QtBot) -> None:
    panel = CurvesPanel(LIGHT)
    qtbot.addWidget(panel)
    (plots,) = panel.findChildren(QGraphicsView)
    assert plots.focusPolicy() & Qt.FocusPolicy.TabFocus and plots.accessibleName()


def test_times_after_an_hour_are_written_out(qtbot: QtBot) -> None:
    table = IntervalTable(LIGHT)
    qtbot.addWidget(table)
    table.resize(548, 200)
    table.show()
    view, least_px = table.view, table.view.minimumWidth()

    def show(onset_s: float) -> list[bool]:
        interval = Interval(ExpressionType.MACRO, onset_s, onset_s + 1, onset_s + 2, 0, 30, 60, 0.8, final=False)
        analysis = LiveAnalysis(1, Scores.empty(), Scores.empty(), (), (interval,))
        counters = Counters(1, 1, 0)
        table.show_snapshot(
            LiveSnapshot(LiveState.RUNNING, "x", True, None, None, analysis, counters, 30.0, 90.0, "CPU", None)
        )
        return [view.columnWidth(column) >= view.sizeHintForColumn(column) for column in (1, 2, 3)]

    before = view.columnWidth(1)
    assert all(show(60.0)) and view.columnWidth(1) == before
    table.resize(table.minimumSizeHint().width(), 200)
    assert all(show(7199.0)) and view.minimumWidth() == least_px
    table.resize(548, 200)
    assert all(show(60.0)) and view.columnWidth(1) == before


def test_a_long_name_is_shortened_and_whole_in_the_tool_tip(qtbot: QtBot, tmp_path: Path) -> None:
    head = ReviewHead()
    qtbot.addWidget(head)
    head.show_name(LONG_NAME)
    head.resize(700, 40)
    head.show()
    assert "…" in head._name.shown and head._name.shown.endswith(".mp4")
    assert head.name == head._name.toolTip() == LONG_NAME
    head.resize(2000, 40)
    assert head._name.shown == LONG_NAME

    empty, analysis = EmptyPage(), AnalysisPage()
    for page in (empty, analysis):
        qtbot.addWidget(page)
    empty.show_opening(tmp_path / LONG_NAME)
    analysis.watch(AnalysisJob(tmp_path / LONG_NAME), LONG_NAME)
    analysis.forget()
    for text in (empty.text, analysis.text):
        assert "…" in text.text() and LONG_NAME not in text.text() and text.toolTip() == LONG_NAME
        widest = max(text.fontMetrics().horizontalAdvance(word) for word in text.text().split())
        assert widest <= 548
    empty.show_opening(None)
    assert empty.text.toolTip() == ""


def test_a_button_says_whether_it_wants_a_video_or_a_folder(qtbot: QtBot) -> None:
    start, empty, head = StartPage(), EmptyPage(), ReviewHead()
    for widget in (start, empty, head):
        qtbot.addWidget(widget)
    assert start.file_button.text() == empty.file_button.text() == "Open a video…"
    asked: list[str] = []
    head.recording_requested.connect(lambda: asked.append("Open a video…"))
    head.folder_requested.connect(lambda: asked.append("Open a session folder…"))
    buttons = head.findChildren(QAbstractButton)
    for button in buttons:
        button.click()
    assert asked == [button.text() for button in buttons] and empty.folder_button.text() in asked


@pytest.mark.parametrize("code", ["a/b", "P 02 x/y"])
def test_the_dialog_grows_for_what_is_wrong(code: str, qtbot: QtBot, tmp_path: Path) -> None:
    dialog = RecordDialog(None, DemoChoice(), Settings(recordings=tmp_path))
    qtbot.addWidget(dialog)
    dialog.show()
    fields = (dialog.participant, dialog.agreed, dialog.consent, dialog.pictures, dialog.folder, dialog._space)

    def places() -> list[QRect]:
        QApplication.processEvents()
        return [field.geometry() for field in fields]

    before = places()
    dialog.participant.setText(code)
    dialog.start.click()
    assert dialog.problem.isVisible() and places() == before, "nothing has moved closer together"
    assert dialog.problem.height() >= dialog.problem.heightForWidth(dialog.problem.width())
