"""Help: the keys, and what the program is made of."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from app.versions import versions
from models.assets import NETWORKS
from models.errors import ApexspotError
from models.spotter import Spotter

LIVE_KEYS = (
    ("Space", "start and stop the source"),
    ("R", "start and stop a recording"),
    ("1", "while recording: a macro-expression happens now"),
    ("2", "while recording: a micro-expression happens now"),
    ("Ctrl+O", "open a video"),
    ("Ctrl+Shift+O", "open a session folder"),
    ("Ctrl+E", "export"),
    ("Ctrl+1, Ctrl+2", "Live, Review"),
    ("F11 or F", "fill the screen; Esc leaves it"),
    ("Ctrl+Q", "quit"),
)

ABOUT = (
    "Spots facial macro- and micro-expressions live, from a camera or in a recording. "
    "It says when a face moves in the way of an expression, not what the person feels or means. "
    "Everything stays on this machine. For research use."
)
CODE_LICENCE = "Program: Apache-2.0 (see LICENSE and NOTICE)."


class HelpDialog(QDialog):
    """A heading, a sentence and a table of two columns."""

    def __init__(self, parent: QWidget | None, title: str, text: str, rows: tuple[tuple[str, str], ...]) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(540)
        heading = QLabel(title)
        heading.setObjectName("title")
        paragraph = QLabel(text)
        paragraph.setWordWrap(True)
        paragraph.setTextFormat(Qt.TextFormat.PlainText)
        paragraph.setVisible(bool(text))
        cells = "".join(
            f"<tr><td style='padding: 3px 24px 3px 0; white-space: nowrap'><b>{escape(name)}</b></td>"
            f"<td style='padding: 3px 0'>{escape(value)}</td></tr>"
            for name, value in rows
        )
        self.table = QLabel(f"<table>{cells}</table>")
        self.table.setTextFormat(Qt.TextFormat.RichText)
        self.table.setWordWrap(True)
        self.table.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(14)
        for widget in (heading, paragraph, self.table, buttons):
            layout.addWidget(widget)


def keys_dialog(parent: QWidget | None) -> HelpDialog:
    """Every key of the Live workspace and of the window."""
    return HelpDialog(parent, "Keys", "Review has its own list: press ? there.", LIVE_KEYS)


def about_dialog(parent: QWidget | None) -> HelpDialog:
    """Versions, the model and the licences."""
    rows = [("Licence", CODE_LICENCE), *_model_rows()]
    rows.append(("Versions", ", ".join(f"{name} {version}" for name, version in versions().items())))
    return HelpDialog(parent, "apexspot", ABOUT, tuple(rows))


def _model_rows() -> list[tuple[str, str]]:
    rows = []
    try:
        for name, file in NETWORKS.items():
            spec = Spotter(name, use_gpu=False).spec
            rows.append((f"Network {name}", f"{file} {spec.version}, SHA-256 {spec.sha256[:16]}…"))
            rows.append(("trained on", spec.training_data))
            rows.append(("its licence", spec.licence))
    except ApexspotError as error:
        rows.append(("Network", str(error)))
    return rows
