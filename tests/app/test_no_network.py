"""A recording and the demo are analysed without a socket: Python's audit hook watches, and the kernel's own list."""

from __future__ import annotations

import subprocess
import sys

import pytest

_GUARD = """
import os, sys, threading

opened = []

def hook(event, arguments):
    if event.startswith("socket."):
        opened.append(event)

sys.addaudithook(hook)

over = threading.Event()

def sockets():
    # native code does not pass Python's hook; its sockets stand among the open files
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found

def look():
    while not over.wait(0.01):
        opened.extend(sockets() - inherited)

if os.path.isdir("/proc/self/fd"):
    inherited = sockets()
    threading.Thread(target=look, daemon=True).start()

def report():
    over.set()
    print("opened:", sorted(set(opened)))
"""


def opened_in(code):
    answer = subprocess.run(
        [sys.executable, "-c", _GUARD + code + "\nreport()\n"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()


def test_spot_opens_no_socket(tmp_path, face_video):
    lines = opened_in(
        f"import app.cli\nassert app.cli._run(['spot', {str(face_video)!r}, '--out', {str(tmp_path)!r}]) == 0"
    )
    assert lines[-1] == "opened: []"
    assert (tmp_path / "face.intervals.csv").exists()


def test_the_demo_in_a_terminal_opens_no_socket(tmp_path, face_video):
    lines = opened_in(
        "from pathlib import Path\n"
        "from app.sources import FileChoice, open_source\n"
        "from app.terminal_demo import run_terminal_demo\n"
        f"clip = FileChoice(Path({str(face_video)!r}))\n"
        f"run_terminal_demo(Path({str(tmp_path)!r}), open_demo=lambda: open_source(clip, paced=True))"
    )
    assert lines[-1] == "opened: []"
    assert (tmp_path / "apexspot-demo.intervals.csv").exists()


@pytest.mark.parametrize(
    "code",
    [
        "import socket; s = socket.socket(); s.close()",
        "import socket; socket.getaddrinfo('localhost', 80)",
    ],
)
def test_the_guard_sees_pythons_sockets(code):
    assert opened_in(code)[-1] != "opened: []"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_guard_sees_native_sockets():
    code = (
        "import ctypes, time\n"
        "libc = ctypes.CDLL(None)\n"
        "handle = libc.socket(2, 1, 0)\n"
        "assert handle >= 0\n"
        "time.sleep(0.3)\n"
        "libc.close(handle)"
    )
    assert "socket:" in opened_in(code)[-1]
