"""``session.json``: what a session folder says of itself. Read with every field checked, written whole."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.disk import sync_folder
from app.tables import whole_file
from app.versions import versions
from models.assets import FACE_LANDMARKER_SHA256
from models.decode import LEAST_MOTION_IOD, DecodeSettings
from models.digest import perception_digest, scoring_digest
from models.errors import DataError
from models.spotter import Spotter
from models.types import GRID_HZ

SCHEMA_VERSION = 1

INFO_FILE = "session.json"
VIDEO_FILE = "video.mp4"
FRAMES_FILE = "frames.csv"
FEATURES_FILE = "features.npy"
INTERVALS_FILE = "intervals.csv"
POINTS_FILE = "points.csv"
EXCLUSIONS_FILE = "exclusions.csv"
EVENTS_FILE = "events.csv"
EDITS_FILE = "edits.jsonl"
SCORES_FILE = "scores.npy"
SESSION_FILES = frozenset(
    {
        INFO_FILE,
        VIDEO_FILE,
        FRAMES_FILE,
        FEATURES_FILE,
        SCORES_FILE,
        INTERVALS_FILE,
        POINTS_FILE,
        EXCLUSIONS_FILE,
        EVENTS_FILE,
        EDITS_FILE,
    }
)
"""All that a session's folder may hold, but for what coders and other programs put there."""
POINT_COLUMNS = ("id", "time_s", "frame", "type", "source")
EXCLUSION_COLUMNS = ("id", "start_s", "end_s", "start_frame", "end_frame", "reason")

WRITING_SUFFIX = ".writing"
"""Added to the video's name while it is being written."""

_SIZE_CAP_BYTES = 4 * 1024 * 1024


class SessionState(StrEnum):
    """recording: not ended yet, or broken off. complete: ended as it should. recovered: put in order after a break."""

    RECORDING = "recording"
    COMPLETE = "complete"
    RECOVERED = "recovered"


class Status(StrEnum):
    """What a person said of an interval. found: nothing yet. replaced: a person made another one of it."""

    FOUND = "found"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REPLACED = "replaced"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SourceInfo(_Part):
    """kind: demo, file, stream or camera. name: what the user calls it, without a password.

    The others are of a video file that was analysed for review and stays where it is: path, SHA-256 of its content,
    size, and time of its last change (ns).
    """

    kind: str
    name: str
    path: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    modified_ns: int | None = None

    @field_validator("name", "path")
    @classmethod
    def _writable(cls, text: str | None) -> str | None:
        """A file's name need not be text (Linux); JSON's strings are."""
        return None if text is None else text.encode("utf-8", "replace").decode("utf-8")


class Clock(_Part):
    """The recording's first frame on the source's clock (s) and on the world's. ``None`` before it came.

    A picture's PTS in the video is its ``time_s`` less ``first_frame_s``, in microseconds.
    """

    first_frame_s: float | None = None
    first_frame_utc: datetime | None = None


class ModelInfo(_Part):
    """What scored. Replaying with the same ``sha256`` gives the same scores.

    decode: how they became intervals. perception, scoring: digests of the code that was at work (``models.digest``).
    """

    file: str
    version: str
    sha256: str
    face_landmarker_sha256: str
    provider: str
    look_ahead_s: float
    decode: DecodeSettings | None = None
    perception: str = ""
    scoring: str = ""


class Thresholds(_Part):
    """Decoding thresholds of the model, 0 to 1.

    movement: the smallest that is reported, in inter-ocular distances; in_speech: the same where the face is talking.
    """

    island: float
    macro: float
    micro: float
    movement: float = LEAST_MOTION_IOD
    in_speech: float = 0.0


class Counts(_Part):
    """offered: frames that the source gave. analysed: of these, with features. dropped: the others, lost before that.

    video_written, video_dropped: pictures in the video, and those that a slow disk or encoder kept out of it.
    """

    offered: int = Field(default=0, ge=0)
    analysed: int = Field(default=0, ge=0)
    dropped: int = Field(default=0, ge=0)
    video_written: int = Field(default=0, ge=0)
    video_dropped: int = Field(default=0, ge=0)
    intervals: int = Field(default=0, ge=0)


class SessionInfo(_Part):
    """All of ``session.json``. remarks: what a reader of the data should know, a sentence each."""

    format: Literal["apexspot.session"] = "apexspot.session"
    schema_version: int = Field(default=SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION)
    state: SessionState = SessionState.RECORDING
    participant: str = ""
    consent: str = ""
    scores_only: bool = False
    source: SourceInfo
    created_utc: datetime
    ended_utc: datetime | None = None
    clock: Clock = Clock()
    model: ModelInfo
    thresholds: Thresholds
    grid_hz: float = GRID_HZ
    counts: Counts = Counts()
    remarks: tuple[str, ...] = ()
    versions: dict[str, str] = Field(default_factory=versions)


def model_info(spotter: Spotter) -> ModelInfo:
    """What ``session.json`` says of the model."""
    return ModelInfo(
        file=spotter.path.name,
        version=spotter.spec.version,
        sha256=spotter.spec.sha256,
        face_landmarker_sha256=FACE_LANDMARKER_SHA256,
        provider=spotter.provider,
        look_ahead_s=round(spotter.spec.look_ahead_s, 4),
        decode=spotter.spec.decode,
        perception=perception_digest(),
        scoring=scoring_digest(),
    )


def thresholds(spotter: Spotter) -> Thresholds:
    """What ``session.json`` says of the decoding."""
    decode = spotter.spec.decode
    return Thresholds(
        island=decode.island,
        macro=decode.macro.threshold,
        micro=decode.micro.threshold,
        movement=decode.least_motion_iod,
        in_speech=decode.least_motion_in_speech_iod,
    )


def write_info(folder: Path, info: SessionInfo) -> None:
    """Write ``session.json``, and wait until it is on the disk: a power cut leaves the old one or the new one.

    Raises:
        OutputError: it cannot be written; what was there before stays.
    """
    with whole_file(folder / INFO_FILE) as file:
        file.write(info.model_dump_json(indent=2) + "\n")
    with suppress(OSError):  # it stands there under its name; the name alone may not be on the disk yet
        sync_folder(folder)


def read_info(folder: Path) -> SessionInfo:
    """Read ``session.json``.

    Raises:
        DataError: the folder has none, it is damaged, or a newer program wrote it.
    """
    path = folder / INFO_FILE
    try:
        with path.open("rb") as file:
            data = file.read(_SIZE_CAP_BYTES + 1)
    except FileNotFoundError:
        raise DataError(f"{folder} is no session: it has no {INFO_FILE}.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    if len(data) > _SIZE_CAP_BYTES:
        raise DataError(f"{path} is far too large for a session's description.")
    try:
        return SessionInfo.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        if where == "schema_version":
            raise DataError(f"{path} was written by a newer apexspot; please install that version.") from error
        raise DataError(f"{path} is damaged: {where}: {first['msg']}.") from error
