"""The newest picture with the face's outline and the 12 regions."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui.text import kind_name
from app.gui.theme import Theme
from app.live_types import LiveSnapshot, LiveState
from models.types import LOW_QUALITY, REGION_LANDMARKS, ExpressionType, FaceTrack

OUTLINE = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
    *(148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""MediaPipe mesh indices round the face."""

REGION_RADIUS_IOD = 0.075

BADGE_S = 0.8
"""An expression stays named on the picture this long after its offset."""


class PictureView(QWidget):
    """Shows what the snapshot holds; keeps the picture's aspect, mirrors it on request (the text stays readable)."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._snapshot: LiveSnapshot | None = None
        self._image: QImage | None = None
        self._pixels: np.ndarray | None = None
        self.mirrored = False
        self.show_regions = True
        self.setMinimumSize(280, 210)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Picture")
        self.setAccessibleDescription("The newest picture of the source, with the face's outline and its 12 regions")

    def sizeHint(self) -> QSize:
        return QSize(560, 420)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_mirrored(self, mirrored: bool) -> None:
        self.mirrored = mirrored
        self.update()

    def set_show_regions(self, show: bool) -> None:
        self.show_regions = show
        self.update()

    def show_snapshot(self, snapshot: LiveSnapshot | None) -> None:
        """Take over the newest picture; repaints only where something changed."""
        before, self._snapshot = self._snapshot, snapshot
        if before is not None and snapshot is not None and before.frame is snapshot.frame:
            if before.analysis is not snapshot.analysis or before.state is not snapshot.state:
                self.update()
            return
        if snapshot is None or snapshot.frame is None:
            self._image = self._pixels = None
        else:
            # the array must live as long as the image that looks into it
            self._pixels = np.ascontiguousarray(snapshot.frame.image)
            height, width = self._pixels.shape[:2]
            self._image = QImage(self._pixels.data, width, height, 3 * width, QImage.Format.Format_BGR888)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(self.rect())
        painter.fillRect(area, QColor(self._theme.panel))
        if self._image is None or self._snapshot is None:
            self._paint_note(painter, area, self._waiting_text())
            return
        scale = min(area.width() / self._image.width(), area.height() / self._image.height())
        size = QSize(round(self._image.width() * scale), round(self._image.height() * scale))
        target = QRectF(0.0, 0.0, size.width(), size.height())
        target.moveCenter(area.center())
        painter.save()
        painter.translate(target.topRight() if self.mirrored else target.topLeft())
        painter.scale(-scale if self.mirrored else scale, scale)
        painter.drawImage(QPointF(0.0, 0.0), self._image)
        motion = self._snapshot.motion
        if self.show_regions and motion is not None and motion.face is not None:
            self._paint_face(painter, motion.face, scale, motion.quality >= LOW_QUALITY)
        painter.restore()
        self._paint_badge(painter, target)
        self._paint_note(painter, target, self._trouble_text())

    def _paint_face(self, painter: QPainter, face: FaceTrack, scale: float, reliable: bool) -> None:
        points = face.landmarks_px[:, :2]
        line = QColor("#ffffff" if reliable else "#f3c24b")
        line.setAlpha(190)
        pen = QPen(line, 1.6 / scale)
        if not reliable:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolygon(QPolygonF([QPointF(float(x), float(y)) for x, y in points[list(OUTLINE)]]))
        fill = QColor("#7fd4c1" if reliable else "#f3c24b")
        painter.setPen(QPen(fill, 1.6 / scale))
        fill.setAlpha(60)
        painter.setBrush(fill)
        radius = REGION_RADIUS_IOD * face.iod_px
        for x, y in points[list(REGION_LANDMARKS)]:
            painter.drawEllipse(QPointF(float(x), float(y)), radius, radius)

    def _paint_badge(self, painter: QPainter, target: QRectF) -> None:
        kind = self._current_kind()
        if kind is None:
            return
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        text = f"{kind_name(kind)}-expression"
        metrics = QFontMetricsF(font)
        box = QRectF(target.left() + 10, target.top() + 10, metrics.horizontalAdvance(text) + 38, metrics.height() + 10)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(15, 18, 22, 215))
        painter.drawRoundedRect(box, 6, 6)
        painter.setBrush(QColor("#f0a13a" if kind is ExpressionType.MACRO else "#5cb8f2"))
        painter.drawEllipse(QPointF(box.left() + 15, box.center().y()), 5.0, 5.0)
        painter.setPen(QColor("#ffffff"))
        painter.drawText(box.adjusted(27, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)
        font.setBold(False)
        painter.setFont(font)

    def _current_kind(self) -> ExpressionType | None:
        if self._snapshot is None:
            return None
        analysis = self._snapshot.analysis
        newest_s = analysis.newest_s
        if newest_s is None:
            return None
        for interval in (*reversed(analysis.provisional_intervals), *reversed(analysis.intervals[-4:])):
            if interval.onset_s <= newest_s <= interval.offset_s + BADGE_S:
                return interval.type
        return None

    def _paint_note(self, painter: QPainter, target: QRectF, text: str) -> None:
        if not text:
            return
        metrics = QFontMetricsF(painter.font())
        width = min(metrics.horizontalAdvance(text) + 24, target.width() - 16)
        box = QRectF(0.0, 0.0, width, metrics.height() + 12)
        box.moveCenter(QPointF(target.center().x(), target.bottom() - box.height()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(15, 18, 22, 215))
        painter.drawRoundedRect(box, 6, 6)
        painter.setPen(QColor("#ffffff"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _waiting_text(self) -> str:
        if self._snapshot is None:
            return ""
        return {LiveState.STARTING: "Opening…", LiveState.RUNNING: "Waiting for the first picture…"}.get(
            self._snapshot.state, "No picture"
        )

    def _trouble_text(self) -> str:
        assert self._snapshot is not None
        motion = self._snapshot.motion
        if motion is None:
            return ""
        if not motion.valid:
            return "No face in the picture"
        if motion.quality < LOW_QUALITY:
            return "Unreliable: fast head movement, blur or a very small face"
        return ""
