"""The compiled description of motion: the numbers of the other one, or a sentence that says what it needs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from models.errors import UsageError  # noqa: E402
from models.network import NetworkSettings, SpotterNetwork  # noqa: E402
from training.compiled import normaliser  # noqa: E402
from training.spotformer import SpotformerNetwork  # noqa: E402
from training.tracks import make_tracks  # noqa: E402
from training.trainer import TrainingRun, TrainSettings  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script_method.:DeprecationWarning")
"""PyTorch uses what it deprecates."""

SHAPE = NetworkSettings(scales=(3,), width=8, dilations=(1, 2), activity_frames=40)

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None and shutil.which("clang++") is None, reason="there is no C++ compiler here"
)


def moving(batch: int, frames: int) -> torch.Tensor:
    steps = torch.randn(batch, frames, 12, 2, generator=torch.Generator().manual_seed(batch))
    return 0.003 * steps.cumsum(1)


@needs_compiler
def test_it_is_the_description_of_the_network_for_batches_of_every_size() -> None:
    network = SpotterNetwork(SHAPE)
    network.fit_normalisation([moving(3, 90)])
    compiled = normaliser(network)
    for features in (moving(3, 64), moving(20, 100)):
        torch.testing.assert_close(compiled(features), network.normalised(features), atol=2e-5, rtol=0)
    other = SpotterNetwork(SHAPE)
    other.fit_normalisation([2 * moving(4, 90)])
    with_its_own = normaliser(other)(moving(3, 64))
    torch.testing.assert_close(with_its_own, other.normalised(moving(3, 64)), atol=2e-5, rtol=0)
    assert not torch.allclose(with_its_own, compiled(moving(3, 64)), atol=0.1), "each network has its own normalisation"


@needs_compiler
def test_a_run_with_it_is_the_run_without_it_but_for_rounding() -> None:
    tracks = make_tracks(3, seed=0)
    settings = TrainSettings(steps=3, synthetic_crops=3, crop_frames=80, network=SHAPE)
    plain, compiled = (losses(TrainingRun([], tracks, replace(settings, compiled=way))) for way in (False, True))
    for one, other in zip(plain, compiled, strict=True):
        assert one == pytest.approx(other, abs=2e-4)


def losses(run: TrainingRun) -> list[dict[str, float]]:
    return [run.advance() for _ in range(run.settings.steps)]


def test_without_a_compiler_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", (None, str(tmp_path / "missing")))
    with pytest.raises(UsageError, match=r"needs a C\+\+ compiler that PyTorch can use .* leave it out\.$"):
        normaliser(SpotterNetwork(replace(SHAPE, scales=(4,))))


def test_a_network_that_describes_no_motion_is_refused() -> None:
    with pytest.raises(UsageError, match='for the backbone "tcn" on the CPU alone'):
        normaliser(SpotformerNetwork())
