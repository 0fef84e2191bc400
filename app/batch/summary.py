"""``summary.csv``: one row a video, over everything that went into one output folder."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from app.spot import SpotResult
from app.tables import bare_text, escape_bytes, existing, is_file, is_folder, safe_text, whole_file
from models.errors import UsageError
from models.types import ExpressionType

SUMMARY = "summary.csv"
COLUMNS = (
    "video",
    "results",
    "duration_s",
    "fps",
    "frames",
    "face_share",
    "macros",
    "micros",
    "seconds",
    "message",
    "error",
)

Row = tuple[str, ...]

_CONTROL = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")


def row_of_result(video: Path, results: str, result: SpotResult) -> Row:
    """The row of a video that was done just now."""
    return _row(
        video,
        results,
        result.duration_s,
        result.fps,
        result.frames,
        result.face_share,
        {type_.value: result.count(type_) for type_ in ExpressionType},
        result.taken_s,
        result.message,
    )


def row_of_summary(video: Path, results: str, summary: Mapping[str, Any]) -> Row:
    """The row of a video that was done before, from its NAME.json."""
    return _row(
        video,
        results,
        summary.get("duration_s"),
        summary.get("fps"),
        summary.get("frames"),
        summary.get("face_share"),
        summary.get("counts"),
        summary.get("taken_s"),
        summary.get("message"),
    )


def row_of_failure(video: Path, results: str, sentence: str) -> Row:
    """The row of a video that could not be used."""
    return (*_names(video, results), *[""] * (len(COLUMNS) - 3), _text(sentence))


def is_summary(out: Path) -> bool:
    """Whether the folder has such a table."""
    return bool(_table(out / SUMMARY))


def read_summary(out: Path, *, replace: bool) -> list[Row]:
    """The rows of the table that is there. replace: a file of that name that is something else may be overwritten.

    Raises:
        UsageError: there is such a file, and it may not.
    """
    path = out / SUMMARY
    table = _table(path)
    if table is None and not replace:
        raise UsageError(
            f"{path} is not a summary of this program and would be overwritten; choose another folder with --out, "
            "or allow it with --force."
        )
    return (table or [])[1:]


def write_summary(out: Path, rows: Iterable[Row], before: Iterable[Row]) -> None:
    """Write the table, in order of the results' names.

    Rows from before stay where this run was not about their video and their results are still there; that of a video
    which could not be used, unless the video has been taken out of its folder.

    Raises:
        OutputError: it cannot be written; what was there before stays.
    """
    new = {row[1]: row for row in rows}
    tried = {row[0] for row in new.values()}
    table = {row[1]: row for row in before if _stays(out, row, tried)} | new
    with whole_file(out / SUMMARY) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(table[results] for results in sorted(table, key=str.casefold))


def _table(path: Path) -> list[Row] | None:
    """The table with its header, nothing where there is no file, ``None`` where it is something else."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = [tuple(row) for row in csv.reader(file)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, csv.Error):
        return None
    return table if table and table[0] == COLUMNS and all(len(row) == len(COLUMNS) for row in table) else None


def _stays(out: Path, row: Row, tried: set[str]) -> bool:
    """Whether a row from before is still true; what cannot be seen from here is taken to be as it was."""
    video, results, *_, error = row
    try:
        if not error:
            return _named(out, PurePath(bare_text(results) + ".json"), is_file) is not None
        if video in tried:
            return False
        path = PurePath(bare_text(video))
        folder = _named(Path(), path.parent, is_folder)
        return folder is None or _named(folder, PurePath(path.name), _is_something) is not None
    except (OSError, UsageError):
        return True


def _named(top: Path, line: PurePath, there: Callable[[Path], bool]) -> Path | None:
    """The path below ``top`` that a cell names, None where there is none of the kind."""
    direct = top / line
    if there(direct):
        return direct
    here = top / line.anchor
    for part in line.relative_to(line.anchor).parts:
        if not is_folder(here):
            return None
        # a name that had to be written otherwise is found by writing those that are there likewise
        name = next((path.name for path in here.iterdir() if _one_line(path.name) == part), None)
        if name is None:
            return None
        here /= name
    return here if there(here) else None


def _is_something(path: Path) -> bool:
    return bool(existing([path]))


def _row(
    video: Path,
    results: str,
    duration_s: object,
    fps: object,
    frames: object,
    face_share: object,
    counts: object,
    seconds: object,
    message: object,
) -> Row:
    found = counts if isinstance(counts, Mapping) else {}
    return (
        *_names(video, results),
        _number(duration_s, 3),
        _number(fps, 3),
        _number(frames, 0),
        _number(face_share, 4),
        _number(found.get(ExpressionType.MACRO.value), 0),
        _number(found.get(ExpressionType.MICRO.value), 0),
        _number(seconds, 2),
        _text(message) if isinstance(message, str) else "",
        "",
    )


def _names(video: Path, results: str) -> tuple[str, str]:
    return safe_text(_one_line(video.as_posix())), safe_text(_one_line(results))


def _one_line(name: str) -> str:
    """A name on one line, in characters that UTF-8 has, and still told from any other name there may be."""
    return escape_bytes(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", name))


def _text(text: str) -> str:
    """On one line, in characters that UTF-8 has, and with an apostrophe where a spreadsheet would run it."""
    return safe_text(re.sub(r"\s*[\r\n\t]\s*", " ", escape_bytes(text)))


def _number(value: object, decimals: int) -> str:
    # NAME.json keeps four decimals; a row made from what it keeps must be the row of the result itself
    return f"{round(value, 4):.{decimals}f}" if isinstance(value, int | float) else ""
