"""Footers of Parquet files that Arrow's reader opens and then ends the process over: what its accessors of a column chunk throw
nobody catches. So what they look at is looked at here before.

Source: Apache Parquet format, parquet.thrift (`FileMetaData` and what it holds); Apache Thrift, compact protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

Leaf = tuple[int, int, int, int]  # physical type, bytes of a value (0: any), most definitions, most repetitions
PHYSICAL = {
    "BOOLEAN": (0, 1), "INT32": (1, 4), "INT64": (2, 8), "INT96": (3, 12), "FLOAT": (4, 4), "DOUBLE": (5, 8),
    "BYTE_ARRAY": (6, 0), "FIXED_LEN_BYTE_ARRAY": (7, 0),
}  # fmt: skip
LZ4_RAW = 7  # the last of the codecs
BYTE_ARRAY = 6
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_known: dict[tuple[int, int], str] = {}  # of footers by their length and sum
MOST_KNOWN = 256


def fault_of(footer: bytes, schema: Any) -> str:
    """What is wrong with a column chunk that the footer tells of; empty where nothing is. `schema`: pq.ParquetSchema."""
    key = len(footer), crc32(footer)
    if key not in _known:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[key] = _judged(footer, [_leaf(schema.column(i)) for i in range(len(schema.names))])
    return _known[key]


def _leaf(column: Any) -> Leaf:
    kind, n_bytes = PHYSICAL.get(column.physical_type, (-1, 0))
    return kind, n_bytes or max(0, column.length), column.max_definition_level, column.max_repetition_level


def _judged(footer: bytes, leaves: Sequence[Leaf]) -> str:
    walk = _Walk(footer, leaves)
    try:
        walk.struct(walk.file)
    except IndexError:
        return "the footer ends too early"
    except _Fault as why:
        return str(why)
    return ""


class _Fault(Exception):
    pass


class _Walk:
    """Goes over a footer field by field. `at`: the byte that is next."""

    def __init__(self, data: bytes, leaves: Sequence[Leaf]) -> None:
        self.data, self.at, self.leaves = data, 0, leaves
        self.leaf: Leaf = (0, 0, 0, 0)  # of the column chunk
        self.told = False  # whether it tells of itself

    def number(self) -> int:
        """An unsigned one of variable length."""
        data, at, value, shift = self.data, self.at, 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.at = at
                return value
            shift += 7

    def signed(self) -> int:
        raw = self.number()
        return (raw >> 1) ^ -(raw & 1)

    def struct(self, take: Callable[[int, int], bool]) -> None:
        """`take`, given number and kind of a field, reads it, or says that it did not."""
        data, field = self.data, 0
        while True:
            head = data[self.at]
            self.at += 1
            if head == 0:
                return
            kind = head & 15
            field = field + (head >> 4) if head >> 4 else self.signed()
            if not take(field, kind):
                self.skip(kind)

    def items(self) -> tuple[int, int]:
        """How many a list holds, and of which kind."""
        head = self.data[self.at]
        self.at += 1
        return (head >> 4 if head >> 4 < 15 else self.number()), head & 15

    def skip(self, kind: int, in_list: bool = False) -> None:
        if kind in (_TRUE, _FALSE):
            self.at += in_list
        elif kind < _DOUBLE:
            if kind == _BYTE:
                self.at += 1
            else:
                self.number()
        elif kind == _DOUBLE:
            self.at += 8
        elif kind == _BINARY:
            size = self.number()
            self.at += size
        elif kind in (_LIST, _SET):
            n, inner = self.items()
            for _ in range(n):
                self.skip(inner, in_list=True)
        elif kind == _STRUCT:
            self.struct(lambda field, kind: False)
        elif kind == _MAP:
            n = self.number()
            kinds = self.data[self.at] if n else 0
            self.at += bool(n)
            for _ in range(n):
                self.skip(kinds >> 4, in_list=True)
                self.skip(kinds & 15, in_list=True)
        else:
            raise _Fault(f"the footer holds a field of kind {kind}")

    def file(self, field: int, kind: int) -> bool:
        if field != 4 or kind != _LIST:
            return False
        for _ in range(self.items()[0]):
            self.struct(self.group)
        return True

    def group(self, field: int, kind: int) -> bool:
        if field != 1 or kind != _LIST:
            return False
        n = self.items()[0]
        if n != len(self.leaves):
            raise _Fault(f"a row group has {n} columns, not {len(self.leaves)}")
        for leaf in self.leaves:
            self.leaf, self.told = leaf, False
            self.struct(self.chunk)
            if not self.told:
                raise _Fault("a column chunk tells nothing of itself")
        return True

    def chunk(self, field: int, kind: int) -> bool:
        if field != 3 or kind != _STRUCT:
            return False
        self.told = True
        self.struct(self.column)
        return True

    def column(self, field: int, kind: int) -> bool:
        if field == 1:
            if self.signed() != self.leaf[0]:
                raise _Fault("a column chunk is of another type than its column")
        elif field == 3 and kind == _LIST:
            self.path()
        elif field == 4:
            if not 0 <= (codec := self.signed()) <= LZ4_RAW:
                raise _Fault(f"a column chunk is packed in an unknown way ({codec})")
        elif field == 12 and kind == _STRUCT:
            self.struct(self.bounds)
        elif field == 16 and kind == _STRUCT:
            self.struct(self.sizes)
        else:
            return False
        return True

    def path(self) -> None:
        """Of the column, by its names."""
        for _ in range(self.items()[0]):
            size = self.number()
            try:
                self.data[self.at : self.at + size].decode()
            except UnicodeDecodeError:
                raise _Fault("the name of a column chunk is no UTF-8") from None
            self.at += size

    def bounds(self, field: int, kind: int) -> bool:
        if field not in (1, 2, 5, 6) or kind != _BINARY:
            return False
        size, wanted = self.number(), self.leaf[1]
        if size and wanted and size != wanted:
            raise _Fault(f"a bound of a column chunk has {size} bytes, not {wanted}")
        self.at += size
        return True

    def sizes(self, field: int, kind: int) -> bool:
        if field == 1 and self.leaf[0] != BYTE_ARRAY:
            raise _Fault("a column chunk tells sizes of texts and has none")
        if field not in (2, 3) or kind != _LIST:
            return False
        n, inner = self.items()
        levels = self.leaf[2 if field == 3 else 3]
        if n and n != levels + 1:
            raise _Fault(f"a column chunk counts {n} levels, not {levels + 1}")
        for _ in range(n):
            self.skip(inner, in_list=True)
        return True
