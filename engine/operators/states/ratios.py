"""Variances and quotients of many groups at once: in twice the precision of doubles, and exactly where that leaves the rounding open.

Every result is the correctly rounded quotient, so which way it was found does not show.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .limbs import Limbs, _digits

F64 = NDArray[np.float64]
Pair: TypeAlias = tuple[F64, F64]  # an unevaluated sum of a double and what it leaves over
ERROR = 2.0**-84  # of a difference of products of numbers known to 96 bits, relative to the larger product
MOST = 1 << 26  # counts whose square is a double


def two_sum(a: F64, b: F64) -> Pair:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def two_product(a: F64, b: F64) -> Pair:
    """Dekker; operands far from the ends of the range."""
    p = a * b
    (ah, al), (bh, bl) = _split(a), _split(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _split(a: F64) -> Pair:
    c = 134217729.0 * a
    high = c - (c - a)
    return high, a - high


def multiply(a: Pair, b: Pair) -> Pair:
    p, e = two_product(a[0], b[0])
    return two_sum(p, e + (a[0] * b[1] + a[1] * b[0]))


def subtract(a: Pair, b: Pair) -> Pair:
    s, e = two_sum(a[0], -b[0])
    t, f = two_sum(a[1], -b[1])
    s, e = two_sum(s, e + t)
    return two_sum(s, e + f)


def divide(a: Pair, b: F64) -> Pair:
    q = a[0] / b
    p, e = two_product(q, b)
    rest = ((a[0] - p) - e) + a[1]
    return two_sum(q, rest / b)


def leading(sums: Limbs, members: NDArray[Any], compiled: bool) -> tuple[Pair, NDArray[np.int64]]:
    """Each sum as a pair in 1 .. 2**128 and an exponent of 2; its first four digits of 32 bits, so 97 bits and more."""
    fields, base = sums.fields(int(members.max()) + 1, compiled)
    fields, base = fields[members], base[members]
    digits, carry = _digits(fields)
    negative = carry < 0
    if negative.any():
        digits[negative], _ = _digits(-fields[negative])
    width = digits.shape[1]
    high = width - 1 - np.argmax(digits[:, ::-1] != 0, axis=1)
    pad = np.concatenate([np.zeros((len(digits), 3), np.int64), digits], axis=1)
    rows = np.arange(len(digits))
    d = [pad[rows, high + 3 - k].astype(np.float64) * 2.0 ** (96 - 32 * k) for k in range(4)]
    s, e = two_sum(d[0], d[1])
    e, f = two_sum(e, d[2])
    s, e = two_sum(s, e)
    low = e + (f + d[3])
    s, e = two_sum(s, low)
    sign = np.where(negative, -1.0, 1.0)
    return (s * sign, e * sign), 32 * (base + high - 3)


def quotients(
    over: Limbs, under: Limbs, members: NDArray[Any], unit: int, compiled: bool
) -> tuple[F64, NDArray[np.bool_], NDArray[np.bool_]]:
    """over / under * 2**unit, rounded once; for which groups that is certain, and where `under` is 0."""
    if compiled and not len(over.wide) and not len(under.wide):
        return _compiled_quotients(over, under, members, unit)
    (p, p_exp), (q, q_exp) = leading(over, members, compiled), leading(under, members, compiled)
    none = q[0] == 0.0
    q = np.where(none, 1.0, q[0]), q[1]
    with np.errstate(all="ignore"):
        first = p[0] / q[0]
        rest = subtract(p, multiply((first, np.zeros_like(first)), q))
        high, low = two_sum(first, rest[0] / q[0])
        slack = np.abs(high) * ERROR
        sure = (high + (low + slack) == high) & (high + (low - slack) == high)
        scale = p_exp - q_exp + unit
        power = np.frexp(high)[1] + scale
        sure &= (power > -1000) & (power < 1000)
        sure |= p[0] == 0.0
        out = np.where(p[0] == 0.0, 0.0, np.ldexp(high, np.clip(scale, -5000, 5000).astype(np.int32)))
    return out, sure, none


def _compiled_quotients(
    over: Limbs, under: Limbs, members: NDArray[Any], unit: int
) -> tuple[F64, NDArray[np.bool_], NDArray[np.bool_]]:
    from ...kernels import quotients as kernels

    n = int(members.max()) + 1
    out, state = np.empty(n), np.empty(n, np.uint8)
    kernels.quotients(
        n, over.limbs.reshape(-1), over.top, under.limbs.reshape(-1), under.top, over.width, unit, out, state,
        np.zeros(1, np.uint8),
    )  # fmt: skip
    state = state[members]
    return out[members], state == kernels.SURE, state == kernels.NONE


def variances(
    count: NDArray[np.int64],
    sums: Limbs,
    squares: Limbs,
    members: NDArray[Any],
    under: NDArray[np.int64],
    unit: int,
    compiled: bool,
) -> tuple[F64, NDArray[np.bool_]]:
    """(count * sum(xx) - sum(x)**2) / (count * under), rounded once; and for which groups that is certain."""
    k = count.astype(np.float64)
    (s, s_exp), (q, q_exp) = leading(sums, members, compiled), leading(squares, members, compiled)
    with np.errstate(all="ignore"):
        large = multiply(q, (k, np.zeros_like(k)))
        small = multiply(s, s)
        shift = (2 * s_exp - q_exp).astype(np.int32)
        small = np.ldexp(small[0], shift), np.ldexp(small[1], shift)
        spread = subtract(large, small)
        value = divide(spread, k * under.astype(np.float64))
        slack = (large[0] * ERROR) / (k * under)
        rounded = value[0] + value[1]
        sure = (value[0] + (value[1] + slack) == rounded) & (value[0] + (value[1] - slack) == rounded)
        scale = q_exp - unit
        power = np.frexp(rounded)[1] + scale
        sure &= (count < MOST) & (power > -1000) & (power < 1000) & (spread[0] > large[0] * 2.0**-60)
        out = np.ldexp(rounded, scale.astype(np.int32))
    return out, sure
