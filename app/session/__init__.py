"""Session folders: recorded, read, replayed and recovered (``docs/sessions.md``). Knows no Qt."""

from __future__ import annotations

from app.session.reader import Session, read_session, replay
from app.session.recorder import Recorder, RecorderSettings, RecorderStatus
from app.session.recovery import Recovered, find_unfinished, recover

__all__ = [
    "Recorder",
    "RecorderSettings",
    "RecorderStatus",
    "Recovered",
    "Session",
    "find_unfinished",
    "read_session",
    "recover",
    "replay",
]
