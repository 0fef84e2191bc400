"""Opening a path on a thread of its own: a long recording takes a moment to read, a long video to recognise."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from app.review.opening import session_for
from app.review.pictures import Pictures
from app.review.review import Review
from app.session.reader import Session
from app.session.schema import VIDEO_FILE
from models.errors import ApexspotError
from models.video import VideoFile

log = logging.getLogger(__name__)

_AS_ALWAYS = "Curves, intervals and labels work as always."
SCORES_ONLY = (
    f"This recording keeps scores only.\n\nNo picture was stored, as was asked for when it was made. {_AS_ALWAYS}"
)


@dataclass(slots=True)
class Opened:
    """What came of it: a recording (pictures: None where it has none), or ``needs_analysis``, or ``error``, a sentence.

    is_held: it is the one that is open already, and was left alone.
    no_pictures: why there are none. no_thresholds: why they cannot be changed.
    """

    review: Review | None = None
    pictures: Pictures | None = None
    no_pictures: str | None = None
    no_thresholds: str | None = None
    needs_analysis: bool = False
    is_held: bool = False
    error: str | None = None

    def close(self) -> None:
        """Free all files; harmless when repeated."""
        if self.pictures is not None:
            self.pictures.close()
        if self.review is not None:
            self.review.close()


class Opener:
    """Opens one path; a video must have been scored by ``network``. The window polls ``result``.

    held: folder of the recording that is open; it is locked, and a second time it would open for looking only.
    """

    def __init__(self, path: Path, network: Path, held: Path | None = None) -> None:
        self.path = path
        self._network = network
        self._held = held
        self._result: Opened | None = None
        self._abandoned = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="apexspot-opening", daemon=True)
        self._thread.start()

    @property
    def result(self) -> Opened | None:
        """None while it is under way."""
        return None if self._thread.is_alive() else self._result

    def abandon(self, timeout_s: float = 5.0) -> None:
        """Nobody wants it any more: whatever was opened is closed."""
        with self._lock:
            self._abandoned = True
            if self._result is not None:
                self._result.close()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            opened = self._open()
        except ApexspotError as error:
            opened = Opened(error=str(error))
        except Exception:
            log.exception("opening %s failed", self.path)
            opened = Opened(error=f"{self.path.name} cannot be opened; the log has the details.")
        with self._lock:
            self._result = opened
            if self._abandoned:
                opened.close()

    def _open(self) -> Opened:
        folder = session_for(self.path, self._network)
        if folder is None:
            with VideoFile(self.path):  # what is no video is said before anything makes way for it
                return Opened(needs_analysis=True)
        if self._held is not None and folder.resolve() == self._held.resolve():
            return Opened(is_held=True)
        opened = Opened(review=Review.open(folder))
        assert opened.review is not None
        session = opened.review.session
        try:
            opened.review.prepare()
        except ApexspotError as error:
            opened.no_thresholds = str(error)
        if session.video is None:
            opened.no_pictures = _why_no_video(session)
        if session.video is not None and len(session.frames):
            first_frame_s = session.info.clock.first_frame_s or 0.0
            try:
                opened.pictures = Pictures.open(session.video, first_frame_s, session.frames)
            except ApexspotError as error:
                opened.no_pictures = str(error)
        return opened


def _why_no_video(session: Session) -> str:
    info = session.info
    if info.source.path is not None:
        why = f"The video {info.source.name} is no longer where it was when it was analysed, or has changed."
    elif info.scores_only:
        return SCORES_ONLY
    else:
        why = f"The video of this recording is missing. It should lie at\n{session.folder / VIDEO_FILE}"
    return f"{why}\n\n{_AS_ALWAYS}"
