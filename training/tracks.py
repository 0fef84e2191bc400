"""Region tracks with exact truth, made without pictures.

The recorded material is sparse and brief, seen in calm laboratories. A person at a webcam moves densely, holds a smile,
turns the head and speaks. These tracks bring that in at the level of the network's input: expressions built from
``training.actions`` that follow one another closely or are held, and movements that are no expression: residues of a
turning head, speech, blinks, drift and noise. Amplitudes are in inter-ocular distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.network import BROWS, MIRROR, MOUTH
from models.types import GRID_HZ, REGION_COUNT, ExpressionType, FloatArray
from training.actions import ACTIONS, EXPRESSIONS, SPEECH_SHAPES, Profile, Side, intensity_profile, region_displacement

VISIBLE_MACRO_IOD = 0.035
VISIBLE_MICRO_IOD = 0.02
"""Largest region displacement below which an event is neither asked for nor forbidden."""


@dataclass(frozen=True, slots=True)
class ExpressionSize:
    """How large and how varied drawn expressions are.

    log_mean, log_sd: of a person's expressivity, the factor on all macro-expressions. largest: highest amplitude of a
    macro-expression, in full strengths of its actions. brisk_share: share of the micro-expressions that are as large as
    macro-expressions, as a flash of the brows is. unnamed_share: share of the expressions that move the regions of
    mouth or brows in a way that no action describes. largest_iod: no region goes further.
    """

    log_mean: float = 0.0
    log_sd: float = 0.25
    largest: float = 1.4
    brisk_share: float = 0.0
    unnamed_share: float = 0.0
    largest_iod: float = float("inf")

    def expressivity(self, rng: np.random.Generator) -> float:
        """Of one person."""
        return float(np.exp(rng.normal(self.log_mean, self.log_sd)))

    def is_large(self, rng: np.random.Generator, kind: ExpressionType) -> bool:
        """Whether an expression has the size of a macro-expression."""
        return kind is ExpressionType.MACRO or (self.brisk_share > 0 and bool(rng.random() < self.brisk_share))

    def amplitude(self, rng: np.random.Generator, expressivity: float) -> float:
        """Of an expression of that size, in full strengths of its actions."""
        return float(np.clip(expressivity * rng.uniform(0.3, 1.3), 0.25, self.largest))


UNNAMED_IOD, IDLE_IOD = (0.06, 0.25), (0.01, 0.06)
"""How far a movement that no action describes goes: as an expression, and as one of a face at rest that is none."""

RESERVED = ExpressionSize()
"""Of people who sit still in a laboratory and suppress what they feel."""

LIVELY = ExpressionSize(log_mean=0.25, log_sd=0.45, largest=2.5, brisk_share=0.3, unnamed_share=0.3, largest_iod=0.35)
"""Of people who speak and laugh. With 63 mm between the eyes the largest brow raise is then 0.17 IOD or 11 mm and the
largest way of a lip corner 22 mm. Brows were seen to rise by 7.6 to 9.0 mm in the mean of the groups when people raised
them as far as they could (Cruz and Cruz 2004); spontaneous smiles of children made the mouth 27 % wider, the corners
going up at 47 degrees (Tarantili et al. 2005), which is some 10 mm."""


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """What a set of tracks holds. Shares are probabilities for one track; the rest of a track is calm."""

    duration_s: float = 30.0
    speech_share: float = 0.35
    turns_share: float = 0.5
    idle_share: float = 0.0
    dense_share: float = 0.5
    empty_share: float = 0.15
    recorded_noise_share: float = 0.5
    size: ExpressionSize = RESERVED


class People(StrEnum):
    """Whom drawn tracks show."""

    RESERVED = "reserved"
    LIVELY = "lively"

    @property
    def tracks(self) -> TrackSettings:
        return TrackSettings() if self is People.RESERVED else TrackSettings(size=LIVELY, idle_share=1.0)


@dataclass(frozen=True, slots=True)
class TrackEvent:
    """A true expression in grid frames, inclusive. visible: False where it is too faint to demand."""

    type: ExpressionType
    onset: int
    apex: int
    offset: int
    visible: bool


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """position_iod: (T, 12, 2). strength: (T, 2) true profile of macro and micro, 0..1.

    weight: how often crops are cut from it, relative to other tracks.
    """

    position_iod: FloatArray
    strength: FloatArray
    events: tuple[TrackEvent, ...]
    weight: float = 1.0


def make_tracks(
    count: int, seed: int, calm: Sequence[FloatArray] = (), settings: TrackSettings | None = None
) -> list[Track]:
    """Draw tracks. calm: recorded neutral stretches (T, 12, 2) whose noise some of the tracks carry."""
    settings = settings or TrackSettings()
    return [_track(np.random.default_rng([seed, i]), calm, settings) for i in range(count)]


def _track(rng: np.random.Generator, calm: Sequence[FloatArray], settings: TrackSettings) -> Track:
    frames = round(settings.duration_s * GRID_HZ)
    time_s = np.arange(frames) / GRID_HZ
    position = _noise(rng, frames, calm, settings)
    speech = rng.random() < settings.speech_share
    if speech:
        position += _speech(rng, frames)
    if rng.random() < settings.turns_share:
        position += _head_turns(rng, time_s)
    position += _blinks(rng, time_s)
    if settings.idle_share and rng.random() < settings.idle_share:
        position += _idle(rng, time_s)
    strength = np.zeros((frames, 2), np.float32)
    events: list[TrackEvent] = []
    if rng.random() >= settings.empty_share:
        person = _person(rng, settings.size)
        dense = rng.random() < settings.dense_share
        position += _expressions(rng, time_s, person, dense, speech, strength, events)
    return Track(position.astype(np.float32), strength, tuple(events))


def _noise(
    rng: np.random.Generator, frames: int, calm: Sequence[FloatArray], settings: TrackSettings
) -> NDArray[np.float64]:
    """Jitter of single regions and of the whole face, slow drift; partly the noise of a recorded calm face."""
    if calm and rng.random() < settings.recorded_noise_share:
        base = _recorded(rng, frames, calm) * np.exp(rng.uniform(np.log(0.3), np.log(1.5)))
    else:
        base = np.zeros((frames, REGION_COUNT, 2))
    own = rng.normal(size=(frames, REGION_COUNT, 2)) * rng.uniform(0.0003, 0.0015)
    walk = np.cumsum(rng.normal(size=(frames, REGION_COUNT, 2)), axis=0)
    walk -= np.linspace(0, 1, frames)[:, None, None] * walk[-1:]
    drift = walk * np.exp(rng.uniform(np.log(0.0001), np.log(0.002)))
    whole = np.cumsum(rng.normal(size=(frames, 1, 2)), axis=0) * rng.uniform(0.0, 0.0006)
    return np.asarray(base + own + drift + whole * rng.uniform(0.5, 1.0, (1, REGION_COUNT, 1)))


def _recorded(rng: np.random.Generator, frames: int, calm: Sequence[FloatArray]) -> NDArray[np.float64]:
    """Calm stretches, mirrored in time as often as needed so that no jump appears."""
    stretch = calm[int(rng.integers(len(calm)))].astype(np.float64)
    pieces = [stretch, stretch[::-1]]
    repeats = -(-frames // (2 * len(stretch)))
    return np.concatenate(pieces * repeats)[:frames]


@dataclass(frozen=True, slots=True, eq=False)
class _Person:
    """How one person deviates from the patterns: a gain per region and axis, a preferred side, overall expressivity.

    size: what the person's expressions are drawn from.
    """

    gain: NDArray[np.float64]
    expressivity: float
    asymmetry: float
    size: ExpressionSize


def _person(rng: np.random.Generator, size: ExpressionSize) -> _Person:
    gain = np.exp(rng.normal(0.0, 0.25, (REGION_COUNT, 2)))
    return _Person(gain, size.expressivity(rng), rng.uniform(-0.3, 0.3), size)


def _pattern(rng: np.random.Generator, person: _Person, names: Sequence[str]) -> NDArray[np.float64]:
    """Displacement of the regions, one to three actions together."""
    total = np.zeros((REGION_COUNT, 2))
    for name in names:
        action = ACTIONS[name]
        side = Side.BOTH
        if action.one_sided and rng.random() < 0.2:
            side = Side.LEFT if rng.random() < 0.5 else Side.RIGHT
        total += region_displacement(action, side) * rng.uniform(0.6, 1.1)
    lean = 1.0 + person.asymmetry * np.array([-1, -1, -1, 1, 1, 1, 0, 0, -1, 0, 1, 0])[:, None]
    blur = rng.normal(0.0, 0.06 * np.abs(total).max(), total.shape)
    return np.asarray(total * person.gain * lean + blur)


def _unnamed(rng: np.random.Generator, moved: Sequence[int], low_iod: float, high_iod: float) -> NDArray[np.float64]:
    """Displacement of the regions when these go anywhere together, the furthest low to high IOD (log-uniform)."""
    total = np.zeros((REGION_COUNT, 2))
    total[list(moved)] = rng.normal(size=(len(moved), 2))
    if rng.random() < 0.5:
        total = (total + total[list(MIRROR)] * [-1.0, 1.0]) / 2.0
    total /= np.linalg.norm(total, axis=1).max()
    total += rng.normal(0.0, 0.06, total.shape)
    return np.asarray(total * np.exp(rng.uniform(np.log(low_iod), np.log(high_iod))))


def _expressions(
    rng: np.random.Generator,
    time_s: NDArray[np.float64],
    person: _Person,
    dense: bool,
    speech: bool,
    strength: FloatArray,
    events: list[TrackEvent],
) -> NDArray[np.float64]:
    size = person.size
    position = np.zeros((len(time_s), REGION_COUNT, 2))
    cursor = float(rng.uniform(0.0, 3.0))
    names = [a.name for a in EXPRESSIONS]
    weights = np.array([3.0 if n in ("smile", "brow_raise", "brow_lower", "jaw_drop") else 1.0 for n in names])
    if speech:
        # a jaw that drops while talking is talking
        weights[[names.index(n) for n in ("jaw_drop", "lip_pucker", "lip_press")]] = 0.0
    while True:
        gap_s = rng.exponential(0.7) if dense else rng.uniform(1.5, 9.0)
        micro = rng.random() < 0.3
        kind = ExpressionType.MICRO if micro else ExpressionType.MACRO
        if micro:
            length_s, hold_s = rng.uniform(0.2, 0.5), 0.0
        else:
            length_s = float(np.clip(np.exp(rng.normal(np.log(1.2), 0.5)), 0.55, 3.5))
            hold_s = rng.uniform(0.3, 4.0) if rng.random() < 0.35 else 0.0
        onset_s = cursor + gap_s
        offset_s = onset_s + length_s + hold_s
        if offset_s > time_s[-1] - 0.2:
            return position
        cursor = offset_s
        chosen = rng.choice(names, size=min(int(rng.geometric(0.65)), 3), replace=False, p=weights / weights.sum())
        pattern = _pattern(rng, person, list(chosen))
        if not size.is_large(rng, kind):
            amplitude = rng.uniform(0.2, 0.6)
        else:
            amplitude = size.amplitude(rng, person.expressivity)
            if size.unnamed_share and rng.random() < size.unnamed_share:
                # while talking, a mouth that goes anywhere is talking
                moved = BROWS if speech or rng.random() < 0.25 else MOUTH
                pattern = _unnamed(rng, moved, *UNNAMED_IOD) / amplitude
        amplitude = min(amplitude, size.largest_iod / float(np.linalg.norm(pattern, axis=1).max()))
        apex_s = onset_s + length_s * rng.uniform(0.3, 0.6)
        shape = list(Profile)[int(rng.integers(len(Profile)))]
        profile = intensity_profile(time_s, onset_s, apex_s, offset_s, shape, hold_s)
        wobble = 1.0 + 0.08 * np.sin(2 * np.pi * time_s * rng.uniform(0.2, 0.8) + rng.uniform(0, 6))
        position += (amplitude * profile * wobble)[:, None, None] * pattern
        largest = float(np.linalg.norm(amplitude * pattern, axis=1).max())
        visible = largest >= (VISIBLE_MICRO_IOD if micro else VISIBLE_MACRO_IOD)
        column = 1 if micro else 0
        strength[:, column] = np.maximum(strength[:, column], profile.astype(np.float32))
        frame = [round(t * GRID_HZ) for t in (onset_s, apex_s + hold_s / 2, offset_s)]
        events.append(TrackEvent(kind, frame[0], frame[1], frame[2], visible))


def _speech(rng: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """Syllables at 3-6 a second, some drawn out, in phrases with pauses; each pulls the mouth towards some shapes.

    The loudness reaches from a murmur to lively conversation; the lips stay parted through some of the phrases.
    """
    target = np.zeros((frames, REGION_COUNT, 2))
    shapes = [region_displacement(a, Side.BOTH).astype(np.float64) for a in SPEECH_SHAPES]
    gain = np.exp(rng.normal(0.0, 0.2, (REGION_COUNT, 2)))
    loudness = np.exp(rng.uniform(np.log(0.3), np.log(2.0)))
    t = float(rng.uniform(0.0, 2.0))
    while t < frames / GRID_HZ:
        phrase_end = t + rng.uniform(0.8, 6.0)
        emphasis = rng.uniform(-0.02, 0.01) if rng.random() < 0.3 else 0.0
        if rng.random() < 0.4:
            parted = shapes[int(rng.integers(len(shapes)))] * gain * loudness * rng.uniform(0.05, 0.35)
            first, last = round(t * GRID_HZ), min(round(phrase_end * GRID_HZ), frames)
            window = np.minimum(1.0, 8.0 * np.hanning(max(last - first, 0)))
            target[first:last] += window[:, None, None] * parted
        while t < phrase_end:
            length_s = rng.uniform(0.25, 0.75) if rng.random() < 0.12 else 1.0 / rng.uniform(3.0, 6.0)
            first, last = round(t * GRID_HZ), min(round((t + length_s) * GRID_HZ), frames)
            if last > first:
                pulse = np.sin(np.pi * (np.arange(last - first) + 0.5) / (last - first))
                weights = rng.dirichlet([1.0] * len(shapes)) * rng.uniform(0.3, 1.0) * loudness
                shape = sum(w * s for w, s in zip(weights, shapes, strict=True))
                target[first:last] += pulse[:, None, None] * shape * gain
                # brows that beat time to the words
                target[first:last, :6, 1] += pulse[:, None] * emphasis * 0.5
            t += length_s * rng.uniform(0.8, 1.2)
        t = phrase_end + rng.exponential(0.8)
    kernel = np.hanning(5) / np.hanning(5).sum()
    flat = target.reshape(frames, -1)
    return np.stack([np.convolve(c, kernel, "same") for c in flat.T], axis=1).reshape(target.shape)


def _head_turns(rng: np.random.Generator, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of turns and nods after the rigid fit: a smooth pattern over the face that follows the pose."""
    position = np.zeros((len(time_s), REGION_COUNT, 2))
    place = np.array(
        [[-.75, -.4], [-.5, -.5], [-.25, -.4], [.25, -.4], [.5, -.5], [.75, -.4],
         [0, 0], [0, .35], [-.4, .85], [0, .75], [.4, .85], [0, 1.0]]
    )  # fmt: skip
    x, y = place[:, 0], place[:, 1]
    terms = np.stack([np.ones(12), x, y, x * y, x * x, y * y], axis=1)
    for _ in range(int(rng.integers(1, 6))):
        start_s = rng.uniform(0.0, time_s[-1])
        rise_s, hold_s, fall_s = rng.uniform(0.25, 1.5), rng.exponential(1.0) + 0.01, rng.uniform(0.25, 1.5)
        profile = intensity_profile(
            time_s, start_s, start_s + rise_s, start_s + rise_s + hold_s + fall_s, Profile.SMOOTH, hold_s
        )
        if rng.random() < 0.3:
            profile = np.where(time_s > start_s + rise_s, 1.0, profile)
        field = terms @ (rng.normal(size=(6, 2)) * np.array([0.6, 1, 1, 1, 1, 1])[:, None])
        field -= field[[6, 7]].mean(0)
        size = np.exp(rng.uniform(np.log(0.006), np.log(0.035)))
        position += profile[:, None, None] * field * (size / np.linalg.norm(field, axis=1).max())
    return position


def _idle(rng: np.random.Generator, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a mouth does without expressing anything: swallowing, wet lips, a breath; some of it stays for a while."""
    position = np.zeros((len(time_s), REGION_COUNT, 2))
    pause_s = rng.uniform(3.0, 15.0)
    t = float(rng.exponential(pause_s))
    while t < time_s[-1]:
        length_s = float(np.exp(rng.uniform(np.log(0.25), np.log(2.5))))
        apex_s = t + length_s * rng.uniform(0.3, 0.7)
        hold_s = float(rng.exponential(6.0)) if rng.random() < 0.25 else 0.0
        profile = intensity_profile(time_s, t, apex_s, t + length_s + hold_s, Profile.SMOOTH, hold_s)
        position += profile[:, None, None] * _unnamed(rng, MOUTH, *IDLE_IOD)
        t += length_s + float(rng.exponential(pause_s))
    return position


def _blinks(rng: np.random.Generator, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The brows' small part in blinks, 10-25 a minute."""
    position = np.zeros((len(time_s), REGION_COUNT, 2))
    t = float(rng.exponential(3.0))
    while t < time_s[-1]:
        length_s = rng.uniform(0.12, 0.35)
        profile = intensity_profile(time_s, t, t + 0.4 * length_s, t + length_s)
        position[:, :6, 1] += profile[:, None] * rng.uniform(0.0, 0.012)
        t += length_s + rng.exponential(60.0 / rng.uniform(10, 25))
    return position
