"""How often coders have met each action."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.actions import ACTIONS, EXPRESSIONS
from training.archive_tables import read_table
from training.coded import CODED_SHARE, actions_of, coded_shares, weight
from training.readers import casme3


@pytest.mark.parametrize(
    ("code", "actions"),
    [
        ("1+2", {"brow_raise"}),
        ("L2B", {"brow_raise"}),
        ("1+4", {"inner_brow_raise", "brow_lower"}),
        ("6+12+L14C", {"smile", "dimple"}),
        ("23+24", {"lip_press"}),
        ("25+26", {"jaw_drop"}),
        ("43", set()),
        ("", set()),
    ],
)
def test_units_stand_for_actions(code: str, actions: set[str]) -> None:
    assert actions_of(code) == actions


def test_an_expression_of_two_actions_is_shared() -> None:
    assert coded_shares(["12", "4+12", "43", "12"]) == {"smile": pytest.approx(2.5 / 3), "brow_lower": 0.5 / 3}
    assert coded_shares(["43"]) == {}


def test_every_action_that_scripts_draw_has_its_share() -> None:
    assert set(CODED_SHARE) == {action.name for action in EXPRESSIONS}
    assert sum(CODED_SHARE.values()) == pytest.approx(1.0, abs=0.005)
    mean = sum(weight((action.name,)) for action in EXPRESSIONS) / len(EXPRESSIONS)
    assert mean == pytest.approx(1.0, abs=0.005), "all together weigh as much as before"
    assert weight(("smile", "jaw_drop")) == weight(("smile",))
    assert all(name in ACTIONS for name in CODED_SHARE)


@pytest.mark.shared_data
def test_the_shares_are_those_of_three_data_sets(shared_data: Path) -> None:
    """What coders of CAS(ME)^2, SAMM Long Videos and CAS(ME)^3 have written down, each data set counting alike."""
    coded = [
        [row["au"] for _, row in read_table(shared_data / "flow12" / name / "intervals.csv", ("au",))]
        for name in ("casme2", "samm_lv")
    ]
    coded.append([row.au for row in casme3.read_rows(shared_data / "annotations" / "CAS(ME)3_part_A_v2.xls")])
    shares = [coded_shares(codes) for codes in coded]
    for action, share in CODED_SHARE.items():
        assert share == pytest.approx(sum(s.get(action, 0.0) for s in shares) / 3, abs=0.0006), action
