"""`long int double bool string` against Python's own parsing; compiled and general paths against each other."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.engine.numbertext import constant
from cortado.planner.text import QueryError

from .harness import call, dates, doubles, durations, everywhere, longs, months, run, strings

BLANKS = " \t\r\n\f\v"


def long_of(text: str) -> tuple[int | None, str | None]:
    """Value and reason for refusing, by Python's unbounded integers."""
    body = text.strip(BLANKS)
    if not re.fullmatch(r"[+-]?(?:[0-9]+|0[xX][0-9a-fA-F]+)", body):
        return None, "number"
    value = int(body, 16 if "x" in body.lower() else 10)
    return (value, None) if -(2**63) <= value < 2**63 else (None, "overflow")


def double_of(text: str) -> float | None:
    body = text.strip(BLANKS)
    if re.fullmatch(r"[+-]?0[xX][0-9a-fA-F]+", body):
        return float(int(body, 16))
    if re.fullmatch(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity|nan)", body, re.I):
        return float(body)
    return None


number_like = st.one_of(
    st.integers(-(2**66), 2**66).map(str),
    st.integers(0, 10**17).map(lambda i: f"{i:018d}"),
    st.integers(-(2**65), 2**65).map(hex),
    st.floats().map(repr),
    st.text("0123456789+-.eExX abcdef\t", max_size=22),
    st.sampled_from(["", " ", "+", "-", ".", "1e", "1.e5", ".5", "5.", "+-1", "nan(1)", "0x", "1_0", "١", "1d", "-0", "inf", "1e400"]),
    st.text(max_size=5),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.none() | number_like, max_size=12))
def test_long_reads_text_as_python_does(texts: list[str | None]) -> None:
    got = everywhere("long", strings(*texts))
    want = [(None, None) if t is None else long_of(t) for t in texts]
    assert got.values == [v for v, _ in want]
    reasons = [r for _, r in want if r]
    assert got.rejects == {r: reasons.count(r) for r in set(reasons)}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.none() | number_like, max_size=12))
def test_double_reads_text_as_python_does(texts: list[str | None]) -> None:
    got = everywhere("double", strings(*texts))
    want = [None if t is None else double_of(t) for t in texts]
    assert list(map(repr, got.values)) == list(map(repr, want))
    bad = sum(t is not None and w is None for t, w in zip(texts, want, strict=True))
    assert got.rejects == ({"number": bad} if bad else {})


@given(number_like)
def test_constant_text_reads_as_a_column_does(text: str) -> None:
    made = constant(text)
    if isinstance(made, int):
        assert (made, None) == long_of(text)
    else:
        assert repr(made) == repr(double_of(text))
        assert made is None or long_of(text)[0] is None


def test_long_of_other_types() -> None:
    assert call("long", doubles(1.9, -1.9, None, -0.0)) == ([1, -1, None, 0], {})
    assert call("long", doubles(math.nan, math.inf, 2.0**63, -(2.0**63))) == (
        [None, None, None, -(2**63)],
        {"overflow": 3},
    )
    assert call("long", pa.array([True, False, None])) == ([1, 0, None], {})
    assert call("long", dates(1_500, -1, None)) == ([1, -1, None], {})
    assert call("long", dates(1_500_000, -1, unit="ns")) == ([1, -1], {})
    assert call("long", durations(90_500, -1_999)) == ([90, -1], {})
    assert call("long", longs()) == ([], {})
    ip = run("ip", strings("10.0.0.1", "::1", None)).array
    assert call("long", ip) == ([0x0A000001, None, None], {"overflow": 1})
    assert call("double", ip) == ([float(0x0A000001), 1.0, None], {})
    assert call("long", pa.array([b"1", None])) == ([None, None], {"type": 1})
    assert call("long", None) == ([None], {})


def test_int_is_null_beyond_32_bits() -> None:
    assert call("int", strings("2147483647", "2147483648", "-2147483648", "x")) == (
        [2**31 - 1, None, -(2**31), None],
        {"overflow": 1, "number": 1},
    )
    assert run("int", longs(1)).type.width == "int"


def test_conversions_map_over_arrays() -> None:
    lists = pa.array([["1", "x", "y"], None, [], ["2"]])
    assert call("long", lists) == ([[1, None, None], None, [], [2]], {"number": 1})
    assert call("double", lists.slice(2)) == ([[], [2.0]], {})
    assert call("long", pa.array([["5"], None])) == ([[5], None], {})


def test_bool_of_words_and_numbers() -> None:
    words = strings("true", "F", " T ", "0", "1", "yes", "", None)
    assert everywhere("bool", words).values == [True, False, True, False, True, None, None, None]
    assert call("bool", words)[1] == {"type": 2}
    assert call("bool", longs(0, 1, 2, None)) == ([False, True, None, None], {"type": 1})
    assert call("bool", doubles(0.0, -0.0, math.nan)) == ([False, False, None], {"type": 1})
    assert call("bool", pa.array([True, None])) == ([True, None], {})


scaled = st.builds(
    lambda m, e: float(f"{m}e{e}"), st.integers(-(10**6), 10**6) | st.integers(-(2**54), 2**54), st.integers(-30, 20)
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | st.floats() | scaled, max_size=20))
def test_doubles_are_written_as_python_writes_them(values: list[float | None]) -> None:
    got = call("string", doubles(*values))[0]
    assert got == [None if v is None else repr(v) for v in values]


def test_doubles_are_written_as_duckdb_writes_them() -> None:
    values = [0.1, 1.0, -0.0, 1e15, 1e16, 1.5e300, 1e-4, 1e-5, 1e-7, 123456789.125, math.inf]
    asked = duckdb.sql(f"select unnest({[repr(v) for v in values]})::double::varchar")
    want = [row[0] for row in asked.fetchall()] if asked is not None else []
    assert call("string", doubles(*values))[0] == want


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.datetimes(datetime(1902, 1, 1), datetime(9000, 1, 1)) | st.none(), max_size=8),
    st.sampled_from(["UTC", "Asia/Seoul", "America/New_York", "Asia/Kolkata"]),
)
def test_dates_are_iso_with_the_offset_of_the_zone(moments: list[datetime | None], zone: str) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    us = [None if m is None else (m.replace(tzinfo=UTC) - epoch) // timedelta(microseconds=1) for m in moments]
    want: list[str | None] = []
    for m in moments:
        if m is None:
            want.append(None)
            continue
        local = m.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        spec = "seconds" if not m.microsecond else "milliseconds" if m.microsecond % 1000 == 0 else "microseconds"
        want.append(local.isoformat(timespec=spec))
    assert call("string", dates(*us), zone=zone)[0] == want


def test_nanoseconds_are_shown() -> None:
    assert call("string", dates(1, 1000, -1, unit="ns"))[0] == [
        "1970-01-01T00:00:00.000000001+00:00", "1970-01-01T00:00:00.000001+00:00", "1969-12-31T23:59:59.999999999+00:00",
    ]  # fmt: skip


@given(st.lists(st.none() | st.integers(-(2**63) + 1, 2**63 - 1), max_size=8))
def test_durations_add_up(ticks: list[int | None]) -> None:
    sizes = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1000, "us": 1}
    for text, want in zip(call("string", durations(*ticks))[0], ticks, strict=True):
        if want is None:
            assert text is None
            continue
        parts = re.findall(r"(\d+)(ms|us|[dhms])", text)
        total = sum(int(n) * sizes[u] for n, u in parts)
        assert (-total if text.startswith("-") else total) == want
        assert [u for _, u in parts] == [u for u in sizes if u in {p for _, p in parts}]
        assert all(int(n) for n, _ in parts) or text == "0s"


def test_text_of_the_rest() -> None:
    assert call("string", longs(-5, None)) == (["-5", None], {})
    assert call("string", pa.array([True, False, None])) == (["true", "false", None], {})
    assert call("string", pa.array([b"\x00\xab", None])) == (["00ab", None], {})
    assert call("string", months(3)) == (["3mon"], {})
    assert call("string", months(-24)) == (["-2y"], {})
    assert call("string", pa.array([3_600_000], pa.time32("ms"))) == (["01:00:00.000"], {})
    assert call("string", None) == ([None], {})
    assert call("str", strings("a", None)) == (["a", None], {})


def test_string_by_a_format() -> None:
    moments = dates(1_793_458_800_000_000, None)
    assert call("string", moments, "yyyy-MM-dd HH:mm", zone="Asia/Seoul")[0] == ["2026-11-01 00:00", None]
    assert call("string", moments, "yyyy-MM-dd HH:mm", "America/New_York")[0] == ["2026-10-31 11:00", None]
    assert call("string", moments, "EEE", "ko", zone="Asia/Seoul")[0] == ["일", None]
    assert call("string", moments, None)[0] == [None, None]
    assert call("string", None, "yyyy")[0] == [None]
    three = dates(0, 0, 0, None)
    assert call("string", three, strings("yyyy", "bad'", None, "bad'")) == (["1970", None, None, None], {"date": 1})


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ((longs(1), "yyyy"), "E330"),
        ((dates(0), "bad'"), "E307"),
        ((dates(0), "yyyy", "Mars/Base"), "E307"),
        ((dates(0), 5), "E307"),
    ],
)
def test_string_by_a_format_that_cannot_be(args: tuple[Any, ...], code: str) -> None:
    with pytest.raises(QueryError) as found:
        run("string", *args)
    assert found.value.code == code


@pytest.mark.parametrize(
    ("name", "column", "reason", "hint"),
    [
        ("@number", strings("1", None), "type", "double(x)"), ("@number", pa.array([True]), "type", "double(x)"),
        ("@number", dates(0), "type", "double(x)"), ("@date", strings("2026", None), "type", "date(x)"),
        ("@bool", longs(1), "type", "bool(x)"), ("@integer", strings("1"), "type", "long(x)"),
        ("@parsed", pa.array([True, None]), "type", "double(x)"), ("@duration", longs(5), "type", ""),
    ],
)  # fmt: skip
def test_coercions_refuse_other_types(name: str, column: Any, reason: str, hint: str) -> None:
    got = run(name, column)
    assert got.values == [None] * len(column)
    assert got.rejects == {reason: len(column) - column.null_count}
    assert got.hints[reason] == hint


def test_coercions_let_their_own_type_pass() -> None:
    assert call("@number", longs(1, None)) == ([1, None], {})
    assert call("@integer", doubles(1.9, -1.9, None)) == ([1, -1, None], {})
    assert call("@parsed", strings("1.5", " 0x10 ", "x", None)) == ([1.5, 16.0, None, None], {"number": 1})
    assert call("@text", longs(1, None)) == (["1", None], {})
    assert run("@date", dates(5, unit="ns")).type.unit == "ns"
