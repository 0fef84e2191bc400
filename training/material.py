"""What batches are cut from: recorded tracks with pseudo-labels, synthetic tracks with their truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.baseline import displacement
from models.network import MIRROR
from models.types import ExpressionType, FloatArray
from training import gim
from training.datasets import Point, Recording
from training.relabel import relabel
from training.tracks import Track

if TYPE_CHECKING:
    from training.trainer import TrainSettings


@dataclass(slots=True, eq=False)
class Material:
    """One track that crops are cut from.

    targets: what it teaches, one for all members of the network or one for each; those of recorded tracks change from
    stage to stage.
    """

    features: FloatArray
    points: tuple[Point, ...]
    targets: list[gim.Targets]
    weight: float = 1.0


def displacements(positions_iod: Sequence[FloatArray]) -> list[FloatArray]:
    """:func:`displacement` of each of several tracks (time, 12, 2), bit for bit, many of them at once.

    Those together differ in length by less than a factor of two, so that a long one does not make all of them long.
    """
    alike: dict[int, list[int]] = {}
    for i, track in enumerate(positions_iod):
        alike.setdefault(len(track).bit_length(), []).append(i)
    moved: dict[int, FloatArray] = {}
    for group in alike.values():
        longest = max(len(positions_iod[i]) for i in group)
        # what follows a track's end does not reach back into it
        padded = [np.pad(positions_iod[i], ((0, longest - len(positions_iod[i])), (0, 0), (0, 0))) for i in group]
        together = displacement(np.stack(padded, axis=1))
        moved |= {i: np.ascontiguousarray(together[: len(positions_iod[i]), j]) for j, i in enumerate(group)}
    return [moved[i] for i in range(len(positions_iod))]


def recorded_material(recordings: Sequence[Recording], settings: TrainSettings) -> list[Material]:
    """Each recording with hard labels at its points, which are moved first where the settings say so."""
    material = []
    for recording, features in zip(recordings, displacements([r.position_iod for r in recordings]), strict=True):
        points = relabel(recording.points, recording.position_iod) if settings.move_points else recording.points
        soft = gim.hard_labels(points, len(features), settings.rules)
        apex = gim.apex_labels(points, [p.frame for p in points], len(features), settings.rules)
        neutral = gim.neutral_frames(points, soft, settings.rules)
        material.append(Material(features, points, [gim.Targets(soft, apex, neutral)]))
    return material


def synthetic_material(tracks: Sequence[Track], rules: gim.GimRules) -> list[Material]:
    material = []
    for track, features in zip(tracks, displacements([t.position_iod for t in tracks]), strict=True):
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
        targets = [gim.Targets(soft, apex, neutral)]
        material.append(Material(features, tuple(points), targets, track.weight))
    return material


class _Crop(NamedTuple):
    """What is cut: from which track, at which frame, how much larger, mirrored or not."""

    material: Material
    start: int
    scale: float
    mirrored: bool


class Sampler:
    """Cuts batches of crops: round macro points, round micro points, background, and synthetic ones."""

    def __init__(
        self, recorded: list[Material], synthetic: list[Material], settings: TrainSettings, rng: np.random.Generator
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

    def batch(self, member: int = 0, synthetic: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """features (B, T, 12, 2), soft (B, T, 2), apex (B, T, 2), neutral (B, T): recorded crops, then synthetic ones.

        member: of the network, that is to learn from it. synthetic: whether there are to be synthetic crops.
        """
        s, rng = self._settings, self._rng
        crops = [self._recorded_crop() for _ in range(s.recorded_crops if self._recorded else 0)]
        for _ in range(s.synthetic_crops if self._synthetic and synthetic else 0):
            material = self._synthetic[int(rng.choice(len(self._synthetic), p=self._by_weight))]
            start = int(rng.integers(0, max(len(material.features) - s.crop_frames, 0) + 1))
            crops.append(self._crop(material, start, float(np.exp(rng.uniform(-0.2, 0.2)))))
        return self._cut(crops, member)

    def _recorded_crop(self) -> _Crop:
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
        return self._crop(self._recorded[index], start, scale)

    def _crop(self, material: Material, start: int, scale: float) -> _Crop:
        return _Crop(material, start, scale, self._rng.random() < 0.5)

    def _cut(self, crops: Sequence[_Crop], member: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A batch; where a crop leaves its track the edge is repeated and nothing is learned."""
        frames = np.array([c.start for c in crops])[:, None] + np.arange(self._settings.crop_frames)
        at = np.clip(frames, 0, np.array([len(c.material.features) for c in crops])[:, None] - 1)
        inside = frames == at
        features = np.stack([c.material.features[rows] for c, rows in zip(crops, at, strict=True)])
        features *= np.array([c.scale for c in crops], np.float32)[:, None, None, None]
        turned = [c.mirrored for c in crops]
        features[turned] = features[turned][:, :, MIRROR] * np.array([-1.0, 1.0], np.float32)
        targets = [c.material.targets[member if len(c.material.targets) > 1 else 0] for c in crops]
        soft, apex, neutral = (
            np.stack([getattr(t, name)[rows] for t, rows in zip(targets, at, strict=True)])
            for name in ("soft", "apex", "neutral")
        )
        soft *= inside[..., None]
        apex[~inside] = -1.0
        neutral &= inside
        return torch.from_numpy(features), torch.from_numpy(soft), torch.from_numpy(apex), torch.from_numpy(neutral)
