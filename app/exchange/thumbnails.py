"""Small pictures of the face at each apex for the report, as ``data:`` addresses."""

from __future__ import annotations

import base64
import logging
from contextlib import closing

import cv2
import numpy as np

from app.exchange.recording import Recording
from app.review.pictures import Pictures
from models.errors import ApexspotError
from models.face import FaceTracker
from models.types import FaceTrack, Image

log = logging.getLogger(__name__)

_MOST = 200
"""Pictures in a report, some 10 kB each; the surest intervals get them."""

_SIDE_PX = 224
_QUALITY = 84

_FACE_SHARE = 0.72
"""Share of a picture's side that the face takes, from brow to chin or from ear to ear."""


def apex_pictures(recording: Recording) -> tuple[dict[int, str], str]:
    """The picture at each apex by the interval's number, and a sentence where the video gave none, else an empty text.

    Without a video, or a table of frames, there are none to be had. A picture that was dropped while recording is left
    out; one without a face is shown as it is.
    """
    frames = recording.frames
    if recording.video is None or frames is None:
        return {}, ""
    surest = sorted(recording.kept, key=lambda stored: -np.nan_to_num(stored.interval.score, nan=2.0))[:_MOST]
    rows = {stored.id: int(np.argmin(np.abs(frames.time_s - stored.interval.apex_s))) for stored in surest}
    found: dict[int, str] = {}
    try:
        with FaceTracker() as faces, closing(Pictures.open(recording.video, recording.first_s, frames)) as pictures:
            for number, row in sorted(rows.items(), key=lambda one: one[1]):
                picture = pictures.picture(row)
                if picture is not None:
                    found[number] = _address(_cut(picture, faces.track(picture, float(frames.time_s[row]))))
    except ApexspotError as error:  # a report without pictures is better than none
        log.warning("no pictures in the report: %s", error)
        return found, f"The report of {recording.source} shows no faces: {error}"
    return found, ""


def _cut(picture: Image, face: FaceTrack | None) -> Image:
    """The square around the face, as far as the picture reaches."""
    if face is None:
        return picture
    points = face.landmarks_px[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).max()) / _FACE_SHARE
    left, top = (int(v) for v in np.maximum((low + high) / 2 - side / 2, 0.0))
    cut = picture[top : top + round(side), left : left + round(side)]
    return cut if cut.size else picture


def _address(picture: Image) -> str:
    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE_PX / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("a picture could not be compressed")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
