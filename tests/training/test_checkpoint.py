"""Checkpoints come back as they were, and anything else is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")
safetensors = pytest.importorskip("safetensors.torch", reason="the extra [train] (safetensors) is not installed")

from models.errors import ModelFileError, OutputError  # noqa: E402
from models.network import NetworkSettings, SpotterNetwork  # noqa: E402
from training import checkpoint  # noqa: E402
from training.trainer import TrainSettings  # noqa: E402

SMALL = NetworkSettings(scales=(3, 6), width=8, dilations=(1,), activity_frames=20)
SETTINGS = TrainSettings(steps=3, network=SMALL)


@pytest.fixture()
def network() -> SpotterNetwork:
    torch.manual_seed(0)
    made = SpotterNetwork(SMALL)
    made.fit_normalisation([torch.randn(2, 60, 12, 2) * 0.02])
    return made.eval()


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path, network: SpotterNetwork) -> None:
    path = tmp_path / "net.safetensors"
    checkpoint.save(network, SETTINGS, path)
    loaded, digest = checkpoint.load(path)
    assert loaded.settings == SMALL and not loaded.training
    features = torch.randn(1, 40, 12, 2) * 0.02
    for a, b in zip(loaded(features), network(features), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(loaded.centre, network.centre) and torch.equal(loaded.spread, network.spread)
    assert len(digest) == 64


def test_the_digest_is_that_of_the_settings(tmp_path: Path, network: SpotterNetwork) -> None:
    digests = []
    for name, settings in (("a", SETTINGS), ("b", SETTINGS), ("c", TrainSettings(steps=4, network=SMALL))):
        checkpoint.save(network, settings, tmp_path / name)
        digests.append(checkpoint.load(tmp_path / name)[1])
    assert digests[0] == digests[1] != digests[2]


def test_there_is_no_pickle_in_it(tmp_path: Path, network: SpotterNetwork) -> None:
    """A safetensors file: eight bytes of length, JSON, numbers."""
    path = tmp_path / "net.safetensors"
    checkpoint.save(network, SETTINGS, path)
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert set(header["__metadata__"]) == {"backbone", "network", "settings"}


def test_parameters_are_counted(network: SpotterNetwork) -> None:
    assert checkpoint.parameter_count(network) == sum(p.numel() for p in network.parameters()) > 100
    assert checkpoint.parameter_count(torch.nn.Linear(3, 2)) == 8


def refused(path: Path) -> None:
    with pytest.raises(ModelFileError, match="not a checkpoint of apexspot") as caught:
        checkpoint.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_empty_folder_and_text(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"but a folder; name the file in it, such as model\.safetensors"):
        checkpoint.load(tmp_path)
    with pytest.raises(ModelFileError, match=r"There is no file .*none; name the model\.safetensors"):
        checkpoint.load(tmp_path / "none")
    refused(tmp_path)
    for number, content in enumerate((b"", b"hello there, this is text", b"\x00" * 100)):
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(content)
        refused(path)


def test_a_truncated_checkpoint(tmp_path: Path, network: SpotterNetwork) -> None:
    path = tmp_path / "net.safetensors"
    checkpoint.save(network, SETTINGS, path)
    path.write_bytes(path.read_bytes()[:-100])
    refused(path)


@pytest.mark.parametrize(
    "header",
    [
        None,
        {"network": "{}"},
        {"network": "not json", "settings": "{}"},
        {"network": "[1]", "settings": "{}"},
        {"network": '{"colour": 1}', "settings": "{}"},
        {"network": json.dumps(SMALL.as_dict())},
        {"network": json.dumps(SMALL.as_dict() | {"width": 16}), "settings": "{}"},
    ],
    ids=["none", "defaults", "not json", "a list", "unknown", "no settings", "another width"],
)
def test_weights_with_another_header(tmp_path: Path, network: SpotterNetwork, header: dict[str, str] | None) -> None:
    path = tmp_path / "net.safetensors"
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    safetensors.save_file(weights, path, header)
    refused(path)


def test_a_network_is_no_run_in_the_middle(tmp_path: Path, network: SpotterNetwork) -> None:
    path = tmp_path / "net.safetensors"
    checkpoint.save(network, SETTINGS, path)
    with pytest.raises(ModelFileError, match="not a checkpoint of apexspot"):
        checkpoint.load_run(path)


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path, network: SpotterNetwork) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        checkpoint.save(network, SETTINGS, tmp_path / "none" / "net.safetensors")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, network: SpotterNetwork, value: float) -> None:
    path = tmp_path / "net.safetensors"
    with torch.no_grad():
        next(network.parameters()).view(-1)[3] = value
    checkpoint.save(network, SETTINGS, path)
    with pytest.raises(ModelFileError, match="weights that are not finite"):
        checkpoint.load(path)
