"""Which optical flow? Injects known motion into a portrait video and prints error, noise and time for each choice.

    python -m benchmarks.flow_choice [--only NAME ...]

All figures are IOD except the last column. Columns:

* ``err A``: expression of amplitude A (smile, brows, one mouth corner) on a swaying head, 0.2 s onset: mean distance
  between measured and true displacement of the regions that move, in the middle of the hold.
* ``err fast``: the same for 0.1 and 0.2 IOD in 0.1 s.
* ``noise``: still face, displacement over 12 frames of the largest region, median and 95th percentile; on a swaying
  head; at 60 and 15 fps (over 0.4 s).
* ``tremble``: still face, but the landmarks jump by 0.01 IOD from frame to frame (as ``noise``).
* ``busy``: 10 s of overlapping expressions: root mean square error of position, its mean over time taken out.
* ``yaw``, ``pitch``, ``roll`` (by 15 degrees in 0.5 s and back), ``blink``, ``lamp``, ``bands``: largest displacement
  of any region from the first frame on, where nothing but that happens.
* ``ms``: flow, head motion and drift correction for one frame without MediaPipe, median of one thread's CPU time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import motion_clips as clips
from models.face import ALIGNED, FaceTracker, alignment, inter_ocular_px
from models.flow import FlowMethod
from models.perception import Perception, PerceptionSettings
from models.types import FaceTrack, Image

Array = NDArray[np.float64]
AMPLITUDES_IOD = (0.003, 0.01, 0.03, 0.1)


class RecordedTracker:
    """Plays back what the landmark model found, so that each choice sees the same landmarks and is timed alone."""

    def __init__(self, tracks: list[FaceTrack | None]) -> None:
        self._tracks = iter(tracks)

    def track(self, image: Image, time_s: float) -> FaceTrack | None:
        return next(self._tracks)

    def close(self) -> None:
        pass


def find_faces(clip: clips.Clip) -> list[FaceTrack | None]:
    with FaceTracker() as tracker:
        return [tracker.track(frame.image, frame.time_s) for frame in clip.frames]


def trembling(tracks: list[FaceTrack | None], amount_iod: float = 0.01) -> list[FaceTrack | None]:
    """The same landmarks, each of them and all together thrown about at random from frame to frame."""
    rng = np.random.default_rng(0)
    out: list[FaceTrack | None] = []
    for track in tracks:
        if track is not None:
            each = rng.normal(0.0, 0.5 * amount_iod * track.iod_px, track.landmarks_px.shape)
            points = track.landmarks_px + each + rng.normal(0.0, amount_iod * track.iod_px, 3)
            points = points.astype(np.float32)
            track = FaceTrack(points, inter_ocular_px(points), alignment(points))
        out.append(track)
    return out


def positions(
    clip: clips.Clip, tracks: list[FaceTrack | None], settings: PerceptionSettings, times_ms: list[float]
) -> Array:
    """(T, 12, 2) positions; appends each frame's milliseconds to ``times_ms``."""
    out = []
    with Perception(settings, RecordedTracker(tracks)) as perception:
        for frame in clip.frames:
            start = time.thread_time()
            out.append(perception.process(frame).position_iod)
            times_ms.append((time.thread_time() - start) * 1000)
    return np.array(out, np.float64)


def hold_error(clip: clips.Clip, position: Array, rise_s: float) -> float:
    """Mean error over the moving regions, middle of the hold against the still start."""
    times = np.array([frame.time_s for frame in clip.frames])
    before = (times > 0.2) & (times <= 0.4)
    held = (times > 0.4 + rise_s + 0.05) & (times < 0.4 + rise_s + 0.2)
    measured = position[held].mean(axis=0) - position[before].mean(axis=0)
    true = clip.truth_iod[held].mean(axis=0) - clip.truth_iod[before].mean(axis=0)
    size = np.linalg.norm(true, axis=1)
    moving = size > 0.5 * size.max()
    return float(np.linalg.norm(measured - true, axis=1)[moving].mean())


def noise_floor(clip: clips.Clip, position: Array) -> tuple[float, float]:
    """Median and 95th percentile of the largest region's displacement over 12 frames at 30 fps."""
    step = round(12 * clip.fps / 30.0)
    settled = position[round(0.2 * clip.fps) :]
    largest = np.linalg.norm(settled[step:] - settled[:-step], axis=2).max(axis=1)
    return float(np.median(largest)), float(np.percentile(largest, 95))


def path_error(clip: clips.Clip, position: Array) -> float:
    error = position - clip.truth_iod
    error = error - error.mean(axis=0)
    return float(np.sqrt((error**2).sum(axis=2).mean()))


def excursion(position: Array) -> float:
    return float(np.linalg.norm(position - position[:3].mean(axis=0), axis=2).max())


def make_clips(portrait: clips.Portrait) -> dict[str, list[clips.Clip]]:
    """Column -> its clips."""
    out: dict[str, list[clips.Clip]] = {}
    for amplitude in AMPLITUDES_IOD:
        out[f"err {amplitude:g}"] = [
            clips.expression(portrait, parts, amplitude, name) for name, parts in clips.EXPRESSIONS.items()
        ]
    out["err fast"] = [
        clips.expression(portrait, parts, amplitude, name, rise_s=0.1)
        for amplitude in (0.1, 0.2)
        for name, parts in (("smile", clips.SMILE), ("brows", clips.BROWS))
    ]
    out["noise"] = [clips.still(portrait)]
    out["sway"] = [clips.still(portrait, moving=True)]
    out["60 fps"] = [clips.still(portrait, 60.0, moving=True)]
    out["15 fps"] = [clips.still(portrait, 15.0, moving=True, seconds=3.0)]
    out["busy"] = [clips.busy(portrait)]
    for axis in ("yaw", "pitch", "roll"):
        out[axis] = [clips.head_turn(portrait, axis, 15.0, 0.5)]
    out["blink"] = [clips.blinks(portrait)]
    out["lamp"] = [clips.flicker(portrait, banded=False)]
    out["bands"] = [clips.flicker(portrait, banded=True)]
    return out


def choices() -> dict[str, PerceptionSettings]:
    base = PerceptionSettings()
    flow = base.flow

    def with_flow(**changes: object) -> PerceptionSettings:
        return replace(base, flow=replace(flow, **changes))  # type: ignore[arg-type]

    out = {"default": base}
    for method in FlowMethod:
        out[method.value] = with_flow(method=method)
    for factor in (0.625, 0.75, 1.25):
        scaled = ALIGNED.scaled(factor)
        out[f"crop {scaled.width_px}, IOD {scaled.iod_px:.0f} px"] = with_flow(aligned=scaled)
    for lag_s in (0.0, 0.1, 0.2, 0.4):
        out[f"lag {lag_s:g} s"] = replace(base, lag_s=lag_s)
    for radius in (0.05, 0.12):
        out[f"disc {radius:g} IOD"] = with_flow(radius_iod=radius)
    out["local mean and spread"] = with_flow(normalise=True)
    for seconds in (0.5, 1.0, 3.0):
        out[f"crossover {seconds:g} s"] = replace(base, crossover_s=seconds)
    for degrees in (3.0, 6.0, 20.0, 1e9):
        out[f"crossover {degrees:g} deg"] = replace(base, crossover_rad=float(np.radians(degrees)))
    out["landmarks alone"] = replace(base, crossover_s=1e-6)
    out["flow alone"] = replace(base, crossover_s=1e9, crossover_rad=1e9)
    return out


def measure(
    settings: PerceptionSettings, columns: dict[str, list[tuple[clips.Clip, list[FaceTrack | None]]]]
) -> dict[str, str]:
    row: dict[str, str] = {}
    times_ms: list[float] = []
    for column, pairs in columns.items():
        results = [(clip, positions(clip, tracks, settings, times_ms)) for clip, tracks in pairs]
        if column.startswith("err"):
            rise_s = 0.1 if column == "err fast" else 0.2
            row[column] = f"{np.mean([hold_error(clip, position, rise_s) for clip, position in results]):.4f}"
        elif column in ("noise", "sway", "60 fps", "15 fps", "tremble"):
            middle, high = noise_floor(*results[0])
            row[column] = f"{middle:.4f}/{high:.4f}"
        elif column == "busy":
            row[column] = f"{path_error(*results[0]):.4f}"
        else:
            row[column] = f"{max(excursion(position) for _, position in results):.3f}"
    row["ms"] = f"{np.median(times_ms):.1f}"
    return row


def print_table(rows: Iterable[tuple[str, dict[str, str]]]) -> None:
    first = True
    for name, row in rows:
        if first:
            print(f"{'choice':28s} " + " ".join(f"{column:>{max(len(v), len(column))}s}" for column, v in row.items()))
            first = False
        print(f"{name:28s} " + " ".join(f"{v:>{max(len(v), len(column))}s}" for column, v in row.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="choices whose name contains one of these")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    columns = {
        column: [(clip, find_faces(clip)) for clip in made] for column, made in make_clips(clips.Portrait()).items()
    }
    columns["tremble"] = [(clip, trembling(tracks)) for clip, tracks in columns["noise"]]
    wanted = {
        name: settings
        for name, settings in choices().items()
        if not arguments.only or any(part in name for part in arguments.only)
    }
    print_table((name, measure(settings, columns)) for name, settings in wanted.items())


if __name__ == "__main__":
    main()
