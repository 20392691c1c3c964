"""Bounds of columns for the log: gathered while a file is written, left out wherever they could mislead."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import field
from typing import Any

import pyarrow as pa
import pyarrow.compute

from ...planner.records import dataclass

pc: Any = pyarrow.compute  # its stubs lack much

STATS_COLUMNS = 32
STATS_TEXT_MAX = 64
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_BOUNDED = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_string,
    pa.types.is_timestamp,
    pa.types.is_date32,
)


@dataclass(slots=True)
class ColumnStats:
    """`low` and `high` as Python values (times and dates as integers); `misleading` once no bounds can be given."""

    type: Any
    nulls: int = 0
    low: Any = None
    high: Any = None
    misleading: bool = False

    def add(self, column: Any) -> None:
        self.nulls += column.null_count
        if self.misleading or column.null_count == len(column):
            return
        ends = _ends(column)
        if ends is None:
            self.misleading = True
            return
        self.low = ends[0] if self.low is None else min(self.low, ends[0])
        self.high = ends[1] if self.high is None else max(self.high, ends[1])

    def bounds(self) -> tuple[Any, Any] | None:
        """As JSON values."""
        if self.misleading or self.low is None:
            return None
        try:
            if pa.types.is_timestamp(self.type):
                return _iso(self.low), _iso(self.high)
            if pa.types.is_date32(self.type):
                return _day(self.low), _day(self.high)
        except OverflowError:  # before the year 1 or after 9999
            return None
        return self.low, self.high


def _ends(column: Any) -> tuple[Any, Any] | None:
    """Least and greatest value. A NaN sorts above all numbers here but lies outside Parquet's bounds: no bounds then."""
    t = column.type
    if not any(test(t) for test in _BOUNDED):
        return None
    if pa.types.is_floating(t):
        if pc.any(pc.is_nan(column)).as_py():
            return None
    elif pa.types.is_timestamp(t):
        column = column.cast(pa.int64())
    elif pa.types.is_date32(t):
        column = column.cast(pa.int32())
    both: Any = pc.min_max(column)
    low, high = both["min"].as_py(), both["max"].as_py()
    if isinstance(low, str) and (len(low) > STATS_TEXT_MAX or len(high) > STATS_TEXT_MAX):
        return None
    if isinstance(low, float) and not (math.isfinite(low) and math.isfinite(high)):
        return None
    return low, high


def _iso(us: int) -> str:
    when = _EPOCH + dt.timedelta(microseconds=us)
    return f"{when.year:04d}-{when:%m-%dT%H:%M:%S.%f}Z"  # %Y alone does not pad the year


def _day(days: int) -> str:
    return (_EPOCH + dt.timedelta(days=days)).date().isoformat()


@dataclass(slots=True)
class FileStats:
    """Of all row groups of one file."""

    n_rows: int = 0
    columns: dict[str, ColumnStats] = field(default_factory=dict)

    def add(self, rows: pa.Table) -> None:
        self.n_rows += rows.num_rows
        for name in rows.column_names[:STATS_COLUMNS]:
            column = rows[name]
            if not pa.types.is_nested(column.type):
                self.columns.setdefault(name, ColumnStats(column.type)).add(column)

    def to_json(self) -> str:
        """As the Delta protocol has it."""
        bounds = {name: b for name, c in self.columns.items() if (b := c.bounds()) is not None}
        return json.dumps(
            {
                "numRecords": self.n_rows,
                "minValues": {name: b[0] for name, b in bounds.items()},
                "maxValues": {name: b[1] for name, b in bounds.items()},
                "nullCount": {name: c.nulls for name, c in self.columns.items()},
            },
            ensure_ascii=False,
        )
