"""What the names of video files end in."""

from __future__ import annotations

VIDEO_ENDINGS = frozenset(
    {".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf"}
    | {".ogv", ".vob", ".webm", ".wmv"}
)
"""Files with these endings, in small letters or capitals, are taken from a folder; one that is named may have any."""
