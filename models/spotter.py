"""Scoring with ONNX Runtime: on the GPU where there is one, else on the CPU, and it says which."""

from __future__ import annotations

import contextlib
import logging
from copy import copy
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np
import onnxruntime as ort

from models.assets import NETWORKS, USUAL_NETWORK, asset_path
from models.digest import content_sha256
from models.errors import UsageError
from models.model_file import FIRST_NAME, INPUT_NAME, OUTPUT_NAMES, ModelSpec, open_session, read_model_bytes
from models.types import FloatArray

log = logging.getLogger(__name__)

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class Spotter:
    """A loaded model. Safe to share between threads that score one after another.

    path: a model file, or the name of a network that ships (``models.assets.NETWORKS``); without it the usual one.

    Raises:
        ModelFileError: the file breaks the contract. AssetError: the shipped model is missing.
    """

    def __init__(self, path: str | PathLike[str] | None = None, *, use_gpu: bool = True) -> None:
        self.path = _file(USUAL_NETWORK if path is None else Path(path))
        data = read_model_bytes(self.path)
        self._session, self.spec = open_session(self.path, data, _providers(use_gpu))
        self._takes_first = bool(self._session.get_overridable_initializers())

    spec: ModelSpec

    def with_least_motion(self, size_iod: float | None = None, in_speech_iod: float | None = None) -> Spotter:
        """The same model with another smallest movement, anywhere and in speech (see ``DecodeSettings``).

        For ``None`` it is the file's own.

        Raises:
            UsageError: a size does not lie between 0 and 1.
        """
        decode = self.spec.decode
        if size_iod is not None:
            decode = replace(decode, least_motion_iod=size_iod)
        if in_speech_iod is not None:
            decode = replace(decode, least_motion_in_speech_iod=in_speech_iod)
        if not all(0.0 <= size <= 1.0 for size in (decode.least_motion_iod, decode.least_motion_in_speech_iod)):
            raise UsageError("The smallest movement lies between 0 and 1, where 1 is the distance between the eyes.")
        other = copy(self)
        other.spec = replace(self.spec, decode=decode)
        return other

    @property
    def provider(self) -> str:
        """``CUDA`` or ``CPU``: where scoring runs."""
        return "CUDA" if CUDA in self._session.get_providers() else "CPU"

    def score(self, features: FloatArray, first: int = 0) -> tuple[FloatArray, FloatArray]:
        """Score one window. features: (T, 12, 2) displacement in IOD. first: the first frame whose scores are wanted.

        Returns intensity (T - first,) and apex (T - first, 2), 0..1.
        """
        inputs = {INPUT_NAME: np.ascontiguousarray(features, np.float32)[None]}
        if self._takes_first:
            inputs[FIRST_NAME] = np.array(first, np.int64)
        intensity, apex = self._session.run(list(OUTPUT_NAMES), inputs)
        passed = 0 if self._takes_first else first
        return intensity[0, passed:], apex[0, passed:]


def shipped_with(sha256: str, *, use_gpu: bool = True) -> Spotter | None:
    """The network that ships with this SHA-256, where there is one.

    Raises:
        ModelFileError, AssetError, DataError: a shipped model cannot be used.
    """
    files = (asset_path(name) for name in NETWORKS.values())
    return next((Spotter(file, use_gpu=use_gpu) for file in files if content_sha256(file) == sha256), None)


def is_shipped(path: Path) -> bool:
    """Whether it is the name of a network that ships; a file of the user's of that name comes first, a folder not."""
    return path in NETWORKS and not path.is_file()


def _file(path: Path) -> Path:
    return asset_path(NETWORKS[path]) if is_shipped(path) else path


def _providers(use_gpu: bool) -> list[object]:
    """CUDA first where the build has it and a device answers; ONNX Runtime alone would only complain on stderr."""
    if not use_gpu or CUDA not in ort.get_available_providers() or not _cuda_device_present():
        return [CPU]
    with contextlib.suppress(Exception):
        # finds the CUDA libraries that the extra [cuda] brings
        ort.preload_dlls()
    return [CUDA, CPU]


def _cuda_device_present() -> bool:
    if Path("/proc/driver/nvidia/version").exists():
        return True
    try:
        return any(d.ep_name == CUDA for d in ort.get_ep_devices())
    except Exception:  # an API of newer releases
        return False
