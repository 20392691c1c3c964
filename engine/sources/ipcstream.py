"""Arrow IPC streams from front to back: one behind the other, and whether the last one was ended."""

from __future__ import annotations

import io
from types import TracebackType
from typing import Any, BinaryIO, cast

import pyarrow as pa

END, OLD_END = b"\xff\xff\xff\xff\0\0\0\0", b"\0\0\0\0"


def read_options(wanted: list[int]) -> Any:
    """For a reader that one worker uses: these columns (none: all), in buffers that compiled kernels can take."""
    ipc: Any = pa.ipc
    try:
        return ipc.IpcReadOptions(
            included_fields=wanted, use_threads=False, ensure_alignment=ipc.Alignment.DataTypeSpecific
        )
    except (TypeError, AttributeError):  # Arrow before 21 aligns of itself
        return ipc.IpcReadOptions(included_fields=wanted, use_threads=False)


class Bytes(io.RawIOBase):
    """A stream that may be peeked into, and that remembers its last bytes."""

    @staticmethod
    def of(gate: Any, path: str) -> Bytes:
        return Bytes(gate.open_stream(path))

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._front, self.tail = stream, b"", b""

    def readable(self) -> bool:
        return True

    def peek(self, size: int) -> bytes:
        """The next bytes, fewer at the end only; they are read again."""
        while len(self._front) < size:
            more = self._stream.read(size - len(self._front))
            if not more:
                break
            self._front += more
        return self._front[:size]

    def read(self, size: int | None = -1) -> bytes:
        front = self._front if size is None or size < 0 else self._front[:size]
        self._front = self._front[len(front) :]
        parts, have = [front], len(front)
        while size is None or size < 0 or have < size:
            more = self._stream.read() if size is None or size < 0 else self._stream.read(size - have)
            if not more:
                break
            parts.append(more)
            have += len(more)
        out = parts[0] if len(parts) == 1 else b"".join(parts)
        self.tail = out[-8:] if len(out) >= 8 else (self.tail + out)[-8:]
        return out

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


class Stream:
    """Record batches of streams that follow one another. `wanted`: places of the columns that are read; None: all."""

    def __init__(self, source: Bytes, wanted: list[int] | None) -> None:
        self._source, self._wanted = source, wanted
        self._only: list[int] | None = None
        self.is_ended = False  # by its mark
        self._reader = self._begin()
        self.schema: pa.Schema = self._reader.schema  # of the columns that are read

    def _begin(self) -> Any:
        self._is_old = self._source.peek(4) != END[:4]
        source: Any = pa.PythonFile(cast(Any, self._source), mode="r")
        return pa.ipc.open_stream(source, options=read_options(self._wanted or []))

    def only(self, wanted: list[int]) -> Stream:
        """The same stream, which gives these columns only."""
        self._only = wanted
        return self

    def next(self) -> pa.RecordBatch | None:
        """Raises what Arrow raises of what cannot be read."""
        while True:
            try:
                found: pa.RecordBatch = self._reader.read_next_batch()
            except StopIteration:
                tail = self._source.tail
                self.is_ended = tail == END or (self._is_old and tail[4:] == OLD_END)
                if not self._source.peek(1):
                    return None
                self._reader = self._begin()
                if self._reader.schema != self.schema:
                    raise pa.ArrowInvalid("another stream follows, with other columns") from None
                continue
            return found if self._only is None else found.select(cast(Any, self._only))

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
