"""A tiny run: it learns, it repeats itself, it keeps to its stages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from models.baseline import displacement  # noqa: E402
from models.errors import DataError  # noqa: E402
from models.network import NetworkSettings, SpotterNetwork  # noqa: E402
from models.types import GRID_HZ, ExpressionType  # noqa: E402
from training import checkpoint, gim  # noqa: E402
from training.datasets import Point, Recording  # noqa: E402
from training.tracks import Track, TrackSettings, make_tracks  # noqa: E402
from training.trainer import TrainingRun, TrainSettings, infer, infer_each, train  # noqa: E402

TINY = TrainSettings(
    steps=40,
    recorded_crops=2,
    synthetic_crops=4,
    synthetic_weight=1.0,
    crop_frames=128,
    learning_rate=1e-2,
    network=NetworkSettings(
        scales=(5, 12), width=8, dilations=(1, 2), input_dropout=0.0, dropout=0.0, activity_frames=60
    ),
)


@pytest.fixture(scope="module")
def tracks() -> list[Track]:
    plain = TrackSettings(duration_s=15.0, speech_share=0.0, turns_share=0.0, empty_share=0.0)
    return make_tracks(6, seed=0, settings=plain)


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    """Recordings with one raised brow each, known by a point beside its apex; one without any point."""
    made = []
    for k in range(3):
        t = np.arange(300) / GRID_HZ
        position = np.random.default_rng(k).normal(0, 0.0005, (300, 12, 2))
        shape = np.where(np.abs(t - 5) < 0.5, np.cos(np.pi * (t - 5)) ** 2, 0.0)
        position[:, :6, 1] -= 0.08 * shape[:, None] * (k < 2)
        points = (Point(153, ExpressionType.MACRO), Point(90, ExpressionType.MICRO)) if k < 2 else ()
        made.append(Recording(f"r{k}", f"s{k}", "tiny", GRID_HZ, position.astype(np.float32), points, ()))
    return made


def run(
    recordings: list[Recording], tracks: list[Track], settings: TrainSettings
) -> tuple[SpotterNetwork, list[dict[str, float]]]:
    torch.set_num_threads(1)
    steps: list[dict[str, float]] = []
    network = train(recordings, tracks, settings, lambda step, parts: steps.append({"step": step, **parts}))
    return network, steps


@pytest.fixture(scope="module")
def trained(recordings: list[Recording], tracks: list[Track]) -> tuple[SpotterNetwork, list[dict[str, float]]]:
    return run(recordings, tracks, TINY)


def total(parts: dict[str, float], names: tuple[str, ...] = ("intensity", "apex")) -> float:
    return sum(parts[name] for name in names)


def test_the_loss_falls(trained: tuple[SpotterNetwork, list[dict[str, float]]]) -> None:
    _, steps = trained
    assert [s["step"] for s in steps] == list(range(TINY.steps))
    assert all(np.isfinite(list(s.values())).all() for s in steps)
    first, last = (np.mean([total(s) for s in part]) for part in (steps[:5], steps[-5:]))
    assert last < 0.8 * first


def test_what_was_learned_tells_expressions_from_calm(
    trained: tuple[SpotterNetwork, list[dict[str, float]]], tracks: list[Track]
) -> None:
    network, _ = trained
    assert not network.training
    inside, outside = [], []
    for track in make_tracks(3, seed=77, settings=TrackSettings(15.0, 0.0, 0.0, empty_share=0.0)):
        intensity, apex = infer(network, displacement(track.position_iod))
        assert len(intensity) == len(apex) == len(track.position_iod)
        busy = track.strength.max(1)
        inside.append(intensity[busy > 0.7])
        outside.append(intensity[busy == 0])
    assert np.concatenate(inside).mean() > np.concatenate(outside).mean() + 0.1


def test_a_seed_gives_the_same_network_and_another_one_another(
    recordings: list[Recording], tracks: list[Track], trained: tuple[SpotterNetwork, list[dict[str, float]]]
) -> None:
    short = replace(TINY, steps=6)
    one, two = run(recordings, tracks, short)[0], run(recordings, tracks, short)[0]
    other = run(recordings, tracks, replace(short, seed=1))[0]
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, two.state_dict()[name]), name
    assert any(not torch.equal(w, other.state_dict()[n]) for n, w in one.state_dict().items())


@pytest.mark.parametrize("kind", ["recorded", "synthetic"])
def test_either_kind_of_material_is_enough(recordings: list[Recording], tracks: list[Track], kind: str) -> None:
    settings = replace(TINY, steps=5, adaptive_at=(0.4,))
    _, steps = run(recordings if kind == "recorded" else [], tracks if kind == "synthetic" else [], settings)
    assert len(steps) == 5 and all(np.isfinite(list(s.values())).all() for s in steps)


def test_switched_off_parts_weigh_nothing(recordings: list[Recording], tracks: list[Track]) -> None:
    loss = replace(TINY.loss, smoothness=0.0, reward=0.0, norm=0.0, contrastive=0.0, neutral_mined=True)
    _, steps = run(recordings, tracks, replace(TINY, steps=2, loss=loss))
    for s in steps:
        assert s.get("smoothness", 0.0) == s.get("reward", 0.0) == s.get("norm", 0.0) == 0.0
        assert s["intensity"] > 0 and s["apex"] > 0


def test_training_sees_points_and_never_intervals(recordings: list[Recording], tracks: list[Track]) -> None:
    """Whatever the coded intervals say, the network is the same."""
    from training.datasets import LabelledInterval

    lies = tuple(LabelledInterval(10, 20, 290, ExpressionType.MICRO) for _ in range(3))
    with_intervals = [replace(r, intervals=lies) for r in recordings]
    settings = replace(TINY, steps=4, adaptive_at=(0.5,))
    one, two = run(recordings, tracks, settings)[0], run(with_intervals, tracks, settings)[0]
    assert all(torch.equal(w, two.state_dict()[n]) for n, w in one.state_dict().items())


def test_adaptive_labels_are_those_that_scores_of_the_whole_recording_give() -> None:
    """Though no more of it is scored than they depend on."""
    position = 0.003 * np.random.default_rng(8).normal(size=(1500, 12, 2)).cumsum(0).astype(np.float32)
    points = (Point(640, ExpressionType.MACRO), Point(700, ExpressionType.MICRO))
    long = Recording("long", "s", "tiny", GRID_HZ, position, points, ())
    settings = replace(TINY, steps=2, gaussian_from=0.0, adaptive_at=(0.5,), move_points=False)
    run_ = TrainingRun([long], [], settings)
    run_.advance()
    ((intensity, embedding),) = infer_each(run_.network, displacement(position))
    apexes = gim.pseudo_apexes(points, intensity, settings.rules)
    soft = gim.adaptive_labels(points, apexes, intensity, embedding, settings.rules, reliable=0.55)
    run_.advance()
    made = run_.state().tensors["targets.soft"][0].numpy()
    np.testing.assert_allclose(made, soft, atol=1e-5)
    assert 0 < np.count_nonzero(made) < 80


def test_recordings_shorter_than_a_crop(recordings: list[Recording]) -> None:
    short = [
        replace(r, position_iod=r.position_iod[:100], points=(Point(99, ExpressionType.MACRO),)) for r in recordings
    ]
    _, steps = run(short, [], replace(TINY, steps=4))
    assert all(np.isfinite(list(s.values())).all() for s in steps)


DROPPING = replace(
    TINY,
    steps=9,
    adaptive_at=(0.3, 0.7),
    lab_members=1,
    network=replace(TINY.network, input_dropout=0.4, dropout=0.5, members=2),
)


@pytest.mark.parametrize("at", [1, 4, 8])
def test_a_run_that_was_interrupted_goes_on_bit_for_bit(
    recordings: list[Recording], tracks: list[Track], tmp_path: Path, at: int
) -> None:
    """Before, between and after the stages; dropout, crops and pseudo-labels go on as they were."""
    whole = TrainingRun(recordings, tracks, DROPPING)
    losses = [whole.advance() for _ in range(DROPPING.steps)]
    first = TrainingRun(recordings, tracks, DROPPING)
    for _ in range(at):
        first.advance()
    path = tmp_path / "run.safetensors"
    checkpoint.save_run(first.state(), DROPPING, path)
    torch.randn(3)  # what others draw meanwhile
    second = TrainingRun(recordings, tracks, DROPPING)
    second.restore(checkpoint.load_run(path))
    assert second.step == at
    assert [second.advance() for _ in range(DROPPING.steps - at)] == losses[at:]
    assert second.finished
    for name, weights in whole.network.state_dict().items():
        assert torch.equal(weights, second.network.state_dict()[name]), name


def test_a_run_in_the_middle_is_a_checkpoint_too(
    recordings: list[Recording], tracks: list[Track], tmp_path: Path
) -> None:
    run_ = TrainingRun(recordings, tracks, DROPPING)
    run_.advance()
    checkpoint.save_run(run_.state(), DROPPING, tmp_path / "middle")
    checkpoint.save(run_.network, DROPPING, tmp_path / "end")
    (one, digest), (two, same) = checkpoint.load(tmp_path / "middle"), checkpoint.load(tmp_path / "end")
    assert digest == same
    assert all(torch.equal(w, two.state_dict()[n]) for n, w in one.state_dict().items())


def test_starting_from_weights_keeps_their_normalisation(recordings: list[Recording], tracks: list[Track]) -> None:
    before = TrainingRun(recordings, tracks, DROPPING).network
    other = [replace(r, position_iod=3 * r.position_iod) for r in recordings]
    run_ = TrainingRun(other, [], DROPPING, start=before.state_dict())
    assert all(torch.equal(w, before.state_dict()[n]) for n, w in run_.network.state_dict().items())
    run_.advance()
    assert torch.equal(run_.network.spread, before.spread)
    assert not torch.equal(run_.network.members[0].intensity.weight, before.members[0].intensity.weight)


def test_lab_members_learn_from_recordings_alone(recordings: list[Recording], tracks: list[Track]) -> None:
    """Other synthetic tracks leave them as they are, and the member that learns from both kinds changes."""
    settings = replace(TINY, steps=3, adaptive_at=(), lab_members=1, network=replace(TINY.network, members=2))
    start = TrainingRun(recordings, tracks, settings).network.state_dict()
    runs = [TrainingRun(recordings, t, settings, start) for t in (tracks, make_tracks(6, seed=5))]
    for run_ in runs:
        for _ in range(settings.steps):
            assert np.isfinite(list(run_.advance().values())).all()
    lab, both = (
        all(torch.equal(a, b) for a, b in zip(*(r.network.members[i].parameters() for r in runs), strict=True))
        for i in range(2)
    )
    assert lab and not both


def test_a_score_is_the_mean_of_the_members(recordings: list[Recording]) -> None:
    settings = replace(TINY, network=replace(TINY.network, members=3))
    network = TrainingRun(recordings, [], settings).network.eval()
    features = displacement(recordings[0].position_iod)
    said = infer(network, features)
    each = []
    for member in network.members:
        alone = TrainingRun(recordings, [], TINY).network.eval()
        alone.load_state_dict({**network.state_dict(), **member.state_dict(prefix="members.0.")}, strict=False)
        each.append(infer(alone, features))
    for mean, parts in zip(said, zip(*each, strict=True), strict=True):
        np.testing.assert_allclose(mean, np.mean(parts, axis=0), atol=1e-6)
        assert not np.allclose(parts[0], parts[1])


@pytest.mark.parametrize(
    ("intensity", "said"), [(float("inf"), "intensity"), (3e38, "gradient")], ids=["loss", "gradient alone"]
)
def test_a_run_stops_where_its_loss_is_no_number(
    recordings: list[Recording], tracks: list[Track], intensity: float, said: str
) -> None:
    """Its weights would be none from then on, and the run would seem to end well."""
    weights = replace(TINY.loss, intensity=intensity, neutral=0.0 if said == "gradient" else 1.0)
    going = TrainingRun(recordings, tracks, replace(TINY, loss=weights))
    with pytest.raises(DataError, match=rf"stopped in step 1: its loss \({said}\).*learning_rate"):
        while not going.finished:
            going.advance()
    assert all(bool(torch.isfinite(value).all()) for value in going.network.state_dict().values())
