"""Tables of results: as text, Markdown, CSV and JSON, from one list of rows."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import OutputError
from models.types import ExpressionType
from training.matching import Counts, SpottingResult
from training.provenance import provenance, write_whole

TYPES = (*(kind.value for kind in ExpressionType), "overall")
FIGURES = ("precision", "recall", "f1")
COUNTS = {"tp": "true_positives", "fp": "false_positives", "fn": "false_negatives"}


@dataclass(frozen=True, slots=True)
class Row:
    """A method on a data set. protocol: "honest" or "published". results: one a seed."""

    method: str
    protocol: str
    data_set: str
    results: tuple[SpottingResult, ...]

    def values(self, kind: str, figure: str) -> list[float]:
        """A figure or a count of each seed. kind: one of ``TYPES``."""
        return [float(getattr(counts_of(r, kind), COUNTS.get(figure, figure))) for r in self.results]

    def mean(self, kind: str, figure: str) -> float:
        return float(np.mean(self.values(kind, figure)))

    def spread(self, kind: str, figure: str = "f1") -> float:
        """Standard deviation over the seeds; 0 where there is but one."""
        values = self.values(kind, figure)
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def counts_of(result: SpottingResult, kind: str) -> Counts:
    return result.overall if kind == "overall" else result.by_type[ExpressionType(kind)]


def write_tables(
    out: Path,
    name: str,
    rows: Sequence[Row],
    note: str,
    made_from: Mapping[str, object],
    data: Sequence[Path],
    seeds: int,
) -> str:
    """Write ``NAME.txt`` (returned), ``NAME.md``, ``NAME.csv`` and ``NAME.json``.

    note: a sentence under the table. made_from: what the JSON states besides the rows and the provenance.

    Raises:
        OutputError: the folder cannot be written.
    """
    origin = provenance(data, seeds)
    text = text_table(rows, note) + f"{_words(origin, made_from)} All of it stands in {name}.json.\n"
    document = {**made_from, "rows": [_document(row) for row in rows], **origin}
    files = {
        "txt": text,
        "md": f"{markdown(rows, note)}\n{_words(origin, made_from)} All of it stands in `{name}.json`.\n",
        "csv": csv_table(
            rows, {"configuration": digest(made_from), "data": _data(origin), "code": str(origin["code"])}
        ),
        "json": json.dumps(document, indent=1) + "\n",
    }
    try:
        for ending, content in files.items():
            write_whole(out / f"{name}.{ending}", content)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}).") from error
    return text


def text_table(rows: Sequence[Row], note: str) -> str:
    """Three lines a row: macro, micro, overall."""
    wide = max(len(row.method) for row in rows) + 2
    lines = []
    for data_set in data_sets(rows):
        lines.append(f"{data_set:{wide + 8}} precision  recall     F1      +-     TP     FP     FN")
        for row in (r for r in rows if r.data_set == data_set):
            for kind in TYPES:
                label = row.method if kind == TYPES[0] else ""
                figures = " ".join(f"{row.mean(kind, figure):8.3f}" for figure in FIGURES)
                tallies = " ".join(f"{count(row, kind, tally):>6}" for tally in COUNTS)
                lines.append(f"{label:{wide}}{kind:8}{figures} {row.spread(kind):7.3f} {tallies}")
        lines.append("")
    return "\n".join([*lines, note]) + "\n"


def digest(made_from: Mapping[str, object]) -> str:
    """Of a configuration: the beginning of its SHA-256."""
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:16]


def _data(origin: Mapping[str, Any]) -> str:
    return "+".join(sha256[:16] for sha256 in origin["data_sha256"])


def _words(origin: Mapping[str, Any], made_from: Mapping[str, object]) -> str:
    """What a result was made from, in one sentence."""
    versions = ", ".join(f"{name} {number}" for name, number in origin["versions"].items())
    return f"Configuration {digest(made_from)}, data {_data(origin)}, code {origin['code']}; {versions}."


def markdown(rows: Sequence[Row], note: str) -> str:
    """One line a row; each cell is precision / recall / F1 and TP/FP/FN."""
    seeds = len(rows[0].results)
    lines = []
    for data_set in data_sets(rows):
        lines += [f"## {data_set}", "", f"| precision / recall / **F1** | {' | '.join(TYPES)} |", "|---|---|---|---|"]
        for row in (r for r in rows if r.data_set == data_set):
            cells = []
            for kind in TYPES:
                precision, recall, f1 = (f"{row.mean(kind, figure):.3f}" for figure in FIGURES)
                spread = f" ± {row.spread(kind):.3f}" if seeds > 1 else ""
                tallies = "/".join(count(row, kind, tally) for tally in COUNTS)
                cells.append(f"{precision} / {recall} / **{f1}**{spread} ({tallies})")
            lines.append(f"| {row.method} | {' | '.join(cells)} |")
        lines.append("")
    lines.append(f"In brackets TP/FP/FN. {note}")
    return "\n".join(lines) + "\n"


def csv_table(rows: Sequence[Row], origin: Mapping[str, str]) -> str:
    """One line for each row, type and seed, then their mean and their standard deviation ("spread").

    origin: further columns, the same in each line.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "protocol", "data_set", "type", "seed", *FIGURES, *COUNTS, *origin])
    for row in rows:
        for kind in TYPES:
            head = [row.method, row.protocol, row.data_set, kind]
            names = (*FIGURES, *COUNTS)
            columns = [row.values(kind, name) for name in names]
            for seed, values in enumerate(zip(*columns, strict=True)):
                writer.writerow([*head, seed, *(f"{v:.6g}" for v in values), *origin.values()])
            for what, figure in (("mean", row.mean), ("spread", row.spread)):
                writer.writerow([*head, what, *(f"{figure(kind, name):.6g}" for name in names), *origin.values()])
    return text.getvalue()


def data_sets(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.data_set for row in rows))


def count(row: Row, kind: str, tally: str) -> str:
    """A count; of several seeds the mean, with one decimal."""
    return f"{row.mean(kind, tally):.0f}" if len(row.results) == 1 else f"{row.mean(kind, tally):.1f}"


def _document(row: Row) -> dict[str, object]:
    names = (*FIGURES, *COUNTS)
    return {
        "method": row.method,
        "protocol": row.protocol,
        "data_set": row.data_set,
        "seeds": [
            {kind: {name: row.values(kind, name)[seed] for name in names} for kind in TYPES}
            for seed in range(len(row.results))
        ],
        "mean": {kind: {name: row.mean(kind, name) for name in names} for kind in TYPES},
        "spread": {kind: {name: row.spread(kind, name) for name in names} for kind in TYPES},
    }
