"""Batches: what is cut, and what each member of a network is taught of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from models.baseline import displacement  # noqa: E402
from models.network import MIRROR  # noqa: E402
from models.types import GRID_HZ, ExpressionType  # noqa: E402
from training.datasets import Point, Recording  # noqa: E402
from training.material import Material, Sampler, displacements, recorded_material, synthetic_material  # noqa: E402
from training.tracks import make_tracks  # noqa: E402
from training.trainer import TrainSettings  # noqa: E402

FRAMES = 300
SETTINGS = TrainSettings(recorded_crops=5, synthetic_crops=3, crop_frames=128, move_points=False)


def recorded(settings: TrainSettings = SETTINGS) -> list[Material]:
    rng = np.random.default_rng(0)
    recordings = [
        Recording(
            f"r{k}",
            f"s{k}",
            "tiny",
            GRID_HZ,
            rng.normal(0, 0.02, (FRAMES + 20 * k, 12, 2)).astype(np.float32),
            (Point(150, ExpressionType.MACRO), Point(60, ExpressionType.MICRO)),
            (),
        )
        for k in range(3)
    ]
    return recorded_material(recordings, settings)


def sampler(material: list[Material], settings: TrainSettings = SETTINGS, seed: int = 0) -> Sampler:
    synthetic = synthetic_material(make_tracks(3, seed=0), settings.rules)
    return Sampler(material, synthetic, settings, np.random.default_rng(seed))


def test_a_batch_is_recorded_crops_and_then_synthetic_ones() -> None:
    features, soft, apex, neutral = sampler(recorded()).batch()
    assert features.shape == (8, 128, 12, 2) and soft.shape == apex.shape == (8, 128, 2) and neutral.shape == (8, 128)
    assert len(sampler(recorded()).batch(synthetic=False)[0]) == SETTINGS.recorded_crops
    assert len(sampler([]).batch()[0]) == SETTINGS.synthetic_crops


def test_each_member_is_taught_its_own_labels() -> None:
    material = recorded()
    for m in material:
        m.targets = [replace(m.targets[0], soft=np.full_like(m.targets[0].soft, value)) for value in (0.25, 0.75)]
    first, second = (sampler(material).batch(member)[1][:5] for member in (0, 1))
    inside = first > 0
    assert inside.any()
    assert (first[inside] == 0.25).all() and (second[inside] == 0.75).all()


def test_a_crop_is_the_track_scaled_and_perhaps_mirrored_with_its_labels() -> None:
    """Found again by looking for it: every crop of a batch lies somewhere on some track."""
    material = recorded()
    features, every_soft, _, every_neutral = sampler(material).batch()
    for crop, soft, neutral in zip(features[:5], every_soft, every_neutral, strict=False):
        places = [
            (m, start, turned)
            for m in material
            for turned in (crop, crop[:, list(MIRROR)] * torch.tensor([-1.0, 1.0]))
            for start in range(-100, len(m.features))
            if (scale := _scale(turned, torch.from_numpy(m.features), start)) is not None
            and SETTINGS.scale_low <= scale
        ]
        ((m, start, _),) = places
        at = np.arange(start, start + 128)
        inside = (at >= 0) & (at < len(m.features))
        np.testing.assert_array_equal(soft.numpy()[inside], m.targets[0].soft[at[inside]])
        np.testing.assert_array_equal(neutral.numpy()[inside], m.targets[0].neutral[at[inside]])
        assert not soft.numpy()[~inside].any() and not neutral.numpy()[~inside].any(), "nothing is learned outside"


def _scale(crop: torch.Tensor, track: torch.Tensor, start: int) -> float | None:
    """By how much the crop is larger than this piece of the track; None where it is not this piece at all."""
    piece = track[torch.arange(start, start + len(crop)).clamp(0, len(track) - 1)]
    scale = float((crop * piece).sum() / (piece * piece).sum().clamp_min(1e-9))
    return scale if torch.allclose(crop, piece * scale, atol=1e-5) else None


def test_the_same_seed_cuts_the_same_batches() -> None:
    one, same, other = (sampler(recorded(), seed=seed).batch()[0] for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_tracks_of_any_length_at_once_are_each_track_alone() -> None:
    rng = np.random.default_rng(4)
    tracks = [rng.normal(0, 0.1, (frames, 12, 2)).astype(np.float32) for frames in (40, 90, 1, 65)]
    for track, moved in zip(tracks, displacements(tracks), strict=True):
        np.testing.assert_array_equal(moved, displacement(track))
        assert moved.dtype == np.float32 and moved.flags.c_contiguous
    assert displacements([]) == []


def test_a_long_track_does_not_make_the_others_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a session of hours, hundreds of short ones would else fill the memory."""
    worked: list[int] = []

    def counted(position_iod: np.ndarray) -> np.ndarray:
        worked.append(position_iod.shape[0] * position_iod.shape[1])
        return displacement(position_iod)

    monkeypatch.setattr("training.material.displacement", counted)
    tracks = [np.zeros((frames, 12, 2), np.float32) for frames in (500, *range(3, 40))]
    assert [len(moved) for moved in displacements(tracks)] == [len(track) for track in tracks]
    assert sum(worked) < 2 * sum(len(track) for track in tracks)


def test_features_are_the_displacement_from_the_running_baseline() -> None:
    tracks = make_tracks(2, seed=3)
    for track, material in zip(tracks, synthetic_material(tracks, SETTINGS.rules), strict=True):
        np.testing.assert_array_equal(material.features, displacement(track.position_iod))
