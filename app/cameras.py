"""``apexspot cameras``: which cameras there are, and what cannot be known about them."""

from __future__ import annotations

import sys

from app.sources.devices import Camera, list_cameras

_NONE = "No camera was found."
_LINUX_HINT = "Is it plugged in? In a container, pass the device through (--device /dev/video0)."
_OTHER_HINT = "Is it plugged in, and may this program use cameras (privacy settings of the system)?"
_UNSURE = "The system does not tell which number is which camera, so the order may change after plugging."


def camera_lines() -> list[str]:
    """The listing, a line each."""
    cameras = list_cameras()
    if not cameras:
        return [_NONE, _LINUX_HINT if sys.platform.startswith("linux") else _OTHER_HINT]
    lines = [line for camera in cameras for line in _lines(camera)]
    if not sys.platform.startswith("linux") and not all(camera.lasting for camera in cameras):
        lines.append(_UNSURE)
    return lines


def _lines(camera: Camera) -> list[str]:
    return [camera.name, f"    {camera.node}  {camera.id if camera.lasting else '(no lasting identity)'}"]
