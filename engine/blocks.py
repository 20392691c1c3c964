"""Large blocks of memory that are used again.

New pages cost the system far more than writing to them costs (in a virtual machine ten times, as its host makes them as
well), so some that nobody uses any more are kept for whoever asks next, of any thread and query.
"""

from __future__ import annotations

import mmap
import threading
from collections import deque
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

LARGE_PAGE = 2 << 20
LARGE = 2 * LARGE_PAGE
LEAST = 256 << 10
MOST = 32 << 20  # above it what is written to them costs more
KEPT = 128 << 20  # bytes of all blocks that nobody uses


class Room:
    """A block, in use or not. `of_arrays`: how NumPy looks at it."""

    __slots__ = ("mapped", "of_arrays", "size")

    def __init__(self, size: int) -> None:
        self.size, self.mapped = size, _mapped(size)
        whole = np.frombuffer(self.mapped, np.uint8)
        skipped = -whole.ctypes.data % LARGE_PAGE if size >= LARGE else 0
        self.of_arrays = whole[skipped : skipped + size].__array_interface__


class Use:
    """What the arrays of a block hold: when the last of them is gone it is gone, and others may have the block."""

    __slots__ = ("__array_interface__", "room")

    def __init__(self, room: Room) -> None:
        self.room, self.__array_interface__ = room, room.of_arrays

    def __del__(self) -> None:
        _kept.give(self.room)


def block(nbytes: int) -> tuple[NDArray[np.uint8], bool]:
    """Room for so many bytes, if large at the beginning of a large page; whether it is new, and so zeros, or holds what it held.

    It is for others once no array looks at it.
    """
    if not hasattr(mmap, "MAP_ANONYMOUS"):
        return np.zeros(nbytes, np.uint8), True
    if nbytes > MOST:
        whole = np.frombuffer(_mapped(nbytes), np.uint8)
        skipped = -whole.ctypes.data % LARGE_PAGE
        return whole[skipped : skipped + nbytes], True
    size = _size(nbytes)
    room = _kept.take(size)
    made = np.asarray(Use(room or Room(size)))[:nbytes]
    return made, room is None


def trim() -> None:
    """Give back to the system what is kept."""
    _kept.trim(0)


class Kept:
    """Of those of one size the last that came goes first, as it may be in a cache; the oldest of all make room."""

    def __init__(self) -> None:
        self._lock = (
            threading.RLock()
        )  # a block may come back while the same thread is in here, by the garbage collector
        self._rooms: dict[int, deque[tuple[int, Room]]] = {}
        self._nbytes = self._time = 0

    def take(self, size: int) -> Room | None:
        """One of this size, or of up to twice as much."""
        larger = size
        with self._lock:
            while self._nbytes and larger <= 2 * size:
                if rooms := self._rooms.get(larger):
                    self._nbytes -= larger
                    return rooms.pop()[1]
                larger = _size(larger + 1)
        return None

    def give(self, room: Room) -> None:
        with self._lock:
            self._time += 1
            if (rooms := self._rooms.get(room.size)) is None:
                rooms = self._rooms[room.size] = deque()
            rooms.append((self._time, room))
            self._nbytes += room.size
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
    mapped = mmap.mmap(-1, nbytes + is_large * LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if is_large and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a system without them
            mapped.madvise(mmap.MADV_HUGEPAGE)
    return mapped
