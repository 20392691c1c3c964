"""`_time` of `textfile`: found in the line by `dp`, read by `df`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ..arrow import array_from, is_valid
from ..batch import Column, Spans
from ..dateparse import java, parse_dates
from ..regex import Pattern
from ..regextiers import extract
from .refused import Refused


def line_time(pattern: Pattern, form: str | None, zone: str, now_us: int) -> Callable[[Column, Refused], pa.Array[Any]]:
    """A reader of the first group of `pattern` (or the whole match); ValueError if the format cannot be read.

    A line in which no time is found, or none that can be read, has no time and is counted.
    """
    compiled = java(form) if form is not None else None
    group = 1 if pattern.n_groups else 0

    def read(text: Column, refused: Refused) -> pa.Array[Any]:
        found: Any = extract(text, pattern, [group])[0]
        there = found.length >= 0 if isinstance(found, Spans) else is_valid(found)
        got = parse_dates(found, compiled, zone, now_us)
        bad = ~there | got.bad
        refused.rows("date", bad, text, "dp= and df= say where the time is and how it is written", column="_time")
        refused.rows("dst", got.doubtful & ~bad, text, told=True, column="_time")
        return array_from(got.values, bad, pa.timestamp("us", "UTC"))

    return read
