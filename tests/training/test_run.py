"""A run in a folder: what it leaves there, that it goes on bit for bit, and what it refuses before it trains."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")
pytest.importorskip("tensorboard", reason="the extra [train] (tensorboard) is not installed")

from models.errors import LabelError, ModelFileError, OutputError, UsageError  # noqa: E402
from training import checkpoint  # noqa: E402
from training.archive import load_data  # noqa: E402
from training.config import load_config  # noqa: E402
from training.exact import _visible, beside, exact_tracks  # noqa: E402
from training.run import MODEL, train_in  # noqa: E402
from training.ship import RENDERED_SHARE  # noqa: E402
from training.tracks import make_tracks  # noqa: E402

CONFIG = """
seed = 5
steps = 11
drawn_tracks = 2
checkpoint_every = 3
[batch]
recorded = 2
synthetic = 1
frames = 64
[tcn]
scales = [3, 8]
width = 8
dilations = [1]
activity_frames = 20
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flow12 archive of two short recordings with a click of either kind each."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    folder.mkdir()
    rng = np.random.default_rng(0)
    flows = {}
    for name in ("s1_a", "s2_a"):
        flow = rng.normal(0, 0.002, (150, 12, 2))
        flow[40:48, 8:11, 1] -= 0.05
        flow[48:60, 8:11, 1] += 0.033
        flows[name] = flow.astype(np.float32)
    np.savez(folder / "features.npz", **flows)
    (folder / "meta.json").write_text(json.dumps({"fps": 30.0, "px_per_unit": 20}))
    rows = [f"{name},{frame},{kind}" for name in flows for frame, kind in ((47, "macro"), (110, "micro"))]
    (folder / "points.csv").write_text("\n".join(["video,frame,type", *rows]) + "\n")
    (folder / "intervals.csv").write_text("video,subject,onset_frame,apex_frame,offset_frame,type\n")
    return folder


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "run.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def whole(archive: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("runs") / "whole"
    assert train_in(out, [archive], config) == out / MODEL
    return out


def stop_after(steps: int) -> object:
    def progress(done: int, total: int, parts: Mapping[str, float]) -> None:
        assert total == 11 and parts["intensity"] >= 0
        if done == steps:
            raise KeyboardInterrupt

    return progress


def test_what_a_run_leaves(whole: Path, archive: Path, config: Path) -> None:
    names = {path.name for path in whole.iterdir()}
    assert names == {"config.toml", "run.json", "train.log", "scalars", "checkpoints", MODEL}
    assert load_config(whole / "config.toml") == load_config(config)
    described = json.loads((whole / "run.json").read_text())
    assert described["data"]["points"] == {"macro": 2, "micro": 2} and len(described["data"]["sha256"][0]) == 64
    assert {"torch", "numpy", "python"} <= set(described["versions"])
    assert [p.name for p in sorted((whole / "checkpoints").iterdir())] == [
        "step-0000006.safetensors",
        "step-0000009.safetensors",
    ]
    assert "step 11" in (whole / "train.log").read_text()
    assert str(archive) not in (whole / "run.json").read_text(), "no path of this machine"
    network, _ = checkpoint.load(whole / MODEL)
    assert network.settings == load_config(config).settings().network


def test_the_curves_can_be_read(whole: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(whole / "scalars"))
    events.Reload()
    assert {"loss/total", "loss/intensity", "loss/apex", "learning_rate"} <= set(events.Tags()["scalars"])
    assert [e.step for e in events.Scalars("loss/total")] == list(range(1, 12))


@pytest.mark.parametrize("stop", [2, 7])
def test_an_interrupted_run_gives_the_same_network(
    whole: Path, archive: Path, config: Path, tmp_path: Path, stop: int
) -> None:
    """Stopped before the first checkpoint, and between two of them: those steps are done again."""
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train_in(out, [archive], config, progress=stop_after(stop))
    assert not (out / MODEL).exists()
    done: list[int] = []
    train_in(out, [archive], config, progress=lambda step, total, parts: done.append(step))
    assert done == list(range(stop // 3 * 3 + 1, 12))
    (one, digest), (two, same) = checkpoint.load(out / MODEL), checkpoint.load(whole / MODEL)
    assert digest == same
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, two.state_dict()[name]), name


def test_a_finished_run_is_left_alone(whole: Path, archive: Path, config: Path) -> None:
    before = (whole / MODEL).stat().st_mtime_ns
    train_in(whole, [archive], config, progress=stop_after(1))  # type: ignore[arg-type]
    assert (whole / MODEL).stat().st_mtime_ns == before


def test_another_run_in_the_same_folder_is_refused(whole: Path, archive: Path, config: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(CONFIG.replace("seed = 5", "seed = 6"))
    with pytest.raises(UsageError, match="another configuration"):
        train_in(whole, [archive], other)
    changed = tmp_path / "tiny"
    shutil.copytree(archive, changed)
    (changed / "points.csv").write_text("video,frame,type\ns1_a,46,macro\ns1_a,110,micro\n")
    with pytest.raises(UsageError, match="another data"):
        train_in(whole, [changed], config)


def test_starting_from_a_trained_network(whole: Path, archive: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.toml"
    few.write_text("steps = 2\ndrawn_tracks = 1\n[batch]\nrecorded = 1\nsynthetic = 1\nframes = 64\n")
    model = train_in(tmp_path / "tuned", [archive], few, whole / MODEL)
    (tuned, _), (before, _) = checkpoint.load(model), checkpoint.load(whole / MODEL)
    assert tuned.settings == before.settings and torch.equal(tuned.spread, before.spread)
    assert not torch.equal(tuned.members[0].intensity.weight, before.members[0].intensity.weight)
    described = json.loads((tmp_path / "tuned" / "run.json").read_text())
    assert len(described["start"]) == 64
    with pytest.raises(ModelFileError, match="not a checkpoint"):
        train_in(tmp_path / "no", [archive], few, few)


def with_truth(archive: Path, folder: Path) -> Path:
    """The archive with an exact interval in each recording."""
    shutil.copytree(archive, folder)
    rows = [f"{name},{name[:2]},40,47,60,macro" for name in ("s1_a", "s2_a")]
    header = "video,subject,onset_frame,apex_frame,offset_frame,type"
    (folder / "intervals.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def test_synthetic_video_joins_with_its_truth(archive: Path, config: Path, tmp_path: Path) -> None:
    synthetic = with_truth(archive, tmp_path / "synthetic")
    model = train_in(tmp_path / "out", [archive], config, synthetic=[synthetic])
    assert "4 synthetic tracks" in (tmp_path / "out" / "train.log").read_text()
    assert len(json.loads((tmp_path / "out" / "run.json").read_text())["data"]["synthetic_sha256"]) == 1
    assert model.is_file()
    with pytest.raises(UsageError, match="another data"):
        train_in(tmp_path / "out", [archive], config)
    with pytest.raises(LabelError, match="no intervals"):
        train_in(tmp_path / "no", [archive], config, synthetic=[archive])


def test_the_truth_of_synthetic_video(archive: Path, tmp_path: Path) -> None:
    first, second = exact_tracks(with_truth(archive, tmp_path / "synthetic"))
    strength = first.strength[:, 0]
    assert int(strength.argmax()) == 47 and strength[47] == 1.0 and not first.strength[:, 1].any()
    assert strength[39] == strength[61] == 0.0 < strength[40] < strength[44]
    (event,) = first.events
    assert (event.onset, event.apex, event.offset, event.visible) == (40, 47, 60, True)
    still = replace(load_data(tmp_path / "synthetic")[0], position_iod=np.zeros((150, 12, 2), np.float32))
    assert not _visible(still.intervals[0], still.position_iod)
    drawn = make_tracks(6, 0)
    together = beside(drawn, [first, second])
    assert sum(t.weight for t in together[6:]) / sum(t.weight for t in together) == pytest.approx(RENDERED_SHARE)
    assert beside([], [first]) == [first] and beside(drawn, []) == drawn


def test_what_cannot_be_trained_on_is_said_first(archive: Path, config: Path, tmp_path: Path) -> None:
    one_class = tmp_path / "one_class"
    shutil.copytree(archive, one_class)
    (one_class / "points.csv").write_text("video,frame,type\ns1_a,46,macro\n")
    with pytest.raises(LabelError, match="no micro point"):
        train_in(tmp_path / "out", [one_class], config)
    with pytest.raises(LabelError, match="archive"):
        train_in(tmp_path / "out", [tmp_path / "none"], config)
    with pytest.raises(UsageError, match="twice"):
        train_in(tmp_path / "out", [archive, archive], config)
    assert not (tmp_path / "out").exists()
    with pytest.raises(OutputError, match="cannot be written"):
        train_in(config, [archive], config)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none(archive: Path, config: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="CUDA"):
        train_in(tmp_path / "out", [archive], config, device="cuda")


def test_a_configuration_of_the_users_is_not_overwritten(archive: Path, config: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    text = "# my words\n" + config.read_text()
    (mine / "config.toml").write_text(text)
    for given in (mine / "config.toml", config):
        with pytest.raises(UsageError, match=r"config\.toml would be overwritten.*--out"):
            train_in(mine, [archive], given)
        assert (mine / "config.toml").read_text() == text


def test_a_run_goes_on_with_its_own_configuration(whole: Path, archive: Path) -> None:
    assert train_in(whole, [archive], whole / "config.toml") == whole / MODEL


def test_a_run_does_not_lie_in_its_data(archive: Path, config: Path, tmp_path: Path) -> None:
    """Its files would change the data's digest, and it could not go on."""
    inside = archive / "run"
    with pytest.raises(UsageError, match="lies in the archive"):
        train_in(inside, [archive], config)
    with pytest.raises(UsageError, match="lies in the archive"):
        train_in(inside, [tmp_path / "other"], config, synthetic=[archive])
    assert not inside.exists()


def test_a_damaged_checkpoint_is_named_with_the_way_on(archive: Path, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train_in(out, [archive], config, progress=stop_after(7))  # type: ignore[arg-type]
    older, newest = sorted((out / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:500])
    with pytest.raises(ModelFileError, match=f"{newest.name} is damaged.*delete it to go on from the one before it"):
        train_in(out, [archive], config)
    newest.unlink()
    older.write_bytes(b"torn")
    with pytest.raises(ModelFileError, match=f"{older.name} is damaged.*delete it to begin anew"):
        train_in(out, [archive], config)
