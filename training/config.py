"""The configuration of a training run: a TOML file whose every key is known, checked before anything is trained.

    seed = 0
    backbone = "tcn"           # or "spotformer": large, for GPUs
    steps = 450
    drawn_tracks = 400         # drawn synthetic tracks beside the recordings
    drawn_people = "reserved"  # or "lively": larger and more varied, as of people who speak and laugh
    checkpoint_every = 100     # steps
    compiled = false           # true: faster on a CPU that has a C++ compiler (training.compiled)
    [parts]                    # what can be switched off, for ablations
    labels = "gim"             # "hard": 1 round each point; "point": Gaussian over time at the point; "gim": all stages
    relabel = true             # points moved to the apex that the motion shows, before training
    contrastive = true         # intensity-aware contrastive loss
    apex_branch = true         # false: its loss is off; it then says nothing, and decoding must go without it
    [optimiser] [batch] [stages] [loss] [gim.macro] [gim.micro] [tcn] [spotformer]

The defaults are what is best on laboratory recordings; the shipped model differs in a few (``training.ship``). Where
the file does not say how many members learn from recordings alone, half of them do. What a key means
stands where it is used: the fields of ``training.trainer.TrainSettings`` (optimiser, batch, stages),
``training.losses.LossWeights``, ``training.gim.ClassRule``, ``models.network.NetworkSettings`` and
``training.spotformer.SpotformerSettings``.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.baseline import BaselineSettings
from models.decode import DecodeSettings
from models.errors import UsageError
from models.model_file import metadata
from models.network import NetworkSettings
from training.backbones import Backbone, Shape, backbone_of
from training.gim import ClassRule, GimRules
from training.losses import LossWeights
from training.ship import DRAWN_TRACKS, NETWORK, SETTINGS
from training.spotformer import SpotformerSettings
from training.tracks import People
from training.trainer import TrainSettings

_D, _LOSS, _RULES, _TCN, _FORMER = SETTINGS, SETTINGS.loss, SETTINGS.rules, NETWORK, SpotformerSettings()

FINE_TUNING: dict[str, Any] = {
    "steps": 300,
    "optimiser": {"learning_rate": 5e-4},
    "stages": {"gaussian_from": 0.0, "adaptive_at": [0.0, 0.5]},
}
"""What differs where a run starts from a trained network: shorter, gentler, and it can say at once where apexes are."""


_MOST_WEIGHT = 1000.0
"""Of a part of the loss. Far above it the gradients of the other parts are lost in rounding, and then all numbers."""

_MOST_FRAMES = 3000
"""Of a rule for points: a minute and a half, far more than an expression has. What labels cost grows with them."""

_MOST_ANCHORS = 10_000
"""Each is held against every other, which above this takes more memory than a machine has."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Labels(StrEnum):
    """How far the pseudo-labels go: the first stage alone, the first two, all three (method.md 1.5)."""

    HARD = "hard"
    POINT = "point"
    GIM = "gim"


class Parts(_Section):
    labels: Labels = Labels.GIM
    relabel: bool = _D.move_points
    contrastive: bool = True
    apex_branch: bool = True


class Optimiser(_Section):
    learning_rate: float = Field(default=_D.learning_rate, gt=0, le=1)
    weight_decay: float = Field(default=_D.weight_decay, ge=0, le=1)


class Batch(_Section):
    recorded: int = Field(default=_D.recorded_crops, ge=1, le=4096)
    synthetic: int = Field(default=_D.synthetic_crops, ge=0, le=4096)
    synthetic_weight: float = Field(default=_D.synthetic_weight, ge=0, le=_MOST_WEIGHT)
    lab_members: int | None = Field(default=None, ge=0)
    frames: int = Field(default=_D.crop_frames, ge=64, le=4096)
    scale_low: float = Field(default=_D.scale_low, ge=0.01, le=100)
    scale_high: float = Field(default=_D.scale_high, ge=0.01, le=100)

    @model_validator(mode="after")
    def _ordered(self) -> Batch:
        if self.scale_low > self.scale_high:
            raise ValueError("scale_low must not exceed scale_high")
        return self


class Stages(_Section):
    gaussian_from: float = Field(default=_D.gaussian_from, ge=0, le=1)
    adaptive_at: tuple[float, ...] = Field(default=_D.adaptive_at, min_length=1)
    move_apexes: bool = _D.move_apexes

    @model_validator(mode="after")
    def _ordered(self) -> Stages:
        if list(self.adaptive_at) != sorted(self.adaptive_at) or not self.gaussian_from <= self.adaptive_at[0] < 1:
            raise ValueError("adaptive_at must be fractions of the run in ascending order, none before gaussian_from")
        return self


class Loss(_Section):
    intensity: float = Field(default=_LOSS.intensity, ge=0, le=_MOST_WEIGHT)
    neutral: float = Field(default=_LOSS.neutral, ge=0, le=_MOST_WEIGHT)
    smoothness: float = Field(default=_LOSS.smoothness, ge=0, le=_MOST_WEIGHT)
    reward: float = Field(default=_LOSS.reward, ge=0, le=_MOST_WEIGHT)
    norm: float = Field(default=_LOSS.norm, ge=0, le=_MOST_WEIGHT)
    apex: float = Field(default=_LOSS.apex, ge=0, le=_MOST_WEIGHT)
    contrastive: float = Field(default=_LOSS.contrastive, ge=0, le=_MOST_WEIGHT)
    micro: float = Field(default=_LOSS.micro, ge=0, le=_MOST_WEIGHT)
    focal_gamma: float = Field(default=_LOSS.focal_gamma, ge=0, le=100)
    neutral_mined: bool = _LOSS.neutral_mined
    contrastive_anchors: int = Field(default=_LOSS.contrastive_anchors, ge=2, le=_MOST_ANCHORS)


class _MacroRule(_Section):
    hard: int = Field(default=_RULES.macro.hard, ge=0, le=_MOST_FRAMES)
    window: int = Field(default=_RULES.macro.window, ge=4, le=_MOST_FRAMES)
    widest: int = Field(default=_RULES.macro.widest, ge=4, le=_MOST_FRAMES)
    positive: int = Field(default=_RULES.macro.positive, ge=0, le=_MOST_FRAMES)
    ignored: int = Field(default=_RULES.macro.ignored, ge=0, le=_MOST_FRAMES)


class _MicroRule(_Section):
    hard: int = Field(default=_RULES.micro.hard, ge=0, le=_MOST_FRAMES)
    window: int = Field(default=_RULES.micro.window, ge=4, le=_MOST_FRAMES)
    widest: int = Field(default=_RULES.micro.widest, ge=4, le=_MOST_FRAMES)
    positive: int = Field(default=_RULES.micro.positive, ge=0, le=_MOST_FRAMES)
    ignored: int = Field(default=_RULES.micro.ignored, ge=0, le=_MOST_FRAMES)


class Gim(_Section):
    macro: _MacroRule = _MacroRule()
    micro: _MicroRule = _MicroRule()


class Tcn(_Section):
    scales: tuple[int, ...] = Field(default=_TCN.scales, min_length=1)
    width: int = Field(default=_TCN.width, ge=1, le=1024)
    kernel: int = Field(default=_TCN.kernel, ge=1, le=31)
    dilations: tuple[int, ...] = _TCN.dilations
    input_dropout: float = Field(default=_TCN.input_dropout, ge=0, lt=1)
    dropout: float = Field(default=_TCN.dropout, ge=0, lt=1)
    smooth_frames: float = Field(default=_TCN.smooth_frames, ge=0, le=30)
    activity_frames: int = Field(default=_TCN.activity_frames, ge=1)
    relative: bool = _TCN.relative
    members: int = Field(default=_TCN.members, ge=1, le=64)

    @model_validator(mode="after")
    def _possible(self) -> Tcn:
        if self.kernel % 2 == 0:
            raise ValueError("kernel must be odd")
        if min(*self.scales, *self.dilations, 1) < 1:
            raise ValueError("scales and dilations must be at least 1")
        _check_reach(NetworkSettings(**self.model_dump()))
        return self


def _check_reach(shape: NetworkSettings) -> None:
    """Refuse a network that could be trained but not exported: a model file says how far it looks, and has a limit.

    Raises:
        ValueError: its scores depend on more frames than a model file allows.
    """
    reach = {"look_back_frames": shape.look_back_frames, "look_ahead_frames": shape.look_ahead_frames}
    try:
        metadata(
            **reach,
            decode=DecodeSettings(),
            baseline=BaselineSettings(),
            training_data="",
            licence="",
            version="",
            config_sha256="0" * 64,
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise ValueError(
            f"{name.removesuffix('_frames').replace('_', '-')} is {reach[name]} frames, more than the "
            f"{first['ctx']['le']} that a model file allows; choose smaller scales, dilations or activity_frames"
        ) from error


class Spotformer(_Section):
    width: int = Field(default=_FORMER.width, ge=4, le=1024)
    heads: int = Field(default=_FORMER.heads, ge=1)
    dropout: float = Field(default=_FORMER.dropout, ge=0, lt=1)
    head_dropout: float = Field(default=_FORMER.head_dropout, ge=0, lt=1)

    @model_validator(mode="after")
    def _possible(self) -> Spotformer:
        if self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        return self


class RunConfig(_Section):
    """A whole run; see the module."""

    seed: int = Field(default=_D.seed, ge=0, lt=2**32)
    backbone: Backbone = Backbone.TCN
    steps: int = Field(default=_D.steps, ge=2)
    drawn_tracks: int = Field(default=DRAWN_TRACKS, ge=0, le=100_000)
    drawn_people: People = People.RESERVED
    checkpoint_every: int = Field(default=100, ge=1)
    compiled: bool = _D.compiled
    parts: Parts = Parts()
    optimiser: Optimiser = Optimiser()
    batch: Batch = Batch()
    stages: Stages = Stages()
    loss: Loss = Loss()
    gim: Gim = Gim()
    tcn: Tcn = Tcn()
    spotformer: Spotformer = Spotformer()

    @property
    def shape(self) -> Shape:
        """Of the network."""
        if self.backbone is Backbone.SPOTFORMER:
            return SpotformerSettings(**self.spotformer.model_dump())
        return NetworkSettings(**self.tcn.model_dump())

    @property
    def members(self) -> int:
        """Of the network."""
        return 1 if self.backbone is Backbone.SPOTFORMER else self.tcn.members

    @property
    def lab_members(self) -> int:
        """Members that learn from recordings alone: half of them, unless the file says how many."""
        return self.members // 2 if self.batch.lab_members is None else self.batch.lab_members

    @model_validator(mode="after")
    def _enough_members(self) -> RunConfig:
        if self.lab_members > self.members:
            raise ValueError(f"[batch] lab_members is {self.lab_members}, but the network has {self.members} members")
        return self

    def settings(self) -> TrainSettings:
        """What the trainer is given. Stages that are switched off begin after the run's end."""
        off: dict[str, float] = {}
        if not self.parts.contrastive:
            off["contrastive"] = 0.0
        if not self.parts.apex_branch:
            off["apex"] = 0.0
        return TrainSettings(
            steps=self.steps,
            recorded_crops=self.batch.recorded,
            synthetic_crops=self.batch.synthetic,
            synthetic_weight=self.batch.synthetic_weight,
            lab_members=self.lab_members,
            crop_frames=self.batch.frames,
            learning_rate=self.optimiser.learning_rate,
            weight_decay=self.optimiser.weight_decay,
            scale_low=self.batch.scale_low,
            scale_high=self.batch.scale_high,
            gaussian_from=2.0 if self.parts.labels is Labels.HARD else self.stages.gaussian_from,
            adaptive_at=self.stages.adaptive_at if self.parts.labels is Labels.GIM else (),
            move_points=self.parts.relabel,
            move_apexes=self.stages.move_apexes,
            seed=self.seed,
            compiled=self.compiled,
            network=self.shape,
            loss=LossWeights(**(self.loss.model_dump() | off)),
            rules=GimRules(ClassRule(**self.gim.macro.model_dump()), ClassRule(**self.gim.micro.model_dump())),
        )

    def toml(self) -> str:
        """Every key with its value, as a file that :func:`load_config` reads back."""
        return _toml(self._resolved().model_dump(mode="json"))

    def _resolved(self) -> RunConfig:
        """The same with every value a number."""
        batch = self.batch.model_copy(update={"lab_members": self.lab_members})
        return self.model_copy(update={"batch": batch})


def load_config(path: Path | None, start: Shape | None = None) -> RunConfig:
    """The configuration of a file, or the defaults. start: shape of the trained network that the run starts from.

    Raises:
        UsageError: the file is missing or no TOML, a key is unknown or its value impossible, or the network that it
            asks for is not the one to start from.
    """
    given: dict[str, Any] = {}
    if path is not None:
        try:
            given = tomllib.loads(path.read_text("utf-8-sig"))
        except FileNotFoundError:
            raise UsageError(f"There is no file {path}.") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{path} cannot be read as TOML ({error}).") from error
    name = str(path or "The configuration")
    if start is None:
        return _checked(given, name)
    backbone = backbone_of(start).value
    shape = {"backbone": backbone, backbone: json.loads(json.dumps(asdict(start)))}
    config = _checked(_merged(FINE_TUNING | shape, given), name)
    if config.shape != start:
        raise UsageError(f"{name} asks for another network than the one to start from; leave out [{backbone}].")
    return config


def _checked(document: dict[str, Any], name: str) -> RunConfig:
    try:
        return RunConfig.model_validate(document)._resolved()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(_keys(first["loc"][:-1]))
            raise UsageError(f"{name} has a key {where}, which apexspot does not know; there are {known}.") from error
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{name}: {where or 'the file'} cannot be used: {reason}.") from error


def _keys(where: tuple[int | str, ...]) -> list[str]:
    """The keys of a section."""
    section: Any = RunConfig()
    for part in where:
        section = getattr(section, str(part))
    return list(type(section).model_fields)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _toml(document: dict[str, Any], prefix: str = "") -> str:
    """TOML of nested tables whose values are numbers, truth values, words and lists of these."""
    plain = {key: value for key, value in document.items() if not isinstance(value, dict)}
    # JSON writes these as TOML does
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    text = "".join(f"{line}\n" for line in lines)
    for key, value in document.items():
        if isinstance(value, dict):
            inner = _toml(value, f"{prefix}{key}.")
            bare = all(isinstance(v, dict) for v in value.values())
            text += inner if bare else f"\n[{prefix}{key}]\n{inner}"
    return text
