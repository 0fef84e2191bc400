"""Writing a recording in the formats that other tools read: all of it planned before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.exchange.annotations import write_elan, write_textgrid
from app.exchange.bids import bids_files, write_bids
from app.exchange.boris import boris_files, write_boris
from app.exchange.files import check_free
from app.exchange.recording import Recording, read_recording
from app.exchange.report import write_report
from app.exchange.tables import csv_files, write_csv, write_megc, write_megc_str, write_openface
from app.tables import check_folder, is_folder, look, resolved
from models.errors import OutputError, UsageError


class Format(StrEnum):
    """What can be written; ``docs/formats.md`` says what is in each."""

    CSV = "csv"
    MEGC = "megc"
    MEGC_STR = "megc-str"
    ELAN = "elan"
    TEXTGRID = "textgrid"
    BORIS = "boris"
    BIDS = "bids"
    OPENFACE = "openface"
    HTML = "html"


ALL = "all"

_JOINED = (Format.MEGC, Format.MEGC_STR)
"""Challenges take one table of all videos."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """files: what was written, in order. notes: sentences on what was left out, and why."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """write: may give a sentence on what could not be shown."""

    files: list[Path]
    write: Callable[[], str | None]


def export_session(
    source: Path,
    formats: Iterable[Format | str],
    out: Path,
    force: bool = False,
    *,
    video: Path | None = None,
) -> ExportResult:
    """Export one session folder, or one table ``NAME.intervals.csv``.

    formats: names of ``Format``, or ``all``. video: where the pictures are, if not in the session or beside the table.

    Raises:
        UsageError: the source or a format does not exist, or something would be overwritten without ``force``.
        DataError: the source is damaged. OutputError: nothing can be written to ``out``.
    """
    return export_all([source], formats, out, force=force, video=video)


def export_all(
    sources: Sequence[Path],
    formats: Iterable[Format | str],
    out: Path,
    *,
    force: bool = False,
    video: Path | None = None,
) -> ExportResult:
    """Export several; the tables of the MEGC challenges then hold all of them.

    Raises:
        UsageError, DataError, OutputError: as ``export_session``; nothing has been written then, but where the disk
            fails in the middle.
    """
    wanted, everything = _formats(formats)
    if video is not None and len(sources) > 1:
        raise UsageError("--video goes with a single session or table.")
    if look(out) is not None and not is_folder(out):
        raise UsageError(f"{out} is a file; --out wants a folder.")
    recordings = [read_recording(source, video) for source in _once(sources)]
    jobs: list[_Job] = []
    notes: list[str] = []
    for format_ in wanted:
        if format_ in _JOINED:
            sentence = _mixed(format_, recordings)
            if not sentence:
                jobs.append(_joined(format_, recordings, out))
            elif everything:
                notes.append(sentence)
            else:
                raise UsageError(sentence)
            continue
        for recording in recordings:
            if format_ is Format.OPENFACE and recording.frames is None:
                sentence = f"{recording.source} has no table of frames beside it, which openface needs."
                if not everything:
                    raise UsageError(sentence)
                notes.append(sentence)
                continue
            jobs.append(_job(format_, recording, out))
    files = [file for job in jobs for file in job.files]
    _check(files, recordings, force)
    try:
        check_folder(out)
    except OutputError as error:
        raise UsageError(str(error)) from error
    for job in jobs:
        note = job.write()
        notes += [note] if note else []
    return ExportResult(tuple(files), tuple(notes))


def _formats(names: Iterable[Format | str]) -> tuple[list[Format], bool]:
    """The formats meant, each once and in their own order, and whether ``all`` was said."""
    given = list(names)
    unknown = [name for name in given if name not in (*Format, ALL)]
    if unknown:
        raise UsageError(f"There is no format {unknown[0]}; there are: {', '.join(Format)} and {ALL}.")
    if not given:
        raise UsageError(f"--to wants a format: {', '.join(Format)} or {ALL}.")
    everything = ALL in given
    return [format_ for format_ in Format if everything or format_ in given], everything


def _once(sources: Sequence[Path]) -> list[Path]:
    seen = {resolved(source): source for source in reversed(sources)}
    return [source for source in dict.fromkeys(sources) if seen[resolved(source)] == source]


def _mixed(format_: Format, recordings: Sequence[Recording]) -> str:
    """A sentence where a joined table would hold two recordings under one name, which nobody could tell apart."""
    named: dict[tuple[str, ...], Recording] = {}
    for recording in recordings:
        subject = (recording.participant,) if format_ is Format.MEGC_STR else ()
        before = named.setdefault((*subject, recording.video_id), recording)
        if before is not recording:
            return (
                f"{before.source} and {recording.source} would both be {recording.video_id} in the table {format_}; "
                "export them to folders apart."
            )
    return ""


def _joined(format_: Format, recordings: list[Recording], out: Path) -> _Job:
    stem = f"{recordings[0].name}." if len(recordings) == 1 else ""
    file = out / f"{stem}{format_.value}.csv"
    write = write_megc if format_ is Format.MEGC else write_megc_str
    return _Job([file], lambda: write(recordings, file))


def _job(format_: Format, recording: Recording, out: Path) -> _Job:
    name = recording.name
    match format_:
        case Format.CSV:
            tables = csv_files(recording, out)
            return _Job(tables, lambda: write_csv(recording, tables))
        case Format.BORIS:
            events = boris_files(recording, out)
            return _Job(events, lambda: write_boris(recording, events))
        case Format.BIDS:
            bids = bids_files(recording, out)
            return _Job(bids, lambda: write_bids(recording, bids))
        case Format.ELAN:
            eaf = out / f"{name}.eaf"
            return _Job([eaf], lambda: write_elan(recording, eaf))
        case Format.TEXTGRID:
            grid = out / f"{name}.TextGrid"
            return _Job([grid], lambda: write_textgrid(recording, grid))
        case Format.HTML:
            report = out / f"{name}.html"
            return _Job([report], lambda: write_report(recording, report))
    frames = recording.frames
    if format_ is not Format.OPENFACE or frames is None:
        raise ValueError(f"{format_} is not written for a single recording")
    table = out / f"{name}.openface.csv"
    return _Job([table], lambda: write_openface(recording, frames, table))


def _check(files: list[Path], recordings: list[Recording], force: bool) -> None:
    """That no two files are one, that no source is overwritten, and without ``force`` nothing else either."""
    seen: set[str] = set()
    for file in files:
        key = str(file).casefold()
        if key in seen:
            raise UsageError(f"Two of the recordings would both be written to {file}; export them to folders apart.")
        seen.add(key)
    sources = {source for recording in recordings for source in _sources(recording)}
    own = [file for file in files if look(file) is not None and resolved(file) in sources]
    if own:
        raise UsageError(f"{own[0]} is what is being exported; choose another folder with --out.")
    if not force:
        check_free(files)


def _sources(recording: Recording) -> list[Path]:
    """Files that an export must never write over, resolved."""
    if recording.session:
        return [resolved(path) for path in recording.source.iterdir()]
    beside = [recording.source.with_name(f"{recording.name}{ending}") for ending in (".frames.csv", ".json")]
    return [resolved(path) for path in (recording.source, *beside)]
