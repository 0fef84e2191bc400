"""Exactly the picture of the frame under the cursor, or the reason why there is none."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStackedWidget, QWidget

from app.gui.picture import PictureView
from app.gui.review.desk import Desk
from app.gui.theme import Theme
from app.live_types import Counters, LiveAnalysis, LiveSnapshot, LiveState
from app.review.pictures import Pictures
from app.review.state import counts
from models.errors import ApexspotError
from models.types import Frame, FrameMotion, Image, Scores

LEAST_PX = 150
"""Lower than live: in a low window the picture leaves room for the curves."""

NOT_KEPT = "The picture of this frame was not kept:\nthe disk was busy when it was recorded."


class PicturePanel(QStackedWidget):
    """The live window's picture view, fed with frames of a recording."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk: Desk | None = None
        self._pictures: Pictures | None = None
        self._note_without = ""
        self.view = PictureView(theme)
        self.view.setMinimumHeight(LEAST_PX)
        self.note = QLabel()
        self.note.setObjectName("muted")
        self.note.setWordWrap(True)
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.note.setMargin(28)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.addWidget(self.view)
        self.addWidget(self.note)
        self.shown_row: int | None = None

    def set_theme(self, theme: Theme) -> None:
        self.view.set_theme(theme)

    def set_desk(self, desk: Desk | None, pictures: Pictures | None, note_without: str = "") -> None:
        """pictures: None where there are none; ``note_without`` then says why."""
        self._desk, self._pictures, self._note_without = desk, pictures, note_without
        self.shown_row = None
        if desk is None:
            self.view.show_snapshot(None)
            return
        desk.moved.connect(self._show)
        desk.edited.connect(self._show_again)
        self._show()

    def _show_again(self) -> None:
        self._show(again=True)

    def _show(self, again: bool = False) -> None:
        """The picture is fetched here and now: it must never belong to another frame than the cursor names."""
        assert self._desk is not None
        if self._pictures is None:
            self._say(self._note_without)
            return
        row = self._desk.row
        try:
            image = self._pictures.picture(row)
        except ApexspotError as error:
            self._say(str(error))
            return
        if image is None:
            self._say(NOT_KEPT)
            return
        self.shown_row = row
        self.view.show_snapshot(_snapshot(self._desk, image))
        self.setCurrentWidget(self.view)

    def _say(self, text: str) -> None:
        self.shown_row = None
        if self.note.text() != text:
            self.note.setText(text)
        self.setCurrentWidget(self.note)


def _snapshot(desk: Desk, image: Image) -> LiveSnapshot:
    """What the picture view takes: this frame, what is known of it, and the interval that it lies in."""
    frames, row, now_s = desk.frames, desk.row, desk.now_s
    index = int(frames.index[row])
    motion = None
    if frames.analysed[row]:
        quality = float(frames.quality[row])
        nowhere = np.full((12, 2), np.nan, np.float32)
        motion = FrameMotion(index, now_s, bool(frames.face[row]), nowhere, 1.0 if np.isnan(quality) else quality)
    here = tuple(
        stored.interval
        for stored in desk.listed()
        if stored.interval.onset_s <= now_s <= stored.interval.offset_s and counts(stored, desk.state.exclusions)
    )
    one = np.full(1, np.nan, np.float32)
    now = Scores(np.array([now_s]), np.zeros(1, np.bool_), one, one, one, one)
    return LiveSnapshot(
        state=LiveState.ENDED,
        source_name="",
        is_live=False,
        frame=Frame(index, now_s, image),
        motion=motion,
        analysis=LiveAnalysis(row + 1, now, Scores.empty(), here, ()),
        counters=Counters(0, 0, 0),
        fps=0.0,
        latency_ms=None,
        provider=None,
        error=None,
    )
