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
from training.ship import DECODING, for_talk, main

Values = tuple[float, float]


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
        narrow_in_speech_iod=mine.narrow_in_speech_iod,
    )
    assert mine == as_chosen


def test_what_is_asked_of_talk_is_chosen_where_people_talk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A departure from 1.4 on loses an expression, as does a narrow mouth of less than 0.05; of equals the largest."""
    asked: set[str] = set()

    def candidates(
        orders: Sequence[Order], spotter: Spotter, cache: Path, settings: Mapping[Values, DecodeSettings]
    ) -> dict[Values, dict[Order, list[Interval]]]:
        asked.update(order.kind for order in orders)
        order = next(order for order in orders if order.kind == "unsettled_conversation")
        hits = [
            Interval(t.type, t.onset_s, t.onset_s, t.offset_s, at, at, at, 0.9)
            for at, t in enumerate(truths(order))
            if t.asked
        ]
        lost = [
            decode.least_departure_in_speech >= 1.4 or 0.0 < decode.narrow_in_speech_iod < 0.05
            for decode in settings.values()
        ]
        return {value: {order: hits[less:]} for value, less in zip(settings, lost, strict=True)}

    monkeypatch.setattr("training.calibrate.candidates", candidates)
    chosen = for_talk(DECODING, Spotter(use_gpu=False), Path("unused"), None)
    assert chosen == replace(DECODING, least_departure_in_speech=1.3, narrow_in_speech_iod=0.1)
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
