"""Exact sums of second, third and fourth powers of doubles; the general path is `operators.states.powers`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .exact_sum import raise_top, shifted
from .jit import bits_of, f64, i16w, i32, i64w, kernel, long_, multiply_high


@kernel(i32, f64, i64w, i64w, i16w, i64w, i64w, i16w, i64w, i64w, i16w, long_, makes_arrays=True)
def add_powers(
    groups: Any, x: Any, limbs2: Any, wide2: Any, top2: Any, limbs3: Any, wide3: Any, top3: Any, limbs4: Any, wide4: Any,
    top4: Any, width: Any,
) -> Any:  # fmt: skip
    """x ** 2, ** 3 and ** 4 onto grids whose bit 0 stands for 2**-2150.

    Values are 0 or in 2**-400 .. 2**500, of either sign; what is not finite is passed over. O(rows).
    """
    last = width - 1
    words = np.zeros(4, np.uint64)
    parts = np.zeros(9, np.int64)
    for i in range(groups.size):
        bits = bits_of(x[i])
        e = (bits >> 52) & 0x7FF
        if e == 0 or e == 0x7FF:
            continue
        g = np.int64(groups[i])
        at = width * g
        sign = bits >> 63
        m = np.uint64((bits & 0xFFFFFFFFFFFFF) | (1 << 52))
        a0, a1 = m * m, multiply_high(m, m)
        for power in range(2, 5):
            exponent, length = power * e - 1075 * (power - 2), 53 * power - 1
            words[0], words[1], words[2], words[3] = a0, a1, 0, 0
            if power == 3:
                words[0], side = a0 * m, a1 * m
                words[1] = multiply_high(a0, m) + side
                words[2] = multiply_high(a1, m) + np.uint64(words[1] < side)
            elif power == 4:
                side, over = a0 * a1, multiply_high(a0, a1)  # twice in the square of two words
                double = side << np.uint64(1)
                words[0] = a0 * a0
                words[1] = multiply_high(a0, a0) + double
                carry = np.uint64(words[1] < double)
                double = (over << np.uint64(1)) | (side >> np.uint64(63))
                above = a1 * a1 + double
                words[2] = above + carry
                words[3] = multiply_high(a1, a1) + np.uint64(above < double) + np.uint64(words[2] < carry)
            low, shift, rest = exponent >> 5, np.uint64(exponent & 31), np.uint64(0)
            for k in range(power):
                parts[2 * k], parts[2 * k + 1], rest = shifted(words[k], shift, rest)
            parts[2 * power] = np.int64(rest)
            lead = (exponent + length) >> 5
            if power == 2:
                if lead > top2[g]:
                    raise_top(g, lead, limbs2, width, wide2, top2, width)
                floor = np.int64(top2[g]) - last
                for f in range(low, lead + 1):
                    if f >= floor:
                        limbs2[np.uint64(at + (f & last))] += parts[f - low]
            elif power == 3:
                if lead > top3[g]:
                    raise_top(g, lead, limbs3, width, wide3, top3, width)
                floor = np.int64(top3[g]) - last
                for f in range(low, lead + 1):
                    if f >= floor:
                        limbs3[np.uint64(at + (f & last))] += (parts[f - low] ^ sign) - sign
            else:
                if lead > top4[g]:
                    raise_top(g, lead, limbs4, width, wide4, top4, width)
                floor = np.int64(top4[g]) - last
                for f in range(low, lead + 1):
                    if f >= floor:
                        limbs4[np.uint64(at + (f & last))] += parts[f - low]
    return groups.size
