"""What `asof` must give, by going through all rows of the right for each of the left; and random cases for it.

Times are exact Python numbers: nanoseconds, whole numbers, doubles.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pyarrow as pa

Row = dict[str, Any]
I64 = range(-(2**63), 2**63)
NS = 10**9
UNITS = {"us": pa.timestamp("us", "UTC"), "ns": pa.timestamp("ns", "UTC"), "s": pa.timestamp("s", "Asia/Seoul")}
SCALE = {"us": 1000, "ns": 1, "s": NS, "duration": 1000, "long": 1, "double": 1}
KINDS: dict[str, pa.DataType] = UNITS | {"duration": pa.duration("us"), "long": pa.int64(), "double": pa.float64()}  # type: ignore[assignment]
PAIRS = [("us", "us"), ("us", "us"), ("us", "ns"), ("ns", "us"), ("ns", "ns"), ("s", "us"), ("long", "long"),
         ("double", "double"), ("long", "double"), ("double", "long"), ("duration", "duration")]  # fmt: skip


@dataclass
class Case:
    """Times as stored (in the units of `kinds`); keys by name."""

    left: list[Row]
    right: list[Row]
    kinds: tuple[str, str]
    keys: int
    direction: str = "backward"
    exact: bool = True
    tolerance: tuple[str, Any] | None = None  # as written, and as a number in ns or of the field
    inner: bool = False
    skipnull: bool = False
    gap: bool = True
    prefix: bool = False
    coded: bool = False
    by: bool = False
    tables: dict[str, pa.Table] = field(default_factory=dict)

    def query(self) -> str:
        words = [f"direction={self.direction}"] if self.direction != "backward" else []
        words += [] if self.exact else ["exact=f"]
        words += [] if self.tolerance is None else [f"tolerance={self.tolerance[0]}"]
        words += ["type=inner"] if self.inner else []
        words += ["skipnull=t"] if self.skipnull else []
        words += ["gap=age"] if self.gap else []
        words += ["prefix=q_"] if self.prefix else []
        names = ["k", "m"][: self.keys]
        keys = ("by " if self.by and names else "") + ", ".join(names)
        return f"table a | asof {' '.join(words)} on=t {keys} [ table b ]"


def known(value: Any, kind: str) -> Any:
    """A time on the common scale; None: it takes no part."""
    if value is None or (kind == "double" and math.isnan(value)):
        return None
    return value * SCALE[kind]


def far(a: Any, b: Any) -> Any:
    if a == b:
        return 0
    if isinstance(a, float) or isinstance(b, float):
        return abs(float(a) - float(b))
    return abs(a - b)


def found(case: Case, row: Row, column: str | None = None) -> Row | None:
    """The row of the right that matches; `column`: the nearest that has a value there."""
    kinds = case.kinds
    as_double = "double" in kinds
    mixed = {"us", "ns"} == {("us" if k == "s" else k) for k in kinds}

    def time(value: Any, kind: str) -> Any:
        got = known(value, kind)
        if got is None or (mixed and got not in I64):
            return None
        return float(got) if as_double else got

    t = time(row["t"], kinds[0])
    if t is None:
        return None
    before: tuple[Any, Row] | None = None
    behind: tuple[Any, Row] | None = None
    for other in case.right:
        u = time(other["t"], kinds[1])
        if u is None or (not case.exact and u == t) or (column is not None and other[column] is None):
            continue
        names = ["k", "m"][: case.keys]
        if any(row[n] is None or row[n] != other[n] for n in names):
            continue
        if u <= t and case.direction != "forward" and (before is None or u >= before[0]):
            before = u, other
        later = behind is None or u < behind[0] or (u == behind[0] and case.direction == "nearest")
        if u >= t and case.direction != "backward" and later:
            behind = u, other
    near = [f for f in (before, behind) if f is not None]
    if not near:
        return None
    best = min(near, key=lambda f: far(t, f[0]))
    if case.tolerance is not None and far(t, best[0]) > case.tolerance[1]:
        return None
    return best[1]


def gap_of(case: Case, row: Row, other: Row | None) -> Any:
    """As microseconds, or a number; None where 64 bits do not hold it."""
    if other is None:
        return None
    a, b = known(row["t"], case.kinds[0]), known(other["t"], case.kinds[1])
    if "double" in case.kinds:
        return 0.0 if float(a) == float(b) else float(a) - float(b)
    if case.kinds[0] == "long":
        return a - b if a - b in I64 else None
    if case.kinds == ("ns", "ns"):
        return (a - b) // 1000 if a - b in I64 else None
    return a // 1000 - b // 1000 if a // 1000 - b // 1000 in I64 else None


def expected(case: Case) -> list[tuple[Any, ...]]:
    """i, v, w, age, q_t of each row that comes out."""
    out = []
    for row in case.left:
        plain = found(case, row)
        if case.inner and plain is None:
            continue
        got = {
            c: None if (f := (found(case, row, c) if case.skipnull else plain)) is None else f[c] for c in ("v", "w")
        }
        time = None if plain is None else plain["t"]
        out.append(
            (
                row["i"],
                got["v"],
                got["w"],
                gap_of(case, row, plain) if case.gap else None,
                time if case.prefix else None,
            )
        )
    return out


def ignored(case: Case) -> dict[str, int]:
    """Rows of the right that can match nothing, by why."""
    kinds = case.kinds
    mixed = {"us", "ns"} == {("us" if k == "s" else k) for k in kinds}
    out = {"null time": 0, "null key": 0, "overflow": 0}
    for row in case.right:
        t = known(row["t"], kinds[1])
        if t is None:
            out["null time"] += 1
        elif mixed and t not in I64:
            out["overflow"] += 1
        elif any(row[n] is None for n in ["k", "m"][: case.keys]):
            out["null key"] += 1
    return out


# random cases


def times(rng: random.Random, kind: str, n: int) -> list[Any]:
    wide = rng.random() < 0.1
    span = rng.choice([2, 5, 12, 1000])
    if kind == "double":
        odd = [math.inf, -math.inf, -0.0, 0.0, math.nan, 1e300, 2.0**53]
        made: list[Any] = [rng.choice(odd) if rng.random() < 0.1 else rng.randrange(span) / 2 for _ in range(n)]
    elif wide and kind in ("long", "us", "ns", "duration"):
        edge = [-(2**63), 2**63 - 1, 0, 1, -1] if kind != "us" else [-(10**17), 10**17, 0, 1, 9_300_000_000_000_000]
        made = [rng.choice(edge) for _ in range(n)]
    else:
        made = [rng.randrange(span) * (rng.choice([1, 500, 1000]) if kind == "ns" else 1) for _ in range(n)]
    if rng.random() < 0.55:
        made.sort(key=lambda x: (math.isnan(x), x) if isinstance(x, float) else (False, x))
    if rng.random() < 0.5:
        made = [None if rng.random() < 0.1 else t for t in made]
    return made


def tolerance(rng: random.Random, kinds: tuple[str, str]) -> tuple[str, Any] | None:
    if rng.random() < 0.5:
        return None
    value = rng.choice([0, 1, 2, 5, 50])
    if set(kinds) <= {"long", "double"}:
        if rng.random() < 0.3:
            return (
                (f"{value}.5", value + 0.5) if kinds != ("long", "long") else (f"{value}.5", Fraction(2 * value + 1, 2))
            )
        return str(value), value
    unit, ns = rng.choice([("us", 1000), ("ms", 10**6), ("s", NS), ("d", 86_400 * NS)])
    if "ns" in kinds and rng.random() < 0.3:
        unit, ns = "ns", 1
    return f"{value}{unit}", value * ns


def random_case(rng: random.Random) -> Case:
    kinds = rng.choice(PAIRS)
    keys, names = rng.choice([0, 1, 1, 1, 2]), rng.choice([1, 2, 5])
    nulls = rng.random() < 0.5

    def side(kind: str, n: int) -> list[Row]:
        return [
            {
                "i": i, "t": t,
                "k": None if nulls and rng.random() < 0.1 else f"k{rng.randrange(names)}",
                "m": None if nulls and rng.random() < 0.1 else rng.randrange(2),
                "v": None if rng.random() < 0.3 else 100 + i,
                "w": None if rng.random() < 0.3 else f"w{i}",
            }
            for i, t in enumerate(times(rng, kind, n))
        ]  # fmt: skip

    case = Case(
        side(kinds[0], rng.choice([0, 1, 4, 9, 25])), side(kinds[1], rng.choice([0, 1, 5, 14, 60])), kinds, keys,
        direction=rng.choice(["backward", "forward", "nearest"]), exact=rng.random() < 0.6, tolerance=tolerance(rng, kinds),
        inner=rng.random() < 0.3, skipnull=rng.random() < 0.35, gap=rng.random() < 0.5, prefix=rng.random() < 0.3,
        coded=rng.random() < 0.4, by=rng.random() < 0.5,
    )  # fmt: skip
    case.tables = {"a": table(case.left, kinds[0], case, ["i"]), "b": table(case.right, kinds[1], case, ["v", "w"])}
    return case


def table(rows: list[Row], kind: str, case: Case, columns: list[str]) -> pa.Table:
    made: dict[str, pa.Array[Any]] = {"t": pa.array([r["t"] for r in rows], KINDS[kind])}
    if case.keys:
        k = pa.array([r["k"] for r in rows], pa.string())
        made["k"] = k.dictionary_encode() if case.coded else k
    if case.keys > 1:
        made["m"] = pa.array([r["m"] for r in rows], pa.int64())
    for c in columns:
        made[c] = pa.array([r[c] for r in rows], pa.string() if c == "w" else pa.int64())
    return pa.table(made)


def given(case: Case, got: pa.Table) -> list[tuple[Any, ...]]:
    """The same columns of what came out, times and lengths of time as whole numbers."""
    n = got.num_rows
    q = "q_" if case.prefix else ""

    def column(name: str) -> list[Any]:
        if name not in got.schema.names:
            return [None] * n
        c: Any = got[name]
        if pa.types.is_timestamp(c.type) or pa.types.is_duration(c.type):
            scale = 10**6 if case.kinds[1] == "s" and name == "q_t" else 1
            c = c.cast(pa.int64())
            return [None if v is None else v // scale for v in c.to_pylist()]
        return c.to_pylist()  # type: ignore[no-any-return]

    return list(zip(*(column(c) for c in ("i", q + "v", q + "w", "age", "q_t")), strict=True))


def same(a: list[tuple[Any, ...]], b: list[tuple[Any, ...]]) -> bool:
    """NaN is NaN."""
    return repr(a) == repr(b)
