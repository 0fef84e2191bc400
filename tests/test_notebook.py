"""The example notebook runs in a real kernel and says what it says in the repository."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs" / "example.ipynb"


def texts(book: Any) -> list[str]:
    """What each code cell shows, without its numbers: these differ a little from machine to machine."""
    shown = []
    for cell in book.cells:
        if cell.cell_type == "code":
            parts = [o.get("text") or o["data"]["text/plain"] for o in cell.outputs if o.get("name") != "stderr"]
            shown.append(re.sub(r"[\d.]+", "#", re.sub(r"\s+", " ", " ".join(parts))).replace("a GPU", "the CPU"))
    return shown


@pytest.mark.timeout(400)  # starts a kernel and analyses a clip, on a busy machine too
def test_the_example_runs_and_shows_what_it_shows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(stored)
    fresh = nbformat.read(NOTEBOOK, as_version=4)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    NotebookClient(fresh, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    # after a change of the model: jupyter execute --inplace docs/example.ipynb
    assert texts(fresh) == texts(stored)
    assert "macro" in texts(fresh)[0] and "micro" in texts(fresh)[0]


def test_the_example_names_no_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < 30_000 and "image/png" not in text
    for path in (str(ROOT), str(Path.home()), "/tmp/", "C:\\"):
        assert path not in text
    cells = nbformat.reads(text, as_version=4).cells
    assert not [output for cell in cells for output in cell.get("outputs", []) if output.get("name") == "stderr"]
