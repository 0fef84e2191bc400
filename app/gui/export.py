"""Writing the intervals to a CSV file that the user names."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

from app.gui.text import tally
from app.live_types import LiveSnapshot
from app.tables import write_intervals
from models.errors import ApexspotError


def ask_and_export(parent: QWidget, snapshot: LiveSnapshot) -> str | None:
    """Ask where to, and write. The dialog asks before it overwrites.

    Returns:
        A sentence on what was written, or on why nothing was; None if the user thought better of it.
    """
    folder = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))
    name = f"{Path(snapshot.source_name).stem or 'apexspot'}.intervals.csv"
    chosen, _ = QFileDialog.getSaveFileName(
        parent, "Export the intervals", str((folder if folder.is_dir() else Path.home()) / name), "CSV table (*.csv)"
    )
    return export(Path(chosen), snapshot) if chosen else None


def export(path: Path, snapshot: LiveSnapshot) -> str:
    """Write the final intervals and say what was done; an error becomes its sentence."""
    analysis = snapshot.analysis
    try:
        write_intervals(path, analysis.intervals)
    except ApexspotError as error:
        return str(error)
    count = len(analysis.intervals)
    if count:
        done = f"Wrote {count} interval{'s' if count > 1 else ''} ({tally(analysis.intervals)}) to {path}."
    else:
        done = f"No expression has been found yet; wrote an empty table to {path}."
    left_out = len(analysis.provisional_intervals)
    if left_out:
        done += f" {left_out} that {'is' if left_out == 1 else 'are'} still provisional left out."
    return done
