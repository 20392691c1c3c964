"""Text functions against Python's own strings."""

from __future__ import annotations

import unicodedata
from functools import partial
from itertools import product
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.planner.text import QueryError
from tests.unit.functions import harness
from tests.unit.functions.harness import call, everywhere, longs, run, spans_of, strings

LETTERS = st.text(st.sampled_from("aB é한\U0001f600\t\n\x00\u3000ß"), max_size=9)
TEXTS = st.lists(st.none() | LETTERS, min_size=1, max_size=8)
NUMBERS = st.sampled_from([0, 1, -1, 2, -2, 3, -3, 5, -5, 9, 100, -100, 2**31, -(2**31), 2**63 - 1, -(2**63)])
quick = settings(max_examples=60, deadline=None)


def mapped(texts: list[str | None], f: Any) -> list[Any]:
    return [None if t is None else f(t) for t in texts]


def pairs(texts: list[str | None], numbers: list[int | None], f: Any) -> list[Any]:
    return [None if t is None or n is None else f(t, n) for t, n in zip(texts, numbers, strict=True)]


def left(t: str, n: int) -> str:
    return t[:n] if n >= 0 else t[: max(len(t) + n, 0)]


def right(t: str, n: int) -> str:
    return t[max(len(t) - n, 0) :] if n >= 0 else t[-n:]


def substr(t: str, b: int, e: int | None = None) -> str | None:
    e = len(t) if e is None else e
    b, e = b + len(t) if b < 0 else b, e + len(t) if e < 0 else e
    return None if b < 0 or b >= len(t) or e < b else t[b : min(e, len(t))]


def pad(t: str, n: int, p: str, at_left: bool) -> str:
    n = max(n, 0)
    if len(t) >= n:
        return t[:n]
    filling = (p * (n // max(len(p), 1) + 1))[: n - len(t)] if p else ""
    return filling + t if at_left else t + filling


@quick
@given(TEXTS, NUMBERS)
def test_left_and_right_take_code_points(texts: list[str | None], n: int) -> None:
    column = strings(*texts)
    assert everywhere("left", column, n).values == mapped(texts, lambda t: left(t, n))
    assert everywhere("right", column, n).values == mapped(texts, lambda t: right(t, n))


@quick
@given(st.lists(st.tuples(st.none() | LETTERS, st.none() | NUMBERS, st.none() | NUMBERS), min_size=1, max_size=8))
def test_lengths_may_differ_from_row_to_row(rows: list[tuple[Any, Any, Any]]) -> None:
    texts, first, second = (list(c) for c in zip(*rows, strict=True))
    column, b, e = strings(*texts), longs(*first), longs(*second)
    for text, compiled in product((column, spans_of(column)), (False, True)):
        call = partial(harness.call, compiled=compiled)
        assert call("left", text, b)[0] == pairs(texts, first, left)
        assert call("right", text, b)[0] == pairs(texts, first, right)
        expected = [None if None in r else substr(*r) for r in rows]
        assert call("substr", text, b, e) == (expected, {})
    assert harness.call("left", "a한b", b)[0] == pairs(["a한b"] * len(rows), first, left)


@quick
@given(TEXTS, NUMBERS, NUMBERS)
def test_substr_is_null_beyond_the_text(texts: list[str | None], b: int, e: int) -> None:
    column = strings(*texts)
    assert everywhere("substr", column, b).values == mapped(texts, lambda t: substr(t, b))
    assert everywhere("substr", column, b, e).values == mapped(texts, lambda t: substr(t, b, e))


def test_substr_as_logpresso_documents_it() -> None:
    ten = strings("0123456789")
    cases = [((2,), "23456789"), ((-2,), "89"), ((0, 3), "012"), ((4, 12), "456789"), ((5, 5), ""), ((10, 11), None)]
    for bounds, expected in [*cases, ((-1, 11), "9")]:
        assert call("substr", ten, *bounds)[0] == [expected]


def test_cuts_of_a_slice_of_a_column() -> None:
    column = strings("xx", "한글날", None, "abc").slice(1)
    assert run("substr", column, 1).values == ["글날", None, "bc"]
    assert run("left", column, 1).values == ["한", None, "a"]
    assert run("concat", column, "-", column).values == ["한글날-한글날", "-", "abc-abc"]


@quick
@given(st.lists(st.tuples(st.none() | LETTERS, st.none() | LETTERS), min_size=1, max_size=8), LETTERS)
def test_concat_reads_null_as_empty_text(rows: list[tuple[Any, Any]], middle: str) -> None:
    a, b = (list(c) for c in zip(*rows, strict=True))
    expected = [(x or "") + middle + (y or "") for x, y in rows]
    assert call("concat", strings(*a), middle, strings(*b)) == (expected, {})


def test_concat_is_never_null() -> None:
    assert call("concat", strings(None, "a"), None) == (["", "a"], {})
    assert call("concat", "k", longs(3, None)) == (["k3", "k"], {})
    assert call("concat", None) == ([""], {})


@quick
@given(TEXTS)
def test_len_counts_code_points_and_null_has_none(texts: list[str | None]) -> None:
    assert everywhere("len", strings(*texts)).values == [len(t or "") for t in texts]


def test_len_of_null_is_zero() -> None:
    assert call("len", strings(None, "", "한")) == ([0, 0, 1], {})
    assert call("len", None) == ([0], {})


def test_len_of_arrays_maps_and_numbers() -> None:
    assert call("len", pa.array([[1, 2], [], None, [None]]))[0] == [2, 0, 0, 1]
    assert call("len", pa.array([{"a": 1, "b": None}, None, {"a": 1, "b": 2}]))[0] == [1, 0, 2]
    kind = pa.map_(pa.string(), pa.string())
    assert call("len", pa.array([[("a", "1")], None, []], kind))[0] == [1, 0, 0]
    assert call("len", longs(123, None, -4))[0] == [3, 0, 2]


@quick
@given(TEXTS)
def test_trims_remove_what_java_removes(texts: list[str | None]) -> None:
    blanks = "".join(map(chr, range(33)))
    column = strings(*texts)
    assert everywhere("trim", column).values == mapped(texts, lambda t: t.strip(blanks))
    assert everywhere("ltrim", column).values == mapped(texts, lambda t: t.lstrip(blanks))
    assert everywhere("rtrim", column).values == mapped(texts, lambda t: t.rstrip(blanks))


@quick
@given(st.lists(st.none() | st.text(st.sampled_from("abZé한ÄяЯ1 ")), min_size=1, max_size=6))
def test_letters_change_case_and_order(texts: list[str | None]) -> None:
    column = strings(*texts)
    assert everywhere("lower", column).values == mapped(texts, str.lower)
    assert everywhere("upper", column).values == mapped(texts, str.upper)
    assert everywhere("reverse", column).values == mapped(texts, lambda t: t[::-1])


@quick
@given(TEXTS, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_normalize_agrees_with_unicodedata(texts: list[str | None], form: Any) -> None:
    texts = [t and t + "e\u0301ﬁ각" for t in texts]
    assert everywhere("normalize", strings(*texts), form).values == mapped(
        texts, lambda t: unicodedata.normalize(form, t)
    )


def test_normalize_refuses_an_unknown_form() -> None:
    with pytest.raises(QueryError, match="E307"):
        call("normalize", strings("a"), "NFX")
    assert call("normalize", strings("e\u0301"))[0] == ["é"]


PADS = st.sampled_from(["", " ", "0", "ab", "한글", "a한"])
SIZES = st.sampled_from([-3, 0, 1, 2, 3, 7, 12])


@quick
@given(TEXTS, SIZES, PADS)
def test_pads_fill_or_cut(texts: list[str | None], n: int, p: str) -> None:
    column = strings(*texts)
    assert everywhere("lpad", column, n, p).values == mapped(texts, lambda t: pad(t, n, p, True))
    assert everywhere("rpad", column, n, p).values == mapped(texts, lambda t: pad(t, n, p, False))
    assert everywhere("rpad", column, n).values == mapped(texts, lambda t: pad(t, n, " ", False))


@quick
@given(st.lists(st.tuples(st.none() | LETTERS, st.none() | SIZES, st.none() | PADS), min_size=1, max_size=8))
def test_pads_may_differ_from_row_to_row(rows: list[tuple[Any, Any, Any]]) -> None:
    texts, sizes, pads = (list(c) for c in zip(*rows, strict=True))
    expected = [None if None in r else pad(*r, True) for r in rows]
    assert call("lpad", strings(*texts), longs(*sizes), strings(*pads))[0] == expected


def test_padding_to_more_than_a_batch_can_hold_is_an_error() -> None:
    with pytest.raises(QueryError, match="E701"):
        call("lpad", strings("a", "b"), 2**31)


def test_numbers_are_text_first() -> None:
    assert call("left", longs(12345), 2) == (["12"], {})
    assert call("upper", pa.array([True, None]))[0] == ["TRUE", None]


@pytest.mark.parametrize("name", ["lower", "upper", "reverse", "trim", "ltrim", "rtrim", "normalize"])
def test_no_rows_and_only_nulls(name: str) -> None:
    assert call(name, strings()) == ([], {})
    assert call(name, strings(None, None)) == ([None, None], {})
