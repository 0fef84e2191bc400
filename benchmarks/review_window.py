"""How the Review workspace carries a long recording: ``python -m benchmarks.review_window [SESSION]``.

Opens a session of two simulated hours (made by ``benchmarks.long_session`` where none is named) in a window of
1280 x 720 on Qt's offscreen platform, and prints how long opening takes, how much memory the process then holds, and
the milliseconds that each picture of the window takes while the curves are scrolled and zoomed, the cursor is moved,
intervals are accepted, and thresholds are dragged. 33 ms would be 30 pictures a second. On a machine that is busy
otherwise the processor's time tells more than the clock.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QApplication

from app.gui.main import make_application
from app.gui.review.desk import Desk
from app.gui.review.workspace import ReviewWorkspace
from app.gui.theme import LIGHT, apply_theme
from app.review.state import Thresholds
from benchmarks.long_session import make

STEPS = 120
MOST_S = 120.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("session", nargs="?", type=Path, help="a session folder; it is copied, not changed")
    parser.add_argument("--hours", type=float, default=2.0, help="length of the session that is made (2)")
    options = parser.parse_args()
    if sys.platform.startswith("linux"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app = make_application(sys.argv[:1])
    apply_theme(app, LIGHT)
    with tempfile.TemporaryDirectory() as folder:
        if options.session is None:
            session = Path(folder) / "2026-11-23_09-00-00_P07"
            make(session, options.hours)
        else:
            session = Path(shutil.copytree(options.session, Path(folder) / options.session.name))
        measure(app, session)
    return 0


def measure(app: QApplication, session: Path) -> None:
    """Open, use, print."""
    workspace = ReviewWorkspace(LIGHT)
    workspace.resize(1256, 620)
    workspace.show()
    app.processEvents()
    before_mib = memory_mib()
    began_s = time.perf_counter()
    workspace.open(session)
    while not workspace.has_recording:
        app.processEvents()
        time.sleep(0.002)
        if time.perf_counter() - began_s > MOST_S:
            raise SystemExit(f"{session} did not open within {MOST_S:.0f} s.")
    workspace.grab()
    opened_s = time.perf_counter() - began_s
    desk = workspace.desk
    assert desk is not None
    length_s = desk.end_s - desk.begin_s
    print(f"{length_s / 3600:.2f} h, {len(desk.frames)} frames, {len(desk.state.intervals)} intervals")
    print(f"opened and drawn in {opened_s:.2f} s; {memory_mib():.0f} MiB, {before_mib:.0f} MiB before")
    print(f"{'ms for one picture of the window':<34}{'p50':>9}{'p95':>9}{'worst':>9}{'processor p50':>16}")
    curves = workspace.view.curves
    for span_s in (10.0, 60.0, 600.0, 3600.0):
        if span_s < length_s:
            curves.set_view(desk.begin_s, desk.begin_s + span_s)
            show(
                f"scroll, {span_s:.0f} s in sight",
                [drawn(app, partial(curves.pan, span_s / 40)) for _ in range(STEPS)],
            )
    curves.show_all()
    middle_s = desk.begin_s + length_s / 2
    show("zoom in", [drawn(app, lambda: curves.zoom(0.93, middle_s)) for _ in range(STEPS)])
    show("zoom out", [drawn(app, lambda: curves.zoom(1 / 0.93, middle_s)) for _ in range(STEPS)])
    curves.set_view(middle_s, middle_s + 60)
    desk.go_to(middle_s)
    show("step a frame", [drawn(app, lambda: desk.step(1)) for _ in range(STEPS)])
    random = np.random.default_rng(0)
    show(
        "go anywhere",
        [drawn(app, partial(desk.go_to, float(t))) for t in random.uniform(desk.begin_s, desk.end_s, STEPS // 3)],
    )
    show("pick the next interval", [drawn(app, lambda: desk.go_to_interval(1)) for _ in range(STEPS)])
    show("accept it, saved", [accepted(app, desk) for _ in range(20)])
    if workspace.view.thresholds.isEnabled():
        times = []
        for value in np.linspace(0.2, 0.9, 12):
            thresholds = Thresholds(desk.state.thresholds.intensity, float(value), desk.state.thresholds.micro)
            times.append(drawn(app, partial(previewed, workspace, thresholds)))
        show("drag a threshold", times)
    print(f"memory at the end {memory_mib():.0f} MiB, most ever {most_mib():.0f} MiB")
    workspace.close_recording()
    workspace.deleteLater()
    app.processEvents()


def drawn(app: QApplication, act: Callable[[], object]) -> tuple[float, float]:
    """Do something and draw what has changed; how long both took on the clock and on the processor (ms)."""
    began_s, processor_s = time.perf_counter(), time.process_time()
    act()
    app.processEvents()
    return (time.perf_counter() - began_s) * 1000, (time.process_time() - processor_s) * 1000


def accepted(app: QApplication, desk: Desk) -> tuple[float, float]:
    desk.go_to_interval(1)
    return drawn(app, desk.accept)


def previewed(workspace: ReviewWorkspace, thresholds: Thresholds) -> None:
    assert workspace.desk is not None
    workspace.view.curves.show_preview(thresholds, workspace.desk.review.preview(thresholds))


def show(name: str, times_ms: list[tuple[float, float]]) -> None:
    clock_ms, processor_ms = zip(*times_ms, strict=True)
    p50, p95 = np.percentile(clock_ms, (50, 95))
    print(f"{name:<34}{p50:9.1f}{p95:9.1f}{max(clock_ms):9.1f}{np.median(processor_ms):16.1f}")


def memory_mib() -> float:
    """What the process holds now, where the system tells; else the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return most_mib()
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def most_mib() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


if __name__ == "__main__":
    sys.exit(main())
