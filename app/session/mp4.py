"""The structure of an MP4 file that was broken off while it was written."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path
from typing import Any

import av

from app.disk import sync_file, sync_folder

_KNOWN = frozenset({b"ftyp", b"styp", b"free", b"skip", b"moov", b"moof", b"mdat", b"mfra", b"sidx", b"uuid"})

_SPARE_BYTES = 1024**3
"""Room that rewriting a video leaves on the disk."""


def whole_length(path: Path) -> int:
    """Bytes up to the end of the last whole fragment (ISO/IEC 14496-12: a ``moof`` box with its ``mdat`` behind it)."""
    size = path.stat().st_size
    position = whole = 0
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            length, kind = struct.unpack(">I4s", file.read(8))
            if length == 1:
                wide = file.read(8)
                length = struct.unpack(">Q", wide)[0] if len(wide) == 8 else 0
            if kind not in _KNOWN or length < 8 or position + length > size:
                break
            position += length
            if kind != b"moof":
                whole = position
    return whole


def close_video(writing: Path, final: Path) -> int:
    """Give a video that was broken off its final name: whole fragments are kept, a torn last one is cut off.

    Where there is room it is rewritten as an ordinary MP4 (the same packets), which opens faster; where there is none
    the fragments stay, which every player reads too.

    Returns:
        The pictures in it; 0 where none had been written yet, and then no file is left.

    Raises:
        OSError: it cannot be renamed or cut.
    """
    length = whole_length(writing)
    with writing.open("r+b") as file:
        file.truncate(length)
        os.fsync(file.fileno())
    pictures = count_pictures(writing)
    if pictures == 0:
        writing.unlink()
        return 0
    rewritten = final.with_name(final.name + ".recovering")
    try:
        if shutil.disk_usage(final.parent).free > length + _SPARE_BYTES and _rewrite(writing, rewritten) == pictures:
            sync_file(rewritten)  # before the only other copy goes
            rewritten.replace(final)
            sync_folder(final.parent)
            writing.unlink()
            return pictures
    except (OSError, av.FFmpegError, ValueError):
        pass  # the fragments stay as they are
    rewritten.unlink(missing_ok=True)
    writing.replace(final)
    sync_folder(final.parent)
    return pictures


def count_pictures(path: Path) -> int:
    """Video packets in a file, 0 where it cannot be read."""
    try:
        with av.open(f"file:{path}") as container:
            return sum(1 for packet in container.demux(video=0) if packet.size)
    except (av.FFmpegError, OSError, ValueError, IndexError):
        return 0


def _rewrite(source: Path, target: Path) -> int:
    # movie_timescale: an edit list in milliseconds would move or cut pictures
    options = {"movie_timescale": "1000000"}
    pictures = 0
    with av.open(f"file:{source}") as old, av.open(f"file:{target}", "w", format="mp4", options=options) as new:
        stream: Any = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
                pictures += 1
    return pictures
