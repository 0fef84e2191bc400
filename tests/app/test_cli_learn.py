"""The commands that train, judge and export: from an archive to a model that the application uses."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Run = Callable[..., tuple[int, str, str]]

CONFIG = """
seed = 5
steps = 9
drawn_tracks = 2
[batch]
recorded = 2
synthetic = 1
frames = 64
[tcn]
scales = [3, 8]
width = 8
dilations = [1]
activity_frames = 20
"""

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="the extra [train] is not installed")


@pytest.mark.parametrize("command", ["train", "evaluate", "ablate", "export-model"])
def test_without_the_extra_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    given = ("model.safetensors",) if command == "export-model" else ("--data", "none")
    code, out, err = run(command, *given, "--out", "out")
    assert (code, out) == (2, "")
    assert "apexspot[train]" in err and err.count("\n") == 1


@needs_torch
@pytest.mark.timeout(400)  # an export takes long
def test_the_whole_way_to_a_model_that_spots(run: Run, archive: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(CONFIG)
    first = run("train", "--data", archive, "--config", "run.toml", "--out", "first", "--device", "cpu")
    assert first[0] == 0 and "model.safetensors" in first[1] and first[2] == ""
    (tmp_path / "few.toml").write_text("steps = 2\ndrawn_tracks = 1\n[batch]\nrecorded = 1\nframes = 64\n")
    start = ("--from", "first/model.safetensors")
    code, _, err = run("train", "--data", archive, "--config", "few.toml", *start, "--out", "second")
    assert (code, err) == (0, "")
    code, out, err = run("export-model", "second/model.safetensors", "--out", "mine.onnx")
    assert (code, err) == (0, "")
    assert "tiny (3 recordings), after the network" in out
    for given, said in (
        ((), "is there already"),
        (("--force", "--like", "mine.onnx"), "is what the model is made from"),
    ):
        code, _, err = run("export-model", "second/model.safetensors", "--out", "mine.onnx", *given)
        assert code == 2 and said in err
    code, _, err = run("export-model", "second/model.safetensors", "--out", "second/model.safetensors", "--force")
    assert code == 2 and "is what the model is made from" in err
    from models.spotter import Spotter

    spotter, shipped = Spotter(tmp_path / "mine.onnx", use_gpu=False), Spotter(use_gpu=False)
    assert spotter.spec.decode == shipped.spec.decode
    intensity, _ = spotter.score(np.zeros((50, 12, 2), np.float32))
    assert intensity.shape == (50,) and bool(np.isfinite(intensity).all())


@needs_torch
def test_training_starts_from_the_shipped_network(run: Run, archive: Path, tmp_path: Path) -> None:
    from training import checkpoint

    (tmp_path / "few.toml").write_text(
        "steps = 2\ndrawn_tracks = 1\n[batch]\nrecorded = 1\nsynthetic = 1\nframes = 64\n"
    )
    command = (
        "train",
        "--data",
        archive,
        "--config",
        "few.toml",
        "--out",
        "out",
        "--device",
        "cpu",
        "--from",
        "shipped",
    )
    shipped = checkpoint.shipped()
    code, out, err = run(*command)
    assert (code, err) == (0, "") and "model.safetensors" in out
    assert (
        json.loads((tmp_path / "out" / "run.json").read_text())["start"]
        == hashlib.sha256(shipped.read_bytes()).hexdigest()
    )
    before, after = checkpoint.load(shipped)[0], checkpoint.load(tmp_path / "out" / "model.safetensors")[0]
    assert before.settings == after.settings


@needs_torch
@pytest.mark.parametrize("command", ["train", "evaluate", "ablate"])
def test_what_may_be_a_slip_in_an_archive_is_said(run: Run, tmp_path: Path, command: str) -> None:
    """Before what cannot be: here a recording that is missing."""
    from training.archive import FORMAT, SCHEMA

    meta = {"format": FORMAT, "schema": SCHEMA, "data_set": "plain", "perception": "of before"}
    entry = {"name": "a", "subject": "a", "fps": 30, "file": "a.npz"}
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "meta.json").write_text(json.dumps({**meta, "recordings": [entry]}))
    (tmp_path / "old" / "points.csv").write_text("video,time_s,type\na,1,micro\n")
    (tmp_path / "old" / "intervals.csv").write_text("video,onset_s,apex_s,offset_s,type\n")
    code, _, err = run(command, "--data", "old", "--out", "out")
    remark, refusal = err.splitlines()
    assert code == 1 and "old was seen by another version of the perception" in remark and "a.npz is missing" in refusal


@pytest.fixture(scope="module")
def other(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same recordings under another data set's name."""
    return Path(shutil.copytree(archive, tmp_path_factory.mktemp("data") / "tiny2"))


@needs_torch
def test_evaluate_writes_tables_and_a_report_and_goes_on(run: Run, archive: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(CONFIG)
    given = ("evaluate", "--data", archive, "--config", "run.toml", "--steps", 8, "--jobs", 1, "--out", "judged")
    code, out, err = run(*given, "--folds", "loso")
    assert (code, err) == (0, "")
    folder = tmp_path / "judged"
    assert out.startswith((folder / "evaluation.txt").read_text()) and "report.html" in out
    for words in ("honest", "published protocol", "fixed window", "peak picker", "3 folds"):
        assert words in out
    made_from = json.loads((folder / "evaluation.json").read_text())
    assert made_from["configuration"]["settings"]["steps"] == 8 and made_from["folds"] == 3
    assert len(made_from["data_sha256"]) == 1 and "torch" in made_from["versions"] and made_from["seeds"] == [0]
    lines = (folder / "evaluation.csv").read_text().splitlines()
    assert lines[0].endswith("seed,precision,recall,f1,tp,fp,fn,configuration,data,code")
    assert len(lines) == 1 + 5 * 3 * 3
    assert "| honest |" in (folder / "evaluation.md").read_text()
    page = (folder / "report.html").read_text()
    assert "<svg" in page and "s1_a" in page and "http" not in page and "src=" not in page

    kept = {p: p.stat().st_mtime_ns for p in folder.glob("seed-*")}
    assert len(kept) == 6, "scores and network of each fold"
    before = dict(np.load(folder / "seed-0-fold-01.npz"))
    (folder / "seed-0-fold-01.npz").unlink()
    assert run(*given)[1] == out, "the missing fold comes out the same"
    again = dict(np.load(folder / "seed-0-fold-01.npz"))
    assert set(again) == set(before) and all(np.array_equal(again[name], before[name]) for name in before)
    assert all(p.stat().st_mtime_ns == at for p, at in kept.items() if "fold-01" not in p.name)
    code, honest, _ = run(*given, "--protocol", "honest")
    assert code == 0 and "published" not in honest and "peak picker" in honest

    for change in (("--steps", 9), ("--folds", 2), ("--compile",)):
        code, out, err = run(*given, *change)
        assert (code, out) == (2, "") and "begun with another" in err and err.count("\n") == 1
    (folder / "seed-0-fold-01.npz").write_bytes(b"broken")
    assert "fold-01.npz is damaged" in run(*given)[2]


@needs_torch
@pytest.mark.parametrize("command", ["evaluate", "ablate"])
def test_what_cannot_be_compiled_is_refused(run: Run, archive: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "run.toml").write_text(
        'backbone = "spotformer"\nsteps = 8\ndrawn_tracks = 0\n[spotformer]\nwidth = 8\n'
    )
    given = ("--data", archive, "--config", "run.toml", "--folds", 2, "--jobs", 1, "--compile", "--out", "out")
    code, out, err = run(command, *given)
    assert (code, out) == (2, "") and 'for the backbone "tcn" on the CPU alone' in err and err.count("\n") == 1


@needs_torch
def test_ablate_judges_what_is_asked(run: Run, archive: Path, other: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(CONFIG)
    given = ("--data", archive, "--data", other, "--config", "run.toml", "--folds", 2, "--steps", 8, "--jobs", 1)
    only = [a for name in ("full", "thresholds-points", "points-edge", "alone") for a in ("--only", name)]
    code, out, err = run("ablate", *given, "--out", "ablated", *only)
    assert (code, err) == (0, "")
    assert out == (tmp_path / "ablated" / "ablation.txt").read_text()
    for data_set in ("tiny ", "tiny2 "):
        table = out[out.index(f"\n{data_set}" if data_set == "tiny2 " else data_set) :]
        words = ["full GIM", "thresholds: best F1 on points", "points drawn: edge", "each data set trained alone"]
        places = [table.index(w) for w in words]
        assert places == sorted(places)
    assert {p.name for p in (tmp_path / "ablated").iterdir() if p.is_dir()} == {"full", "points-edge", "alone"}
    assert set(json.loads((tmp_path / "ablated" / "ablation.json").read_text())["variants"]) == {
        *("full", "thresholds-points", "points-edge", "alone")
    }


@needs_torch
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "--data", "none", "--out", "out"), "not a feature archive"),
        (("train", "--data", "ARCHIVE", "--config", "none.toml", "--out", "out"), "no file none.toml"),
        (("train", "--data", "ARCHIVE", "--from", "none", "--out", "out"), "no file none"),
        (("train", "--data", "ARCHIVE", "--out", "ARCHIVE"), "lies in the archive"),
        (("evaluate", "--data", "ARCHIVE", "--folds", "some", "--out", "out"), "loso"),
        (("evaluate", "--data", "ARCHIVE", "--data", "ARCHIVE", "--out", "out"), "twice"),
        (("ablate", "--data", "ARCHIVE", "--only", "everything", "--out", "out"), "no-contrastive"),
        (("export-model", "none", "--out", "mine.onnx"), "no file none"),
        (("export-model", "none", "--out", "."), "is a folder; --out wants the name of a file"),
    ],
)
def test_what_cannot_be_is_one_sentence(run: Run, archive: Path, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run(*(str(archive) if a == "ARCHIVE" else a for a in arguments))
    assert code in (1, 2) and out == ""
    assert words in err and err.count("\n") == 1
