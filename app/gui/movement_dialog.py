"""Asks how far a face must move at least for an expression to be listed."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.theme import set_primary
from app.settings import MOST_MOVEMENT_IOD, SmallestMovement

WIDTH_PX, FIELD_PX = 460, 110
_STEP_IOD = 0.005
_DIGITS = 3

_WHAT = (
    "An expression is listed where some region of the face moves at least this far; 1 is the distance between the "
    "eyes. Lips that form words move all the time, so more is asked of a talking face: small movements, pursed lips "
    "and a dropped jaw are left out."
)
_HINT = (
    "0.008 lists the faintest that can be measured. 0.05 suits people who gesture. 0 in the second field treats talk "
    "like anything else. What you choose holds from the next start on."
)


class MovementDialog(QDialog):
    """Two sizes, and a way back to those of the model."""

    def __init__(self, parent: QWidget | None, chosen: SmallestMovement, usual: SmallestMovement) -> None:
        """usual: the model's own sizes, neither of them ``None``."""
        super().__init__(parent)
        self._usual = usual
        self.setWindowTitle("Smallest movement")
        self.setMinimumWidth(WIDTH_PX)
        self.anywhere = _field("Smallest movement")
        self.in_speech = _field("Smallest movement while the face is talking")
        self.reset = QPushButton("Reset")
        self.reset.setToolTip("Back to the sizes of the model")
        self.reset.clicked.connect(lambda: self._show(usual))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        set_primary(buttons.button(QDialogButtonBox.StandardButton.Ok), True)
        buttons.addButton(self.reset, QDialogButtonBox.ButtonRole.ResetRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        # not a form: that sets names above the middle of their fields
        form = QGridLayout()
        form.setHorizontalSpacing(20)
        form.setVerticalSpacing(10)
        form.setColumnStretch(2, 1)
        named = (("Anywhere", self.anywhere), ("While the face is talking", self.in_speech))
        for row, (name, field) in enumerate(named):
            form.addWidget(QLabel(name), row, 0)
            form.addWidget(field, row, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(14)
        layout.addWidget(_text(_WHAT))
        layout.addLayout(form)
        layout.addWidget(_text(_HINT, muted=True))
        layout.addWidget(buttons)
        self._show(
            SmallestMovement(
                usual.iod if chosen.iod is None else chosen.iod,
                usual.in_speech_iod if chosen.in_speech_iod is None else chosen.in_speech_iod,
            )
        )
        self.anywhere.setFocus()

    def _show(self, sizes: SmallestMovement) -> None:
        self.anywhere.setValue(sizes.iod or 0.0)
        self.in_speech.setValue(sizes.in_speech_iod or 0.0)

    @property
    def chosen(self) -> SmallestMovement:
        """What the fields say; the model's own size is none that was chosen."""
        return SmallestMovement(
            _unless(self.anywhere.value(), self._usual.iod),
            _unless(self.in_speech.value(), self._usual.in_speech_iod),
        )


def _unless(size_iod: float, usual_iod: float | None) -> float | None:
    """The size, or ``None`` where it is the usual one to the digits that are shown."""
    return None if round(size_iod, _DIGITS) == round(usual_iod or 0.0, _DIGITS) else round(size_iod, _DIGITS)


def _field(name: str) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setAccessibleName(name)
    field.setDecimals(_DIGITS)
    field.setRange(0.0, MOST_MOVEMENT_IOD)
    field.setSingleStep(_STEP_IOD)
    field.setMinimumSize(FIELD_PX, 30)
    return field


def _text(words: str, muted: bool = False) -> QLabel:
    label = QLabel(words)
    label.setWordWrap(True)
    if muted:
        label.setObjectName("muted")
    return label
