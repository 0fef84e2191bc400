"""The transformer backbone: shapes, what a score depends on, gradients, a tiny run, checkpoints and export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from models.types import GRID_HZ, ExpressionType  # noqa: E402
from training import checkpoint  # noqa: E402
from training.backbones import build  # noqa: E402
from training.datasets import Point, Recording  # noqa: E402
from training.spotformer import CHUNK, WINDOW, SpotformerNetwork, SpotformerSettings  # noqa: E402
from training.trainer import TrainSettings, train  # noqa: E402

SMALL = SpotformerSettings(width=8, heads=2, dropout=0.0, head_dropout=0.0)


@pytest.fixture(scope="module")
def network() -> SpotformerNetwork:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    made = SpotformerNetwork(SMALL)
    made.fit_normalisation([tracks(2, 100)])
    return made.eval()


def tracks(batch: int, time: int) -> torch.Tensor:
    steps = torch.randn(batch, time, 12, 2, generator=torch.Generator().manual_seed(3)) * 0.003
    return torch.cumsum(steps, 1)


@pytest.mark.parametrize("time", [1, 2, WINDOW, CHUNK + 30])
@torch.no_grad()
def test_shapes(network: SpotformerNetwork, time: int) -> None:
    out = network.logits(tracks(2, time))[0]
    assert out.intensity.shape == (2, time)
    assert out.apex.shape == (2, time, 2)
    assert out.frame.shape == out.embedding.shape == (2, time, 8)
    intensity, apex = network(tracks(2, time))
    assert bool(((intensity > 0) & (intensity < 1)).all()) and bool(((apex > 0) & (apex < 1)).all())


def test_the_published_size() -> None:
    assert 2.8e6 < checkpoint.parameter_count(SpotformerNetwork()) < 3.6e6


@torch.no_grad()
def test_a_score_depends_on_its_window_alone(network: SpotformerNetwork) -> None:
    features = tracks(1, 120)
    before = network.logits(features)[0]
    features[:, 60] += 0.05
    moved = (network.logits(features)[0].frame - before.frame).abs().amax(-1)[0]
    changed = torch.nonzero(moved > 1e-7).squeeze(-1).tolist()
    s = network.settings
    assert changed == list(range(60 - s.look_ahead_frames, 60 + s.look_back_frames + 1))


@torch.no_grad()
def test_neither_chunks_nor_an_offset_nor_the_nose_change_a_score(network: SpotformerNetwork) -> None:
    features = tracks(1, CHUNK + 60)
    whole = network.logits(features)[0].intensity
    torch.testing.assert_close(whole, network.members[0](network.normalised(features)).intensity)
    torch.testing.assert_close(network.logits(features + 0.25)[0].intensity, whole, atol=1e-4, rtol=0)
    features[:, :, 6:8] += torch.randn(1, CHUNK + 60, 2, 2)
    assert torch.equal(network.logits(features)[0].intensity, whole)


@torch.no_grad()
def test_edges_repeat_the_last_frame(network: SpotformerNetwork) -> None:
    features = tracks(1, 50)
    longer = torch.cat([features, features[:, -1:].expand(-1, 20, -1, -1)], dim=1)
    torch.testing.assert_close(network.logits(longer)[0].intensity[:, :50], network.logits(features)[0].intensity)


def test_gradients_reach_every_weight(network: SpotformerNetwork) -> None:
    made = SpotformerNetwork(SMALL).train()
    out = made.logits(tracks(2, 40))[0]
    (out.intensity.pow(2).sum() + out.apex.pow(2).sum()).backward()
    for name, weight in made.named_parameters():
        assert weight.grad is not None and bool(torch.isfinite(weight.grad).all()), name
        assert bool((weight.grad != 0).any()), name


def test_a_tiny_run_learns_and_its_checkpoint_comes_back(tmp_path: Path) -> None:
    made = []
    for k in range(2):
        t = np.arange(200) / GRID_HZ
        position = np.random.default_rng(k).normal(0, 0.0005, (200, 12, 2))
        position[:, :6, 1] -= 0.08 * np.where(np.abs(t - 3) < 0.5, np.cos(np.pi * (t - 3)) ** 2, 0.0)[:, None]
        points = (Point(90, ExpressionType.MACRO),)
        made.append(Recording(f"r{k}", f"s{k}", "tiny", GRID_HZ, position.astype(np.float32), points, ()))
    settings = TrainSettings(
        steps=24, recorded_crops=2, crop_frames=96, learning_rate=1e-2, adaptive_at=(0.5,), network=SMALL
    )
    losses: list[float] = []
    network = train(made, [], settings, lambda step, parts: losses.append(parts["intensity"] + parts["apex"]))
    assert np.isfinite(losses).all() and np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])
    checkpoint.save(network, settings, tmp_path / "net.safetensors")
    loaded, digest = checkpoint.load(tmp_path / "net.safetensors")
    assert isinstance(loaded, SpotformerNetwork) and loaded.settings == SMALL and len(digest) == 64
    with torch.no_grad():
        assert torch.equal(loaded(tracks(1, 40))[0], network(tracks(1, 40))[0])


def test_the_shape_chooses_the_backbone() -> None:
    assert isinstance(build(SMALL), SpotformerNetwork)
    assert not isinstance(build(replace(TrainSettings()).network), SpotformerNetwork)


@pytest.mark.timeout(300)
def test_it_exports(network: SpotformerNetwork, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="the extra [train] (onnxscript) is not installed")
    from models.baseline import BaselineSettings
    from models.decode import DecodeSettings
    from models.spotter import Spotter
    from training.export import PARITY, export

    path = tmp_path / "tiny.onnx"
    difference = export(
        network,
        path,
        decode=DecodeSettings(),
        baseline=BaselineSettings(),
        training_data="none: random weights",
        licence="test",
        version="0.0.0",
        config_sha256="ab" * 32,
    )
    assert difference <= PARITY
    assert Spotter(path, use_gpu=False).spec.look_ahead_frames == WINDOW // 2
