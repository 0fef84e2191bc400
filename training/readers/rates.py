"""Frame rates of video files, from their time stamps where what they state cannot be relied on."""

from __future__ import annotations

import av
import numpy as np

from models.video import VideoFile, open_container

_DOUBTED_FROM_HZ = 90.0
"""From this rate on the time stamps are looked at: some files state the rate of their clock."""

_MOST_OFF = 1.5
"""A stated rate above so many times the one of the time stamps is not that of the pictures."""

_PACKETS = 500
"""So many at the start of a file show its rate."""


def frame_rate_hz(video: VideoFile) -> float | None:
    """Pictures a second as the file states them, or as its time stamps show; ``None`` where neither does.

    Browsers record WebM files that state no rate, or the 1000 ticks a second of their clock.
    """
    stated = video.nominal_fps
    if stated is not None and stated < _DOUBTED_FROM_HZ:
        return stated
    shown = _shown_hz(video)
    if shown is None or (stated is not None and stated <= _MOST_OFF * shown):
        return stated
    return shown


def _shown_hz(video: VideoFile) -> float | None:
    """From the usual step between time stamps, which pauses and lost pictures do not change; nothing is decoded."""
    stamps: list[float] = []
    container, stream = open_container(video.path)
    try:
        for packet in container.demux(stream):
            # old AVI files have but the times at which their pictures are to be decoded
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is not None:
                stamps.append(float(stamp * packet.time_base))
            if len(stamps) == _PACKETS:
                break
    except (av.FFmpegError, ValueError):
        pass  # what was readable until there shows it as well
    finally:
        container.close()
    steps_s = np.diff(np.unique(stamps))
    if not len(steps_s):
        return None
    usual_s = float(np.median(steps_s))
    return 1.0 / float(steps_s[np.abs(steps_s - usual_s) <= 0.5 * usual_s].mean())
