"""Skewness and kurtosis, from exact sums of the first four powers.

Powers are whole numbers of up to 212 bits times a power of two, which are added up exactly (`powers.add_powers`). The
central moments are whole numbers then.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import array_from, is_valid
from .base import Finished, Groups, Rows, State
from .limbs import Limbs
from .moments import UNIT, WIDTH, as_doubles, ratio, root
from .powers import add_powers
from .ratios import F64, Pair, leading, multiply, subtract

LARGE = 2.0**500  # beyond it fourth powers are no doubles; counted as infinite
SMALL = 2.0**-400  # below it fourth powers lie below the grid; counted as zero
HALF = UNIT // 2
CANCELLED = 2.0**-26  # of the largest term: what is left of 90 bits is a double's precision, and more


class Shape(State):
    """`out`: skew (m3 / m2 ** 1.5) or kurt (m4 / m2 ** 2 - 3) of the population; null without spread."""

    def __init__(self, type_: Type) -> None:
        self.type = type_
        self.sums = [Limbs(WIDTH), *(Limbs(WIDTH) for _ in range(3))]  # x, xx, xxx, xxxx

    def key(self) -> Hashable:
        return (Shape, self.type)

    def resize(self, n: int) -> None:
        for s in self.sums:
            s.resize(n)

    def nbytes(self) -> int:
        return sum(s.nbytes() for s in self.sums)

    def update(self, rows: Rows) -> None:
        groups, x, compiled = rows.groups, as_doubles(rows.args[0]), rows.compiled
        if rows.args[0].null_count:
            valid = is_valid(rows.args[0])
            groups, x = groups[valid], x[valid]
        size = np.abs(x)
        if (size > LARGE).any():
            x = np.where(size > LARGE, np.copysign(np.inf, x), x)
        if (size < SMALL).any():
            x = np.where(size < SMALL, 0.0, x)
        self.sums[0].add(groups, array_from(x), compiled)
        add_powers(self.sums[1:], groups, x, compiled)

    def merge(self, other: Shape, members: Groups, groups: Groups, compiled: bool) -> None:
        for mine, theirs in zip(self.sums, other.sums, strict=True):
            mine.merge(theirs, members, groups, compiled)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        count = self.sums[0].count(n)
        odd = np.logical_or.reduce(self.sums[0].specials(n))
        value, nulls = np.where(odd, math.nan, 0.0), count < 2  # one value has no spread
        live = np.flatnonzero(~nulls & ~odd)
        if len(live):
            found, sure = quick(count[live], self.sums, live, out, compiled)
            value[live[sure]] = found[sure]
            live = live[~sure]
        if len(live):
            terms = [s.integers(live) for s in self.sums]
            formula = _skew if out == "skew" else _kurt
            for g, k, *powers in zip(live.tolist(), count[live].tolist(), *terms, strict=True):
                got = formula(k, *powers)
                if got is None:
                    nulls[g] = True
                else:
                    value[g] = got
        return Finished(array_from(np.where(nulls, 0.0, value), nulls))

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return [c for s in self.sums for c in s.export(members)]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        at = 0
        for s in self.sums:
            s.load(arrays[at : at + s.columns()])
            at += s.columns()


def quick(
    count: NDArray[np.int64], sums: list[Limbs], members: NDArray[Any], out: str, compiled: bool
) -> tuple[F64, NDArray[np.bool_]]:
    """The shape from sums in twice the precision of doubles, and where so little cancels out that this is enough.

    The leading digits of an exact sum do not depend on how it was come by, and all else is computed from them.
    """
    n = count.astype(np.float64), np.zeros(len(count))
    with np.errstate(all="ignore"):
        parts = [leading(s, members, compiled) for s in sums]
        # x in units of a power of two near its root mean square, so that powers of sums are doubles
        unit = (np.frexp(parts[1][0][0])[1] + parts[1][1] - UNIT) // 2
        a, b, c, d = (
            _scaled(pair, exponent - (HALF if i == 0 else UNIT) - (i + 1) * unit)
            for i, (pair, exponent) in enumerate(parts)
        )
        second, fine = _total((1.0, n, b), (-1.0, a, a))
        over = _total((1.0, n, n, c), (-3.0, n, a, b), (2.0, a, a, a))
        if out == "kurt":
            over = _total(
                (1.0, n, n, n, d), (-4.0, n, n, a, c), (6.0, n, a, a, b), (-3.0, a, a, a, a), (-3.0, second, second)
            )
        spread = second[0] + second[1]
        square = multiply(second, second)
        if out == "skew":
            size = np.sqrt(_quotient(multiply(over[0], over[0]), multiply(square, second)))
            value = np.where(over[0][0] < 0, -size, size)
        else:
            value = _quotient(over[0], square)
        two = count == 2  # whose shape is always the same
        value[two] = 0.0 if out == "skew" else -2.0
        return value, fine & (over[1] | two) & (spread > 0) & (count < 1 << 50) & np.isfinite(value)


def _quotient(a: Pair, b: Pair) -> F64:
    """Rounded from twice the precision."""
    first = a[0] / b[0]
    rest = subtract(a, multiply((first, np.zeros_like(first)), b))
    return np.asarray(first + (rest[0] + rest[1]) / b[0])


def _scaled(pair: Pair, exponent: NDArray[np.int64]) -> Pair:
    power = np.clip(exponent, -1000, 1000).astype(np.int32)
    return np.ldexp(pair[0], power), np.ldexp(pair[1], power)


def _total(*terms: tuple[Any, ...]) -> tuple[Pair, NDArray[np.bool_]]:
    """A sum of products, each of a number and pairs, and whether it is not much smaller than the largest of them."""
    total: Pair | None = None
    largest: Any = 0.0
    for factor, *pairs in terms:
        product: Pair = pairs[0]
        for pair in pairs[1:]:
            product = multiply(product, pair)
        product = multiply(product, (np.full_like(product[0], factor), np.zeros_like(product[0])))
        largest = np.maximum(largest, np.abs(product[0]))
        total = product if total is None else subtract(total, (-product[0], -product[1]))
    assert total is not None
    return total, np.abs(total[0]) > largest * CANCELLED


def _skew(k: int, a: int, b: int, c: int, d: int) -> float | None:
    """From a count and the sums of powers: of x in whole units of 2**-HALF, of all others in units of 2**-UNIT."""
    c <<= HALF  # now each power is in units of that power of 2**-HALF
    second, third = k * b - a * a, k * k * c - 3 * k * a * b + 2 * a**3
    if second <= 0:
        return None
    size = root(third * third, second**3)
    return -size if third < 0 else size


def _kurt(k: int, a: int, b: int, c: int, d: int) -> float | None:
    c, d = c << HALF, d << UNIT
    second = k * b - a * a
    if second <= 0:
        return None
    fourth = k**3 * d - 4 * k * k * a * c + 6 * k * a * a * b - 3 * a**4
    return ratio(fourth - 3 * second * second, second * second)
