"""What the program remembers from one start to the next, in one small JSON file. Knows no Qt.

A file that is missing, damaged or from another version never stops the program: what cannot be read counts as not set.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.tables import whole_file
from models.assets import LAB_NETWORK, USUAL_NETWORK
from models.errors import OutputError

log = logging.getLogger(__name__)

_SIZE_CAP_BYTES = 1024 * 1024

MOST_MOVEMENT_IOD = 0.25
"""The largest "smallest movement" that the window offers; a wide open mouth moves that far."""


class SmallestMovement(NamedTuple):
    """The smallest movement that a person chose, anywhere and while the face is talking; ``None``: the model's own."""

    iod: float | None = None
    in_speech_iod: float | None = None


def settings_path() -> Path:
    """The user's settings file."""
    return Path(platformdirs.user_config_dir("apexspot", appauthor=False)) / "settings.json"


def _recordings_folder() -> Path:
    # not the documents folder: many systems copy that one to a cloud
    return Path(platformdirs.user_videos_dir()) / "apexspot"


class Settings(BaseModel):
    """recordings: the folder that recordings went to last. consent: the wording last used. scores_only: as last chosen.

    opened: the folder that a recording was opened from last. smallest_movement_iod, smallest_in_speech_iod: of what
    live sessions report; the model's own where there is none. lab: whether the network for laboratory recordings
    scores. own_network: a model file of the user's, which scores in the place of both. A participant's code is never
    remembered.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    recordings: Path = Field(default_factory=_recordings_folder)
    consent: str = ""
    scores_only: bool = False
    opened: Path | None = None
    smallest_movement_iod: float | None = Field(default=None, ge=0.0, le=1.0)
    smallest_in_speech_iod: float | None = Field(default=None, ge=0.0, le=1.0)
    lab: bool = False
    own_network: Path | None = None

    @property
    def smallest(self) -> SmallestMovement:
        return SmallestMovement(self.smallest_movement_iod, self.smallest_in_speech_iod)

    @property
    def network(self) -> Path:
        return self.own_network or (LAB_NETWORK if self.lab else USUAL_NETWORK)


class SettingsFile:
    """Reads the settings once and writes them whole after each change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._values = _read(path)

    @property
    def values(self) -> Settings:
        """The settings now."""
        return self._values

    def change(self, **changes: object) -> None:
        """Set some of the settings and save them all; where they cannot be saved they hold until the program ends."""
        self._values = Settings.model_validate(self._values.model_dump() | changes)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self.path) as file:
                file.write(self._values.model_dump_json(indent=2) + "\n")
        except (OSError, OutputError) as error:
            log.warning("the settings cannot be saved: %s", error)


def _read(path: Path) -> Settings:
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_SIZE_CAP_BYTES))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        log.warning("the settings %s cannot be read: %s", path, error)
        return Settings()
    if not isinstance(data, dict):
        log.warning("the settings %s are damaged", path)
        return Settings()
    return _valid(data)


def _valid(data: dict[str, Any]) -> Settings:
    """What of the data is sound."""
    while True:
        try:
            return Settings.model_validate(data)
        except ValidationError as error:
            bad = {part["loc"][0] for part in error.errors()}
            log.warning("settings that make no sense are left out: %s", ", ".join(sorted(map(str, bad))))
            data = {name: value for name, value in data.items() if name not in bad}
