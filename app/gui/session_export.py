"""Exporting the recording that is open in Review, in the formats of other tools."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from app.exchange import ALL, Format, export_session
from app.gui.source_bar import Chooser
from app.gui.text import counted
from models.errors import ApexspotError

log = logging.getLogger(__name__)

CHOICES: dict[str, str] = {
    "Tables (CSV)": Format.CSV,
    "ELAN annotation": Format.ELAN,
    "Praat TextGrid": Format.TEXTGRID,
    "BORIS tables": Format.BORIS,
    "BIDS events": Format.BIDS,
    "OpenFace-like table": Format.OPENFACE,
    "Report with pictures (HTML)": Format.HTML,
    "MEGC table": Format.MEGC,
    "MEGC spot-then-recognize table": Format.MEGC_STR,
    "All of them": ALL,
}


_ALLOW = ", or allow it with --force"
"""What an export says where it would write over files, and only there."""


class FormatDialog(QDialog):
    """Which format the recording is exported in."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export the recording")
        self.chooser = Chooser()
        self.chooser.setAccessibleName("Format")
        self.chooser.addItems(list(CHOICES))
        name = QLabel("Format")
        name.setObjectName("muted")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton("Choose a folder…", QDialogButtonBox.ButtonRole.AcceptRole).setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(12)
        for widget in (name, self.chooser, buttons):
            layout.addWidget(widget)

    @property
    def format(self) -> str:
        """A ``Format``, or all of them."""
        return CHOICES[self.chooser.currentText()]


def ask_export(parent: QWidget, session: Path) -> tuple[str, Path] | None:
    """Ask for a format and a folder; None if the user thought better of it."""
    dialog = FormatDialog(parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    dialog.deleteLater()
    if not accepted:
        return None
    chosen = QFileDialog.getExistingDirectory(parent, "Export into this folder", str(session.parent))
    return (dialog.format, Path(chosen)) if chosen else None


class SessionExport:
    """Writes in a thread of its own: a report decodes pictures. The window polls ``take_result``."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._result: tuple[str, bool] | None = None
        self._refused: tuple[tuple[Path, str, Path], str] | None = None

    def start(self, session: Path, format_: str, out: Path, force: bool = False) -> bool:
        """Begin; False while another export is under way. force: write over files that are there already."""
        if self._thread is not None and self._thread.is_alive():
            return False
        self._thread = threading.Thread(
            target=self._run, args=(session, format_, out, force), name="apexspot-export", daemon=True
        )
        self._thread.start()
        return True

    def take_result(self) -> tuple[str, bool] | None:
        """A sentence on what was written, or why nothing was, and whether it went well; once for each export.

        Where files are there already, this asks whether to write over them, and begins again if so.
        """
        refused, self._refused = self._refused, None
        if refused is not None:
            wanted, what = refused
            self.close()  # the thread that was refused has no more to do
            if _may_overwrite(what):
                self.start(*wanted, force=True)
            else:
                self._result = "Nothing was exported.", True
        result, self._result = self._result, None
        return result

    def close(self, timeout_s: float = 10.0) -> None:
        """Wait for an export that is under way."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self, session: Path, format_: str, out: Path, force: bool) -> None:
        try:
            done = export_session(session, [format_], out, force)
        except ApexspotError as error:
            sentence = str(error)
            if _ALLOW in sentence:
                self._refused = (session, format_, out), sentence.partition(";")[0]
            else:  # the options of the command line mean nothing here
                self._result = sentence.replace(" with --out", ""), False
        except Exception as error:
            log.exception("the export failed")
            self._result = f"The export ended unexpectedly ({type(error).__name__}); the log has details.", False
        else:
            first = done.files[0].name if len(done.files) == 1 else counted(len(done.files), "file")
            self._result = " ".join((f"Wrote {first} to {out}.", *done.notes)), True


def _may_overwrite(what: str) -> bool:
    """what: which files would be overwritten, without a full stop."""
    answers = QMessageBox.StandardButton
    answer = QMessageBox.question(
        QApplication.activeWindow(), "apexspot", f"{what}. Overwrite?", answers.Yes | answers.No, answers.No
    )
    return answer == answers.Yes
