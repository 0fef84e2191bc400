"""The scores of a session, to be decoded with other thresholds: those that were kept, else scored from the features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.review.state import Thresholds
from app.review.track import GridTrack, decode_track, grid_track, with_thresholds
from app.session.reader import Session, replay
from app.session.scores import keep_scores, kept_scores
from models.decode import DecodeSettings
from models.errors import ApexspotError, UsageError
from models.spotter import Spotter, shipped_with
from models.types import Interval, Scores


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """A session's scores on the grid, and how its model decodes."""

    track: GridTrack
    scores: Scores
    settings: DecodeSettings

    def decode(self, thresholds: Thresholds) -> tuple[Interval, ...]:
        """All intervals with these thresholds, in order of onset."""
        return decode_track(self.track, self.scores, with_thresholds(self.settings, thresholds))


def load_decoder(session: Session, *, keep: bool) -> Decoder:
    """Prepare decoding. keep: write scores that had to be computed into the session.

    Raises:
        UsageError: no scores were kept, and the session's model is not at hand.
    """
    track = grid_track(session.features)
    kept = kept_scores(session.folder)
    if kept is not None and not _belong(kept, track):
        kept = None
    settings = session.info.model.decode
    if kept is not None and settings is not None and len(kept) == len(track):
        return Decoder(track, kept, settings)
    spotter = _model_of(session)
    if spotter is not None:
        scores, _ = replay(session, spotter)
        if keep:
            keep_scores(session.folder, scores)
        return Decoder(track, scores, spotter.spec.decode)
    if kept is not None and settings is not None:  # all but the last seconds
        return Decoder(track, kept, settings)
    model = session.info.model
    raise UsageError(
        f"Thresholds cannot be changed here: the session was scored by the model {model.file} "
        f"({model.sha256[:12]}), which is not the one at hand."
    )


def _model_of(session: Session) -> Spotter | None:
    try:
        return shipped_with(session.info.model.sha256)
    except ApexspotError:
        return None


def _belong(scores: Scores, track: GridTrack) -> bool:
    """Whether scores are those of a track, or of its beginning."""
    return 0 < len(scores) <= len(track) and np.array_equal(scores.time_s, track.time_s[: len(scores)])
