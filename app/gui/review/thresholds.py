"""Sliders for what the model has to be sure of; everything is decoded again while they move."""

from __future__ import annotations

import time
from dataclasses import replace

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.gui.review.desk import Desk
from app.gui.review.own_keys import Slider
from app.gui.text import network_name, tally, tip
from app.gui.theme import Theme
from app.review.state import Thresholds
from app.settings import MOST_MOVEMENT_IOD
from models.errors import ApexspotError

STEPS = 100
DELAY_MS = 40
"""A drag asks for a decoding this often at most."""

_ROWS = (
    ("intensity", "Intensity", "An expression begins and ends where the intensity crosses this"),
    ("macro", "Macro score", "Macro-expressions with a lower score are not listed"),
    ("micro", "Micro score", "Micro-expressions with a lower score are not listed"),
    (
        "movement",
        "Movement",
        "What moves less than this is not listed; 1 is the distance between the eyes. People who gesture need 0.05 or "
        "more, faint expressions the smallest",
    ),
    (
        "in_speech",
        "Movement in speech",
        "While the face is talking, what moves less than this is not listed, nor are pursed lips and a dropped jaw: "
        "lips that form words move all the time. At 0 talk is treated like anything else",
    ),
)


_SIZES = ("movement", "in_speech")


def _full(name: str) -> float:
    """Value at the right end of a slider."""
    return MOST_MOVEMENT_IOD if name in _SIZES else 1.0


def _step(name: str, thresholds: Thresholds) -> int:
    """Where a slider stands for a value."""
    return min(round(float(getattr(thresholds, name)) / _full(name) * STEPS), STEPS)


class ThresholdPanel(QWidget):
    """Shows a preview while a slider is held, saves when it is let go."""

    previewed = Signal(object, object)
    """``Thresholds`` and the intervals that the model would find, or None and None: back to what is saved."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk: Desk | None = None
        self._first: Thresholds | None = None
        self._showing = False
        self._why_not: str | None = None
        self.heading = QLabel("Thresholds")
        self.heading.setObjectName("heading")
        self.back_button = QPushButton("Reset")
        self.back_button.setToolTip("Back to the thresholds of the recording")
        self.back_button.setAccessibleName("Back to the thresholds of the recording")
        self.back_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.back_button.clicked.connect(self._back)
        head = QHBoxLayout()
        head.addWidget(self.heading)
        head.addStretch(1)
        head.addWidget(self.back_button)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(0)
        self.sliders: dict[str, Slider] = {}
        self._numbers: dict[str, QLabel] = {}
        self._names: dict[str, QLabel] = {}
        for number, (name, text, sentences) in enumerate(_ROWS):
            label, value = QLabel(text), QLabel()
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            slider = Slider(Qt.Orientation.Horizontal)
            slider.setRange(0, STEPS)
            slider.setPageStep(5)
            slider.setMinimumHeight(22)
            slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            slider.setAccessibleName(text)
            for widget in (label, value, slider):
                widget.setToolTip(tip(sentences))
            slider.valueChanged.connect(self._turned)
            slider.sliderReleased.connect(self._let_go)
            grid.addWidget(label, 2 * number, 0)
            grid.addWidget(value, 2 * number, 1)
            grid.addWidget(slider, 2 * number + 1, 0, 1, 2)
            grid.setRowMinimumHeight(2 * number + 1, 25)
            self.sliders[name], self._numbers[name], self._names[name] = slider, value, label
        self._found = QLabel()
        self._found.setObjectName("muted")
        self._found.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 8)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addLayout(grid)
        layout.addWidget(self._found)
        layout.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self._preview)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        for name in self.sliders:
            colour = {"macro": theme.macro, "micro": theme.micro}.get(name, theme.text)
            self._names[name].setStyleSheet(f"color: {colour};")
            self.sliders[name].setStyleSheet(
                f"""QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {theme.line}; }}
                QSlider::sub-page:horizontal {{ border-radius: 2px; background: {colour}; }}
                QSlider::handle:horizontal {{ width: 14px; height: 14px; margin: -6px 0; border-radius: 8px;
                    background: {theme.panel}; border: 2px solid {colour}; }}
                QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{ background: {theme.selection}; }}
                QSlider::sub-page:horizontal:disabled {{ background: {theme.line}; }}
                QSlider::handle:horizontal:disabled {{ border-color: {theme.gap}; }}"""
            )

    def set_desk(self, desk: Desk | None, why_not: str | None = None) -> None:
        """why_not: why they cannot be changed here."""
        self._desk = desk
        self._why_not = why_not or (desk.review.read_only if desk is not None else None)
        self._timer.stop()
        self.setEnabled(desk is not None and self._why_not is None)
        if desk is not None:
            self.heading.setToolTip(tip(f"Scored by {network_name(desk.review.session.info.model.file)}"))
            self._first = Thresholds.of(desk.review.session)
            desk.edited.connect(self._show_saved)
            self._show_saved()

    @property
    def chosen(self) -> Thresholds:
        """Where the sliders stand; a slider that was not moved stands for what is saved, to the last digit."""
        assert self._desk is not None
        saved = self._desk.state.thresholds
        values = {
            name: slider.value() / STEPS * _full(name)
            for name, slider in self.sliders.items()
            if slider.value() != _step(name, saved)
        }
        return replace(saved, **values)

    def _turned(self) -> None:
        if self._showing or self._desk is None:
            return
        self._show_numbers(self.chosen)
        if not self._timer.isActive():
            self._timer.start()
        if not any(slider.isSliderDown() for slider in self.sliders.values()):
            self._let_go()  # turned by key or wheel: there is no letting go

    def _preview(self) -> None:
        desk = self._desk
        if desk is None:
            return
        began_s = time.monotonic()
        try:
            found = desk.review.preview(self.chosen)
        except ApexspotError as error:
            desk.failed.emit(str(error))
            self._show_saved()
            return
        self._found.setText(f"The model would find {tally(found)}.")
        self.previewed.emit(self.chosen, found)
        # a long recording takes long to decode: then less often, so that the slider still follows the hand
        self._timer.setInterval(max(DELAY_MS, round((time.monotonic() - began_s) * 1000)))

    def _let_go(self) -> None:
        self._timer.stop()
        if (desk := self._desk) is None:
            return
        chosen = self.chosen
        if chosen == desk.state.thresholds:
            self._show_saved()
        else:
            desk.set_thresholds(chosen)
            self._show_saved()  # where it could not be saved, the sliders go back

    def _back(self) -> None:
        if self._desk is not None and self._first is not None:
            self._desk.set_thresholds(self._first)

    def _show_saved(self) -> None:
        assert self._desk is not None
        if any(slider.isSliderDown() for slider in self.sliders.values()):
            return
        saved = self._desk.state.thresholds
        self._showing = True
        for name, slider in self.sliders.items():
            slider.setValue(_step(name, saved))
        self._showing = False
        self._show_numbers(saved)
        self._found.setText(self._why_not or "Drag to see at once what the model would find.")
        self.back_button.setEnabled(saved != self._first)
        self.previewed.emit(None, None)

    def _show_numbers(self, thresholds: Thresholds) -> None:
        for name, label in self._numbers.items():
            label.setText(f"{getattr(thresholds, name):.{3 if name in _SIZES else 2}f}")
