"""The model file's contract: what is read from a good file, and how each bad one is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.assets import NETWORKS, SPOTTER, USUAL_NETWORK, asset_path
from models.baseline import BaselineSettings
from models.decode import ClassDecode, DecodeSettings
from models.errors import AssetError, DataError, ModelFileError
from models.model_file import FORMAT, PREFIX, SIZE_CAP_BYTES, metadata, read_model_bytes, read_spec
from models.spotter import Spotter
from models.types import GRID_HZ

onnx = pytest.importorskip("onnx", reason="the extra [train] (onnx) is not installed")

DECODE = DecodeSettings(
    macro=ClassDecode(0.37, 14, 22, 0.3, 0.6, 1.7, 2.6, 290, 5, 0.7),
    micro=ClassDecode(0.41, 6, 8, 0.1, 0.9, 1.1, 98.0, 8, 2, 97.0),
    island=0.17,
    fractions=(0.2, 0.6),
    valley=0.4,
    nms_iou=0.35,
    one_type=False,
    least_motion_iod=0.033,
    least_motion_in_speech_iod=0.044,
    least_motion_turning_iod_rad=0.15,
    least_departure_in_speech=1.3,
    narrow_in_speech_iod=0.04,
)
BASELINE = BaselineSettings(rate_iod_s=0.007, knee_iod=0.03, warm_up_s=2.5, warm_up_gain=7.0)


def properties() -> dict[str, str]:
    return metadata(
        look_back_frames=12,
        look_ahead_frames=9,
        decode=DECODE,
        baseline=BASELINE,
        training_data="made by hand",
        licence="research use",
        version="7.8.9",
        config_sha256="ab" * 32,
    )


def graph(inputs: str = "features", regions: int = 12, outputs: tuple[str, str] = ("intensity", "apex")):
    """A small true network: intensity is |y of region 9|, apexes are |x| and |y| of region 8."""
    helper = onnx.helper
    constants = {
        "last": [-1],
        "starts_i": [0, 0, 9, 1],
        "ends_i": [2**30, 2**30, 10, 2],
        "starts_a": [0, 0, 8, 0],
        "ends_a": [2**30, 2**30, 9, 2],
        "region": [2],
        "both": [2, 3],
    }
    nodes = [
        helper.make_node("Slice", [inputs, "starts_i", "ends_i"], ["i"]),
        helper.make_node("Squeeze", ["i", "both"], ["i2"]),
        helper.make_node("Abs", ["i2"], [outputs[0]]),
        helper.make_node("Slice", [inputs, "starts_a", "ends_a"], ["a"]),
        helper.make_node("Squeeze", ["a", "region"], ["a2"]),
        helper.make_node("Abs", ["a2"], [outputs[1]]),
    ]
    used = {name for node in nodes for name in node.input}
    initialisers = [
        onnx.numpy_helper.from_array(np.array(value, np.int64), name)
        for name, value in constants.items()
        if name in used
    ]
    tensor = onnx.TensorProto.FLOAT
    made = helper.make_graph(
        nodes,
        "hand",
        [helper.make_tensor_value_info(inputs, tensor, ["batch", "time", regions, 2])],
        [
            helper.make_tensor_value_info(outputs[0], tensor, ["batch", "time"]),
            helper.make_tensor_value_info(outputs[1], tensor, ["batch", "time", 2]),
        ],
        initialisers,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def save(path: Path, model: object, props: dict[str, str] | None = None) -> Path:
    onnx.helper.set_model_props(model, properties() if props is None else props)
    path.write_bytes(model.SerializeToString())  # type: ignore[attr-defined]
    return path


def refused(path: Path) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(ModelFileError) as caught:
        Spotter(path, use_gpu=False)
    assert caught.value.exit_code == 1 and isinstance(caught.value, DataError)
    text = str(caught.value)
    assert str(path) in text, "it names the file"
    assert "\n" not in text and "Traceback" not in text and len(text) < 400
    assert text.endswith(".")
    return text


# --- good files ----------------------------------------------------------------------------------------------------


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    spotter = Spotter(save(tmp_path / "m.onnx", graph()), use_gpu=False)
    spec = spotter.spec
    assert spec.decode == DECODE and spec.baseline == BASELINE
    assert (spec.look_back_frames, spec.look_ahead_frames) == (12, 9)
    assert spec.look_ahead_s == pytest.approx(9 / GRID_HZ)
    assert (spec.training_data, spec.licence, spec.version) == ("made by hand", "research use", "7.8.9")
    assert spec.config_sha256 == "ab" * 32
    assert len(spec.sha256) == 64
    features = np.random.default_rng(0).normal(size=(20, 12, 2)).astype(np.float32)
    intensity, apex = spotter.score(features)
    np.testing.assert_allclose(intensity, np.abs(features[:, 9, 1]))
    np.testing.assert_allclose(apex, np.abs(features[:, 8]))
    for end, whole in zip(spotter.score(features, 7), (intensity, apex), strict=True):
        np.testing.assert_array_equal(end, whole[7:])


def test_the_checksum_is_that_of_the_file(tmp_path: Path) -> None:
    import hashlib

    path = save(tmp_path / "m.onnx", graph())
    assert Spotter(path, use_gpu=False).spec.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_shipped_model_keeps_the_contract() -> None:
    spotter = Spotter(use_gpu=False)
    assert spotter.path == asset_path(SPOTTER) and spotter.provider == "CPU"
    spec = spotter.spec
    assert 0 < spec.look_ahead_s < 6 and spec.look_back_frames >= spec.look_ahead_frames
    assert "research use" in spec.licence and spec.training_data and spec.version
    model = onnx.load_model_from_string(asset_path(SPOTTER).read_bytes())
    assert {p.key for p in model.metadata_props} == set(properties())
    assert {o.domain for o in model.opset_import} <= {""}, "standard operators alone"
    assert all(t.data_location == onnx.TensorProto.DEFAULT for t in model.graph.initializer), "nothing outside the file"
    text = asset_path(SPOTTER).read_bytes()
    for trace in (b"/opt/", b"/home/", b"/Users/", b"/tmp/", b"site-packages"):
        assert trace not in text, "no path of the machine that made it"


def test_further_metadata_is_passed_over(tmp_path: Path) -> None:
    props = properties() | {PREFIX + "colour": '"blue"', "producer": "not json"}
    assert Spotter(save(tmp_path / "m.onnx", graph(), props), use_gpu=False).spec.version == "7.8.9"


# --- refusals ------------------------------------------------------------------------------------------------------


def test_a_missing_file(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "none.onnx")


def test_a_folder(tmp_path: Path) -> None:
    assert "folder" in refused(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello, I am text\n", b"\x00" * 4096, b"PK\x03\x04 a zip"], ids=repr)
def test_not_an_onnx_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    assert "not a model that can be used" in refused(path)


def test_a_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(asset_path(SPOTTER).read_bytes()[:-2000])
    refused(path)


def test_a_file_without_our_metadata(tmp_path: Path) -> None:
    assert "no apexspot metadata" in refused(save(tmp_path / "m.onnx", graph(), {"author": "someone"}))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("format", "apexspot.spotter/2", "format"),
        ("feature_layout", "region12-velocity/1", "feature layout"),
        ("grid_hz", 25.0, "grid rate"),
        ("classes", ["micro", "macro"], "classes"),
    ],
)
def test_another_version(tmp_path: Path, name: str, value: object, said: str) -> None:
    text = refused(save(tmp_path / "m.onnx", graph(), properties() | {PREFIX + name: json.dumps(value)}))
    assert "another version" in text and said in text


@pytest.mark.parametrize("name", [n.removeprefix(PREFIX) for n in properties()])
def test_incomplete_metadata(tmp_path: Path, name: str) -> None:
    props = properties()
    del props[PREFIX + name]
    assert "damaged or incomplete" in refused(save(tmp_path / "m.onnx", graph(), props))


def _decode_with(change: Callable[[dict], None]) -> str:
    value = json.loads(properties()[PREFIX + "decode"])
    change(value)
    return json.dumps(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("decode", "{not json"),
        ("decode", "[]"),
        ("decode", _decode_with(lambda d: d["macro"].update(threshold=1.5))),
        ("decode", _decode_with(lambda d: d["macro"].update(surprise=1))),
        ("decode", _decode_with(lambda d: d["micro"].pop("before"))),
        ("decode", _decode_with(lambda d: d.update(fractions=[]))),
        ("decode", _decode_with(lambda d: d.update(island=float("nan")))),
        ("baseline", '{"rate_iod_s": -1, "knee_iod": 0.02, "warm_up_s": 3, "warm_up_gain": 8}'),
        ("look_ahead_frames", "-1"),
        ("look_ahead_frames", "1e9"),
        ("look_back_frames", '"many"'),
        ("config_sha256", '"abc"'),
        ("version", "null"),
    ],
)
def test_damaged_metadata(tmp_path: Path, name: str, text: str) -> None:
    assert "damaged or incomplete" in refused(save(tmp_path / "m.onnx", graph(), properties() | {PREFIX + name: text}))


@pytest.mark.parametrize(
    "model",
    [graph(inputs="x"), graph(regions=13), graph(outputs=("apex", "intensity")), graph(outputs=("strength", "turn"))],
    ids=["input name", "regions", "outputs swapped", "output names"],
)
def test_other_inputs_or_outputs(tmp_path: Path, model: object) -> None:
    assert "other inputs or outputs" in refused(save(tmp_path / "m.onnx", model))


@pytest.mark.parametrize(
    ("name", "value"), [("gain", np.int64(0)), ("first", np.float32(0)), ("first", np.zeros(1, np.int64))]
)
def test_other_optional_inputs(tmp_path: Path, name: str, value: np.generic | np.ndarray) -> None:
    model = graph()
    default = onnx.numpy_helper.from_array(np.asarray(value), name)
    model.graph.input.append(onnx.helper.make_tensor_value_info(name, default.data_type, default.dims))
    model.graph.initializer.append(default)
    assert "other inputs or outputs" in refused(save(tmp_path / "m.onnx", model))


def test_external_data_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights in a second file: refused, and not even when that file lies where it is asked for."""
    model = graph()
    weight = onnx.numpy_helper.from_array(np.ones(1024, np.float32), "weight")
    model.graph.initializer.append(weight)
    model.graph.node.append(onnx.helper.make_node("Identity", ["weight"], ["unused"]))
    onnx.helper.set_model_props(model, properties())
    path = tmp_path / "m.onnx"
    onnx.save_model(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").is_file()
    monkeypatch.chdir(tmp_path)
    refused(path)


def test_unknown_operators_are_refused(tmp_path: Path) -> None:
    model = graph()
    model.graph.node.append(onnx.helper.make_node("RunAnything", ["features"], ["unused"], domain="com.example"))
    model.opset_import.append(onnx.helper.make_opsetid("com.example", 1))
    refused(save(tmp_path / "m.onnx", model))


def test_a_file_over_the_size_cap_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(SIZE_CAP_BYTES + 1)
    with pytest.raises(ModelFileError, match="too large"):
        read_model_bytes(path)


def test_metadata_alone_is_checked_without_a_session() -> None:
    path = Path("m.onnx")
    spec = read_spec(path, properties(), "0" * 64)
    assert spec.decode == DECODE and spec.sha256 == "0" * 64
    assert json.loads(properties()[PREFIX + "format"]) == FORMAT
    with pytest.raises(ModelFileError):
        read_spec(path, {}, "0" * 64)


def test_metadata_out_of_range_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="look_ahead_frames"):
        metadata(
            look_back_frames=1,
            look_ahead_frames=-1,
            decode=DECODE,
            baseline=BASELINE,
            training_data="",
            licence="",
            version="",
            config_sha256="0" * 64,
        )


def test_an_install_without_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, USUAL_NETWORK, "no-such.onnx")
    with pytest.raises(AssetError, match="install"):
        Spotter()
