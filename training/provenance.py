"""What a result was made by: versions of packages, and the code that numbers depend on."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import models
import training
from training.archive import data_digest

_PACKAGES = ("apexspot", "torch", "numpy", "safetensors")
_MODELS = ("baseline.py", "network.py")
_TRAINING = (
    *(
        "actions.py",
        "datasets.py",
        "exact.py",
        "gim.py",
        "losses.py",
        "material.py",
        "relabel.py",
        "ship.py",
        "spotformer.py",
    ),
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


def provenance(data: Sequence[Path], seeds: int) -> dict[str, object]:
    """What stands in every result file: the data's digests, seeds, code and versions."""
    return {
        "data_sha256": [data_digest(folder) for folder in data],
        "seeds": list(range(seeds)),
        "code": code_digest(),
        "versions": versions(),
    }


def write_whole(path: Path, text: str) -> None:
    """Write a text file that appears complete or not at all.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(path.name + ".writing")
    partial.write_text(text, "utf-8")
    partial.replace(path)
