"""Versions of the program and of the packages that take part in a result."""

from __future__ import annotations

import importlib.metadata
import platform

_TAKE_PART = ("mediapipe", "opencv-python", "onnxruntime-gpu", "onnxruntime", "av", "numpy")


def program_version() -> str:
    """Version of the installed program; a bare checkout has none."""
    return package_version("apexspot") or "(not installed)"


def package_version(name: str) -> str | None:
    """Version of an installed distribution, ``None`` where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions() -> dict[str, str]:
    """Versions of what takes part in a result, by name."""
    found = {name: package_version(name) for name in _TAKE_PART}
    return {
        "apexspot": program_version(),
        "python": platform.python_version(),
        **{name: version for name, version in found.items() if version is not None},
    }
