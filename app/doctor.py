"""``apexspot doctor``: what is installed, what works here, what does not. One screen of 80 by 24."""

from __future__ import annotations

import hashlib
import platform
import textwrap
from dataclasses import dataclass

from app.display import probe_display
from app.logs import log_path
from app.versions import package_version, program_version
from models.errors import ApexspotError

_WIDTH = 80
_INDENT = 12
_CAMERAS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Report:
    """lines: what to print. healthy: False where something that every use needs is broken."""

    lines: tuple[str, ...]
    healthy: bool


def examine() -> Report:
    """Look at everything; whatever is broken becomes a line, never an exception."""
    lines = [
        _line("apexspot", program_version()),
        _line("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        _line("packages", _packages("mediapipe", "opencv-python", "numpy", "av")),
        _line("", _packages("onnxruntime-gpu", "onnxruntime", "PySide6-Essentials", "pyqtgraph")),
    ]
    broken = [*_spotting_model(lines), *_face_model(lines)]
    display = probe_display()
    lines.append(_line("window", f"Qt platform {display.platform}" if display.usable else display.problem))
    _cameras(lines)
    lines.append(_line("log file", str(log_path())))
    lines.append("")
    lines += [f"BROKEN: {sentence}" for sentence in broken]
    if not broken:
        lines.append("Everything that spotting needs is in place.")
    return Report(tuple(part for line in lines for part in _wrapped(line)), not broken)


def _line(title: str, text: str) -> str:
    return f"{title:<{_INDENT}}{text}"


def _wrapped(line: str) -> list[str]:
    """The line, cut at spaces into lines of 80; a path without any stays whole."""
    indent = " " * _INDENT
    return textwrap.wrap(line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]


def _packages(*names: str) -> str:
    found = {name: package_version(name) for name in names}
    return ", ".join(f"{name} {version}" for name, version in found.items() if version is not None)


def _spotting_model(lines: list[str]) -> list[str]:
    """Lines on the model and on where it is scored; returns what is broken."""
    try:
        from models.assets import NETWORKS, USUAL_NETWORK
        from models.spotter import Spotter

        spotters = {name: Spotter(name) for name in NETWORKS}
    except ApexspotError as error:
        lines.append(_line("model", "cannot be used"))
        return [str(error)]
    except ImportError as error:
        lines.append(_line("model", "cannot be used"))
        return [f"ONNX Runtime cannot be loaded ({error})."]
    for name, spotter in spotters.items():
        spec = spotter.spec
        what = f"{spotter.path.name}, version {spec.version}, look-ahead {spec.look_ahead_s:.1f} s"
        lines.append(_line("model" if name == USUAL_NETWORK else f"  {name}", what))
        lines.append(_line("  SHA-256", spec.sha256))
    on = "CUDA (the graphics card)" if spotters[USUAL_NETWORK].provider == "CUDA" else "CPU (no usable CUDA device)"
    lines.append(_line("scoring on", on))
    return []


def _face_model(lines: list[str]) -> list[str]:
    from models.assets import FACE_LANDMARKER, FACE_LANDMARKER_SHA256, read_verified

    try:
        data = read_verified(FACE_LANDMARKER, FACE_LANDMARKER_SHA256)
    except ApexspotError as error:
        lines.append(_line("face model", "cannot be used"))
        return [str(error)]
    lines.append(
        _line("face model", f"{FACE_LANDMARKER}, SHA-256 {hashlib.sha256(data).hexdigest()[:16]}…, as shipped")
    )
    return []


def _cameras(lines: list[str]) -> None:
    try:
        from app.sources.devices import list_cameras

        names = [camera.name for camera in list_cameras()]
    except (ImportError, OSError) as error:
        names = [f"cannot be listed ({error})"]
    if not names:
        names = ["none found"]
    elif len(names) > _CAMERAS_SHOWN:
        names[_CAMERAS_SHOWN:] = [f"and {len(names) - _CAMERAS_SHOWN} more (apexspot cameras lists all)"]
    lines += [_line("" if number else "cameras", name) for number, name in enumerate(names)]
