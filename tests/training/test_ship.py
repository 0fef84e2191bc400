"""The networks that ship are what their recipes say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra [train]")

from models.assets import LAB_NETWORK, USUAL_NETWORK
from models.decode import DecodeSettings
from models.spotter import Spotter
from training.ship import DECODING, main


@pytest.mark.parametrize(("network", "recipe"), [(USUAL_NETWORK, DECODING), (LAB_NETWORK, DecodeSettings())])
def test_it_decodes_as_its_recipe_says(network: Path, recipe: DecodeSettings) -> None:
    """All but what is chosen for each network anew: both thresholds and what is asked in speech."""
    mine = Spotter(network, use_gpu=False).spec.decode
    as_chosen = replace(
        recipe,
        macro=replace(recipe.macro, threshold=mine.macro.threshold),
        micro=replace(recipe.micro, threshold=mine.micro.threshold),
        least_motion_in_speech_iod=mine.least_motion_in_speech_iod,
        least_departure_in_speech=mine.least_departure_in_speech,
    )
    assert mine == as_chosen


def test_what_is_missing_is_said_before_anything_is_rendered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.ship.see_all", pytest.fail)
    assert main(["--out", str(tmp_path / "made.onnx")]) == 2
    assert "--data is missing" in caplog.text
    assert main(["--out", str(tmp_path / "none.onnx"), "--thresholds-only"]) == 1
    assert "none.onnx" in caplog.text
    people = tmp_path / "people.npz"
    assert main(["--out", str(tmp_path / "made.onnx"), "--people", str(people)]) == 1
    assert "people.npz is not the ICT face" in caplog.text
