"""The torch network: shapes, symmetry, receptive field, normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from models.network import MIRROR, MotionDescription, NetworkSettings, SpotterNetwork  # noqa: E402
from models.types import REGION_COUNT, REGION_NAMES  # noqa: E402

pytestmark = pytest.mark.usefixtures("without_gradients")

SMALL = NetworkSettings(scales=(3, 8), width=8, dilations=(1, 2), activity_frames=30)


def walk(frames: int, batch: int = 2, seed: int = 0) -> torch.Tensor:
    steps = torch.randn(batch, frames, REGION_COUNT, 2, generator=torch.Generator().manual_seed(seed)) * 0.003
    return torch.cumsum(steps, dim=1)


@pytest.fixture()
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture()
def network() -> SpotterNetwork:
    torch.manual_seed(0)
    made = SpotterNetwork(SMALL)
    made.fit_normalisation([walk(200, 4, seed=9)])
    return made.eval()


@pytest.mark.parametrize("frames", [1, 2, 7, 100])
def test_every_frame_gets_scores_between_0_and_1(network: SpotterNetwork, frames: int) -> None:
    intensity, apex = network(walk(frames, 3))
    assert intensity.shape == (3, frames) and apex.shape == (3, frames, 2)
    for scores in (intensity, apex):
        assert torch.isfinite(scores).all() and float(scores.min()) >= 0 and float(scores.max()) <= 1


def test_the_description_has_the_size_that_it_states() -> None:
    for settings in (SMALL, NetworkSettings(), replace(SMALL, relative=False)):
        describe = MotionDescription(settings)
        out = describe(walk(50))
        assert out.shape == (2, 50, describe.size)
        assert torch.isfinite(out).all()
        assert not list(describe.parameters()), "it is fixed"


def test_normalising_piece_by_piece_is_normalising_the_whole(
    network: SpotterNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces are faster; an exported network does without."""
    x = walk(600, 3)
    pieces = network.normalised(x)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    whole = network.normalised(x)
    # the exported arcsinh carries its sign in another way
    torch.testing.assert_close(pieces, whole, rtol=1e-6, atol=1e-7)
    assert pieces.shape == whole.shape and (pieces < 0).any() and (pieces > 0).any()


def test_batches_do_not_mix(network: SpotterNetwork) -> None:
    x = walk(120, 3)
    together = network(x)
    for i in range(3):
        for a, b in zip(network(x[i : i + 1]), together, strict=True):
            torch.testing.assert_close(a[0], b[i], atol=1e-6, rtol=0)


def test_the_receptive_field_is_as_stated(network: SpotterNetwork) -> None:
    back, ahead = SMALL.look_back_frames, SMALL.look_ahead_frames
    frame = back + 25
    x = walk(frame + ahead + 40, 1)
    whole = network(x)
    alone = network(x[:, frame - back : frame + ahead + 1])
    for a, b in zip(alone, whole, strict=True):
        torch.testing.assert_close(a[:, back], b[:, frame], atol=1e-5, rtol=0)
    # and it is not stated twice as large as it is
    near = network(x[:, frame - back // 4 : frame + ahead // 4 + 1])
    assert float((near[0][:, back // 4] - whole[0][:, frame]).abs().max()) > 1e-5


@pytest.mark.parametrize("first", [0, 3, 60, 119])
def test_the_end_of_a_window_is_scored_as_in_the_whole(network: SpotterNetwork, first: int) -> None:
    x = walk(120, 2)
    for end, whole in zip(network(x, torch.tensor(first)), network(x), strict=True):
        torch.testing.assert_close(end, whole[:, first:], atol=1e-6, rtol=0)


def test_what_lies_outside_the_receptive_field_does_not_matter(network: SpotterNetwork) -> None:
    back, ahead = SMALL.look_back_frames, SMALL.look_ahead_frames
    frame = back + 10
    x = walk(frame + ahead + 20, 1)
    other = walk(frame + ahead + 20, 1, seed=5)
    other[:, frame - back : frame + ahead + 1] = x[:, frame - back : frame + ahead + 1]
    for a, b in zip(network(x), network(other), strict=True):
        torch.testing.assert_close(a[:, frame], b[:, frame], atol=1e-5, rtol=0)
        assert float((a[:, frame + ahead + 5] - b[:, frame + ahead + 5]).abs().max()) > 1e-5


def test_mirror_swaps_the_sides_and_is_its_own_inverse() -> None:
    assert [MIRROR[i] for i in MIRROR] == list(range(REGION_COUNT))
    for region, other in enumerate(MIRROR):
        swapped = REGION_NAMES[region].replace("left", "?").replace("right", "left").replace("?", "right")
        assert REGION_NAMES[other] == swapped


def test_lengths_are_the_same_for_a_mirrored_face() -> None:
    """Mirroring changes signed combinations; how far regions move stays: the description's unsigned parts agree."""
    describe = MotionDescription(SMALL)
    x = walk(80)
    mirrored = x[:, :, list(MIRROR)] * torch.tensor([-1.0, 1.0])
    a, b = describe(x), describe(mirrored)
    equal = ((a - b).abs().amax((0, 1)) < 1e-4).sum()
    assert int(equal) > describe.size // 2
    assert int(equal) < describe.size, "the signed parts see the mirror"


def test_a_face_at_rest_has_a_finite_description_and_gradient() -> None:
    describe = MotionDescription(SMALL)
    still = torch.zeros(1, 60, REGION_COUNT, 2)
    out = describe(still)
    assert torch.isfinite(out).all()


def test_held_expressions_stay_visible() -> None:
    """Far from the baseline and motionless: the description differs from that of a calm motionless face."""
    describe = MotionDescription(SMALL)
    held = torch.zeros(1, 120, REGION_COUNT, 2)
    held[:, :, 8] = 0.15
    difference = describe(held)[0, 60] - describe(torch.zeros_like(held))[0, 60]
    assert float(difference.abs().max()) > 0.1


def test_normalisation_brings_typical_values_near_one(network: SpotterNetwork) -> None:
    z = network.normalised(walk(200, 4, seed=9)).flatten(0, 1)
    assert float(z.median(0).values.abs().max()) < 1e-3
    # asinh(1) = 0.88 at the 84th percentile of the distance from the median
    share = (z.abs() <= 0.8814).float().mean(0)
    usual = share[share < 0.999]
    assert len(usual) > 10 and float(usual.median()) == pytest.approx(0.84, abs=0.03)


def test_dropout_works_in_training_alone(network: SpotterNetwork) -> None:
    x = walk(60)
    assert torch.equal(network(x)[0], network(x)[0])
    network.train()
    assert not torch.equal(network(x)[0], network(x)[0])


@pytest.mark.parametrize("share", [0.0, 0.4, 0.5, 0.999])
def test_dropout_keeps_its_share_and_the_mean(share: float) -> None:
    """Whatever the order of the axes in memory."""
    torch.manual_seed(0)
    drop = SpotterNetwork(replace(SMALL, input_dropout=share)).members[0].enter[0].train()
    x = torch.ones(400, 30, 21).transpose(1, 2)
    y = drop(x)
    kept = float((y != 0).float().mean())
    assert kept == pytest.approx(1 - share, abs=0.004) and float(y.mean()) == pytest.approx(1, abs=0.05)
    assert len(y.unique()) <= 2
    assert torch.equal(drop.eval()(x), x)


@pytest.mark.parametrize("training", [False, True])
def test_a_trunk_is_made_of_plain_convolutions(training: bool) -> None:
    """However they are computed on this machine."""
    torch.manual_seed(1)
    described = torch.randn(2, 40, SpotterNetwork(SMALL).describe.size)
    network = SpotterNetwork(replace(SMALL, input_dropout=0.0, dropout=0.0)).train(training)
    (member,) = network.members
    x = member.enter[3](member.enter[2](torch.nn.functional.linear(described, *member.enter[1].parameters())))
    for block in member.blocks:
        conv = block.conv(x.transpose(1, 2)).transpose(1, 2)
        x = x + torch.nn.functional.gelu(block.norm(conv))
    torch.testing.assert_close(member(described).frame, x, atol=1e-5, rtol=1e-5)


def test_an_untrained_network_is_reticent() -> None:
    torch.manual_seed(1)
    network = SpotterNetwork(SMALL).eval()
    intensity, apex = network(walk(100) * 0.0)
    assert float(apex.mean()) < 0.35 and float(intensity.mean()) < 0.5


def test_settings_survive_a_dictionary() -> None:
    shape = {k: tuple(v) if isinstance(v, list) else v for k, v in SMALL.as_dict().items()}
    assert NetworkSettings(**shape) == SMALL  # type: ignore[arg-type]
