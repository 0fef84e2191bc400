"""Lists in sentences: some names, and a sign where there are more."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str], most: int = 5) -> str:
    """``a, b, …``"""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def some_and_count(names: Sequence[str], most: int = 5) -> str:
    """``a, b and 3 more``"""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
