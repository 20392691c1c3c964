"""Tables with the values that databases disagree about: nulls, NaN, signed zeros, 64-bit extremes, Unicode."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

COLUMNS = {
    "id": "long",
    "i": "long",
    "j": "long",
    "x": "double",
    "s": "string",
    "k": "string",
    "b": "bool",
    "d": "date",
}
ARROW = {"long": pa.int64(), "double": pa.float64(), "string": pa.string(), "bool": pa.bool_(), "date": pa.timestamp("us", "UTC")}  # fmt: skip
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i": st.integers(-3, 5),
    "j": st.sampled_from([0, 1, -1, 100, 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), -(2**63) + 1]),
    "x": st.sampled_from([0.0, -0.0, 1.5, -2.5, 3.0, 0.5, 1e300, 1e-300, 1e18, float("inf"), float("-inf"), float("nan")]),
    "s": st.sampled_from(["", "a", "ab", "A", "12", " 7 ", "abcab", "b%b", "a_c", "한글", "é", "e\u0301", "🙂a", "x=1"]),
    "k": st.sampled_from(["red", "green", "blue"]),
    "b": st.booleans(),
    "d": st.integers(-40_000, 90_000).map(lambda h: EPOCH + dt.timedelta(hours=h * 7, minutes=h % 60, microseconds=h % 7)),
}  # fmt: skip


@st.composite
def tables(draw: Any, most: int = 24) -> pa.Table:
    n = draw(st.integers(0, most))
    columns: dict[str, Any] = {"id": pa.array(range(n), pa.int64())}
    for name, values in VALUES.items():
        cells = draw(st.lists(st.one_of(st.none(), values, values, values), min_size=n, max_size=n))
        columns[name] = pa.array(cells, ARROW[COLUMNS[name]])
    return pa.table(columns)
