"""Quotients of exact sums, group by group: what `operators.states.ratios.quotients` gives, where no wide form is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import bits_of, f64w, float_of, i16w, i64w, inline, kernel, long_, u8w

MASK32 = np.int64(0xFFFFFFFF)
SURE, OPEN, NONE = 0, 1, 2
SPLIT = 134217729.0


@inline
def two_sum(a: Any, b: Any) -> Any:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@inline
def two_product(a: Any, b: Any) -> Any:
    """Dekker; operands far from the ends of the range."""
    p = a * b
    c = SPLIT * a
    ah = c - (c - a)
    al = a - ah
    d = SPLIT * b
    bh = d - (d - b)
    bl = b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


@inline
def pair_of(digits: Any, high: Any) -> Any:
    """The number of digits 0 .. high of 32 bits, lowest first, as a pair of doubles and an exponent of 2: its first four."""
    while high > 0 and digits[high] == 0:
        high -= 1
    s, e = np.float64(digits[high]) * 2.0**96, 0.0
    if high > 0:
        s, e = two_sum(s, np.float64(digits[high - 1]) * 2.0**64)
    f0 = 0.0
    if high > 1:
        e, f0 = two_sum(e, np.float64(digits[high - 2]) * 2.0**32)
    s, e = two_sum(s, e)
    if high > 2:
        f0 += np.float64(digits[high - 3])
    s, e = two_sum(s, e + f0)
    return s, e, 32 * (high - 3)


@inline
def quotient(p0: Any, p1: Any, q0: Any, q1: Any, scale: Any) -> Any:
    """The double nearest to the quotient of two pairs, neither of them 0, times 2**scale, and whether that is certain."""
    first = p0 / q0
    a, b = two_product(first, q0)
    rest = ((p0 - a) - b) + (p1 - first * q1)
    value, below = two_sum(first, rest / q0)
    slack = abs(value) * 2.0**-84
    bits = bits_of(value)
    power = ((bits >> 52) & 0x7FF) - 1022 + scale
    certain = value + (below + slack) == value and value + (below - slack) == value and -1000 < power < 1000
    return float_of(bits + (scale << 52)) if certain else 0.0, certain


@inline
def leading(g: Any, limbs: Any, top: Any, width: Any, digits: Any) -> Any:
    """The group's sum as a pair of doubles and an exponent of 2, from its first four digits of 32 bits."""
    last = np.int64(top[g])
    low: Any = max(np.int64(0), last - width + 1)
    sign = 1.0
    for attempt in range(2):
        carry = np.int64(0)
        for j in range(width + 2):
            f = low + j
            field = limbs[width * g + (f & (width - 1))] if j < width and f <= last else np.int64(0)
            total = (field if attempt == 0 else -field) + carry
            digits[j] = total & MASK32
            carry = total >> 32
        if carry >= 0:
            break
        sign = -1.0
    s, e, exponent = pair_of(digits, width + 1)
    return s * sign, e * sign, 32 * low + exponent


@kernel(long_, i64w, i16w, i64w, i16w, long_, long_, f64w, u8w, u8w, makes_arrays=True)
def quotients(
    n: Any, over: Any, over_top: Any, under: Any, under_top: Any, width: Any, unit: Any, out: Any, state: Any, stop: Any
) -> Any:  # fmt: skip
    """Into `out` over / under * 2**unit of groups 0 .. n, into `state` whether its rounding is certain. O(n * width)."""
    digits = np.zeros(width + 2, np.int64)
    for g in range(n):
        if (g & 0xFFFF) == 0 and stop[0]:
            return g
        q0, q1, q_exp = leading(g, under, under_top, width, digits)
        if q0 == 0.0:
            out[g], state[g] = 0.0, NONE
            continue
        p0, p1, p_exp = leading(g, over, over_top, width, digits)
        if p0 == 0.0:
            out[g], state[g] = 0.0, SURE
            continue
        out[g], certain = quotient(p0, p1, q0, q1, p_exp - q_exp + unit)
        state[g] = SURE if certain else OPEN
    return n
