"""Exact products and powers of doubles as 32-bit fields of sums: what kernels.exact_sum and kernels.powers do, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Groups
from .limbs import Limbs, halves

Words = NDArray[np.uint64]
LOW32, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def add_products(sums: Limbs, groups: Groups, x: NDArray[Any], y: NDArray[Any], compiled: bool) -> None:
    """Exact products of finite doubles; bit 0 of field 0 stands for 2**-2150."""
    sums.note(len(groups))
    if compiled:
        from ...kernels import exact_sum

        exact_sum.add_products(groups, x, y, *sums.flat(), sums.width)
        return
    (ma, ea), (mb, eb) = halves(x), halves(y)
    keep = (ma != 0) & (mb != 0)
    negative = (np.signbit(x) ^ np.signbit(y))[keep]
    digits = _multiply(_digits(ma[keep]), _digits(mb[keep]))
    _put(sums, groups[keep], digits, (ea + eb)[keep], 105, negative)


def add_powers(sums: Sequence[Limbs], groups: Groups, x: NDArray[np.float64], compiled: bool) -> None:
    """Second, third and fourth powers, each to one of the sums, on the grid of products.

    Values are 0 or in 2**-400 .. 2**500, of either sign; what is not finite is passed over.
    """
    for s in sums:
        s.note(len(groups))
    if compiled:
        from ...kernels import powers

        two, three, four = sums
        powers.add_powers(groups, x, *two.flat(), *three.flat(), *four.flat(), two.width)
        return
    keep = np.isfinite(x) & (x != 0)
    groups, x = groups[keep], x[keep]
    mantissa, e = halves(x)
    m = _digits(mantissa)
    square = _multiply(m, m)
    negative, never = np.signbit(x), np.zeros(len(x), np.bool_)
    _put(sums[0], groups, square, 2 * e, 105, never)
    _put(sums[1], groups, _multiply(square, m), 3 * e - 1075, 158, negative)
    _put(sums[2], groups, _multiply(square, square), 4 * e - 2150, 211, never)


def _digits(mantissa: NDArray[np.int64]) -> list[Words]:
    whole = mantissa.astype(np.uint64)
    return [whole & LOW32, whole >> HALF]


def _multiply(a: list[Words], b: list[Words]) -> list[Words]:
    """Digits of 32 bits, lowest first, of the product; each of `a` and `b` is below 2**32."""
    columns = [np.zeros(len(a[0]), np.uint64) for _ in range(len(a) + len(b))]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            product = x * y
            columns[i + j] += product & LOW32
            columns[i + j + 1] += product >> HALF
    carry: Words = np.zeros(len(a[0]), np.uint64)
    out = []
    for column in columns:
        total = column + carry
        out.append(total & LOW32)
        carry = total >> HALF
    return out


def _put(
    sums: Limbs, groups: Groups, digits: list[Words], exponent: NDArray[np.int64], length: int, negative: NDArray[np.bool_]
) -> None:  # fmt: skip
    """Add digits whose lowest bit stands at `exponent` and whose highest lies no more than `length` above it."""
    sums.raise_top(groups, (exponent + length) >> 5)
    low, shift = exponent >> 5, (exponent & 31).astype(np.uint64)
    rest: Words = np.zeros(len(groups), np.uint64)
    for j, digit in enumerate([*digits, rest]):
        part = (((digit << shift) & LOW32) | rest).astype(np.int64)
        rest = digit >> (HALF - shift)
        sums.put(groups, low + j, np.where(negative, -part, part))
