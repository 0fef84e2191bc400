"""The calm face: a running baseline that a session carries along.

The network is told how far each region stands from where it usually rests. That resting place is estimated causally,
so that a live run and a batch run are one computation: a Huber-type recursion, an exponential mean for deviations up to
``knee_iod`` that never moves faster than ``rate_iod_s``. It therefore follows drift and a changed pose within some
seconds, while an expression of a few seconds hardly moves it, and a held one does not make it jump as a running median
would.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.types import GRID_HZ, BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class BaselineSettings:
    """rate_iod_s: fastest motion of the baseline. knee_iod: deviation at which that speed is reached.

    warm_up_s: during the first seconds the baseline may move ``warm_up_gain`` times as fast (falling to 1 at the
    end), so that a session that starts in the middle of a movement finds its calm face soon.
    """

    rate_iod_s: float = 0.006
    knee_iod: float = 0.02
    warm_up_s: float = 3.0
    warm_up_gain: float = 8.0


class RunningBaseline:
    """Carries the baseline of one face along a session.

    ``step`` takes positions (..., 12, 2) of one grid frame and returns the displacement from the baseline as it stood
    before that frame, float32, same shape. Leading axes are independent tracks, so that training can run many at once.
    """

    def __init__(self, settings: BaselineSettings | None = None) -> None:
        self._settings = settings or BaselineSettings()
        self._baseline: NDArray[np.float64] | None = None
        self._frames_seen = 0

    def step(self, position_iod: NDArray[np.floating]) -> FloatArray:
        position = np.asarray(position_iod, np.float64)
        if self._baseline is None or self._baseline.shape != position.shape:
            self._baseline = position.copy()
            self._frames_seen = 0
        deviation = position - self._baseline
        s = self._settings
        age = min(1.0, self._frames_seen / (s.warm_up_s * GRID_HZ))
        gain = s.warm_up_gain + (1.0 - s.warm_up_gain) * age
        rate = gain * s.rate_iod_s / GRID_HZ
        self._baseline = self._baseline + rate * np.clip(deviation / s.knee_iod, -1.0, 1.0)
        self._frames_seen += 1
        return deviation.astype(np.float32)


def displacement(
    position_iod: NDArray[np.floating], valid: BoolArray | None = None, settings: BaselineSettings | None = None
) -> FloatArray:
    """Displacement from the running baseline for whole tracks.

    position_iod: (time, ..., 12, 2). valid: (time,), frames that count; the others give zeros and leave the baseline
    as it is. Returns float32 of the same shape.
    """
    baseline = RunningBaseline(settings)
    out = np.zeros(position_iod.shape, np.float32)
    for t in range(len(position_iod)):
        if valid is None or valid[t]:
            out[t] = baseline.step(position_iod[t])
    return out
