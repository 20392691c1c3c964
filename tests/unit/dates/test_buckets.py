"""The grid of time buckets: by brute force over wall clocks, against DuckDB and pandas, and by its laws."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.engine.calendar import (
    BadSpan,
    Span,
    add_days,
    add_months,
    bucket_codes,
    bucket_range,
    bucket_start,
    next_bucket,
)
from cortado.engine.zones import NS, US, zone
from cortado.planner.option_values import parse_duration

ZONES = ["Europe/Berlin", "America/New_York", "Asia/Seoul", "Australia/Lord_Howe", "America/Sao_Paulo"]
ODD = ["America/St_Johns", "Pacific/Apia", "Pacific/Kwajalein", "Africa/Monrovia", "Asia/Kathmandu", "UTC"]
SPANS = ["1s", "5m", "7m", "15m", "30m", "1h", "90m", "2h", "3h", "6h", "12h", "1d", "2d", "7d", "1w", "2w", "1mon", "2mon", "1q",
         "6mon", "1y", "5y", "5h", "100ms"]  # fmt: skip
EPOCH = dt.datetime(1970, 1, 1)


def span(text: str, offset: str | None = None) -> Span:
    length = parse_duration(text)
    assert length is not None
    return Span.of(length, parse_duration(offset) if offset else None)


def us(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


def points(name: str, seed: int, n: int = 200) -> np.ndarray:
    rng = np.random.default_rng(seed)
    changes = zone(name).starts[1:]
    changes = changes[(changes > -4e9) & (changes < 4e9)]
    around = [
        changes + d for d in (-90_000, -40_000, -7200, -3601, -1800, -61, -1, 0, 1, 60, 1799, 1800, 3600, 5400, 50_000)
    ]
    return np.concatenate([rng.integers(-3 * 10**9, 4 * 10**9, n), *around]) * US + rng.integers(0, US)


def brute(instant: int, name: str, floor: Callable[[dt.datetime], dt.datetime]) -> int:
    """The start by the wall clock of the instant's own day, month or hour, as `zoneinfo` sees it."""
    there = (EPOCH + dt.timedelta(microseconds=instant)).replace(tzinfo=dt.UTC).astimezone(ZoneInfo(name))
    start = floor(there).astimezone(dt.UTC).replace(tzinfo=None)
    return (start - EPOCH) // dt.timedelta(microseconds=1)


def at_midnight(t: dt.datetime) -> dt.datetime:
    return t.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


FLOORS = {
    "1d": at_midnight,
    "1w": lambda t: at_midnight(t.replace(tzinfo=None) - dt.timedelta(days=t.weekday())).replace(tzinfo=t.tzinfo),
    "1mon": lambda t: at_midnight(t.replace(day=1)),
    "1q": lambda t: at_midnight(t.replace(day=1, month=(t.month - 1) // 3 * 3 + 1)),
    "4mon": lambda t: at_midnight(t.replace(day=1, month=(t.month - 1) // 4 * 4 + 1)),
    "1y": lambda t: at_midnight(t.replace(day=1, month=1)),
    "10y": lambda t: at_midnight(t.replace(day=1, month=1, year=t.year // 10 * 10)),
    "6h": lambda t: at_midnight(t).replace(hour=t.hour // 6 * 6),
    "12h": lambda t: at_midnight(t).replace(hour=t.hour // 12 * 12),
    "1h": lambda t: t.replace(minute=0, second=0, microsecond=0),
    "15m": lambda t: t.replace(minute=t.minute // 15 * 15, second=0, microsecond=0),
}


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "UTC"])
@pytest.mark.parametrize("length", list(FLOORS))
def test_wall_clock_brute_force(name: str, length: str) -> None:
    """Since 1950: changes of whole hours, at which a wall clock's floor is the grid."""
    at = points(name, 3)
    at = at[at > us("1950-01-01")]
    got = bucket_start(at, span(length), name)
    want = [brute(t, name, FLOORS[length]) for t in at.tolist()]
    assert got.tolist() == want


@pytest.mark.parametrize("name", ZONES + ODD)
@pytest.mark.parametrize("offset", [None, "7m", "9h", "3d"])
def test_laws_of_the_grid(name: str, offset: str | None) -> None:
    """Start <= t < next; starts are their own; the last tick of a bucket is in it; nanoseconds agree."""
    at = points(name, 1, 50)
    for length in SPANS:
        s = span(length, offset)
        start, after = bucket_start(at, s, name), next_bucket(at, s, name)
        assert (start <= at).all() and (after > at).all(), length
        assert (bucket_start(start, s, name) == start).all() and (bucket_start(after, s, name) == after).all(), length
        assert (bucket_start(after - 1, s, name) == start).all() and (next_bucket(start, s, name) == after).all(), (
            length
        )
        fine = at[abs(at) < 9 * 10**15]
        assert (bucket_start(fine * 1000 + 7, s, name, NS) == bucket_start(fine, s, name) * 1000).all(), length


@pytest.mark.parametrize("name", ZONES + ODD)
def test_filling_makes_the_starts_that_grouping_makes(name: str) -> None:
    rng = np.random.default_rng(5)
    for length in ("5m", "30m", "1h", "2h", "6h", "90m", "1d", "1w", "1mon", "1y"):
        s = span(length)
        step = s.ns // 1000 if s.ns else 30 * 86_400 * US * s.months
        for low in rng.choice(points(name, 2, 20), 6).tolist():
            high = low + 40 * step + 12_345
            want, start = [], int(bucket_start(np.array([low]), s, name)[0])
            while start < high:
                want.append(start)
                start = int(next_bucket(np.array([start]), s, name)[0])
            assert bucket_range(low, high, s, name).tolist() == want, (length, low)


@pytest.mark.parametrize("name", [*ZONES, "UTC"])
def test_one_batch_or_many_rows_alone(name: str) -> None:
    """The quick ways (one offset, few bounds) give what the general way gives."""
    at = np.sort(np.random.default_rng(9).integers(us("2026-01-01"), us("2027-01-01"), 4000))
    for length in ("5m", "1h", "6h", "1d", "1w", "1mon"):
        together = bucket_start(at, span(length), name)
        alone = np.concatenate([bucket_start(at[i : i + 1], span(length), name) for i in range(0, len(at), 16)])
        assert (together[::16] == alone).all()


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Asia/Seoul"])
def test_days_and_hours_agree_with_pandas(name: str) -> None:
    at = points(name, 4)
    at = at[at > us("1962-01-01")]
    there = pd.DatetimeIndex(at.astype("M8[us]")).tz_localize("UTC").tz_convert(name)
    want = {"1d": there.normalize(), "1h": there.tz_convert("UTC").floor("h")}  # offsets are whole hours since
    for length, starts in want.items():
        assert (
            bucket_start(at, span(length), name) == starts.tz_convert("UTC").tz_localize(None).as_unit("us").asi8
        ).all()


def test_utc_agrees_with_duckdb() -> None:
    at = points("UTC", 6, 500)
    db = duckdb.connect()
    db.execute("create table rel as select make_timestamp(t) as t from (select unnest(?) as t)", [at.tolist()])
    units = {
        "1d": "day",
        "1w": "week",
        "1mon": "month",
        "1q": "quarter",
        "1y": "year",
        "10y": "decade",
        "1h": "hour",
        "1m": "minute",
    }
    for length, unit in units.items():
        want = [r[0] for r in db.execute(f"select epoch_us(date_trunc('{unit}', t)::timestamp) from rel").fetchall()]
        assert bucket_start(at, span(length), "UTC").tolist() == want, length
    for length, interval in (
        ("5m", "5 minutes"),
        ("7m", "7 minutes"),
        ("90m", "90 minutes"),
        ("2d", "2 days"),
        ("5y", "5 years"),
        ("2w", "14 days"),
    ):
        origin = "timestamp '1969-12-29'" if length == "2w" else "timestamp '1970-01-01'"
        want = [
            r[0]
            for r in db.execute(f"select epoch_us(time_bucket(interval '{interval}', t, {origin})) from rel").fetchall()
        ]
        assert bucket_start(at, span(length), "UTC").tolist() == want, length


def test_a_six_hour_bucket_lasts_five_or_seven_hours() -> None:
    at = np.array([us("2026-03-29T00:00"), us("2026-10-25T00:00")])
    lengths = next_bucket(at, span("6h"), "Europe/Berlin") - bucket_start(at, span("6h"), "Europe/Berlin")
    assert (lengths / (3600 * US)).tolist() == [5.0, 7.0]


def test_each_repeated_hour_is_its_own_bucket() -> None:
    """Lord Howe's clocks go back by half an hour only: the repeated half is a bucket of its own."""
    berlin = bucket_range(us("2026-10-24T23:00"), us("2026-10-25T03:00"), span("1h"), "Europe/Berlin")
    assert np.diff(berlin).tolist() == [3600 * US] * 3
    howe = bucket_range(us("2026-04-04T13:00"), us("2026-04-04T17:00"), span("1h"), "Australia/Lord_Howe")
    assert (np.diff(howe) // (60 * US)).tolist() == [60, 60, 30, 60]


def test_a_midnight_that_does_not_exist_is_the_next_moment() -> None:
    start = bucket_start(np.array([us("2018-11-04T12:00")]), span("1d"), "America/Sao_Paulo")
    assert start.astype("M8[us]").astype(str).tolist() == ["2018-11-04T03:00:00.000000"]


def test_a_skipped_day_is_no_bucket() -> None:
    days = bucket_range(us("2011-12-29T00:00"), us("2012-01-01T12:00"), span("1d"), "Pacific/Apia")
    assert (np.diff(days) > 0).all()
    assert len(days) == 5  # 28, 29, 31 December, 1 and 2 January, as days are named there


def test_weeks_begin_on_mondays_and_seven_days_do_not() -> None:
    at = np.array([us("2026-11-01T12:00")])
    assert bucket_start(at, span("1w"), "UTC").astype("M8[us]").astype(str)[0].startswith("2026-10-26")
    assert bucket_start(at, span("7d"), "UTC").astype("M8[us]").astype(str)[0].startswith("2026-10-29")


@pytest.mark.parametrize("text", ["5mon", "7mon", "9mon", "18mon"])
def test_other_months_make_no_grid(text: str) -> None:
    with pytest.raises(BadSpan, match="divide a year"):
        span(text)


def test_nanoseconds_need_a_column_of_them() -> None:
    assert not span("500ns").fits(US)
    assert span("500ns").fits(NS)
    assert bucket_start(np.array([1750]), span("500ns"), "Europe/Berlin", NS).tolist() == [1500]


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(dt.datetime(1, 2, 1), dt.datetime(9998, 12, 1)), st.integers(-300, 300), st.sampled_from([*ZONES, "UTC"])
)  # fmt: skip
def test_adding_months_keeps_the_wall_clock(moment: dt.datetime, months: int, name: str) -> None:
    there = moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(name))
    total = there.year * 12 + there.month - 1 + months
    year, month = divmod(total, 12)
    if not 2 <= year <= 9998:
        return
    last = (dt.date(year + month // 11, (month + 1) % 12 + 1, 1) - dt.timedelta(days=1)).day
    want = there.replace(year=year, month=month + 1, day=min(there.day, last), fold=0)
    instant = (moment - EPOCH) // dt.timedelta(microseconds=1)
    got, odd = add_months(np.array([instant]), months, name)
    utc = want.replace(tzinfo=None) - (want.utcoffset() or dt.timedelta())
    assert got[0] == (utc - EPOCH) // dt.timedelta(microseconds=1)
    assert odd[0] == (want.utcoffset() != want.replace(fold=1).utcoffset())


def test_days_are_days_of_the_wall_clock() -> None:
    got, odd = add_days(np.array([us("2026-03-28T11:00"), us("2026-03-28T01:30")]), 1, "Europe/Berlin")
    assert got.astype("M8[us]").astype("M8[m]").astype(str).tolist() == ["2026-03-29T10:00", "2026-03-29T01:30"]
    assert odd.tolist() == [False, True]


@pytest.mark.parametrize("name", ZONES + ODD)
def test_codes_stand_for_the_starts(name: str) -> None:
    """In stretches around every change of offset, so that there are many rows a bucket."""
    rng = np.random.default_rng(4)
    changes = zone(name).starts[1:]
    centres = [*changes[(changes > -4e9) & (changes < 4e9)][-12:].tolist(), 0, 1_700_000_000]
    n_coded = 0
    for text in SPANS:
        for centre in centres:
            for width in (3600, 86_400 * 3, 86_400 * 400):
                instants = (centre * US) + rng.integers(-width * US, width * US, 400)
                found = bucket_codes(instants, span(text), name)
                if found is None:
                    continue
                n_coded += 1
                assert found[0].dtype == np.int32
                assert np.array_equal(found[1][found[0]], bucket_start(instants, span(text), name)), (
                    text,
                    centre,
                    width,
                )
    assert n_coded > 50


@pytest.mark.parametrize("text", ["1m", "7m", "1h", "100m", "3h20m"])
@pytest.mark.parametrize("centre", [0, 1_700_000_000, -5_000_000_000, 9_000_000_000_000])
@pytest.mark.parametrize("width", [1, 500, 40_000, 10**11])
def test_codes_in_one_pass(text: str, centre: int, width: int) -> None:
    """Where they are in any order, before and behind the first, and far away; compiled."""
    rng = np.random.default_rng(abs(centre) + width)
    instants = centre * US + rng.integers(-width * US, width * US + 1, 5000)
    for name in ("UTC", "Etc/GMT-5"):
        found = bucket_codes(instants, span(text), name, compiled=True)
        plain = bucket_codes(instants, span(text), name)
        assert (found is None) is (plain is None)
        if found is not None and plain is not None:
            assert np.array_equal(found[0], plain[0]) and np.array_equal(found[1], plain[1])
            assert np.array_equal(found[1][found[0]], bucket_start(instants, span(text), name))


def test_no_codes_in_one_pass_where_a_time_has_no_bucket() -> None:
    instants = np.full(5000, 2**63 - 1000)
    assert bucket_codes(instants, span("1m"), "UTC", compiled=True) is None
    assert bucket_codes(-instants, span("1m"), "UTC", compiled=True) is None


def test_codes_of_a_wide_range_in_one_pass() -> None:
    """Further apart than doubles tell exactly, with few buckets between."""
    instants = np.array([-(2**61), 2**61, 12345] * 400)
    wide = Span(ns=10**9 * 86_400 * 365 * 3000, months=0)
    found, plain = bucket_codes(instants, wide, "UTC", compiled=True), bucket_codes(instants, wide, "UTC")
    assert found is not None and plain is not None
    assert np.array_equal(found[1][found[0]], bucket_start(instants, wide, "UTC"))


def test_no_codes_where_buckets_are_many() -> None:
    instants = np.arange(0, 1000 * US, US)
    assert bucket_codes(instants, span("1s"), "UTC") is None
    assert bucket_codes(instants[:0], span("1h"), "UTC") is None
    assert bucket_codes(instants, Span(), "UTC") is None


@pytest.mark.parametrize("step", [1, 7, 60_000_000, 86_400_000_000, (1 << 52) - 1])
def test_compiled_codes_are_the_general_ones(step: int) -> None:
    """At the bounds of buckets, one before and one after, as far as the kernel may be asked."""
    from cortado.engine.kernels import buckets, load

    load.ensure(background=False)
    most = min((1 << 53) // step - 1, (1 << 31) - 2)
    for first in (0, -(1 << 62), 1_700_000_000_000_000):
        bounds = (
            np.unique(np.concatenate([np.arange(min(most, 2000)), np.linspace(0, most, 5000).astype(np.int64)])) * step
        )
        off = np.unique(np.concatenate([bounds, bounds + 1, np.maximum(bounds - 1, 0)]))
        out = np.empty(len(off), np.int32)
        buckets.even_codes(first + off, first, step, out)
        assert (out == off // step).all()
