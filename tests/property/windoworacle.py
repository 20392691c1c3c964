"""What `window` must give, by going through all rows of a group for each row: no sorting, no sliding, no state."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

Row = dict[str, Any]
NAN = math.nan


@dataclass(frozen=True)
class Shape:
    """A frame as options say it. `unit` is time or rows; None: no end."""

    options: str
    by_time: bool
    before: int | None
    after: int | None
    closed: str = "both"
    ties: str = "all"
    current: bool = True
    order: str | None = None
    by: tuple[str, ...] = ("k",)
    months: int = 0  # instead of `before`; times are days then

    def seen(self, rows: Sequence[Row], at: int) -> list[Row]:
        """Rows of a group, in their order, that row `at` of them sees."""
        return [r for j, r in enumerate(rows) if self._sees(rows, at, j)]

    def _sees(self, rows: Sequence[Row], i: int, j: int) -> bool:
        if i == j and not self.current:
            return False
        if not self.by_time:
            return (self.before is None or j >= i - self.before) and (self.after is None or j <= i + self.after)
        t, u = rows[i]["t"], rows[j]["t"]
        if self.ties == "row" and t == u and j > i and self.closed in ("both", "right"):
            return False
        low = months_before(t, self.months) if self.months else t - (self.before or 0)
        high = t + (self.after or 0)
        above = u > low if self.closed in ("right", "none") else u >= low
        below = u < high if self.closed in ("left", "none") else u <= high
        return bool(above and below)


DAY_0 = dt.date(2024, 1, 20)


def months_before(day: int, months: int) -> int:
    """Of days since `DAY_0`; the last of a month that has no such day."""
    date = DAY_0 + dt.timedelta(days=day)
    year, month = divmod(date.year * 12 + date.month - 1 - months, 12)
    last = (dt.date(year + month // 11, (month + 1) % 12 + 1, 1) - dt.timedelta(days=1)).day
    return (dt.date(year, month + 1, min(date.day, last)) - DAY_0).days


def ordered(rows: Sequence[Row], shape: Shape) -> list[list[Row]]:
    """Groups, each in the order of the window; rows without a time are in none where frames go by it."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(ranked(row[n]) for n in shape.by), []).append(row)
    key: Callable[[Row], Any] = lambda r: 0  # noqa: E731
    if shape.by_time:
        key = lambda r: r["t"]  # noqa: E731
    elif shape.order is not None:
        key = lambda r: ranked(r[shape.order or ""])  # noqa: E731
    kept = [[r for r in g if not shape.by_time or r["t"] is not None] for g in groups.values()]
    return [sorted(g, key=key) for g in kept if g]


def ranked(value: Any) -> Any:
    """Null first, NaN last, -0.0 as 0.0."""
    if value is None:
        return (0, 0)
    if isinstance(value, float) and math.isnan(value):
        return (2, 0)
    return (1, value)


def present(rows: Sequence[Row], *names: str) -> list[Row]:
    return [r for r in rows if all(r[n] is not None for n in names)]


def total(values: Sequence[float]) -> float:
    """As IEEE has it where there are others than finite values, else exact and rounded once."""
    if any(math.isnan(v) for v in values) or (math.inf in values and -math.inf in values):
        return NAN
    if any(math.isinf(v) for v in values):
        return math.inf if math.inf in values else -math.inf
    exact = sum((Fraction(v) for v in values), Fraction(0))
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def variance(values: Sequence[float], under: int) -> Fraction | float | None:
    """Exactly; NaN where there are others than finite values."""
    n = len(values)
    if n <= (1 if under else 0):
        return None
    if any(math.isnan(v) or math.isinf(v) for v in values):
        return NAN if n > 1 else 0.0 if not under and math.isfinite(values[0]) else NAN
    exact = [Fraction(v) for v in values]
    mean = sum(exact, Fraction(0)) / n
    return sum(((v - mean) ** 2 for v in exact), Fraction(0)) / (n - under)


def rounded(value: Fraction | float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return math.inf


def root(value: Fraction | float | None) -> float | None:
    """Of the ratio rounded once, also where that is beyond the range of doubles."""
    if value is None or not isinstance(value, Fraction):
        return value
    half = 0
    while value > 2**1000:
        value, half = value / 4**100, half + 100
    while 0 < value < Fraction(1, 2**1000):
        value, half = value * 4**100, half - 100
    return math.ldexp(math.sqrt(float(value)), half)


def least(values: Sequence[Any], greatest: bool = False) -> Any:
    """NaN only when alone."""
    numbers = [v for v in values if v == v]
    if not numbers:
        return values[0] if values else None
    return (max if greatest else min)(numbers)


def distinct(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for v in sorted(values, key=ranked):
        if not found or ranked(v) != ranked(found[-1]):
            found.append(v)
    return found


def most_frequent(values: Sequence[Any]) -> Any:
    if not values:
        return None
    times = Counter(map(ranked, values))
    return min(values, key=lambda v: (-times[ranked(v)], ranked(v)))


def percentile(values: Sequence[Any], percent: float) -> float | None:
    if not values:
        return None
    numbers = sorted(values, key=ranked)
    at = (len(numbers) - 1) * percent / 100.0
    low, high = numbers[math.floor(at)], numbers[math.ceil(at)]
    if low == high or at == math.floor(at):
        return float(low)
    return float(low) + (float(high) - float(low)) * (at - math.floor(at))


def best(rows: Sequence[Row], value: str, by: str, greatest: bool) -> Any:
    """NaN loses either way; the first of ties."""
    found = present(rows, by)
    if not found:
        return None

    def worse(r: Row) -> Any:
        v = r[by]
        return (1, 0) if v != v else (0, -v if greatest else v)

    return min(found, key=worse)[value]


def covariance(rows: Sequence[Row], x: str, y: str) -> float | None:
    pairs = present(rows, x, y)
    if not pairs:
        return None
    if any(not math.isfinite(r[x]) or not math.isfinite(r[y]) for r in pairs):
        return NAN
    a, b = [Fraction(float(r[x])) for r in pairs], [Fraction(float(r[y])) for r in pairs]  # computed in doubles
    n = len(pairs)
    exact = sum((p * q for p, q in zip(a, b, strict=True)), Fraction(0)) / n - sum(a) * sum(b) / (n * n)
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


@dataclass(frozen=True)
class Agg:
    """`of(rows seen)`; `counted`: which fields must have values for `min`, None for what is never null for being few."""

    text: str
    of: Callable[[list[Row]], Any]
    counted: tuple[str, ...] | None = ()
    where: Callable[[Row], bool] | None = None


def values_of(rows: Sequence[Row], name: str) -> list[Any]:
    return [r[name] for r in rows if r[name] is not None]


def mean(values: Sequence[float]) -> float | None:
    return None if not values else total(values) / len(values)


def whole(value: int | None) -> int | None:
    return value if value is None or -(2**63) <= value < 2**63 else None


def over_time(rows: Sequence[Row], name: str) -> float | None:
    """Each value holds until the next one, the last for no time; in microseconds, as the products are rounded."""
    known = [r for r in rows if r[name] is not None]
    spent = (known[-1]["t"] - known[0]["t"]) * 10**6 if known else 0
    if not spent:
        return None
    parts = [float(a[name]) * ((b["t"] - a["t"]) * 10**6) for a, b in pairwise(known) if b["t"] > a["t"]]
    return total(parts) / spent


def error(rows: Sequence[Row], of: Callable[[float, float], float]) -> float | None:
    return mean([of(float(r["x"]), r["y"]) for r in present(rows, "x", "y")])


TIMED = (  # which go by time, and so only where the frame does, too
    Agg("twap(y)", lambda r: over_time(r, "y"), ("y",)),
    Agg("twap(x)", lambda r: over_time(r, "x"), ("x",), lambda r: r["x"] is not None and r["x"] > 0),
    Agg("earliest(s)", lambda r: next(iter(values_of(r, "s")), None), ("s",)),
    Agg("latest(x)", lambda r: next(iter(values_of(r, "x")[::-1]), None), ("x",)),
)
AGGS = (
    Agg("mae(x, y)", lambda r: error(r, lambda a, p: abs(a - p)), ("x", "y")),
    Agg(
        "rmse(x, y)",
        lambda r: None if (e := error(r, lambda a, p: (a - p) * (a - p))) is None else math.sqrt(e),
        ("x", "y"),
    ),
    Agg("count", len, None),
    Agg("count(y)", lambda r: len(values_of(r, "y")), None),
    Agg("sum(x)", lambda r: whole(sum(v)) if (v := values_of(r, "x")) else None, ("x",)),
    Agg("sum(y)", lambda r: total(v) if (v := values_of(r, "y")) else None, ("y",)),
    Agg("avg(y)", lambda r: mean(values_of(r, "y")), ("y",)),
    Agg("avg(x)", lambda r: float(Fraction(sum(v), len(v))) if (v := values_of(r, "x")) else None, ("x",)),
    Agg(
        "sum(y)",
        lambda r: total(v) if (v := values_of(r, "y")) else None,
        ("y",),
        lambda r: r["x"] is not None and r["x"] > 0,
    ),
    Agg("count", len, None, lambda r: r["x"] is not None and r["x"] > 0),
    Agg("min(y)", lambda r: least(values_of(r, "y")), ("y",)),
    Agg("max(y)", lambda r: least(values_of(r, "y"), True), ("y",)),
    Agg("min(s)", lambda r: least(values_of(r, "s")), ("s",)),
    Agg("max(x)", lambda r: least(values_of(r, "x"), True), ("x",)),
    Agg("first(y)", lambda r: next(iter(values_of(r, "y")), None), ("y",)),
    Agg("last(s)", lambda r: next(iter(values_of(r, "s")[::-1]), None), ("s",)),
    Agg("argmin(s, y)", lambda r: best(r, "s", "y", False), ("y",)),
    Agg("argmax(n, x)", lambda r: best(r, "n", "x", True), ("x",)),
    Agg("dc(y)", lambda r: len(distinct(values_of(r, "y"))), ("y",)),
    Agg("values(s)", lambda r: distinct(values_of(r, "s")) or None, ("s",)),
    Agg("array(x)", lambda r: values_of(r, "x") or None, ("x",)),
    Agg("mode(x)", lambda r: most_frequent(values_of(r, "x")), ("x",)),
    Agg("mode(s)", lambda r: most_frequent(values_of(r, "s")), ("s",)),
    Agg("median(x)", lambda r: percentile(values_of(r, "x"), 50), ("x",)),
    Agg("percentile(n, 30)", lambda r: percentile(values_of(r, "n"), 30), ("n",)),
    Agg("var(y)", lambda r: rounded(variance(values_of(r, "y"), 0)), ("y",)),
    Agg("stddev(x)", lambda r: root(variance(values_of(r, "x"), 0)), ("x",)),
    Agg("stddev_samp(y)", lambda r: root(variance(values_of(r, "y"), 1)), ("y",)),
    Agg("cov(x, y)", lambda r: covariance(r, "x", "y"), ("x", "y")),
    Agg("anytrue(x > 0)", lambda r: any(v > 0 for v in v) if (v := values_of(r, "x")) else None, ("x",)),
    Agg("range(n)", lambda r: max(v) - min(v) if (v := values_of(r, "n")) else None, ("n",)),
)


def expected(rows: Sequence[Row], shape: Shape, agg: Agg, least_values: int) -> dict[int, Any]:
    """By number of the row; rows that are not there have null."""
    out: dict[int, Any] = {}
    for group in ordered(rows, shape):
        for i, row in enumerate(group):
            seen = [r for r in shape.seen(group, i) if agg.where is None or agg.where(r)]
            if agg.counted is not None and len(present(seen, *agg.counted)) < least_values:
                out[row["n"]] = None
            else:
                out[row["n"]] = agg.of(seen)
    return out


def same(a: Any, b: Any) -> bool:
    """To the bit, but for the sign of zero and the kind of NaN."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float) and a != a and b != b:
        return True
    return bool(type(a) is type(b) and a == b)
