"""Large blocks of memory that are used again.

New pages cost the system far more than writing to them costs (in a virtual machine ten times, as its host makes them as
well), so some that nobody uses any more are kept for whoever asks next, of any thread and query.
"""

from __future__ import annotations

import mmap
import threading
import weakref
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

LARGE_PAGE = 2 << 20
LEAST = 2 * LARGE_PAGE
MOST = 32 << 20  # above it what is written to them costs more
KEPT = 64 << 20  # bytes of all blocks that nobody uses

_lock = threading.RLock()  # a block may come back while the same thread is in here, by the garbage collector
_kept: dict[int, list[mmap.mmap]] = {}
_n_kept = 0


def block(nbytes: int) -> tuple[NDArray[np.uint8], bool]:
    """Room for so many bytes, at the beginning of a large page; whether it is new, and so zeros, or holds what it held.

    It is for others once no array looks at it.
    """
    if not hasattr(mmap, "MAP_ANONYMOUS"):
        return np.zeros(nbytes, np.uint8), True
    size = max(LEAST, 1 << (nbytes - 1).bit_length())
    room = _taken(size) if size <= MOST else None
    is_new = room is None
    room = room or _mapped(size if size <= MOST else nbytes)
    skipped = -np.frombuffer(room, np.uint8).ctypes.data % LARGE_PAGE
    made = np.frombuffer(room, np.uint8, nbytes, skipped)
    if size <= MOST:
        weakref.finalize(made, _given_back, size, room).atexit = False
    return made, is_new


def trim() -> None:
    """Give back to the system what is kept."""
    global _n_kept
    with _lock:
        _kept.clear()
        _n_kept = 0


def _taken(size: int) -> mmap.mmap | None:
    global _n_kept
    with _lock:
        rooms = _kept.get(size)
        if not rooms:
            return None
        _n_kept -= size
        return rooms.pop()


def _given_back(size: int, room: mmap.mmap) -> None:
    global _n_kept
    with _lock:
        if _n_kept + size <= KEPT:
            _kept.setdefault(size, []).append(room)
            _n_kept += size


def _mapped(nbytes: int) -> mmap.mmap:
    room = mmap.mmap(-1, nbytes + LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a system without them
            room.madvise(mmap.MADV_HUGEPAGE)
    return room
