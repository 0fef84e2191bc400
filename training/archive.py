"""Feature archives of the live perception: what ``apexspot extract`` writes and training reads.

    FOLDER/
      meta.json       format, schema, data set, perception, how points came about, recordings (name, subject, fps, file)
      motion/*.npz    one file a recording: time_s (T,), valid (T,), position_iod (T, 12, 2), quality (T,)
      points.csv      video,time_s,type: one row an expression; what training sees
      intervals.csv   video,onset_s,apex_s,offset_s,type,offset_source,au,emotion: for evaluation only

Times are seconds from a recording's first frame. Positions are the ones of ``models.types.FrameMotion``, frame by frame
as perception gave them; they come to the 30 Hz grid when they are read, so that may change without a new extraction.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.digest import perception_digest
from models.errors import LabelError, OutputError, UsageError
from models.grid import GridResampler
from models.types import GRID_HZ, REGION_COUNT, BoolArray, ExpressionType, FloatArray, FrameMotion
from training.archive_tables import POINT_COLUMNS, both_types, read_table, refuse_twice, seconds_of, type_of
from training.datasets import FARTHEST_IOD, LabelledInterval, Point, Recording, check_rate, load_flow12
from training.listing import some

log = logging.getLogger(__name__)

FORMAT = "apexspot.motion"
SCHEMA = 1
END_SLACK_S = 0.1
"""A label may lie this far outside the frames that were seen; it is then moved to the nearest one."""

_LONGEST_NAME = 200
"""Characters; a file's name can be no longer than 255 with what is put round it."""

_DAMAGED = (OSError, EOFError, zipfile.BadZipFile, zlib.error, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """One recording as perception saw it: T frames in order of time, position NaN where no face was.

    perception: digest of the code that saw it. source: fingerprint of the file or folder that was seen.
    """

    time_s: NDArray[np.float64]
    valid: BoolArray
    position_iod: FloatArray
    quality: FloatArray
    perception: str
    source: str

    @property
    def start_s(self) -> float:
        return float(self.time_s[0])

    @property
    def end_s(self) -> float:
        return float(self.time_s[-1])

    def holds(self, time_s: float) -> bool:
        """Whether a label at this time lies in the recording, up to ``END_SLACK_S``."""
        return self.start_s - END_SLACK_S <= time_s <= self.end_s + END_SLACK_S

    def sees(self, time_s: float) -> bool:
        """Whether there is a face in the frame that is nearest to this time."""
        return bool(self.valid[np.abs(self.time_s - time_s).argmin()])

    @staticmethod
    def of(motions: Sequence[FrameMotion], perception: str, source: str) -> Motion:
        return Motion(
            np.array([m.time_s for m in motions], np.float64),
            np.array([m.valid for m in motions], np.bool_),
            np.array([m.position_iod for m in motions], np.float32).reshape(-1, REGION_COUNT, 2),
            np.array([m.quality for m in motions], np.float32),
            perception,
            source,
        )


def motion_file(name: str) -> str:
    """File name for a recording; a name that is no safe file name is made one and told apart by a digest."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    if safe == name and not name.startswith(".") and len(name) <= _LONGEST_NAME:
        return f"{name}.npz"
    return f"{safe.lstrip('.')[-_LONGEST_NAME:]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.npz"


def save_motion(path: Path, motion: Motion) -> None:
    """Write one recording; the file appears complete or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.writing")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(
                file,
                time_s=motion.time_s,
                valid=motion.valid,
                position_iod=motion.position_iod,
                quality=motion.quality,
                perception=np.array(motion.perception),
                source=np.array(motion.source),
            )
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}).") from error
    finally:
        partial.unlink(missing_ok=True)


def load_motion(path: Path) -> Motion:
    """Read one recording.

    Raises:
        LabelError: the file is missing, damaged, or its arrays do not belong together.
    """
    try:
        # opened here, since numpy leaves the file open where the archive is damaged
        with path.open("rb") as file, np.load(file, allow_pickle=False) as z:
            motion = Motion(
                z["time_s"].astype(np.float64),
                z["valid"].astype(np.bool_),
                z["position_iod"].astype(np.float32),
                z["quality"].astype(np.float32),
                str(z["perception"]),
                str(z["source"]),
            )
    except FileNotFoundError as error:
        raise LabelError(f"{path} is missing; run apexspot extract again, it does only what is missing.") from error
    except _DAMAGED as error:
        raise LabelError(f"{path} is damaged ({error}); delete it and run apexspot extract again.") from error
    frames = len(motion.time_s)
    fits = (
        frames > 0
        and motion.time_s.shape == motion.valid.shape == motion.quality.shape == (frames,)
        and motion.position_iod.shape == (frames, REGION_COUNT, 2)
        and bool(np.isfinite(motion.time_s).all())
        and bool((np.diff(motion.time_s) > 0).all())
        and bool(motion.valid.any())
        # no number is not below it either
        and bool((np.abs(motion.position_iod[motion.valid]) <= FARTHEST_IOD).all())
    )
    if not fits:
        raise LabelError(f"{path} does not hold a recording's motion; delete it and run apexspot extract again.")
    return motion


def load_archive(folder: Path) -> list[Recording]:
    """Read an archive: positions on the 30 Hz grid (gaps filled with the last position), points and intervals there.

    Raises:
        LabelError: a file is missing or damaged, a point that a person gave comes twice, a label names an unknown video
            or lies outside it.
    """
    meta = _read_meta(folder)
    for sentence in _seen_by_another(folder, meta):
        log.warning(sentence)
    motions = {entry["name"]: load_motion(folder / "motion" / entry["file"]) for entry in meta["recordings"]}
    positions = {name: on_grid(motion) for name, motion in motions.items()}
    points: dict[str, list[Point]] = {name: [] for name in motions}
    table = folder / "points.csv"
    rows = read_table(table, POINT_COLUMNS)
    # two that were drawn from two intervals may fall on the same frame
    if not isinstance(meta.get("points"), dict):
        refuse_twice(table, rows)
    for number, row in rows:
        frame = _grid_frame(table, number, row, "time_s", motions, positions)
        points[row["video"]].append(Point(frame, type_of(table, number, row)))
    intervals: dict[str, list[LabelledInterval]] = {name: [] for name in motions}
    table = folder / "intervals.csv"
    for number, row in read_table(table, ("video", "onset_s", "apex_s", "offset_s", "type")):
        onset, apex, offset = (
            _grid_frame(table, number, row, column, motions, positions) for column in ("onset_s", "apex_s", "offset_s")
        )
        if not onset <= apex <= offset:
            raise LabelError(f"{table}, row {number}: onset, apex and offset are not in this order; correct the row.")
        intervals[row["video"]].append(LabelledInterval(onset, apex, offset, type_of(table, number, row)))
    return [
        Recording(
            entry["name"],
            entry["subject"],
            meta["data_set"],
            float(entry["fps"]),
            positions[entry["name"]],
            tuple(points[entry["name"]]),
            tuple(intervals[entry["name"]]),
        )
        for entry in meta["recordings"]
    ]


def remarks(folder: Path, *, tested: bool = False) -> list[str]:
    """Sentences on what can be used as it is, but may not be meant so; of a ``flow12`` archive there are none.

    tested: networks are tested on it, not only trained.

    Raises:
        LabelError: a file is missing or cannot be understood.
    """
    if (folder / "features.npz").is_file():
        return []
    meta, table = _read_meta(folder), folder / "points.csv"
    said = _seen_by_another(folder, meta)
    if not isinstance(meta.get("points"), dict):
        said += both_types(table, read_table(table, POINT_COLUMNS))
    if tested:
        pointed, judged = (
            {row["video"] for _, row in read_table(folder / name, ("video",))}
            for name in ("points.csv", "intervals.csv")
        )
        # where there is none at all it is refused
        if judged and (bare := sorted(pointed - judged)):
            said.append(
                f"{folder} has points but no intervals of {some(bare)}, so that in the test all that is found there "
                "counts as wrong; give the intervals in intervals.csv, or leave these recordings out."
            )
    return said


def _seen_by_another(folder: Path, meta: dict[str, Any]) -> list[str]:
    if meta["perception"] == perception_digest():
        return []
    return [f"{folder} was seen by another version of the perception; extract it again for exact figures."]


def load_data(folder: Path) -> list[Recording]:
    """Read an archive of either kind, this one or ``flow12``.

    Raises:
        LabelError: the folder is neither, or what it holds cannot be used.
    """
    if (folder / "features.npz").is_file():
        return load_flow12(folder)
    return load_archive(folder)


def check_classes(recordings: Sequence[Recording], where: str) -> None:
    """Refuse data that cannot teach both classes; call it with everything that is trained on together.

    Raises:
        LabelError: there is no recording, or a class has no point.
    """
    if not recordings:
        raise LabelError(f"{where} holds no recordings; name another folder with --data.")
    for kind in ExpressionType:
        if not any(point.type is kind for recording in recordings for point in recording.points):
            raise LabelError(
                f"{where} has no {kind.value} point; label at least one, or train together with data that has some."
            )


def check_names(recordings: Sequence[Recording]) -> None:
    """Refuse a recording that comes twice.

    Raises:
        UsageError: one does.
    """
    seen: set[tuple[str, str]] = set()
    for r in recordings:
        if (r.data_set, r.name) in seen:
            raise UsageError(
                f"The recording {r.name} of {r.data_set} comes twice; name each archive once, or, where these are two "
                "of one name, extract both from a folder above them."
            )
        seen.add((r.data_set, r.name))


def check_apart(out: Path, data: Sequence[Path]) -> None:
    """Refuse to write into an archive: what was trained there would count as its content (:func:`data_digest`).

    Raises:
        UsageError: ``out`` is one of the archives or lies in one.
    """
    for folder in data:
        if out.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"{out} lies in the archive {folder}, which is only to be read; choose another --out.")


def data_digest(folder: Path) -> str:
    """SHA-256 of what an archive of either kind holds, to be written beside every result."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
        total.update(path.relative_to(folder).as_posix().encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def on_grid(motion: Motion) -> FloatArray:
    """(T', 12, 2) on the regular grid, as the application's own resampler makes it; gaps keep the last position."""
    grid = GridResampler()
    seen = zip(motion.time_s, motion.valid, motion.position_iod, motion.quality, strict=True)
    frames = []
    for index, (time_s, valid, position, quality) in enumerate(seen):
        frames += grid.push(FrameMotion(index, float(time_s), bool(valid), position, float(quality)))
    frames += grid.finish()
    return fill_gaps(np.stack([frame.position_iod for frame in frames]))


def fill_gaps(position: FloatArray) -> FloatArray:
    """Frames without a face take the last position before them, those before the first face its own."""
    known = np.isfinite(position[:, 0, 0])
    if not known.any():
        return np.zeros_like(position)
    last = np.maximum.accumulate(np.where(known, np.arange(len(position)), 0))
    filled = position[last]
    first = int(np.argmax(known))
    filled[:first] = position[first]
    return filled.astype(np.float32)


def _read_meta(folder: Path) -> dict[str, Any]:
    path = folder / "meta.json"
    try:
        meta = json.loads(path.read_text("utf-8"))
        if meta["format"] != FORMAT:
            raise LabelError(f"{path} is not of a feature archive; make one with apexspot extract.")
        if meta["schema"] != SCHEMA:
            raise LabelError(f"{path} has schema {meta['schema']}, this version reads {SCHEMA}; extract it again.")
        str(meta["data_set"]), str(meta["perception"])
        for entry in meta["recordings"]:
            str(entry["name"]), str(entry["subject"]), float(entry["fps"])
            if Path(entry["file"]).name != entry["file"]:
                raise LabelError(f"{path}: {entry['file']!r} is not a file in motion; extract the archive again.")
            check_rate(f"{path}: fps of {entry['name']}", float(entry["fps"]))
    except FileNotFoundError as error:
        raise LabelError(
            f"{folder} is not a feature archive (no meta.json); make one with apexspot extract."
        ) from error
    except _DAMAGED as error:
        raise LabelError(f"{path} cannot be read ({error}); run apexspot extract again.") from error
    if not meta["recordings"]:
        raise LabelError(f"{folder} holds no recordings; run apexspot extract again.")
    return dict(meta)


def _grid_frame(
    table: Path,
    number: int,
    row: dict[str, str],
    column: str,
    motions: dict[str, Motion],
    positions: dict[str, FloatArray],
) -> int:
    video = row["video"]
    if video not in motions:
        raise LabelError(f"{table}, row {number}: there is no recording {video}; correct its name or extract it.")
    motion = motions[video]
    time_s = seconds_of(table, number, row, column)
    if not motion.holds(time_s):
        raise LabelError(
            f"{table}, row {number}: {time_s:g} s lies outside {video}, which runs from {motion.start_s:.2f} to "
            f"{motion.end_s:.2f} s; correct or remove the row."
        )
    return min(max(round((time_s - motion.start_s) * GRID_HZ), 0), len(positions[video]) - 1)
