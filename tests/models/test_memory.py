"""The C library's allocator, in a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")

PAGES = """
import ctypes, resource
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
def take():
    blocks = [libc.malloc(ctypes.c_size_t(8 << 20)) for _ in range(6)]
    for at in blocks:
        ctypes.memset(at, 1, 8 << 20)
    for at in blocks:
        libc.free(at)
take()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    take()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
"""Pages that the system hands out while the same 48 MB are taken and given back five times."""

ARENAS = """
import ctypes, os, tempfile, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
ready = threading.Barrier(12)
def take():
    ready.wait()
    for _ in range(50):
        libc.malloc(ctypes.c_size_t(5000))
    ready.wait()
threads = [threading.Thread(target=take) for _ in range(12)]
[t.start() for t in threads]
[t.join() for t in threads]
path = os.path.join(tempfile.mkdtemp(), "info.xml")
file = ctypes.c_void_p(libc.fopen(path.encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(open(path).read().count("<heap nr="))
"""
"""Arenas after twelve threads have allocated at the same time."""


def printed(program: str, call: str) -> int:
    whole = f"from models.memory import keep_freed, share_arenas\n{call}\n{program}"
    return int(subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True).stdout)


def test_memory_that_was_freed_is_used_again() -> None:
    assert printed(PAGES, "assert keep_freed()") < 2048 < printed(PAGES, "")


def test_threads_share_two_arenas() -> None:
    assert printed(ARENAS, "assert share_arenas()") <= 2 < printed(ARENAS, "")
