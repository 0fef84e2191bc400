"""From recordings to a feature archive: the live perception over every recording, several at a time, resumable.

Each recording is seen by a process of its own, so that a damaged file that takes a decoder down takes nothing else with
it. A recording's motion is written all at once when it is complete; one that is there, seen by the same perception in
the same file, is not done again. Tables and ``meta.json`` come last.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

import numpy as np

from models.digest import perception_digest
from models.errors import ApexspotError, LabelError, OutputError, UsageError, VideoError
from training.archive import FORMAT, SCHEMA, Motion, load_motion, motion_file, save_motion
from training.archive_tables import INTERVAL_COLUMNS, POINT_COLUMNS, write_table, write_text
from training.readers.labels import CodedPoint, Finding, Reading, RecordingLabels
from training.readers.layout import pictures_in
from training.readers.pictures import frame_count, open_source
from training.readers.points import PointDraw, draw_points
from training.readers.sessions import FEATURES_FILE, load_features

log = logging.getLogger(__name__)

Report = Callable[[float, int, str], None]
"""Called with recordings done (with fractions), recordings to do, and the name of the one that moved."""

_REPORT_FRAMES = 25
_FEW_FACES = 0.5


@dataclass(frozen=True, slots=True)
class Extraction:
    """What came of it. failed: a sentence for each recording that could not be used."""

    extracted: int
    kept: int
    failed: tuple[str, ...]
    findings: tuple[Finding, ...]
    points: int


def extract(
    reading: Reading, out: Path, *, jobs: int = 1, draw: PointDraw = PointDraw.APEX, seed: int = 0, report: Report
) -> Extraction:
    """Run perception over all recordings and write the archive ``out``; one that fails is named and passed over.

    Points are those that a person gave; where a recording has none, they are drawn from its intervals.

    Raises:
        UsageError: ``out`` holds something else.
        OutputError: ``out`` cannot be written.
    """
    motion_folder = _prepare(out, reading.data_set)
    digest = perception_digest()
    todo: list[_Task] = []
    kept = 0
    failed: dict[str, str] = {}
    for recording in reading.recordings:
        try:
            source = _fingerprint(recording.source)
        except OSError as error:
            failed[recording.name] = f"{recording.source} cannot be read ({error.strerror})."
            continue
        target = motion_folder / motion_file(recording.name)
        if _is_done(target, digest, source):
            kept += 1
        else:
            todo.append(_Task(recording.name, recording.source, recording.fps, target, digest, source))
    failed |= _run(todo, max(1, jobs), report)
    findings: list[Finding] = []
    done = [recording for recording in reading.recordings if recording.name not in failed]
    points = _write_tables(out, reading.data_set, done, digest, draw, seed, findings) if done else 0
    return Extraction(len(done) - kept, kept, tuple(failed.values()), tuple(findings), points)


def _prepare(out: Path, data_set: str) -> Path:
    """The folder for the motion files; what an interrupted run left half-written is removed."""
    motion_folder = out / "motion"
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; --out wants a folder.")
    if out.is_dir() and any(out.iterdir()) and not motion_folder.is_dir():
        raise UsageError(f"{out} holds other files; choose a new folder with --out.")
    try:
        there = json.loads((out / "meta.json").read_text("utf-8")).get("data_set")
        if there != data_set:
            raise UsageError(f"{out} is the archive of {there}; choose another folder for {data_set}.")
    except (OSError, ValueError, AttributeError):
        pass  # not written yet, or to be written anew
    try:
        motion_folder.mkdir(parents=True, exist_ok=True)
        for partial in [*out.glob(".*.writing"), *motion_folder.glob(".*.writing")]:
            partial.unlink()
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}).") from error
    return motion_folder


def _fingerprint(source: Path) -> str:
    """Tells another recording under the same path; copying or moving the data set does not change it."""
    if source.is_file():
        return f"{source.name} {source.stat().st_size}"
    pictures = pictures_in(source)
    sizes = [path.stat().st_size for _, path in (pictures[0], pictures[-1])] if pictures else []
    return " ".join(str(part) for part in (source.name, len(pictures), *sizes))


def _is_done(target: Path, digest: str, source: str) -> bool:
    if not target.is_file():
        return False
    try:
        motion = load_motion(target)
    except LabelError:
        return False
    return motion.perception == digest and motion.source == source


@dataclass(frozen=True, slots=True)
class _Task:
    name: str
    source: Path
    fps: float
    target: Path
    digest: str
    fingerprint: str


# --- the process that sees one recording --------------------------------------------------------------------------


def _see(task: _Task, parent: Connection, alone: bool) -> None:
    """Runs in a process of its own; its last word is ``done`` or ``failed``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    try:
        import cv2

        if not alone:
            cv2.setNumThreads(1)
        if task.source.name == FEATURES_FILE:
            motion = _recorded(task)
        else:
            parent.send(("total", frame_count(task.source, task.fps)))
            motion = _seen(task, parent)
        if not motion.valid.any():
            raise VideoError(f"{task.source} shows no face that was found.")
        save_motion(task.target, motion)
        parent.send(("done", None))
    except ApexspotError as error:
        text = str(error)
        parent.send(("failed", text if text.startswith(f"{task.source} ") else f"{task.source} was not used: {text}"))
    except Exception as error:
        parent.send(("trace", traceback.format_exc()))
        parent.send(("failed", f"{task.source} was given up ({type(error).__name__}, unexpected)."))
    finally:
        parent.close()


def _recorded(task: _Task) -> Motion:
    """What the application saw while it recorded a session, from the session's first frame on."""
    rows = load_features(task.source)
    time_s = rows["time_s"] - rows["time_s"][0]
    later = np.concatenate([[True], np.diff(np.maximum.accumulate(time_s)) > 0])
    return Motion(
        time_s[later],
        rows["valid"][later],
        rows["position_iod"][later],
        rows["quality"][later].astype(np.float32),
        task.digest,
        task.fingerprint,
    )


def _seen(task: _Task, parent: Connection) -> Motion:
    from models.perception import Perception
    from models.types import FrameMotion

    seen = []
    source = open_source(task.source, task.fps)
    try:
        with Perception() as perception:
            for frame in source:
                m = perception.process(frame)
                seen.append(FrameMotion(m.index, m.time_s, m.valid, m.position_iod, m.quality))
                if len(seen) % _REPORT_FRAMES == 0:
                    parent.send(("frames", len(seen)))
    finally:
        source.close()
    return Motion.of(seen, task.digest, task.fingerprint)


# --- the processes ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Running:
    task: _Task
    process: BaseProcess
    total: int | None = None
    frames: int = 0
    outcome: str | None = None

    @property
    def fraction(self) -> float:
        return min(self.frames / self.total, 1.0) if self.total else 0.0


def _run(todo: Sequence[_Task], jobs: int, report: Report) -> dict[str, str]:
    """See all tasks, ``jobs`` at a time; a sentence about each that failed, by name."""
    context = multiprocessing.get_context("spawn")  # a fork would copy half-used decoders and thread pools
    waiting = list(reversed(todo))
    running: dict[Connection, _Running] = {}
    failed: dict[str, str] = {}
    finished = 0
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                task = waiting.pop()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_see, args=(task, theirs, jobs == 1), daemon=True)
                with _interrupt_ignored():
                    process.start()
                theirs.close()
                running[ours] = _Running(task, process)
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                job = running[connection]
                name = job.task.name
                if not _listen(connection, job):
                    job.process.join()
                    connection.close()
                    del running[connection]
                    finished += 1
                    if job.outcome is None:
                        job.outcome = f"{job.task.source} was given up: its process ended ({job.process.exitcode})."
                    if job.outcome:
                        failed[name] = job.outcome
                report(finished + sum(j.fraction for j in running.values()), len(todo), name)
    finally:
        for connection, job in running.items():
            job.process.terminate()
            job.process.join()
            connection.close()
            job.task.target.with_name(f".{job.task.target.name}.writing").unlink(missing_ok=True)
    return failed


def _listen(connection: Connection, job: _Running) -> bool:
    """Take one message; False when there will be no more."""
    try:
        kind, value = connection.recv()
    except (EOFError, OSError):
        return False
    if kind == "total":
        job.total = value
    elif kind == "frames":
        job.frames = value
    elif kind == "trace":
        log.error("unexpected error in %s\n%s", job.task.source, value)
    else:
        job.outcome = value if kind == "failed" else ""
    return True


@contextmanager
def _interrupt_ignored() -> Iterator[None]:
    """Processes started inside are born deaf to Ctrl+C, which would make each of them print a traceback."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Callable[[int, FrameType | None], object] | int | None = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


# --- tables -------------------------------------------------------------------------------------------------------


def _write_tables(
    out: Path,
    data_set: str,
    recordings: Sequence[RecordingLabels],
    digest: str,
    draw: PointDraw,
    seed: int,
    findings: list[Finding],
) -> int:
    points: list[tuple[object, ...]] = []
    intervals: list[tuple[object, ...]] = []
    entries = []
    drawn = False
    for recording in recordings:
        motion = load_motion(out / "motion" / motion_file(recording.name))
        faces = float(motion.valid.mean())
        if faces < _FEW_FACES:
            findings.append(
                Finding(f"{recording.name}: a face was found in only {faces:.0%} of its frames.", lost=False)
            )
        given = recording.points
        if not given and recording.intervals:
            given = draw_points(recording, draw, seed)
            drawn = True
        points += [
            (recording.name, f"{p.time_s:.4f}", p.type.value) for p in _inside(recording, given, motion, findings)
        ]
        for i in recording.intervals:
            onset_s, apex_s, offset_s = (frame / recording.fps for frame in (i.onset, i.apex, i.offset))
            if not motion.holds(onset_s):
                findings.append(_outside(recording.name, onset_s, motion))
                continue
            times = [f"{min(t, motion.end_s):.4f}" for t in (onset_s, apex_s, offset_s)]
            intervals.append((recording.name, *times, i.type.value, i.offset_source, i.au, i.emotion))
        entries.append(
            {
                "name": recording.name,
                "subject": recording.subject,
                "fps": recording.fps,
                "file": motion_file(recording.name),
            }
        )
    write_table(out / "points.csv", POINT_COLUMNS, points)
    write_table(out / "intervals.csv", INTERVAL_COLUMNS, intervals)
    meta = {
        "format": FORMAT,
        "schema": SCHEMA,
        "data_set": data_set,
        "perception": digest,
        "points": {"drawn": draw.value, "seed": seed} if drawn else "given",
        "recordings": entries,
    }
    write_text(out / "meta.json", json.dumps(meta, indent=1, ensure_ascii=False) + "\n")
    return len(points)


def _inside(
    recording: RecordingLabels, points: Sequence[CodedPoint], motion: Motion, findings: list[Finding]
) -> list[CodedPoint]:
    findings += [_outside(recording.name, p.time_s, motion) for p in points if not motion.holds(p.time_s)]
    return [p for p in points if motion.holds(p.time_s)]


def _outside(name: str, time_s: float, motion: Motion) -> Finding:
    return Finding(
        f"{name}: a label at {time_s:.2f} s was dropped, the frames that could be read end at {motion.end_s:.2f} s.",
        lost=True,
    )
