"""What a person can choose to watch, and how it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from models.assets import DEMO_CLIP, asset_path
from models.types import FrameSource


@dataclass(frozen=True, slots=True)
class DemoChoice:
    """The clip that ships with apexspot."""

    @property
    def label(self) -> str:
        return "Demo"


@dataclass(frozen=True, slots=True)
class FileChoice:
    """A video file."""

    path: Path

    @property
    def label(self) -> str:
        return self.path.name


@dataclass(frozen=True, slots=True)
class StreamChoice:
    """A network stream (rtsp:// or http://)."""

    url: str

    @property
    def label(self) -> str:
        from app.sources.stream import without_password

        return without_password(self.url)


@dataclass(frozen=True, slots=True)
class CameraChoice:
    """A camera; ``id`` is the lasting one of ``app.sources.devices.Camera``, ``name`` what the user calls it."""

    id: str
    name: str

    @property
    def label(self) -> str:
        return self.name


SourceChoice: TypeAlias = DemoChoice | FileChoice | StreamChoice | CameraChoice


def open_source(choice: SourceChoice, paced: bool) -> FrameSource:
    """Open what was chosen; the caller closes it.

    paced: a file plays at its own pace, as if it happened now; otherwise as fast as frames are taken. Cameras and
        streams have their own pace anyway.

    Raises:
        UsageError: a missing file, or an address that is none.
        VideoError: the file is no readable video.
        SourceError: the camera or stream cannot be opened.
    """
    # imported here: OpenCV and FFmpeg take their time, and a choice alone needs neither
    if isinstance(choice, CameraChoice):
        from app.sources.devices import find_camera
        from app.sources.webcam import Webcam

        return Webcam(find_camera(choice.id, choice.name))
    if isinstance(choice, StreamChoice):
        from app.sources.stream import NetworkStream

        return NetworkStream(choice.url)
    from app.sources.paced import PacedSource
    from models.video import VideoFile

    file = VideoFile(asset_path(DEMO_CLIP) if isinstance(choice, DemoChoice) else choice.path)
    return PacedSource(file) if paced else file
