"""`+ - * /` and negation over NumPy values: exact 64-bit overflow masks, dates, durations, calendar months.

A pair (values, valid) is an operand; both broadcast, so a constant is an array of one. Results have the full length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = "NDArray[np.int64]"
Mask: TypeAlias = "NDArray[np.bool_]"
Checked: TypeAlias = "tuple[Ints, Mask]"  # wrapped values, where they overflowed


def add(a: Ints, b: Ints) -> Checked:
    with np.errstate(over="ignore"):
        out = a + b
    return out, ((a ^ out) & (b ^ out)) < 0


def subtract(a: Ints, b: Ints) -> Checked:
    with np.errstate(over="ignore"):
        out = a - b
    return out, ((a ^ b) & (a ^ out)) < 0


def multiply(a: Ints, b: Ints) -> Checked:
    """Exact: the high half of the 128-bit product must be the sign of the low half."""
    with np.errstate(over="ignore"):
        out = a * b
    if _largest(a) * _largest(b) < 2**63:
        return out, np.zeros(out.shape, np.bool_)
    return out, _high_half(a, b) != (out >> 63)


def _largest(values: Ints) -> int:
    return max(abs(int(values.min())), abs(int(values.max()))) if values.size else 0


def _high_half(a: Ints, b: Ints) -> Ints:
    """Bits 64 to 127 of the signed product (Hacker's Delight, 8-2)."""
    low, shift = np.int64(0xFFFFFFFF), np.int64(32)
    a0, a1, b0, b1 = a & low, a >> shift, b & low, b >> shift
    with np.errstate(over="ignore"):
        start = (a0.view(np.uint64) * b0.view(np.uint64)) >> np.uint64(32)
        middle = a1 * b0 + start.view(np.int64)
        lower = a0 * b1 + (middle & low)
        return np.asarray(a1 * b1 + (middle >> shift) + (lower >> shift), np.int64)


def negate(a: Ints) -> Checked:
    with np.errstate(over="ignore"):
        return -a, a == np.int64(-(2**63))


INTEGER: dict[str, Callable[[Ints, Ints], Checked]] = {"+": add, "-": subtract, "*": multiply}
DOUBLE: dict[str, Callable[[Any, Any], Any]] = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}


def of_doubles(op: str, a: Any, b: Any) -> NDArray[np.float64]:
    """IEEE: overflow is infinity, nothing warns."""
    with np.errstate(all="ignore"):
        return DOUBLE[op](np.asarray(a, np.float64), np.asarray(b, np.float64))  # type: ignore[no-any-return]


def rounded(values: NDArray[np.float64]) -> Checked:
    """To the nearest whole tick, half to even; where that is no 64-bit number."""
    with np.errstate(invalid="ignore"):
        near = np.rint(values)
        fits = (near >= -(2.0**63)) & (near < 2.0**63)
        return np.where(fits, near, 0).astype(np.int64), ~fits
