"""The evaluation as one HTML file that needs no other: tables, subjects, the best and the worst recordings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from training.matching import Counts
from training.provenance import provenance
from training.report import COUNTS, FIGURES, TYPES, Row, count, data_sets
from training.report_style import STYLE
from training.report_videos import Viewed, best, video_svg, worst

SHOWN = 3
"""Recordings shown of the best, and of the worst, of each data set."""


def page(
    rows: Sequence[Row],
    videos: Sequence[Viewed],
    note: str,
    made_from: Mapping[str, object],
    data: Sequence[Path],
    seeds: int,
) -> str:
    """The whole file as text."""
    parts = [
        "<h1>How well expressions of people never seen are found</h1>",
        f'<p class="soft">{escape(note)}</p>',
        "<p>Rows called <b>honest</b> choose everything, thresholds too, on the other subjects, of whom nothing but "
        "points is used. The row in italics follows the <b>published protocol</b>: for each tested subject it takes "
        "the epoch that is best on that very subject. That is a leak, and the row stands here only beside published "
        "tables.</p>",
    ]
    for data_set in data_sets(rows):
        mine = [v for v in videos if v.data_set == data_set]
        parts += [
            f"<h2>{escape(data_set)}</h2>",
            f'<p class="soft">{_content(mine)}</p>',
            _table([row for row in rows if row.data_set == data_set]),
            "<h3>Subject by subject</h3>",
            '<p class="soft">Honest, first seed; those with most expressions first.</p>',
            _subjects(mine),
            *_shown(mine),
        ]
    parts += [
        "<h2>How this was made</h2>",
        f"<pre>{escape(json.dumps({**made_from, **provenance(data, seeds)}, indent=1))}</pre>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>apexspot: evaluation</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _content(videos: Sequence[Viewed]) -> str:
    true = [d.type.value for v in videos for d in v.true]
    minutes = sum(v.duration_s for v in videos) / 60.0
    return (
        f"{len(videos)} recordings ({minutes:.0f} minutes) of {len({v.subject for v in videos})} subjects; "
        f"{true.count('macro')} macro- and {true.count('micro')} micro-expressions."
    )


def _table(rows: Sequence[Row]) -> str:
    seeds = len(rows[0].results)
    head = "".join(f'<th colspan="4" class="group span">{kind}</th>' for kind in TYPES)
    sub = "".join('<th class="group">precision</th><th>recall</th><th>F1</th><th>TP/FP/FN</th>' for _ in TYPES)
    lines = []
    for row in rows:
        cells = []
        for kind in TYPES:
            precision, recall, f1 = (f"{row.mean(kind, figure):.3f}" for figure in FIGURES)
            spread = f'<span class="spread">± {row.spread(kind):.3f}</span>' if seeds > 1 else ""
            tallies = "/".join(count(row, kind, tally) for tally in COUNTS)
            cells.append(
                f'<td class="group">{precision}</td><td>{recall}</td><td class="f1">{f1}{spread}</td><td>{tallies}</td>'
            )
        style = "baseline" if row.method.startswith("baseline") else "leak" if row.protocol == "published" else ""
        lines.append(f'<tr class="{style}"><td class="first">{escape(row.method)}</td>{"".join(cells)}</tr>')
    return (
        f'<div class="wide"><table><thead><tr><th class="first"></th>{head}</tr>'
        f'<tr><th class="first">method</th>{sub}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def _subjects(videos: Sequence[Viewed]) -> str:
    totals: dict[str, tuple[int, Counts]] = {}
    for v in videos:
        count_, counts = totals.get(v.subject, (0, Counts()))
        totals[v.subject] = (count_ + 1, counts + v.result.overall)
    lines = []
    for subject, (recordings, c) in sorted(totals.items(), key=lambda item: (-item[1][1].true, item[0])):
        bar = f'<span class="share"><i style="width:{100 * c.f1:.0f}%"></i></span>'
        lines.append(
            f'<tr><td class="first">{escape(subject)}</td><td>{recordings}</td><td>{c.true}</td>'
            f"<td>{c.true_positives}</td><td>{c.false_positives}</td><td>{c.false_negatives}</td>"
            f'<td class="f1">{c.f1:.3f}</td><td>{bar}</td></tr>'
        )
    head = '<th class="first">subject</th><th>recordings</th><th>expressions</th><th>found</th><th>false alarms</th>'
    head += "<th>missed</th><th>F1</th><th></th>"
    return f'<table class="subjects"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'


def _shown(videos: Sequence[Viewed]) -> list[str]:
    good = best(videos, SHOWN)
    parts = []
    for heading, chosen in (("The best recordings", good), ("The worst recordings", worst(videos, SHOWN, good))):
        if chosen:
            parts += [f"<h3>{heading}</h3>", _LEGEND, *(_figure(v) for v in chosen)]
    return parts


def _figure(video: Viewed) -> str:
    c = video.result.overall
    words = f"F1 {c.f1:.2f}: {c.true_positives} found, {c.false_positives} false alarms, {c.false_negatives} missed"
    return (
        f"<figure><figcaption><b>{escape(video.name)}</b>"
        f'<span class="soft">{words}</span></figcaption>{video_svg(video)}</figure>'
    )


def _key(shape: str, words: str) -> str:
    return f'<span><svg viewBox="0 0 30 14">{shape}</svg>{words}</span>'


_LEGEND = "".join(
    [
        '<div class="legend">',
        _key('<rect x="1" y="2" width="28" height="11" rx="2" class="bar macro hit"/>', "macro, matched"),
        _key(
            '<rect x="1" y="2" width="28" height="11" rx="2" class="bar macro miss"/>', "macro, missed or false alarm"
        ),
        _key('<rect x="8" y="4" width="14" height="7" rx="2" class="bar micro hit"/>', "micro, matched"),
        _key('<rect x="8" y="4" width="14" height="7" rx="2" class="bar micro miss"/>', "micro, missed or false alarm"),
        _key('<path d="M11 3 h8 l-4 8 z" class="point macro"/>', "point label"),
        _key('<path d="M0 13 L8 4 L20 4 L30 13 Z" class="curve intensity"/>', "intensity"),
        _key('<path d="M0 7 H30" class="curve macro"/>', "macro score"),
        _key('<path d="M0 7 H30" class="curve micro"/>', "micro score"),
        _key('<path d="M0 7 H30" class="limit macro"/>', "threshold"),
        "</div>",
    ]
)
