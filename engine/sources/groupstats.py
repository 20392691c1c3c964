"""Statistics of a Parquet row group as ranges that a filter can be held against. What may mislead is no range.

Bounds of text may be cut (they bound all the same), those of floats know nothing of NaN, those of times without a zone are
wall times: a day is given on either side.
"""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa

from ...planner.records import dataclass
from .pruning import Bound

DAY_US = 86_400_000_000
PER_US = {"s": (1_000_000, 1), "ms": (1000, 1), "us": (1, 1), "ns": (1, 1000)}


@dataclass(frozen=True, slots=True)
class Range:
    """Values of a column in a row group. `low` None: not known, only whether all are null."""

    kind: str  # number, text, time
    low: Any = None
    high: Any = None
    has_nan: bool = False
    all_null: bool = False

    def may_hold(self, bound: Bound) -> bool:
        if self.all_null:
            return False
        if self.low is None or bound.op == "notnull":
            return True
        value = bound.value
        if self.kind == "text":
            if not isinstance(value, str):
                return True
            raw = Bound(bound.field, bound.op, value.encode("utf-8", "surrogatepass"), bound.type)
            return raw.may_hold(self.low, self.high)
        if isinstance(value, str) or (self.kind == "time") != (bound.type.kind == "date"):
            return True
        return bound.may_hold(self.low, self.high, has_nan=self.has_nan)


def chunk_range(chunk: Any | None, n_rows: int, kind: pa.DataType, *, has_nan: bool = True) -> Range | None:
    """The range of a flat column's chunk, by what the footer says of it; None if nothing is known.

    `kind`: the column's Arrow type. `has_nan`: whether doubles may hide NaN from their bounds.
    """
    stats = None if chunk is None else chunk.statistics
    if stats is None:
        return None
    if stats.has_null_count and stats.null_count == n_rows:
        return Range("", all_null=True)
    return _range(stats, kind, has_nan) if stats.has_min_max else None


def has_no_null(chunk: Any | None) -> bool:
    stats = None if chunk is None else chunk.statistics
    return bool(stats is not None and stats.has_null_count and stats.null_count == 0)


def _range(stats: Any, kind: pa.DataType, has_nan: bool) -> Range | None:
    t = pa.types
    low, high = stats.min_raw, stats.max_raw
    if t.is_dictionary(kind):
        kind = kind.value_type
    if t.is_signed_integer(kind) or t.is_uint8(kind) or t.is_uint16(kind):
        return Range("number", low, high) if isinstance(low, int) and low <= high else None
    if t.is_float32(kind) or t.is_float64(kind):
        if not isinstance(low, float) or math.isnan(low) or math.isnan(high) or low > high:
            return None
        return Range("number", low, high, has_nan=has_nan)
    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
        low, high = _bytes(low), _bytes(high)
        return Range("text", low, high) if low is not None and high is not None and low <= high else None
    if t.is_timestamp(kind) and isinstance(low, int):
        times, per = PER_US[kind.unit]
        slack = 0 if kind.tz is not None else DAY_US
        return Range("time", low * times // per - slack, -(-high * times // per) + slack)
    if t.is_date32(kind) and isinstance(low, int):
        return Range("time", low * DAY_US - DAY_US, high * DAY_US + DAY_US)
    return None


def _bytes(value: Any) -> bytes | None:
    return (
        value.encode("utf-8", "surrogatepass")
        if isinstance(value, str)
        else value
        if isinstance(value, bytes)
        else None
    )
