"""Where the shipped files lie, and proof that they are the shipped ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

from models.errors import AssetError

FACE_LANDMARKER = "face_landmarker.task"
FACE_LANDMARKER_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
SPOTTER, LAB_SPOTTER = "spotter.onnx", "spotter_lab.onnx"
USUAL_NETWORK, LAB_NETWORK = Path("lively"), Path("lab")
"""Names that stand for a file wherever a model is asked for: the network for people who talk and laugh, and the one for
people in a laboratory who hold back what they feel."""
NETWORKS = {USUAL_NETWORK: SPOTTER, LAB_NETWORK: LAB_SPOTTER}
DEMO_CLIP = "demo.mp4"


def asset_path(name: str) -> Path:
    """Path of a shipped file.

    An installed copy carries the files inside the package (``models/_assets``); a checkout has them in ``assets/``.

    Raises:
        AssetError: the file is in neither place.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "_assets", here.parent / "assets"):
        if (folder / name).is_file():
            return folder / name
    raise AssetError(f"The shipped file {name} is missing; please install apexspot again.")


def read_verified(name: str, sha256: str) -> bytes:
    """Contents of a shipped file whose SHA-256 is known.

    Raises:
        AssetError: missing, unreadable, or with another content.
    """
    path = asset_path(name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AssetError(f"The shipped file {path} cannot be read ({error.strerror}).") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise AssetError(f"{path} is not the file that ships with apexspot; please install apexspot again.")
    return data
