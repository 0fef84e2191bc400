"""A recording and the demo are analysed without a socket.

The kernel itself is told to kill the process at the first one (Linux, seccomp), so native libraries are covered too;
everywhere, Python's audit hook notes what Python does.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys

import pytest

_GUARD = """
import ctypes, platform, struct, sys

opened = []

def hook(event, arguments):
    if event.startswith("socket."):
        opened.append(event)

def kill_at_the_first_socket():
    number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
    program = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 0),            # load the number of the system call
            (0x15, 0, 1, number),       # is it socket()?
            (0x06, 0, 0, 0x80000000),   # yes: kill the process
            (0x06, 0, 0, 0x7FFF0000),   # no: go on
        )
    )
    code = ctypes.create_string_buffer(program)
    filter_ = ctypes.create_string_buffer(struct.pack("@HP", 4, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0           # no new privileges
    assert libc.prctl(22, 2, filter_, 0, 0) == 0     # seccomp: filter

sys.addaudithook(hook)
if NATIVE:
    kill_at_the_first_socket()
"""

HAS_SECCOMP = sys.platform.startswith("linux") and platform.machine() in ("x86_64", "aarch64")


def run_guarded(code, folder, native=HAS_SECCOMP):
    """Run code under the guard, with an empty home; without what makes a library behave because a test is running."""
    kind = {"CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME", "GITHUB_ACTIONS", "TF_BUILD"}
    clean = {name: value for name, value in os.environ.items() if name not in kind}
    return subprocess.run(
        [sys.executable, "-c", f"NATIVE = {native}\n{_GUARD}\n{code}\nprint('opened:', opened)\n"],
        capture_output=True,
        text=True,
        check=False,
        env={**clean, "HOME": str(folder)},
    )


def test_a_recording_and_the_demo_open_no_socket(tmp_path, face_video):
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import time\n"
        "from pathlib import Path\n"
        "import app.cli\n"
        "begin_s = time.monotonic()\n"
        f"out = {str(tmp_path)!r}\n"
        f"assert app.cli._run(['spot', {str(face_video)!r}, '--out', out]) == 0\n"
        "from app.sources import FileChoice, open_source\n"
        "from app.terminal_demo import run_terminal_demo\n"
        f"clip = FileChoice(Path({str(face_video)!r}))\n"
        "run_terminal_demo(Path(out), open_demo=lambda: open_source(clip, paced=True))\n"
        # ONNX Runtime's telemetry, where it is not switched off, first calls home nine seconds after the import
        "time.sleep(max(0.0, 12.0 - (time.monotonic() - begin_s)))"
    )
    done = run_guarded(code, home)
    assert done.returncode == 0, f"killed at a socket? {done.returncode}\n{done.stderr}"
    assert done.stdout.splitlines()[-1] == "opened: []"
    assert (tmp_path / "face.intervals.csv").exists()
    assert (tmp_path / "apexspot-demo.intervals.csv").exists()
    assert not [path for path in home.rglob("*") if "microsoft" in str(path).lower()]


def test_the_guard_sees_pythons_sockets(tmp_path):
    done = run_guarded("import socket; socket.socket().close()", tmp_path, native=False)
    assert "socket.__new__" in done.stdout


@pytest.mark.skipif(not HAS_SECCOMP, reason="needs Linux's seccomp")
def test_the_guard_sees_native_sockets(tmp_path):
    done = run_guarded("import ctypes; ctypes.CDLL(None).socket(2, 1, 0)", tmp_path)
    assert done.returncode == -signal.SIGSYS
