"""Random tables with every kind of column: few distinct values, so that there are ties, and the awkward ones."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa

WORDS = ["", "a", "a\0", "a\0b", "ab", "abcdefgh", "abcdefgh\0", "abcdefghi", "abcdefghj", "é", "z", "한", "😀", "\uffff", "Z",
         "http://example.com/a/very/long/path/that/goes/on/and/on/for/more/than/64/bytes/x",
         "http://example.com/a/very/long/path/that/goes/on/and/on/for/more/than/64/bytes/y",
         "http://example.com/a/very/long/path/that/goes/on/and/on/for/more/than/64/bytes"]  # fmt: skip
DOUBLES = [0.0, -0.0, 1.5, -1.5, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 1e308, 0.1]
LONGS = [0, 1, -1, 2**63 - 1, -(2**63), 7, 1 << 40]


def ip(rng: random.Random) -> bytes:
    return (
        bytes([4, *[0] * 12, 10, 0, rng.randrange(2), rng.randrange(3)])
        if rng.random() < 0.6
        else bytes([6, 32, *[0] * 14, rng.randrange(3)])
    )


def array(rng: random.Random, item: Callable[[], Any]) -> list[Any]:
    return [None if rng.random() < 0.2 else item() for _ in range(rng.randrange(4))]


KINDS: dict[str, tuple[pa.DataType, Callable[[random.Random], Any]]] = {
    "long": (pa.int64(), lambda r: r.choice(LONGS)),
    "wide": (pa.int64(), lambda r: r.randrange(-(2**62), 2**62)),
    "double": (pa.float64(), lambda r: r.choice(DOUBLES)),
    "date": (pa.timestamp("us", "UTC"), lambda r: r.choice([0, -1, 1_700_000_000_000_000, 5])),
    "nanos": (pa.timestamp("ns", "UTC"), lambda r: r.randrange(-3, 3)),
    "duration": (pa.duration("us"), lambda r: r.choice([-5, 0, 10**12])),
    "bool": (pa.bool_(), lambda r: r.random() < 0.5),
    "string": (pa.string(), lambda r: r.choice(WORDS)),
    "binary": (pa.binary(), lambda r: r.choice(WORDS).encode("utf-8", "surrogatepass") + r.choice([b"", b"\xff", b"\0"])),
    "ip": (pa.binary(17), ip),
    "longs": (pa.list_(pa.int64()), lambda r: array(r, lambda: r.choice(LONGS))),
    "doubles": (pa.list_(pa.float64()), lambda r: array(r, lambda: r.choice(DOUBLES))),
    "strings": (pa.list_(pa.string()), lambda r: array(r, lambda: r.choice(WORDS))),
    "nested": (pa.list_(pa.list_(pa.int64())), lambda r: array(r, lambda: array(r, lambda: r.choice(LONGS)))),
    "null": (pa.null(), lambda r: None),
}  # fmt: skip


def column(rng: random.Random, kind: str, n: int, nulls: float) -> pa.Array[Any]:
    type_, make = KINDS[kind]
    return pa.array([None if rng.random() < nulls else make(rng) for _ in range(n)], type_)


def random_table(rng: random.Random, n: int, kinds: list[str], nulls: float = 0.2) -> pa.Table:
    columns = {f"{kind}{i}": column(rng, kind, n, nulls) for i, kind in enumerate(kinds)}
    return pa.table(
        {**columns, "id": pa.array(range(n), pa.int64()), "payload": pa.array([f"row {i}" for i in range(n)])}
    )


def plain_rows(table: pa.Table) -> list[tuple[Any, ...]]:
    """Values that compare: dates and durations as integers."""

    def plain(column: pa.ChunkedArray[Any]) -> list[Any]:
        if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type):
            return column.cast(pa.int64()).to_pylist()
        return column.to_pylist()

    return list(zip(*(plain(c) for c in table.columns), strict=True))


__all__ = ["KINDS", "column", "plain_rows", "random_table"]
