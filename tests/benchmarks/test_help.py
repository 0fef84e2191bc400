"""Every benchmark says how it is called."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import benchmarks

pytest.importorskip("torch", reason="some benchmarks need the extra [train]")

PROGRAMS = sorted(
    path.stem for path in Path(benchmarks.__path__[0]).glob("*.py") if "__main__" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_help(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    program = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert not ended.value.code
    assert "--help" in capsys.readouterr().out
