"""Rows as an Arrow IPC file."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import Schema
from .formats import Changes, Grouped, Old, Told, file_schema, same_columns

ROWS = 65_536  # of a record batch


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrowOutput:
    """Types as they are. `codec`: how buffers are packed."""

    codec: Any = "none"
    rewrites = True
    packs = "whole"

    def open(self, stream: Any, schema: Schema, old: Old, zone: str, told: Told) -> _Arrow:
        arrow, changes = file_schema(schema, zone)
        options = pa.ipc.IpcWriteOptions(compression=None if self.codec == "none" else self.codec)
        output = _Arrow(pa.ipc.new_file(Counted(stream), arrow, options=options), arrow, ROWS, changes)
        if old is not None:
            try:
                self._copy(old, output, arrow)
            except BaseException:
                output.abandon()
                raise
        return output

    def _copy(self, old: Callable[[], Any], output: _Arrow, arrow: pa.Schema) -> None:
        try:
            with old() as source, _reader(source) as before:
                if not same_columns(before.schema, arrow):
                    raise fault("E603", "the file has other columns than these rows", hint="overwrite=t replaces it")
                for batch in _batches(before):
                    output.write(batch)
        except (pa.ArrowException, OSError) as why:
            raise fault(
                "E605", f"the file to append to is no Arrow file, or is damaged: {str(why).splitlines()[0]}"
            ) from why


def _reader(source: Any) -> Any:
    """Of the file form, or of the stream form."""
    try:
        return pa.ipc.open_file(source)
    except pa.ArrowInvalid:
        source.seek(0)
        return pa.ipc.open_stream(source)


def _batches(reader: Any) -> Any:
    if hasattr(reader, "num_record_batches"):
        return (reader.get_batch(i) for i in range(reader.num_record_batches))
    return reader


class Counted(io.RawIOBase):
    """A stream that knows how far it was written: what packs files does not."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._written = stream, 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._stream.write(data)
        n = memoryview(data).nbytes
        self._written += n
        return n

    def tell(self) -> int:
        return self._written

    def close(self) -> None:
        """The stream stays open: whoever gave it closes it."""


class _Arrow(Grouped):
    def __init__(self, writer: Any, schema: pa.Schema, size: int, changes: Changes) -> None:
        super().__init__(schema, size, changes)
        self._writer = writer

    def _put(self, group: list[pa.RecordBatch]) -> None:
        from ..arrow import stack_batches

        self._writer.write_batch(stack_batches(group))

    def _close(self) -> None:
        self._writer.close()
