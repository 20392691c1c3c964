"""Dates as text: against Python's isoformat and strftime, and DuckDB's."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.engine.dateformat import fields_of, format_dates, iso_text
from cortado.engine.dateletters import java, percent
from cortado.planner.text import QueryError

EPOCH = dt.datetime(1970, 1, 1)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Seoul", "Australia/Lord_Howe", "America/Sao_Paulo"]
moments = st.datetimes(dt.datetime(1, 2, 1), dt.datetime(9999, 11, 1))


def column(*instants: int | None, unit: str = "us") -> pa.Array[Any]:
    return pa.array(instants, pa.int64()).cast(pa.timestamp(unit, "UTC"))


def instant(moment: dt.datetime) -> int:
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 10**6 + delta.microseconds


def there(moment: dt.datetime, zone: str) -> dt.datetime:
    return moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), moments), max_size=6), st.sampled_from(ZONES))
def test_iso_text_agrees_with_python(values: list[dt.datetime | None], zone: str) -> None:
    got = iso_text(column(*(None if v is None else instant(v) for v in values)), zone)
    got.validate(full=True)
    want = []
    for v in values:
        short = v is not None and v.microsecond % 1000 == 0 and v.microsecond > 0
        want.append(None if v is None else there(v, zone).isoformat(timespec="milliseconds" if short else "auto"))
    assert got.to_pylist() == want


PERCENT = [
    "%Y-%m-%d %H:%M:%S.%f",
    "%a %A %b %B %d %j %p %I",
    "%y %U %W %w %u %G %V",
    "%z %Z",
    "%H:%M:%S %%",
    "%-d.%-m. %-H:%-M",
]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.datetimes(dt.datetime(1000, 1, 2), dt.datetime(9999, 11, 1)), min_size=1, max_size=5),
    st.sampled_from(PERCENT),
    st.sampled_from(ZONES),
)
def test_percent_letters_agree_with_python(values: list[dt.datetime], fmt: str, zone: str) -> None:
    got = format_dates(column(*map(instant, values)), percent(fmt), zone).to_pylist()
    want = []
    for v in values:
        text = there(v, zone)
        if (text.utcoffset() or dt.timedelta()).seconds % 60 and "%z" in fmt:
            return  # before zones: Python writes the seconds with another point
        want.append(text.strftime(fmt))
    assert got == want


def test_percent_letters_agree_with_duckdb() -> None:
    instants = np.random.default_rng(3).integers(-(10**15), 4 * 10**15, 100)
    fmt = "%Y-%m-%d %H:%M:%S.%f %a %b %d %j %p %I %y %U %W %u %G %V %g %x %X %c"
    rows = duckdb.execute(
        "select strftime(make_timestamp(t), ?) from (select unnest(?) as t)", [fmt, instants.tolist()]
    ).fetchall()
    assert format_dates(column(*instants.tolist()), percent(fmt), "UTC").to_pylist() == [
        r[0].rstrip("\0") for r in rows
    ]


@pytest.mark.parametrize(
    ("fmt", "want"),
    [
        ("yyyy-MM-dd HH:mm:ss.SSS Z", "2026-11-01 00:05:09.120 +0900"), ("yy/M/d H:m:s", "26/11/1 0:5:9"),
        ("EEE EEEE MMM MMMM", "Sun Sunday Nov November"), ("h:mm a K k", "12:05 AM 0 24"), ("S SSSSSSSSS", "1 120000000"),
        ("X XX XXX z", "+09 +0900 +09:00 KST"), ("D DDD u Q", "305 305 7 4"), ("'o''clock' ''", "o'clock '"), ("y yyy yyyy", "2026 2026 2026"),
        ("시각 HH시", "시각 00시"),
    ],
)  # fmt: skip
def test_java_letters(fmt: str, want: str) -> None:
    at = column(instant(dt.datetime(2026, 10, 31, 15, 5, 9, 120_000)))
    assert format_dates(at, fmt, "Asia/Seoul").to_pylist() == [want]


def test_zulu_only_where_the_offset_is_zero() -> None:
    winter_and_summer = column(instant(dt.datetime(2026, 1, 1)), instant(dt.datetime(2026, 7, 1)))
    assert format_dates(winter_and_summer, "HH:mmXXX", "Europe/London").to_pylist() == ["00:00Z", "01:00+01:00"]


def test_korean_names() -> None:
    at = column(instant(dt.datetime(2026, 11, 1, 15, 5)), instant(dt.datetime(2026, 1, 5, 3)))
    got = format_dates(at, "yyyy년 MMMM d일 EEEE(E) a h:mm", "UTC", "ko_KR").to_pylist()
    assert got == ["2026년 11월 1일 일요일(일) 오후 3:05", "2026년 1월 5일 월요일(월) 오전 3:00"]


def test_an_unknown_locale_or_letter_is_told() -> None:
    for fmt, locale in (("yyyy", "xx"), ("YYYY", None)):
        with pytest.raises(QueryError) as found:
            format_dates(column(0), fmt, "UTC", locale)
        assert found.value.code == "E307"


def test_nanoseconds() -> None:
    at = column(1, 1000, 1_000_000, 0, -1, None, unit="ns")
    assert [t and t[17:-6] for t in iso_text(at, "UTC").to_pylist()] == [
        "00.000000001", "00.000001", "00.001", "00", "59.999999999", None,
    ]  # fmt: skip
    assert format_dates(at, "SSSSSSSSS", "UTC").to_pylist()[:2] == ["000000001", "000001000"]


def test_many_rows_of_all_lengths_cut_right() -> None:
    instants = np.random.default_rng(1).integers(-(10**17), 2 * 10**17, 70_000) // 10 ** np.random.default_rng(
        2
    ).integers(0, 7, 70_000)
    instants = np.clip(instants, -62_000_000_000_000_000, 253_000_000_000_000_000)
    got = iso_text(pa.array(instants, pa.timestamp("us", "UTC")), "Europe/Berlin")
    got.validate(full=True)
    for i in range(0, 70_000, 997):
        assert (
            got[i].as_py()
            == iso_text(pa.array(instants[i : i + 1], pa.timestamp("us", "UTC")), "Europe/Berlin")[0].as_py()
        )


def test_a_slice_is_its_own_column() -> None:
    whole = column(0, 10**12, None, 10**15)
    assert iso_text(whole.slice(1, 3), "UTC").to_pylist() == iso_text(whole, "UTC").to_pylist()[1:]


@settings(max_examples=100, deadline=None)
@given(moments, st.sampled_from(ZONES))
def test_fields_agree_with_python(moment: dt.datetime, zone: str) -> None:
    dates, want = fields_of(np.array([instant(moment)]), zone), there(moment, zone)
    iso = want.isocalendar()
    got = {
        k: int(dates[k][0])
        for k in (
            "year",
            "month",
            "day",
            "hour",
            "minute",
            "second",
            "yday",
            "isoyear",
            "isoweek",
            "isodow",
            "dow",
            "quarter",
        )
    }
    assert got == {
        "year": want.year, "month": want.month, "day": want.day, "hour": want.hour, "minute": want.minute, "second": want.second,
        "yday": want.timetuple().tm_yday, "isoyear": iso.year, "isoweek": iso.week, "isodow": iso.weekday,
        "dow": iso.weekday % 7, "quarter": (want.month + 2) // 3,
    }  # fmt: skip
    assert want.utcoffset() == dt.timedelta(seconds=int(dates.offset_seconds()[0]))


def test_format_codes_are_shared() -> None:
    assert java("yyyy-MM-dd") is java("yyyy-MM-dd")
