"""From the scored frames of one uninterrupted stretch to intervals that can be trusted.

Live scoring, batch scoring and a review with other thresholds decode here, so that they find the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.decode import CLASSES, DecodeSettings, Found, Run, class_scores, decode_island, islands, one_type
from models.departure import LONGEST_LOSS_FRAMES, USUAL_AFTER_FRAMES, USUAL_BEFORE_FRAMES, away_iod, narrowed_iod
from models.grid import GridFrame
from models.speech import AFTER_FRAMES, BEFORE_FRAMES, MARGIN_FRAMES, SPEAKING_IOD, lip_motion_iod
from models.types import LOW_QUALITY, REGION_COUNT, REGION_NAMES, ExpressionType, FloatArray, Interval

_BROWS = [at for at, name in enumerate(REGION_NAMES) if name.startswith("brow")]
_BEFORE_ONSET_FRAMES = 5
"""Frames before an onset at which a turn of the head that comes with it has not begun."""


PAST_FRAMES = BEFORE_FRAMES + MARGIN_FRAMES
"""Frames before an apex that the search for speech sees, and what is usual for a face; smoothing needs fewer."""

NO_PAST: FloatArray = np.empty((0, REGION_COUNT, 2), np.float32)


class Past:
    """What a face that was lost is remembered by: its newest positions, unless it was lost for long.

    position_iod: (up to ``PAST_FRAMES``, 12, 2).
    """

    def __init__(self) -> None:
        self.position_iod = NO_PAST
        self._lost_frames = 0

    def see(self, position_iod: FloatArray) -> None:
        """The face was there: (T, 12, 2) of a stretch, or of its end."""
        self.position_iod = np.concatenate([self.position_iod, position_iod])[-PAST_FRAMES:]
        self._lost_frames = 0

    def lose(self, frames: int) -> None:
        """Then it was not, for so many frames or more."""
        self._lost_frames += frames
        if self._lost_frames > LONGEST_LOSS_FRAMES:
            self.position_iod = NO_PAST


def pasts(stretches: Iterable[Run], position_of: Callable[[int, int], FloatArray]) -> Iterator[FloatArray]:
    """What is remembered of a face at the beginning of each stretch (first and last frame) of a recording.

    position_of: as in ``moves``, of the recording's frames.
    """
    past, seen_until = Past(), 0
    for first, last in stretches:
        past.lose(first - seen_until)
        yield past.position_iod
        seen_until = last + 1
        past.see(position_of(max(first, seen_until - PAST_FRAMES), seen_until))


class Stretch(Protocol):
    """Grid frames in a row."""

    def __getitem__(self, at: int, /) -> GridFrame: ...

    def quality_of(self, first: int, end: int) -> NDArray[np.floating]:
        """(N,) of the frames from ``first`` to before ``end``."""

    def position_of(self, first: int, end: int) -> FloatArray:
        """(N, 12, 2) of the frames from ``first`` to before ``end``."""

    def axis_of(self, first: int, end: int) -> FloatArray:
        """(N, 2) of the frames from ``first`` to before ``end``; NaN where it is not known."""


class FrameList:
    """A ``Stretch`` of single frames."""

    def __init__(self, frames: Sequence[GridFrame]) -> None:
        self._frames = frames

    def __getitem__(self, at: int, /) -> GridFrame:
        return self._frames[at]

    def quality_of(self, first: int, end: int) -> NDArray[np.floating]:
        return np.array([frame.quality for frame in self._frames[first:end]])

    def position_of(self, first: int, end: int) -> FloatArray:
        return self._position[first:end]

    @cached_property
    def _position(self) -> FloatArray:
        """Of all frames, since every interval asks for many of them; joined, which takes a quarter of stacking them."""
        return np.concatenate([frame.position_iod for frame in self._frames]).reshape(len(self._frames), -1, 2)

    def axis_of(self, first: int, end: int) -> FloatArray:
        return np.stack([frame.axis for frame in self._frames[first:end]])


class Islands:
    """Decoding of a run of scored frames; its first frame is ``start`` in the stretch.

    scores: (T, 3) intensity, macro, micro of the T ``frames``. past_iod: (P, 12, 2) where the face was before the first
    of them, when it had been lost for a moment (``Past``).
    """

    def __init__(
        self,
        frames: Stretch,
        scores: FloatArray,
        start: int,
        settings: DecodeSettings,
        past_iod: FloatArray = NO_PAST,
    ) -> None:
        self._frames, self._start, self._settings, self._past_iod = frames, start, settings, past_iod
        self._intensity = np.ascontiguousarray(scores[:, 0])
        self._class_scores = class_scores(self._intensity, scores[:, 1:], settings)

    def islands(self, since: int) -> list[Run]:
        """Islands from frame ``since`` on, in the stretch's frames."""
        runs = islands(self._intensity[since - self._start :], self._settings.island)
        return [(a + since, b + since) for a, b in runs]

    def intervals(self, island: Run, final: bool) -> list[Interval]:
        """The trustworthy intervals of an island."""
        here = (island[0] - self._start, island[1] - self._start)
        found = decode_island(self._intensity, self._class_scores, here, self._settings)
        found = [f for f in found if self._trustworthy(f)]
        if self._settings.one_type:
            found = one_type(found)
        return [self._interval(f, final) for f in found]

    def _trustworthy(self, found: Found) -> bool:
        """No interval rests mostly on frames of low quality, on motion that is too small, or on a turn of the head."""
        if float(np.mean(self._frames.quality_of(found.onset, found.offset + 1))) < LOW_QUALITY:
            return False
        return moves(found, self._position_of, self._settings, self._frames.axis_of, len(self._past_iod))

    def _position_of(self, first: int, end: int) -> FloatArray:
        if first >= 0:
            return self._frames.position_of(first, end)
        return np.concatenate([self._past_iod[first:], self._frames.position_of(0, end)])

    def _interval(self, found: Found, final: bool) -> Interval:
        onset, apex, offset = (self._frames[i] for i in (found.onset, found.apex, found.offset))
        return Interval(
            type=ExpressionType(CLASSES[found.class_index]),
            onset_s=onset.time_s,
            apex_s=apex.time_s,
            offset_s=offset.time_s,
            onset_frame=onset.source_frame,
            apex_frame=apex.source_frame,
            offset_frame=offset.source_frame,
            score=found.score,
            final=final,
        )


def moves(
    found: Found,
    position_of: Callable[[int, int], FloatArray],
    settings: DecodeSettings,
    axis_of: Callable[[int, int], FloatArray] | None = None,
    past: int = 0,
) -> bool:
    """Whether an interval rests on motion that is large enough and is not a turn of the head.

    position_of: (N, 12, 2) of the frames from its first argument to before its second, or to the last there is.
    axis_of: (N, 2) of the same; ``None`` where nobody knows how the head turns. past: so many frames of the face are
    known from before frame 0, under negative numbers; they lie before a moment in which it was lost.
    """
    first = max(found.onset - _BEFORE_ONSET_FRAMES, 0)
    here = position_of(first, found.offset + 1)
    farthest, nose = farthest_iod(here)
    if farthest < settings.least_motion_iod or nose > settings.of(found.class_index).head_share * farthest:
        return False
    if axis_of is not None:
        turned_rad = largest_turn_rad(axis_of(first, found.offset + 1))
        if farthest < settings.least_motion_turning_iod_rad * turned_rad:
            return False
    if settings.least_motion_in_speech_iod <= 0.0 or not _speaks(found, position_of, past):
        return True
    if farthest < settings.least_motion_in_speech_iod:
        return False
    usual = usual_position(found.apex, position_of, past)
    if usual is None:
        return True
    apex = position_of(found.apex, found.apex + 1)[0]
    if (
        forms_words(apex, usual, settings.narrow_in_speech_iod)
        and brows_iod(here) < settings.least_motion_in_speech_iod
    ):
        return False
    return departs(found, position_of, usual, settings.least_departure_in_speech)


def _speaks(found: Found, position_of: Callable[[int, int], FloatArray], past: int) -> bool:
    """Whether the face is talking about the time of the apex."""
    first = max(found.apex - PAST_FRAMES, -past)
    return lip_motion_iod(position_of(first, found.apex + AFTER_FRAMES + MARGIN_FRAMES + 1)) >= SPEAKING_IOD


def usual_position(apex: int, position_of: Callable[[int, int], FloatArray], past: int = 0) -> FloatArray | None:
    """Where the face usually is about the time of the apex: (12, 2). past: as in ``moves``.

    ``None`` where it has not been seen for long enough before: everything is believed of such a face.
    """
    first = apex - USUAL_BEFORE_FRAMES
    if first < -past:
        return None
    return np.asarray(np.median(position_of(first, apex + USUAL_AFTER_FRAMES + 1), axis=0))


def departs(found: Found, position_of: Callable[[int, int], FloatArray], usual_iod: FloatArray, least: float) -> bool:
    """Whether the face is farther from its usual position at the apex than at an end, by the factor ``least``.

    The end that is nearer counts: the other may lie in another expression.
    """
    moments = (found.onset, found.apex, found.offset)
    onset, apex, offset = (away_iod(position_of(at, at + 1)[0], usual_iod) for at in moments)
    return apex >= least * min(onset, offset)


def forms_words(apex_iod: FloatArray, usual_iod: FloatArray, narrow_iod: float) -> bool:
    """Whether a talking mouth is narrower than usual, by ``narrow_iod`` or more; at 0 nobody asks.

    Both positions are (12, 2).
    """
    return narrow_iod > 0.0 and narrowed_iod(apex_iod, usual_iod) >= narrow_iod


def farthest_iod(position_iod: FloatArray) -> tuple[float, float]:
    """How far the most moved region of brows and mouth goes in a stretch, and how far the nose goes.

    position_iod: (T, 12, 2). Distances are from the first frame; those of the nose's bridge and tip add up. No
    expression moves the nose much: what moves there is the head, where its motion was not quite undone.
    """
    distance = _distances_iod(position_iod)
    nose = [REGION_NAMES.index("nose bridge"), REGION_NAMES.index("nose tip")]
    return float(np.delete(distance, nose).max()), float(distance[nose].sum())


def brows_iod(position_iod: FloatArray) -> float:
    """How far the most moved region of the brows goes in a stretch. position_iod: (T, 12, 2)."""
    return float(_distances_iod(position_iod[:, _BROWS]).max())


def _distances_iod(position_iod: FloatArray) -> FloatArray:
    """(R,) How far each region goes from where it is in the first frame. position_iod: (T, R, 2)."""
    return np.asarray(np.linalg.norm(position_iod - position_iod[:1], axis=2).max(axis=0))


def largest_turn_rad(axis: FloatArray) -> float:
    """How far a face turns and nods from where it looks in the first frame of a stretch.

    axis: (T, 2). Frames in which it is not known do not count; without the first there is nothing to tell.
    """
    turned = np.linalg.norm(axis - axis[:1], axis=1)
    known = turned[np.isfinite(turned)]
    return float(known.max()) if len(known) else 0.0
