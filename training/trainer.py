"""The training run: stages of GIM on recorded points, exact truth on synthetic tracks, one network.

Step after step over the material's crops; at the stage boundaries the pseudo-labels are made anew.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.errors import DataError, UsageError
from models.memory import keep_freed
from models.network import NetworkOutput, NetworkSettings
from models.types import FloatArray
from training import gim, losses
from training.backbones import Network, Shape, build
from training.compiled import normaliser
from training.datasets import Point, Recording
from training.material import Material, Sampler, recorded_material, synthetic_material
from training.tracks import Track

log = logging.getLogger(__name__)

EPOCHS = 8
"""Times in a run at which a network may be looked at; an "epoch" of the published protocol."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """One run. Fractions are of ``steps``.

    recorded_crops, synthetic_crops: crops of either kind in a batch. lab_members: so many of the network's members, the
    first ones, learn from recorded crops alone, where there are any; the others from both kinds. scale_*: range of the
    log-uniform scale put on recorded crops, whose pixels an inter-ocular distance are unknown. gaussian_from,
    adaptive_at: stage boundaries. compiled: motion is described by code compiled on this machine
    (``training.compiled``).
    """

    steps: int = 500
    recorded_crops: int = 16
    synthetic_crops: int = 0
    synthetic_weight: float = 0.5
    lab_members: int = 0
    crop_frames: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    scale_low: float = 0.5
    scale_high: float = 2.0
    gaussian_from: float = 0.1
    adaptive_at: tuple[float, ...] = (0.3, 0.5, 0.7)
    move_points: bool = True
    move_apexes: bool = False
    seed: int = 0
    compiled: bool = False
    network: Shape = field(default_factory=NetworkSettings)
    loss: losses.LossWeights = field(default_factory=losses.LossWeights)
    rules: gim.GimRules = field(default_factory=gim.GimRules)


@dataclass(frozen=True, slots=True, eq=False)
class RunState:
    """Where a run stands after ``step`` steps: tensors by name, and what is written as JSON."""

    step: int
    tensors: dict[str, Tensor]
    values: dict[str, Any]


class TrainingRun:
    """A run, step by step. Its state can be taken out and put back, and then goes on bit for bit (on the CPU).

    start: weights to start from instead of random ones; the normalisation that they carry is kept. mixed: bfloat16 in
    the trunk and the heads, where the device is a GPU that has it; the motion description stays in full precision.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        tracks: Sequence[Track],
        settings: TrainSettings,
        start: Mapping[str, Tensor] | None = None,
        device: str = "cpu",
        mixed: bool = False,
    ) -> None:
        keep_freed()
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.step = 0
        self._device = torch.device(device)
        self._mixed = mixed and self._device.type == "cuda" and torch.cuda.is_bf16_supported()
        self._rng = np.random.default_rng(settings.seed)
        self._recorded = recorded_material(recordings, settings)
        synthetic = synthetic_material(tracks, settings.rules)
        self._sampler = Sampler(self._recorded, synthetic, settings, self._rng)
        self.network = build(settings.network)
        if start is None:
            self.network.fit_normalisation([self._sampler.batch()[0] for _ in range(12)])
        else:
            self.network.load_state_dict(dict(start))
        self.network.to(self._device)
        self._normalised = normaliser(self.network) if settings.compiled else self.network.normalised
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, settings.learning_rate, total_steps=settings.steps, pct_start=0.15
        )
        self._boundaries = {round(f * settings.steps) for f in settings.adaptive_at}

    @property
    def finished(self) -> bool:
        return self.step >= self.settings.steps

    @property
    def learning_rate(self) -> float:
        return float(self._optimiser.param_groups[0]["lr"])

    def advance(self) -> dict[str, float]:
        """One step; the weighted parts of its loss.

        Raises:
            DataError: the loss or its gradient is not a finite number. The weights are those of the step before.
        """
        settings, network = self.settings, self.network
        if self.step == round(settings.gaussian_from * settings.steps):
            _to_gaussian(self._recorded, settings)
        if self.step in self._boundaries:
            _to_adaptive(network, self._recorded, settings, self.step / settings.steps)
        network.train()
        self._optimiser.zero_grad()
        shares = [self._learn(number) for number in range(len(network.members))]
        self._optimiser.step()
        self._schedule.step()
        self.step += 1
        return {name: sum(parts[name] for parts in shares) / len(shares) for name in shares[0]}

    def _learn(self, number: int) -> dict[str, float]:
        """Gradients of one member from a batch of its own; the parts of its loss."""
        member, settings = self.network.members[number], self.settings
        batch = self._sampler.batch(number, synthetic=number >= settings.lab_members or not self._recorded)
        features, soft, apex, neutral = (part.to(self._device) for part in batch)
        out = _outputs(member, self._normalised(features), self._mixed)
        recorded = settings.recorded_crops if self._recorded else 0
        parts = _loss(out, losses.Wanted(soft, apex, neutral), recorded, settings)
        torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
        slope = float(torch.nn.utils.clip_grad_norm_(member.parameters(), 1.0))
        told = {name: float(value.detach()) for name, value in parts.items()}
        wrong = [name for name, value in (*told.items(), ("gradient", slope)) if not math.isfinite(value)]
        if wrong:
            raise DataError(
                f"Training stopped in step {self.step + 1}: its loss ({wrong[0]}) is no longer a finite number; choose "
                "a smaller learning_rate or smaller weights in [loss], and another --out."
            )
        return told

    def state(self) -> RunState:
        """Everything that the next steps depend on, besides the material and the settings."""
        optimiser = self._optimiser.state_dict()
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for index, slots in optimiser["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value for name, value in slots.items()}
        tensors["rng.torch"] = torch.get_rng_state()
        if self._device.type == "cuda":
            tensors["rng.cuda"] = torch.cuda.get_rng_state(self._device)
        if self._recorded:
            for name in ("soft", "apex", "neutral"):
                sets = [
                    np.concatenate([getattr(m.targets[i], name) for m in self._recorded])
                    for i in range(len(self._recorded[0].targets))
                ]
                tensors[f"targets.{name}"] = torch.from_numpy(np.stack(sets))
            tensors["targets.apex"] = tensors["targets.apex"].to(torch.int8)
        values = {
            "groups": optimiser["param_groups"],
            "schedule": self._schedule.state_dict(),
            "rng": self._rng.bit_generator.state,
        }
        return RunState(self.step, {name: value.detach().cpu().contiguous() for name, value in tensors.items()}, values)

    def restore(self, state: RunState) -> None:
        """Go on from a state of a run over the same material with the same settings.

        Raises:
            KeyError, ValueError, RuntimeError: the state is of another run.
        """
        tensors = state.tensors
        self.network.load_state_dict(_under(tensors, "network."))
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in _under(tensors, "optimiser.").items():
            index, slot = name.split(".", 1)
            slots.setdefault(int(index), {})[slot] = value
        # JSON has no tuples
        groups = [{**g, "betas": tuple(g["betas"])} for g in state.values["groups"]]
        self._optimiser.load_state_dict({"state": slots, "param_groups": groups})
        self._schedule.load_state_dict(state.values["schedule"])
        self._rng.bit_generator.state = state.values["rng"]
        torch.set_rng_state(tensors["rng.torch"])
        if self._device.type == "cuda" and "rng.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["rng.cuda"], self._device)
        if self._recorded:
            ends = np.cumsum([len(m.features) for m in self._recorded])[:-1]
            soft, apex, neutral = (
                np.split(tensors[f"targets.{name}"].numpy(), ends, axis=1) for name in ("soft", "apex", "neutral")
            )
            for m, s, a, n in zip(self._recorded, soft, apex, neutral, strict=True):
                m.targets = [gim.Targets(s[i].copy(), a[i].astype(np.float32), n[i].copy()) for i in range(len(s))]
        self.step = state.step


def choose_device(wanted: str) -> str:
    """ "cpu" or "cuda"; of "auto" CUDA where there is one.

    Raises:
        UsageError: CUDA is wanted and there is none.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UsageError("PyTorch sees no CUDA device here; leave --device out, or say --device cpu.")
    return wanted


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def train(
    recordings: Sequence[Recording],
    tracks: Sequence[Track],
    settings: TrainSettings,
    progress: Callable[[int, dict[str, float]], None] | None = None,
    epoch: Callable[[int, Network], None] | None = None,
    device: str = "cpu",
) -> Network:
    """Train one network from scratch and return it in evaluation mode.

    recordings: learned from their points alone. tracks: synthetic, learned from their exact truth. progress: called
    after every step with the parts of the loss. epoch: called ``EPOCHS`` times, evenly spaced and last at the end.
    """
    run = TrainingRun(recordings, tracks, settings, device=device, mixed=device == "cuda")
    while not run.finished:
        step = run.step
        parts = run.advance()
        if progress is not None:
            progress(step, parts)
        number = (step + 1) * EPOCHS // settings.steps
        if epoch is not None and number > step * EPOCHS // settings.steps:
            epoch(number, run.network.eval())
    return run.network.eval()


@torch.no_grad()
def infer(network: Network, features: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Intensity (T,) and apex scores (T, 2) of one whole track of displacements (T, 12, 2)."""
    network.eval()
    device = next(network.parameters()).device
    intensity, apex = network(torch.from_numpy(features)[None].to(device))
    return intensity[0].cpu().numpy(), apex[0].cpu().numpy()


@torch.no_grad()
def infer_each(network: Network, features: FloatArray, skip: int = 0) -> list[tuple[FloatArray, FloatArray]]:
    """Intensity (T - skip,) and embedding g_t (T - skip, C) as each member has them from frame ``skip`` on."""
    network.eval()
    device = next(network.parameters()).device
    outputs = network.logits(torch.from_numpy(features)[None].to(device), skip)
    return [(torch.sigmoid(out.intensity)[0].cpu().numpy(), out.embedding[0].cpu().numpy()) for out in outputs]


def _to_gaussian(recorded: list[Material], settings: TrainSettings) -> None:
    for m in recorded:
        soft = gim.point_gaussian(m.points, len(m.features), settings.rules)
        neutral = gim.neutral_frames(m.points, soft, settings.rules)
        m.targets = [gim.Targets(soft, old.apex, neutral) for old in m.targets]


def _to_adaptive(network: Network, recorded: list[Material], settings: TrainSettings, progress: float) -> None:
    """Each member makes its own labels; members that agreed on them would also err together."""
    reliable = max(0.8 - 0.5 * progress, 0.5)
    for m in recorded:
        if m.points:
            each = _near_points(network, m, settings.rules)
            m.targets = [_adapted(m.points, *said, settings, reliable) for said in each]
        else:
            m.targets = m.targets[:1] * len(network.members)


def _near_points(network: Network, m: Material, rules: gim.GimRules) -> list[tuple[FloatArray, FloatArray]]:
    """Intensity (T,) and embedding (T, C) as each member has them, where labels depend on them; 0 far from there."""
    shape, reach = network.settings, rules.reach_frames
    first, last = (min(p.frame for p in m.points) - reach, max(p.frame for p in m.points) + reach)
    start, skip = max(first - shape.look_back_frames, 0), max(first - shape.trunk_frames, 0)
    scored = m.features[start : last + shape.look_ahead_frames + 1]
    beside = (skip, len(m.features) - start - len(scored))
    return [
        (np.pad(intensity, beside), np.pad(embedding, (beside, (0, 0))))
        for intensity, embedding in infer_each(network, scored, skip - start)
    ]


def _adapted(
    points: Sequence[Point], intensity: FloatArray, embedding: FloatArray, settings: TrainSettings, reliable: float
) -> gim.Targets:
    apexes = gim.pseudo_apexes(points, intensity, settings.rules)
    soft = gim.adaptive_labels(points, apexes, intensity, embedding, settings.rules, reliable)
    centres = apexes if settings.move_apexes else [p.frame for p in points]
    apex = gim.apex_labels(points, centres, len(intensity), settings.rules)
    return gim.Targets(soft, apex, gim.neutral_frames(points, soft, settings.rules))


def _outputs(member: torch.nn.Module, described: Tensor, mixed: bool) -> NetworkOutput:
    """The member's outputs in full precision, computed in bfloat16 where ``mixed``."""
    if not mixed:
        out: NetworkOutput = member(described)
        return out
    with torch.autocast("cuda", dtype=torch.bfloat16):
        out = member(described)
    return NetworkOutput(*(part.float() for part in out))


def _loss(out: NetworkOutput, wanted: losses.Wanted, recorded: int, settings: TrainSettings) -> dict[str, Tensor]:
    """Losses of one batch: the first ``recorded`` crops, then synthetic ones, each kind averaged by itself."""
    intensity = torch.sigmoid(out.intensity)
    parts: dict[str, Tensor] = {}
    for kind, weight in ((slice(0, recorded), 1.0), (slice(recorded, None), settings.synthetic_weight)):
        if len(intensity[kind]) == 0:
            continue
        one = _kind_loss(
            losses.Scored(intensity[kind], out.apex[kind], out.frame[kind]),
            losses.Wanted(*(part[kind] for part in wanted)),
            settings.loss,
        )
        for name, value in one.items():
            parts[name] = parts.get(name, value.new_zeros(())) + weight * value
    return parts


def _kind_loss(scored: losses.Scored, wanted: losses.Wanted, weights: losses.LossWeights) -> dict[str, Tensor]:
    calm = wanted.neutral
    if weights.neutral_mined:
        calm = losses.mine_neutral(scored.intensity, wanted.soft, calm)
    parts = {
        "intensity": weights.intensity * losses.intensity_loss(scored.intensity, wanted.soft, calm, weights.neutral),
        "smoothness": weights.smoothness * losses.smoothness_loss(scored.intensity),
        "reward": weights.reward * losses.reward_loss(scored.intensity, wanted.soft),
        "norm": weights.norm * scored.intensity.mean(),
        "apex": weights.apex * losses.apex_loss(scored.apex, wanted.apex, weights),
    }
    if weights.contrastive > 0:
        contrast = losses.contrastive_loss(
            scored.frame, scored.intensity, wanted.soft, calm, weights.contrastive_anchors
        )
        parts["contrastive"] = weights.contrastive * contrast
    return parts
