"""Where pictures come from: the demo, a file, a network stream, a camera."""

from __future__ import annotations

from app.sources.choice import CameraChoice, DemoChoice, FileChoice, SourceChoice, StreamChoice, open_source

__all__ = ["CameraChoice", "DemoChoice", "FileChoice", "SourceChoice", "StreamChoice", "open_source"]
