"""Lively talk for synthetic video: what in a conversation looks most like an expression and is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from training.synth_script import (
    MACRO_MAX_S,
    Event,
    Script,
    SpeechStretch,
    blinks,
    macro,
    micro,
    plain_script,
    random_head,
    random_script,
)
from training.tracks import LIVELY

UPPER_FACE = ("brow_raise", "inner_brow_raise", "brow_lower")
"""Actions that go together with talking."""

_SHAPES = ("speech_open", "speech_wide", "speech_round")
_RESTS = ("smile", "speech_wide", "speech_round", "lip_press", "lip_corner_depress")
"""Where a mouth may rest for seconds: wide after a laugh, wide or narrow in search of a word, pressed, turned down."""


def talk_script(
    seed: int, duration_s: float, fps: float = 30.0, size: tuple[int, int] = (640, 480), irregular: bool = False
) -> Script:
    """Lively talking as in conversation, and no expression: wide and narrow mouths, drawn-out words, nods and turns."""
    script, rng = plain_script(seed, duration_s, fps, size, irregular)
    return _talking(script, rng, ())


def conversation_script(
    seed: int, duration_s: float, fps: float = 30.0, size: tuple[int, int] = (640, 480), irregular: bool = False
) -> Script:
    """``talk_script`` with expressions: of brows and eyes at any time, of the mouth in the pauses of the talk."""
    script, rng = plain_script(seed, duration_s, fps, size, irregular)
    found: list[Event] = []
    time_s = float(rng.uniform(1.0, 4.0))
    while True:
        event = micro(rng, time_s, fps) if rng.random() < 0.3 else macro(rng, time_s, longest_s=2.5)
        if event.offset_s > duration_s - 0.5:
            return _talking(script, rng, tuple(found))
        found.append(event)
        time_s = event.offset_s + float(rng.uniform(0.8, 8.0))


def lively_script(
    seed: int, duration_s: float, fps: float = 30.0, size: tuple[int, int] = (640, 480), irregular: bool = False
) -> Script:
    """``random_script`` of somebody who shows much: see ``training.tracks.LIVELY``."""
    return _lively(random_script(seed, duration_s, fps, size, irregular))


def lively_conversation_script(
    seed: int, duration_s: float, fps: float = 30.0, size: tuple[int, int] = (640, 480), irregular: bool = False
) -> Script:
    """``conversation_script`` of somebody who shows much."""
    return _lively(conversation_script(seed, duration_s, fps, size, irregular))


def unsettled_conversation_script(
    seed: int, duration_s: float, fps: float = 30.0, size: tuple[int, int] = (640, 480), irregular: bool = False
) -> Script:
    """``lively_conversation_script`` with a mouth that rests elsewhere for longer than an expression lasts.

    Between two such rests the mouth is calm for a moment or for some seconds; to be calm is no expression.
    """
    script = lively_conversation_script(seed, duration_s, fps, size, irregular)
    rng = np.random.default_rng([seed, 7])
    rests: list[Event] = []
    time_s = float(rng.exponential(3.0))
    while True:
        rise_s, fall_s = (float(t) for t in rng.uniform(0.3, 1.2, 2))
        hold_s = float(rng.uniform(MACRO_MAX_S + 1.0, 15.0))
        offset_s = time_s + rise_s + hold_s + fall_s
        if offset_s > duration_s:
            return replace(script, events=(*script.events, *rests))
        rest = Event((str(rng.choice(_RESTS)),), time_s, time_s + rise_s, offset_s, hold_s=hold_s)
        rests.append(replace(rest, amplitude=float(rng.uniform(0.03, 0.1)) / rest.largest_iod))
        time_s = offset_s + float(rng.uniform(0.2, 1.5) if rng.random() < 0.5 else rng.uniform(3.0, 10.0))


def _lively(script: Script) -> Script:
    rng = np.random.default_rng([script.seed, 6])
    person = LIVELY.expressivity(rng)
    events = []
    for event in script.events:
        drawn = event
        if event.type is not None:
            if LIVELY.is_large(rng, event.type):
                drawn = replace(event, amplitude=LIVELY.amplitude(rng, person))
            drawn = replace(drawn, amplitude=drawn.amplitude * min(1.0, LIVELY.largest_iod / drawn.largest_iod))
        events.append(drawn)
    return replace(script, events=tuple(events))


def _talking(script: Script, rng: np.random.Generator, expressions: tuple[Event, ...]) -> Script:
    """Fills a script with talk; an expression of the mouth has a pause of its own."""
    silent = [e for e in expressions if any(name not in UPPER_FACE for name in e.actions)]
    limits = [0.5, *(t for e in silent for t in (e.onset_s - 0.15, e.offset_s + 0.15)), script.duration_s - 0.5]
    loudness = float(np.exp(rng.uniform(np.log(0.6), np.log(2.0))))
    stretches: list[SpeechStretch] = []
    drawn_out: list[Event] = []
    for free_from, free_to in zip(limits[::2], limits[1::2], strict=True):
        time_s = free_from + float(rng.exponential(0.4))
        while time_s < free_to - 0.8:
            end_s = min(free_to, time_s + float(rng.uniform(0.8, 7.0)))
            here = loudness * float(rng.uniform(0.6, 1.2))
            stretches.append(SpeechStretch(time_s, end_s, float(rng.uniform(2.5, 6.0)), here))
            drawn_out += _drawn_out(rng, time_s, end_s, here)
            time_s = end_s + float(rng.exponential(0.9))
    return replace(
        script,
        speech=tuple(stretches),
        events=(*expressions, *blinks(rng, script.duration_s), *drawn_out),
        head=random_head(rng, script.duration_s, largest_deg=12.0, pause_s=1.5),
    )


def _drawn_out(rng: np.random.Generator, start_s: float, end_s: float, loudness: float) -> Iterator[Event]:
    """Long vowels, lips that stay parted through a phrase, brows that beat time: no expressions, but much like them."""
    if end_s - start_s > 1.2 and rng.random() < 0.5:
        shape = str(rng.choice(_SHAPES))
        rise_s = float(rng.uniform(0.15, 0.4))
        hold_s = end_s - start_s - 2 * rise_s - 0.01
        parted = 0.35 * loudness * float(rng.uniform(0.2, 1.0))
        yield Event((shape,), start_s, start_s + rise_s, end_s, parted, hold_s=hold_s)
    time_s = start_s + float(rng.exponential(1.5))
    while time_s < end_s - 0.8:
        length_s = float(rng.uniform(0.25, 0.75))
        shape = str(rng.choice(_SHAPES))
        apex_s = time_s + length_s * float(rng.uniform(0.3, 0.6))
        yield Event((shape,), time_s, apex_s, time_s + length_s, loudness * float(rng.uniform(0.4, 1.0)))
        time_s += length_s + float(rng.exponential(1.5))
