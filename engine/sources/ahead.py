"""Chunks of a stream, made by a thread that is some bytes ahead of whoever takes them: unpacking and parsing side by side."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterator

from ..context import Context

AHEAD = 16 << 20  # bytes that wait to be taken


def unpacked(chunks: Iterator[bytes], ctx: Context, is_packed: bool) -> Iterator[bytes]:
    """The chunks of a file: of a packed one by a thread of its own, if the query may have several."""
    return read_ahead(chunks) if is_packed and ctx.settings.threads > 1 else chunks


def read_ahead(chunks: Iterator[bytes], budget: int = AHEAD) -> Generator[bytes, None, None]:
    """The chunks in their order; what `chunks` raises comes behind those before it.

    One chunk may exceed the budget. Closing this ends the thread, behind the chunk that it is at.
    """
    reader = _Reader(chunks, budget)
    try:
        yield from reader.taken()
    finally:
        reader.close()


class _Reader:
    def __init__(self, chunks: Iterator[bytes], budget: int) -> None:
        self._chunks, self._budget = chunks, budget
        self._ready: deque[bytes] = deque()
        self._waiting = 0  # bytes
        self._is_over = self._is_closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="cortado-ahead", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for chunk in self._chunks:
                with self._changed:
                    while self._ready and self._waiting + len(chunk) > self._budget and not self._is_closed:
                        self._changed.wait()
                    if self._is_closed:
                        return
                    self._ready.append(chunk)
                    self._waiting += len(chunk)
                    self._changed.notify_all()
        except BaseException as why:  # whatever it is, it is for the one who takes
            self._error = why
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def taken(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                while not self._ready and not self._is_over:
                    self._changed.wait()
                if not self._ready:
                    break
                chunk = self._ready.popleft()
                self._waiting -= len(chunk)
                self._changed.notify_all()
            yield chunk
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._ready.clear()
            self._changed.notify_all()
        if threading.current_thread() is self._thread:
            return  # the garbage collector called from it
        self._thread.join()
        end = getattr(self._chunks, "close", None)
        if end is not None:  # of a generator, which has a file open
            end()
