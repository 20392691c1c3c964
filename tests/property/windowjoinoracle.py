"""What `windowjoin` must give, by going through all rows of the right for each of the left; and random cases for it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from .asoforacle import NS, UNITS
from .windoworacle import AGGS, Agg, Row, present, same

SCALE = {"us": 1000, "ns": 1, "s": NS}
DOUBLES = [0.0, -0.0, 0.1, -0.3, 1e16, 1e300, 5e-324, math.nan, math.inf, -math.inf]
LONGS = [2**62, -(2**62), 2**63 - 1, -(2**63)]


@dataclass
class Case:
    """Times as stored, in the units of `kinds`; `begin`, `end` in nanoseconds."""

    left: list[Row]
    right: list[Row]
    kinds: tuple[str, str]
    keyed: bool
    begin: int
    end: int
    options: list[str]
    closed: str
    prevailing: bool
    aggs: list[Agg] = field(default_factory=list)
    tables: dict[str, pa.Table] = field(default_factory=dict)

    def query(self) -> str:
        calls = ", ".join(f"{a.text}{' where x > 0' if a.where else ''} as c{i}" for i, a in enumerate(self.aggs))
        by = " by k" if self.keyed else ""
        return f"table a | windowjoin on=t {' '.join(self.options)} {calls}{by} [ table b ]"


def seen(case: Case, row: Row) -> list[Row] | None:
    """Rows of the right in the window, by time, then as they came; None: the row has no time."""
    if row["t"] is None:
        return None
    t = row["t"] * SCALE[case.kinds[0]]
    low, high = t + case.begin, t + case.end
    mine = [
        (u["t"] * SCALE[case.kinds[1]], u)
        for u in case.right
        if u["t"] is not None and (not case.keyed or (u["k"] is not None and u["k"] == row["k"]))
    ]
    mine.sort(key=lambda p: p[0])

    def inside(u: int) -> bool:
        above = u > low if case.closed in ("right", "none") else u >= low
        return bool(above and (u < high if case.closed in ("left", "none") else u <= high))

    def in_front(u: int) -> bool:
        return bool(u <= low if case.closed in ("right", "none") else u < low)

    found = [r for u, r in mine if inside(u)]
    before = [r for u, r in mine if in_front(u)]
    return [before[-1], *found] if case.prevailing and before else found


def wrong(case: Case, got: list[Row]) -> str:
    """What differs first; empty: nothing."""
    if [r["i"] for r in got] != [r["i"] for r in case.left]:
        return "rows"
    for row, mine in zip(got, case.left, strict=True):
        rows = seen(case, mine)
        for i, agg in enumerate(case.aggs):
            chosen = None if rows is None else [r for r in rows if agg.where is None or agg.where(r)]
            if chosen is not None and agg.text.startswith("cov"):  # of doubles: whole numbers are rounded to such first
                chosen = [r | {"x": None if r["x"] is None else float(r["x"])} for r in chosen]
            wanted: Any = None
            if chosen is not None and (agg.counted is None or len(present(chosen, *agg.counted)) >= 1):
                wanted = agg.of(chosen)
            if not same(row[f"c{i}"], wanted):
                return f"{agg.text} of row {mine['i']}: {row[f'c{i}']!r}, not {wanted!r}"
    return ""


def random_case(rng: random.Random) -> Case:
    kinds = rng.choice([("us", "us"), ("us", "us"), ("us", "ns"), ("ns", "us"), ("ns", "ns"), ("s", "us")])
    span, keyed = rng.choice([3, 8, 40]), rng.random() < 0.8

    def side(kind: str, n: int) -> list[Row]:
        unit = {"us": 10**6, "ns": rng.choice([NS, 500_000_000]), "s": 1}[kind]
        found = [rng.randrange(span) * unit for _ in range(n)]
        if rng.random() < 0.5:
            found.sort()
        return [
            {
                "i": i, "n": i, "t": None if rng.random() < 0.05 else t, "k": rng.choice(["a", "a", "b", None]),
                "x": rng.choice([None, *range(-3, 4), rng.choice(LONGS)]),
                "y": rng.choice([None, rng.choice(DOUBLES), rng.uniform(-5, 5), 0.25, 7.1]),
                "s": rng.choice([None, "", "a", "B", "é"]),
            }
            for i, t in enumerate(found)
        ]  # fmt: skip

    begin, end = sorted([rng.choice([-9, -3, -1, 0, 0, 1, 4]), rng.choice([-2, 0, 0, 1, 3, 9])])
    options = [f"from={begin}s"] if begin or not end else []
    options += [f"to={end}s"] if end or rng.random() < 0.5 else []
    closed, prevailing = rng.choice(["both", "both", "left", "right", "none"]), rng.random() < 0.4
    options += [] if closed == "both" else [f"closed={closed}"]
    options += ["prevailing=t"] if prevailing else []
    sizes = rng.choice([0, 1, 5, 12]), rng.choice([0, 1, 6, 20])
    case = Case(
        side(kinds[0], sizes[0]),
        side(kinds[1], sizes[1]),
        kinds,
        keyed,
        begin * NS,
        end * NS,
        options,
        closed,
        prevailing,
    )
    case.aggs = rng.sample(AGGS, rng.randint(1, 5))
    case.tables = {
        "a": pa.table({"i": pa.array([r["i"] for r in case.left], pa.int64()), **_times(case.left, kinds[0])}),
        "b": pa.table(
            _times(case.right, kinds[1])
            | {
                "n": pa.array([r["n"] for r in case.right], pa.int64()), "x": pa.array([r["x"] for r in case.right], pa.int64()),
                "y": pa.array([r["y"] for r in case.right], pa.float64()), "s": pa.array([r["s"] for r in case.right], pa.string()),
            }
        ),
    }  # fmt: skip
    return case


def _times(rows: list[Row], kind: str) -> dict[str, pa.Array[Any]]:
    return {"t": pa.array([r["t"] for r in rows], UNITS[kind]), "k": pa.array([r["k"] for r in rows], pa.string())}
