"""How often people show each action, as coders of spontaneous expressions have counted.

Scripts of synthetic video draw every action equally often. People do not: a brow is lowered or a mouth smiles more than
ten times as often as lips are pursed. What is chosen on such video should please the expressions that occur, so each
counts as often as it has been coded.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from training.actions import EXPRESSIONS

_UNITS = {
    4: "brow_lower",
    10: "upper_lip_raise",
    12: "smile",
    14: "dimple",
    15: "lip_corner_depress",
    17: "chin_raise",
    18: "lip_pucker",
    23: "lip_press",
    24: "lip_press",
    26: "jaw_drop",
    27: "jaw_drop",
}
"""The action that shows an action unit of the lower face, or the lowered brow; which raised brow, two units tell."""

CODED_SHARE: Mapping[str, float] = MappingProxyType(
    {
        "brow_lower": 0.260,
        "dimple": 0.211,
        "smile": 0.198,
        "brow_raise": 0.121,
        "lip_press": 0.089,
        "jaw_drop": 0.028,
        "upper_lip_raise": 0.025,
        "chin_raise": 0.023,
        "lip_pucker": 0.017,
        "lip_corner_depress": 0.013,
        "inner_brow_raise": 0.012,
    }
)
"""Share of each action: the mean of CAS(ME)^2, SAMM Long Videos and CAS(ME)^3 part A (295, 423 and 4206 expressions, of
which 271, 325 and 3745 show one of them)."""


def actions_of(code: str) -> set[str]:
    """The actions that a coder's action units ("4+L14B") stand for; of other units there are none."""
    units = {int(number) for number in re.findall(r"\d+", code)}
    raised = {"brow_raise"} if 2 in units else {"inner_brow_raise"} if 1 in units else set()
    return raised | {_UNITS[unit] for unit in units & set(_UNITS)}


def coded_shares(codes: Iterable[str]) -> dict[str, float]:
    """Share of each action in what was coded. An expression of several actions is shared among them.

    Expressions that none of our actions shows do not count. Where there is no other, the result is empty.
    """
    total: dict[str, float] = defaultdict(float)
    shown = 0
    for code in codes:
        actions = actions_of(code)
        shown += bool(actions)
        for action in actions:
            total[action] += 1.0 / len(actions)
    return {action: value / shown for action, value in total.items()}


def weight(actions: tuple[str, ...]) -> float:
    """How many times as often as a script draws it an expression has been coded, by its first action.

    A script draws the first action of an expression, each equally often, and now and then another to go with it.
    """
    return CODED_SHARE[actions[0]] * len(EXPRESSIONS)
