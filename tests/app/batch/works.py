"""What the processes of ``test_pool.py`` do; a module by itself, since they import it by its name."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

import cv2

from app.batch.tasks import Tell
from models.errors import DataError


def work(order: str, tell: Tell) -> object:
    what, _, rest = order.partition(" ")
    if what == "bad":
        raise DataError("The recording bad is damaged.")
    if what == "bug":
        raise ZeroDivisionError
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "die-once" and not Path(rest).exists():
        Path(rest).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "deaf":
        tell(0.0)
        time.sleep(600)
    while what == "endless":
        tell(0.5)
        time.sleep(0.01)
    if what == "warn":
        logging.getLogger("works").warning("heed %s", rest)
    return {"pid": os.getpid(), "threads": cv2.getNumThreads()}.get(what, order)
