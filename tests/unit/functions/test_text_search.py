"""Searching text: constants and columns, against Python."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.engine import textpairs
from cortado.engine.strings import view_of
from cortado.planner.text import QueryError
from tests.unit.functions import harness
from tests.unit.functions.harness import call, everywhere, longs, spans_of, strings

SMALL = st.text(st.sampled_from("ab한é"), max_size=8)
PART = st.text(st.sampled_from("ab한é"), max_size=3)
TEXTS = st.lists(st.none() | SMALL, min_size=1, max_size=8)
FROM = st.sampled_from([0, 1, 2, -1, 5, 100, 2**63 - 1, -(2**63)])
quick = settings(max_examples=60, deadline=None)


def find(t: str, p: str, begin: int = 0) -> int:
    """Java's indexOf."""
    return t.find(p, min(max(begin, 0), len(t)))


def rfind(t: str, p: str, begin: int | None = None) -> int:
    """Java's lastIndexOf."""
    if begin is None:
        return t.rfind(p)
    return -1 if begin < 0 else t.rfind(p, 0, min(begin, len(t)) + len(p))


@quick
@given(TEXTS, PART)
def test_a_constant_is_found(texts: list[str | None], part: str) -> None:
    column = strings(*texts)
    checks: dict[str, Any] = {
        "contains": lambda t: part in t,
        "startswith": lambda t: t.startswith(part),
        "endswith": lambda t: t.endswith(part),
    }
    for name, has in checks.items():
        assert everywhere(name, column, part).values == [t is not None and has(t) for t in texts]
    assert everywhere("indexof", column, part).values == [None if t is None else t.find(part) for t in texts]
    assert everywhere("lastindexof", column, part).values == [None if t is None else t.rfind(part) for t in texts]


@quick
@given(TEXTS, PART, FROM)
def test_from_bounds_the_search(texts: list[str | None], part: str, begin: int) -> None:
    column = strings(*texts)
    assert everywhere("indexof", column, part, begin).values == [
        None if t is None else find(t, part, begin) for t in texts
    ]
    assert everywhere("lastindexof", column, part, begin).values == [
        None if t is None else rfind(t, part, begin) for t in texts
    ]


@quick
@given(st.lists(st.tuples(st.none() | SMALL, st.none() | PART, st.none() | FROM), min_size=1, max_size=8))
def test_each_row_may_look_for_its_own_text(rows: list[tuple[Any, Any, Any]]) -> None:
    texts, parts, begins = (list(c) for c in zip(*rows, strict=True))
    part, begin = strings(*parts), longs(*begins)
    for text, compiled in product((strings(*texts), spans_of(strings(*texts))), (False, True)):
        call = partial(harness.call, compiled=compiled)
        both = [None not in (t, p) for t, p, _ in rows]
        assert call("contains", text, part)[0] == [ok and p in t for ok, (t, p, _) in zip(both, rows, strict=True)]
        assert call("startswith", text, part)[0] == [
            ok and t.startswith(p) for ok, (t, p, _) in zip(both, rows, strict=True)
        ]
        assert call("endswith", text, part)[0] == [
            ok and t.endswith(p) for ok, (t, p, _) in zip(both, rows, strict=True)
        ]
        assert call("indexof", text, part)[0] == [None if t is None or p is None else t.find(p) for t, p, _ in rows]
        assert call("lastindexof", text, part)[0] == [
            None if t is None or p is None else t.rfind(p) for t, p, _ in rows
        ]
        assert call("indexof", text, part, begin)[0] == [None if None in r else find(*r) for r in rows]
        assert call("lastindexof", text, part, begin)[0] == [None if None in r else rfind(*r) for r in rows]


def test_null_gives_false_in_contains_startswith_endswith() -> None:
    for name in ("contains", "startswith", "endswith"):
        assert call(name, strings(None, "a"), "a") == ([False, True], {})
        assert call(name, strings(None, "a"), None) == ([False, False], {})
        assert call(name, strings(None, "a"), strings(None, None)) == ([False, False], {})


def test_a_constant_text_with_a_column_to_look_for() -> None:
    assert call("contains", "foobar", strings("oba", "x", None, ""))[0] == [True, False, False, True]
    assert call("indexof", "한글날", strings("날", "x", None, ""))[0] == [2, -1, None, 0]


def test_stars_and_other_signs_are_ordinary() -> None:
    assert call("contains", strings("a*b", "ab", "a.b"), "*")[0] == [True, False, False]
    assert call("startswith", strings("*b", "xb"), "*")[0] == [True, False]
    assert call("endswith", strings("b*", "bx"), "*")[0] == [True, False]


def test_contains_of_an_array_tests_membership() -> None:
    numbers = pa.array([[1, 2], None, [], [None, 3]], pa.list_(pa.int64()))
    assert call("contains", numbers, 2) == ([True, False, False, False], {})
    assert call("contains", numbers, 3.0)[0] == [False, False, False, True]
    assert call("contains", numbers, longs(1, 1, 1, None))[0] == [True, False, False, False]
    assert call("contains", numbers.slice(3), 3)[0] == [True]
    words = pa.array([["ab", "c"], ["abc"]])
    assert call("contains", words, "ab")[0] == [True, False]
    assert call("contains", words, strings("c", "abc"))[0] == [True, True]
    assert call("contains", words, None)[0] == [False, False]
    assert call("contains", numbers, "2")[0] == [True, False, False, False]


def test_an_array_cannot_hold_an_unrelated_type() -> None:
    with pytest.raises(QueryError, match="E330"):
        call("contains", pa.array([[True]]), 1)


def test_text_made_to_hurt_is_searched_in_linear_time() -> None:
    """A million rows' worth of candidates that all fail at their last but one letter, and one huge row."""
    n = 200
    texts = strings(*["a" * 5000] * n, "a" * 600_000 + "b")
    parts = strings(*["a" * 2000 + "ba"] * n, "ab")
    found = textpairs.find(view_of(texts), view_of(parts))
    assert found.tolist() == [-1] * n + [599_999]
    assert textpairs.find(view_of(texts), view_of(strings(*["a" * 2000] * n, "a")), last=True).tolist() == [
        3000
    ] * n + [599_999]


def test_long_equal_text_is_compared_in_pieces() -> None:
    text = strings("x" * 700_000, "ab", "x" * 300_000)
    other = strings("x" * 700_000, "ab", "x" * 299_999 + "y")
    assert textpairs.ends_with(view_of(text), view_of(other)).tolist() == [True, True, False]


def test_an_index_in_a_slice_is_counted_from_its_own_text() -> None:
    column = strings("한한", "é한a", None, "a").slice(1)
    assert call("indexof", column, "a")[0] == [2, None, 0]
    assert call("lastindexof", column, strings("한", "a", "b"))[0] == [1, None, -1]
