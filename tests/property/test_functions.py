"""Every function with every type of argument: the same in every world, and never an error of ours."""

from __future__ import annotations

import datetime as dt
import itertools

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cortado
from cortado.commands.base import load
from cortado.planner.catalog import Function

from .made import some
from .outcome import outcome

MOMENT = dt.datetime(2026, 11, 1, 2, 3, 4, tzinfo=dt.UTC)
TABLE = pa.table(
    {
        "l": pa.array([1, -7, None, 2**40], pa.int64()),
        "h": pa.array([3, 0, None, -4], pa.int16()),
        "x": pa.array([2.5, float("nan"), None, -0.0]),
        "s": pa.array(["10", '{"a":[1]}', None, "10.0.0.7"]),
        "c": pa.array(["a", "b", None, "a"]).dictionary_encode(),
        "b": pa.array([True, False, None, True]),
        "t": pa.array([MOMENT, dt.datetime(1969, 1, 1, tzinfo=dt.UTC), None, MOMENT], pa.timestamp("us", "UTC")),
        "tn": pa.array([10**18, -5, None, 7], pa.timestamp("ns", "UTC")),
        "du": pa.array([10**6, -5, None, 0], pa.duration("us")),
        "bi": pa.array([b"ab", b"\xff", None, b""], pa.binary()),
        "al": pa.array([[1, 2], [], None, [None, 3]], pa.list_(pa.int64())),
        "at": pa.array([["a", None], ["b"], None, []], pa.list_(pa.string())),
        "aa": pa.array([[[1], [2, 3]], [None], None, []], pa.list_(pa.list_(pa.int64()))),
        "m": pa.array([{"x": 1, "y": "a"}, {"x": None, "y": None}, None, {"x": 2, "y": "b"}]),
        "ma": pa.array([[("k", 1.5)], [], None, [("j", None)]], pa.map_(pa.string(), pa.float64())),
        "n": pa.nulls(4),
        "o": pa.array([1, 2, None, 3], pa.time32("s")),
    }
)
VALUES = [
    *TABLE.column_names,
    "ip(s)",
    "decimal(l, 2)",
    "1mon",
    "90m",
    "null",
    '"a"',
    "3",
    "array(ip(s))",
    "parsejson(s)",
]
MOVING = ("now", "ago", "guid")  # differ from run to run
SIGNS = ("+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "and", "or")


def calls(name: str, least: int, most: int) -> list[str]:
    """Up to two arguments in all combinations; more are drawn."""
    if name in SIGNS:
        return [f"{a} {name} {b}" for a, b in itertools.product(VALUES, repeat=2)]
    if name in ("neg", "not"):
        return [f"{'-' if name == 'neg' else 'not '}{a}" for a in VALUES]
    counts = [k for k in (0, 1, 2) if least <= k <= most]
    return [f"{name}({', '.join(args)})" for k in counts for args in itertools.product(VALUES, repeat=k)]


FUNCTIONS = [
    f for n, f in sorted(load().functions.items()) if not n.startswith("@") and n not in MOVING and n == f.name
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=[f.name for f in FUNCTIONS])
@some(5)
@given(data=st.data())
def test_function_over_all_types(sessions: dict[str, cortado.Session], function: Function, data: st.DataObject) -> None:
    if function.least > 2:
        count = data.draw(st.integers(function.least, min(function.most, 5)))
        call = f"{function.name}({', '.join(data.draw(st.sampled_from(VALUES)) for _ in range(count))})"
    else:
        call = data.draw(st.sampled_from(calls(function.name, function.least, function.most)))
    query = f"table t | eval r = {call} | fields r"
    expected = outcome(sessions["plain"], query, t=TABLE)
    for name, session in sessions.items():
        assert outcome(session, query, t=TABLE) == expected, f"{name}: {query}"
