"""Lab Streaming Layer: scores and intervals go out, event markers of other programs come in (``docs/lsl.md``).

Off unless asked for, since it is the network. The package itself imports neither pylsl nor anything else that opens a
socket; pylsl is loaded by the first ``LslSink`` or ``MarkerSink`` that is made. Knows no Qt.
"""

from __future__ import annotations

from app.lsl.inlet import MarkerSink, MarkerStatus
from app.lsl.library import check_lsl
from app.lsl.outlet import LslSink

__all__ = ["LslSink", "MarkerSink", "MarkerStatus", "check_lsl"]
