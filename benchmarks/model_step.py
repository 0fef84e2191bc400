"""Time of one step of the network: ``python -m benchmarks.model_step [--model FILE] [--new-s 1.0]``.

A step scores what has come since the last one. For that the network is run over a window: the new frames, the frames
behind which the look-ahead has not passed yet, and as much past as their scores depend on. The past itself is not
scored again; a file that can leave it out takes less time. ONNX Runtime in one thread on the CPU, as on a laptop whose
other cores are busy with the camera's pictures. On a busy machine look at the least time; ``--operators`` says which
operators it goes to.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from models.errors import ApexspotError
from models.model_file import FIRST_NAME, INPUT_NAME, OUTPUT_NAMES, open_session, read_model_bytes
from models.spotter import CPU, Spotter
from models.types import GRID_HZ, REGION_COUNT

log = logging.getLogger(__name__)

WARM_UP = 20


def step_ms(session: ort.InferenceSession, frames: int, past: int, runs: int) -> np.ndarray:
    """Milliseconds of each run over a window of so many frames, of which the first are past."""
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=(1, frames, REGION_COUNT, 2)), axis=1) * 0.001
    window = {INPUT_NAME: walk.astype(np.float32)}
    if session.get_overridable_initializers():
        window[FIRST_NAME] = np.array(past, np.int64)
    times = []
    for _ in range(WARM_UP + runs):
        begin = time.perf_counter()
        session.run(list(OUTPUT_NAMES), window)
        times.append(1000.0 * (time.perf_counter() - begin))
    return np.array(times[WARM_UP:])


def one_thread_session(path: Path, profile: Path | None = None) -> ort.InferenceSession:
    """The model in one thread, checked as the application checks it. profile: beginning of a file name."""
    data = read_model_bytes(path)
    open_session(path, data, [CPU])
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    return ort.InferenceSession(data, options, providers=[CPU])


def operator_shares(path: Path, frames: int, past: int, runs: int) -> dict[str, float]:
    """Share of the time that each kind of operator takes, the largest first."""
    with tempfile.TemporaryDirectory() as folder:
        session = one_thread_session(path, Path(folder) / "profile")
        step_ms(session, frames, past, runs)
        events = json.loads(Path(session.end_profiling()).read_text("utf-8"))
    spent: dict[str, float] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            kind = event["args"]["op_name"]
            spent[kind] = spent.get(kind, 0.0) + event["dur"]
    total = sum(spent.values())
    return {kind: value / total for kind, value in sorted(spent.items(), key=lambda item: -item[1])}


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_step", description="Time of one step.")
    parser.add_argument("--model", type=Path, help="model file [the shipped one]")
    parser.add_argument("--new-s", type=float, default=1.0, help="seconds that have come since the last step")
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--operators", action="store_true", help="say which operators the time goes to")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        spotter = Spotter(options.model, use_gpu=False)
        print(table(spotter, options.new_s, options.runs))
        if options.operators:
            past = spotter.spec.look_back_frames
            shares = operator_shares(spotter.path, window_frames(spotter, options.new_s), past, options.runs)
            print(", ".join(f"{kind} {100 * share:.0f} %" for kind, share in shares.items() if share >= 0.01))
    except ApexspotError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


def window_frames(spotter: Spotter, new_s: float) -> int:
    """Frames of the window that a live step runs over."""
    return spotter.spec.look_back_frames + spotter.spec.look_ahead_frames + round(new_s * GRID_HZ)


def table(spotter: Spotter, new_s: float, runs: int) -> str:
    """Times of the windows that matter, one line each."""
    spec, session = spotter.spec, one_thread_session(spotter.path)
    new = round(new_s * GRID_HZ)
    past = spec.look_back_frames
    windows = {
        f"{new_s:g} s of new frames alone": (new, 0),
        "with the past that their scores depend on": (past + new, past),
        "with the frames that still wait for their future": (window_frames(spotter, new_s), past),
        "the same, the past scored too": (window_frames(spotter, new_s), 0),
    }
    lines = [
        f"{spotter.path.name} ({spec.version}), ONNX Runtime {ort.__version__}, one thread, {platform.machine()}",
        f"looks back {spec.look_back_frames} frames, ahead {spec.look_ahead_frames}",
        f"{'window':50}{'frames':>7}{'least':>9}{'p50':>9}{'p95':>9}{'p99':>9}  ms",
    ]
    for words, (frames, before) in windows.items():
        times = np.percentile(step_ms(session, frames, before, runs), [0, 50, 95, 99])
        lines.append(f"{words:50}{frames:7}" + "".join(f"{value:9.2f}" for value in times))
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
