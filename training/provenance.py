"""What a result was made by: versions of packages, and the code that numbers depend on."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import models
import training
from models.errors import OutputError
from training.archive import data_digest

_PACKAGES = ("apexspot", "torch", "numpy", "safetensors")
_MODELS = ("baseline.py", "network.py")
_TRAINING = (
    *("datasets.py", "gim.py", "losses.py", "material.py", "relabel.py", "ship.py", "spotformer.py"),
    *("synth_script.py", "tracks.py", "trainer.py"),
)


def versions() -> dict[str, str]:
    """Versions of what takes part in training, by name."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "(not installed)"
    return found


def code_digest() -> str:
    """Changes with the code that decides what a training run gives."""
    total = hashlib.sha256()
    for package, names in ((models, _MODELS), (training, _TRAINING)):
        for name in names:
            total.update((Path(str(package.__file__)).parent / name).read_bytes())
    return total.hexdigest()[:16]


def write_result(
    text_file: Path, text: str, json_file: Path, made_from: Mapping[str, object], data: Sequence[Path], seeds: int
) -> None:
    """Write a table, and beside it what it was made from: ``made_from``, seeds, the data's digests, code and versions.

    Raises:
        OutputError: the folder cannot be written.
    """
    everything = {
        **made_from,
        "seeds": [seed * 1000 for seed in range(seeds)],
        "data_sha256": [data_digest(folder) for folder in data],
        "code": code_digest(),
        "versions": versions(),
    }
    try:
        text_file.write_text(text, "utf-8")
        json_file.write_text(json.dumps(everything, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise OutputError(f"{text_file.parent} cannot be written ({error.strerror}).") from error
