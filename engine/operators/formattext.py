"""Rows as lines of text: values joined by a delimiter."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ...planner.records import dataclass
from ...planner.types import STRING, Schema, scalar
from ..arrow import call
from ..values import to_text
from .formats import Old, Told, bytes_of_text, encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOutput:
    """Null is empty text; nothing is quoted. `packed`: the file is gzip, though its name does not say so."""

    delimiter: str = " "
    encoding: str = "utf-8"
    packed: bool = False
    rewrites = False
    packs = "lines"

    def open(self, stream: Any, schema: Schema, old: Old, zone: str, told: Told) -> _Text:
        encode, mark = encoder(self.encoding, "outputtxt")
        target = gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) if self.packed else stream
        if old is None:
            target.write(mark)
        elif not self._ends_a_line(old):
            target.write(encode(memoryview(b"\n")))
        return _Text(self, target, schema, zone, encode)

    def _ends_a_line(self, old: Callable[[], Any]) -> bool:
        last = b""
        with old() as source:
            text: Any = gzip.GzipFile(fileobj=source) if self.packed else source
            while chunk := text.read(1 << 20):
                last = (last + chunk)[-4:]
        return last.decode(self.encoding, "replace").endswith("\n")


@dataclass(slots=True)
class _Text:
    form: TextOutput
    stream: Any
    schema: Schema
    zone: str
    encode: Callable[[memoryview], Any]

    def write(self, batch: pa.RecordBatch) -> None:
        columns: list[Any] = [to_text(batch.column(i), t, self.zone) for i, (_, t) in enumerate(self.schema.fields)]
        options = {"null_handling": "replace", "null_replacement": ""}
        ended = [
            *columns[:-1],
            call("binary_join_element_wise", columns[-1], scalar("\n", STRING), scalar("", STRING), **options),
        ]
        lines = call("binary_join_element_wise", *ended, scalar(self.form.delimiter, STRING), **options)
        self.stream.write(self.encode(bytes_of_text(lines)))

    def finish(self) -> None:
        if self.form.packed:
            self.stream.close()

    def abandon(self) -> None:
        return None
