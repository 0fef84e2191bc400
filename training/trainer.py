"""The training run: stages of GIM on recorded points, exact truth on synthetic tracks, one network.

Reads top to bottom: prepare the material, then steps; at the stage boundaries the pseudo-labels are made anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from models.baseline import displacement
from models.network import MIRROR, NetworkSettings, SpotterNetwork
from models.types import ExpressionType, FloatArray
from training import gim, losses
from training.datasets import Point, Recording
from training.relabel import relabel
from training.tracks import Track

log = logging.getLogger(__name__)

EPOCHS = 8
"""Times in a run at which a network may be looked at; an "epoch" of the published protocol."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """One run. Fractions are of ``steps``.

    recorded_crops, synthetic_crops: crops of either kind in a batch. scale_*: range of the log-uniform scale put on
    recorded crops, whose pixels an inter-ocular distance are unknown. gaussian_from, adaptive_at: stage boundaries.
    """

    steps: int = 500
    recorded_crops: int = 16
    synthetic_crops: int = 0
    synthetic_weight: float = 0.5
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
    network: NetworkSettings = field(default_factory=NetworkSettings)
    loss: losses.LossWeights = field(default_factory=losses.LossWeights)
    rules: gim.GimRules = field(default_factory=gim.GimRules)


@dataclass(slots=True, eq=False)
class _Material:
    """One track that crops are cut from. ``targets`` of recorded tracks change from stage to stage."""

    features: Tensor
    points: tuple[Point, ...]
    targets: gim.Targets
    weight: float = 1.0


def train(
    recordings: Sequence[Recording],
    tracks: Sequence[Track],
    settings: TrainSettings,
    progress: Callable[[int, dict[str, float]], None] | None = None,
    epoch: Callable[[int, SpotterNetwork], None] | None = None,
) -> SpotterNetwork:
    """Train one network from scratch and return it in evaluation mode.

    recordings: learned from their points alone. tracks: synthetic, learned from their exact truth. progress: called
    after every step with the parts of the loss. epoch: called ``EPOCHS`` times, evenly spaced and last at the end.
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    recorded = [_recorded_material(r, settings) for r in recordings]
    synthetic = _synthetic_material(tracks, settings.rules)
    sampler = _Sampler(recorded, synthetic, settings, rng)
    network = SpotterNetwork(settings.network)
    network.fit_normalisation([sampler.batch()[0] for _ in range(12)])
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.steps, pct_start=0.15
    )
    boundaries = {round(f * settings.steps) for f in settings.adaptive_at}
    for step in range(settings.steps):
        if step == round(settings.gaussian_from * settings.steps):
            _to_gaussian(recorded, settings)
        if step in boundaries:
            _to_adaptive(network, recorded, settings, step / settings.steps)
        network.train()
        parts = _loss(network, *sampler.batch(), settings)
        total = torch.stack(list(parts.values())).sum()
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if progress is not None:
            progress(step, {name: float(value.detach()) for name, value in parts.items()})
        number = (step + 1) * EPOCHS // settings.steps
        if epoch is not None and number > step * EPOCHS // settings.steps:
            epoch(number, network.eval())
    return network.eval()


@torch.no_grad()
def infer(network: SpotterNetwork, features: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Intensity (T,), apex scores (T, 2) and embedding g_t (T, C) of one whole track of displacements (T, 12, 2)."""
    network.eval()
    out = network.logits(torch.from_numpy(features)[None])
    return (
        torch.sigmoid(out.intensity)[0].numpy(),
        torch.sigmoid(out.apex)[0].numpy(),
        out.embedding[0].numpy(),
    )


def _recorded_material(recording: Recording, settings: TrainSettings) -> _Material:
    features = torch.from_numpy(displacement(recording.position_iod))
    points = relabel(recording.points, recording.position_iod) if settings.move_points else recording.points
    frames = len(features)
    soft = gim.hard_labels(points, frames, settings.rules)
    apex = gim.apex_labels(points, [p.frame for p in points], frames, settings.rules)
    neutral = gim.neutral_frames(points, soft, settings.rules)
    return _Material(features, points, gim.Targets(soft, apex, neutral))


def _synthetic_material(tracks: Sequence[Track], rules: gim.GimRules) -> list[_Material]:
    features_of: dict[int, FloatArray] = {}
    for length in {len(t.position_iod) for t in tracks}:
        alike = [i for i, t in enumerate(tracks) if len(t.position_iod) == length]
        together = displacement(np.stack([tracks[i].position_iod for i in alike], axis=1))
        features_of |= {i: np.ascontiguousarray(together[:, j]) for j, i in enumerate(alike)}
    material = []
    for i, track in enumerate(tracks):
        frames = len(track.position_iod)
        apex = np.zeros((frames, 2), np.float32)
        apex[track.strength > 0.05] = -1.0
        hidden = np.zeros(frames, bool)
        points = []
        for event in track.events:
            column = list(ExpressionType).index(event.type)
            span = slice(max(event.onset - 3, 0), event.offset + 4)
            if not event.visible:
                hidden[span] = True
                continue
            points.append(Point(event.apex, event.type))
            near = rules.of(event.type).positive
            core = np.arange(max(event.apex - near, event.onset), min(event.apex + near, event.offset) + 1)
            top = np.arange(event.onset, min(event.offset + 1, frames))
            top = top[track.strength[top, column] > 0.8]
            apex[np.clip(np.union1d(core, top), 0, frames - 1), column] = 1.0
        apex[hidden] = -1.0
        neutral = (track.strength.max(1) <= 0) & ~hidden
        soft = np.where(hidden[:, None], 0.0, track.strength).astype(np.float32)
        features = torch.from_numpy(features_of[i])
        material.append(_Material(features, tuple(points), gim.Targets(soft, apex, neutral), track.weight))
    return material


def _to_gaussian(recorded: list[_Material], settings: TrainSettings) -> None:
    for m in recorded:
        soft = gim.point_gaussian(m.points, len(m.features), settings.rules)
        m.targets = gim.Targets(soft, m.targets.apex, gim.neutral_frames(m.points, soft, settings.rules))


def _to_adaptive(network: SpotterNetwork, recorded: list[_Material], settings: TrainSettings, progress: float) -> None:
    reliable = max(0.8 - 0.5 * progress, 0.5)
    for m in recorded:
        if not m.points:
            continue
        intensity, _, embedding = infer(network, m.features.numpy())
        apexes = gim.pseudo_apexes(m.points, intensity, settings.rules)
        soft = gim.adaptive_labels(m.points, apexes, intensity, embedding, settings.rules, reliable)
        centres = apexes if settings.move_apexes else [p.frame for p in m.points]
        apex = gim.apex_labels(m.points, centres, len(intensity), settings.rules)
        m.targets = gim.Targets(soft, apex, gim.neutral_frames(m.points, soft, settings.rules))


def _loss(
    network: SpotterNetwork, features: Tensor, soft: Tensor, apex: Tensor, neutral: Tensor, settings: TrainSettings
) -> dict[str, Tensor]:
    """Losses of one batch: recorded crops first, then synthetic ones, each kind averaged by itself."""
    out = network.logits(features)
    intensity = torch.sigmoid(out.intensity)
    recorded = len(features) - (settings.synthetic_crops if len(features) > settings.recorded_crops else 0)
    parts: dict[str, Tensor] = {}
    for kind, weight in ((slice(0, recorded), 1.0), (slice(recorded, None), settings.synthetic_weight)):
        if len(features[kind]) == 0:
            continue
        one = _kind_loss(
            losses.Scored(intensity[kind], out.apex[kind], out.frame[kind]),
            losses.Wanted(soft[kind], apex[kind], neutral[kind]),
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


class _Sampler:
    """Cuts batches of crops: round macro points, round micro points, background, and synthetic ones."""

    def __init__(
        self, recorded: list[_Material], synthetic: list[_Material], settings: TrainSettings, rng: np.random.Generator
    ) -> None:
        self._recorded, self._synthetic, self._settings, self._rng = recorded, synthetic, settings, rng
        self._points = {
            kind: [(i, p.frame) for i, m in enumerate(recorded) for p in m.points if p.type is kind]
            for kind in ExpressionType
        }
        weights = np.array([m.weight for m in synthetic], np.float64)
        self._by_weight = weights / max(weights.sum(), 1e-9)
        lengths = np.array([len(m.features) for m in recorded], np.float64)
        if len(lengths):
            self._by_frames = 0.6 * lengths / lengths.sum() + 0.4 / len(lengths)

    def batch(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """features (B, T, 12, 2), soft (B, T, 2), apex (B, T, 2), neutral (B, T)."""
        s, rng = self._settings, self._rng
        crops = [self._recorded_crop() for _ in range(s.recorded_crops if self._recorded else 0)]
        for _ in range(s.synthetic_crops if self._synthetic else 0):
            material = self._synthetic[int(rng.choice(len(self._synthetic), p=self._by_weight))]
            start = int(rng.integers(0, max(len(material.features) - s.crop_frames, 0) + 1))
            crops.append(self._cut(material, start, float(np.exp(rng.uniform(-0.2, 0.2)))))
        features, soft, apex, neutral = (torch.stack(part) for part in zip(*crops, strict=True))
        return features, soft, apex, neutral

    def _recorded_crop(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        s, rng = self._settings, self._rng
        draw = rng.random()
        kind = ExpressionType.MACRO if draw < 0.28 else ExpressionType.MICRO
        if draw < 0.5 and self._points[kind]:
            index, frame = self._points[kind][int(rng.integers(len(self._points[kind])))]
            start = frame - int(rng.integers(20, s.crop_frames - 20))
        else:
            index = int(rng.choice(len(self._recorded), p=self._by_frames))
            start = int(rng.integers(-20, max(len(self._recorded[index].features) - s.crop_frames + 20, 1)))
        scale = float(np.exp(rng.uniform(np.log(s.scale_low), np.log(s.scale_high))))
        return self._cut(self._recorded[index], start, scale)

    def _cut(self, m: _Material, start: int, scale: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A crop; where it leaves the track the edge is repeated and nothing is learned."""
        frames = torch.arange(start, start + self._settings.crop_frames)
        at = frames.clamp(0, len(m.features) - 1)
        inside = (frames == at)[:, None]
        features = m.features[at] * scale
        if self._rng.random() < 0.5:
            features = features[:, list(MIRROR)] * torch.tensor([-1.0, 1.0])
        index = at.numpy()
        soft = torch.from_numpy(m.targets.soft[index]) * inside
        apex = torch.where(inside, torch.from_numpy(m.targets.apex[index]), torch.tensor(-1.0))
        neutral = torch.from_numpy(m.targets.neutral[index]) & inside[:, 0]
        return features, soft, apex, neutral
