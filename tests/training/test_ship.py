"""The networks that ship are what their recipes say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra [train]")

from models.assets import LAB_NETWORK, USUAL_NETWORK
from models.decode import DecodeSettings
from models.spotter import Spotter
from models.types import Interval
from training.calibrate import truths
from training.rendered import Order
from training.ship import DECODING, main, with_departure


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


def test_the_departure_in_speech_is_chosen_where_people_talk(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 1.4 on an expression is lost; below, the strictest of equals."""
    asked: set[str] = set()

    def candidates(
        orders: Sequence[Order], spotter: Spotter, cache: Path, settings: Mapping[float, DecodeSettings]
    ) -> dict[float, dict[Order, list[Interval]]]:
        asked.update(order.kind for order in orders)
        order = next(order for order in orders if order.kind == "unsettled_conversation")
        hits = [
            Interval(t.type, t.onset_s, t.onset_s, t.offset_s, at, at, at, 0.9)
            for at, t in enumerate(truths(order))
            if t.asked
        ]
        assert all(decode.least_departure_in_speech == value for value, decode in settings.items())
        return {value: {order: hits if value < 1.4 else hits[1:]} for value in settings}

    monkeypatch.setattr("training.calibrate.candidates", candidates)
    chosen = with_departure(DECODING, Spotter(use_gpu=False), Path("unused"), None)
    assert chosen == replace(DECODING, least_departure_in_speech=1.3)
    assert asked == {"speech", "talk", "lively_conversation", "unsettled_conversation"}


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
