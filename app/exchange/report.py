"""The HTML report: one file without script that needs no network, to look at, to print and to hand on.

Everything that comes from outside is escaped, and the page's own policy forbids it to load anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import numpy as np

from app.exchange.files import plain_text
from app.exchange.own_tables import COUNTS
from app.exchange.recording import Recording
from app.exchange.report_curves import DEFINITIONS, clock_text, strips
from app.exchange.report_style import STYLE
from app.exchange.thumbnails import apex_pictures
from app.session.reader import StoredInterval
from app.tables import whole_file
from app.versions import program_version
from models.types import LOW_QUALITY, ExpressionType

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_STATUS_TEXTS = {"found": "not checked", "accepted": "accepted"}

_LIMITS = (
    "An interval says that the face moved in the way of an expression. It names no emotion, and it says nothing about "
    "what the person thinks or whether the person tells the truth: this is not a lie detector, and no basis for a "
    "decision about anybody.",
    "The model misses expressions and marks movements that are none, micro-expressions above all. Speech, chewing, "
    "quick turns of the head and a covered face cause false marks. What nobody has checked is a suggestion.",
    "The ends of an interval are less certain than its apex. A score orders intervals of one type and one model "
    "version by how sure the model is; it is not a probability.",
    "The shipped model learned from few people who sat still in laboratories. Differences in accuracy between groups "
    "of people have not been measured and must be expected.",
)

_LEGEND = (
    ('<rect class="macro-box" x="1" y="1" width="24" height="10" rx="2.5"/>', "macro-expression"),
    ('<rect class="micro-box" x="1" y="1" width="24" height="10" rx="2.5"/>', "micro-expression"),
    ('<path class="intensity" d="M0 9C8 9 9 3 14 3S20 9 26 9"/>', "intensity"),
    ('<path class="macro-line" d="M0 6H26"/>', "macro score"),
    ('<path class="micro-line" d="M0 6H26"/>', "micro score"),
    (
        '<line class="macro-apex" x1="9" x2="9" y1="0" y2="12"/>'
        '<line class="micro-apex" x1="17" x2="17" y1="0" y2="12"/>',
        "apex",
    ),
)


def write_report(recording: Recording, file: Path) -> str:
    """Write the report; gives a sentence where the video's pictures could not be shown, else an empty text.

    Raises:
        OutputError: it cannot be written.
    """
    pictures, lacking = apex_pictures(recording)
    title = plain_text(recording.about.title) or recording.name
    sections = (
        _head(recording, title),
        _tiles(recording),
        _remarks(recording),
        _curves(recording),
        _intervals(recording, pictures),
        _points(recording),
        _exclusions(recording),
        _made(recording),
        _limits(),
        _foot(recording, bool(pictures)),
    )
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}: facial expressions</title><style>{STYLE}</style></head>\n"
        f"<body>{DEFINITIONS}<main>\n" + "\n".join(part for part in sections if part) + "\n</main></body></html>\n"
    )
    with whole_file(file) as target:
        target.write(page)
    return lacking


def _head(recording: Recording, title: str) -> str:
    facts = [plain_text(recording.name)] if plain_text(recording.name) != title else []
    facts.append(f"{clock_text(recording.end_s, 1)} min" if recording.end_s >= 60 else f"{recording.end_s:.1f} s")
    if recording.fps is not None:
        facts.append(f"{recording.fps:.4g} frames a second")
    return (
        f'<header><p class="kicker">Facial expressions over time</p><h1>{escape(title)}</h1>'
        f'<p class="sub">{escape(" · ".join(facts))}</p></header>'
    )


def _tiles(recording: Recording) -> str:
    minutes = _counting_s(recording) / 60
    tiles = []
    for type_ in ExpressionType:
        found = recording.of(type_)
        rate = f"{len(found) / minutes:.1f} a minute" if recording.duration_s is not None and minutes > 0 else ""
        tiles.append((f"{type_.value.capitalize()}-expressions", f"<b>{len(found)}</b>", rate, type_.value))
    checked = sum(stored.status != COUNTS[0] for stored in recording.intervals)
    tiles.append(("Checked", f"{checked} of {len(recording.intervals)}", _left_out(recording), ""))
    frames = recording.frames
    if frames is None:
        tiles += [(name, "–", "not known", "") for name in ("Frames with a face", "Low quality", "Frames dropped")]
    else:
        seen, analysed = int(frames.face.sum()), int(frames.analysed.sum())
        low = int((frames.face & (frames.quality < LOW_QUALITY)).sum())
        dropped = len(frames) - analysed
        tiles += [
            ("Frames with a face", _share(seen, analysed), _longest_gap(recording), ""),
            ("Low quality", _share(low, seen), "of these frames", ""),
            ("Frames dropped", str(dropped), f"of {len(frames)}", ""),
        ]
    cells = (
        f'<div class="tile {kind}"><dt>{escape(name)}</dt><dd>{value}<small>{escape(below)}</small></dd></div>'
        for name, value, below, kind in tiles
    )
    return f'<dl class="tiles">{"".join(cells)}</dl>'


def _counting_s(recording: Recording) -> float:
    """Length of what is in no excluded stretch; where these overlap, a frame is taken off once."""
    begin_s, end_s = recording.first_s, recording.first_s + recording.end_s
    left_s, counted_to_s = recording.end_s, begin_s
    for exclusion in sorted(recording.exclusions, key=lambda exclusion: exclusion.start_s):
        from_s = max(exclusion.start_s, counted_to_s)
        to_s = min(exclusion.end_s + recording.frame_s, end_s)  # its last frame belongs to it
        left_s -= max(to_s - from_s, 0.0)
        counted_to_s = max(counted_to_s, to_s)
    return left_s if left_s > recording.frame_s / 2 else 0.0


def _left_out(recording: Recording) -> str:
    others = len(recording.intervals) - len(recording.kept)
    return f"{others} left out" if others else "by a person"


def _share(part: int, whole: int) -> str:
    if not whole:
        return "–"
    share = part / whole
    text = f"{share:.0%}"
    # a share that is not whole must not be shown as if it were
    return f"{share:.1%}" if 0.0 < share < 0.01 or (text == "100%" and part < whole) else text


def _longest_gap(recording: Recording) -> str:
    frames = recording.frames
    if frames is None or frames.face.all():
        return "no gap"
    edges = np.flatnonzero(np.diff(np.concatenate([[True], frames.face, [True]]).astype(np.int8)))
    gaps_s = (edges[1::2] - edges[::2]) * recording.frame_s
    return f"longest gap {gaps_s.max():.1f} s"


def _remarks(recording: Recording) -> str:
    remarks = [plain_text(remark) for remark in recording.about.remarks]
    if not recording.intervals:
        remarks.append("No expression was found in this recording.")
    paragraphs = "".join(f"<p>{escape(remark)}</p>" for remark in remarks if remark)
    return f'<div class="note">{paragraphs}</div>' if paragraphs else ""


def _curves(recording: Recording) -> str:
    legend = list(_LEGEND if recording.frames is not None else _LEGEND[:2])
    frames = recording.frames
    if recording.points:
        legend.append(('<path class="point" d="M13 1l4.5 5l-4.5 5l-4.5 -5z"/>', "a person's point"))
    if frames is not None:
        if recording.about.thresholds:
            legend.append(('<line class="limit" x1="0" x2="26" y1="6" y2="6"/>', "threshold"))
        if not frames.face.all():
            legend.append(('<rect class="gap" width="26" height="12"/>', "no face"))
        if (frames.face & (frames.quality < LOW_QUALITY)).any():
            legend.append(('<rect class="low" width="26" height="12"/>', "low quality"))
    if recording.exclusions:
        legend.append(('<rect class="out" width="26" height="12"/>', "excluded"))
    items = "".join(
        f'<li><svg viewBox="0 0 26 12" aria-hidden="true">{sign}</svg>{escape(text)}</li>' for sign, text in legend
    )
    missing = ""
    if frames is None:
        missing = '<p class="small">The table of frames does not lie beside the intervals, so no curves are drawn.</p>'
    figures = "".join(strips(recording))
    return f'<h2>Over time</h2><div class="panel flow"><ul class="legend">{items}</ul>{figures}{missing}</div>'


def _intervals(recording: Recording, pictures: dict[int, str]) -> str:
    if not recording.kept:
        return ""
    heads = ['<th class="n">No.</th>', *(["<th>Face at the apex</th>"] if pictures else []), "<th>Type</th>"]
    heads += [f'<th class="n">{name}</th>' for name in ("Onset", "Apex", "Offset", "Duration", "Frames", "Score")]
    rows = "".join(_interval_row(recording, stored, pictures) for stored in recording.kept)
    return (
        '<h2>Intervals</h2><div class="panel flow"><div class="scroll"><table><thead><tr>'
        f'{"".join(heads)}<th class="c">Status</th></tr></thead><tbody>{rows}</tbody></table></div></div>'
        f'<p class="small">{escape(_interval_note(recording, pictures))}</p>'
    )


def _interval_note(recording: Recording, pictures: dict[int, str]) -> str:
    unit = "minutes and seconds" if recording.end_s >= 60 else "seconds"
    text = f"Times are {unit} from the first picture; frames count from 0, and the last frame belongs to the interval."
    others = len(recording.intervals) - len(recording.kept)
    if others:
        text += f" Left out: {others} that a person rejected, replaced by another one, or excluded."
    if pictures and len(pictures) < len(recording.kept):
        text += f" Pictures of {len(pictures)} of {len(recording.kept)} apexes are shown."
    return text


def _interval_row(recording: Recording, stored: StoredInterval, pictures: dict[int, str]) -> str:
    i = stored.interval
    kind = i.type.value
    picture = ""
    if pictures:
        source = pictures.get(stored.id)
        image = f'<img src="{source}" alt="Apex of interval {stored.id}">' if source else ""
        picture = f'<td class="p">{image}</td>'
    status = _STATUS_TEXTS.get(stored.status, stored.status)
    who = "" if stored.source == "model" else f" · {plain_text(stored.source)}"
    numbers = (
        *(_time(recording, time_s) for time_s in (i.onset_s, i.apex_s, i.offset_s)),
        f"{i.duration_s:.3f} s",
        f"{i.onset_frame}–{i.offset_frame}",
        "–" if math.isnan(recording.score(stored)) else f"{i.score:.2f}",
    )
    cells = "".join(f'<td class="n">{number}</td>' for number in numbers)
    return (
        f'<tr><td class="n">{stored.id}</td>{picture}<td><span class="type {kind}"><i></i>{kind}</span></td>{cells}'
        f'<td class="c">{escape(status + who)}</td></tr>'
    )


def _points(recording: Recording) -> str:
    rows = [(_time(recording, p.time_s), str(p.frame), p.type.value, plain_text(p.source)) for p in recording.points]
    return _plain_table("Points", ("Time", "Frame", "Type", "Made by"), rows, 2)


def _exclusions(recording: Recording) -> str:
    rows = [
        (
            _time(recording, e.start_s),
            _time(recording, e.end_s),
            f"{e.start_frame}–{e.end_frame}",
            plain_text(e.reason) or "–",
        )
        for e in recording.exclusions
    ]
    return _plain_table("Excluded stretches", ("From", "To", "Frames", "Reason"), rows, 3)


def _plain_table(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], numeric: int) -> str:
    if not rows:
        return ""
    head = "".join(f"<th{_class('n' if k < numeric else '')}>{name}</th>" for k, name in enumerate(heads))
    lines = (
        "".join(f"<td{_class('n' if k < numeric else '')}>{escape(cell)}</td>" for k, cell in enumerate(row))
        for row in rows
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<h2>{title}</h2><div class="panel flow"><div class="scroll"><table class="slim">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _made(recording: Recording) -> str:
    about = recording.about
    thresholds = about.thresholds or {}
    names = {
        "intensity": "Lowest intensity",
        "macro": "Least macro score",
        "micro": "Least micro score",
        "movement": "Smallest movement (inter-ocular distances)",
        "in_speech": "Smallest movement while speaking",
    }
    settings = [(names[key], f"{thresholds[key]:g}") for key in names if key in thresholds]
    settings.append(("Low quality below", f"{LOW_QUALITY:g}"))
    settings += [(name, value) for name, value in about.versions]
    left = _facts("Recording and model", list(about.facts) or [("Table", recording.source.name)])
    return f'<h2>How it was made</h2><div class="pair">{left}{_facts("Parameters and versions", settings)}</div>'


def _facts(title: str, facts: list[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(plain_text(value))}</td></tr>" for name, value in facts)
    return f'<div class="panel"><h3>{title}</h3><table class="facts"><tbody>{rows}</tbody></table></div>'


def _limits() -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in _LIMITS)
    return f'<h2>What this can and cannot tell</h2><div class="panel"><ul>{items}</ul></div>'


def _foot(recording: Recording, pictures: bool) -> str:
    version = program_version()
    program = f"apexspot {version}" if version[:1].isdigit() else "apexspot"
    text = f"Written by {program} on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC from {plain_text(recording.source.name)}."
    if pictures:
        text += (
            " This file holds pictures of the person recorded; hand it on only where that person's consent allows it."
        )
    return f"<footer>{escape(text)}</footer>"


def _time(recording: Recording, time_s: float) -> str:
    since_s = max(0.0, time_s - recording.first_s)
    return clock_text(since_s, 3) if recording.end_s >= 60 else f"{since_s:.3f}"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
