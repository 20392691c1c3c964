"""The date functions of the language: values, nulls, what is counted, what fails at bind."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from cortado.planner.text import QueryError

from ..functions.harness import (
    Bench,
    call,
    date,
    dates,
    doubles,
    duration,
    durations,
    everywhere,
    longs,
    months,
    run,
    spans_of,
    strings,
)

EPOCH = dt.datetime(1970, 1, 1)
NOW = 1_793_491_200_000_000  # 2026-11-01 00:00 UTC
DAY = 86_400_000_000


def us(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


def iso(values: list[int | None]) -> list[str | None]:
    return [None if v is None else str(np.datetime64(v, "us")).removesuffix(".000000") for v in values]


def fails(name: str, *values: object, **settings: object) -> str:
    with pytest.raises(QueryError) as found:
        call(name, *values, **settings)
    return found.value.code


def some_instants(n: int = 300) -> np.ndarray:
    return np.random.default_rng(11).integers(us("1900-01-01"), us("2150-01-01"), n)


# now, ago


def test_now_is_the_beginning_of_the_query() -> None:
    assert call("now", now_us=NOW, n=3) == ([NOW] * 3, {})


@pytest.mark.parametrize(
    ("length", "want"),
    [("90m", "2026-10-31T22:30:00"), ("1d", "2026-10-31T00:00:00"), ("1mon", "2026-10-01T00:00:00"), ("1y", "2025-11-01T00:00:00"),
     ("1d12h", "2026-10-30T12:00:00"), (None, None)],
)  # fmt: skip
def test_ago(length: str | None, want: str | None) -> None:
    values, rejects = call("ago", length, now_us=NOW)
    assert (iso(values), rejects) == ([want], {})


def test_days_ago_are_days_of_the_wall_clock() -> None:
    monday = us("2026-10-26T11:00")  # 12:00 in Berlin, the day after the clocks went back
    assert call("ago", "2d", now_us=monday, zone="Europe/Berlin")[0] == [us("2026-10-24T10:00")]
    assert call("ago", duration(90 * 60 * 10**6), now_us=monday, zone="Europe/Berlin")[0] == [us("2026-10-26T09:30")]
    assert call("ago", months(1), now_us=monday, zone="UTC")[0] == [us("2026-09-26T11:00")]


@pytest.mark.parametrize("length", ["x", "1 day", "1mon1d", 5])
def test_ago_of_what_is_no_length(length: object) -> None:
    assert fails("ago", length) == "E307"


def test_ago_before_the_year_1_is_counted() -> None:
    assert call("ago", "3000y", now_us=NOW) == ([None], {"overflow": 1})


# dateadd


UNITS = {"year": "year", "quarter": "quarter", "mon": "month", "week": "week", "day": "day", "hour": "hour", "min": "minute",
         "sec": "second", "msec": "millisecond", "usec": "microsecond"}  # fmt: skip


@pytest.mark.parametrize("unit", list(UNITS))
def test_dateadd_agrees_with_duckdb(unit: str) -> None:
    at = some_instants()
    by = np.random.default_rng(12).integers(-500, 500, len(at))
    amount = {"quarter": "to_months(n * 3)", "week": "to_days(n * 7)", "usec": "to_microseconds(n)", "msec": "to_milliseconds(n)",
              "mon": "to_months(n)", "min": "to_minutes(n)", "sec": "to_seconds(n)"}.get(unit, f"to_{unit}s(n)")  # fmt: skip
    rows = duckdb.execute(
        f"select epoch_us(make_timestamp(t) + {amount}) from (select unnest(?) as t, unnest(?)::int as n)",
        [at.tolist(), by.tolist()],
    ).fetchall()
    assert call("dateadd", dates(*at.tolist()), unit, longs(*by.tolist())) == ([r[0] for r in rows], {})


def test_dateadd_goes_by_the_wall_clock_from_days_on() -> None:
    before = dates(us("2026-10-24T10:00"))  # noon in Berlin
    for unit, n, want in (
        ("day", 2, "2026-10-26T11:00"),
        ("hour", 48, "2026-10-26T10:00"),
        ("mon", 1, "2026-11-24T11:00"),
    ):
        assert call("dateadd", before, unit, n, zone="Europe/Berlin")[0] == [us(want)]


def test_dateadd_to_a_missing_wall_time_is_counted() -> None:
    got = call("dateadd", dates(us("2026-03-28T01:30"), us("2026-03-27T01:30")), "day", 1, zone="Europe/Berlin")
    assert got == ([us("2026-03-29T01:30"), us("2026-03-28T01:30")], {"dst": 1})


def test_dateadd_of_nulls_text_and_too_much() -> None:
    assert call("dateadd", dates(NOW, None), "day", longs(None, 1)) == ([None, None], {})
    got = run("dateadd", strings("2026-11-01", None), "day", 1)
    assert (got.values, got.rejects, got.hints["type"]) == ([None, None], {"type": 1}, "date(x)")
    for unit, n in (("year", 9000), ("day", 2**62), ("usec", 2**63 - 1), ("hour", -(2**62))):
        assert call("dateadd", dates(NOW), unit, n) == ([None], {"overflow": 1}), unit
    assert call("dateadd", dates(NOW), None, 1) == ([None], {})


def test_dateadd_keeps_nanoseconds() -> None:
    got = run("dateadd", dates(1_500_000_001, unit="ns"), "sec", 2)
    assert (got.array.type, got.values) == (pa.timestamp("ns", "UTC"), [3_500_000_001])
    assert call("dateadd", dates(0, unit="ns"), "year", 400) == ([None], {"overflow": 1})


@pytest.mark.parametrize("unit", ["x", "years", 5])
def test_dateadd_in_no_unit(unit: object) -> None:
    assert fails("dateadd", dates(NOW), unit, 1) == "E307"


# datediff


@pytest.mark.parametrize(("unit", "length"), [("year", 365 * DAY), ("mon", 30 * DAY), ("week", 7 * DAY), ("day", DAY), ("hour", 3_600_000_000),
                                              ("min", 60_000_000), ("sec", 10**6), ("msec", 1000), ("usec", 1)])  # fmt: skip
def test_datediff_truncates(unit: str, length: int) -> None:
    a, b = some_instants(), some_instants()[::-1]
    want = [(y - x) // length if y >= x else -((x - y) // length) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert call("datediff", dates(*a.tolist()), dates(*b.tolist()), unit) == (want, {})


def test_calendar_differences_agree_with_duckdb() -> None:
    a, b = some_instants(), some_instants()[::-1]
    for unit, name in (("calmon", "month"), ("calyear", "year")):
        rows = duckdb.execute(
            f"select date_sub('{name}', make_timestamp(a), make_timestamp(b)) from (select unnest(?) as a, unnest(?) as b)",
            [a.tolist(), b.tolist()],
        ).fetchall()
        assert call("datediff", dates(*a.tolist()), dates(*b.tolist()), unit)[0] == [r[0] for r in rows]


@pytest.mark.parametrize(
    ("start", "end", "want"),
    [("2026-01-31", "2026-02-28", 1), ("2026-01-31", "2026-02-27", 0), ("2024-02-29", "2025-02-28", 12), ("2026-11-01", "2026-10-01", -1),
     ("2026-11-01T12:00", "2026-10-01T12:01", 0), ("2026-11-01", "2026-11-01", 0)],
)  # fmt: skip
def test_calendar_months(start: str, end: str, want: int) -> None:
    assert call("datediff", dates(us(start)), dates(us(end)), "calmon")[0] == [want]


def test_datediff_of_nulls_and_units() -> None:
    assert call("datediff", dates(None, NOW), dates(NOW, None), "day") == ([None, None], {})
    assert call("datediff", dates(NOW), dates(NOW * 1000 + 1_000_500, unit="ns"), "usec") == ([1000], {})
    assert fails("datediff", dates(NOW), dates(NOW), "fortnight") == "E307"


# datetrunc


def test_datetrunc_names_its_arguments() -> None:
    at = dates(us("2026-11-01T08:07:31"), None)
    plain = call("datetrunc", at, "5m")
    assert iso(plain[0]) == ["2026-11-01T08:05:00", None]
    named = run("datetrunc", at, named={"span": "1d", "offset": "9h"})
    assert iso(named.values) == ["2026-10-31T09:00:00", None]
    assert iso(call("datetrunc", at, months(1))[0]) == ["2026-11-01T00:00:00", None]
    assert iso(call("datetrunc", at, duration(3_600_000_000))[0]) == ["2026-11-01T08:00:00", None]


def test_datetrunc_by_nothing_is_the_date() -> None:
    assert call("datetrunc", dates(NOW + 7), "0s")[0] == [NOW + 7]
    assert call("datetrunc", dates(NOW + 7), None)[0] == [None]


def test_datetrunc_keeps_nanoseconds() -> None:
    got = run("datetrunc", dates(1_234_567, unit="ns"), "1us")
    assert (got.array.type, got.values) == (pa.timestamp("ns", "UTC"), [1_234_000])
    assert fails("datetrunc", dates(1), "500ns") == "E307"


@pytest.mark.parametrize("length", ["5mon", "x", 5])
def test_datetrunc_to_no_grid(length: object) -> None:
    assert fails("datetrunc", dates(NOW), length) == "E307"


def test_datetrunc_in_the_sessions_zone() -> None:
    assert iso(call("datetrunc", dates(NOW), "1d", zone="Asia/Seoul")[0]) == ["2026-10-31T15:00:00"]


# datepart


PARTS = {"century": "century", "decade": "decade", "year": "year", "isoyear": "isoyear", "quarter": "quarter", "mon": "month",
         "month": "month", "week": "week", "day": "day", "doy": "doy", "dow": "dow", "isodow": "isodow", "hour": "hour", "min": "minute",
         "sec": "second", "seconds": "second", "msec": "millisecond", "milliseconds": "millisecond", "microseconds": "microsecond",
         "millenium": "millennium"}  # fmt: skip


@pytest.mark.parametrize("part", list(PARTS))
def test_datepart_agrees_with_duckdb(part: str) -> None:
    at = some_instants()
    rows = duckdb.execute(
        f"select date_part('{PARTS[part]}', make_timestamp(t)) from (select unnest(?) as t)", [at.tolist()]
    ).fetchall()
    assert call("datepart", dates(*at.tolist()), part) == ([r[0] for r in rows], {})


def test_parts_of_the_zone() -> None:
    at = dates(us("2026-07-01"), us("2026-01-01"))
    for part, want in (
        ("timezone", [-12_600 + 3600, -12_600]),
        ("timezone_hour", [-2, -3]),
        ("timezone_minute", [-30, -30]),
        ("hour", [21, 20]),
    ):
        assert call("datepart", at, part, zone="America/St_Johns")[0] == want
    assert call("datepart", dates(-1, None), "epoch")[0] == [-1, None]
    assert fails("datepart", at, "eon") == "E307"


# daterange


def test_daterange_excludes_its_end() -> None:
    got = run(
        "daterange", dates(us("2026-11-01"), us("2026-11-01"), None), dates(us("2026-11-03"), us("2026-10-01"), NOW)
    )
    assert [v and [iso([round(x.timestamp() * 10**6)])[0] for x in v] for v in got.array.to_pylist()] == [
        ["2026-11-01T00:00:00", "2026-11-02T00:00:00"], [], None,
    ]  # fmt: skip


def items(start: str, end: str, step: object, zone: str = "UTC") -> list[str | None]:
    got = run("daterange", dates(us(start)), dates(us(end)), step, zone=zone)
    flat: Any = got.array
    values = flat.flatten().cast(pa.int64()).to_pylist()
    return iso(values)


def test_daterange_counts_months_from_its_start() -> None:
    assert items("2026-01-31", "2026-05-31", "1mon") == [
        "2026-01-31T00:00:00", "2026-02-28T00:00:00", "2026-03-31T00:00:00", "2026-04-30T00:00:00",
    ]  # fmt: skip
    assert len(items("2000-01-01", "2026-01-01", "1y")) == 26


def test_daterange_over_a_change_of_clocks() -> None:
    days = items("2026-10-23T22:00", "2026-10-27T23:00", "1d", "Europe/Berlin")
    assert days == ["2026-10-23T22:00:00", "2026-10-24T22:00:00", "2026-10-25T23:00:00", "2026-10-26T23:00:00"]
    assert len(items("2026-10-24T22:00", "2026-10-25T23:00", "1h", "Europe/Berlin")) == 25


@pytest.mark.parametrize("step", ["1h", "7m", "1d", "3d", "1w", "1mon", "5mon", "1q", "1y"])
def test_daterange_agrees_with_duckdb(step: str) -> None:
    words = (
        step.replace("mon", " months").replace("q", " quarters").replace("y", " years") if step[-1] in "nqy" else step
    )
    words = {"1h": "1 hour", "7m": "7 minutes", "1d": "1 day", "3d": "3 days", "1w": "7 days"}.get(step, words)
    start, end = "2026-01-15", "2026-02-20" if step[-1] in "hm" else "2033-03-01"
    rows = duckdb.execute(
        f"select epoch_us(unnest(range(timestamp '{start}', timestamp '{end}', interval '{words}')))"
    ).fetchall()
    assert items(start, end, step) == iso([r[0] for r in rows])


def test_a_long_daterange_of_constants_is_warned_of() -> None:
    bench = Bench(n=1)
    bench.bind("daterange", [date(0), date(NOW), bench.expr("1s")])
    assert bench.warnings == ["W701"]
    quiet = Bench(n=1)
    quiet.bind("daterange", [date(0), date(NOW), quiet.expr("1d")])
    assert quiet.warnings == []
    assert fails("daterange", dates(0), dates(1), "0s") == "E307"


# epoch, unixtime, seconds


def test_epoch_tells_units_by_size() -> None:
    second = 1_793_491_200
    got = run(
        "epoch",
        longs(
            second,
            second * 10**3,
            second * 10**6,
            second * 10**9 + 999,
            -second,
            0,
            None,
            253_402_300_799,
            253_402_300_800,
        ),
    )
    assert iso(got.values) == ["2026-11-01T00:00:00"] * 4 + [
        "1913-03-03T00:00:00", "1970-01-01T00:00:00", None, "9999-12-31T23:59:59", "1978-01-11T21:31:40.800000",
    ]  # fmt: skip
    assert got.rejects == {}
    assert sum(got.infos.values()) == 4


def test_epoch_of_doubles_and_text() -> None:
    assert call("epoch", doubles(1.5, -0.25, float("nan"), float("inf"), None)) == (
        [1_500_000, -250_000, None, None, None], {"overflow": 2},
    )  # fmt: skip
    assert call("epoch", strings("1", None)) == ([None, None], {"type": 1})
    assert call("epoch", longs(-(2**63), 2**63 - 1)) == (
        [us("1677-09-21T00:12:43.145224"), us("2262-04-11T23:47:16.854775")],
        {},
    )


def test_unixtime_floors() -> None:
    at = dates(NOW + 1_999_999, -1, None)
    for unit, want in (("s", [NOW // 10**6 + 1, -1, None]), ("ms", [NOW // 1000 + 1999, -1, None]), ("us", [NOW + 1_999_999, -1, None]),
                       ("ns", [(NOW + 1_999_999) * 1000, -1000, None])):  # fmt: skip
        assert call("unixtime", at, unit) == (want, {})
    assert call("unixtime", at)[0] == [NOW // 10**6 + 1, -1, None]
    assert call("unixtime", dates(us("9999-01-01")), "ns") == ([None], {"overflow": 1})
    assert call("unixtime", dates(1_999, unit="ns"), "us") == ([1], {})
    assert fails("unixtime", at, "h") == "E307"


def test_seconds() -> None:
    assert call("seconds", durations(5_400_000_000, 1, None)) == ([5400.0, 1e-06, None], {})
    assert call("seconds", longs(5)) == ([None], {"type": 1})


# date, strptime, strftime


def test_date_reads_spans_dictionaries_and_text_alike() -> None:
    text = strings("17/May/2015:10:05:03 +0000", "x", None, "2026-11-01", "2026-02-30", *["20261101"] * 8)
    for rest, refused in (((), 2), (("dd/MMM/yyyy:HH:mm:ss Z",), 11), (("yyyy-MM-dd",), 11)):
        assert everywhere("date", text, *rest).rejects == {"date": refused}


def test_date_of_dates_numbers_and_nulls() -> None:
    assert call("date", dates(NOW, None)) == ([NOW, None], {})
    assert call("date", dates(NOW, unit="ns"), "yyyy")[0] == [NOW]
    assert call("date", longs(20261101, 5)) == ([NOW, None], {"date": 1})
    assert call("date", None) == ([None], {})
    assert call("date", strings("2026-11-01"), None)[0] == [None]
    assert call("date", strings("2026-11-01"), strings(None))[0] == [None]


def test_the_last_argument_of_date_is_a_zone_or_a_locale() -> None:
    text = strings("2026-11-01 09:00")
    for last, want in (
        ("Asia/Seoul", NOW),
        ("+09:00", NOW),
        ("UTC", NOW + 9 * 3_600_000_000),
        ("en_US", NOW + 9 * 3_600_000_000),
    ):
        assert call("date", text, "yyyy-MM-dd HH:mm", last)[0] == [want]
    assert call("date", strings("11월 2026"), "MMM yyyy", "ko")[0] == [NOW]
    assert fails("date", text, "yyyy", "xx") == "E307"
    assert fails("date", text, "yyyy", "Mars/Base") == "E307"


def test_zone_less_text_is_of_the_sessions_zone() -> None:
    got = call("date", strings("2026-03-29 02:30:00", "2026-07-01 02:00:00"), zone="Europe/Berlin")
    assert got == ([us("2026-03-29T01:30"), us("2026-07-01T00:00")], {"dst": 1})


def test_syslog_text_is_of_this_year() -> None:
    assert call("date", strings("Feb  3 04:05:06"), now_us=NOW)[0] == [us("2026-02-03T04:05:06")]


def test_formats_that_fail_at_bind() -> None:
    for fmt in ("YYYY", "yyyy-'", "text", 5):
        assert fails("date", strings("x"), fmt) == "E307"
    assert fails("strptime", strings("x"), "%Q") == "E307"
    assert fails("strftime", dates(NOW), "%") == "E307"


def test_a_format_of_each_row() -> None:
    got = call(
        "date",
        strings("2026-11-01", "01.11.2026", "x", "2026", None),
        strings("yyyy-MM-dd", "dd.MM.yyyy", "yyyy", "YYYY", "yyyy"),
    )
    assert got == ([NOW, NOW, None, None, None], {"date": 2})


def test_nine_digits_give_nanoseconds() -> None:
    got = run("date", strings("2026-11-01 00:00:00.000000001"), "yyyy-MM-dd HH:mm:ss.SSSSSSSSS")
    assert (got.array.type, got.values) == (pa.timestamp("ns", "UTC"), [NOW * 1000 + 1])
    cut = run("date", strings("2026-11-01 00:00:00.000000001"))
    assert (cut.values, cut.rejects, sum(cut.infos.values())) == ([NOW], {}, 1)


def test_strptime_and_strftime_go_both_ways() -> None:
    fmt = "%d/%b/%Y %H:%M:%S.%f"
    at = dates(*some_instants(50).tolist())
    text = run("strftime", at, fmt, zone="Asia/Seoul").array
    assert call("strptime", text, fmt, zone="Asia/Seoul") == (at.cast(pa.int64()).to_pylist(), {})
    assert call("strptime", spans_of(text), fmt, zone="Asia/Seoul")[0] == at.cast(pa.int64()).to_pylist()
    assert call("strptime", strings("x", None), "%Y") == ([None, None], {"date": 1})


def test_dates_are_shown_in_the_sessions_zone() -> None:
    there = EPOCH.replace(tzinfo=dt.UTC).astimezone(ZoneInfo("Asia/Seoul"))
    assert call("strftime", dates(0, None), "%Y-%m-%dT%H:%M:%S%z", zone="Asia/Seoul")[0] == [
        there.strftime("%Y-%m-%dT%H:%M:%S%z"),
        None,
    ]
