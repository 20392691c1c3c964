"""Zones against `zoneinfo`: offsets, names, missing and ambiguous wall times."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import numpy as np
import pytest

from cortado.engine.zones import NS, US, UnknownZone, is_zone, zone

EPOCH = dt.datetime(1970, 1, 1)
ALL = sorted(z for z in zoneinfo.available_timezones() if z != "localtime" and not z.startswith(("posix/", "right/")))
KNOWN = ["Europe/Berlin", "America/New_York", "Asia/Seoul", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia",
         "America/St_Johns", "Africa/Casablanca", "Asia/Kathmandu", "America/Nuuk", "Europe/Dublin", "UTC"]  # fmt: skip


def moments(name: str, rng: np.random.Generator, n: int) -> np.ndarray:
    """Seconds: anywhere in the years 1 to 9999, and around changes of offset."""
    changes = zone(name).starts[1:]
    changes = changes[(changes > -6e10) & (changes < 25e10)]
    near = rng.choice(changes, min(len(changes), n)) if len(changes) else changes
    around = [near + d for d in (-86_400, -3601, -1, 0, 1, 1800, 3600, 86_399)]
    return np.concatenate([rng.integers(-62 * 10**9, 253 * 10**9, n), *around])


def check(name: str, n: int) -> None:
    rng = np.random.default_rng(len(name))
    found, judge = zone(name), zoneinfo.ZoneInfo(name)
    seconds = moments(name, rng, n)
    seconds = seconds[(seconds > -62_135_500_000) & (seconds < 253_402_200_000)]
    offsets = np.broadcast_to(found.offset_at(seconds, 1), len(seconds))
    shown = [found.names[i] for i in found.index_at(seconds, 1).tolist()]
    utc, doubtful = found.to_utc(seconds, 1)
    for second, offset, label, back, odd in zip(
        seconds.tolist(), offsets.tolist(), shown, utc.tolist(), doubtful.tolist(), strict=True
    ):
        there = (EPOCH + dt.timedelta(seconds=second)).replace(tzinfo=dt.UTC).astimezone(judge)
        assert (there.utcoffset() or dt.timedelta()).total_seconds() == offset, (name, second)
        assert there.tzname() == label, (name, second)
        wall = (EPOCH + dt.timedelta(seconds=second)).replace(tzinfo=judge)
        early, late = wall.utcoffset(), wall.replace(fold=1).utcoffset()
        assert early is not None
        assert (second - early.total_seconds(), early != late) == (back, odd), (name, second)


@pytest.mark.parametrize("name", KNOWN)
def test_known_zones_agree_with_zoneinfo(name: str) -> None:
    check(name, 100)


def test_every_zone_agrees_with_zoneinfo() -> None:
    for name in ALL:
        check(name, 3)


def test_a_missing_wall_time_moves_on_by_the_gap_and_an_ambiguous_one_is_the_earlier() -> None:
    berlin = zone("Europe/Berlin")
    walls = np.array(
        [np.datetime64(t, "us").astype(np.int64) for t in ("2026-03-29T02:30", "2026-10-25T02:30", "2026-07-01")]
    )
    utc, doubtful = berlin.to_utc(walls)
    assert utc.astype("M8[us]").astype(str).tolist() == [
        "2026-03-29T01:30:00.000000", "2026-10-25T00:30:00.000000", "2026-06-30T22:00:00.000000",
    ]  # fmt: skip
    assert doubtful.tolist() == [True, True, False]


@pytest.mark.parametrize("name", KNOWN)
def test_units_agree(name: str) -> None:
    rng = np.random.default_rng(1)
    seconds = moments(name, rng, 50)
    seconds = seconds[(seconds > -9_000_000_000) & (seconds < 9_000_000_000)]
    coarse = np.broadcast_to(zone(name).offset_at(seconds, 1), len(seconds))
    for ticks in (US, NS):
        assert (np.broadcast_to(zone(name).offset_at(seconds * ticks, ticks), len(seconds)) == coarse * ticks).all()
        assert (zone(name).to_utc(seconds * ticks, ticks)[0] == zone(name).to_utc(seconds, 1)[0] * ticks).all()


@pytest.mark.parametrize(
    ("name", "seconds"), [("+09:00", 32_400), ("UTC-3", -10_800), ("GMT+5:30", 19_800), ("-0330", -12_600)]
)
def test_fixed_offsets(name: str, seconds: int) -> None:
    assert zone(name).offsets.tolist() == [seconds]


@pytest.mark.parametrize("name", ["", "Nowhere/Else", "../etc/passwd", "/etc/passwd", "+25:00", "Europe", "seoul"])
def test_unknown_zones_are_refused(name: str) -> None:
    assert not is_zone(name)
    with pytest.raises(UnknownZone):
        zone(name)
