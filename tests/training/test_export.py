"""Export of a tiny network: one export serves all tests here, since it takes many seconds."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")
onnx = pytest.importorskip("onnx", reason="the extra [train] (onnx) is not installed")
pytest.importorskip("onnxscript", reason="the extra [train] (onnxscript) is not installed")

from models.baseline import BaselineSettings  # noqa: E402
from models.decode import DecodeSettings  # noqa: E402
from models.errors import ModelFileError, OutputError, UsageError  # noqa: E402
from models.model_file import FIRST_NAME  # noqa: E402
from models.network import NetworkSettings, SpotterNetwork  # noqa: E402
from models.spotter import Spotter  # noqa: E402
from training import checkpoint  # noqa: E402
from training import export as exporting  # noqa: E402
from training.export import OWN_TERMS, PARITY, export, export_checkpoint, parity  # noqa: E402
from training.trainer import TrainSettings  # noqa: E402

SMALL = NetworkSettings(scales=(4,), width=8, dilations=(1,), activity_frames=16)
DECODE = replace(DecodeSettings(), island=0.15)

pytestmark = pytest.mark.timeout(400)


class Exported(NamedTuple):
    network: SpotterNetwork
    path: Path
    difference: float


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    torch.manual_seed(0)
    network = SpotterNetwork(SMALL)
    network.fit_normalisation([torch.cumsum(torch.randn(2, 100, 12, 2) * 0.003, 1)])
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    difference = export(
        network,
        path,
        decode=DECODE,
        baseline=BaselineSettings(),
        training_data="none: random weights",
        licence="test",
        version="0.0.0",
        config_sha256="cd" * 32,
    )
    return Exported(network, path, difference)


def test_torch_and_the_file_agree(exported: Exported) -> None:
    assert exported.difference <= PARITY
    spotter = Spotter(exported.path, use_gpu=False)
    rng = np.random.default_rng(5)
    for frames in (1, 2, 37, 256, 500):
        features = np.cumsum(rng.normal(0, 0.004, (frames, 12, 2)), axis=0).astype(np.float32)
        with torch.no_grad():
            intensity, apex = exported.network(torch.from_numpy(features)[None])
        got = spotter.score(features)
        np.testing.assert_allclose(got[0], intensity[0].numpy(), atol=PARITY)
        np.testing.assert_allclose(got[1], apex[0].numpy(), atol=PARITY)
        for first in {0, frames // 2, frames - 1}:
            end = spotter.score(features, first)
            assert end[0].shape == (frames - first,)
            np.testing.assert_allclose(end[0], intensity[0, first:].numpy(), atol=PARITY)
            np.testing.assert_allclose(end[1], apex[0, first:].numpy(), atol=PARITY)


def test_the_file_takes_several_recordings_at_once(exported: Exported) -> None:
    session = onnxruntime.InferenceSession(exported.path, providers=["CPUExecutionProvider"])
    both = torch.cumsum(torch.randn(3, 60, 12, 2, generator=torch.Generator().manual_seed(2)) * 0.004, 1)
    intensity, apex = session.run(["intensity", "apex"], {"features": both.numpy()})
    with torch.no_grad():
        wanted = exported.network(both)
    np.testing.assert_allclose(intensity, wanted[0].numpy(), atol=PARITY)
    np.testing.assert_allclose(apex, wanted[1].numpy(), atol=PARITY)


def test_parity_notices_another_network(exported: Exported) -> None:
    torch.manual_seed(1)
    assert parity(SpotterNetwork(SMALL).eval(), exported.path) > PARITY


def test_the_file_stands_alone(exported: Exported) -> None:
    assert [p.name for p in exported.path.parent.iterdir()] == ["tiny.onnx"], "no data file, nothing half-written"
    model = onnx.load(exported.path, load_external_data=False)
    assert all(t.data_location == onnx.TensorProto.DEFAULT for t in model.graph.initializer)
    assert {o.domain for o in model.opset_import} <= {""}
    assert model.graph.input[0].type.tensor_type.shape.dim[1].dim_param, "any length"


def test_it_carries_its_specification_and_no_traces_of_this_machine(exported: Exported) -> None:
    spec = Spotter(exported.path, use_gpu=False).spec
    assert (spec.look_back_frames, spec.look_ahead_frames) == (SMALL.look_back_frames, SMALL.look_ahead_frames)
    assert spec.decode == DECODE and spec.baseline == BaselineSettings()
    assert (spec.licence, spec.config_sha256) == ("test", "cd" * 32)
    data = exported.path.read_bytes()
    for trace in (b"site-packages", b".py", str(Path.home()).encode() + b"/", b"Traceback"):
        assert trace not in data


@pytest.fixture
def exported_before(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch would export of the same network once more is there already."""
    program = SimpleNamespace(model_proto=onnx.load(exported.path))
    # export() adds this one itself
    kept = [t for t in program.model_proto.graph.initializer if t.name != FIRST_NAME]
    del program.model_proto.graph.initializer[:]
    program.model_proto.graph.initializer.extend(kept)
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: program)


@pytest.mark.usefixtures("exported_before")
def test_a_checkpoint_becomes_a_model_that_decodes_like_another(exported: Exported, tmp_path: Path) -> None:
    source = tmp_path / "model.safetensors"
    checkpoint.save(exported.network, TrainSettings(network=SMALL), source)
    run = {"data": {"sets": ["plain"], "recordings": 3}, "start": "ab" * 32}
    (tmp_path / "run.json").write_text(json.dumps(run))
    out = tmp_path / "new" / "mine.onnx"
    difference, spec = export_checkpoint(source, out, exported.path)
    assert difference <= PARITY
    assert (spec.decode, spec.licence) == (DECODE, "test")
    assert spec.training_data == "plain (3 recordings), after the network abababababab"
    assert spec.config_sha256 == checkpoint.load(source)[1]
    with pytest.raises(OutputError, match="cannot be written"):
        export_checkpoint(source, source / "mine.onnx", exported.path)
    with pytest.raises(ModelFileError, match="not a checkpoint"):
        export_checkpoint(exported.path, tmp_path / "no.onnx", exported.path)


@pytest.mark.usefixtures("exported_before")
def test_an_interrupted_export_leaves_nothing(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The most likely moment: while the scores are compared."""
    source, out = tmp_path / "model.safetensors", tmp_path / "new" / "mine.onnx"
    checkpoint.save(exported.network, TrainSettings(network=SMALL), source)

    def interrupted(network: object, path: Path) -> float:
        assert path.is_file()
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "parity", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_checkpoint(source, out, exported.path)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("sets", "start", "own"),
    [
        (["plain"], None, True),
        (["plain", "sessions"], None, True),
        (["plain"], "ab" * 32, False),
        (["casme2", "plain"], None, False),
        (None, None, False),
    ],
)
def test_research_terms_are_taken_over_only_where_research_data_had_a_part(
    exported: Exported,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sets: list[str] | None,
    start: str | None,
    own: bool,
) -> None:
    source, out = tmp_path / "model.safetensors", tmp_path / "mine.onnx"
    checkpoint.save(exported.network, TrainSettings(network=SMALL), source)
    if sets is not None:
        run = {"data": {"sets": sets, "recordings": 3}, "start": start}
        (tmp_path / "run.json").write_text(json.dumps(run))
    terms: list[object] = []

    def kept(network: object, path: Path, **words: object) -> float:
        terms.append(words["licence"])
        shutil.copy(exported.path, path)
        return 0.0

    monkeypatch.setattr(exporting, "export", kept)
    export_checkpoint(source, out, exported.path)
    export_checkpoint(source, out, exported.path, licence="CC0")
    assert terms == [OWN_TERMS if own else "test", "CC0"]


def test_a_folder_is_refused_before_the_export(exported: Exported, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder; --out wants the name of a file"):
        export_checkpoint(tmp_path / "none", tmp_path, exported.path)
