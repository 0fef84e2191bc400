"""How the C library of this process handles memory. Only glibc (Linux) can be told; elsewhere nothing is changed."""

from __future__ import annotations

import ctypes
import sys

# parameters of glibc's mallopt (malloc.h)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8

_LARGEST_BYTES = 32 * 2**20
"""Most that glibc takes for M_MMAP_THRESHOLD; what is larger still comes from the system and goes back to it."""


def keep_freed() -> bool:
    """Give memory that was freed out again, rather than hand it back to the system; whether that could be set.

    A training step allocates the same large arrays as the one before. By default each comes as fresh pages from the
    system, and touching them for the first time takes longer than the arithmetic.
    """
    return _set(_M_MMAP_THRESHOLD, _LARGEST_BYTES) and _set(_M_TRIM_THRESHOLD, 16 * _LARGEST_BYTES)


def share_arenas() -> bool:
    """Let all threads allocate from the same two arenas; whether that could be set. For processes that live long.

    MediaPipe starts new threads for each video. Each takes the arena that is least used, and in time every arena has
    grown to what the largest video needed.
    """
    return _set(_M_ARENA_MAX, 2)


def _set(parameter: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(parameter, value))
    except (OSError, AttributeError):
        return False
