"""Exports to the tools that people already use, and imports of other coders' work (``docs/formats.md``). No Qt."""

from __future__ import annotations

from app.exchange.export import ALL, ExportResult, Format, export_all, export_session
from app.exchange.importing import ImportFormat, ImportResult, as_coded, import_as_coder, import_as_points
from app.exchange.labels import LabelNames

__all__ = [
    "ALL",
    "ExportResult",
    "Format",
    "ImportFormat",
    "ImportResult",
    "LabelNames",
    "as_coded",
    "export_all",
    "export_session",
    "import_as_coder",
    "import_as_points",
]
