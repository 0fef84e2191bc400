"""The losses, each against a small example worked out by hand, and where they could go wrong."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from training import losses  # noqa: E402
from training.losses import LossWeights  # noqa: E402


def soft_of(macro: list[float], micro: list[float]) -> torch.Tensor:
    return torch.tensor([list(zip(macro, micro, strict=True))])


def test_intensity_loss_by_hand() -> None:
    """(0.8-1)^2 and (0.4-0.5)^2 over macro frames, (0.6-1)^2 over the micro frame, 0.2^2 over the neutral one."""
    intensity = torch.tensor([[0.8, 0.4, 0.6, 0.2, 0.9]])
    soft = soft_of([1.0, 0.5, 0, 0, 0], [0, 0, 1.0, 0, 0])
    neutral = torch.tensor([[False, False, False, True, False]])
    expected = (0.04 + 0.01) / 2 + 0.16 + 2.0 * 0.04
    assert float(losses.intensity_loss(intensity, soft, neutral, 2.0)) == pytest.approx(expected, abs=1e-6)


def test_mined_neutral_frames_are_the_most_confident_candidates() -> None:
    """As many as there are frames with a label (two here)."""
    intensity = torch.tensor([[0.9, 0.8, 0.05, 0.3, 0.1, 0.02]])
    soft = soft_of([1.0, 0.5, 0, 0, 0, 0], [0.0] * 6)
    candidates = torch.tensor([[False, False, True, True, True, False]])
    mined = losses.mine_neutral(intensity, soft, candidates)
    assert mined.tolist() == [[False, False, True, False, True, False]]


def test_mining_takes_one_at_least_and_no_more_than_there_are() -> None:
    intensity = torch.rand(2, 10)
    none = torch.zeros(2, 10, 2)
    candidates = torch.zeros(2, 10, dtype=torch.bool)
    candidates[1, 3:6] = True
    assert int(losses.mine_neutral(intensity, none, candidates).sum()) == 1
    everything = torch.ones(2, 10, 2)
    assert torch.equal(losses.mine_neutral(intensity, everything, candidates), candidates)
    assert not losses.mine_neutral(intensity, none, torch.zeros_like(candidates)).any(), "no candidate, none mined"


def test_a_steady_rise_is_smooth_and_a_bend_is_not() -> None:
    rise = torch.linspace(0, 1, 11)[None]
    assert float(losses.smoothness_loss(rise)) == pytest.approx(0.0, abs=1e-9)
    spike = torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0]])
    # second differences 1, -2, 1: their mean square 2 scales the loss
    softer = torch.tensor([[0.0, 0.0, 0.5, 0.0, 0.0]])
    assert float(losses.smoothness_loss(spike)) == pytest.approx(4 * float(losses.smoothness_loss(softer)))
    assert float(losses.smoothness_loss(softer)) > 0
    assert float(losses.smoothness_loss(spike[:, :2])) == 0.0


def test_reward_by_hand() -> None:
    intensity = torch.tensor([[0.8, 0.6, 0.5, 0.1]])
    soft = soft_of([0.9, 0.51, 0, 0.5], [0, 0, 0.7, 0])
    assert float(losses.reward_loss(intensity, soft)) == pytest.approx(-0.4 * 0.7 - 0.6 * 0.5, abs=1e-6)


def test_apex_loss_by_hand() -> None:
    """Cross-entropy over the frames that are not ignored, each class by itself, micro weighted."""
    probability = torch.tensor([[[0.8, 0.3], [0.4, 0.9], [0.99, 0.99]]])
    logits = torch.logit(probability)
    labels = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]])
    weights = replace(LossWeights(), micro=1.8, focal_gamma=0.0)
    macro = -(math.log(0.8) + math.log(0.6)) / 2
    micro = -(math.log(0.7) + math.log(0.9)) / 2
    assert float(losses.apex_loss(logits, labels, weights)) == pytest.approx(macro + 1.8 * micro, abs=1e-5)
    focal = replace(weights, focal_gamma=1.0)
    macro = -(0.2 * math.log(0.8) + 0.4 * math.log(0.6)) / 2
    micro = -(0.3 * math.log(0.7) + 0.1 * math.log(0.9)) / 2
    assert float(losses.apex_loss(logits, labels, focal)) == pytest.approx(macro + 1.8 * micro, abs=1e-5)


def test_ignored_frames_have_no_gradient() -> None:
    logits = torch.randn(1, 4, 2, requires_grad=True)
    labels = torch.tensor([[[1.0, -1.0], [-1.0, 0.0], [0.0, -1.0], [-1.0, -1.0]]])
    losses.apex_loss(logits, labels, replace(LossWeights(), micro=1.0)).backward()
    assert torch.equal(logits.grad != 0, labels >= 0)


def test_contrastive_loss_by_hand() -> None:
    """One neutral pair and one macro pair; every weight and exponential written out."""
    frame = torch.tensor([[[0.2, 0.0], [0.1, 0.1], [0.0, 0.5], [0.3, 0.4]]])
    intensity = torch.tensor([[0.9, 0.7, 0.1, 0.3]])
    soft = soft_of([0.9, 0.8, 0, 0], [0.0] * 4)
    neutral = torch.tensor([[False, False, True, True]])
    kind = [1, 1, 0, 0]
    strengths, f = intensity[0].tolist(), frame[0].tolist()

    def weight(i: int, j: int) -> float:
        apart = abs(strengths[i] - strengths[j])
        if kind[i] == kind[j]:
            return 1.0 if kind[i] == 0 else 1.0 - apart
        return apart

    def similarity(i: int, j: int) -> float:
        return sum(a * b for a, b in zip(f[i], f[j], strict=True)) / 0.5

    total = 0.0
    for i, partner in ((0, 1), (1, 0), (2, 3), (3, 2)):
        among = sum(weight(i, k) * math.exp(similarity(i, k)) for k in range(4) if k != i)
        total += math.log(weight(i, partner)) + similarity(i, partner) - math.log(among)
    expected = -(0.5 / 0.07) * total / 4
    assert float(losses.contrastive_loss(frame, intensity, soft, neutral, 192)) == pytest.approx(expected, rel=1e-4)


def test_contrastive_loss_falls_as_classes_come_apart() -> None:
    intensity = torch.tensor([[0.9] * 4 + [0.1] * 4])
    soft = soft_of([1.0] * 4 + [0.0] * 4, [0.0] * 8)
    neutral = soft[..., 0] == 0
    mixed = torch.tensor([[[1.0, 0.0], [0.0, 1.0]] * 4])
    apart = torch.tensor([[[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 4])
    before, after = (float(losses.contrastive_loss(f, intensity, soft, neutral, 192)) for f in (mixed, apart))
    assert after < before


def test_the_number_of_anchors_is_bounded() -> None:
    """Many frames: the result is finite, and selecting anchors is deterministic."""
    torch.manual_seed(0)
    frame = torch.randn(4, 500, 8)
    intensity = torch.rand(4, 500)
    soft = (torch.rand(4, 500, 2) > 0.8).float()
    neutral = soft.amax(-1) == 0
    first = losses.contrastive_loss(frame, intensity, soft, neutral, 64)
    assert torch.isfinite(first) and torch.equal(first, losses.contrastive_loss(frame, intensity, soft, neutral, 64))


def test_missing_classes_cost_nothing_and_every_gradient_is_finite() -> None:
    """The published losses give NaN for a video that lacks a class."""
    intensity = torch.rand(2, 20).requires_grad_(True)
    logits = torch.randn(2, 20, 2).requires_grad_(True)
    frame = torch.randn(2, 20, 4).requires_grad_(True)
    none, nobody = torch.zeros(2, 20, 2), torch.zeros(2, 20, dtype=torch.bool)
    ignored = torch.full((2, 20, 2), -1.0)
    parts = [
        losses.intensity_loss(intensity, none, nobody, 3.0),
        losses.reward_loss(intensity, none),
        losses.apex_loss(logits, ignored, LossWeights()),
        losses.contrastive_loss(frame, intensity, none, nobody, 192),
    ]
    assert [float(p.detach()) for p in parts] == [0.0] * 4
    torch.stack([p + 0 * intensity.sum() + 0 * logits.sum() for p in parts]).sum().backward()
    assert torch.isfinite(intensity.grad).all() and torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("extreme", [0.0, 1e4, -1e4])
def test_gradients_stay_finite_at_extreme_scores(extreme: float) -> None:
    logits = torch.full((1, 12, 2), extreme, requires_grad=True)
    raw = torch.full((1, 12), extreme, requires_grad=True)
    frame = torch.full((1, 12, 3), math.copysign(min(abs(extreme), 50.0), extreme), requires_grad=True)
    soft = soft_of([1.0, 0.7] * 3 + [0.0] * 6, [0.0] * 6 + [1.0, 0.6] * 2 + [0.0] * 2)
    neutral = soft.amax(-1) == 0
    labels = torch.where(soft > 0.5, 1.0, 0.0)
    intensity = torch.sigmoid(raw)
    weights = replace(LossWeights(), focal_gamma=1.0)
    total = (
        losses.intensity_loss(intensity, soft, neutral, 3.0)
        + losses.smoothness_loss(intensity)
        + losses.reward_loss(intensity, soft)
        + losses.apex_loss(logits, labels, weights)
        + losses.contrastive_loss(frame, intensity, soft, neutral, 192)
    )
    total.backward()
    assert torch.isfinite(total)
    for tensor in (logits, raw, frame):
        assert tensor.grad is not None and torch.isfinite(tensor.grad).all()
