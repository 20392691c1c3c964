"""Sums over stretches of places, exact and rounded once; the general path is operators.window.sums.

A double is a whole multiple of a unit; where the values of a group lie so close that sums fit 128 bits, sums up to each
place are kept in two words and a stretch's is a difference. Otherwise a wide sum moves along with the stretch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import bits_of, f64w, float_of, i32w, i64w, inline, kernel, leading_zeros, long_, real_, u8w, u64w, word_

MASK32 = np.int64(0xFFFFFFFF)
MANTISSA = np.int64((1 << 52) - 1)
BIAS = 1075  # a double is mantissa * 2**(exponent - BIAS)


@kernel(real_, long_, returns=real_, is_inner=True, is_pasted=True)
def scaled(value: Any, power: Any) -> Any:
    """value * 2**power, where the result or what lies between is exact."""
    while power > 1000:
        value *= 2.0**1000
        power -= 1000
    while power < -1000:
        value *= 2.0**-1000
        power += 1000
    return value * float_of(np.int64(power + 1023) << np.int64(52))


@kernel(long_, word_, long_, returns=real_, is_inner=True, is_pasted=True)
def rounded(high: Any, low: Any, power: Any) -> Any:
    """The double nearest to (high, low) * 2**power, of a whole number in two words, `high` signed."""
    negative = high < 0
    top, bottom = np.uint64(high), low
    if negative:
        bottom = ~low + np.uint64(1)
        top = ~np.uint64(high) + np.uint64(1 if bottom == 0 else 0)
    if top == 0:
        value = np.float64(bottom)
    else:
        zeros = np.uint64(leading_zeros(top))
        word = (top << zeros) | ((bottom >> np.uint64(1)) >> (np.uint64(63) - zeros))
        rest = (word & np.uint64(1)) | np.uint64((bottom << zeros) != 0)
        value = np.float64(np.int64((word >> np.uint64(1)) | rest))  # signed words convert in one step
        power += 65 - np.int64(zeros)
    value = scaled(value, power)
    return -value if negative else value


@kernel(i64w, u8w, i32w, i32w, long_, i64w, u8w, makes_arrays=True)
def sum_longs(values: Any, valid: Any, low: Any, high: Any, holed: Any, cells: Any, stop: Any) -> Any:
    """`cells`: four a place: low word, high word, count, unused. `valid` empty: all. O(places)."""
    n = values.size
    lows, highs = np.empty(n + 1, np.uint64), np.empty(n + 1, np.int64)
    counts = np.empty(n + 1 if valid.size else 0, np.int64)
    lows[0], highs[0] = 0, 0
    if valid.size:
        counts[0] = 0
    lower, upper, number = np.uint64(0), np.int64(0), np.int64(0)
    for i in range(n):
        if (i & 0xFFFF) == 0 and stop[0]:
            return i
        value = values[np.uint64(i)]
        if valid.size:
            is_in = np.int64(valid[np.uint64(i)] != 0)
            number += is_in
            counts[np.uint64(i + 1)] = number
            value &= -is_in
        lower += np.uint64(value)
        upper += (value >> 63) + np.int64(lower < np.uint64(value))
        lows[np.uint64(i + 1)] = lower
        highs[np.uint64(i + 1)] = upper
    for i in range(n):
        if (i & 0xFFFF) == 0 and stop[0]:
            return i
        a, b = np.uint64(low[np.uint64(i)]), np.uint64(high[np.uint64(i)])
        lo = lows[b] - lows[a]
        hi = highs[b] - highs[a] - np.int64(lows[b] < lows[a])
        count = (counts[b] - counts[a]) if valid.size else np.int64(b - a)
        if holed and a <= np.uint64(i) < b and (not valid.size or valid[np.uint64(i)]):
            own = values[np.uint64(i)]
            borrow = np.int64(lo < np.uint64(own))
            lo -= np.uint64(own)
            hi -= (own >> 63) + borrow
            count -= 1
        at = np.uint64(4 * i)
        cells[at], cells[at + np.uint64(1)], cells[at + np.uint64(2)] = np.int64(lo), hi, count
    return n


@kernel(i64w, u8w, i32w, i32w, long_, i64w, i64w, u8w, makes_arrays=True)
def short_sums(values: Any, valid: Any, low: Any, high: Any, holed: Any, total: Any, number: Any, stop: Any) -> Any:
    """As `sum_longs`, where sums fit 64 bits; gives how many do not. `number` may be empty. O(places)."""
    n = values.size
    sums = np.empty(2 * n + 2, np.uint64)
    counts = np.empty(n + 1 if valid.size else 0, np.int64)
    sums[0], sums[1] = 0, 0
    if valid.size:
        counts[0] = 0
    lower, upper, seen, done, beyond = np.uint64(0), np.uint64(0), np.int64(0), np.int64(0), np.int64(0)
    for i in range(n):
        if (i & 0xFFFF) == 0 and stop[0]:
            return 0
        a, b = np.int64(low[np.uint64(i)]), np.int64(high[np.uint64(i)])
        while done < b:
            value = values[np.uint64(done)]
            if valid.size:
                is_in = np.int64(valid[np.uint64(done)] != 0)
                seen += is_in
                counts[np.uint64(done + 1)] = seen
                value &= -is_in
            lower += np.uint64(value)
            upper += np.uint64(value >> 63) + np.uint64(lower < np.uint64(value))
            done += 1
            sums[np.uint64(2 * done)], sums[np.uint64(2 * done + 1)] = lower, upper
        lo, hi, count = np.uint64(0), np.uint64(0), np.int64(0)
        if a < b:
            x, y = sums[np.uint64(2 * a)], sums[np.uint64(2 * b)]
            lo = y - x
            hi = sums[np.uint64(2 * b + 1)] - sums[np.uint64(2 * a + 1)] - np.uint64(y < x)
            count = counts[np.uint64(b)] - counts[np.uint64(a)] if valid.size else b - a
        if holed and a <= i < b and (not valid.size or valid[np.uint64(i)] != 0):
            own = values[np.uint64(i)]
            hi -= np.uint64(own >> 63) + np.uint64(lo < np.uint64(own))
            lo -= np.uint64(own)
            count -= 1
        beyond += np.int64(np.int64(hi) != np.int64(lo) >> 63)
        total[np.uint64(i)] = np.int64(lo)
        if number.size:
            number[np.uint64(i)] = count
    return beyond


@inline
def range_of(values: Any, valid: Any, first: Any, end: Any) -> Any:
    """Least and greatest exponent of the finite values that are not 0; whether there are others than finite ones."""
    least, most, highest = np.int64(2047), np.int64(0), np.int64(0)
    for i in range(first, end):
        bits = bits_of(values[np.uint64(i)])
        if valid.size:
            bits &= -np.int64(valid[np.uint64(i)] != 0)
        exponent = (bits >> 52) & 0x7FF
        highest = max(highest, exponent)
        least = min(least, exponent if bits << 1 else np.int64(2047))
        most = max(most, exponent if exponent < 0x7FF else np.int64(0))
    most = max(most, np.int64(1))
    return min(max(least, 1), most), most, highest == 0x7FF


@inline
def whole(value: Any, least: Any) -> Any:
    """A finite double as a whole number of units 2**(least - BIAS), in two words. Without a branch on what chance decides."""
    bits = bits_of(value)
    exponent = (bits >> 52) & 0x7FF
    mantissa = np.uint64(bits & MANTISSA) | (np.uint64(exponent != 0) << np.uint64(52))
    shift = np.uint64(max(exponent, 1) - least) if mantissa else np.uint64(0)
    if shift < np.uint64(64):
        low = mantissa << shift
        high = (mantissa >> np.uint64(1)) >> (np.uint64(63) - shift)
    else:
        low = np.uint64(0)
        high = mantissa << (shift - np.uint64(64))
    sign = np.uint64(bits >> 63)  # all ones, or none
    low = (low ^ sign) - sign
    high = (high ^ sign) + np.uint64((sign != 0) & (low == 0))
    return low, np.int64(high)


@inline
def narrow(
    values: Any, valid: Any, first: Any, end: Any, least: Any, low: Any, high: Any, holed: Any,
    mean: Any, sums: Any, counts: Any, total: Any, number: Any, stop: Any,
) -> Any:  # fmt: skip
    """One group by sums up to each place, in two words; each is made when a stretch first reaches it."""
    sums[0], sums[1] = np.uint64(0), np.uint64(0)
    if valid.size:
        counts[0] = 0
    lower, upper, seen = np.uint64(0), np.uint64(0), np.int64(0)
    done = np.int64(first)
    power = least - BIAS
    for i in range(first, end):
        if (i & 0xFFFF) == 0 and stop[0]:
            return
        begin, until = np.int64(low[np.uint64(i)]), np.int64(high[np.uint64(i)])
        while done < until:
            value = values[np.uint64(done)]
            if valid.size:
                is_in = valid[np.uint64(done)] != 0
                seen += np.int64(is_in)
                counts[np.uint64(done + 1 - first)] = seen
                value = value if is_in else 0.0
            x, y = whole(value, least)
            lower += x
            upper += np.uint64(y) + np.uint64(lower < x)
            done += 1
            to = np.uint64(2 * (done - first))
            sums[to], sums[to + np.uint64(1)] = lower, upper
        if begin >= until:
            total[np.uint64(i)] = 0.0
            if number.size:
                number[np.uint64(i)] = 0
            continue
        a, b = np.uint64(2 * (begin - first)), np.uint64(2 * (until - first))
        lo = sums[b] - sums[a]
        hi = np.int64(sums[b + np.uint64(1)] - sums[a + np.uint64(1)] - np.uint64(sums[b] < sums[a]))
        count = until - begin
        if valid.size:
            count = counts[np.uint64(until - first)] - counts[np.uint64(begin - first)]
        if holed and begin <= i and i < until and (not valid.size or valid[np.uint64(i)] != 0):
            x, y = whole(values[np.uint64(i)], least)
            hi -= y + np.int64(lo < x)
            lo -= x
            count -= 1
        value = rounded(hi, lo, power)
        total[np.uint64(i)] = value / count if mean and count else value
        if number.size:
            number[np.uint64(i)] = count


@kernel(i64w, i64w, real_, long_, long_, is_inner=True)
def add(limbs: Any, odd: Any, value: Any, base: Any, sign: Any) -> Any:
    """Put a value on (`sign` 1) or take it off (-1) a wide sum whose field 0 is `base`."""
    bits = bits_of(value)
    exponent = (bits >> 52) & 0x7FF
    mantissa = bits & MANTISSA
    odd[3] += sign
    if exponent == 0x7FF:
        if mantissa:
            odd[0] += sign
        elif bits < 0:
            odd[2] += sign
        else:
            odd[1] += sign
        return 0
    if exponent:
        mantissa |= np.int64(1) << np.int64(52)
    elif mantissa:
        exponent = np.int64(1)
    else:
        return 0
    field, shift = (exponent >> 5) - base, exponent & 31
    if bits < 0:
        sign = -sign
    rest = mantissa >> (32 - shift)
    limbs[field] += sign * ((mantissa << shift) & MASK32)
    limbs[field + 1] += sign * (rest & MASK32)
    limbs[field + 2] += sign * (rest >> 32)
    return 0


@kernel(i64w, i64w, long_, returns=real_, is_inner=True)
def settled(limbs: Any, digits: Any, base: Any) -> Any:
    """The double nearest to the sum of limbs[j] * 2**(32 * (base + j) - BIAS)."""
    width = limbs.size
    negative = False
    for attempt in range(2):
        carry = np.int64(0)
        for j in range(width + 2):
            limb = limbs[j] if j < width else np.int64(0)
            carry += -limb if attempt else limb
            digits[j] = carry & MASK32
            carry >>= 32
        negative = attempt == 1
        if carry >= 0:
            break
    high = width + 1
    while high >= 0 and digits[high] == 0:
        high -= 1
    if high < 0:
        return 0.0
    word = np.uint64(digits[high]) << np.uint64(32)
    if high > 0:
        word |= np.uint64(digits[high - 1])
    zeros = np.uint64(leading_zeros(word))
    word <<= zeros
    third = np.uint64(digits[high - 2]) if high > 1 else np.uint64(0)
    word |= (third << zeros) >> np.uint64(32)
    sticky = ((third << zeros) & np.uint64(0xFFFFFFFF)) != 0
    for j in range(high - 2):
        if digits[j]:
            sticky = True
    if sticky:
        word |= np.uint64(1)
    value = scaled(np.float64(word), 32 * (base + high - 1) - np.int64(zeros) - BIAS)
    return -value if negative else value


@inline
def wide(
    values: Any, valid: Any, first: Any, end: Any, least: Any, most: Any, low: Any, high: Any, holed: Any,
    mean: Any, total: Any, number: Any, stop: Any,
) -> Any:  # fmt: skip
    """One group by a sum of as many fields of 32 bits as its values need, moved along with the stretch."""
    base = least >> 5
    limbs = np.zeros((most >> 5) - base + 3, np.int64)
    digits = np.zeros(limbs.size + 2, np.int64)
    odd = np.zeros(4, np.int64)  # NaN, infinity, minus infinity; values
    a = b = np.int64(first)
    for i in range(first, end):
        if (i & 0xFF) == 0 and stop[0]:
            return
        begin, until = np.int64(low[np.uint64(i)]), np.int64(high[np.uint64(i)])
        if begin < a or until < b or begin > b:
            limbs[:] = 0
            odd[:] = 0
            a = b = begin
        while b < until:
            if not valid.size or valid[np.uint64(b)]:
                add(limbs, odd, values[np.uint64(b)], base, np.int64(1))
            b += 1
        while a < begin:
            if not valid.size or valid[np.uint64(a)]:
                add(limbs, odd, values[np.uint64(a)], base, np.int64(-1))
            a += 1
        hole = holed and begin <= i and i < until and (not valid.size or valid[np.uint64(i)] != 0)
        if hole:
            add(limbs, odd, values[np.uint64(i)], base, np.int64(-1))
        if odd[0] or (odd[1] and odd[2]):
            value = np.nan
        elif odd[1]:
            value = np.inf
        elif odd[2]:
            value = -np.inf
        else:
            value = settled(limbs, digits, base)
        total[np.uint64(i)] = value / odd[3] if mean and odd[3] else value
        if number.size:
            number[np.uint64(i)] = odd[3]
        if hole:
            add(limbs, odd, values[np.uint64(i)], base, np.int64(1))


@kernel(f64w, u8w, i64w, i32w, i32w, long_, long_, u64w, i64w, f64w, i64w, u8w, makes_arrays=True)
def sum_doubles(
    values: Any, valid: Any, starts: Any, low: Any, high: Any, holed: Any, mean: Any,
    sums: Any, counts: Any, total: Any, number: Any, stop: Any,
) -> Any:  # fmt: skip
    """The sum of each stretch (`mean`: by the number of its values), and that number unless `number` is empty.

    `sums` (two words each), `counts`: room for one more than the largest group has (`counts` only with `valid`).
    O(places), but for groups of wide range in O(places * range).
    """
    for g in range(starts.size - 1):
        if (g & 0xFF) == 0 and stop[0]:
            return 0
        first, end = starts[g], starts[g + 1]
        least, most, odd = range_of(values, valid, first, end)
        bits = most - least + 54
        size = end - first
        while size:
            bits += 1
            size >>= 1
        if odd or bits > 127:
            wide(values, valid, first, end, least, most, low, high, holed, mean, total, number, stop)
        else:
            narrow(values, valid, first, end, least, low, high, holed, mean, sums, counts, total, number, stop)
    return 0
