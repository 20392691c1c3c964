"""Variance, covariance and what follows from them, from exact sums of values and of products.

The sums are whole numbers of a fixed unit, so `n * sum(xx) - sum(x) ** 2` loses nothing; it is rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import array_from, is_valid, numbers_of
from .base import Finished, Groups, Rows, State
from .limbs import Limbs
from .powers import add_products
from .ratios import variances

WIDTH = 8  # fields of 32 bits: 224 to 256 bits below the greatest value are kept
UNIT = 2150  # products are whole multiples of 2**-UNIT, sums of 2**-(UNIT / 2)
NAN = math.nan


class Moments(State):
    """Of one argument, or of pairs in which both have a value."""

    def __init__(self, types: Sequence[Type]) -> None:
        self.types = tuple(types)
        self.arity = len(types)
        n_products = 1 if self.arity == 1 else 3
        self.sums = [Limbs(WIDTH) for _ in types]
        self.products = [Limbs(WIDTH) for _ in range(n_products)]  # xx, then yy, xy

    def key(self) -> Hashable:
        return (Moments, self.types)

    @property
    def parts(self) -> list[Limbs]:
        return [*self.sums, *self.products]

    def resize(self, n: int) -> None:
        for p in self.parts:
            p.resize(n)

    def nbytes(self) -> int:
        return sum(p.nbytes() for p in self.parts)

    def update(self, rows: Rows) -> None:
        groups, values = rows.groups, [as_doubles(a) for a in rows.args]
        nulls = [~is_valid(a) for a in rows.args if a.null_count]
        if nulls:
            keep = ~np.logical_or.reduce(nulls)
            groups, values = groups[keep], [v[keep] for v in values]
        for part, v in zip(self.sums, values, strict=True):
            part.add(groups, array_from(v), rows.compiled)
        finite = np.logical_and.reduce([np.isfinite(v) for v in values])
        if not finite.all():
            groups, values = groups[finite], [v[finite] for v in values]
        x, y = values[0], values[-1]
        for part, (a, b) in zip(self.products, ((x, x), (y, y), (x, y)), strict=False):
            add_products(part, groups, a, b, rows.compiled)

    def merge(self, other: Moments, members: Groups, groups: Groups, compiled: bool) -> None:
        for mine, theirs in zip(self.parts, other.parts, strict=True):
            mine.merge(theirs, members, groups, compiled)

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return [c for p in self.parts for c in p.export(members)]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        step = self.parts[0].columns()
        for i, part in enumerate(self.parts):
            part.load(arrays[i * step : (i + 1) * step])

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        count = self.sums[0].count(n)
        least = 2 if out in SAMPLE else 1
        odd = np.zeros(n, np.bool_)
        for part in self.sums:
            odd |= np.logical_or.reduce(part.specials(n))
        value, nulls = np.zeros(n), count < least
        value[odd] = NAN
        live = np.flatnonzero(~nulls & ~odd)
        if self.arity == 1:
            live = self._quick(live, count, out, value, compiled)
        if len(live):
            sums = [p.integers(live) for p in self.parts]
            formula = ONE[out] if self.arity == 1 else TWO[out]
            for g, k, *terms in zip(live.tolist(), count[live].tolist(), *sums, strict=True):
                got = formula(k, *terms)
                if got is None:
                    nulls[g] = True
                else:
                    value[g] = got
        if out in ("corr", "slope", "intercept", "r2"):
            nulls |= self._no_spread(odd, count)
        if self.types[0].kind == "duration" and out.startswith("stddev"):
            whole = np.rint(np.where(nulls | odd, 0.0, value)).astype(np.int64)
            return Finished(array_from(whole, nulls | odd, pa.duration("us")))
        return Finished(array_from(np.where(nulls, 0.0, value), nulls))

    def _quick(
        self, live: NDArray[Any], count: NDArray[np.int64], out: str, value: NDArray[np.float64], compiled: bool
    ) -> NDArray[Any]:
        """Variances whose rounding is certain without whole numbers; gives the groups that are left."""
        if not len(live):
            return live
        k = count[live]
        under = k - 1 if out in SAMPLE else k
        found, sure = variances(k, self.sums[0], self.products[0], live, under, UNIT, compiled)
        found[k == 1], sure[k == 1] = 0.0, True
        value[live[sure]] = np.sqrt(found[sure]) if out.startswith("stddev") else found[sure]
        return live[~sure]

    @staticmethod
    def _no_spread(odd: NDArray[np.bool_], count: NDArray[np.int64]) -> NDArray[np.bool_]:
        """One pair has no spread, also if it is of infinities."""
        return odd & (count < 2)


def as_doubles(column: pa.Array[Any]) -> NDArray[np.float64]:
    values = numbers_of(column)
    return np.ascontiguousarray(values if values.dtype == np.float64 else values.astype(np.float64))


def ratio(over: int, under: int) -> float:
    """Rounded once; beyond the range of doubles infinite."""
    try:
        return over / under
    except OverflowError:
        return math.inf if (over > 0) == (under > 0) else -math.inf


def root(over: int, under: int) -> float:
    """Square root of a ratio that may itself be out of range."""
    excess = over.bit_length() - under.bit_length()
    if abs(excess) < 900:
        return math.sqrt(over / under)
    half = excess // 2
    try:
        if half > 0:
            return math.ldexp(math.sqrt(over / (under << (2 * half))), half)
        return math.ldexp(math.sqrt((over << (-2 * half)) / under), half)
    except OverflowError:
        return math.inf


def _spread(k: int, s: int, ss: int) -> int:
    """k * sum((x - mean)**2): what lies below the window may leave it a little below zero."""
    return max(k * ss - s * s, 0)


def _var(k: int, s: int, ss: int) -> float:
    return ratio(_spread(k, s, ss), (k * k) << UNIT)


def _var_samp(k: int, s: int, ss: int) -> float:
    return ratio(_spread(k, s, ss), (k * (k - 1)) << UNIT)


def _stddev(k: int, s: int, ss: int) -> float:
    return root(_spread(k, s, ss), (k * k) << UNIT)


def _stddev_samp(k: int, s: int, ss: int) -> float:
    return root(_spread(k, s, ss), (k * (k - 1)) << UNIT)


def _cov(k: int, x: int, y: int, xx: int, yy: int, xy: int) -> float:
    return ratio(k * xy - x * y, (k * k) << UNIT)


def _cov_samp(k: int, x: int, y: int, xx: int, yy: int, xy: int) -> float:
    return ratio(k * xy - x * y, (k * (k - 1)) << UNIT)


def _r2(k: int, x: int, y: int, xx: int, yy: int, xy: int) -> float | None:
    a, b, c = _spread(k, x, xx), _spread(k, y, yy), k * xy - x * y
    return min(ratio(c * c, a * b), 1.0) if a and b else None


def _corr(k: int, x: int, y: int, xx: int, yy: int, xy: int) -> float | None:
    a, b, c = _spread(k, x, xx), _spread(k, y, yy), k * xy - x * y
    if not (a and b):
        return None
    size = min(root(c * c, a * b), 1.0)
    return -size if c < 0 else size


def _slope(k: int, x: int, y: int, xx: int, yy: int, xy: int) -> float | None:
    a = _spread(k, x, xx)
    return ratio(k * xy - x * y, a) if a else None


def _intercept(k: int, x: int, y: int, xx: int, yy: int, xy: int) -> float | None:
    a = _spread(k, x, xx)
    return ratio(y * xx - x * xy, a << (UNIT // 2)) if a else None


ONE: dict[str, Callable[..., float]] = {
    "var": _var, "var_samp": _var_samp, "stddev": _stddev, "stddev_samp": _stddev_samp,
}  # fmt: skip
TWO: dict[str, Callable[..., float | None]] = {
    "cov": _cov,
    "cov_samp": _cov_samp,
    "corr": _corr,
    "slope": _slope,
    "intercept": _intercept,
    "r2": _r2,
}
SAMPLE = frozenset({"var_samp", "stddev_samp", "cov_samp"})
