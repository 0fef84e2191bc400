"""The demo without a window: the same live session, its curve drawn as a line of text."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.text import Text

from app.live import LiveSession
from app.live_types import LiveSnapshot, LiveState
from app.sources import DemoChoice, open_source
from app.tables import at_times, check_folder, write_intervals
from models.errors import DataError
from models.types import FrameSource, Interval, Scores

_BARS = "▁▂▃▄▅▆▇█"
_GAP = " "
_WINDOW_S = 8.0
_POLL_S = 0.1
_PLAIN_LINE_S = 1.0
_NAME = "apexspot-demo"


def run_terminal_demo(
    out: Path,
    console: Console | None = None,
    open_demo: Callable[[], FrameSource] = lambda: open_source(DemoChoice(), paced=True),
) -> Path:
    """Play the demo at its own pace, print each interval when it is found, and write them as CSV into ``out``.

    In a terminal the curve is one line that moves; elsewhere a line is printed every second. Returns the CSV's path,
    whose name gets a number where it is taken.

    Raises:
        DataError: the session failed. OutputError: nothing can be written to ``out``.
    """
    console = console or Console()
    check_folder(out)
    console.print("Loading …", style="dim")
    with LiveSession(open_demo) as session:
        snapshot = _show_live(session, console) if console.is_terminal else _show_plain(session, console)
    if snapshot.state is LiveState.FAILED:
        raise DataError(snapshot.error or "The demo failed.")
    intervals = snapshot.analysis.intervals
    path = _free_path(out)
    write_intervals(path, intervals)
    counters = snapshot.counters
    found = "1 interval" if len(intervals) == 1 else f"{len(intervals)} intervals"
    console.print(
        f"{found} found in {counters.processed} frames ({counters.dropped} dropped, "
        f"scored on {snapshot.provider}), written to {path}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    return path


def _show_live(session: LiveSession, console: Console) -> LiveSnapshot:
    shown = 0
    with Live(console=console, refresh_per_second=1.0 / _POLL_S, auto_refresh=False, transient=True) as live:
        while True:
            over = session.wait(_POLL_S)
            snapshot = session.snapshot()
            shown = _print_new(snapshot, shown, console)
            live.update(Text(_status(snapshot, max(10, console.width - 34)), no_wrap=True), refresh=True)
            if over:
                return snapshot


def _show_plain(session: LiveSession, console: Console) -> LiveSnapshot:
    shown = 0
    next_line_s = 0.0
    while True:
        over = session.wait(_POLL_S)
        snapshot = session.snapshot()
        shown = _print_new(snapshot, shown, console)
        now_s = time.monotonic()
        if snapshot.state is LiveState.RUNNING and now_s >= next_line_s:
            console.print(_status(snapshot, 30), soft_wrap=True, highlight=False, markup=False)
            next_line_s = now_s + _PLAIN_LINE_S
        if over:
            return snapshot


def _print_new(snapshot: LiveSnapshot, shown: int, console: Console) -> int:
    """Print the final intervals after the first ``shown``; returns how many have been printed now."""
    intervals = snapshot.analysis.intervals
    for interval in intervals[shown:]:
        console.print(_sentence(interval), soft_wrap=True, highlight=False, markup=False)
    return len(intervals)


def _sentence(interval: Interval) -> str:
    return (
        f"{interval.type.value:<5} {interval.onset_s:6.2f} s to {interval.offset_s:6.2f} s, "
        f"apex {interval.apex_s:6.2f} s, score {interval.score:.2f}"
    )


def _status(snapshot: LiveSnapshot, width: int) -> str:
    analysis = snapshot.analysis
    newest_s = analysis.newest_s
    if newest_s is None:
        return "waiting for the first picture"
    curve = sparkline(Scores.concatenate([analysis.scores, analysis.provisional]), newest_s, width)
    now = "" if not analysis.provisional_intervals else f" {analysis.provisional_intervals[-1].type.value}?"
    face = "" if snapshot.motion is not None and snapshot.motion.valid else " no face"
    return f"{newest_s:6.1f} s {curve} {snapshot.fps:4.1f} fps{now}{face}"


def sparkline(scores: Scores, newest_s: float, width: int) -> str:
    """Intensity of the last seconds up to ``newest_s`` as ``width`` characters; blank where there was no face."""
    times = newest_s - _WINDOW_S + _WINDOW_S * (np.arange(width) + 1.0) / width
    values = at_times(scores, scores.intensity, times)
    return "".join(_GAP if math.isnan(v) else _BARS[min(int(v * len(_BARS)), len(_BARS) - 1)] for v in values)


def _free_path(out: Path) -> Path:
    path, number = out / f"{_NAME}.intervals.csv", 2
    while path.exists():
        path = out / f"{_NAME}-{number}.intervals.csv"
        number += 1
    return path
