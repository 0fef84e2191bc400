"""Labels of the evaluation clips, and how spotted intervals are held against them. Needs neither clips nor a model."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import LabelError
from models.types import GRID_HZ, ExpressionType, Interval
from training.matching import MEGC_MIN_IOU, interval_iou, match_intervals

GRID_STEP_S = 1.0 / GRID_HZ
"""Both ends of an interval belong to it, so one step is added to its length, as with frames."""

FOUND_MIN_IOU = 0.2
LONGEST_FACTOR = 3.0

CHANCE_SHIFTS = 50

RULE = f"""\
found       a `clear` expression for which some spotted interval of either type has IoU >= {FOUND_MIN_IOU} with it, or
            contains its apex and is at most {LONGEST_FACTOR:g} times as long as it
IoU any     `clear` expressions paired one to one with spotted intervals of either type, IoU >= {MEGC_MIN_IOU}
IoU type    the same, paired with intervals of their own type alone
alarm       a spotted interval of either type that shares no moment with a `clear` or `doubtful` expression
stray       the strict count: a spotted interval that finds no `clear` and no `doubtful` expression by the rule above
by chance   mean of `found` when each clip's intervals are moved along the clip by {CHANCE_SHIFTS} evenly spaced steps:
            what as many intervals of the same lengths find without looking
in nothing  an alarm whose apex, or more than half of whose length, lies in a `nothing` stretch
IoU is taken in seconds with both ends included (one step of 1/{GRID_HZ:g} s is added to every length)."""


class LabelKind(StrEnum):
    """See ``clip_labels.md``."""

    CLEAR = "clear"
    DOUBTFUL = "doubtful"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class ClipLabel:
    """One row of ``clip_labels.csv``; times from the clip's first frame. ``nothing`` has neither type nor apex."""

    clip: str
    kind: LabelKind
    type: ExpressionType | None
    onset_s: float
    apex_s: float | None
    offset_s: float
    note: str


@dataclass(frozen=True, slots=True)
class ClipScore:
    """What came of one clip. Tuples hold the labels or intervals themselves, so that each figure can be looked into.

    in_conversation: alarms of this clip are counted a minute and kept apart from those of the other clips.
    free_s: the clip's length less what ``clear`` and ``doubtful`` expressions take up.
    """

    clip: str
    in_conversation: bool
    duration_s: float
    free_s: float
    clear: tuple[ClipLabel, ...]
    found: tuple[ClipLabel, ...]
    found_by_chance: float
    iou_half_any: int
    iou_half_type: int
    spotted: tuple[Interval, ...]
    alarms: tuple[Interval, ...]
    stray: tuple[Interval, ...]
    in_nothing: tuple[Interval, ...]

    @property
    def missed(self) -> tuple[ClipLabel, ...]:
        return tuple(label for label in self.clear if label not in self.found)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over clips; alarms a minute come from the conversation alone, the other alarms from the rest."""

    clear: int
    found: int
    found_by_chance: float
    iou_half_any: int
    iou_half_type: int
    spotted: int
    alarms: int
    alarms_a_minute: float
    alarms_a_free_minute: float
    stray: int
    in_nothing: int


def load_labels(path: Path) -> dict[str, tuple[ClipLabel, ...]]:
    """Labels by clip, in order of time.

    Raises:
        LabelError: the table is missing, or a row is not as ``clip_labels.md`` says.
    """
    labels: dict[str, list[ClipLabel]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                try:
                    label = _label(row)
                except (KeyError, TypeError, ValueError) as error:
                    raise LabelError(f"{path}, line {number}: {error}.") from error
                labels.setdefault(label.clip, []).append(label)
    except OSError as error:
        raise LabelError(f"The labels {path} cannot be read ({error.strerror}).") from error
    return {clip: tuple(sorted(rows, key=lambda label: label.onset_s)) for clip, rows in labels.items()}


def _label(row: Mapping[str, str]) -> ClipLabel:
    kind = LabelKind(row["kind"])
    onset_s, offset_s = float(row["onset_s"]), float(row["offset_s"])
    if not 0 <= onset_s < offset_s:
        raise ValueError("the offset must lie after the onset")
    if kind is LabelKind.NOTHING:
        return ClipLabel(row["clip"], kind, None, onset_s, None, offset_s, row["note"])
    apex_s = float(row["apex_s"])
    if not onset_s <= apex_s <= offset_s:
        raise ValueError("the apex must lie between onset and offset")
    return ClipLabel(row["clip"], kind, ExpressionType(row["type"]), onset_s, apex_s, offset_s, row["note"])


def score_clip(
    clip: str,
    labels: Sequence[ClipLabel],
    spotted: Sequence[Interval],
    duration_s: float,
    *,
    in_conversation: bool = False,
) -> ClipScore:
    """Hold the spotted intervals of one clip against its labels, as ``RULE`` says."""
    clear = [label for label in labels if label.kind is LabelKind.CLEAR]
    expressions = [label for label in labels if label.kind is not LabelKind.NOTHING]
    nothing = [label for label in labels if label.kind is LabelKind.NOTHING]
    untouched = [found for found in spotted if not any(_shared_s(found, label) > 0 for label in expressions)]
    spans = _spans(spotted)
    found = np.asarray(_finds(spans, clear).any(axis=0))
    fits = np.asarray(_finds(spans, expressions).any(axis=1))
    return ClipScore(
        clip,
        in_conversation,
        duration_s,
        max(0.0, duration_s - sum(label.offset_s - label.onset_s for label in expressions)),
        tuple(clear),
        tuple(label for label, was_found in zip(clear, found, strict=True) if was_found),
        _found_by_chance(clear, spans, duration_s),
        _paired(clear, spotted),
        sum(
            _paired([label for label in clear if label.type == kind], [span for span in spotted if span.type == kind])
            for kind in ExpressionType
        ),
        tuple(spotted),
        tuple(untouched),
        tuple(span for span, fit in zip(spotted, fits, strict=True) if not fit),
        tuple(span for span in untouched if any(_lies_in(span, label) for label in nothing)),
    )


def total(scores: Iterable[ClipScore]) -> Totals:
    """Pool the clips."""
    scores = tuple(scores)
    conversation = [score for score in scores if score.in_conversation]
    alarms = sum(len(score.alarms) for score in conversation)
    return Totals(
        sum(len(score.clear) for score in scores),
        sum(len(score.found) for score in scores),
        sum(score.found_by_chance for score in scores),
        sum(score.iou_half_any for score in scores),
        sum(score.iou_half_type for score in scores),
        sum(len(score.spotted) for score in scores),
        sum(len(score.alarms) for score in scores if not score.in_conversation),
        _a_minute(alarms, sum(score.duration_s for score in conversation)),
        _a_minute(alarms, sum(score.free_s for score in conversation)),
        sum(len(score.stray) for score in scores),
        sum(len(score.in_nothing) for score in scores),
    )


def _a_minute(count: int, seconds: float) -> float:
    return 60.0 * count / seconds if seconds > 0 else 0.0


def _spans(items: Sequence[ClipLabel] | Sequence[Interval]) -> NDArray[np.float64]:
    return np.array([(item.onset_s, item.offset_s) for item in items], np.float64).reshape(-1, 2)


def _paired(clear: Sequence[ClipLabel], spotted: Sequence[Interval]) -> int:
    return len(match_intervals(_spans(spotted), _spans(clear), min_iou=MEGC_MIN_IOU, step=GRID_STEP_S))


def _finds(spotted: NDArray[np.float64], labels: Sequence[ClipLabel]) -> NDArray[np.bool_]:
    """Which spotted interval (N, 2) finds which expression: (N, labels)."""
    spans = _spans(labels)
    apex_s = np.array([label.apex_s for label in labels], np.float64)
    contains = (spotted[:, None, 0] <= apex_s) & (apex_s <= spotted[:, None, 1])
    length_s = spotted[:, 1] - spotted[:, 0] + GRID_STEP_S
    longest_s = LONGEST_FACTOR * (spans[:, 1] - spans[:, 0] + GRID_STEP_S)
    fits = interval_iou(spotted, spans, step=GRID_STEP_S) >= FOUND_MIN_IOU
    return np.asarray(fits | (contains & (length_s[:, None] <= longest_s)))


def _found_by_chance(clear: Sequence[ClipLabel], spotted: NDArray[np.float64], duration_s: float) -> float:
    """See ``RULE``. An interval that would pass the clip's end begins anew at its start, in one piece."""
    onset_s, length_s = spotted[:, 0], spotted[:, 1] - spotted[:, 0]
    room_s = np.maximum(duration_s - length_s, GRID_STEP_S)
    count = 0
    for k in range(CHANCE_SHIFTS):
        moved_s = (onset_s + duration_s * (k + 0.5) / CHANCE_SHIFTS) % room_s
        count += int(_finds(np.stack([moved_s, moved_s + length_s], axis=1), clear).any(axis=0).sum())
    return count / CHANCE_SHIFTS


def _shared_s(found: Interval, label: ClipLabel) -> float:
    """Common time, a shared end frame included."""
    return min(found.offset_s, label.offset_s) - max(found.onset_s, label.onset_s) + GRID_STEP_S


def _lies_in(found: Interval, stretch: ClipLabel) -> bool:
    if stretch.onset_s <= found.apex_s <= stretch.offset_s:
        return True
    return _shared_s(found, stretch) > (found.duration_s + GRID_STEP_S) / 2
