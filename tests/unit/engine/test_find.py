"""Wildcard and literal search: kernels and the general path against Python's `re`, with rows in and out of order."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.engine import textmatch
from cortado.engine.arrow import buffer_of
from cortado.engine.batch import PAD, Spans
from cortado.engine.kernels import find
from cortado.engine.textmatch import compiled, general, pieces_of

from ..functions.harness import spans_of, strings

letters = st.text("abé\n*\x00", max_size=5) | st.text("ab", min_size=60, max_size=140)
pieces = st.lists(st.text("abé\n*\x00", max_size=3), min_size=1, max_size=4).map(tuple)


def matches(wanted: tuple[str, ...], text: str | None) -> bool:
    return text is not None and re.fullmatch(".*".join(map(re.escape, wanted)), text, re.S) is not None


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | letters, max_size=12), pieces)
def test_every_path_matches_as_re_does(texts: list[str | None], wanted: tuple[str, ...]) -> None:
    column = strings(*texts)
    want = [matches(wanted, t) for t in texts]
    assert general(column, wanted).tolist() == want
    assert compiled(column, wanted).tolist() == want
    assert compiled(spans_of(column), wanted).tolist() == want
    assert (
        compiled(spans_of(column, gap=b"ab" * 200), wanted).tolist() == want
    )  # sparse: what is between rows matches too
    assert compiled(column.slice(len(column) // 2), wanted).tolist() == want[len(column) // 2 :]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.none() | letters, max_size=10), st.text("abé\n", min_size=1, max_size=3), st.randoms())
def test_rows_in_any_order(texts: list[str | None], literal: str, random: Any) -> None:
    spans = spans_of(strings(*texts))
    order = list(range(len(texts)))
    random.shuffle(order)
    mixed = spans.take(np.array(order, np.int64))
    assert compiled(mixed, ("", literal, "")).tolist() == [
        texts[i] is not None and literal in str(texts[i]) for i in order
    ]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=4), st.integers(0, 200), st.integers(0, 200))
def test_find_one_is_bytes_find(data: bytes, text: bytes, low: int, size: int) -> None:
    low = min(low, len(data))
    high = min(low + size, len(data))
    whole = np.frombuffer(data, np.uint8)
    got = find.find_one(whole, low, high, np.frombuffer(b"\1" + text, np.uint8), 1, len(text))
    assert got == data.find(text, low, high)


def test_text_that_is_nearly_a_hit_everywhere_is_left_to_the_general_path() -> None:
    literal = "a" * 300 + "b" + "a" * 300
    column = strings("a" * 20_000, "x" + literal, None)
    text = np.frombuffer(literal.encode(), np.uint8)
    body = np.frombuffer(b"a" * 20_000, np.uint8)
    assert find.find_one(body, 0, len(body), text, 0, len(text)) == find.TOO_HARD
    assert compiled(column, ("", literal, "")).tolist() == [False, True, False]
    assert compiled(column, ("x", literal[:-1], "a")).tolist() == [False, True, False]
    assert compiled(column, ("", "a", literal[1:], "")).tolist() == [False, True, False]
    assert compiled(column, ("", "a", literal, "")).tolist() == [False, False, False]


def test_a_hit_across_two_rows_is_none() -> None:
    data = np.frombuffer(b"\0" * PAD + b"xxabyy" + b"\0" * PAD, np.uint8)
    rows = Spans(buffer_of(data), data, np.array([PAD, PAD + 3], np.int32), np.array([3, 3], np.int32))
    assert compiled(rows, ("", "ab", "")).tolist() == [False, False]
    assert compiled(rows, ("", "xa", "")).tolist() == [True, False]
    assert compiled(rows, ("", "yy", "")).tolist() == [False, True]


def test_nothing_in_nothing_out() -> None:
    for wanted in (("",), ("", ""), ("", "a", ""), ("a", "b")):
        assert compiled(strings(), wanted).tolist() == []
        assert compiled(strings(None, None), wanted).tolist() == [False, False]
    assert compiled(strings("", "a"), ("",)).tolist() == [True, False]
    assert compiled(strings("", "a"), ("", "")).tolist() == [True, True]


def test_pieces_of_a_computed_pattern() -> None:
    assert pieces_of("a*b") == ("a", "b")
    assert pieces_of("a\\*b") == ("a*b",)
    assert pieces_of("*") == ("", "")
    assert pieces_of("") == ("",)
    assert pieces_of("a\x00*") == ("a\x00", "")


def test_the_regular_expression_guards_every_sign() -> None:
    signs = "".join(map(chr, range(1, 128)))
    assert general(pa.array([signs, signs + "x", "y" + signs]), ("", signs[:60], signs[60:])).tolist() == [
        True,
        False,
        True,
    ]
    assert textmatch.regex(("a", "", "b")) == "(?s)\\Aa.*b\\z"
