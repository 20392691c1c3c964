"""Large blocks of memory that are used again.

New pages cost the system far more than writing to them costs (in a virtual machine ten times, as its host makes them as
well), so some that nobody uses any more are kept for whoever asks next, of any thread and query.
"""

from __future__ import annotations

import mmap
import time
from collections import deque
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

LARGE_PAGE = 2 << 20
LARGE = 2 * LARGE_PAGE
LEAST = 256 << 10
MOST = 32 << 20  # above it what is written to them costs more
KEPT = 128 << 20  # bytes of all blocks that nobody uses
COUNTED = 64  # blocks that come back between two counts of them


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
    """Of those of one size the last that came goes first, as it may be in a cache; the oldest of all make room.

    No lock: a block may come back anywhere, by Python's collector in the midst of these lines, or when an interrupt comes.
    Whatever is done here is one step of the interpreter; only the sum is now and then off, and counted anew.
    """

    def __init__(self) -> None:
        self._rooms: dict[int, deque[tuple[float, Room]]] = {size: deque() for size in _sizes()}
        self._serving = {size: [(s, r) for s, r in self._rooms.items() if size <= s <= 2 * size] for size in _sizes()}
        self._nbytes = self._returns = 0

    def take(self, size: int) -> Room | None:
        """One of this size, or of up to twice as much."""
        for larger, rooms in self._serving[size]:
            if rooms:
                with suppress(IndexError):
                    room = rooms.pop()[1]
                    self._nbytes -= larger
                    return room
        return None

    def give(self, room: Room) -> None:
        self._rooms[room.size].append((time.perf_counter(), room))
        self._nbytes += room.size
        self._returns += 1
        if self._nbytes > KEPT or self._returns % COUNTED == 0:
            self.trim(KEPT)

    def trim(self, most: int) -> None:
        self._nbytes = sum(size * len(rooms) for size, rooms in self._rooms.items())
        while self._nbytes > most:
            heads = []
            for size, rooms in self._rooms.items():
                with suppress(IndexError):
                    heads.append((rooms[0][0], size))
            if not heads:
                return
            size = min(heads)[1]
            with suppress(IndexError):
                self._rooms[size].popleft()
                self._nbytes -= size


def _size(nbytes: int) -> int:
    """Of four sizes between one power of two and the next."""
    step = max(1 << ((nbytes - 1).bit_length() - 3), mmap.PAGESIZE)
    return -(-nbytes // step) * step


def _sizes() -> list[int]:
    sizes = [_size(LEAST)]
    while sizes[-1] < MOST:
        sizes.append(_size(sizes[-1] + 1))
    return sizes


_kept = Kept()


def _mapped(nbytes: int) -> mmap.mmap:
    is_large = nbytes >= LARGE
    mapped = mmap.mmap(-1, nbytes + is_large * LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if is_large and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a system without them
            mapped.madvise(mmap.MADV_HUGEPAGE)
    return mapped
