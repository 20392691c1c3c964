"""What functions of `window` give that go through a group's rows one after the other, whatever the frame: by going through them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from .windoworacle import NAN, Row, Shape, distinct, ordered, ranked

Values = list[Any]
DIGITS = Context(prec=60)


@dataclass(frozen=True)
class Fn:
    """`of`: the values of a group's rows, which are in their order; `by_time`: that of time whatever the frame.

    `least`: with fewer values up to a row than `min` it is null.
    """

    text: str
    of: Callable[[Sequence[Row]], Values]
    by_time: bool = False
    least: str = ""


def lag_rows(name: str, n: int) -> Callable[[Sequence[Row]], Values]:
    return lambda rows: [rows[i - n][name] if 0 <= i - n < len(rows) else None for i in range(len(rows))]


def lag_time(name: str, by: int) -> Callable[[Sequence[Row]], Values]:
    """The last row at or before so long before."""

    def of(rows: Sequence[Row]) -> Values:
        found = [[r for r in rows if r["t"] <= row["t"] - by] for row in rows]
        return [f[-1][name] if f else None for f in found]

    return of


def lead_time(name: str, by: int) -> Callable[[Sequence[Row]], Values]:
    def of(rows: Sequence[Row]) -> Values:
        found = [[r for r in rows if r["t"] >= row["t"] + by] for row in rows]
        return [f[0][name] if f else None for f in found]

    return of


def delta(rows: Sequence[Row]) -> Values:
    out: Values = [None] * len(rows)
    for i in range(1, len(rows)):
        a, b = rows[i - 1]["x"], rows[i]["x"]
        if a is not None and b is not None and -(2**63) <= b - a < 2**63:
            out[i] = b - a
    return out


def flow(rows: Sequence[Row]) -> Values:
    """Bid y of size n, ask x of size n + 1."""
    out: Values = [None] * len(rows)
    before: Row | None = None
    for i, row in enumerate(rows):
        if row["x"] is None or row["y"] is None:
            continue
        if before is not None:
            total = row["n"] if row["y"] >= before["y"] else 0
            total -= before["n"] if row["y"] <= before["y"] else 0
            total -= row["n"] + 1 if row["x"] <= before["x"] else 0
            total += before["n"] + 1 if row["x"] >= before["x"] else 0
            out[i] = total
        before = row
    return out


def ema(name: str, *, alpha: float = 0.0, tau: float = 0.0, adjust: bool = False) -> Callable[[Sequence[Row]], Values]:
    """By the definition, exactly: the recursion, or all weights at each row."""

    def kept(age: int) -> Fraction:
        """What is left of a weight after so much time, or so many values."""
        return Fraction((Decimal(-age) / Decimal(tau)).exp(DIGITS)) if tau else (1 - Fraction(alpha)) ** age

    def recursive(rows: Sequence[Row]) -> Values:
        out: Values = []
        mean: Fraction | float | None = None
        before = 0
        for row in rows:
            if row[name] is not None:
                keep = kept(row["t"] - before if tau else 1) if mean is not None else Fraction(0)
                mean = _weighed([(mean, keep), (float(row[name]), 1 - keep)])
                before = row["t"]
            out.append(None if mean is None else float(mean))
        return out

    def weighted(rows: Sequence[Row]) -> Values:
        out: Values = []
        for i in range(len(rows)):
            known = [r for r in rows[: i + 1] if r[name] is not None]
            if not known:
                out.append(None)
                continue
            last = known[-1]["t"]
            ages = [last - r["t"] for r in known] if tau else range(len(known) - 1, -1, -1)
            made = _weighed([(float(r[name]), kept(age)) for r, age in zip(known, ages, strict=True)])
            out.append(float(made))
        return out

    return weighted if adjust else recursive


def _weighed(parts: Sequence[tuple[Fraction | float | None, Fraction]]) -> Fraction | float:
    """The mean of values with their weights, exactly; by IEEE where some are not finite. NaN counts without weight, too."""
    values = [v for v, _ in parts if v is not None]
    if any(v != v for v in values):
        return NAN
    live = [(v, w) for v, w in parts if v is not None and w > 0]
    if any(math.isinf(v) for v, _ in live):
        return sum(float(v) for v, _ in live if math.isinf(v))
    return sum((Fraction(v) * w for v, w in live), Fraction(0)) / sum(w for _, w in live)


def rank(dense: bool) -> Callable[[Sequence[Row]], Values]:
    def of(rows: Sequence[Row]) -> Values:
        values = [r["y"] for r in rows if r["y"] is not None]
        known = distinct(values) if dense else values
        return [None if r["y"] is None else 1 + sum(ranked(v) < ranked(r["y"]) for v in known) for r in rows]

    return of


def tiles(n: int) -> Callable[[Sequence[Row]], Values]:
    def of(rows: Sequence[Row]) -> Values:
        size, more = divmod(len(rows), n)
        return [t + 1 for t in range(n) for _ in range(size + (t < more))]

    return of


FUNCTIONS = (
    Fn("lag(s)", lag_rows("s", 1)),
    Fn("lag(x, 3)", lag_rows("x", 3)),
    Fn("lead(y, 2)", lag_rows("y", -2)),
    Fn("lag(y, 0)", lag_rows("y", 0)),
    Fn("lag(x, 2s)", lag_time("x", 2), True),
    Fn("lag(s, 0s)", lag_time("s", 0), True),
    Fn("lead(y, 3s)", lead_time("y", 3), True),
    Fn("lead(n, 0s)", lead_time("n", 0), True),
    Fn("delta(x)", delta),
    Fn("row()", lambda rows: list(range(1, len(rows) + 1))),
    Fn("rank(y)", rank(dense=False)),
    Fn("dense_rank(y)", rank(dense=True)),
    Fn("ntile(3)", tiles(3)),
    Fn("ofi(y, n, x, n + 1)", flow),
    Fn("ema(y, 3)", ema("y", alpha=0.5), least="y"),
    Fn("ema(x, alpha=0.2)", ema("x", alpha=0.2), least="x"),
    Fn("ema(y, 4, adjust=t)", ema("y", alpha=0.4, adjust=True), least="y"),
    Fn("ema(y, tau=2s)", ema("y", tau=2.0), True, least="y"),
    Fn("ema(y, halflife=1s)", ema("y", tau=1.0 / math.log(2.0)), True, least="y"),
    Fn("ema(y, tau=3s, adjust=t)", ema("y", tau=3.0, adjust=True), True, least="y"),
)
BY_TIME = Shape("", True, 0, 0)


def wanted(rows: Sequence[Row], shape: Shape, fn: Fn, least: int) -> dict[int, Any]:
    """By number of the row; rows that are not there have null."""
    out: dict[int, Any] = {}
    for group in ordered(rows, replace(BY_TIME, by=shape.by) if fn.by_time else shape):
        for i, (row, value) in enumerate(zip(group, fn.of(group), strict=True)):
            known = sum(r[fn.least] is not None for r in group[: i + 1]) if fn.least else least
            out[row["n"]] = value if known >= least else None
    return out


def near(a: Any, b: Any, rows: Sequence[Row] = ()) -> bool:
    """Doubles to some bits of the largest value among the rows, as means of values of either sign are rounded; all else exactly."""
    if not isinstance(a, float) or not isinstance(b, float):
        return bool(type(a) is type(b) and a == b)
    if a != a or b != b:
        return bool(a != a and b != b)
    largest = max((abs(v) for r in rows for v in (r["x"], r["y"]) if v is not None and math.isfinite(v)), default=0)
    return a == b or math.isclose(a, b, rel_tol=1e-13, abs_tol=max(1e-300, 4e-15 * float(largest)))
