"""A running query as an Arrow reader that can be closed.

Arrow's own reader over Python batches ignores `close`, and one over a C stream loses the class of an error. So rows
come as an Arrow IPC stream in memory, made a batch at a time when it is read: one copy, at memory speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

END = b"\xff\xff\xff\xff\0\0\0\0"  # of an IPC stream


class _Messages:
    """A file whose content is made when it is read. It lives as long as any reader of it, also one of another library."""

    closed = False

    def __init__(self, schema: pa.Schema, rows: Iterator[pa.RecordBatch], end: Callable[[], None]) -> None:
        self._rows: Iterator[pa.RecordBatch] | None = rows
        self._end = end
        self._left = memoryview(schema.serialize())

    def read(self, n: int = -1) -> bytes:
        parts: list[memoryview] = []
        while n and (self._left or self._next()):
            part = self._left if n < 0 else self._left[:n]
            self._left = self._left[len(part) :]
            n -= len(part) if n > 0 else 0
            parts.append(part)
        return b"".join(parts)

    def _next(self) -> bool:
        if self._rows is None:
            return False
        batch = next(self._rows, None)
        if batch is None:
            self._rows = None
        self._left = memoryview(END if batch is None else batch.serialize())
        return True

    def close(self) -> None:
        """Ends the query and waits until nothing of it runs."""
        self._end()
        self._rows = None

    def __del__(self) -> None:
        self.close()


class RowStream(pa.RecordBatchStreamReader):
    """A `pyarrow.RecordBatchReader`. Closing it, dropping it, or leaving its `with` block cancels the query."""

    def __init__(self, schema: pa.Schema, rows: Iterator[pa.RecordBatch], end: Callable[[], None]) -> None:
        self._messages, self._is_open = _Messages(schema, rows, end), True
        super().__init__(self._messages)  # type: ignore[arg-type]

    def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._messages.close()
        super().close()

    def __exit__(self, *why: object) -> None:
        self.close()


__all__ = ["RowStream"]
