"""Checkpoints: numbers as safetensors, everything else as JSON in the header. No pickle.

Two kinds, both read by :func:`load`: the network alone, and a run in the middle (network, optimiser, random numbers,
pseudo-labels), from which :func:`load_run` lets it go on.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from models.assets import asset_path
from models.errors import ModelFileError, OutputError
from models.network import NetworkSettings
from training.backbones import Backbone, Network, Shape, backbone_of, build
from training.spotformer import SpotformerSettings
from training.trainer import RunState, TrainSettings

SHIPPED = "spotter.safetensors"
"""The shipped model's checkpoint, from which others may start."""

_NETWORK = "network."


def save(network: Network, settings: TrainSettings, path: Path) -> None:
    """Write the network and its training settings.

    Raises:
        OutputError: it cannot be written.
    """
    weights = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    _write(weights, _header(settings), path)


def save_run(state: RunState, settings: TrainSettings, path: Path) -> None:
    """Write a run in the middle.

    Raises:
        OutputError: it cannot be written.
    """
    _write(state.tensors, _header(settings) | {"run": json.dumps({"step": state.step, **state.values})}, path)


def load(path: Path) -> tuple[Network, str]:
    """Read a checkpoint of either kind: the network in evaluation mode and the SHA-256 of its training settings.

    Raises:
        ModelFileError: missing, damaged, not a checkpoint of apexspot, or of a training that went wrong.
    """
    header, tensors = _read(path)
    try:
        if "run" in header:
            tensors = {k.removeprefix(_NETWORK): v for k, v in tensors.items() if k.startswith(_NETWORK)}
        network = build(_shape(header))
        network.load_state_dict(tensors)
        settings = header["settings"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _refusal(path, error) from error
    if not all(bool(torch.isfinite(value).all()) for value in network.state_dict().values()):
        raise ModelFileError(
            f"{path} holds weights that are not finite numbers; name another checkpoint, or train anew."
        )
    return network.eval(), hashlib.sha256(settings.encode()).hexdigest()


def load_run(path: Path) -> RunState:
    """Read a run in the middle.

    Raises:
        ModelFileError: missing, damaged, or not one.
    """
    header, tensors = _read(path)
    try:
        values: dict[str, Any] = json.loads(header["run"])
        return RunState(int(values.pop("step")), tensors, values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refusal(path, error) from error


def shipped() -> Path:
    """The checkpoint that belongs to the shipped model.

    Raises:
        AssetError: it is missing.
    """
    return asset_path(SHIPPED)


def parameter_count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _header(settings: TrainSettings) -> dict[str, str]:
    return {
        "backbone": backbone_of(settings.network).value,
        "network": json.dumps(settings.network.as_dict()),
        "settings": json.dumps(asdict(settings), sort_keys=True),
    }


def _shape(header: dict[str, str]) -> Shape:
    # the first checkpoints had but one backbone
    if Backbone(header.get("backbone", Backbone.TCN)) is Backbone.SPOTFORMER:
        return TypeAdapter(SpotformerSettings).validate_json(header["network"])
    return TypeAdapter(NetworkSettings).validate_json(header["network"])


def _write(tensors: dict[str, Tensor], header: dict[str, str], path: Path) -> None:
    """The file appears complete or not at all."""
    partial = path.with_name(path.name + ".writing")
    try:
        save_file(tensors, partial, header)
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{path} cannot be written ({error}).") from error
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.exists():
        raise ModelFileError(
            f"There is no file {path}; name the model.safetensors of a run or one of the files in its checkpoints."
        )
    if path.is_dir():
        raise ModelFileError(
            f"{path} is not a checkpoint of apexspot but a folder; name the file in it, such as model.safetensors."
        )
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            return file.metadata() or {}, tensors
    except (OSError, SafetensorError, ValueError, RuntimeError) as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: Exception) -> ModelFileError:
    reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".: ")
    return ModelFileError(f"{path} is not a checkpoint of apexspot, or it is damaged ({reason}).")
