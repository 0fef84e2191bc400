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
_PLAIN_BARS = "_.,-~+*#"
"""For a terminal that cannot show the blocks."""
_GAP = " "
_WINDOW_S = 8.0
_POLL_S = 0.1
_PLAIN_LINE_S = 1.0
_SETTLE_S = 0.3
"""An interval that reaches up to the newest picture still grows; it is told of when it has ended for so long."""
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
    console.print("Loading ...", style="dim")
    with LiveSession(open_demo) as session:
        snapshot = _show_live(session, console) if console.is_terminal else _show_plain(session, console)
    if snapshot.state is LiveState.FAILED:
        raise DataError(snapshot.error or "The demo failed.")
    intervals = snapshot.analysis.intervals
    path = _free_path(out)
    write_intervals(path, intervals)
    counters = snapshot.counters
    found = "1 interval" if len(intervals) == 1 else f"{len(intervals)} intervals"
    _say(
        console,
        f"{found} found in {counters.processed} frames ({counters.dropped} dropped, "
        f"scored on {snapshot.provider}), written to {path}",
    )
    return path


def _show_live(session: LiveSession, console: Console) -> LiveSnapshot:
    news, bars = _News(console), _bars(console)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            over = session.wait(_POLL_S)
            snapshot = session.snapshot()
            news.tell(snapshot)
            live.update(Text(_status(snapshot, max(10, console.width - 34), bars), no_wrap=True), refresh=True)
            if over:
                return snapshot


def _show_plain(session: LiveSession, console: Console) -> LiveSnapshot:
    news, bars = _News(console), _bars(console)
    next_line_s = 0.0
    while True:
        over = session.wait(_POLL_S)
        snapshot = session.snapshot()
        news.tell(snapshot)
        now_s = time.monotonic()
        if snapshot.state is LiveState.RUNNING and now_s >= next_line_s:
            _say(console, _status(snapshot, 30, bars))
            next_line_s = now_s + _PLAIN_LINE_S
        if over:
            return snapshot


class _News:
    """Says of each interval that it was seen, while that may still change, and what it came to once that is settled."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: list[Interval] = []
        self._final = 0

    def tell(self, snapshot: LiveSnapshot) -> None:
        """Print what is new since the last call."""
        analysis = snapshot.analysis
        for interval in analysis.intervals[self._final :]:
            _say(
                self._console,
                f"found {interval.type.value} from {interval.onset_s:.2f} to {interval.offset_s:.2f} s, "
                f"apex at {interval.apex_s:.2f} s, score {interval.score:.2f}",
            )
        self._final = len(analysis.intervals)
        newest_s = analysis.newest_s
        for interval in analysis.provisional_intervals:
            fresh = newest_s is not None and newest_s - interval.offset_s < _SETTLE_S
            if not fresh and not any(_overlap(interval, other) for other in self._seen):
                self._seen.append(interval)
                _say(self._console, f"seen  {interval.type.value} at about {interval.apex_s:.1f} s")


def _overlap(a: Interval, b: Interval) -> bool:
    return a.type is b.type and a.onset_s <= b.offset_s and b.onset_s <= a.offset_s


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=False)


def _bars(console: Console) -> str:
    try:
        _BARS.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return _PLAIN_BARS
    return _BARS


def _status(snapshot: LiveSnapshot, width: int, bars: str) -> str:
    analysis = snapshot.analysis
    newest_s = analysis.newest_s
    if newest_s is None:
        return "waiting for the first picture"
    curve = sparkline(Scores.concatenate([analysis.scores, analysis.provisional]), newest_s, width, bars)
    face = "" if snapshot.motion is not None and snapshot.motion.valid else " no face"
    return f"{newest_s:6.1f} s {curve} {snapshot.fps:4.1f} fps{face}"


def sparkline(scores: Scores, newest_s: float, width: int, bars: str = _BARS) -> str:
    """Intensity of the last seconds up to ``newest_s`` as ``width`` characters of ``bars``, from low to high.

    Blank where there was no face.
    """
    times = newest_s - _WINDOW_S + _WINDOW_S * (np.arange(width) + 1.0) / width
    values = at_times(scores, scores.intensity, times)
    return "".join(_GAP if math.isnan(v) else bars[min(int(v * len(bars)), len(bars) - 1)] for v in values)


def _free_path(out: Path) -> Path:
    path, number = out / f"{_NAME}.intervals.csv", 2
    while path.exists():
        path = out / f"{_NAME}-{number}.intervals.csv"
        number += 1
    return path
