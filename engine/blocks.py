"""Large blocks of memory that are used again.

New pages cost the system far more than writing to them costs (in a virtual machine ten times, as its host makes them as
well), so some that nobody uses any more are kept for whoever asks next, of any thread and query.
"""

from __future__ import annotations

import mmap
import threading
import weakref
from collections import deque
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

LARGE_PAGE = 2 << 20
LARGE = 2 * LARGE_PAGE
LEAST = 256 << 10
MOST = 32 << 20  # above it what is written to them costs more
KEPT = 128 << 20  # bytes of all blocks that nobody uses


def block(nbytes: int) -> tuple[NDArray[np.uint8], bool]:
    """Room for so many bytes, if large at the beginning of a large page; whether it is new, and so zeros, or holds what it held.

    It is for others once no array looks at it.
    """
    if not hasattr(mmap, "MAP_ANONYMOUS"):
        return np.zeros(nbytes, np.uint8), True
    if nbytes > MOST:
        return _array(_mapped(nbytes), nbytes), True
    size = _size(nbytes)
    size, room = _kept.take(size)
    is_new = room is None
    room = room or _mapped(size)
    made = _array(room, nbytes)
    weakref.finalize(made, _kept.give, size, room).atexit = False
    return made, is_new


def trim() -> None:
    """Give back to the system what is kept."""
    _kept.trim(0)


class Kept:
    """Of those of one size the last that came goes first, as it may be in a cache; the oldest of all make room."""

    def __init__(self) -> None:
        self._lock = (
            threading.RLock()
        )  # a block may come back while the same thread is in here, by the garbage collector
        self._rooms: dict[int, deque[tuple[int, mmap.mmap]]] = {}
        self._nbytes = self._time = 0

    def take(self, size: int) -> tuple[int, mmap.mmap | None]:
        """One of this size, or of up to twice as much, and its size; else none."""
        larger = size
        with self._lock:
            while self._rooms and larger <= 2 * size:
                if rooms := self._rooms.get(larger):
                    self._nbytes -= larger
                    return larger, rooms.pop()[1]
                larger = _size(larger + 1)
        return size, None

    def give(self, size: int, room: mmap.mmap) -> None:
        with self._lock:
            self._time += 1
            self._rooms.setdefault(size, deque()).append((self._time, room))
            self._nbytes += size
            if self._nbytes > KEPT:
                self.trim(KEPT)

    def trim(self, most: int) -> None:
        with self._lock:
            while self._nbytes > most:
                _, size = min((rooms[0][0], size) for size, rooms in self._rooms.items() if rooms)
                self._rooms[size].popleft()
                self._nbytes -= size


_kept = Kept()


def _size(nbytes: int) -> int:
    """Of four sizes between one power of two and the next."""
    step = max(1 << ((nbytes - 1).bit_length() - 3), mmap.PAGESIZE)
    return -(-nbytes // step) * step


def _mapped(nbytes: int) -> mmap.mmap:
    is_large = nbytes >= LARGE
    room = mmap.mmap(-1, nbytes + is_large * LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if is_large and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a system without them
            room.madvise(mmap.MADV_HUGEPAGE)
    return room


def _array(room: mmap.mmap, nbytes: int) -> NDArray[np.uint8]:
    skipped = -np.frombuffer(room, np.uint8).ctypes.data % LARGE_PAGE if nbytes >= LARGE else 0
    return np.frombuffer(room, np.uint8, nbytes, skipped)
