"""What `windowjoin` must give, by going through all rows of the right for each of the left; and random cases for it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from .asofcases import codes_of, key_value, keys_of, time_names
from .asoforacle import KINDS, NS, SCALE, Key, equal, plainly, table
from .momentoracle import NEAR, Near, close
from .neighbouroracle import near
from .windowcases import DOUBLES, LONGS, TAME
from .windoworacle import AGGS, DAY_0, TIMED, Agg, Row, months_before, present, same

PAIRS = [
    ("us", "us"),
    ("us", "us"),
    ("us", "ns"),
    ("ns", "us"),
    ("ns", "ns"),
    ("s", "us"),
    ("ms", "naive"),
    ("day", "us"),
]
SEEN = {"n": pa.int64(), "x": pa.int64(), "y": pa.float64(), "s": pa.string()}
DAY = 86_400 * NS
BASE = (DAY_0.toordinal() - 719_163) * DAY
LENGTHS = {"s": NS, "ms": 10**6, "us": 1000, "ns": 1, "m": 60 * NS, "d": DAY}


@dataclass
class Case:
    """Times as stored, in the units of `kinds`; `begin`, `end` in nanoseconds, or in months."""

    left: list[Row]
    right: list[Row]
    kinds: tuple[str, str]
    on: str
    righton: str
    written: str
    keys: list[Key]
    begin: int
    end: int
    options: list[str]
    closed: str = "both"
    prevailing: bool = False
    months: bool = False
    calls: list[Agg | Near] = field(default_factory=list)
    tables: dict[str, pa.Table] = field(default_factory=dict)

    def query(self) -> str:
        calls = ", ".join(
            f"{a.text}{' where x > 0' if getattr(a, 'where', None) else ''} as c{i}" for i, a in enumerate(self.calls)
        )
        by = f" by {', '.join(k.text() for k in self.keys)}" if self.keys else ""
        return f"table a | windowjoin {self.written} {' '.join(self.options)} {calls}{by} [ table b ]"

    def moved(self, t: int, by: int) -> int:
        """A time of the left moved by what an option says."""
        if not self.months:
            return t + by
        day, rest = divmod(t - BASE, DAY)
        return BASE + months_before(day, -by) * DAY + rest


def seen(case: Case, row: Row) -> list[Row] | None:
    """Rows of the right in the window, by time, then as they came; None: the row has no time."""
    if row[case.on] is None:
        return None
    t = row[case.on] * SCALE[case.kinds[0]]
    low, high = case.moved(t, case.begin), case.moved(t, case.end)
    mine = [
        (u[case.righton] * SCALE[case.kinds[1]], u)
        for u in case.right
        if u[case.righton] is not None
        and all(equal(plainly(row[k.left], k.types[0]), plainly(u[k.right], k.types[1])) for k in case.keys)
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


def value_of(call: Agg | Near, rows: list[Row]) -> Any:
    if isinstance(call, Near):
        return call.of({}, rows) if any(map(call.counts, rows)) else None
    chosen = [r for r in rows if call.where is None or call.where(r)]
    if call.text.startswith("cov"):  # of doubles: whole numbers are rounded to such first
        chosen = [r | {"x": None if r["x"] is None else float(r["x"])} for r in chosen]
    return call.of(chosen) if call.counted is None or present(chosen, *call.counted) else None


def wrong(case: Case, got: list[Row]) -> str:
    """What differs first; empty: nothing."""
    if [r["i"] for r in got] != [r["i"] for r in case.left]:
        return "rows"
    for row, mine in zip(got, case.left, strict=True):
        rows = seen(case, mine)
        for i, call in enumerate(case.calls):
            wanted = None if rows is None else value_of(call, rows)
            a = row[f"c{i}"]
            is_exact = isinstance(call, Agg) and call in AGGS
            is_same = (
                same(a, wanted)
                if is_exact
                else close(a, wanted)
                if isinstance(call, Near)
                else near(a, wanted, case.right)
            )
            if not is_same:
                return f"{call.text} of row {mine['i']}: {a!r}, not {wanted!r}"
    return ""


def _window(draw: random.Random, kinds: tuple[str, str], unit: str) -> tuple[int, int, list[str], bool]:
    """Ends in nanoseconds or months, as options, and whether they are months."""
    begin, end = sorted([draw.choice([-9, -9, -3, -1, 0, 0, 1, 4]), draw.choice([-2, 0, 0, 1, 3, 9, 9])])
    months = unit == "d" and draw.random() < 0.5
    if months:
        begin, end = max(begin, -2), min(end, 2)
        begin, end = min(begin, end), max(begin, end)
    told = "mon" if months else unit
    options = [f"from={begin}{told}"] if begin or not end else []
    options += [f"to={end}{told}"] if end or draw.random() < 0.5 else []
    scale = 1 if months else LENGTHS[unit]
    return begin * scale, end * scale, options, months


def random_case(draw: random.Random) -> Case:
    kinds = draw.choice(PAIRS)
    finest = min(SCALE[k] for k in kinds)
    fits = [u for u, ns in LENGTHS.items() if ns >= max(finest, SCALE[kinds[0]] if draw.random() < 0.7 else finest)]
    unit = draw.choice(fits)
    on, righton, written, dates = time_names(draw, kinds)
    keys = keys_of(draw, dates)
    begin, end, options, months = _window(draw, kinds, unit)
    span, codes, tame = draw.choice([3, 8, 8, 40]), codes_of(draw, keys), draw.random() < 0.5

    def time_of(kind: str) -> int | None:
        if draw.random() < 0.05:
            return None
        return (draw.randrange(span) * LENGTHS[unit] + (BASE if unit == "d" else 0)) // SCALE[kind]

    def side(at: int, n: int) -> list[Row]:
        times = [time_of(kinds[at]) for _ in range(n)]
        if draw.random() < 0.5:
            times.sort(key=lambda t: (t is None, t))
        out = []
        for i, t in enumerate(times):
            keyed = {
                (k.left, k.right)[at]: None if draw.random() < 0.08 else key_value(draw, k.types[at], draw.randrange(codes)) for k in keys
            }  # fmt: skip
            values = {
                "i": i, "n": i, "t": 0,
                "x": draw.choice([None, *range(-3, 4), draw.choice(LONGS[:6] if tame else LONGS)]),
                "y": draw.choice([None, draw.choice(TAME if tame else DOUBLES), draw.uniform(-5, 5), 0.25, 7.1]),
                "s": draw.choice([None, "", "a", "B", "é"]),
            }  # fmt: skip
            out.append(values | keyed | {(on, righton)[at]: t})
        return out

    closed, prevailing = draw.choice(["both", "both", "left", "right", "none"]), draw.random() < 0.4
    options += [] if closed == "both" else [f"closed={closed}"]
    options += ["prevailing=t"] if prevailing else []
    left, right = side(0, draw.choice([0, 1, 5, 12])), side(1, draw.choice([0, 1, 8, 20, 40]))
    case = Case(left, right, kinds, on, righton, written, keys, begin, end, options, closed, prevailing, months)
    timed = TIMED if unit == "s" and "ns" not in kinds else ()
    choice: list[Agg | Near] = [*AGGS, *(_by_time(case, t) for t in timed)]
    choice += [n for n in NEAR if not n.text.startswith("zscore")] if tame else []
    case.calls = draw.sample(choice, draw.randint(1, 5))
    mine = {"i": pa.int64(), on: KINDS[kinds[0]], **{k.left: k.types[0] for k in keys}}
    theirs = {righton: KINDS[kinds[1]], **SEEN, **{k.right: k.types[1] for k in keys}}
    case.tables = {"a": table(left, mine, draw.choice([1, 3])), "b": table(right, theirs, draw.choice([1, 4]))}
    return case


def _by_time(case: Case, call: Agg) -> Agg:
    """Over rows whose time is in seconds under the name `t`."""

    def of(rows: list[Row]) -> Any:
        return call.of([r | {"t": r[case.righton] * SCALE[case.kinds[1]] // NS} for r in rows])

    return Agg(call.text, of, call.counted, call.where)
