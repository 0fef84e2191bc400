"""Export to BIDS: ``*_events.tsv`` with its JSON sidecar (BIDS specification, "Task events" and "Tabular files").

Onsets are seconds from the first picture, ``onset`` and ``duration`` are the first two columns, rows are in order of
onset, and what is not known is ``n/a``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from app.exchange.files import safe_text, write_table
from app.exchange.recording import Recording
from app.exchange.tables import number_cell
from app.tables import write_summary

COLUMNS = (
    "onset",
    "duration",
    "trial_type",
    "apex",
    "onset_frame",
    "apex_frame",
    "offset_frame",
    "score",
    "source",
    "status",
    "comment",
)
MISSING = "n/a"
TASK = "expressions"

_LEVELS = {
    "macro": "Macro-expression: a facial movement of half a second or longer",
    "micro": "Micro-expression: a facial movement of at most half a second",
    "point_macro": "A person's mark inside a macro-expression, without length",
    "point_micro": "A person's mark inside a micro-expression, without length",
    "excluded": "A stretch that a person took out of the analysis",
    "event": "What another program marked while the session was recorded",
}

_SIDECAR: dict[str, object] = {
    "onset": {"Description": "Beginning, counted from the first picture of the video", "Units": "s"},
    "duration": {"Description": "End less beginning; the last frame belongs to the event", "Units": "s"},
    "trial_type": {"LongName": "Kind of event", "Description": "What was marked", "Levels": _LEVELS},
    "apex": {"Description": "Strongest moment, counted from the first picture of the video", "Units": "s"},
    "onset_frame": {"Description": "First frame of the event; frames count from 0"},
    "apex_frame": {"Description": "Frame of the strongest moment; frames count from 0"},
    "offset_frame": {"Description": "Last frame of the event, which belongs to it; frames count from 0"},
    "score": {"Description": "How sure the model is, 0 to 1; comparable within one type and one model version"},
    "source": {"Description": "Who made the event: the model, a person, or a coder by name"},
    "status": {
        "Description": "What a person said of it",
        "Levels": {"found": "By the model, untouched", "accepted": "Accepted or made by a person"},
    },
    "comment": {"Description": "Why a stretch was excluded; the label of an event"},
}


def bids_files(recording: Recording, out: Path) -> list[Path]:
    """Where ``write_bids`` writes: ``sub-<participant or name>_task-expressions_acq-<name>_events``.

    A label holds the letters and digits of ASCII alone. Other letters stand there as their code points (``u5F20``), so
    that two people stay two; what is no letter is left out.
    """
    name = _label(recording.name) or "unnamed"
    stem = f"sub-{_label(recording.participant) or name}_task-{TASK}_acq-{name}_events"
    return [out / f"{stem}.tsv", out / f"{stem}.json"]


def write_bids(recording: Recording, files: Sequence[Path]) -> None:
    """The events and what their columns mean.

    Raises:
        OutputError: a file cannot be written.
    """
    first_s = recording.first_s
    rows: list[tuple[float, tuple[str, ...]]] = []
    for stored in recording.kept:
        i = stored.interval
        cells = (
            f"{i.duration_s:.6f}",
            i.type.value,
            f"{i.apex_s - first_s:.6f}",
            *(str(frame) for frame in (i.onset_frame, i.apex_frame, i.offset_frame)),
            number_cell(recording.score(stored), 5, MISSING),
            safe_text(stored.source) or MISSING,
            stored.status,
            MISSING,
        )
        rows.append((i.onset_s, cells))
    for point in recording.points:
        frame = str(point.frame)
        source = safe_text(point.source) or MISSING
        cells = ("0", f"point_{point.type.value}", MISSING, frame, MISSING, frame, MISSING, source, MISSING, MISSING)
        rows.append((point.time_s, cells))
    for e in recording.exclusions:
        frames = (str(e.start_frame), MISSING, str(e.end_frame))
        reason = safe_text(e.reason).strip() or MISSING
        cells = (f"{e.end_s - e.start_s:.6f}", "excluded", MISSING, *frames, MISSING, "person", MISSING, reason)
        rows.append((e.start_s, cells))
    for event in recording.events:
        frames = (str(event.frame), MISSING, str(event.frame))
        who, label = safe_text(event.stream) or MISSING, safe_text(event.label) or MISSING
        rows.append((event.time_s, ("0", "event", MISSING, *frames, MISSING, who, MISSING, label)))
    rows.sort(key=lambda row: row[0])
    write_table(files[0], COLUMNS, ((f"{t - first_s:.6f}", *cells) for t, cells in rows), delimiter="\t")
    write_summary(files[1], dict(_SIDECAR))


def _label(text: str) -> str:
    spelt = (
        f"u{ord(one):04X}" if ord(one) > 127 and unicodedata.category(one)[0] in "LMN" else one
        for one in unicodedata.normalize("NFC", text)
    )
    return re.sub(r"[^0-9A-Za-z]", "", "".join(spelt))
