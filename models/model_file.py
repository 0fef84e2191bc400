"""The model file's contract: one self-contained ONNX file that carries its own specification.

The file is read as bytes under a size cap, and its metadata, inputs and outputs are checked before it is used. A file
that needs other files or unknown operators is refused: nothing in it is executed but standard ONNX operators.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import onnxruntime as ort
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.baseline import BaselineSettings
from models.decode import LEAST_MOTION_IOD, LEAST_MOTION_TURNING_IOD_RAD, ClassDecode, DecodeSettings
from models.errors import ModelFileError
from models.types import GRID_HZ, REGION_COUNT

FORMAT = "apexspot.spotter/1"
FEATURE_LAYOUT = "region12-displacement-iod/1"
SIZE_CAP_BYTES = 200 * 1024 * 1024
INPUT_NAME = "features"
FIRST_NAME = "first"
"""Optional number: the first frame whose scores are wanted. A file that takes it scores a window's end in less time."""
OUTPUT_NAMES = ("intensity", "apex")
PREFIX = "apexspot."


class _ClassSpec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(ge=0, le=1)
    before: int = Field(ge=1, le=300)
    after: int = Field(ge=1, le=300)
    elasticity: float = Field(ge=0, le=1)
    narrowest: float = Field(gt=0, le=1)
    widest: float = Field(ge=1, le=10)
    held: float = Field(ge=1)
    longest: int = Field(ge=1, le=3000)
    smooth_frames: int = Field(ge=0, le=30)
    head_share: float = Field(gt=0)


class _DecodeSpec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    macro: _ClassSpec
    micro: _ClassSpec
    island: float = Field(ge=0, le=1)
    fractions: tuple[float, ...] = Field(min_length=1, max_length=20)
    valley: float = Field(gt=0)
    nms_iou: float = Field(gt=0, le=1)
    one_type: bool
    least_motion_iod: float = Field(default=LEAST_MOTION_IOD, ge=0, le=1)
    least_motion_in_speech_iod: float = Field(default=0.0, ge=0, le=1)
    least_motion_turning_iod_rad: float = Field(default=LEAST_MOTION_TURNING_IOD_RAD, ge=0, le=10)
    least_departure_in_speech: float = Field(default=0.0, ge=0, le=10)
    narrow_in_speech_iod: float = Field(default=0.0, ge=0, le=10)


class _BaselineSpec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rate_iod_s: float = Field(gt=0)
    knee_iod: float = Field(gt=0)
    warm_up_s: float = Field(gt=0)
    warm_up_gain: float = Field(ge=1)


class _FileSpec(BaseModel):
    """The metadata as it stands in the file (JSON in the values)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: str
    feature_layout: str
    grid_hz: float
    classes: tuple[str, ...]
    look_back_frames: int = Field(ge=0, le=100_000)
    look_ahead_frames: int = Field(ge=0, le=3_000)
    decode: _DecodeSpec
    baseline: _BaselineSpec
    training_data: str
    licence: str
    version: str
    config_sha256: str = Field(pattern="^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a model file says of itself.

    look_back_frames, look_ahead_frames: grid frames of past and future that a score depends on (receptive field).
    sha256: of the file.
    """

    look_back_frames: int
    look_ahead_frames: int
    decode: DecodeSettings
    baseline: BaselineSettings
    training_data: str
    licence: str
    version: str
    config_sha256: str
    sha256: str

    @property
    def look_ahead_s(self) -> float:
        return self.look_ahead_frames / GRID_HZ


def metadata(
    *,
    look_back_frames: int,
    look_ahead_frames: int,
    decode: DecodeSettings,
    baseline: BaselineSettings,
    training_data: str,
    licence: str,
    version: str,
    config_sha256: str,
) -> dict[str, str]:
    """The metadata properties that ``training.export`` writes into a model file."""
    spec = _FileSpec(
        format=FORMAT,
        feature_layout=FEATURE_LAYOUT,
        grid_hz=GRID_HZ,
        classes=("macro", "micro"),
        look_back_frames=look_back_frames,
        look_ahead_frames=look_ahead_frames,
        decode=_DecodeSpec(**asdict(decode)),
        baseline=_BaselineSpec(**asdict(baseline)),
        training_data=training_data,
        licence=licence,
        version=version,
        config_sha256=config_sha256,
    )
    return {PREFIX + name: json.dumps(value) for name, value in spec.model_dump(mode="json").items()}


def read_model_bytes(path: Path) -> bytes:
    """Contents of a model file.

    Raises:
        ModelFileError: missing, unreadable, empty, a folder, or larger than ``SIZE_CAP_BYTES``.
    """
    try:
        if path.is_dir():
            raise ModelFileError(f"{path} is a folder; name an ONNX file that apexspot exported.")
        size = path.stat().st_size
        if size > SIZE_CAP_BYTES:
            raise ModelFileError(f"{path} is too large to be an apexspot model ({size / 1e6:.0f} MB).")
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"The model file {path} cannot be read ({error.strerror}).") from error


def open_session(path: Path, data: bytes, providers: list[object]) -> tuple[ort.InferenceSession, ModelSpec]:
    """Load the bytes of a model file and check them against the contract.

    Raises:
        ModelFileError: not an ONNX file, not apexspot's, of another version, or with other inputs and outputs.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # a file that names others beside it must not make us read them
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", "")
    try:
        session = ort.InferenceSession(data, options, providers=providers)
    except Exception as error:  # ONNX Runtime raises several unrelated types
        raise ModelFileError(
            f"{path} is not a model that can be used: it is no ONNX file, it is damaged, or it needs other files or "
            "operators. Please use a file that apexspot exported."
        ) from error
    spec = read_spec(path, session.get_modelmeta().custom_metadata_map, hashlib.sha256(data).hexdigest())
    inputs, outputs = session.get_inputs(), session.get_outputs()
    optional = session.get_overridable_initializers()
    shapes_fit = (
        [i.name for i in inputs] == [INPUT_NAME]
        and inputs[0].type == "tensor(float)"
        and list(inputs[0].shape[2:]) == [REGION_COUNT, 2]
        and tuple(o.name for o in outputs) == OUTPUT_NAMES
        and [(i.name, i.type, i.shape) for i in optional] in ([], [(FIRST_NAME, "tensor(int64)", [])])
    )
    if not shapes_fit:
        raise ModelFileError(f"{path} has other inputs or outputs than an apexspot model; export it again.")
    return session, spec


def read_spec(path: Path, properties: Mapping[str, str], sha256: str) -> ModelSpec:
    """Validate a file's metadata.

    Raises:
        ModelFileError: the metadata is missing, broken, or of another version.
    """
    mine = {name.removeprefix(PREFIX): value for name, value in properties.items() if name.startswith(PREFIX)}
    if not mine:
        raise ModelFileError(
            f"{path} is an ONNX file, but not one that apexspot exported (it has no apexspot metadata)."
        )
    try:
        spec = _FileSpec.model_validate({name: json.loads(value) for name, value in mine.items()})
    except (ValidationError, ValueError) as error:
        raise ModelFileError(f"The metadata of {path} is damaged or incomplete; export the model again.") from error
    for name, found, wanted in (
        ("format", spec.format, FORMAT),
        ("feature layout", spec.feature_layout, FEATURE_LAYOUT),
        ("grid rate", spec.grid_hz, GRID_HZ),
        ("classes", spec.classes, ("macro", "micro")),
    ):
        if found != wanted:
            raise ModelFileError(
                f"{path} was made for another version of apexspot: its {name} is {found}, this one needs {wanted}."
            )
    return ModelSpec(
        look_back_frames=spec.look_back_frames,
        look_ahead_frames=spec.look_ahead_frames,
        decode=DecodeSettings(
            macro=ClassDecode(**spec.decode.macro.model_dump()),
            micro=ClassDecode(**spec.decode.micro.model_dump()),
            **spec.decode.model_dump(exclude={"macro", "micro"}),
        ),
        baseline=BaselineSettings(**spec.baseline.model_dump()),
        training_data=spec.training_data,
        licence=spec.licence,
        version=spec.version,
        config_sha256=spec.config_sha256,
        sha256=sha256,
    )
