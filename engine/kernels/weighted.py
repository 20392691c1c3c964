"""Sums of weights and of weighted values as whole numbers of one unit, half a cache line a group.

sum(x * w) has three words, sum(w) two, two's complement. A group's four `cells`: the upper two of the products, lowest first,
the upper one of the weights, and TALLY: how many rows (bits 0 to 31), and of weights (32 to 47) and of products (48 to 63)
one more than the field of `exact_sum` in which the highest leading bit was met (0: none). The lowest word of each is in `low`,
which is empty where all of them are 0, as they are of whole weights. Bit 0 of a product stands where exponents add up to
`base_product`, of a weight where its exponent is `base_weight`. What does not fit stays to the caller.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import (
    bits_of,
    f64,
    f64c,
    f64w,
    i32,
    i32c,
    i64,
    i64c,
    i64w,
    inline,
    kernel,
    leading_zeros,
    long_,
    multiply_high,
    multiply_high_signed,
    prefetch,
    u8w,
)
from .quotients import NONE, OPEN, SURE, quotient, two_sum

WORDS, LOW_WORDS = 4, 2
PRODUCT, WEIGHT, TALLY = 0, 2, 3  # places in a group's cells
PRODUCT_LOW, WEIGHT_LOW = 0, 1  # and in its low words
WEIGHT_TOP, PRODUCT_TOP, TOP = 32, 48, 0xFFFF  # first bits of the fields in a tally, and a mask
COUNT = 0xFFFFFFFF
PRODUCT_RANGE, WEIGHT_RANGE = 54, 43  # exponents above the base: 2**29 terms stay within 189 bits of 192, 125 of 128
WHOLE_FROM = 1011  # 2**-64 as an exponent: a word below the bit of 1
LOOKED = 1 << 16  # groups between two looks at the stop byte
AHEAD = 24  # groups between one that is added and one whose sums are asked for
BLOCK = 1024  # rows whose ends are looked at before they are added: their values are still near
MOST = np.int64(0x7FFFFFFFFFFFFFFF)  # also: all bits of a double but its sign


@inline
def raised(tally: Any, first: Any, lead: Any) -> Any:
    """The tally with the field at bit `first` at least `lead`."""
    more = lead - ((tally >> first) & TOP)
    return tally + (more << first) if more > 0 else tally


def _add(groups: Any, x: Any, w: Any, base_product: Any, base_weight: Any, cells: Any, low: Any) -> Any:
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
        under = at >> np.uint64(1)
        if mb == np.uint64(0):
            cells[at + np.uint64(TALLY)] += 1
            continue
        up = np.uint64(eb - base_weight)
        if up > np.uint64(WEIGHT_RANGE):
            return np.int64(i)
        shift = np.uint64(ea + eb - base_product)
        if ma and shift > np.uint64(PRODUCT_RANGE):
            return np.int64(i)
        # the weight: 53 bits moved by up to 43
        part, high = mb << up, (mb >> np.uint64(1)) >> (np.uint64(63) - up)
        tally = raised(cells[at + np.uint64(TALLY)] + 1, WEIGHT_TOP, ((eb + 63 - leading_zeros(mb)) >> 5) + 1)
        w0 = np.uint64(low[under + np.uint64(WEIGHT_LOW)])
        w1 = np.uint64(cells[at + np.uint64(WEIGHT)])
        if b < 0:
            low[under + np.uint64(WEIGHT_LOW)] = np.int64(w0 - part)
            cells[at + np.uint64(WEIGHT)] = np.int64(w1 - high - np.uint64(w0 < part))
        else:
            sum0 = w0 + part
            low[under + np.uint64(WEIGHT_LOW)] = np.int64(sum0)
            cells[at + np.uint64(WEIGHT)] = np.int64(w1 + high + np.uint64(sum0 < part))
        if ma == np.uint64(0):
            cells[at + np.uint64(TALLY)] = tally
            continue
        # the product: 106 bits moved by up to 54
        cells[at + np.uint64(TALLY)] = raised(tally, PRODUCT_TOP, ((ea + eb + 105) >> 5) + 1)
        p, q = ma * mb, multiply_high(ma, mb)
        back = np.uint64(63) - shift
        t0, t1 = p << shift, (q << shift) | ((p >> np.uint64(1)) >> back)
        t2 = (q >> np.uint64(1)) >> back
        c0, c1 = np.uint64(low[under]), np.uint64(cells[at])
        c2 = np.uint64(cells[at + np.uint64(1)])
        if (a ^ b) < 0:
            d1 = c1 - t1
            low[under] = np.int64(c0 - t0)
            borrow = np.uint64(c0 < t0)
            cells[at] = np.int64(d1 - borrow)
            cells[at + np.uint64(1)] = np.int64(c2 - t2 - np.uint64(c1 < t1) - np.uint64(d1 < borrow))
        else:
            s0, s1 = c0 + t0, c1 + t1
            carry = np.uint64(s0 < t0)
            s2 = s1 + carry
            low[under] = np.int64(s0)
            cells[at] = np.int64(s2)
            cells[at + np.uint64(1)] = np.int64(c2 + t2 + np.uint64(s1 < t1) + np.uint64(s2 < carry))
    return groups.size


add_weighted = kernel(i32, f64, f64, long_, long_, i64w, i64w)(_add)
add_weighted_longs = kernel(i32, f64, i64, long_, long_, i64w, i64w)(_add)  # whole weights are taken as doubles


@inline
def ends_fit(least: Any, most: Any, light: Any, heavy: Any, base_product: Any, base_weight: Any) -> Any:
    """Whether all rows between these ends are what `add_whole` takes without a look at each: sizes of x as bits, weights."""
    first, last = least >> 52, most >> 52
    low, high = np.int64(1086) - leading_zeros(np.uint64(light)), np.int64(1086) - leading_zeros(np.uint64(heavy))
    return (
        light > 0
        and heavy < (1 << 53)
        and first > 1  # no zero, none that is not normal
        and last < 0x7FF
        and base_weight <= WHOLE_FROM
        and base_weight <= low
        and high <= base_weight + WEIGHT_RANGE
        and base_product <= first + min(low, WHOLE_FROM)
        and last + high <= base_product + PRODUCT_RANGE
        and last + WHOLE_FROM < base_product + 64
    )


@inline
def leads(exponent: Any, length: Any) -> Any:
    """What a whole weight of so many bits and its product make the fields of a tally, from bit WEIGHT_TOP on."""
    product = ((exponent + length + 1127) >> 5) + 1
    return (((length + 1074) >> 5) + 1) | (product << (PRODUCT_TOP - WEIGHT_TOP))


@kernel(i32c, f64c, i64c, long_, long_, i64w)
def add_whole(groups: Any, x: Any, w: Any, base_product: Any, base_weight: Any, cells: Any) -> Any:
    """As the others, with little looked at row by row. Returns where the first block begins that it cannot take. O(rows).

    In each block all weights are above 0 and below 2**53, all x are normal, everything fits. base_weight <= 1011 and
    base_product <= the exponent of each x + 1011: so bit 0 of whole weights, and of their products, lies above the lowest
    word, which stays as it is.
    """
    by, down = np.uint64(WHOLE_FROM - base_weight), np.int64(WHOLE_FROM) - base_product
    start = np.int64(0)
    while start < groups.size:
        end = min(start + BLOCK, groups.size)
        least, most, light, heavy = MOST, np.int64(0), MOST, np.int64(0)
        for i in range(start, end):
            size, v = bits_of(x[np.uint64(i)]) & MOST, w[np.uint64(i)]
            least, most, light, heavy = min(least, size), max(most, size), min(light, v), max(heavy, v)
        if not ends_fit(least, most, light, heavy, base_product, base_weight):
            return start
        # leads of the least and of the greatest term; where they are equal, of all
        low, high = np.int64(64) - leading_zeros(np.uint64(light)), np.int64(64) - leading_zeros(np.uint64(heavy))
        floor, ceiling = leads((least >> 52), low), leads((most >> 52), high)
        for i in range(start, end):
            a, v = bits_of(x[np.uint64(i)]), w[np.uint64(i)]
            at = np.uint64(WORDS * np.int64(groups[np.uint64(i)]))
            ea = (a >> 52) & 0x7FF
            cells[at + np.uint64(WEIGHT)] += v << by
            tally = cells[at + np.uint64(TALLY)] + 1
            if (tally >> WEIGHT_TOP) != ceiling:
                lead = ceiling if floor == ceiling else leads(ea, np.int64(64) - leading_zeros(np.uint64(v)))
                tally = raised(raised(tally, WEIGHT_TOP, lead & TOP), PRODUCT_TOP, lead >> (PRODUCT_TOP - WEIGHT_TOP))
            cells[at + np.uint64(TALLY)] = tally
            sign = a >> 63
            m = (((a & 0xFFFFFFFFFFFFF) | (1 << 52)) ^ sign) - sign
            p, q, shift = np.uint64(m * v), np.uint64(multiply_high_signed(m, v)), np.uint64(ea + down)
            t1, t2 = p << shift, (q << shift) | ((p >> np.uint64(1)) >> (np.uint64(63) - shift))
            c1 = np.uint64(cells[at]) + t1
            cells[at] = np.int64(c1)
            cells[at + np.uint64(1)] += np.int64(t2 + np.uint64(c1 < t1))
        start = end
    return groups.size


@kernel(i32, i64w, i64w, i32, i64w, i64w)
def merge_weighted(members: Any, theirs: Any, their_low: Any, groups: Any, cells: Any, low: Any) -> Any:
    """Add groups `members` of other sums of the same bases. `low` is there if `their_low` is. O(members)."""
    for i in range(members.size):
        if i + AHEAD < members.size:
            prefetch(theirs, WORDS * np.int64(members[np.uint64(i + AHEAD)]))
        m, g = np.uint64(WORDS * np.int64(members[np.uint64(i)])), np.uint64(WORDS * np.int64(groups[np.uint64(i)]))
        carry, carry_weight = np.uint64(0), np.int64(0)
        if their_low.size:
            under, over = m >> np.uint64(1), g >> np.uint64(1)
            product, weight = np.uint64(their_low[under]), np.uint64(their_low[under + np.uint64(WEIGHT_LOW)])
            sum0, sum1 = np.uint64(low[over]) + product, np.uint64(low[over + np.uint64(WEIGHT_LOW)]) + weight
            carry, carry_weight = np.uint64(sum0 < product), np.int64(sum1 < weight)
            low[over], low[over + np.uint64(WEIGHT_LOW)] = np.int64(sum0), np.int64(sum1)
        c1 = np.uint64(cells[g]) + np.uint64(theirs[m])
        d1 = c1 + carry
        cells[g] = np.int64(d1)
        cells[g + np.uint64(1)] += theirs[m + np.uint64(1)] + np.int64(c1 < np.uint64(theirs[m])) + np.int64(d1 < c1)
        cells[g + np.uint64(WEIGHT)] += theirs[m + np.uint64(WEIGHT)] + carry_weight
        mine, other = cells[g + np.uint64(TALLY)], theirs[m + np.uint64(TALLY)]
        tally = raised(mine + (other & COUNT), WEIGHT_TOP, (other >> WEIGHT_TOP) & TOP)
        cells[g + np.uint64(TALLY)] = raised(tally, PRODUCT_TOP, (other >> PRODUCT_TOP) & TOP)
    return members.size


@kernel(i32, i64w, i64w)
def lay_weighted(members: Any, theirs: Any, cells: Any) -> Any:
    """The sums of groups `members` of others, in that order; -1: none. O(members)."""
    for i in range(members.size):
        if i + AHEAD < members.size:
            prefetch(theirs, WORDS * np.int64(members[np.uint64(i + AHEAD)]))
        m, at = np.int64(members[np.uint64(i)]), np.uint64(WORDS * i)
        for j in range(WORDS):
            cells[at + np.uint64(j)] = theirs[np.uint64(WORDS * m + j)] if m >= 0 else 0
    return members.size


@kernel(long_, i64w, long_, i64w)
def whole_sums(n: Any, cells: Any, by: Any, out: Any) -> Any:
    """The sums of the weights of groups 0 .. n, where these are whole numbers `by` bits up. Returns how many groups have none. O(n)."""
    without = np.int64(0)
    for g in range(n):
        at = WORDS * g
        out[np.uint64(g)] = cells[np.uint64(at + WEIGHT)] >> by
        without += np.int64((cells[np.uint64(at + TALLY)] & COUNT) == 0)
    return without


@inline
def pair_of_words(w0: Any, w1: Any, w2: Any, negative: Any) -> Any:
    """A whole number of three words as a pair of doubles and an exponent of 2: its first 106 bits; 0.0 if it is 0."""
    exponent = 64
    if negative:
        w0 = ~w0 + np.uint64(1)
        w1 = ~w1 + np.uint64(w0 == 0)
        w2 = ~w2 + np.uint64(w0 == 0 and w1 == 0)
    if w2 == 0:
        w2, w1, w0, exponent = w1, w0, np.uint64(0), 0
        if w2 == 0:
            w2, w1, exponent = w1, np.uint64(0), -64
    if w2 == 0:
        return 0.0, 0.0, 0
    value, below, zeros = pair_of_top(w2, w1, w0)
    if negative:
        value, below = -value, -below
    return value, below, exponent - zeros


@inline
def pair_of_top(w2: Any, w1: Any, w0: Any) -> Any:
    """The first 106 bits of three words, w2 not 0, moved up by as many bits as are told, as a pair of doubles."""
    zeros = np.uint64(leading_zeros(w2))
    back = np.uint64(63) - zeros
    high = (w2 << zeros) | ((w1 >> np.uint64(1)) >> back)
    low = (w1 << zeros) | ((w0 >> np.uint64(1)) >> back)
    first = np.float64(np.int64(high >> np.uint64(11))) * 2.0**75
    rest = np.float64(np.int64(((high & np.uint64(0x7FF)) << np.uint64(52)) | (low >> np.uint64(12)))) * 2.0**12
    value, below = two_sum(first, rest)
    return value, below, np.int64(zeros)


@kernel(long_, i64w, long_, long_, f64w, u8w, u8w)
def whole_means(n: Any, cells: Any, scale_product: Any, scale_weight: Any, out: Any, state: Any, stop: Any) -> Any:
    """As `weighted_means` without low words, of the groups whose sums are of usual size; others are OPEN. O(n).

    Their sum of weights is a double, that of the products has two words. The loop becomes vectors, as it has no way out.
    """
    for begin in range(0, n, LOOKED):
        if stop[0]:
            return begin
        for g in range(begin, min(begin + LOOKED, n)):
            at = np.uint64(WORDS * g)
            w1, c1, c2 = cells[at + np.uint64(WEIGHT)], np.uint64(cells[at]), cells[at + np.uint64(1)]
            sign = np.uint64(c2 >> 63)
            high, low = (np.uint64(c2) ^ sign) + (sign & np.uint64(c1 == np.uint64(0))), (c1 ^ sign) - sign
            if high != np.uint64(0) and w1 > 0 and w1 < (1 << 53):
                value, below, zeros = pair_of_top(high, low, np.uint64(0))
                found, certain = quotient(value, below, np.float64(w1), 0.0, scale_product - zeros - scale_weight)
                out[g] = -found if c2 < 0 else found
                state[g] = SURE if certain else OPEN
            else:
                state[g] = OPEN
    return n


@kernel(long_, i64w, i64w, long_, long_, f64w, u8w, u8w)
def weighted_means(
    n: Any, cells: Any, low: Any, scale_product: Any, scale_weight: Any, out: Any, state: Any, stop: Any
) -> Any:  # fmt: skip
    """Into `out` sum(x * w) / sum(w) of groups 0 .. n, rounded once, into `state` whether that is certain. O(n).

    Bit 0 of a product stands for 2**scale_product, of a weight for 2**scale_weight. Groups that are SURE stay as they are.
    """
    for g in range(n):
        if (g & 0xFFFF) == 0 and stop[0]:
            return g
        if state[np.uint64(g)] == SURE:
            continue
        at = np.uint64(WORDS * g)
        w0, w1, c0 = np.uint64(0), np.uint64(cells[at + np.uint64(WEIGHT)]), np.uint64(0)
        if low.size:
            under = at >> np.uint64(1)
            c0, w0 = np.uint64(low[under]), np.uint64(low[under + np.uint64(WEIGHT_LOW)])
        sign = np.int64(w1) >> 63
        q0, q1, q_exp = pair_of_words(w0, w1, np.uint64(sign), sign < 0)
        if q0 == 0.0:
            out[g], state[g] = 0.0, NONE
            continue
        top = cells[at + np.uint64(1)]
        p0, p1, p_exp = pair_of_words(c0, np.uint64(cells[at]), np.uint64(top), top < 0)
        if p0 == 0.0:
            out[g], state[g] = 0.0, SURE
            continue
        out[g], certain = quotient(p0, p1, q0, q1, p_exp + scale_product - q_exp - scale_weight)
        state[g] = SURE if certain else OPEN
    return n
