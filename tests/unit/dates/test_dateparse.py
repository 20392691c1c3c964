"""Text to dates: against Python, DuckDB and pandas; the fixed way against the general one; strictness."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.engine.dateformat import format_dates, iso_text
from cortado.engine.dateforms import form_of
from cortado.engine.dateletters import BadFormat, Format, java, percent
from cortado.engine.dateparse import Parsed, parse_dates, parse_time_literal
from cortado.engine.zones import NS, US

EPOCH = dt.datetime(1970, 1, 1)
NOW = 1_793_491_200_000_000  # 2026-11-01
JAVA = ["yyyy-MM-dd HH:mm:ss", "dd/MMM/yyyy:HH:mm:ss Z", "yyyyMMddHHmmss", "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "MM/dd/yyyy hh:mm:ss a",
        "EEE, d MMM yyyy H:m:s Z", "EEEE, d MMMM yyyy HH:mm:ss", "yy.M.d kk:mm:ss", "yyyy-DDD HH:mm:ss", "yyyy'年'MM'月'dd'日' KK:mm:ss a",
        "u d M yyyy HH:mm:ss"]  # fmt: skip


def us(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


def strings(*values: str | None) -> pa.Array[Any]:
    return pa.array(values, pa.string())


def parse(*texts: str | None, fmt: Format | str | None = None, zone: str = "UTC", fixed: bool = True) -> Parsed:
    compiled = java(fmt) if isinstance(fmt, str) else fmt
    ticks = NS if compiled is not None and compiled.nanos else US
    return parse_dates(strings(*texts), compiled, zone, NOW, ticks, fixed=fixed)


def one(text: str, fmt: Format | str | None = None, zone: str = "UTC") -> int | None:
    """The value both ways give; None for a text that is no date."""
    answers = []
    for fixed in (True, False):
        got = parse(text, fmt=fmt, zone=zone, fixed=fixed)
        answers.append(None if got.bad[0] else int(got.values[0]))
    assert answers[0] == answers[1]
    return answers[0]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("2026-11-01", "2026-11-01"), ("2026-11", "2026-11-01"), ("2026-11-01T10:00", "2026-11-01T10:00"),
        ("2026-11-01 10:00:05", "2026-11-01T10:00:05"), ("2026-11-01T10:00:05.5", "2026-11-01T10:00:05.5"),
        ("2026-11-01T10:00:05,123456Z", "2026-11-01T10:00:05.123456"), ("2026-11-01T10:00:05+09:00", "2026-11-01T01:00:05"),
        ("2026-11-01T10:00:05-0330", "2026-11-01T13:30:05"), ("2026-11-01T10:00:05+09", "2026-11-01T01:00:05"),
        ("  2026-11-01 10:00:05 ", "2026-11-01T10:00:05"), ("20261101", "2026-11-01"), ("202611011005", "2026-11-01T10:05"),
        ("20261101100503", "2026-11-01T10:05:03"), ("20261101T100503Z", "2026-11-01T10:05:03"), ("2026", "2026-01-01"),
        ("17/May/2015:10:05:03 +0000", "2015-05-17T10:05:03"), ("17/may/2015:10:05:03 +0930", "2015-05-17T00:35:03"),
        ("Nov  1 10:00:00", "2026-11-01T10:00:00"), ("Nov 11 10:00:00.250", "2026-11-11T10:00:00.250"),
        ("0001-01-01", "0001-01-01"), ("9999-12-31 23:59:59.999999", "9999-12-31T23:59:59.999999"),
    ],
)  # fmt: skip
def test_forms_known_without_a_format(text: str, want: str) -> None:
    assert one(text) == us(want)


@pytest.mark.parametrize(
    "text",
    ["2026-13-01", "2026-00-01", "2026-02-29", "2026-04-31", "2026-11-00", "2026-11-01 24:00:00", "2026-11-01 10:60", "0000-01-01",
     "2026-11-01 10:00:60", "2026-11-01T10:00:00+24:00", "2026-11-01T10:00:00+09:60", "17/Xxx/2015:10:05:03 +0000",
     "29/Feb/2015:10:05:03 +0000", "x", "", " ", "2026-11-01x", "x2026-11-01", "2026/11/01", "99999999", "2026-1-1", "１２３４"],
)  # fmt: skip
def test_no_dates(text: str) -> None:
    assert one(text) is None


def test_a_fraction_beyond_microseconds_is_cut_and_told() -> None:
    got = parse("2026-11-01T10:00:00.123456789", "2026-11-01T10:00:00.123456000")
    assert got.values.tolist() == [us("2026-11-01T10:00:00.123456")] * 2
    assert got.cut.tolist() == [True, False]


def test_nine_digits_of_a_second_give_nanoseconds() -> None:
    fmt = java("yyyy-MM-dd HH:mm:ss.SSSSSSSSS")
    assert fmt.nanos
    assert one("2026-11-01 10:00:00.123456789", fmt) == us("2026-11-01T10:00:00") * 1000 + 123_456_789
    assert one("2300-11-01 10:00:00.123456789", fmt) is None  # 64 bits of nanoseconds end in 2262


def test_wall_times_of_a_zone() -> None:
    got = parse(
        "2026-03-29 02:30:00",
        "2026-10-25 02:30:00",
        "2026-07-01 12:00:00",
        "2026-03-29 02:30:00Z",
        zone="Europe/Berlin",
    )
    want = ["2026-03-29T01:30", "2026-10-25T00:30", "2026-07-01T10:00", "2026-03-29T02:30"]
    assert got.values.tolist() == [us(w) for w in want]
    assert got.doubtful.tolist() == [True, True, False, False]


def test_null_stays_null_and_is_not_bad() -> None:
    got = parse(None, "x", "2026-11-01")
    assert (got.null.tolist(), got.bad.tolist()) == ([True, False, False], [False, True, False])
    assert parse().values.tolist() == []


@pytest.mark.parametrize(
    ("text", "fmt", "want"),
    [
        ("2026-1-5", "yyyy-MM-dd", "2026-01-05"), ("26-01-05", "yy-MM-dd", "2026-01-05"), ("60-01-05", "yy-MM-dd", "1960-01-05"),
        ("46-01-05", "yy-MM-dd", "2046-01-05"), ("1949-01", "yyyy-MM", "1949-01-01"), ("12:30 PM", "hh:mm a", "1970-01-01T12:30"),
        ("12:30 am", "hh:mm a", "1970-01-01T00:30"), ("24:10", "kk:mm", "1970-01-01T00:10"), ("11 PM", "KK a", "1970-01-01T23:00"),
        ("2026-300", "yyyy-DDD", "2026-10-27"), ("1 November 2026", "d MMMM yyyy", "2026-11-01"),
        ("1 NOV 2026", "d MMMM yyyy", "2026-11-01"), ("Sun 1.11.2026", "EEE d.M.yyyy", "2026-11-01"),
        ("it's 2026", "'it''s' yyyy", "2026-01-01"), ("2026-11-01 10:00 KST", "yyyy-MM-dd HH:mm z", "2026-11-01T01:00"),
        ("2026-07-01 10:00 Europe/Berlin", "yyyy-MM-dd HH:mm z", "2026-07-01T08:00"), ("2026-11-01T10Z", "yyyy-MM-dd'T'HHX", "2026-11-01T10:00"),
        ("20261101", "yyyyMMdd", "2026-11-01"), ("2026-11-01  10:00", "yyyy-MM-dd HH:mm", "2026-11-01T10:00"),
    ],
)  # fmt: skip
def test_java_letters(text: str, fmt: str, want: str) -> None:
    assert one(text, fmt) == us(want)


@pytest.mark.parametrize(
    ("text", "fmt"),
    [("Mon 1.11.2026", "EEE d.M.yyyy"), ("2026-11-01 10", "yyyy-MM-dd"), ("26-11-01", "yyyy-MM-dd"), ("13:00 PM", "hh:mm a"),
     ("2026-11-01 10:00 Nowhere", "yyyy-MM-dd HH:mm z"), ("2026111", "yyyyMMdd"), ("5.5", "s.SSS"), ("2026-366", "yyyy-DDD"),
     ("00", "kk"), ("12", "KK")],
)  # fmt: skip
def test_java_letters_are_strict(text: str, fmt: str) -> None:
    assert one(text, fmt) is None


def test_korean_names() -> None:
    fmt = java("yyyy년 MMMM d일 EEEE a h:mm", "ko")
    assert one("2026년 11월 1일 일요일 오후 3:05", fmt) == us("2026-11-01T15:05")
    assert one("2026년 1월 4일 일요일 오전 12:05", fmt) == us("2026-01-04T00:05")


@pytest.mark.parametrize("fmt", ["YYYY-MM-dd", "yyyy-'MM", "yyyyy-MM", "B", "yyyy-MM-ddTHH", "G"])
def test_letters_that_are_none(fmt: str) -> None:
    with pytest.raises(BadFormat):
        java(fmt)


@pytest.mark.parametrize("fmt", ["yyyy yyyy", "'text'", "MM MMM", "Q yyyy"])
def test_formats_that_cannot_be_read(fmt: str) -> None:
    with pytest.raises(BadFormat):
        form_of(java(fmt))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.datetimes(dt.datetime(1947, 1, 1), dt.datetime(2046, 1, 1)), min_size=1, max_size=6), st.sampled_from(JAVA),
    st.sampled_from(["UTC", "Asia/Seoul", "Europe/Berlin", "America/Sao_Paulo"]),
)  # fmt: skip
def test_reading_what_was_written(moments: list[dt.datetime], fmt: str, zone: str) -> None:
    """parse(format(x)) == x, to the digits the format has, but in a repeated hour of zone-less text."""
    compiled = java(fmt)
    instants = [(m - EPOCH) // dt.timedelta(microseconds=1) for m in moments]
    if "SSSSSS" not in fmt:
        instants = [i // US * US for i in instants]
    text = format_dates(pa.array(instants, pa.timestamp("us", "UTC")), compiled, zone)
    for fixed in (True, False):
        got = parse_dates(text, compiled, zone, NOW, fixed=fixed)
        assert not got.bad.any(), text
        wrong = got.values != np.array(instants)
        assert not (wrong & ~got.doubtful).any(), (text, got)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.none(), st.text(max_size=12), st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?"
                                                           r"(Z|[+-][0-9]{2}:?[0-9]{2})?", fullmatch=True),
            st.from_regex(r"[0-3][0-9]/[A-Z][a-z]{2}/20[0-9]{2}:[0-2][0-9]:[0-5][0-9]:[0-5][0-9] [+-]0[0-9]00", fullmatch=True),
            st.sampled_from(["17/May/2015:10:05:03 +0000", "2026-11-01", "20261101", "Feb 29 10:00:00"]),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_the_fixed_way_gives_what_the_general_way_gives(texts: list[str | None]) -> None:
    for fmt in (None, java("dd/MMM/yyyy:HH:mm:ss Z"), java("yyyy-MM-dd"), percent("%Y-%m-%d")):
        a = parse_dates(strings(*texts), fmt, "Europe/Berlin", NOW, fixed=True)
        b = parse_dates(strings(*texts), fmt, "Europe/Berlin", NOW, fixed=False)
        assert (a.null == b.null).all() and (a.bad == b.bad).all() and (a.doubtful == b.doubtful).all()
        good = ~(a.null | a.bad)
        assert (a.values[good] == b.values[good]).all()


def random_instants(n: int, low: str = "1900-01-01", high: str = "2200-01-01") -> np.ndarray:
    return np.random.default_rng(7).integers(us(low) // US, us(high) // US, n) * US


@pytest.mark.parametrize(
    "fmt", ["%Y-%m-%d %H:%M:%S", "%d/%b/%Y:%H:%M:%S", "%Y%m%d%H%M%S", "%B %d %Y %I:%M:%S %p", "%j %Y %H:%M:%S"]
)
def test_strptime_agrees_with_duckdb_and_python(fmt: str) -> None:
    texts = [(EPOCH + dt.timedelta(microseconds=int(t))).strftime(fmt) for t in random_instants(200)]
    got = parse_dates(strings(*texts), percent(fmt), "UTC", NOW)
    assert got.values.tolist() == [
        (dt.datetime.strptime(t, fmt) - EPOCH) // dt.timedelta(microseconds=1) for t in texts
    ]
    rows = duckdb.execute("select epoch_us(strptime(t, ?)) from (select unnest(?) as t)", [fmt, texts]).fetchall()
    assert got.values.tolist() == [r[0] for r in rows]


@pytest.mark.parametrize("text", ["2023-02-29", "2023-13-01", "2023-1-1", "2023-01-01 ", "x", "2023-01-32", "23-01-01"])
def test_what_strptime_refuses_python_refuses(text: str) -> None:
    try:
        want = (dt.datetime.strptime(text.strip(), "%Y-%m-%d") - EPOCH) // dt.timedelta(microseconds=1)
    except ValueError:
        want = None
    assert one(text, percent("%Y-%m-%d")) == want


def test_iso_agrees_with_pandas() -> None:
    instants = random_instants(300)
    text = iso_text(pa.array(instants, pa.timestamp("us", "UTC")), "America/New_York")
    got = parse_dates(text, None, "Asia/Seoul", NOW)
    assert (pd.to_datetime(text.to_pandas(), utc=True).dt.as_unit("us").astype(np.int64) == got.values).all()


def test_slices_nulls_and_mixed_widths() -> None:
    text = strings("x", "2026-11-01", None, "2026-11-01 10:00:00", "17/May/2015:10:05:03 +0000", "y").slice(1, 4)
    got = parse_dates(text, None, "UTC", NOW)
    assert got.values[[0, 2, 3]].tolist() == [us("2026-11-01"), us("2026-11-01T10:00"), us("2015-05-17T10:05:03")]
    assert got.null.tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("text", "want"),
    [("2026", "2025-12-31T15:00"), ("202611", "2026-10-31T15:00"), ("20261101", "2026-10-31T15:00"), ("2026110110", "2026-11-01T01:00"),
     ("20261101101112", "2026-11-01T01:11:12"), ("2026-11-01T10:00Z", "2026-11-01T10:00"), ("2026-11-01", "2026-10-31T15:00"),
     ("2026-11-01 10:00:00.5", "2026-11-01T01:00:00.5")],
)  # fmt: skip
def test_time_literals(text: str, want: str) -> None:
    assert parse_time_literal(text, "Asia/Seoul") == us(want)


@pytest.mark.parametrize(
    "text",
    [
        "20261301",
        "2026-11-31",
        "17/May/2015:10:05:03 +0000",
        "Nov  1 10:00:00",
        "abc",
        "20261",
        "",
        "2026-11-01T00:00:00.1234567",
    ],
)
def test_no_time_literals(text: str) -> None:
    assert parse_time_literal(text, "UTC") is None
