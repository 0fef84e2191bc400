"""The configuration file: what it knows, what it refuses, what it means to the trainer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra [train] (torch) is not installed")

from pydantic import ValidationError

from models.errors import UsageError
from models.network import NetworkSettings
from training.config import RunConfig, load_config
from training.ship import LIVE, PEOPLE, SETTINGS
from training.spotformer import SpotformerSettings
from training.tracks import People


def load(tmp_path: Path, text: str, start: NetworkSettings | None = None) -> RunConfig:
    path = tmp_path / "run.toml"
    path.write_text(text, "utf-8")
    return load_config(path, start)


def refusal(tmp_path: Path, text: str, start: NetworkSettings | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text, start)
    assert "run.toml" in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


def test_the_defaults_are_the_recipe_of_the_code() -> None:
    assert load_config(None).settings() == SETTINGS


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    text = (
        "seed = 7\n[batch]\nrecorded = 3\n[gim.micro]\nwindow = 12\n[parts]\nlabels = 'point'\n[tcn]\nscales = [3, 9]"
    )
    config = load(tmp_path, text)
    assert (config.seed, config.batch.recorded, config.gim.micro.window, config.tcn.scales) == (7, 3, 12, (3, 9))
    assert load(tmp_path, config.toml()) == config
    assert load(tmp_path, RunConfig().toml()) == load(tmp_path, "")


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        RunConfig().steps = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stepps = 3", ("stepps", "steps")),
        ("[loss]\ncolour = 1", ("loss.colour", "contrastive_anchors")),
        ("[gim.macro]\nwide = 1", ("gim.macro.wide", "widest")),
        ("[colour]\nred = 1", ("colour", "optimiser")),
        ("steps = 'many'", ("steps", "integer")),
        ("steps = 0", ("steps",)),
        ("loss = 3", ("loss",)),
        ("[parts]\nlabels = 'soft'", ("parts.labels", "hard")),
        ("[batch]\nscale_low = 3.0", ("scale_low",)),
        ("[stages]\nadaptive_at = [0.7, 0.3]", ("ascending",)),
        ("[stages]\ngaussian_from = 0.5", ("gaussian_from",)),
        ("[tcn]\nkernel = 4", ("odd",)),
        ("steps = ", ("TOML",)),
        ("backbone = 'lstm'", ("backbone", "spotformer")),
        ("[spotformer]\nwidth = 10", ("multiple of heads",)),
        ("[loss]\nintensity = inf", ("loss.intensity", "finite")),
        ("[loss]\nneutral = nan", ("loss.neutral", "finite")),
        ("[loss]\napex = 1e300", ("loss.apex", "1000")),
        ("[batch]\nsynthetic_weight = inf", ("batch.synthetic_weight", "finite")),
        ("[batch]\nscale_low = 1e-320", ("batch.scale_low", "0.01")),
        ("[batch]\nscale_high = inf", ("batch.scale_high", "finite")),
        ("[stages]\nadaptive_at = [0.5, nan]", ("adaptive_at", "finite")),
        ("[tcn]\nscales = [1, 4000]", ("look-ahead", "3000", "scales")),
        ("[tcn]\nactivity_frames = 1000000", ("look-back", "100000", "activity_frames")),
        ("[gim.macro]\nhard = 1000000000", ("gim.macro.hard", "3000")),
        ("[gim.micro]\nwindow = 1000000000", ("gim.micro.window", "3000")),
        ("[loss]\ncontrastive_anchors = 1000000000", ("loss.contrastive_anchors", "10000")),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    sentence = refusal(tmp_path, text)
    assert all(word in sentence for word in words), sentence


def test_a_file_as_a_text_editor_of_windows_writes_it(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_bytes("steps = 50\r\n".encode("utf-8-sig"))
    assert load_config(tmp_path / "run.toml").steps == 50


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        load_config(tmp_path / "none.toml")


def test_parts_switched_off(tmp_path: Path) -> None:
    def parts(line: str) -> object:
        return load(tmp_path, f"[parts]\n{line}").settings()

    assert parts("labels = 'hard'") == replace(SETTINGS, gaussian_from=2.0, adaptive_at=())
    assert parts("labels = 'point'") == replace(SETTINGS, adaptive_at=())
    assert parts("relabel = false") == replace(SETTINGS, move_points=False)
    assert parts("contrastive = false") == replace(SETTINGS, loss=replace(SETTINGS.loss, contrastive=0.0))
    assert parts("apex_branch = false") == replace(SETTINGS, loss=replace(SETTINGS.loss, apex=0.0))


def test_starting_from_a_network(tmp_path: Path) -> None:
    start = NetworkSettings(scales=(4, 9), width=8)
    config = load_config(None, start)
    assert config.settings().network == start
    assert config.steps < SETTINGS.steps and config.optimiser.learning_rate < SETTINGS.learning_rate
    assert load(tmp_path, "steps = 50\n[tcn]\nwidth = 8", start).steps == 50
    assert "[tcn]" in refusal(tmp_path, "[tcn]\nwidth = 16", start)


def test_the_other_backbone(tmp_path: Path) -> None:
    config = load(tmp_path, "backbone = 'spotformer'\n[spotformer]\nwidth = 16\nheads = 2")
    shape = SpotformerSettings(width=16, heads=2)
    assert config.settings().network == shape
    assert load_config(None, shape).settings().network == shape
    assert "another network" in refusal(tmp_path, "backbone = 'tcn'", shape)


def test_half_of_the_members_see_recordings_alone_unless_it_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    for members, said, wanted in ((1, "", 0), (5, "", 2), (4, "lab_members = 4", 4), (3, "lab_members = 0", 0)):
        path.write_text(f"[batch]\n{said}\n[tcn]\nmembers = {members}\n")
        config = load_config(path)
        assert config.settings().lab_members == wanted
        path.write_text(config.toml())
        assert load_config(path).settings() == config.settings()
    path.write_text("backbone = 'spotformer'\n")
    assert load_config(path).settings().lab_members == 0
    path.write_text("[batch]\nlab_members = 3\n[tcn]\nmembers = 2\n")
    with pytest.raises(UsageError, match="lab_members is 3, but the network has 2 members"):
        load_config(path)


def test_what_ships_starts_a_run_of_its_own_shape() -> None:
    config = load_config(None, LIVE.network)
    assert config.shape == LIVE.network and config.settings().lab_members == 0


def test_the_recipe_of_the_shipped_network_can_be_written_as_the_documents_write_it(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text("utf-8")
    shipped = page.split("that of `python -m training.ship`:\n\n", 1)[1].split("\n\n", 1)[0]
    config = load(tmp_path, "\n".join(line.strip() for line in shipped.splitlines()))
    assert config.settings() == LIVE and config.drawn_people is PEOPLE
    assert RunConfig().drawn_people is People.RESERVED
    assert "drawn_people" in refusal(tmp_path, "drawn_people = 'sleepy'")
