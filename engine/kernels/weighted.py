"""Sums of weights and of weighted values as whole numbers of one unit, a cache line a group.

A group's eight words: three of sum(x * w) and two of sum(w), two's complement, lowest first; one more than the field of
`exact_sum` in which the highest leading bit of each was met (0: none); how many rows. Bit 0 of a product stands where
exponents add up to `base_product`, of a weight where its exponent is `base_weight`. What does not fit stays to the caller.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import bits_of, f64, f64w, i32, i64, i64w, kernel, leading_zeros, long_, multiply_high, u8w
from .quotients import NONE, OPEN, SURE, pair_of, quotient

WORDS = 8
PRODUCT, WEIGHT, PRODUCT_TOP, WEIGHT_TOP, COUNT = 0, 3, 5, 6, 7  # places in a group's words
PRODUCT_RANGE, WEIGHT_RANGE = 54, 43  # exponents above the base: 2**29 terms stay within 189 bits of 192, 125 of 128


def _add(groups: Any, x: Any, w: Any, base_product: Any, base_weight: Any, cells: Any) -> Any:
    """Rows up to the first that does not fit (or is not finite), whose number is returned. O(rows)."""
    for i in range(groups.size):
        a, b = bits_of(x[np.uint64(i)]), bits_of(np.float64(w[np.uint64(i)]))
        ea, eb = (a >> 52) & 0x7FF, (b >> 52) & 0x7FF
        if ea == 0x7FF or eb == 0x7FF:
            return np.int64(i)
        ma, mb = np.uint64(a & 0xFFFFFFFFFFFFF), np.uint64(b & 0xFFFFFFFFFFFFF)
        if ea:
            ma |= np.uint64(1 << 52)
        else:
            ea = 1
        if eb:
            mb |= np.uint64(1 << 52)
        else:
            eb = 1
        at = np.uint64(WORDS * np.int64(groups[np.uint64(i)]))
        if mb == np.uint64(0):
            cells[at + np.uint64(COUNT)] += 1
            continue
        up = np.uint64(eb - base_weight)
        if up > np.uint64(WEIGHT_RANGE):
            return np.int64(i)
        shift = np.uint64(ea + eb - base_product)
        if ma and shift > np.uint64(PRODUCT_RANGE):
            return np.int64(i)
        cells[at + np.uint64(COUNT)] += 1
        # the weight: 53 bits moved by up to 43
        low, high = mb << up, (mb >> np.uint64(1)) >> (np.uint64(63) - up)
        lead = ((eb + 63 - leading_zeros(mb)) >> 5) + 1
        if lead > cells[at + np.uint64(WEIGHT_TOP)]:
            cells[at + np.uint64(WEIGHT_TOP)] = lead
        w0 = np.uint64(cells[at + np.uint64(WEIGHT)])
        w1 = np.uint64(cells[at + np.uint64(WEIGHT + 1)])
        if b < 0:
            cells[at + np.uint64(WEIGHT)] = np.int64(w0 - low)
            cells[at + np.uint64(WEIGHT + 1)] = np.int64(w1 - high - np.uint64(w0 < low))
        else:
            sum0 = w0 + low
            cells[at + np.uint64(WEIGHT)] = np.int64(sum0)
            cells[at + np.uint64(WEIGHT + 1)] = np.int64(w1 + high + np.uint64(sum0 < low))
        if ma == np.uint64(0):
            continue
        # the product: 106 bits moved by up to 54
        p, q = ma * mb, multiply_high(ma, mb)
        back = np.uint64(63) - shift
        t0, t1 = p << shift, (q << shift) | ((p >> np.uint64(1)) >> back)
        t2 = (q >> np.uint64(1)) >> back
        lead = ((ea + eb + 105) >> 5) + 1
        if lead > cells[at + np.uint64(PRODUCT_TOP)]:
            cells[at + np.uint64(PRODUCT_TOP)] = lead
        c0, c1 = np.uint64(cells[at]), np.uint64(cells[at + np.uint64(1)])
        c2 = np.uint64(cells[at + np.uint64(2)])
        if (a ^ b) < 0:
            d1 = c1 - t1
            cells[at] = np.int64(c0 - t0)
            borrow = np.uint64(c0 < t0)
            cells[at + np.uint64(1)] = np.int64(d1 - borrow)
            cells[at + np.uint64(2)] = np.int64(c2 - t2 - np.uint64(c1 < t1) - np.uint64(d1 < borrow))
        else:
            s0, s1 = c0 + t0, c1 + t1
            carry = np.uint64(s0 < t0)
            s2 = s1 + carry
            cells[at] = np.int64(s0)
            cells[at + np.uint64(1)] = np.int64(s2)
            cells[at + np.uint64(2)] = np.int64(c2 + t2 + np.uint64(s1 < t1) + np.uint64(s2 < carry))
    return groups.size


add_weighted = kernel(i32, f64, f64, long_, long_, i64w)(_add)
add_weighted_longs = kernel(i32, f64, i64, long_, long_, i64w)(_add)  # whole weights are taken as doubles


@kernel(i32, i64w, i32, i64w)
def merge_weighted(members: Any, theirs: Any, groups: Any, cells: Any) -> Any:
    """Add groups `members` of other sums of the same bases. O(members)."""
    for i in range(members.size):
        m, g = WORDS * np.int64(members[i]), WORDS * np.int64(groups[i])
        carry = np.uint64(0)
        for j in range(5):
            if j == WEIGHT:
                carry = np.uint64(0)
            one = np.uint64(cells[g + j]) + np.uint64(theirs[m + j])
            two = one + carry
            carry = np.uint64(one < np.uint64(theirs[m + j])) + np.uint64(two < one)
            cells[g + j] = np.int64(two)
        for j in range(PRODUCT_TOP, COUNT):
            cells[g + j] = max(cells[g + j], theirs[m + j])
        cells[g + COUNT] += theirs[m + COUNT]
    return members.size


@kernel(long_, i64w, long_, long_, f64w, u8w, u8w, makes_arrays=True)
def weighted_means(n: Any, cells: Any, scale_product: Any, scale_weight: Any, out: Any, state: Any, stop: Any) -> Any:
    """Into `out` sum(x * w) / sum(w) of groups 0 .. n, rounded once, into `state` whether that is certain. O(n).

    Bit 0 of a product stands for 2**scale_product, of a weight for 2**scale_weight.
    """
    digits = np.zeros(6, np.int64)
    for g in range(n):
        if (g & 0xFFFF) == 0 and stop[0]:
            return g
        at = WORDS * g
        for part in range(2):
            first: Any = at + (WEIGHT if part == 0 else PRODUCT)
            words: Any = 2 if part == 0 else 3
            negative = cells[first + words - 1] < 0
            carry = np.uint64(negative)
            for j in range(3):
                word = np.uint64(cells[first + j]) if j < words else np.uint64(0)
                if negative and j < words:
                    word = ~word + carry
                    carry = np.uint64(carry != 0 and word == 0)
                digits[2 * j] = np.int64(word & np.uint64(0xFFFFFFFF))
                digits[2 * j + 1] = np.int64(word >> np.uint64(32))
            p0, p1, p_exp = pair_of(digits, 5)
            if negative:
                p0, p1 = -p0, -p1
            if part == 0:
                q0, q1, q_exp = p0, p1, p_exp
                if q0 == 0.0:
                    break
        if q0 == 0.0:
            out[g], state[g] = 0.0, NONE
        elif p0 == 0.0:
            out[g], state[g] = 0.0, SURE
        else:
            scale = p_exp + scale_product - q_exp - scale_weight
            out[g], certain = quotient(p0, p1, q0, q1, scale)
            state[g] = SURE if certain else OPEN
    return n
