"""Steps that the research data sets share: the folder as unpacked, the spreadsheet as handed out, and both together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.readers.labels import CodedRow, Reading, join
from training.readers.layout import check_any, find_sources, find_table


@dataclass(frozen=True, slots=True)
class Original:
    """A data set as its owner hands it out.

    table: pattern of the spreadsheet's file name; table_words: what a message calls it. example: where a recording may
    lie below the folder. name_of: a recording's name, its subject and an underscore first, from the parts of its path
    without the ending; None where it is no recording. rows_of: the coded expressions of a spreadsheet.
    """

    data_set: str
    fps: float
    table: str
    table_words: str
    example: str
    name_of: Callable[[tuple[str, ...]], str | None]
    rows_of: Callable[[Path], list[CodedRow]]

    def read(self, root: Path, labels: Path | None = None, *, unlabelled: bool = False) -> Reading:
        """See ``training.readers.read``.

        Raises:
            UsageError: the folder or the spreadsheet is missing.
            LabelError: the spreadsheet lacks something, or there are no recordings.
        """
        table = find_table(root, labels, self.table, self.table_words)
        rows = self.rows_of(table)
        sources = find_sources(root, self.name_of)
        check_any(sources, root, self.example)
        subjects = {name: name.rsplit("_", 1)[0] for name in sources}
        return join(self.data_set, self.fps, table, root, rows, sources, subjects=subjects, unlabelled=unlabelled)
