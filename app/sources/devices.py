"""Cameras by what they are, not by the order in which the system happened to find them."""

from __future__ import annotations

import os
import struct
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from models.errors import SourceError

# linux/videodev2.h: _IOR('V', 0, struct v4l2_capability); the structure has 104 bytes, capabilities at 84, those of
# this very node at 88
_VIDIOC_QUERYCAP = 0x80685600
_CAPABILITY_BYTES = 104
_CAP_DEVICE_CAPS = 0x80000000
_CAP_CAPTURE = 0x00000001 | 0x00001000  # single- and multi-planar


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that is plugged in now.

    id: lasting name to find it again by, also after a restart and in another order of plugging.
    name: what the maker calls it; unique within one listing.
    node: how OpenCV opens it: a device path (Linux) or an index.
    lasting: False where the system tells no more than an index, so that ``id`` may mean another camera tomorrow.
    """

    id: str
    name: str
    node: str | int
    lasting: bool = True


def list_cameras() -> list[Camera]:
    """The cameras that can deliver pictures, in a steady order. Opens none of them, so no light goes on."""
    if sys.platform.startswith("linux"):
        return linux_cameras()
    return _indexed_cameras("avfoundation" if sys.platform == "darwin" else "dshow")


def find_camera(camera_id: str, name: str = "") -> Camera:
    """The camera of that id, or else the only one of that name.

    Raises:
        SourceError: it is not plugged in.
    """
    cameras = list_cameras()
    for camera in cameras:
        if camera.id == camera_id:
            return camera
    same_name = [camera for camera in cameras if name and camera.name == name]
    if len(same_name) == 1:
        return same_name[0]
    raise SourceError(f"The camera {name or camera_id} is not there; please plug it in or choose another one.")


def linux_cameras(sysfs: Path = Path("/sys/class/video4linux"), dev: Path = Path("/dev")) -> list[Camera]:
    """Video4Linux nodes that capture; a webcam's second node, which only carries metadata, is left out."""
    if not sysfs.is_dir():
        return []
    lasting = {**_links(dev / "v4l" / "by-path"), **_links(dev / "v4l" / "by-id")}  # by-id is the better one and wins
    cameras = []
    for entry in sorted(sysfs.iterdir(), key=lambda p: (len(p.name), p.name)):
        node = dev / entry.name
        if not node.exists() or not _captures(node, entry):
            continue
        link = lasting.get(os.path.realpath(node))
        cameras.append(
            Camera(link or entry.name, _first_line(entry / "name") or entry.name, str(node), link is not None)
        )
    return _distinct(cameras)


def _links(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        return {}
    return {os.path.realpath(link): link.name for link in sorted(folder.iterdir())}


def _first_line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip().split("\n")[0].strip()
    except OSError:
        return ""


def _captures(node: Path, entry: Path) -> bool:
    """Whether the driver says so; where it cannot be asked, whether this is the first node of its device."""
    import fcntl

    try:
        handle = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return _first_line(entry / "index") in ("", "0")
    try:
        answer = fcntl.ioctl(handle, _VIDIOC_QUERYCAP, bytes(_CAPABILITY_BYTES))
    except OSError:
        return _first_line(entry / "index") in ("", "0")
    finally:
        os.close(handle)
    device, node_only = struct.unpack_from("=II", answer, 84)
    return bool((node_only if device & _CAP_DEVICE_CAPS else device) & _CAP_CAPTURE)


def _indexed_cameras(system: str) -> list[Camera]:
    """macOS and Windows: OpenCV opens by index; FFmpeg's device list has the names.

    DirectShow lists in the order in which OpenCV counts, so name and index belong together. AVFoundation's list and
    OpenCV's indices have different orders, so with more than one camera the name of an index cannot be known.
    """
    import av

    enumerate_devices = getattr(av, "enumerate_input_devices", None)  # missing in older releases of PyAV
    unknown = [Camera("0", "Camera 1", 0, lasting=False)]
    if enumerate_devices is None or system not in av.formats_available:
        return unknown
    try:
        devices = [d for d in enumerate_devices(system) if "video" in d.media_types]
    except (av.FFmpegError, ValueError, OSError):
        return unknown
    devices = [d for d in devices if not d.description.startswith("Capture screen")]
    if system == "avfoundation" and len(devices) > 1:
        return [Camera(str(i), f"Camera {i + 1}", i, lasting=False) for i in range(len(devices))]
    names = [d.description or d.name for d in devices]
    if system == "avfoundation":
        return [Camera(name, name, 0) for name in names]
    return _distinct([Camera(d.name, name, i) for i, (d, name) in enumerate(zip(devices, names, strict=True))])


def _distinct(cameras: list[Camera]) -> list[Camera]:
    """Cameras of one make share a name; they get a number, in the order of their ids."""
    count = Counter(camera.name for camera in cameras)
    result = []
    for camera in cameras:
        if count[camera.name] > 1:
            twins = sorted(c.id for c in cameras if c.name == camera.name)
            result.append(replace(camera, name=f"{camera.name} ({twins.index(camera.id) + 1})"))
        else:
            result.append(camera)
    return result
