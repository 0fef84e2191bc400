"""Keeping the libraries off the network. apexspot itself uses it only for a stream that the user names."""

from __future__ import annotations

import os


def refuse_telemetry() -> None:
    """Switch off what ONNX Runtime reports to its maker. To be called before ``onnxruntime`` is imported.

    From 1.29 on its packages send events over HTTPS, some ten seconds after the import, and keep an identifier of the
    machine in the user's cache folder (its Privacy.md). Only this variable stops both: ``disable_telemetry_events()``
    comes too late.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
