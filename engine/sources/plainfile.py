"""A plain file that is read at any place of it, by several workers at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...planner.text import fault

HELD = 64  # descriptors that a source holds; a system often lets a process have no more than 1024


class PlainFile:
    """Its size is taken once: what the file grows by later is not read. Where there are many files, `is_held` is false:
    each read opens the file anew, and says so if another one stands in its place by then.
    """

    def __init__(self, open_fd: Callable[[], int], shown: str, *, is_held: bool) -> None:
        self._open, self._shown = open_fd, shown
        fd = open_fd()
        info = os.fstat(fd)
        self.size, self._identity = info.st_size, (info.st_dev, info.st_ino)
        self._fd = fd if is_held else None
        if not is_held:
            os.close(fd)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor for as long as the block runs."""
        if self._fd is not None:
            yield self._fd
            return
        fd = self._open()
        try:
            info = os.fstat(fd)
            if (info.st_dev, info.st_ino) != self._identity:
                raise fault("E605", f"`{self._shown}` was replaced while it was read", hint="run the query again")
            yield fd
        finally:
            os.close(fd)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
