"""Makes the data of the examples that nobody measured: `python examples/make.py` writes examples/data, in a few seconds.

Everything comes from fixed seeds. What is planted in it (falls of liquidity, pushes of the order flow, where the word is said)
stands in the constants below, so that one can see whether a query finds it.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import math
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
HERE = Path(__file__).parent / "data"
OPEN = dt.datetime(2026, 11, 9, 14, 30, tzinfo=dt.UTC)
HOURS = 2
PRICES = {"AAA": 100.0, "BBB": 25.0}
FALLS = {"AAA": (1_830, 5_400), "BBB": (3_615,)}  # seconds after OPEN at which most of the book is taken away
FALL_LASTS = 20  # seconds
PUSHES = {"AAA": ((2_700, 1), (4_530, -1)), "BBB": ((1_215, 1), (6_000, -1))}  # seconds, and up or down
PUSH_LASTS = 10  # seconds
DEMAND_BEGINS, DEMAND_ENDS = dt.datetime(2021, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
BIKES_BEGIN, BIKE_WEEKS = dt.datetime(2026, 3, 2, tzinfo=dt.UTC), 20
FREE_DAYS = tuple(
    dt.datetime(2026, m, d, tzinfo=dt.UTC) for m, d in ((5, 5), (5, 25), (6, 3), (7, 17))
)  # of Korea, not at weekends
SAID = (0.2, 0.9, 1.5)  # seconds at which the recording has the word: softly, loudly, and a little slower


def drift(rng: np.random.Generator, n: int, pull: float, noise: float) -> Doubles:
    """A random walk that is pulled back to 0."""
    out = np.empty(n)
    at = 0.0
    for i, step in enumerate(rng.normal(0, noise, n)):
        at += step - pull * at
        out[i] = at
    return out


def during(seconds: Doubles, start: float, length: float) -> NDArray[np.bool_]:
    return (seconds >= start) & (seconds < start + length)


def book(rng: np.random.Generator, sym: str) -> dict[str, Any]:
    """Quotes of one symbol, more than one a second: prices in cents, sizes in shares."""
    ms = np.unique(rng.integers(0, HOURS * 3_600_000, HOURS * 3_000))
    seconds, n = ms / 1000, len(ms)
    push = np.zeros(n)
    size = 800 * np.exp(drift(rng, n, 0.05, 0.03))
    for start, sign in PUSHES[sym]:
        pushed = during(seconds, start, PUSH_LASTS)
        push[pushed] = sign
        size[pushed] *= 1.8
    for start in FALLS[sym]:
        size[during(seconds, start, FALL_LASTS)] *= 0.1
    moves = np.where(push != 0, push, rng.choice([-1, 0, 0, 0, 0, 1], n))
    mid = np.round(PRICES[sym] * 100) + np.cumsum(moves)
    half = rng.integers(1, 3, n)
    lean = np.exp(drift(rng, n, 0.1, 0.05))
    return {
        "us": ms * 1000,
        "sym": np.full(n, sym),
        "bid": (mid - half) / 100,
        "bidsize": np.maximum(1, np.round(size * lean)).astype(np.int64),
        "ask": (mid + half) / 100,
        "asksize": np.maximum(1, np.round(size / lean)).astype(np.int64),
    }


def deals(rng: np.random.Generator, quotes: dict[str, Any]) -> dict[str, Any]:
    """Trades a little after some of the quotes, at the bid, at the ask or between them."""
    chosen = np.flatnonzero(rng.random(len(quotes["us"])) < 0.3)
    bid, ask = quotes["bid"][chosen], quotes["ask"][chosen]
    at = rng.choice(3, len(chosen), p=[0.45, 0.45, 0.1])
    return {
        "us": quotes["us"][chosen] + rng.integers(1, 400, len(chosen)) * 1000,
        "sym": quotes["sym"][chosen],
        "price": np.choose(at, [bid, ask, np.round((bid + ask) / 2, 2)]),
        "size": rng.integers(1, 20, len(chosen)) * 10,
    }


def save(path: Path, parts: list[dict[str, Any]]) -> None:
    """All symbols in order of time."""
    columns = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    order = np.argsort(columns["us"], kind="stable")
    moment = pa.array(columns.pop("us")[order] + int(OPEN.timestamp()) * 1_000_000, pa.timestamp("us", "UTC"))
    table = {"_time": moment, **{name: pa.array(c[order].tolist()) for name, c in columns.items()}}
    pq.write_table(pa.table(table), path, compression="zstd")


def market(folder: Path) -> None:
    """Two hours of quotes and trades of two symbols."""
    rng = np.random.default_rng(1)
    quotes = [book(rng, sym) for sym in PRICES]
    save(folder / "quotes.parquet", quotes)
    save(folder / "trades.parquet", [deals(rng, q) for q in quotes])


def ride(rng: np.random.Generator) -> Iterator[tuple[float, float | None]]:
    """Seconds and metres a second: faster, steady, slower. Now and then the sensor says nothing."""
    top, steady = rng.uniform(8, 14), rng.uniform(60, 240)
    ramp = top / 0.8
    ends = np.array([0, ramp, ramp + steady, 2 * ramp + steady])
    at = 0.0
    while at < ends[-1]:
        speed = float(np.interp(at, ends, [0, top, top, 0])) + rng.normal(0, 0.1)
        yield at, None if rng.random() < 0.02 else round(max(0.0, speed), 2)
        at += round(rng.uniform(1, 4), 1)
    yield at, 0.0


def pods(folder: Path) -> None:
    """Trips of five pods: the readings of all, as they come in."""
    rng = np.random.default_rng(2)
    rows = []
    for pod in range(5):
        start = float(rng.integers(0, 600))
        for number in range(4):
            trip = f"{pod + 1}-{number + 1}"
            readings = list(ride(rng))
            rows += [(round(start + at, 1), f"pod{pod + 1}", trip, speed) for at, speed in readings]
            start += readings[-1][0] + float(rng.integers(120, 900))
    with (folder / "pods.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["_time", "pod", "trip", "speed"])
        for at, *rest in sorted(rows, key=lambda r: (r[0], r[1])):
            moment = OPEN + dt.timedelta(seconds=at)
            out.writerow([f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z", *rest])


def sound(folder: Path) -> None:
    """A word, a rising tone, in two seconds of noise."""
    rate, rng = 1000, np.random.default_rng(7)
    n = int(0.3 * rate)
    t = np.arange(n) / rate
    word = np.sin(2 * math.pi * (20 * t + 60 * t * t)) * np.hanning(n)
    slow = np.interp(np.linspace(0, n - 1, n * 21 // 20), np.arange(n), word)
    speech = rng.normal(0, 0.05, 2 * rate)
    for start, spoken in zip(SAID, (0.5 * word, 0.8 * word, 0.8 * slow), strict=True):
        speech[int(start * rate) : int(start * rate) + len(spoken)] += spoken
    for name, samples in (("word", word), ("speech", speech)):
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def demand(folder: Path) -> None:
    """Five years of daily sales of 50 items in 10 stores: Poisson about a level that grows, has its weekdays and its summer."""
    rng = np.random.default_rng(4)
    n = (DEMAND_ENDS - DEMAND_BEGINS).days
    day = np.arange(n)
    weekday = np.array([0.85, 0.8, 0.85, 0.95, 1.15, 1.3, 1.1])[(day + DEMAND_BEGINS.weekday()) % 7]
    year = 1 + 0.25 * np.sin(2 * np.pi * (day / 365.25 - 0.3))
    growth = 1 + 0.05 * day / 365.25
    item = np.exp(rng.normal(2.6, 0.6, 50))
    store = rng.uniform(0.6, 1.6, 10)
    level = store[:, None, None] * item[None, :, None] * (weekday * year * growth)
    qty = rng.poisson(level).astype(np.int64)
    times = int(DEMAND_BEGINS.timestamp()) * 1_000_000 + day * 86_400_000_000
    table = {
        "_time": pa.array(np.tile(times, 500), pa.timestamp("us", "UTC")),
        "store": pa.array([f"s{k // 50:02}" for k in range(500) for _ in range(n)]),
        "item": pa.array([f"i{k % 50:02}" for k in range(500) for _ in range(n)]),
        "qty": pa.array(qty.ravel()),
    }
    pq.write_table(pa.table(table), folder / "demand.parquet", compression="zstd")


def bikes(folder: Path) -> None:
    """Twenty weeks of rides an hour at three stations: commuters on workdays, outings at weekends and on holidays, fewer in rain and cold."""
    rng = np.random.default_rng(5)
    n = 24 * 7 * BIKE_WEEKS
    hour = np.arange(n)
    of_day, day = hour % 24, hour // 24
    weekday = (day + BIKES_BEGIN.weekday()) % 7
    free = (weekday >= 5) | np.isin(day, [(d - BIKES_BEGIN).days for d in FREE_DAYS])
    commute = np.exp(-((of_day - 8) ** 2) / 3) + 1.2 * np.exp(-((of_day - 18) ** 2) / 5) + 0.15
    outing = np.exp(-((of_day - 15) ** 2) / 14) + 0.1
    celsius = (
        14
        + 8 * np.sin(2 * np.pi * (day / 365.25 - 0.05))
        + 4 * np.sin(2 * np.pi * (of_day - 9) / 24)
        + drift(rng, n, 0.02, 0.4)
    )
    rain = np.maximum(0, drift(rng, n, 0.05, 0.5) - 1.0)
    rows = []
    for name, size in (("harbour", 60.0), ("park", 25.0), ("station", 90.0)):
        rate = size * np.where(free, 0.7 * outing, commute) * np.exp(0.03 * (celsius - 14) - 0.35 * rain)
        rows.append((name, rng.poisson(rate)))
    times = int(BIKES_BEGIN.timestamp()) * 1_000_000 + hour * 3_600_000_000
    table = {
        "_time": pa.array(np.tile(times, 3), pa.timestamp("us", "UTC")),
        "station": [name for name, _ in rows for _ in range(n)],
        "rides": pa.array(np.concatenate([r for _, r in rows]).astype(np.int64)),
        "celsius": np.tile(np.round(celsius, 1), 3),
        "rain": np.tile(np.round(rain, 1), 3),
    }
    pq.write_table(pa.table(table), folder / "bikes.parquet", compression="zstd")


def parts(folder: Path) -> None:
    """Four years of what was asked for of forty spare parts, a row only where something was."""
    rng = np.random.default_rng(6)
    with (folder / "parts.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("month", "part", "qty"))
        for part in range(40):
            chance, size = rng.uniform(0.08, 0.45), rng.uniform(1, 8)
            asked = np.flatnonzero(rng.random(48) < chance)
            for month in sorted({0, *asked.tolist()}):
                rows.writerow((f"{2022 + month // 12}-{month % 12 + 1:02}", f"p{part:02}", 1 + rng.poisson(size)))


MADE = {"market": market, "pods": pods, "sound": sound, "demand": demand, "bikes": bikes, "parts": parts}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("what", nargs="*", metavar="WHAT", help=f"{', '.join(MADE)} (default: all)")
    asked.add_argument("--to", type=Path, default=HERE, help="the folder (default: examples/data)")
    given = asked.parse_args()
    unknown = [name for name in given.what if name not in MADE]
    if unknown:
        asked.error(f"nothing is named {unknown[0]!r}: {', '.join(MADE)}")
    given.to.mkdir(parents=True, exist_ok=True)
    for name in given.what or MADE:
        MADE[name](given.to)


if __name__ == "__main__":
    main()
