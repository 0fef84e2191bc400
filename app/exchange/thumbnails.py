"""Small pictures of apexes for the report, as ``data:`` addresses."""

from __future__ import annotations

import base64
import logging

import cv2
import numpy as np

from app.exchange.recording import Recording
from app.review.pictures import Pictures
from models.errors import ApexspotError
from models.types import Image

log = logging.getLogger(__name__)

_MOST = 200
"""Pictures in a report, some 10 kB each; the surest intervals get them."""

_WIDTH_PX = 288
_QUALITY = 82


def apex_pictures(recording: Recording) -> dict[int, str]:
    """The picture at each apex by the interval's number; none where there is no video or it does not open.

    A picture that was dropped while recording is left out.
    """
    frames = recording.frames
    if recording.video is None or frames is None:
        return {}
    surest = sorted(recording.kept, key=lambda stored: -np.nan_to_num(stored.interval.score, nan=2.0))[:_MOST]
    rows = {stored.id: int(np.argmin(np.abs(frames.time_s - stored.interval.apex_s))) for stored in surest}
    found: dict[int, str] = {}
    try:
        pictures = Pictures.open(recording.video, recording.first_s, frames)
        try:
            for number, row in sorted(rows.items(), key=lambda one: one[1]):
                picture = pictures.picture(row)
                if picture is not None:
                    found[number] = _address(picture)
        finally:
            pictures.close()
    except ApexspotError as error:  # a report without pictures is better than none
        log.warning("no pictures in the report: %s", error)
    return found


def _address(picture: Image) -> str:
    height, width = picture.shape[:2]
    scale = min(1.0, _WIDTH_PX / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("a picture could not be compressed")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
