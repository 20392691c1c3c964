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


@inline
def entered(code: Any, key: Any, last_tie: Any, state: Any, at: Any) -> None:
    """Row `at` becomes the next row ahead of its key; with `last_tie` not in front of one of the same time."""
    number = code[np.uint64(at)]
    if number >= 0:
        known = state[np.uint64(number)]
        if not (last_tie and known >= 0 and key[np.uint64(known)] == key[np.uint64(at)]):
            state[np.uint64(number)] = np.int32(at)


@kernel(i32c, i64c, long_, long_, long_, long_, long_, i32w, u8w)
def marks(
    code: Any, key: Any, step: Any, low: Any, high: Any, ahead: Any, last_tie: Any, out: Any, stop: Any
) -> Any:  # fmt: skip
    """For stretches low .. high of `step` rows: of each key the last row, or with `ahead` the first. O(rows).

    `out` has a line of keys for each stretch of all rows, filled with -1.
    """
    n_keys = out.size // max(1, (code.size + step - 1) // step)
    for line in range(low, high):
        if stop[0]:
            return line
        state = out[line * n_keys : (line + 1) * n_keys]
        first, end = line * step, min(code.size, (line + 1) * step)
        for i in range(end - first):
            if (i & LOOK) == 0 and stop[0]:
                return line
            if ahead:
                entered(code, key, last_tie, state, end - 1 - i)
            elif code[np.uint64(first + i)] >= 0:
                state[np.uint64(code[np.uint64(first + i)])] = np.int32(first + i)
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
            entered(rcode, rkey, last_tie, state, at)
        out[np.uint64(i)] = state[np.uint64(number)]
    return at


@kernel(i32c, i64c, long_, long_, long_, long_, i32w, u8w)
def roll(code: Any, key: Any, low: Any, high: Any, ahead: Any, last_tie: Any, state: Any, stop: Any) -> Any:
    """Enter the rows low .. high of the right into a state: in order, or with `ahead` from the last to the first. O(rows)."""
    for i in range(high - low):
        if (i & LOOK) == 0 and stop[0]:
            return i
        if ahead:
            entered(code, key, last_tie, state, high - 1 - i)
        elif code[np.uint64(low + i)] >= 0:
            state[np.uint64(code[np.uint64(low + i)])] = np.int32(low + i)
    return high - low


@inline
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


@inline
def ahead_of(rkey: Any, at: Any, end: Any, t: Any, exact: Any) -> Any:
    """The first place from `at` on that is not before `t` (without `exact`: after)."""
    if not exact:
        return reached(rkey, at, end, t)
    return at if t == LEAST else reached(rkey, at, end, t - 1)


@inline
def back_of(rkey: Any, at: Any, end: Any, t: Any, exact: Any) -> Any:
    """The first place from `at` on that is after `t` (without `exact`: not before): the place wanted is the one in front."""
    if exact:
        return reached(rkey, at, end, t)
    return at if t == LEAST else reached(rkey, at, end, t - 1)


@kernel(i64w, i32w, i64w, i64c, i32c, i64c, long_, long_, long_, i32w, u8w)
def merge(
    lkey: Any, lrow: Any, lstarts: Any, rkey: Any, rrow: Any, rstarts: Any, ahead: Any, exact: Any, last_tie: Any,
    out: Any, stop: Any,
) -> Any:  # fmt: skip
    """Segments of the left against those of the right, both in order of time within each key. O(left * log(right / left))."""
    for number in range(lstarts.size - 1):
        if (number & 0xFF) == 0 and stop[0]:
            return number
        first, end = rstarts[np.uint64(number)], rstarts[np.uint64(number + 1)]
        at = first
        for i in range(lstarts[np.uint64(number)], lstarts[np.uint64(number + 1)]):
            if (i & LOOK) == 0 and stop[0]:
                return number
            t, row = lkey[np.uint64(i)], np.uint64(lrow[np.uint64(i)])
            if ahead:
                at = ahead_of(rkey, at, end, t, exact)
                found = at
                if last_tie and at < end:
                    found = reached(rkey, at, end, rkey[np.uint64(at)]) - 1
                out[row] = rrow[np.uint64(found)] if at < end else np.int32(-1)
            else:
                at = back_of(rkey, at, end, t, exact)
                out[row] = rrow[np.uint64(at - 1)] if at > first else np.int32(-1)
    return lstarts.size - 1


@kernel(i32c, i64c, i64c, i32c, i64c, long_, long_, long_, i32w, u8w)
def find(
    lcode: Any, lkey: Any, rkey: Any, rrow: Any, rstarts: Any, ahead: Any, exact: Any, last_tie: Any, out: Any, stop: Any
) -> Any:  # fmt: skip
    """As `merge`, for rows of the left in any order, fewer than there are keys. O(left * log(right))."""
    for i in range(lcode.size):
        if (i & LOOK) == 0 and stop[0]:
            return i
        out[np.uint64(i)] = -1
        number = lcode[np.uint64(i)]
        if number < 0:
            continue
        first, end = rstarts[np.uint64(number)], rstarts[np.uint64(number) + np.uint64(1)]
        t = lkey[np.uint64(i)]
        if ahead:
            at = ahead_of(rkey, first, end, t, exact)
            if at < end:
                found = reached(rkey, at, end, rkey[np.uint64(at)]) - 1 if last_tie else at
                out[np.uint64(i)] = rrow[np.uint64(found)]
        else:
            at = back_of(rkey, first, end, t, exact)
            if at > first:
                out[np.uint64(i)] = rrow[np.uint64(at - 1)]
    return lcode.size
