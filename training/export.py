"""Export of a trained network to the ONNX file that the application reads, with a parity check against torch."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from models.baseline import BaselineSettings
from models.decode import DecodeSettings
from models.errors import ModelFileError, OutputError, UsageError
from models.model_file import FIRST_NAME, INPUT_NAME, OUTPUT_NAMES, ModelSpec, metadata
from models.network import SpotterNetwork
from models.spotter import Spotter
from models.types import REGION_COUNT
from training import checkpoint
from training.backbones import Network
from training.provenance import versions
from training.readers import DataSet

log = logging.getLogger(__name__)

OPSET = 18
PARITY = 1e-4
"""Largest allowed difference between torch and ONNX Runtime, in score."""

OWN_TERMS = "yours: as the people in your recordings allow"
"""Licence of a network that has learned from its user's recordings alone."""


def export(
    network: Network,
    path: Path,
    *,
    decode: DecodeSettings,
    baseline: BaselineSettings,
    training_data: str,
    licence: str,
    version: str,
    config_sha256: str,
) -> float:
    """Write ``path`` and return the largest difference in score between torch and ONNX Runtime.

    Raises:
        ModelFileError: the exported file does not give the same scores. OSError: it cannot be written.
    """
    network = network.eval()
    partial = path.with_name(path.name + ".writing")
    # whether it can be written is known before an export that takes long
    partial.touch()
    partial.unlink()
    # two recordings: of one the exporter would conclude that there is always one
    example = torch.randn(2, 256, REGION_COUNT, 2, generator=torch.Generator().manual_seed(0)) * 0.03
    arguments: dict[str, torch.Tensor] = {INPUT_NAME: example}
    shapes: dict[str, object] = {INPUT_NAME: {0: torch.export.Dim("batch", min=1), 1: torch.export.Dim("time", min=2)}}
    if isinstance(network, SpotterNetwork):
        arguments[FIRST_NAME], shapes[FIRST_NAME] = torch.tensor(100), None
    with warnings.catch_warnings(), _quiet(logging.getLogger("torch.onnx")):
        # the exporter uses parts of its own libraries that are on their way out
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            kwargs=arguments,
            input_names=list(arguments),
            output_names=list(OUTPUT_NAMES),
            dynamic_shapes=shapes,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ModelFileError("The network could not be exported to ONNX.")
    model = program.model_proto
    if FIRST_NAME in arguments:
        # an input with a value of its own need not be given
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(0, np.int64), FIRST_NAME))
    properties = metadata(
        look_back_frames=network.settings.look_back_frames,
        look_ahead_frames=network.settings.look_ahead_frames,
        decode=decode,
        baseline=baseline,
        training_data=training_data,
        licence=licence,
        version=version,
        config_sha256=config_sha256,
    )
    # the exporter's own properties and comments hold paths of the machine it ran on
    del model.metadata_props[:]
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.helper.set_model_props(model, properties)
    onnx.checker.check_model(model)
    try:
        onnx.save_model(model, partial, save_as_external_data=False)
        difference = parity(network, partial)
        if difference > PARITY:
            raise ModelFileError(f"The exported model differs from the trained one by {difference:.2e} in score.")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    log.info("exported %s, parity %.1e", path, difference)
    return difference


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """The exporter says on stderr which libraries it could do without."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def export_checkpoint(
    source: Path, out: Path, like: Path | None = None, training_data: str | None = None, licence: str | None = None
) -> tuple[float, ModelSpec]:
    """Export a checkpoint with the decoding of another model file; returns the parity and the new file's words.

    like: model file whose decoding and baseline are taken over; without it the shipped one's. training_data: what the
    network has learned from, in words; without it what the run's folder says. licence: without it the other model's,
    unless the run's folder says that the network has learned from the user's recordings alone.

    Raises:
        UsageError: ``out`` is a folder. ModelFileError: the checkpoint or the other model cannot be used, or the scores
        differ. OutputError: the file cannot be written.
    """
    if out.is_dir():
        raise UsageError(f"{out} is a folder; --out wants the name of a file, such as {out / 'mine.onnx'}.")
    network, config_sha256 = checkpoint.load(source)
    taken = Spotter(like, use_gpu=False).spec
    run = _run_of(source)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        difference = export(
            network,
            out,
            decode=taken.decode,
            baseline=taken.baseline,
            training_data=training_data or _learned_from(run),
            licence=licence or (OWN_TERMS if _is_own(run) else taken.licence),
            version=versions()["apexspot"],
            config_sha256=config_sha256,
        )
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}).") from error
    return difference, Spotter(out, use_gpu=False).spec


def _run_of(source: Path) -> dict[str, Any] | None:
    """The run's description, where the checkpoint still lies in the run's folder."""
    for folder in (source.parent, source.parent.parent):
        try:
            run = json.loads((folder / "run.json").read_text("utf-8"))
            return {
                "sets": [*map(str, run["data"]["sets"])],
                "recordings": run["data"]["recordings"],
                "start": run["start"] and str(run["start"]),
            }
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _learned_from(run: dict[str, Any] | None) -> str:
    """What the run's description says of its data."""
    if run is None:
        return "not stated"
    words = f"{', '.join(run['sets'])} ({run['recordings']} recordings)"
    return words if run["start"] is None else f"{words}, after the network {run['start'][:12]}"


def _is_own(run: dict[str, Any] | None) -> bool:
    """Whether it is known that neither a network nor a research data set had a part in it."""
    own = {data_set.value for data_set in DataSet if data_set.is_own}
    return run is not None and run["start"] is None and own.issuperset(run["sets"])


def parity(network: Network, path: Path) -> float:
    """Largest difference in score between torch and the file, over windows of several lengths, whole and their ends."""
    spotter = Spotter(path, use_gpu=False)
    rng = np.random.default_rng(0)
    worst = 0.0
    for frames in (2, 31, 300, 301, 700):
        steps = rng.normal(size=(frames, REGION_COUNT, 2)) * 0.003
        steps[:1] = 0.0
        features = np.cumsum(steps, axis=0).astype(np.float32)
        with torch.no_grad():
            intensity, apex = network(torch.from_numpy(features)[None])
        for first in (0, frames // 3, frames - 1):
            got_intensity, got_apex = spotter.score(features, first)
            for got, wanted in ((got_intensity, intensity[0, first:].numpy()), (got_apex, apex[0, first:].numpy())):
                # a score that is not a number differs as much as a score can
                worst = max(worst, float(np.nan_to_num(np.abs(got - wanted), nan=1.0).max()))
    return worst
