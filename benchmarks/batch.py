"""Many videos by one command: ``python -m benchmarks.batch [--videos 200] [--parts speed,interrupt,dask]``.

Makes short videos of a face, five of them broken, and spots in them as a user would, by ``apexspot spot FOLDER``:

speed      with one job and with two, in turn; how much faster two are
interrupt  with two jobs, ended by Ctrl+C after a third and after two thirds, and run again: everything must be there,
           and nothing may have been done twice
dask       by a scheduler and two workers on this machine, one of which is killed in the middle

Videos are drawn from the portrait that ships, and, where there are any, cut from the clips in ``--clips``. Memory is
what the processes of a run hold together (proportional set size, Linux), printed over the time of the run.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from models.assets import asset_path
from models.errors import ApexspotError
from models.video import VideoFile

ROOT = Path(__file__).resolve().parent.parent
CLIPS = ROOT.parent / "shared" / "data" / "clips"
WIDTH, HEIGHT, RATE_HZ = 320, 240, 30
BROKEN = 5
WANTED_SPEED_UP = 1.7

Picture = NDArray[np.uint8]


# --- videos -----------------------------------------------------------------------------------------------------------


def drawn(frames: int, seed: int) -> Iterator[Picture]:
    """The portrait, nodding and changing its light a little."""
    portrait = cv2.imread(str(asset_path("portrait.png")))
    assert portrait is not None
    face = cv2.resize(portrait, (HEIGHT, HEIGHT), interpolation=cv2.INTER_AREA)
    for k in range(frames):
        picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        top = round(4 + 4 * np.sin(k / 5 + seed))
        lit = cv2.convertScaleAbs(face, beta=(k + seed) % 20)
        picture[top:, 40 : 40 + HEIGHT] = lit[: HEIGHT - top]
        yield picture


def cut(clip: Path, frames: int, start: int) -> Iterator[Picture]:
    """A piece of a clip, with black beside it where its shape is another."""
    with VideoFile(clip) as video:
        for frame in video:
            if start <= frame.index < start + frames:
                height, width = frame.image.shape[:2]
                scale = min(WIDTH / width, HEIGHT / height)
                size = (round(width * scale), round(height * scale))
                picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
                picture[: size[1], : size[0]] = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
                yield picture
            elif frame.index >= start + frames:
                return


def encode(path: Path, pictures: Iterator[Picture]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))


def make_videos(folder: Path, count: int, seconds: float, clips: Path) -> None:
    """``count`` videos in ten sub-folders, the last five of them broken."""
    frames = round(seconds * RATE_HZ)
    originals = folder.parent / "originals"
    originals.mkdir()
    for seed in range(4):
        encode(originals / f"drawn{seed}.mp4", drawn(frames, seed))
    for clip in sorted(clips.iterdir()) if clips.is_dir() else ():
        encode(originals / f"{clip.stem}.mp4", cut(clip, frames, 30))
    good = sorted(originals.iterdir())
    whole = good[0].read_bytes()
    broken = [b"", b"no video\n" * 100, whole[: len(whole) // 4], whole[len(whole) // 2 :], os.urandom(4096)]
    for number in range(count):
        path = folder / f"s{number % 10}" / f"video{number:03}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number < count - BROKEN:
            shutil.copy(good[number % len(good)], path)
        else:
            path.write_bytes(broken[number % BROKEN])


# --- runs -------------------------------------------------------------------------------------------------------------


@dataclass
class Memory:
    """Megabytes of a process and all below it, once a second."""

    samples: list[tuple[float, int, float]] = field(default_factory=list)

    @contextmanager
    def of(self, pids: Sequence[int]) -> Iterator[None]:
        begin_s, over = time.monotonic(), threading.Event()

        def watch() -> None:
            while not over.wait(1.0):
                held = [pss_mb(pid) for root in pids for pid in tree(root)]
                self.samples.append((time.monotonic() - begin_s, len(held), sum(held)))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def told(self) -> str:
        """The most in each tenth of the time."""
        if not self.samples:
            return "not measured"
        tenths = np.array_split(np.array([mb for _, _, mb in self.samples]), min(10, len(self.samples)))
        return "  ".join(f"{part.max():.0f}" for part in tenths) + " MB"


def tree(pid: int) -> list[int]:
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(deeper for child in below for deeper in tree(int(child)))]


def pss_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


@dataclass
class Run:
    """One start of the command. cpu_s: of it and its processes; what runs on a cluster is not among it."""

    code: int
    wall_s: float
    cpu_s: float
    said: str
    memory: Memory


def spot(study: Path, out: Path, *more: str, stop_at: int | None = None, watched: Sequence[int] = ()) -> Run:
    """Run the command; with ``stop_at``, press Ctrl+C twice when so many results are there."""
    command = [sys.executable, "-m", "app", "spot", str(study), "--out", str(out), *more]
    memory, begin_s, before = Memory(), time.monotonic(), os.times()
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said) as program,
        memory.of([program.pid, *watched]),
    ):
        while stop_at is not None and program.poll() is None:
            if done_in(out) >= stop_at:
                program.send_signal(signal.SIGINT)
                time.sleep(0.2)
                program.send_signal(signal.SIGINT)
                break
            time.sleep(0.05)
        program.wait()
        said.seek(0)
        after = os.times()
        cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
        return Run(program.returncode, time.monotonic() - begin_s, cpu_s, said.read(), memory)


def done_in(out: Path) -> int:
    """How many videos have results; looks into no folder that comes and goes."""
    return len(list(out.glob("s*/video*.json")))


def times_of(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in out.rglob("*.*") if path.name != "summary.csv"}


def complete(out: Path, count: int) -> list[str]:
    """What is wrong with the results, nothing where all is there."""
    with (out / "summary.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    faults = []
    if len(rows) != count or len({row["results"] for row in rows}) != count:
        faults.append(f"{len(rows)} rows in the summary instead of {count}")
    bad = sum(bool(row["error"]) for row in rows)
    if bad != BROKEN:
        faults.append(f"{bad} errors in the summary instead of {BROKEN}")
    missing = [
        name
        for row in rows
        if not row["error"]
        for name in (f"{row['results']}.{ending}" for ending in ("json", "frames.csv", "intervals.csv"))
        if not (out / name).is_file()
    ]
    if missing:
        faults.append(f"{len(missing)} results are missing, such as {missing[0]}")
    hidden = list(out.rglob(".*"))
    if hidden:
        faults.append(f"{hidden[0]} is left over")
    return faults


def tables(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*.csv")}


# --- parts ------------------------------------------------------------------------------------------------------------


def speed(study: Path, work: Path, count: int) -> bool:
    one = spot(study, work / "one", "--jobs", "1")
    two = spot(study, work / "two", "--jobs", "2")
    faults = [*complete(work / "one", count), *complete(work / "two", count)]
    same = tables(work / "one") == tables(work / "two")
    gain = one.wall_s / two.wall_s
    print("jobs  wall s  s a video  CPU s  memory (most in each tenth of the run)")
    for jobs, run in ((1, one), (2, two)):
        print(f"{jobs:4}  {run.wall_s:6.1f}  {run.wall_s / count:9.2f}  {run.cpu_s:5.0f}  {run.memory.told()}")
    print(
        f"speed-up {gain:.2f} (wanted {WANTED_SPEED_UP}), on {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    )
    print(f"tables the same: {same}; complete: {faults or True}; exit codes {one.code}, {two.code} (1 is right)")
    return same and not faults and one.code == two.code == 1


def interrupt(study: Path, work: Path, count: int) -> bool:
    out = work / "interrupted"
    first: dict[Path, int] = {}
    good = True
    for stop_at in (count // 3, 2 * count // 3):
        run = spot(study, out, "--jobs", "2", stop_at=stop_at)
        now = times_of(out)
        again = sum(now.get(path) != when for path, when in first.items())
        good &= run.code == 130 and not again and "Traceback" not in run.said
        print(f"Ctrl+C twice after {run.wall_s:.1f} s: exit code {run.code}, {len(now) // 3} done, {again} files again")
        first = now
    run = spot(study, out, "--jobs", "2")
    now, faults = times_of(out), complete(out, count)
    again = sum(now.get(path) != when for path, when in first.items())
    print(f"run again: {run.wall_s:.1f} s, exit code {run.code} (1 is right), {again} files again")
    print(f"  {next((line for line in run.said.splitlines() if 'done before' in line), 'nothing was done before')}")
    print(f"  complete: {faults or True}; memory {run.memory.told()}")
    last = spot(study, out, "--jobs", "2")
    print(f"and again, with all done but the {BROKEN} broken ones: {last.wall_s:.1f} s")
    return good and not faults and not again and run.code == 1


def dask(study: Path, work: Path, count: int) -> bool:
    file, out = work / "scheduler.json", work / "dask"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def start(what: str, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", what, "--scheduler-file", str(file), "--host", "127.0.0.1", *more]
        log = (work / f"{what}.log").open("ab")
        with log:
            return subprocess.Popen([*command, "--no-dashboard"], env=environment, cwd=work, stdout=log, stderr=log)

    started = [start("scheduler", "--port", "0")]
    try:
        while not file.exists() or not file.read_text():
            time.sleep(0.1)
        workers = [start("worker", "--nthreads", "1", "--no-nanny") for _ in range(2)]
        started += workers
        died_at: list[int] = []

        def kill_one() -> None:
            while done_in(out) < count // 2:
                time.sleep(0.05)
            workers[0].kill()
            died_at.append(done_in(out))

        killer = threading.Thread(target=kill_one, daemon=True)
        killer.start()
        address = str(json.loads(file.read_text())["address"])
        run = spot(study, out, "--dask", address, watched=[one.pid for one in started])
        killer.join()
    finally:
        for one in reversed(started):
            one.kill()
            one.wait()
    faults = complete(out, count)
    print(f"a worker was killed when {died_at[0]} were done: {run.wall_s:.1f} s, exit code {run.code} (1 is right)")
    print(f"  complete: {faults or True}; memory {run.memory.told()}")
    return not faults and run.code == 1


PARTS = {"speed": speed, "interrupt": interrupt, "dask": dask}


def main() -> int:
    parser = argparse.ArgumentParser(description="Spot in many short videos.")
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1.5, help="length of each")
    parser.add_argument("--parts", default="speed,interrupt,dask")
    parser.add_argument("--clips", type=Path, default=CLIPS, help="folder with clips to cut pieces from")
    arguments = parser.parse_args()
    parts = arguments.parts.split(",")
    if not set(parts) <= set(PARTS) or arguments.videos < 3 * BROKEN:
        parser.error(f"--parts are {', '.join(PARTS)}, and --videos at least {3 * BROKEN}")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what it runs behind deaf to Ctrl+C
    good = True
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        try:
            make_videos(work / "study", arguments.videos, arguments.seconds, arguments.clips)
        except ApexspotError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{arguments.videos} videos of {arguments.seconds:g} s, {BROKEN} of them broken", flush=True)
        for part in parts:
            print(f"\n{part}", flush=True)
            good &= PARTS[part](work / "study", work, arguments.videos)
    print("\nall as it should be" if good else "\nNOT as it should be")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
