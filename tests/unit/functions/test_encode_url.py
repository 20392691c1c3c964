"""Percent encoding against urllib, which encodes forms the same way (but for `*` and `~`)."""

from __future__ import annotations

import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.planner.text import QueryError
from tests.unit.functions.harness import call, everywhere, strings

TEXTS = st.lists(st.none() | st.text(max_size=8), min_size=1, max_size=6)
CODED = st.lists(st.none() | st.text(st.sampled_from("a+%4eE1C3A9F0 한"), max_size=8), min_size=1, max_size=6)
quick = settings(max_examples=60, deadline=None)


def decoded(text: str | None) -> str | None:
    """Strict: a lone percent and bytes that are no text have no value."""
    if text is None:
        return None
    raw, at, data = bytearray(), 0, text.replace("+", " ").encode()
    while at < len(data):
        if data[at] != ord("%"):
            raw.append(data[at])
            at += 1
            continue
        digits = data[at + 1 : at + 3].decode("latin-1")
        if len(digits) < 2 or not all(d in "0123456789abcdefABCDEF" for d in digits):
            return None
        raw.append(int(digits, 16))
        at += 3
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


@quick
@given(TEXTS)
def test_encoding(texts: list[str | None]) -> None:
    expected = [t and urllib.parse.quote_plus(t, safe="*").replace("~", "%7E") for t in texts]
    got = everywhere("urlencode", strings(*texts))
    assert (got.values, got.rejects) == (expected, {})
    assert everywhere("urldecode", strings(*expected)).values == texts


@quick
@given(CODED)
def test_decoding(texts: list[str | None]) -> None:
    expected = [decoded(t) for t in texts]
    lost = sum(t is not None and e is None for t, e in zip(texts, expected, strict=True))
    got = everywhere("urldecode", strings(*texts))
    assert (got.values, got.rejects) == (expected, {"decode": lost} if lost else {})


def test_rows_do_not_share_a_letter() -> None:
    """Two rows that are half a letter each are text only together."""
    assert call("urldecode", strings("%ED%95", "%9C", "%ED%95%9C", "%")) == ([None, None, "한", None], {"decode": 3})


def test_other_charsets() -> None:
    assert call("urlencode", strings("한 글", "a", None), "EUC-KR") == (["%C7%D1+%B1%DB", "a", None], {})
    assert call("urldecode", strings("%C7%D1+%B1%DB", "%C7"), "euc-kr") == (["한 글", None], {"decode": 1})
    assert call("urlencode", strings("한"), "latin-1") == ([None], {"decode": 1})


def test_an_unknown_charset_is_refused() -> None:
    for name in ("klingon", None, 3):
        with pytest.raises(QueryError, match="E307"):
            call("urlencode", strings("a"), name)
