"""From recordings to a feature archive: the live perception over every recording, several at a time, resumable.

``plan`` says what is to be done, ``see`` does one recording, ``complete`` writes the tables. Who calls ``see`` for each
(``app.cli_train``: processes of this machine, or a cluster) has it done in another process, so that a damaged file that
takes a decoder down takes nothing else with it. A recording's motion is written all at once when it is complete; one
that is there, seen by the same perception in the same file, is not done again. Tables and ``meta.json`` come last.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.digest import perception_digest
from models.errors import ApexspotError, DataError, LabelError, OutputError, UsageError, VideoError
from models.perception import Perception
from training.archive import FORMAT, SCHEMA, Motion, load_motion, motion_file, save_motion
from training.archive_tables import INTERVAL_COLUMNS, POINT_COLUMNS, write_table, write_text
from training.listing import some
from training.readers.labels import CodedPoint, Finding, Reading, RecordingLabels
from training.readers.layout import pictures_in
from training.readers.pictures import frame_count, open_source, step_of
from training.readers.points import PointDraw, draw_points
from training.readers.sessions import FEATURES_FILE, exclusions_digest, load_features

log = logging.getLogger(__name__)

_FEW_FACES = 0.5

_MOST_THINNED = 3.0
"""Frames that lie so many times farther apart than they should be were passed over."""


@dataclass(frozen=True, slots=True)
class SeeOrder:
    """A recording to be seen. digest: of the perception that is to see it; fingerprint: of the recording."""

    name: str
    source: Path
    fps: float
    target: Path
    digest: str
    fingerprint: str

    def absolute(self) -> SeeOrder:
        """The same for a process with another current folder."""
        return replace(self, source=self.source.absolute(), target=self.target.absolute())


@dataclass(frozen=True, slots=True)
class Plan:
    """todo: what is not done yet. kept: how many are done. unreadable: a sentence for each that cannot be read."""

    reading: Reading
    out: Path
    digest: str
    todo: tuple[SeeOrder, ...]
    kept: int
    unreadable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Extraction:
    """What came of it. failed: a sentence for each recording that could not be used."""

    extracted: int
    kept: int
    failed: tuple[str, ...]
    findings: tuple[Finding, ...]
    points: int


def plan(reading: Reading, out: Path) -> Plan:
    """What is to be done for the archive ``out``; its folder is made.

    Raises:
        UsageError: ``out`` holds something else.
        OutputError: ``out`` cannot be written.
    """
    motion_folder = _prepare(out, reading.data_set)
    digest = perception_digest()
    todo: list[SeeOrder] = []
    kept = 0
    unreadable: dict[str, str] = {}
    for recording in reading.recordings:
        try:
            source = _fingerprint(recording.source)
        except OSError as error:
            unreadable[recording.name] = f"{recording.source} cannot be read ({error.strerror})."
            continue
        target = motion_folder / motion_file(recording.name)
        order = SeeOrder(recording.name, recording.source, recording.fps, target, digest, source)
        if _is_done(order):
            kept += 1
        else:
            todo.append(order)
    return Plan(reading, out, digest, tuple(todo), kept, unreadable)


def see(order: SeeOrder, tell: Callable[[float | None], None]) -> None:
    """Run perception over one recording and write its motion. tell: called with the share that is done.

    Raises:
        DataError, UsageError: it could not be used; the sentence names it.
    """
    try:
        if perception_digest() != order.digest:
            raise DataError("another version of apexspot is at work there.")
        motion = _recorded(order) if order.source.name == FEATURES_FILE else _seen(order, tell)
        if not motion.valid.any():
            raise VideoError(f"{order.source} shows no face that was found.")
        save_motion(order.target, motion)
    except ApexspotError as error:
        text = str(error)
        if text.startswith(f"{order.source} "):
            raise
        raise DataError(f"{order.source} was not used: {text}") from error


def discard(order: SeeOrder) -> None:
    """Remove what a process that was killed has left of a recording; harmless where there is nothing."""
    order.target.with_name(f".{order.target.name}.writing").unlink(missing_ok=True)


def complete(plan: Plan, unusable: Mapping[str, str], *, draw: PointDraw = PointDraw.APEX, seed: int = 0) -> Extraction:
    """Write the tables over all recordings that were seen. unusable: a sentence for each that was not, by its name.

    Points are those that a person gave; where a recording has none, they are drawn from its intervals.

    Raises:
        OutputError: ``plan.out`` cannot be written.
    """
    failed = {**plan.unreadable, **unusable}
    findings: list[Finding] = []
    done = [recording for recording in plan.reading.recordings if recording.name not in failed]
    points = _write_tables(plan, done, draw, seed, findings) if done else 0
    return Extraction(len(done) - plan.kept, plan.kept, tuple(failed.values()), tuple(findings), points)


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
        excluded = exclusions_digest(source.parent) if source.name == FEATURES_FILE else ""
        return f"{source.name} {source.stat().st_size} {excluded}".rstrip()
    pictures = pictures_in(source)
    sizes = [path.stat().st_size for _, path in (pictures[0], pictures[-1])] if pictures else []
    return " ".join(str(part) for part in (source.name, len(pictures), *sizes))


def _is_done(order: SeeOrder) -> bool:
    if not order.target.is_file():
        return False
    try:
        motion = load_motion(order.target)
    except LabelError:
        return False
    # seen when its rate was thought to be a higher one
    thinned = _usual_step_s(motion) > _MOST_THINNED * step_of(order.fps) / order.fps
    return motion.perception == order.digest and motion.source == order.fingerprint and not thinned


def _usual_step_s(motion: Motion) -> float:
    return float(np.median(np.diff(motion.time_s))) if len(motion.time_s) > 1 else 0.0


def _recorded(order: SeeOrder) -> Motion:
    """What the application saw while it recorded a session, from the session's first frame on."""
    rows = load_features(order.source)
    time_s = rows["time_s"] - rows["time_s"][0]
    later = np.concatenate([[True], np.diff(np.maximum.accumulate(time_s)) > 0])
    return Motion(
        time_s[later],
        rows["valid"][later],
        rows["position_iod"][later],
        rows["quality"][later].astype(np.float32),
        order.digest,
        order.fingerprint,
    )


def _seen(order: SeeOrder, tell: Callable[[float | None], None]) -> Motion:
    frames = frame_count(order.source, order.fps)
    seen = []
    source = open_source(order.source, order.fps)
    try:
        with Perception() as perception:
            for frame in source:
                seen.append(replace(perception.process(frame), face=None))
                tell(min(len(seen) / frames, 1.0) if frames else None)
    finally:
        source.close()
    return Motion.of(seen, order.digest, order.fingerprint)


# --- tables -------------------------------------------------------------------------------------------------------


def _write_tables(
    plan: Plan, recordings: Sequence[RecordingLabels], draw: PointDraw, seed: int, findings: list[Finding]
) -> int:
    out = plan.out
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
    if left := sorted(_recordings(out) - {recording.name for recording in plan.reading.recordings}):
        findings.append(_left(out, left))
    write_table(out / "points.csv", POINT_COLUMNS, points)
    write_table(out / "intervals.csv", INTERVAL_COLUMNS, intervals)
    meta = {
        "format": FORMAT,
        "schema": SCHEMA,
        "data_set": plan.reading.data_set,
        "perception": plan.digest,
        "points": {"drawn": draw.value, "seed": seed} if drawn else "given",
        "recordings": entries,
    }
    write_text(out / "meta.json", json.dumps(meta, indent=1, ensure_ascii=False) + "\n")
    return len(points)


def _recordings(out: Path) -> set[str]:
    """Names of the recordings in an archive; none where it was not completed before."""
    try:
        return {str(entry["name"]) for entry in json.loads((out / "meta.json").read_text("utf-8"))["recordings"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _left(out: Path, names: Sequence[str]) -> Finding:
    count = f"{len(names)} recording{'s' if len(names) > 1 else ''}"
    return Finding(
        f"{out} is no longer of {count} that it had before ({some(names)}), which did not come along now; to train on "
        "both, give each folder an archive and name both with --data.",
        lost=False,
    )


def _inside(
    recording: RecordingLabels, points: Sequence[CodedPoint], motion: Motion, findings: list[Finding]
) -> list[CodedPoint]:
    findings += [_outside(recording.name, p.time_s, motion) for p in points if not motion.holds(p.time_s)]
    inside = [p for p in points if motion.holds(p.time_s)]
    if unseen := [f"{p.time_s:.2f}" for p in inside if not motion.sees(p.time_s)]:
        findings.append(
            Finding(
                f"{recording.name}: no face was found at {len(unseen)} of its {len(inside)} points ({some(unseen)} s), "
                "which can teach nothing there; look at the video, and remove points at which no expression is seen.",
                lost=False,
            )
        )
    return inside


def _outside(name: str, time_s: float, motion: Motion) -> Finding:
    return Finding(
        f"{name}: a label at {time_s:.2f} s was dropped, the frames that could be read end at {motion.end_s:.2f} s.",
        lost=True,
    )
