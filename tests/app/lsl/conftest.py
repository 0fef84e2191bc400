"""Real streams, on this machine alone and apart from any other LSL program that runs here."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Listen = Callable[[str], "Listener"]


class Listener:
    """An inlet as another program would have one; ``samples`` are (values, time stamp)."""

    def __init__(self, name: str) -> None:
        import pylsl

        self._gone = pylsl.util.LostError
        found = pylsl.resolve_byprop("name", name, 1, 30.0)
        assert found, f"no stream {name}"
        self._inlet = pylsl.StreamInlet(found[0], recover=False)
        self._inlet.open_stream(30.0)
        self.info = self._inlet.info(30.0)
        self.samples: list[tuple[list[Any], float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._take, name=f"listener-{name}")
        self._thread.start()

    def _take(self) -> None:
        try:
            while True:
                over = self._over.is_set()
                values, stamp_s = self._inlet.pull_sample(0.1)
                if values is not None:
                    self.samples.append((values, stamp_s))
                elif over:
                    return
        except self._gone:
            return  # the sender has ended

    def finish(self) -> list[tuple[list[Any], float]]:
        """Everything that came."""
        self._over.set()
        self._thread.join(30.0)
        assert not self._thread.is_alive()
        return self.samples


@pytest.fixture(scope="session", autouse=True)
def only_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """LSL reads its configuration once, when it is first used."""
    path = tmp_path_factory.mktemp("lsl") / "lsl_api.cfg"
    path.write_text(f"[multicast]\nResolveScope = machine\n[lab]\nSessionID = {uuid.uuid4()}\n[log]\nlevel = -3\n")
    before = os.environ.get("LSLAPICFG")
    os.environ["LSLAPICFG"] = str(path)
    yield
    if before is None:
        del os.environ["LSLAPICFG"]
    else:
        os.environ["LSLAPICFG"] = before


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith(("apexspot", "listener"))]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Connects to a stream by its name."""
    listeners: list[Listener] = []

    def connect(name: str) -> Listener:
        listeners.append(Listener(name))
        return listeners[-1]

    yield connect
    for listener in listeners:
        listener.finish()
