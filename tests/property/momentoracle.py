"""Aggregates of which a window's value may be some bits off the true one: by their definitions, exactly, rounded at the end.

For numbers of ordinary size; those of any size are in `windoworacle`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .windoworacle import Row, distinct, present, ranked, values_of

Exact = list[Fraction]


@dataclass(frozen=True)
class Near:
    """`of(the row, the rows it sees)`; `counted`: the fields that must have values for `min`."""

    text: str
    of: Callable[[Row, list[Row]], Any]
    counted: tuple[str, ...]
    left_out: Callable[[Row], bool] | None = None

    def counts(self, row: Row) -> bool:
        """As a value for `min`."""
        known = all(row[n] is not None for n in self.counted)
        return known and (self.left_out is None or not self.left_out(row))


def exact(rows: Sequence[Row], name: str) -> Exact:
    return [Fraction(v) for v in values_of(rows, name)]


def mean(values: Exact) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def moment(values: Exact, power: int) -> Fraction:
    middle = mean(values)
    return mean([(v - middle) ** power for v in values])


def pairs(rows: Sequence[Row], x: str, y: str) -> tuple[Exact, Exact]:
    known = present(rows, x, y)
    return exact(known, x), exact(known, y)


def together(a: Exact, b: Exact) -> Fraction:
    """Their covariance."""
    return mean([p * q for p, q in zip(a, b, strict=True)]) - mean(a) * mean(b)


def correlation(_: Row, rows: list[Row]) -> float | None:
    a, b = pairs(rows, "x", "y")
    if not a or not moment(a, 2) or not moment(b, 2):
        return None
    return float(together(a, b)) / math.sqrt(moment(a, 2) * moment(b, 2))


def line(rows: Sequence[Row], x: str, y: str) -> tuple[Fraction, Fraction] | None:
    """Slope, and where it begins."""
    a, b = pairs(rows, x, y)
    if not a or not moment(a, 2):
        return None
    slope = together(a, b) / moment(a, 2)
    return slope, mean(b) - slope * mean(a)


def explained(_: Row, rows: list[Row]) -> float | None:
    found = correlation(_, rows)
    return None if found is None else found * found


def standard(rows: Sequence[Row], name: str, power: int) -> float | None:
    values = exact(rows, name)
    if not values or not moment(values, 2):
        return None
    return float(moment(values, power)) / math.pow(float(moment(values, 2)), power / 2)


def weighted(_: Row, rows: list[Row]) -> float | None:
    a, w = pairs(rows, "y", "n")
    under = sum(w, Fraction(0))
    return float(sum((p * q for p, q in zip(a, w, strict=True)), Fraction(0)) / under) if under else None


def bits(_: Row, rows: list[Row]) -> float | None:
    values = values_of(rows, "x")
    counts = Counter(map(ranked, values)).values()
    return abs(sum(-c / len(values) * math.log2(c / len(values)) for c in counts)) if values else None


def standing(row: Row, rows: list[Row]) -> float | None:
    values = exact(rows, "y")
    if row["y"] is None or not values or not moment(values, 2):
        return None
    return float(Fraction(row["y"]) - mean(values)) / math.sqrt(moment(values, 2))


def of_samples(of: Callable[[Exact, Exact], Fraction]) -> Callable[[Row, list[Row]], float | None]:
    def inner(_: Row, rows: list[Row]) -> float | None:
        a, b = pairs(rows, "x", "y")
        return float(of(a, b) * len(a) / (len(a) - 1)) if len(a) > 1 else None

    return inner


def percent(of: Callable[[float, float], float | None]) -> Callable[[Row, list[Row]], float | None]:
    def inner(_: Row, rows: list[Row]) -> float | None:
        found = [of(float(r["x"]), r["y"]) for r in present(rows, "x", "y")]
        known = [Fraction(f) for f in found if f is not None]
        return float(mean(known)) if known else None

    return inner


def of_actual(a: float, p: float) -> float | None:
    return None if a == 0 else abs(a - p) / abs(a) * 100


def of_both(a: float, p: float) -> float:
    return 200 * abs(a - p) / (abs(a) + abs(p)) if a or p else 0.0


def placed(method: str, share: float) -> Callable[[Row, list[Row]], Any]:
    """A percentile by one of the methods of NumPy."""

    def inner(_: Row, rows: list[Row]) -> Any:
        numbers = sorted(values_of(rows, "x"))
        if not numbers:
            return None
        at = (len(numbers) - 1) * share
        low, high = numbers[math.floor(at)], numbers[math.ceil(at)]
        match method:
            case "lower":
                return low
            case "higher":
                return high
            case "midpoint":
                return (low + high) / 2
        nearest = math.floor(at) if at - math.floor(at) < 0.5 else math.ceil(at)
        if at - math.floor(at) == 0.5:
            nearest = math.floor(at) + math.floor(at) % 2  # half to even, as NumPy has it
        return numbers[nearest]

    return inner


def plainly(of: Callable[[list[Row]], Any]) -> Callable[[Row, list[Row]], Any]:
    return lambda _, rows: of(rows)


def change(rows: Sequence[Row]) -> list[Any]:
    """`pct(y)` of a group's rows in order."""
    out: list[Any] = [None] * len(rows)
    for i in range(1, len(rows)):
        a, b = rows[i - 1]["y"], rows[i]["y"]
        if a is not None and b is not None and a != 0:
            out[i] = (b - a) / a
    return out


NEAR = (
    Near("corr(x, y)", correlation, ("x", "y")),
    Near("slope(x, y)", lambda _, r: None if (f := line(r, "x", "y")) is None else float(f[0]), ("x", "y")),
    Near("intercept(x, y)", lambda _, r: None if (f := line(r, "x", "y")) is None else float(f[1]), ("x", "y")),
    Near("r2(x, y)", explained, ("x", "y")),
    Near("skew(y)", lambda _, r: standard(r, "y", 3), ("y",)),
    Near("kurt(x)", lambda _, r: None if (k := standard(r, "x", 4)) is None else k - 3, ("x",)),
    Near("wavg(y, n)", weighted, ("y", "n")),
    Near("vwap(y, n)", weighted, ("y", "n")),
    Near("entropy(x)", bits, ("x",)),
    Near("zscore(y)", standing, ("y",)),
    Near("cov_samp(x, y)", of_samples(together), ("x", "y")),
    Near("var_samp(x)", lambda _, r: float(moment(v, 2) * len(v) / (len(v) - 1)) if len(v := exact(r, "x")) > 1 else None, ("x",)),
    Near("mape(x, y)", percent(of_actual), ("x", "y"), lambda r: r["x"] == 0),
    Near("smape(x, y)", percent(of_both), ("x", "y")),
    Near('percentile(x, 30, "lower")', placed("lower", 0.3), ("x",)),
    Near('percentile(x, 60, "higher")', placed("higher", 0.6), ("x",)),
    Near('percentile(x, 45, "midpoint")', placed("midpoint", 0.45), ("x",)),
    Near('percentile(x, 50, "nearest")', placed("nearest", 0.5), ("x",)),
    Near("p90(y)", lambda _, r: _linear(sorted(values_of(r, "y")), 0.9), ("y",)),
    Near("values(x, 2)", plainly(lambda r: distinct(values_of(r, "x"))[:2] or None), ("x",)),
    Near("array(s, 2)", plainly(lambda r: values_of(r, "s")[:2] or None), ("s",)),
    Near("alltrue(x > 0)", plainly(lambda r: all(v > 0 for v in v) if (v := values_of(r, "x")) else None), ("x",)),
    Near("any(s)", plainly(lambda r: next(iter(values_of(r, "s")), None)), ("s",)),
    Near("mode(y)", plainly(lambda r: most_common(values_of(r, "y"))), ("y",)),
    Near("dc(s)", plainly(lambda r: len(set(values_of(r, "s")))), ("s",)),
    Near("sum(n) / count", plainly(lambda r: sum(x["n"] for x in r) / len(r) if r else None), ("n",)),
    Near("max(y) - min(y)", plainly(lambda r: max(v) - min(v) if (v := values_of(r, "y")) else None), ("y",)),
)  # fmt: skip


def most_common(values: Sequence[Any]) -> Any:
    times = Counter(values)
    return min(values, key=lambda v: (-times[v], v)) if values else None


def _linear(numbers: Sequence[float], share: float) -> float | None:
    if not numbers:
        return None
    at = (len(numbers) - 1) * share
    low, high = numbers[math.floor(at)], numbers[math.ceil(at)]
    return low + (high - low) * (at - math.floor(at))


def close(a: Any, b: Any) -> bool:
    if not isinstance(a, float) or not isinstance(b, float):
        return bool(type(a) is type(b) and a == b)
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
