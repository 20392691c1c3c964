"""As-of search: for rows of the left the row of the right with their key that is nearest before or after in time.

Sides in order of time are swept once, with one entry a key; others are searched key by key in segments (`segments.py`).
Codes are numbers of keys, negative where a row takes no part. `out` has a row of the right for each of the left, -1: none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32c, i32w, i64c, i64w, inline, kernel, long_, u8w

LEAST = np.int64(-(1 << 63))
LOOK = np.int64(0xFFFF)


PIECE = 4096  # keys whose order is looked at without a branch


@kernel(i64c)
def never_falls(key: Any) -> Any:
    """1 if no key is less than the one before it, else 0. O(rows), up to the first that is."""
    begin = np.int64(1)
    while begin < key.size:
        end, falls = min(key.size, begin + PIECE), np.int64(0)
        for i in range(begin, end):
            falls |= np.int64(key[np.uint64(i)] < key[np.uint64(i - 1)])
        if falls:
            return 0
        begin = end
    return 1


@kernel(i32c, i64c, long_, long_, long_, i32w, long_, u8w)
def enter(code: Any, key: Any, low: Any, high: Any, last_tie: Any, state: Any, at: Any, stop: Any) -> Any:
    """Rows low .. high, from the last to the first, become the next ahead of their keys. O(rows).

    `state` from `at` on has a place a key. With `last_tie` a row does not stand in front of one of the same time.
    """
    for back in range(high - low):
        if (back & LOOK) == 0 and stop[0]:
            return back
        row = high - 1 - back
        number = np.int64(code[np.uint64(row)])
        if number < 0:
            continue
        place = np.uint64(at + number)
        known = np.int64(state[place])
        if not (last_tie and known >= 0 and key[np.uint64(known)] == key[np.uint64(row)]):
            state[place] = np.int32(row)
    return high - low


@kernel(i32c, long_, long_, i32w, long_, u8w)
def pass_by(code: Any, low: Any, high: Any, state: Any, at: Any, stop: Any) -> Any:
    """Rows low .. high become the last of their keys. O(rows)."""
    for i in range(high - low):
        if (i & LOOK) == 0 and stop[0]:
            return i
        row = low + i
        number = np.int64(code[np.uint64(row)])
        if number >= 0:
            state[np.uint64(at + number)] = np.int32(row)
    return high - low


@kernel(i32c, i64c, long_, long_, long_, long_, long_, long_, i32w, u8w)
def marks(
    code: Any, key: Any, step: Any, n_keys: Any, low: Any, high: Any, ahead: Any, last_tie: Any, out: Any, stop: Any
) -> Any:  # fmt: skip
    """For stretches low .. high of `step` rows: of each key the last row, or with `ahead` the first. O(rows).

    `out` has a line of keys for each stretch of all rows, filled with -1.
    """
    for line in range(low, high):
        if stop[0]:
            return line
        first, end = line * step, min(code.size, (line + 1) * step)
        if ahead:
            enter(code, key, first, end, last_tie, out, line * n_keys, stop)
        else:
            pass_by(code, first, end, out, line * n_keys, stop)
    return high


@kernel(i32c, i64c, i32c, i64c, long_, i32w, long_, i32w, u8w)
def sweep_back(
    lcode: Any, lkey: Any, rcode: Any, rkey: Any, exact: Any, state: Any, at: Any, out: Any, stop: Any
) -> Any:  # fmt: skip
    """The last row not after (without `exact`: before) each row of the left; both sides in order of time.

    `state`: of each key the last row in front of `at`; moved on. Returns the row of the right reached. O(left + right).
    """
    n, m = lcode.size, rcode.size
    for i in range(n):
        if (i & LOOK) == 0 and stop[0]:
            return at
        number = lcode[np.uint64(i)]
        if number < 0:
            out[np.uint64(i)] = -1
            continue
        until = lkey[np.uint64(i)]
        if not exact:
            if until == LEAST:
                out[np.uint64(i)] = -1
                continue
            until -= 1
        while at < m and rkey[np.uint64(at)] <= until:
            if (at & LOOK) == 0 and stop[0]:
                return at
            if rcode[np.uint64(at)] >= 0:
                state[np.uint64(rcode[np.uint64(at)])] = np.int32(at)
            at += 1
        out[np.uint64(i)] = state[np.uint64(number)]
    return at


@kernel(i32c, i64c, i32c, i64c, long_, long_, i32w, long_, i32w, u8w)
def sweep_ahead(
    lcode: Any, lkey: Any, rcode: Any, rkey: Any, exact: Any, last_tie: Any, state: Any, at: Any, out: Any, stop: Any
) -> Any:  # fmt: skip
    """The first row not before (without `exact`: after) each row of the left, going from the end. O(left + right).

    `state`: of each key the first row from `at` on. Of rows of one time the first counts, with `last_tie` the last.
    """
    n = lcode.size
    for back in range(n):
        i = n - 1 - back
        if (back & LOOK) == 0 and stop[0]:
            return at
        number = lcode[np.uint64(i)]
        if number < 0:
            out[np.uint64(i)] = -1
            continue
        t = lkey[np.uint64(i)]
        while at > 0 and (rkey[np.uint64(at - 1)] > t or (exact and rkey[np.uint64(at - 1)] == t)):
            if (at & LOOK) == 0 and stop[0]:
                return at
            at -= 1
            mine = np.int64(rcode[np.uint64(at)])
            if mine >= 0:
                known = np.int64(state[np.uint64(mine)])
                if not (last_tie and known >= 0 and rkey[np.uint64(known)] == rkey[np.uint64(at)]):
                    state[np.uint64(mine)] = np.int32(at)
        out[np.uint64(i)] = state[np.uint64(number)]
    return at


@kernel(i64c, long_, long_, long_)
def reached(key: Any, at: Any, end: Any, until: Any) -> Any:
    """The first place of `at` .. `end` whose key is greater: in steps that double, then by halves."""
    step = np.int64(1)
    while at < end and key[np.uint64(at)] <= until:
        low = at + 1
        at = min(end, at + step)
        step += step
        if at == end or key[np.uint64(at)] > until:
            high = at
            while low < high:
                middle = (low + high) >> 1
                if key[np.uint64(middle)] <= until:
                    low = middle + 1
                else:
                    high = middle
            return low
    return at


FEW = 16  # rows of a key among which a place is found as quickly without a step into the directory


@inline
def line_of(first: Any, g: Any) -> Any:
    return (first >> 2) + 2 * g


@kernel(i64c, i64c, long_, long_, i32w, i64w, u8w)
def direct(key: Any, starts: Any, low: Any, high: Any, directory: Any, shift: Any, stop: Any) -> Any:
    """For segments low .. high: where times begin whose distance from the first, shifted, is 0, 1, 2 and so on. O(rows).

    Segment g has a line in `directory` from `line_of` on, one entry for four to eight rows and one for the end; `shift[g]` is
    the number of bits left out, -1 where the segment has few rows and no line.
    """
    for g in range(low, high):
        if stop[0]:
            return g
        first, end = starts[np.uint64(g)], starts[np.uint64(g + 1)]
        shift[np.uint64(g)] = -1
        if end - first <= FEW:
            continue
        least = np.uint64(key[np.uint64(first)])
        spread, bits = np.uint64(key[np.uint64(end - 1)]) - least, np.uint64(0)
        while (spread >> bits) >= np.uint64((end - first) >> 2):
            bits += np.uint64(1)
        line, at = line_of(first, g), np.int64(0)
        for i in range(first, end):
            bucket = np.int64((np.uint64(key[np.uint64(i)]) - least) >> bits)
            while at <= bucket:
                directory[np.uint64(line + at)] = np.int32(i - first)
                at += 1
        directory[np.uint64(line + at)] = np.int32(end - first)
        shift[np.uint64(g)] = np.int64(bits)
    return high


LANES = 16  # searches that go side by side, so that none of them waits alone for memory


@kernel(i32c, i64c, i64c, i32c, i64c, i32c, i64c, long_, long_, long_, i32w, u8w, makes_arrays=True)
def find(
    lcode: Any, lkey: Any, rkey: Any, rrow: Any, rstarts: Any, directory: Any, shift: Any, ahead: Any, exact: Any, last_tie: Any,
    out: Any, stop: Any,
) -> Any:  # fmt: skip
    """Rows of the left in any order: a step into the directory of their key's segment, then by halves. O(left * log(right)).

    `rkey`, `rrow`, `rstarts`: segments of the right, in order of time within each; of times that lie evenly a place is found
    in a few steps.
    """
    base, size = np.empty(LANES, np.int64), np.empty(LANES, np.int64)
    until, end = np.empty(LANES, np.int64), np.empty(LANES, np.int64)
    # the place searched for is the first whose key is greater than `until`: of a row that is before all, the first of all
    back = 1 if not ahead else 0
    less = (1 - exact) if not ahead else exact
    for first in range(0, lcode.size, LANES):
        if (first & LOOK) == 0 and stop[0]:
            return first
        lanes = min(LANES, lcode.size - first)
        most = np.int64(0)
        for lane in range(lanes):
            number = np.int64(lcode[np.uint64(first + lane)])
            low = high = np.int64(0)
            t = np.int64(0)
            if number >= 0:
                low, high = rstarts[np.uint64(number)], rstarts[np.uint64(number + 1)]
                t = lkey[np.uint64(first + lane)]
                if less and t == LEAST:  # nothing is before it
                    size[lane], base[lane], end[lane], until[lane] = 0, low, high, t
                    continue
                t -= less
            end[lane] = high
            if number >= 0 and shift[np.uint64(number)] >= 0:
                if t < rkey[np.uint64(low)]:
                    high = low
                elif t >= rkey[np.uint64(high - 1)]:
                    low = high
                else:
                    bucket = np.int64(
                        (np.uint64(t) - np.uint64(rkey[np.uint64(low)])) >> np.uint64(shift[np.uint64(number)])
                    )
                    line = line_of(low, number) + bucket
                    low, high = low + directory[np.uint64(line)], low + directory[np.uint64(line + 1)]
            base[lane], size[lane], until[lane] = low, high - low, t
            most = max(most, high - low)
        while most > 0:
            for lane in range(lanes):
                half = (size[lane] + 1) >> 1
                if size[lane] > 0:
                    is_in = np.int64(rkey[np.uint64(base[lane] + half - 1)] <= until[lane])
                    base[lane] += is_in * half
                    size[lane] = is_in * (size[lane] - half) + (1 - is_in) * (half - 1)
            most >>= 1
        for lane in range(lanes):
            number, at = np.int64(lcode[np.uint64(first + lane)]), base[lane]
            found = np.int64(-1)
            if number >= 0:
                if back:
                    found = at - 1 if at > rstarts[np.uint64(number)] else found
                elif at < end[lane]:
                    found = reached(rkey, at, end[lane], rkey[np.uint64(at)]) - 1 if last_tie else at
            out[np.uint64(first + lane)] = rrow[np.uint64(found)] if found >= 0 else np.int32(-1)
    return lcode.size
