"""Exporting the recording that is open in Review, in the formats of other tools."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget

from app.exchange import ALL, Format, export_session
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


def ask_export(parent: QWidget, session: Path) -> tuple[str, Path] | None:
    """Ask for a format and a folder; None if the user thought better of it."""
    choice, accepted = QInputDialog.getItem(parent, "Export the recording", "Format", list(CHOICES), 0, False)
    if not accepted:
        return None
    chosen = QFileDialog.getExistingDirectory(parent, "Export into this folder", str(session.parent))
    return (CHOICES[choice], Path(chosen)) if chosen else None


class SessionExport:
    """Writes in a thread of its own: a report decodes pictures. The window polls ``take_result``."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._result: tuple[str, bool] | None = None

    def start(self, session: Path, format_: str, out: Path) -> bool:
        """Begin; False while another export is under way."""
        if self._thread is not None and self._thread.is_alive():
            return False
        self._thread = threading.Thread(
            target=self._run, args=(session, format_, out), name="apexspot-export", daemon=True
        )
        self._thread.start()
        return True

    def take_result(self) -> tuple[str, bool] | None:
        """A sentence on what was written, or why nothing was, and whether it went well; once for each export."""
        result, self._result = self._result, None
        return result

    def close(self, timeout_s: float = 10.0) -> None:
        """Wait for an export that is under way."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self, session: Path, format_: str, out: Path) -> None:
        try:
            done = export_session(session, [format_], out)
        except ApexspotError as error:
            # the options of the command line mean nothing here
            sentence = str(error).replace(", or allow it with --force", "").replace(" with --out", "")
            self._result = sentence, False
        except Exception as error:
            log.exception("the export failed")
            self._result = f"The export ended unexpectedly ({type(error).__name__}); the log has details.", False
        else:
            first = done.files[0].name if len(done.files) == 1 else counted(len(done.files), "file")
            self._result = " ".join((f"Wrote {first} to {out}.", *done.notes)), True
