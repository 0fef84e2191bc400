"""From the motion of single frames to scores and intervals, step by step.

Live scoring and batch scoring are this one class. A score that is delivered as final does not depend on how the frames
were cut into steps: windows overlap by the network's receptive field, the baseline is a recursion, and an interval is
delivered when its island of intensity has closed.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np

from models.baseline import RunningBaseline
from models.grid import GridFrame, GridResampler
from models.islands import NO_PAST, PAST_FRAMES, FrameList, Islands, Past
from models.spotter import Spotter
from models.types import FloatArray, FrameMotion, Interval, Scores, Update

_NO_SCORES: FloatArray = np.empty((0, 3), np.float32)


class Analyzer:
    """Turns ``FrameMotion`` into ``Update``; one per session.

    ``push`` is cheap and may be called for every frame; ``update`` runs the network on what has come since.
    """

    def __init__(self, spotter: Spotter) -> None:
        self._spotter = spotter
        self._grid = GridResampler()
        self._baseline = RunningBaseline(spotter.spec.baseline)
        self._segment = _Segment(spotter)
        self._past = Past()
        self._finished: list[Scores] = []
        self._found: list[Interval] = []

    def push(self, motion: FrameMotion) -> None:
        """Take the next source frame, in order of time."""
        self._take(self._grid.push(motion))

    def update(self, provisional: bool = True) -> Update:
        """Score what has come. provisional: also score the newest frames, whose look-ahead has not passed."""
        self._collect(*self._segment.advance(ended=False))
        newest, seen = self._segment.preview() if provisional else (Scores.empty(), ())
        return self._deliver(newest, seen)

    def finish(self) -> Update:
        """The source has ended: everything becomes final."""
        self._take(self._grid.finish())
        self._close_segment()
        return self._deliver(Scores.empty(), ())

    def _take(self, frames: list[GridFrame]) -> None:
        for valid, run in groupby(frames, lambda frame: frame.valid):
            if valid:
                if not len(self._segment):
                    self._segment = _Segment(self._spotter, self._past.position_iod)
                for frame in run:
                    self._segment.append(frame, self._baseline.step(frame.position_iod))
            else:
                # at once: a computer that slept leaves a gap of many hours
                self._close_segment()
                gap = list(run)
                self._past.lose(len(gap))
                self._finished.append(_scores(gap, np.full((len(gap), 3), np.nan, np.float32)))

    def _close_segment(self) -> None:
        if len(self._segment):
            self._collect(*self._segment.advance(ended=True))
            self._past.see(self._segment.newest_iod)
            self._segment = _Segment(self._spotter)

    def _collect(self, scores: Scores, intervals: list[Interval]) -> None:
        if len(scores):
            self._finished.append(scores)
        self._found += intervals

    def _deliver(self, newest: Scores, seen: tuple[Interval, ...]) -> Update:
        update = Update(Scores.concatenate(self._finished), newest, tuple(self._found), seen)
        self._finished, self._found = [], []
        return update


class _Segment:
    """One uninterrupted stretch of a face. Frames count from the segment's start; old ones are let go.

    past_iod: (P, 12, 2) where the face was before, when it was lost for a moment.
    """

    def __init__(self, spotter: Spotter, past_iod: FloatArray = NO_PAST) -> None:
        self._spotter = spotter
        self._past_iod = past_iod
        self._features: list[FloatArray] = []
        self._frames: list[GridFrame] = []
        self._features_from = 0
        self._final = 0
        self._scored: list[GridFrame] = []
        self._scores = _NO_SCORES
        """Frames with final scores, from ``_scored_from`` on, and those scores (intensity, macro, micro)."""
        self._scored_from = 0
        self._newest = _NO_SCORES
        self._newest_end = 0
        """Scores of the frames behind the final ones, and the segment's length when they were made."""
        self._decoded = 0
        """Frames before this one belong to islands (or pieces of one) that are closed, or to none."""

    def __len__(self) -> int:
        return self._features_from + len(self._features)

    @property
    def newest_iod(self) -> FloatArray:
        """Where the face was at the end, all of which has been scored, (up to ``PAST_FRAMES``, 12, 2)."""
        return np.stack([frame.position_iod for frame in self._scored[-PAST_FRAMES:]])

    def append(self, frame: GridFrame, features: FloatArray) -> None:
        self._frames.append(frame)
        self._features.append(features)

    def advance(self, ended: bool) -> tuple[Scores, list[Interval]]:
        """Make final what can be: scores whose look-ahead has passed, intervals whose island has closed."""
        spec = self._spotter.spec
        until = len(self) if ended else len(self) - spec.look_ahead_frames
        fresh: list[GridFrame] = []
        scores = _NO_SCORES
        if until > self._final:
            scores, self._newest = np.split(self._score(), [until - self._final])
            first = self._final - self._features_from
            fresh = self._frames[first : first + len(scores)]
            self._scored += fresh
            self._scores = np.concatenate([self._scores, scores])
            self._newest_end = len(self)
            self._final = until
        intervals = self._decode(ended)
        self._forget()
        return _scores(fresh, scores), intervals

    def preview(self) -> tuple[Scores, tuple[Interval, ...]]:
        """Scores of the frames that are not final, and the intervals of all islands that are still open."""
        if self._final == len(self):
            return Scores.empty(), ()
        # one run of the network serves both, unless nothing became final since the last frame came
        scores = self._newest if self._newest_end == len(self) else self._score()
        first = self._final - self._features_from
        newest = self._frames[first:]
        decoder = self._islands(self._scored + newest, np.concatenate([self._scores, scores]))
        seen = [i for island in decoder.islands(self._decoded) for i in decoder.intervals(island, False)]
        return _scores(newest, scores), tuple(sorted(seen, key=lambda i: i.onset_s))

    def _score(self) -> FloatArray:
        """Scores of all frames that are not final, (n, 3), from a window that reaches back over the receptive field."""
        start = max(self._final - self._spotter.spec.look_back_frames, self._features_from)
        if self._final == len(self):
            return _NO_SCORES
        window = np.stack(self._features[start - self._features_from :])
        intensity, apex = self._spotter.score(window, self._final - start)
        return np.concatenate([intensity[:, None], apex], axis=1)

    def _decode(self, ended: bool) -> list[Interval]:
        if not self._scored:
            return []
        decoder = self._islands(self._scored, self._scores)
        settings = self._spotter.spec.decode
        intervals: list[Interval] = []
        end = self._scored_from + len(self._scored)
        undecided = end
        for island in decoder.islands(self._decoded):
            closed = ended or island[1] + settings.margin_frames(island[1] - island[0] + 1) < end
            if not closed:
                undecided = island[0]
                break
            intervals += decoder.intervals(island, True)
            self._decoded = island[1] + 1
        # the last frame may be the beginning of an island
        self._decoded = max(self._decoded, min(undecided, end))
        return sorted(intervals, key=lambda i: i.onset_s)

    def _islands(self, frames: list[GridFrame], scores: FloatArray) -> Islands:
        # with more frames than the past has, none of it is looked at
        past_iod = self._past_iod if self._scored_from == 0 else NO_PAST
        return Islands(FrameList(frames), scores, self._scored_from, self._spotter.spec.decode, past_iod)

    def _forget(self) -> None:
        """Let go of what no later step can need."""
        settings = self._spotter.spec.decode
        keep_scored = self._decoded - max(PAST_FRAMES, settings.margin_frames(len(self._scored)))
        drop = min(max(keep_scored - self._scored_from, 0), len(self._scored))
        del self._scored[:drop]
        self._scores = self._scores[drop:]
        self._scored_from += drop
        drop = max(self._final - self._spotter.spec.look_back_frames - self._features_from, 0)
        del self._features[:drop], self._frames[:drop]
        self._features_from += drop


def _scores(frames: list[GridFrame], scores: FloatArray) -> Scores:
    """scores: (T, 3) intensity, macro, micro of the frames."""
    if not frames:
        return Scores.empty()
    return Scores(
        time_s=np.array([f.time_s for f in frames]),
        valid=np.array([f.valid for f in frames]),
        intensity=np.ascontiguousarray(scores[:, 0]),
        macro=np.ascontiguousarray(scores[:, 1]),
        micro=np.ascontiguousarray(scores[:, 2]),
        quality=np.array([f.quality for f in frames], np.float32),
    )
