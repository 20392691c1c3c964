"""Constant times against `datetime` and `zoneinfo`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.engine.dateparse import parse_time_literal as parse_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_iso_with_offset(moment: datetime, minutes: int) -> None:
    sign, east = ("-" if minutes < 0 else "+"), abs(minutes)
    text = moment.isoformat() + f"{sign}{east // 60:02d}:{east % 60:02d}"
    assert parse_time(text, "Asia/Seoul") == us(moment.replace(tzinfo=UTC)) - minutes * 60_000_000


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026", "2026-01-01"), ("202611", "2026-11-01"), ("20261102", "2026-11-02"), ("2026110203", "2026-11-02T03:00"),
        ("202611020304", "2026-11-02T03:04"), ("20261102030405", "2026-11-02T03:04:05"), ("2026-11", "2026-11-01"),
        ("2026-11-02", "2026-11-02"), ("2026-11-02 03", "2026-11-02T03:00"), ("2026-11-02T03:04:05.25", "2026-11-02T03:04:05.250"),
        ("2026-11-02T03:04:05,000001000", "2026-11-02T03:04:05.000001"), (" 2026 ", "2026-01-01"),
    ],
)  # fmt: skip
def test_wall_times_are_of_the_zone(text: str, iso: str) -> None:
    assert parse_time(text, "Asia/Seoul") == us(datetime.fromisoformat(iso).replace(tzinfo=ZoneInfo("Asia/Seoul")))


def test_walls_that_do_not_exist_or_are_twice() -> None:
    zone = "America/New_York"
    assert (
        parse_time("2026-03-08T02:30", zone)
        == parse_time("2026-03-08T03:30", zone)
        == us(datetime(2026, 3, 8, 7, 30, tzinfo=UTC))
    )
    assert parse_time("2026-11-01T01:30", zone) == us(datetime(2026, 11, 1, 5, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "20261301", "20260230", "2026-1-1", "202", "20261", "2026-11-01T25", "2026-11-01T10:60", "2026-11-01T",
     "2026-11-01T10:00+9", "2026-11-01T10:00+09:75", "2026-11-01T10:00:00.0000001", "٢٠٢٦", "2026-11-01T10:00+25:00"],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    assert parse_time(text, "UTC") is None
