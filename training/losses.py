"""The losses of P-FES/GIM (method.md 1.6), on batches of crops.

Shapes: logits and labels (B, T) or (B, T, 2), embeddings (B, T, C). Labels are 0..1; apex labels 1, 0 or -1 (ignored).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weight of every part; 0 switches it off.

    neutral: of the neutral frames in the intensity loss; above 1 it keeps the calm face's intensity near 0.
    neutral_mined: train intensity on the K most confident neutral frames alone (K = expression frames), as published.
    False takes all neutral frames: the confident ones have little left to teach, the others are later false alarms.
    """

    intensity: float = 1.0
    neutral: float = 3.0
    smoothness: float = 0.1
    reward: float = 0.05
    norm: float = 0.1
    apex: float = 1.0
    contrastive: float = 1.4e-5
    micro: float = 1.5
    focal_gamma: float = 0.0
    neutral_mined: bool = False
    contrastive_anchors: int = 192


class Scored(NamedTuple):
    """What the network says of a batch: intensity (B, T) 0..1, apex logits (B, T, 2), features f_t (B, T, C)."""

    intensity: Tensor
    apex: Tensor
    frame: Tensor


class Wanted(NamedTuple):
    """What the labels say: soft (B, T, 2), apex (B, T, 2) with -1 ignored, neutral (B, T) bool."""

    soft: Tensor
    apex: Tensor
    neutral: Tensor


def intensity_loss(intensity: Tensor, soft: Tensor, neutral: Tensor, neutral_weight: float = 1.0) -> Tensor:
    """MSE on macro frames + MSE on micro frames + weighted MSE on neutral frames. neutral: (B, T) bool."""
    total = intensity.new_zeros(())
    for c in range(2):
        label = soft[..., c]
        total = total + _mean((intensity - label) ** 2, label > 0)
    return total + neutral_weight * _mean(intensity**2, neutral)


def mine_neutral(intensity: Tensor, soft: Tensor, candidates: Tensor) -> Tensor:
    """The K candidates of lowest intensity, K the number of frames with a label (at least 1): (B, T) bool."""
    wanted = max(1, min(int((soft.amax(-1) > 0).sum()), int(candidates.sum())))
    cost = torch.where(candidates, intensity.detach(), torch.full_like(intensity, 2.0)).flatten()
    mined = torch.zeros_like(cost, dtype=torch.bool)
    mined[torch.topk(cost, wanted, largest=False).indices] = True
    return mined.view_as(candidates) & candidates


def smoothness_loss(intensity: Tensor) -> Tensor:
    """Mean squared second difference: bends are dear, a steady rise is free (a signed first difference telescopes)."""
    if intensity.shape[1] < 3:
        return intensity.new_zeros(())
    bend = intensity[:, 2:] - 2 * intensity[:, 1:-1] + intensity[:, :-2]
    return 100.0 * bend.pow(2).mean()


def reward_loss(intensity: Tensor, soft: Tensor) -> Tensor:
    """-0.4 mean intensity where the macro label exceeds 0.5, -0.6 where the micro label does."""
    return -0.4 * _mean(intensity, soft[..., 0] > 0.5) - 0.6 * _mean(intensity, soft[..., 1] > 0.5)


def apex_loss(logits: Tensor, labels: Tensor, weights: LossWeights) -> Tensor:
    """Focal binary cross-entropy on frames that are not ignored; with gamma 0 plain cross-entropy."""
    wanted = labels.clamp_min(0.0)
    loss = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    if weights.focal_gamma > 0:
        probability = torch.sigmoid(logits)
        loss = loss * (wanted - probability).abs().pow(weights.focal_gamma)
    counted = labels >= 0
    return _mean(loss[..., 0], counted[..., 0]) + weights.micro * _mean(loss[..., 1], counted[..., 1])


def contrastive_loss(frame: Tensor, intensity: Tensor, soft: Tensor, neutral: Tensor, anchors: int) -> Tensor:
    """Intensity-aware contrastive loss: frames of one class attract, weighted by how alike their intensities are.

    Anchors are frames with a label above 0.5 (macro 1, micro 2) and neutral ones (0), of either at most half of
    ``anchors``.
    """
    kind = torch.where(soft[..., 1] > 0.5, 2, torch.where(soft[..., 0] > 0.5, 1, torch.where(neutral, 0, -1))).flatten()
    chosen = torch.cat(
        [
            _some(torch.nonzero(kind > 0).squeeze(-1), anchors // 2),
            _some(torch.nonzero(kind == 0).squeeze(-1), anchors // 2),
        ]
    )
    if len(chosen) < 2:
        return frame.new_zeros(())
    kind, strength = kind[chosen], intensity.detach().flatten()[chosen]
    f = frame.flatten(0, 1)[chosen]
    apart = (strength[:, None] - strength[None]).abs()
    same = kind[:, None] == kind[None]
    weight = torch.where(same, 1.0 - apart, apart)
    weight = torch.where(same & (kind == 0)[:, None], torch.ones_like(weight), weight).clamp_min(1e-4)
    temperature, base = 0.5, 0.07
    weighted = f @ f.T / temperature + weight.log()
    itself = torch.eye(len(f), dtype=torch.bool, device=f.device)
    everyone = weighted.masked_fill(itself, float("-inf"))
    # less than e^-80 of the largest is nothing, and exponentials near the smallest numbers that there are take long
    everyone = torch.maximum(everyone, everyone.detach().amax(1, keepdim=True) - 80.0)
    log_share = weighted - torch.logsumexp(everyone, dim=1, keepdim=True)
    positive = same & ~itself
    per_anchor = (log_share * positive).sum(1) / positive.sum(1).clamp_min(1)
    return -(temperature / base) * per_anchor.mean()


def _some(indices: Tensor, most: int) -> Tensor:
    """An even selection of at most ``most`` indices."""
    if len(indices) <= most:
        return indices
    return indices[torch.linspace(0, len(indices) - 1, most, device=indices.device).long()]


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Mean over the chosen frames, 0 where there are none."""
    return (values * where).sum() / where.sum().clamp_min(1)
