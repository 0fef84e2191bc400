"""Checkpoints: weights as safetensors, everything else as JSON in its header. No pickle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from models.errors import ModelFileError
from models.network import NetworkSettings, SpotterNetwork
from training.trainer import TrainSettings


def save(network: SpotterNetwork, settings: TrainSettings, path: Path) -> None:
    """Write the network and its training settings."""
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(
        weights,
        path,
        {"network": json.dumps(network.settings.as_dict()), "settings": json.dumps(asdict(settings), sort_keys=True)},
    )


def load(path: Path) -> tuple[SpotterNetwork, str]:
    """Read a checkpoint: the network in evaluation mode and the SHA-256 of its training settings.

    Raises:
        ModelFileError: missing, damaged, or not a checkpoint of apexspot.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        network = SpotterNetwork(TypeAdapter(NetworkSettings).validate_json(header["network"]))
        network.load_state_dict(weights)
        settings = header["settings"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".: ")
        raise ModelFileError(f"{path} is not a checkpoint of apexspot, or it is damaged ({reason}).") from error
    return network.eval(), hashlib.sha256(settings.encode()).hexdigest()


def parameter_count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
