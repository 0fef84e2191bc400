"""One bar over many recordings, with the time that is left, on stderr while a terminal is there to see it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_STEADY_S = 120.0
"""The time left is reckoned from how much was done in as long as this."""

Watch = Callable[[int, float | None], None]
"""Called with a recording's number and its share that is done, 0 to 1 (``None`` where it cannot be told)."""


@contextmanager
def progress_bar(names: Sequence[str], sizes: Sequence[float] | None = None, doing: str = "") -> Iterator[Watch]:
    """A bar that fills as recordings are done, each by its size (all alike where no sizes are given)."""
    console = Console(stderr=True)
    if not console.is_terminal or not names:
        yield lambda number, share: None
        return
    weights = list(sizes) if sizes and sum(sizes) > 0 else [1.0] * len(names)
    shares: dict[int, float] = {}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
        speed_estimate_period=_STEADY_S,
        redirect_stdout=sys.stdout.isatty(),  # else what is said there would come to the terminal
    ) as bar:
        several = len(names) > 1
        first = names[0] if not several else f"0/{len(names)}"
        task = bar.add_task(f"{doing}{first}", total=sum(weights) if several else None)

        def watch(number: int, share: float | None) -> None:
            shares[number] = share or 0.0
            known = several or share is not None
            completed = sum(part * weights[n] for n, part in shares.items())
            over = sum(part >= 1.0 for part in shares.values())
            title = f"{over}/{len(names)} {names[number]}" if several else names[number]
            bar.update(task, completed=completed, total=sum(weights) if known else None, description=f"{doing}{title}")

        yield watch
