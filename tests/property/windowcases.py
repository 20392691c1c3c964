"""Random cases for `window` and `streamstats`: every kind of frame, lists of them, groups by any fields, units of time."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from .momentoracle import NEAR, Near, change, close
from .neighbouroracle import FUNCTIONS, Fn, ema, near, wanted
from .windoworacle import AGGS, DAY_0, TIMED, Agg, Row, Shape, expected, ordered, same

DOUBLES = (0.0, -0.0, 0.1, 0.2, -0.3, 1e16, -1e16, 1e300, 5e-324, math.nan, math.inf, -math.inf)
TAME = (0.1, 0.25, -3.75, 7.1, 1e3)
LONGS = (-3, -1, 0, 1, 2, 3, 2**62, -(2**62), 2**63 - 1, -(2**63))
FIELDS = {
    "n": pa.int64(), "t": pa.timestamp("s"), "k": pa.string(), "x": pa.int64(), "y": pa.float64(), "s": pa.string(),
}  # fmt: skip
NS = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1, "m": 60 * 10**9, "d": 86_400 * 10**9}
UNITS = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}
MORE_FUNCTIONS = (Fn("pct(y)", change), Fn("ema(y, alpha=1)", ema("y", alpha=1.0), least="y"))
Known = Agg | Near | Fn


@dataclass
class Case:
    """`shapes`: one, or one for each length of a list, with what that adds to a column's name."""

    rows: list[Row]
    shapes: list[tuple[str, Shape]]
    calls: list[Known]
    least: int
    quantum: str  # what a tick of `t` is
    unit: str  # of the field
    command: str
    says_time: bool
    behind: str = ""  # `search` of a key, `fields` of some columns

    @property
    def by_time(self) -> bool:
        return self.shapes[0][1].by_time or any(isinstance(k, Fn) and k.by_time for k in self.calls)

    def query(self) -> str:
        calls = ", ".join(
            f"{k.text}{' where x > 0' if getattr(k, 'where', None) else ''} as c{i}" for i, k in enumerate(self.calls)
        )
        words = ["time=t"] if self.by_time and self.says_time else []
        words += [f"min={self.least}"] if self.least != 1 else []
        by = self.shapes[0][1].by
        behind = f" by {', '.join(by)}" if by else ""
        return f"table r | {self.command} {' '.join([*words, self.shapes[0][1].options])} {calls}{behind}{self.behind}"

    def chosen(self) -> list[Row]:
        """Rows that `behind` lets pass."""
        return [r for r in self.rows if 'k == "a"' not in self.behind or r["k"] == "a"]

    def table(self) -> pa.Table:
        columns = {n: pa.array([r[n] for r in self.rows], kind) for n, kind in FIELDS.items() if n != "t"}
        base = (DAY_0.toordinal() - 719_163) * NS["d"] if self.quantum == "d" else 0
        ticks = [None if r["t"] is None else (r["t"] * NS[self.quantum] + base) // UNITS[self.unit] for r in self.rows]
        times = pa.array(ticks, pa.int64()).cast(pa.timestamp(self.unit, "UTC"))
        made = pa.table({n: times if n == "t" else columns[n] for n in FIELDS})
        return made if len(self.rows) < 4 or len(self.rows) % 2 else pa.concat_tables([made[:3], made[3:]])


def rows_of(draw: random.Random, tame: bool) -> list[Row]:
    doubles = TAME if tame or draw.random() < 0.5 else DOUBLES
    longs = LONGS if not tame and draw.random() < 0.3 else LONGS[:6]
    reach = draw.choice([3, 8, 30])
    out = []
    for n in range(draw.choice([0, 1, 2, 5, 9, 14, 40])):
        values = [
            draw.randint(0, reach), draw.choice("ab"), draw.choice(longs), draw.choice(doubles), draw.choice(["", "a", "B", "é"]),
        ]  # fmt: skip
        kept = [None if draw.random() < 0.15 else v for v in values]
        out.append(dict(zip(FIELDS, (n, *kept), strict=True)))
    return out


def shapes_of(draw: random.Random, quantum: str, command: str) -> list[tuple[str, Shape]]:
    kind = draw.choice(["running", "rows", "sides", "span", "span", "after", "around", "months"])
    current = draw.random() < 0.7
    words = [] if current else ["current=f"]
    by = draw.choice([("k",), ("k",), (), ("k", "s"), ("x",), ("y", "k")])
    n, m = draw.randint(0, 5), draw.randint(0, 5)
    if kind in ("running", "rows", "sides"):
        order = draw.choice([None, None, "x", "y", "s", "t"])
        words += [f"order={order}"] if order else []
        plain = Shape("", False, None, 0, current=current, order=order, by=by)
        if kind == "running":
            everything = ["window=0"] if command == "streamstats" and draw.random() < 0.3 else []
            return [("", replace(plain, options=" ".join([*everything, *words])))]
        if kind == "rows":
            return _rows(draw, plain, words, command)
        given = draw.choice([("before", "after"), ("before",), ("after",)])
        n, m = n * ("before" in given), m * ("after" in given)
        told = [f"{o}={v}" for o, v in (("before", n), ("after", m)) if o in given]
        return [("", replace(plain, options=" ".join([*told, *words]), before=n, after=m))]
    closed = draw.choice(["both", "left", "right", "none"])
    words += [f"closed={closed}"] if closed != "both" else []
    plain = Shape("", True, 0, 0, closed, current=current, by=by)
    if kind == "after":
        return [("", replace(plain, options=" ".join([f"after={m}{quantum}", *words]), after=m))]
    if kind == "around":
        ends = [f"before={n}{quantum}", f"after={m}{quantum}"]
        return [("", replace(plain, options=" ".join([*ends, *words]), before=n, after=m))]
    ties = draw.choice(["all", "row"])
    words += [f"ties={ties}"] if ties == "row" else []
    plain = replace(plain, ties=ties)
    if kind == "months" and quantum == "d":
        name = draw.choice(["span", "before"])
        return [("", replace(plain, options=" ".join([f"{name}=1mon", *words]), months=1))]
    option = (
        draw.choice(["span", "time_window", "window"]) if command == "streamstats" else draw.choice(["span", "before"])
    )
    lengths = [n] if option in ("window", "before") or draw.random() < 0.6 else draw.sample(range(9), 2)
    if option == "window":
        lengths = [max(1, n)]
    written = ",".join(f"{v}{quantum}" for v in lengths)
    if option == "time_window":
        lengths, written = lengths[:1], f"{lengths[0]}{quantum}"
    options = " ".join([f"{option}={written}", *words])
    return [(f"_{v}{quantum}" if len(lengths) > 1 else "", replace(plain, options=options, before=v)) for v in lengths]


def _rows(draw: random.Random, plain: Shape, words: list[str], command: str) -> list[tuple[str, Shape]]:
    if command == "streamstats":
        n = draw.randint(1, 6)
        return [("", replace(plain, options=" ".join([f"window={n}", *words]), before=n - plain.current))]
    lengths = draw.sample(range(1, 8), draw.choice([1, 1, 2, 3]))
    options = " ".join([f"rows={','.join(map(str, lengths))}", *words])
    return [
        (f"_{n}" if len(lengths) > 1 else "", replace(plain, options=options, before=n - plain.current))
        for n in lengths
    ]


def random_case(draw: random.Random) -> Case:
    quantum = draw.choice(["s", "s", "s", "ms", "us", "ns", "m", "d", "d"])
    unit = draw.choice([u for u in UNITS if UNITS[u] <= NS[quantum]])
    command = "streamstats" if draw.random() < 0.15 else "window"
    shapes = shapes_of(draw, quantum, command)
    first = shapes[0][1]
    tame = draw.random() < 0.5
    rows = rows_of(draw, tame)
    functions = [f for f in (*FUNCTIONS, *MORE_FUNCTIONS) if quantum == "s" or not f.by_time]
    # of 1e300 over nanoseconds there is no product
    timed = TIMED if first.by_time and quantum == "s" and (tame or unit != "ns") else ()
    choice: list[Known] = [*AGGS, *functions, *timed, *(NEAR if tame else ())]
    calls = draw.sample(choice, draw.randint(1, 6))
    counted = any(w in first.options for w in ("rows=", "before=", "after=", "window=")) and not first.by_time
    least = 1 if counted else draw.choice([1, 1, 0, 2, 3])
    if least == 0:  # of functions it says nothing
        calls = [k for k in calls if not isinstance(k, Fn)] or [AGGS[0]]
    if not any(isinstance(k, Near) or (isinstance(k, Agg) and k.counted is not None) for k in calls):
        calls.append(AGGS[0])  # alone, what looks at no frame refuses the frame, what is never null refuses min=
    behind = draw.choice(["", "", "", ' | search k == "a"'])
    behind += f" | fields n, c{draw.randrange(len(calls))}*" if draw.random() < 0.2 else ""
    return Case(rows, shapes, calls, least, quantum, unit, command, draw.random() < 0.6, behind)


def answers(case: Case, call: Known) -> list[tuple[str, dict[int, Any]]]:
    """By what is added to its name, and by number of the row."""
    if isinstance(call, Fn):
        return [("", wanted(case.rows, case.shapes[0][1], call, case.least))]
    if isinstance(call, Agg):
        return [(suffix, expected(case.rows, shape, call, case.least)) for suffix, shape in case.shapes]
    return [(suffix, _of_near(case, shape, call)) for suffix, shape in case.shapes]


def _of_near(case: Case, shape: Shape, call: Near) -> dict[int, Any]:
    out: dict[int, Any] = {}
    for group in ordered(case.rows, shape):
        for i, row in enumerate(group):
            seen = shape.seen(group, i)
            enough = sum(call.counts(r) for r in seen) >= case.least
            out[row["n"]] = call.of(row, seen) if enough else None
    return out


def difference(case: Case, got: list[Row]) -> str:
    """Empty where all columns are right."""
    if [r["n"] for r in got] != [r["n"] for r in case.chosen()]:
        return "rows in another order"
    for i, call in enumerate(case.calls):
        exact = isinstance(call, Agg) and call in AGGS
        for suffix, right in answers(case, call):
            for row in got if not got or f"c{i}{suffix}" in got[0] else ():
                a, b = row[f"c{i}{suffix}"], right.get(row["n"])
                is_same = same(a, b) if exact else close(a, b) if isinstance(call, Near) else near(a, b, case.rows)
                if not is_same:
                    return f"{call.text}{suffix} of row {row['n']}: {a!r}, not {b!r}"
    return ""
