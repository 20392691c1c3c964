"""The system's `pread`, for kernels that read files themselves, and maps of files that are not read through."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import time
from contextlib import suppress
from functools import lru_cache

import numpy as np


def read_address() -> int:
    """Of the system's `pread`; 0 where there is none, or where its offsets may be of 32 bits."""
    return _address("pread")


PROBE = 256 << 10  # bytes from which it is seen what a page of the map costs
CHEAP = 90  # nanoseconds a page: several times what pages take that lie together, and half of what single ones do
STEP = 2 << 20  # bytes of which one is asked whether it is in memory
AGAIN = 4
POPULATE_READ = 22  # of Linux from 5.14 on; mmap has no name for it


@lru_cache
def _address(name: str) -> int:
    if os.name != "posix" or ctypes.sizeof(ctypes.c_long) != 8:
        return 0
    found = getattr(ctypes.CDLL(None), name, None)
    return ctypes.cast(found, ctypes.c_void_p).value or 0 if found is not None else 0


class Ahead:
    """A stretch of a file, mapped so that a kernel may ask the processor for bytes before it reads them (see kernels.rawread).

    `address`: of its first byte; 0: it is not mapped, as the system is another one, the file is none that can be, or shorter by now, or not in
    memory, or lies there in single pages, as what was written little by little does: then giving the map its pages costs more than it spares.
    """

    def __init__(self, fd: int, low: int, high: int) -> None:
        self._map: mmap.mmap | None = None
        self.address = 0
        self.madvise = _address("madvise")
        if not (sys.platform == "linux" and self.madvise and high - low >= 2 * PROBE):
            return
        with suppress(OSError, ValueError):
            for place in (low, *range(low + STEP - 1, high - 1, STEP), high - 1):
                os.preadv(
                    fd, [bytearray(1)], place, os.RWF_NOWAIT
                )  # BlockingIOError: it would have to be read from the disk
            self._map = mmap.mmap(fd, high - low, mmap.MAP_SHARED, mmap.PROT_READ, offset=low)
            address = np.frombuffer(self._map, np.uint8).ctypes.data
            self._map.madvise(POPULATE_READ, 0, PROBE)  # the first call finds nothing in the caches
            begun = time.thread_time_ns()
            self._map.madvise(POPULATE_READ, PROBE, PROBE)
            is_cheap = time.thread_time_ns() - begun < CHEAP * (PROBE // mmap.PAGESIZE)
            self.address = address if is_cheap else 0

    def close(self) -> None:
        if self._map is not None:
            self._map.close()


class Tries:
    """Whether a stretch is worth mapping, by those before it: none of the AGAIN behind one that was not. Counts need not be exact."""

    def __init__(self) -> None:
        self._left = 0

    def may_try(self) -> bool:
        self._left -= self._left > 0
        return not self._left

    def tell(self, was_mapped: bool) -> None:
        self._left = 0 if was_mapped else AGAIN
