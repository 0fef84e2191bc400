"""Which names in another program's file mean macro and micro."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from models.errors import DataError
from models.types import ExpressionType

_USUAL = {
    ExpressionType.MACRO: {"macro", "mae", "macro-expression", "macro-expressions", "macro expression", "point macro"},
    ExpressionType.MICRO: {"micro", "me", "micro-expression", "micro-expressions", "micro expression", "point micro"},
}
_LANE = re.compile(r" \d+$")
"""Our export's further tiers: ``macro 2``."""


@dataclass(frozen=True, slots=True)
class LabelNames:
    """Names of tiers or labels that mean macro or micro. Where none are given for a type its usual names count.

    Case and spaces around a name do not matter.
    """

    macro: tuple[str, ...] = ()
    micro: tuple[str, ...] = ()

    def type_of(self, name: str) -> ExpressionType | None:
        """The type that a name means, None where it means neither."""
        key = name.strip().casefold()
        for type_, given in ((ExpressionType.MACRO, self.macro), (ExpressionType.MICRO, self.micro)):
            if given:
                if key in {one.strip().casefold() for one in given}:
                    return type_
            elif key in _USUAL[type_] or _LANE.sub("", key) in _USUAL[type_]:
                return type_
        return None


@dataclass(frozen=True, slots=True)
class Label:
    """A stretch or, with ``end_s`` None, a moment that another coder marked; seconds in the video.

    names: what it is called, most telling first. where: its place in the file, for a message. apex_s: where given.
    """

    names: tuple[str, ...]
    start_s: float
    end_s: float | None
    apex_s: float | None
    where: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A label whose type is known."""

    type: ExpressionType
    label: Label


def typed(labels: Iterable[Label], names: LabelNames, file: object) -> tuple[list[Typed], Counter[str]]:
    """The labels that mean macro or micro, and how many others there are, by name.

    Raises:
        DataError: there is none; the message lists the names that are there.
    """
    found: list[Typed] = []
    others: Counter[str] = Counter()
    for label in labels:
        type_ = next((t for name in label.names if (t := names.type_of(name)) is not None), None)
        if type_ is not None:
            found.append(Typed(type_, label))
        else:
            others[next((name for name in label.names if name.strip()), "(no name)")] += 1
    if not found:
        lacks = f"{file} has no tier or label for macro or micro"
        if not others:
            raise DataError(f"{lacks}; it holds no annotation at all.")
        raise DataError(
            f"{lacks}; there are: {listed(others)}. Say with --macro NAME and --micro NAME which are meant."
        )
    return found, others


def listed(names: Counter[str], most: int = 12) -> str:
    """Names with their numbers, the most frequent first."""
    shown = [f"{name} ({number})" for name, number in names.most_common(most)]
    left = len(names) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left > 0 else "")
