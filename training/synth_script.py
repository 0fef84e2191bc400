"""What happens in a synthetic video, as frozen values: expressions, blinks, head motion, speech, camera faults."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.types import ExpressionType
from training.actions import ACTIONS, EXPRESSIONS, Profile, Side, intensity_profile, region_displacement
from training.portrait import Identity, Pose

MICRO_MAX_S = 0.5
"""Longest micro-expression; anything longer, up to 4 s, is a macro-expression."""
MACRO_MAX_S = 4.0


@dataclass(frozen=True, slots=True)
class Event:
    """One movement of one or more actions together.

    Motion begins at ``onset_s`` and ends at ``offset_s``; the apex is reached at ``apex_s`` and held for ``hold_s``.
    type: macro or micro for expressions, ``None`` for blinks and other movements that must not be found.
    """

    actions: tuple[str, ...]
    onset_s: float
    apex_s: float
    offset_s: float
    amplitude: float = 1.0
    side: Side = Side.BOTH
    type: ExpressionType | None = None
    hold_s: float = 0.0
    profile: Profile = Profile.COSINE

    def strength(self, time_s: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Amplitude times profile."""
        profile = intensity_profile(time_s, self.onset_s, self.apex_s, self.offset_s, self.profile, self.hold_s)
        return self.amplitude * profile

    @property
    def largest_iod(self) -> float:
        """How far the region that moves most goes, in IOD."""
        total = sum(region_displacement(ACTIONS[name], self.side) for name in self.actions)
        return float(np.linalg.norm(self.amplitude * np.asarray(total), axis=1).max())


@dataclass(frozen=True, slots=True)
class HeadKeyframe:
    """The head's pose at one time; between two keyframes it moves along a raised cosine."""

    time_s: float
    pose: Pose


@dataclass(frozen=True, slots=True)
class SpeechStretch:
    """Talking: syllables at some ``rate_hz`` (3-6) with pauses, from ``start_s`` to ``end_s``."""

    start_s: float
    end_s: float
    rate_hz: float = 4.5
    loudness: float = 0.8


@dataclass(frozen=True, slots=True)
class Degradation:
    """What camera, light and codec do to the picture.

    noise: standard deviation of the sensor's noise in grey levels at mid-grey (shot-like: grows with brightness).
    blur_px: standard deviation of the lens blur. flicker: relative brightness swing of the lamp at ``flicker_hz``.
    exposure_drift: relative size of the slow wander of the exposure. crf: H.264 quality (18 very good, 35 poor).
    drop_share: share of the frames that are lost. time_jitter: standard deviation of the frame times, in frame periods.
    """

    noise: float = 1.5
    blur_px: float = 0.4
    flicker: float = 0.0
    flicker_hz: float = 7.3
    exposure_drift: float = 0.0
    crf: int = 23
    drop_share: float = 0.0
    time_jitter: float = 0.0

    @staticmethod
    def random(rng: np.random.Generator, irregular: bool) -> Degradation:
        """Anything from a good to a poor webcam."""
        return Degradation(
            noise=float(rng.uniform(0.5, 4.0)),
            blur_px=float(rng.uniform(0.0, 0.9)),
            flicker=float(rng.choice([0.0, 0.0, rng.uniform(0.003, 0.02)])),
            flicker_hz=float(rng.uniform(0.5, 12.0)),
            exposure_drift=float(rng.choice([0.0, rng.uniform(0.01, 0.06)])),
            crf=int(rng.integers(18, 30)),
            drop_share=float(rng.uniform(0.01, 0.08)) if irregular else 0.0,
            time_jitter=float(rng.uniform(0.05, 0.2)) if irregular else 0.0,
        )


CLEAN = Degradation(noise=0.0, blur_px=0.0, crf=18)


@dataclass(frozen=True, slots=True)
class Script:
    """A whole synthetic video.

    sway_iod, sway_deg: standard deviations of the slow wander of a head that is never quite still.
    size: width and height in pixels; iod_px: distance between the eyes in the picture.
    """

    seed: int
    duration_s: float
    fps: float = 30.0
    size: tuple[int, int] = (640, 480)
    iod_px: float = 75.0
    identity: Identity = field(default_factory=Identity)
    events: tuple[Event, ...] = ()
    head: tuple[HeadKeyframe, ...] = ()
    speech: tuple[SpeechStretch, ...] = ()
    sway_iod: float = 0.0
    sway_deg: float = 0.0
    degradation: Degradation = field(default_factory=Degradation)

    @property
    def expressions(self) -> tuple[Event, ...]:
        """Events that a spotter should find, in order of onset."""
        return tuple(sorted((e for e in self.events if e.type is not None), key=lambda e: e.onset_s))


def blink(at_s: float, duration_s: float = 0.26, amplitude: float = 1.0, side: Side = Side.BOTH) -> Event:
    """A blink that begins at ``at_s``; lids close in a third of the time and open in the rest."""
    return Event(("blink",), at_s, at_s + 0.35 * duration_s, at_s + duration_s, amplitude, side, profile=Profile.SMOOTH)


def blinks(rng: np.random.Generator, duration_s: float, a_minute: float = 17.0) -> tuple[Event, ...]:
    """Blinks at random times, some of them half or double."""
    found, time_s = [], float(rng.exponential(60.0 / a_minute))
    while time_s < duration_s - 0.5:
        found.append(blink(time_s, float(rng.uniform(0.16, 0.4)), float(rng.choice([1.0, 1.0, 1.0, 0.6]))))
        time_s += 0.45 + float(rng.exponential(60.0 / a_minute)) * float(rng.choice([1.0, 1.0, 1.0, 0.1]))
    return tuple(found)


def micro(rng: np.random.Generator, onset_s: float, fps: float) -> Event:
    """A micro-expression of 0.2-0.5 s and a quarter to three fifths of full strength."""
    # at least five frames, so that rise and fall both exist in the recording
    duration_s = float(rng.uniform(max(0.2, 5.0 / fps), MICRO_MAX_S)) if fps >= 10.0 else MICRO_MAX_S
    apex_s = onset_s + duration_s * float(rng.uniform(0.35, 0.6))
    return _expression(rng, onset_s, apex_s, onset_s + duration_s, rng.uniform(0.25, 0.6), 0.0, ExpressionType.MICRO)


def macro(rng: np.random.Generator, onset_s: float, longest_s: float = MACRO_MAX_S) -> Event:
    """A macro-expression of 0.5-4 s, held at times, of a quarter to full strength."""
    duration_s = float(min(longest_s, np.exp(rng.uniform(np.log(0.55), np.log(MACRO_MAX_S)))))
    hold_s = 0.0
    if duration_s > 1.0 and rng.random() < 0.6:
        hold_s = float(rng.uniform(0.2, 0.65)) * duration_s
    moving_s = duration_s - hold_s
    apex_s = onset_s + moving_s * float(rng.uniform(0.3, 0.6))
    amplitude = float(rng.uniform(0.25, 1.0) if rng.random() < 0.5 else rng.uniform(0.6, 1.0))
    return _expression(rng, onset_s, apex_s, onset_s + duration_s, amplitude, hold_s, ExpressionType.MACRO)


_COMBINED = {
    "brow_raise": ("jaw_drop",),
    "inner_brow_raise": ("lip_corner_depress", "chin_raise"),
    "brow_lower": ("lip_press", "upper_lip_raise", "chin_raise"),
    "smile": ("jaw_drop", "brow_raise"),
    "lip_corner_depress": ("chin_raise", "inner_brow_raise"),
}


def _expression(
    rng: np.random.Generator,
    onset_s: float,
    apex_s: float,
    offset_s: float,
    amplitude: float,
    hold_s: float,
    type: ExpressionType,
) -> Event:
    action = EXPRESSIONS[int(rng.integers(len(EXPRESSIONS)))]
    actions: tuple[str, ...] = (action.name,)
    if action.name in _COMBINED and rng.random() < 0.3:
        partner = str(rng.choice(_COMBINED[action.name]))
        actions = (action.name, partner)
    side = Side.BOTH
    if action.one_sided and len(actions) == 1 and rng.random() < 0.25:
        side = Side.LEFT if rng.random() < 0.5 else Side.RIGHT
    profile = list(Profile)[int(rng.integers(len(Profile)))]
    return Event(actions, onset_s, apex_s, offset_s, float(amplitude), side, type, hold_s, profile)


def random_expressions(rng: np.random.Generator, duration_s: float, fps: float) -> tuple[Event, ...]:
    """Expressions in dense and sparse stretches; they follow one another, at times at once, but never overlap."""
    found: list[Event] = []
    time_s = float(rng.uniform(1.0, 3.0))
    dense_until_s, dense = 0.0, False
    while True:
        if time_s >= dense_until_s:
            dense = not dense if dense_until_s else bool(rng.random() < 0.5)
            dense_until_s = time_s + float(rng.uniform(10.0, 30.0))
        event = micro(rng, time_s, fps) if rng.random() < 0.45 else macro(rng, time_s)
        if event.offset_s > duration_s - 0.5:
            return tuple(found)
        found.append(event)
        pause_s = rng.uniform(0.15, 1.2) if dense else rng.uniform(1.5, 7.0)
        time_s = event.offset_s + float(pause_s)


def random_head(
    rng: np.random.Generator, duration_s: float, largest_deg: float, pause_s: float
) -> tuple[HeadKeyframe, ...]:
    """Turns to random poses, stays there, and mostly returns; ``pause_s`` is the mean time between turns."""
    here = Pose()
    keys = [HeadKeyframe(0.0, here)]
    time_s = float(rng.exponential(pause_s)) + 0.3
    while time_s < duration_s:
        keys.append(HeadKeyframe(time_s, here))
        if rng.random() < 0.35:
            here = Pose()
        else:
            here = Pose(
                yaw_deg=float(np.clip(rng.normal(0, 0.55), -1, 1)) * largest_deg,
                pitch_deg=float(np.clip(rng.normal(0, 0.35), -0.7, 0.7)) * largest_deg,
                roll_deg=float(np.clip(rng.normal(0, 0.3), -0.6, 0.6)) * largest_deg,
                x_iod=float(rng.normal(0, 0.012)) * largest_deg,
                y_iod=float(rng.normal(0, 0.006)) * largest_deg,
                scale=float(np.exp(rng.normal(0, 0.003) * largest_deg)),
            )
        time_s += float(rng.uniform(0.35, 1.5))
        keys.append(HeadKeyframe(time_s, here))
        time_s += float(rng.exponential(pause_s)) + 0.1
    return tuple(keys)


def plain_script(
    seed: int, duration_s: float, fps: float, size: tuple[int, int], irregular: bool
) -> tuple[Script, np.random.Generator]:
    """A person, a camera and a random generator for the rest; nothing happens yet."""
    rng = np.random.default_rng([seed, 1])
    iod_px = float(rng.uniform(60.0, 90.0)) * min(size[0] / 640.0, size[1] / 480.0)
    script = Script(
        seed,
        duration_s,
        fps,
        size,
        iod_px,
        Identity.random(rng),
        sway_iod=float(rng.uniform(0.004, 0.02)),
        sway_deg=float(rng.uniform(0.2, 1.0)),
        degradation=Degradation.random(rng, irregular),
    )
    return script, rng


def random_script(
    seed: int, duration_s: float, fps: float = 30.0, size: tuple[int, int] = (640, 480), irregular: bool = False
) -> Script:
    """Expressions with everything that happens beside them: blinks, sway, small turns and stretches of talking."""
    script, rng = plain_script(seed, duration_s, fps, size, irregular)
    events = random_expressions(rng, duration_s, fps)
    return replace(
        script,
        events=events + blinks(rng, duration_s),
        head=random_head(rng, duration_s, largest_deg=8.0, pause_s=6.0),
        speech=_speech_between(rng, events, duration_s),
    )


def _speech_between(
    rng: np.random.Generator, events: tuple[Event, ...], duration_s: float
) -> tuple[SpeechStretch, ...]:
    """Talking in some of the longer pauses between expressions, never over one."""
    ends = [0.0, *(e.offset_s for e in events)]
    starts = [*(e.onset_s for e in events), duration_s]
    found = []
    for free_from, free_to in zip(ends, starts, strict=True):
        if free_to - free_from > 3.0 and rng.random() < 0.3:
            start = free_from + 0.6
            end = free_to - 0.6
            found.append(SpeechStretch(start, end, float(rng.uniform(3.0, 6.0)), float(rng.uniform(0.4, 1.0))))
    return tuple(found)


def still_script(
    seed: int, duration_s: float, fps: float = 30.0, size: tuple[int, int] = (640, 480), irregular: bool = False
) -> Script:
    """A portrait that does not move at all, with sensor noise and compression."""
    script, _ = plain_script(seed, duration_s, fps, size, irregular)
    return replace(script, sway_iod=0.0, sway_deg=0.0)


def blinks_script(
    seed: int, duration_s: float, fps: float = 30.0, size: tuple[int, int] = (640, 480), irregular: bool = False
) -> Script:
    """Blinks and the slow sway of a head, nothing else."""
    script, rng = plain_script(seed, duration_s, fps, size, irregular)
    return replace(script, events=blinks(rng, duration_s, a_minute=20.0))


def head_turns_script(
    seed: int,
    duration_s: float,
    fps: float = 30.0,
    size: tuple[int, int] = (640, 480),
    irregular: bool = False,
    largest_deg: float = 15.0,
) -> Script:
    """Turns of up to ``largest_deg`` degrees and no expression."""
    script, rng = plain_script(seed, duration_s, fps, size, irregular)
    return replace(script, head=random_head(rng, duration_s, largest_deg, pause_s=1.5))


def speech_script(
    seed: int, duration_s: float, fps: float = 30.0, size: tuple[int, int] = (640, 480), irregular: bool = False
) -> Script:
    """Talking with pauses, blinks and small head movements, and no expression."""
    script, rng = plain_script(seed, duration_s, fps, size, irregular)
    stretches, time_s = [], 1.0
    while time_s < duration_s - 1.5:
        end_s = min(duration_s - 0.5, time_s + float(rng.uniform(2.0, 9.0)))
        stretches.append(SpeechStretch(time_s, end_s, float(rng.uniform(3.0, 6.0)), float(rng.uniform(0.5, 1.0))))
        time_s = end_s + float(rng.uniform(0.7, 3.0))
    head = random_head(rng, duration_s, largest_deg=6.0, pause_s=3.0)
    return replace(script, speech=tuple(stretches), events=blinks(rng, duration_s), head=head)


def demo_script(seed: int = 0, fps: float = 30.0, size: tuple[int, int] = (640, 480)) -> Script:
    """The shipped clip: three macros, two micros, blinks and a head turn in 20 seconds."""
    macro_, micro_ = ExpressionType.MACRO, ExpressionType.MICRO
    events = (
        Event(("smile",), 2.0, 2.7, 4.4, 0.9, type=macro_, hold_s=0.7),
        blink(5.1),
        Event(("brow_lower",), 6.0, 6.2, 6.43, 0.9, type=micro_),
        Event(("brow_raise",), 8.0, 8.4, 9.6, 1.0, type=macro_, hold_s=0.5),
        blink(10.4),
        Event(("lip_corner_depress", "chin_raise"), 14.4, 14.6, 14.87, 0.8, type=micro_),
        Event(("brow_raise", "jaw_drop"), 16.2, 16.7, 18.4, 0.8, type=macro_, hold_s=0.7),
    )
    turned = Pose(yaw_deg=15.0, pitch_deg=2.0, x_iod=0.05)
    head = (
        HeadKeyframe(11.0, Pose()),
        HeadKeyframe(11.8, turned),
        HeadKeyframe(12.3, turned),
        HeadKeyframe(13.1, Pose()),
    )
    degradation = Degradation(noise=1.2, blur_px=0.4, flicker=0.004, exposure_drift=0.01, crf=20)
    identity = Identity(contrast=0.95)
    return Script(
        seed,
        20.0,
        fps,
        size,
        75.0 * min(size[0] / 640.0, size[1] / 480.0),
        identity,
        events,
        head,
        sway_iod=0.006,
        sway_deg=0.4,
        degradation=degradation,
    )
