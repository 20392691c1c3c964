"""Arrays and maps against Python's lists and dictionaries."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.planner.text import QueryError
from tests.unit.functions.harness import call, doubles, longs, run, strings

quick = settings(max_examples=60, deadline=None)
ITEMS = st.none() | st.integers(-3, 3)
LISTS = st.lists(st.none() | st.lists(ITEMS, max_size=5), min_size=1, max_size=6)
TEXTS = st.lists(
    st.none() | st.lists(st.none() | st.sampled_from(["", "a", "b", "한", "B"]), max_size=5), min_size=1, max_size=6
)
PLACES = st.sampled_from([0, 1, -1, 2, -2, 5, -5, 2**63 - 1, -(2**63)])
MAP = pa.map_(pa.string(), pa.int64())


def ints(lists: Any) -> pa.Array[Any]:
    """A slice, so that offsets do not begin at 0."""
    return pa.array([[9, 9], *lists], pa.list_(pa.int64())).slice(1)


def part(v: list[Any], b: int, e: int | None) -> list[Any] | None:
    e = len(v) if e is None else e
    b, e = b + len(v) if b < 0 else b, e + len(v) if e < 0 else e
    return None if b < 0 or b >= len(v) or e < b else v[b : min(e, len(v))]


@quick
@given(LISTS, PLACES)
def test_valueof_an_array(lists: Any, at: int) -> None:
    expected = [v[at] if v is not None and -len(v) <= at < len(v) else None for v in lists]
    assert call("valueof", ints(lists), at) == (expected, {})
    assert call("valueof", ints(lists), longs(*[at] * len(lists)))[0] == expected


@quick
@given(LISTS, PLACES, st.none() | PLACES)
def test_subarray(lists: Any, b: int, e: int | None) -> None:
    bounds = (b,) if e is None else (b, e)
    expected = [None if v is None else part(v, b, e) for v in lists]
    assert call("subarray", ints(lists), *bounds) == (expected, {})
    assert call("subarray", ints(lists), longs(*[b] * len(lists)), *bounds[1:])[0] == expected


@quick
@given(LISTS)
def test_unique_sortarray_and_sumarray(lists: Any) -> None:
    assert call("unique", ints(lists)) == ([v if v is None else list(dict.fromkeys(v)) for v in lists], {})
    key = lambda x: (x is not None, x or 0)  # noqa: E731
    assert call("sortarray", ints(lists))[0] == [v if v is None else sorted(v, key=key) for v in lists]
    assert call("sumarray", ints(lists))[0] == [v if v is None else sum(x or 0 for x in v) for v in lists]


@quick
@given(TEXTS)
def test_text_elements(lists: Any) -> None:
    column = pa.array(lists, pa.list_(pa.string()))
    assert call("unique", column)[0] == [v if v is None else list(dict.fromkeys(v)) for v in lists]
    assert call("sortarray", column)[0] == [
        v if v is None else sorted(v, key=lambda x: (x is not None, x or "")) for v in lists
    ]
    expected = [v if v is None else json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in lists]
    assert call("tojson", column) == (expected, {})


def test_doubles_sort_and_count_once() -> None:
    column = pa.array([[math.nan, 1.0, None, -math.inf, math.nan, -0.0, 0.0]])
    assert repr(call("sortarray", column)[0]) == "[[None, -inf, -0.0, 0.0, 1.0, nan, nan]]"
    assert repr(call("unique", column)[0]) == "[[nan, 1.0, None, -inf, -0.0]]"
    assert call("sumarray", pa.array([[0.5, None, 1.0], [], None]))[0] == [1.5, 0.0, None]


def test_sumarray_skips_what_is_no_number() -> None:
    assert call("sumarray", pa.array([["1", "x", None, "2.5"], []]))[0] == [3.5, 0.0]
    assert call("sumarray", pa.array([[True, False]]))[0] == [0]
    big = [2**63 - 1, 1]
    assert call("sumarray", ints([big, [2**63 - 1, 1, -1], [1]])) == ([None, 2**63 - 1, 1], {"overflow": 1})


@quick
@given(st.lists(st.none() | st.lists(st.none() | st.lists(ITEMS, max_size=3), max_size=3), min_size=1, max_size=5))
def test_flatten_is_recursive(lists: Any) -> None:
    column = pa.array([[[7]], *lists], pa.list_(pa.list_(pa.int64()))).slice(1)
    assert call("flatten", column)[0] == [v if v is None else [x for w in v if w is not None for x in w] for v in lists]


def test_members_of_maps_with_known_keys() -> None:
    maps = pa.array([{"a": 1, "b": "x"}, {"a": None, "b": None}, None])
    assert call("valueof", maps, "a")[0] == [1, None, None]
    assert call("valueof", maps, strings("b", "a", "a"))[0] == ["x", None, None]
    assert call("valueof", maps, strings("a", "q", None))[0] == ["1", None, None]
    assert run("valueof", maps, "q").warnings == ["W301"]
    assert call("valueof", maps, 1)[0] == [None] * 3
    assert call("keys", maps)[0] == [["a", "b"], [], None]
    assert call("vals", maps)[0] == [["1", "x"], [], None]
    assert call("vals", pa.array([{"a": 1, "b": 2}]))[0] == [[1, 2]]


def test_members_of_maps_with_keys_from_data() -> None:
    maps = pa.array([[("z", 9)], [("a", 1), ("b", None), ("a", 3)], None, []], MAP).slice(1)
    assert call("valueof", maps, "a")[0] == [3, None, None]
    assert call("valueof", maps, strings("a", "a", None))[0] == [3, None, None]
    assert call("valueof", maps, strings("b", "a", "q"))[0] == [None, None, None]
    assert call("keys", maps)[0] == [["a", "a"], None, []]
    assert call("vals", maps)[0] == [[1, 3], None, []]


def test_a_key_of_the_wrong_kind_is_null() -> None:
    assert call("valueof", ints([[1]]), "a")[0] == [None]
    assert call("valueof", longs(1), "a")[0] == [None]
    assert call("valueof", ints([[1, 2]]), 1.9)[0] == [2]


def test_tojson() -> None:
    assert call("tojson", doubles(1.5, math.nan, math.inf, None)) == (["1.5", "null", "null", None], {"domain": 2})
    assert call("tojson", pa.array([[1.5, math.nan], [2.0]])) == (["[1.5,null]", "[2.0]"], {"domain": 1})
    assert call("tojson", pa.array([{"a": math.inf}, {"a": 1.0}])) == (['{"a":null}', '{"a":1.0}'], {"domain": 1})
    assert call("tojson", strings('a"\n한'))[0] == ['"a\\"\\n한"']


@pytest.mark.parametrize("name", ["subarray", "sumarray", "unique", "flatten", "sortarray", "keys", "vals"])
def test_other_types_are_refused_and_null_is_null(name: str) -> None:
    more = (0,) if name == "subarray" else ()
    with pytest.raises(QueryError, match="E330"):
        call(name, longs(1), *more)
    assert call(name, None, *more) == ([None], {})


def test_arrays_of_arrays_have_no_order() -> None:
    with pytest.raises(QueryError, match="E330"):
        call("sortarray", pa.array([[[1]]]))
    assert call("unique", pa.array([[[1], [2], [1], None]]))[0] == [[[1], [2], None]]
