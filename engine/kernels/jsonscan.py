"""JSON texts row by row: checked whole, walked along a path, cut into members, and made compact.

Rows are start and length (-1: null) into a byte buffer of valid UTF-8. The grammar is that of RFC 8259; what is nested
deeper than the stack, and keys with escapes, are left to the general path.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, i64, i64w, inline, kernel, long_, u8, u8w

NONE, HIT, BAD, UNSURE = 0, 1, 2, 3  # of a row
_BAD, _UNSURE = -1, -2  # of a place
DEEPEST = 512


_u = np.uint64  # an index without a sign needs no look at its end


@inline
def _blanks(data: Any, at: Any, stop: Any) -> Any:
    while at < stop and (data[_u(at)] == 32 or data[_u(at)] == 10 or data[_u(at)] == 13 or data[_u(at)] == 9):
        at += 1
    return at


@kernel(u8, long_, long_)
def string_end(data: Any, at: Any, stop: Any) -> Any:
    """Behind the closing quote of the string that opens at `at`; _BAD if it is none."""
    at += 1
    while at < stop:
        c = data[_u(at)]
        if c == 34:
            return at + 1
        if c < 32:
            return _BAD
        if c == 92:
            at += 1
            if at >= stop:
                return _BAD
            e = data[_u(at)]
            if e == 117:  # u and four hexadecimal digits
                if at + 4 >= stop:
                    return _BAD
                for k in range(at + 1, at + 5):
                    d = data[_u(k)] | 32
                    if not (48 <= data[_u(k)] <= 57 or 97 <= d <= 102):
                        return _BAD
                at += 4
            elif not (e == 34 or e == 92 or e == 47 or e == 98 or e == 102 or e == 110 or e == 114 or e == 116):
                return _BAD
        at += 1
    return _BAD


@inline
def _digits(data: Any, at: Any, stop: Any) -> Any:
    while at < stop and 48 <= data[_u(at)] <= 57:
        at += 1
    return at


@kernel(u8, long_, long_)
def number_end(data: Any, at: Any, stop: Any) -> Any:
    if at < stop and data[_u(at)] == 45:
        at += 1
    if at >= stop or not 48 <= data[_u(at)] <= 57:
        return _BAD
    at = at + 1 if data[_u(at)] == 48 else _digits(data, at, stop)
    if at < stop and data[_u(at)] == 46:
        end = _digits(data, at + 1, stop)
        if end == at + 1:
            return _BAD
        at = end
    if at < stop and data[_u(at)] | 32 == 101:
        at += 1
        if at < stop and (data[_u(at)] == 43 or data[_u(at)] == 45):
            at += 1
        end = _digits(data, at, stop)
        if end == at:
            return _BAD
        at = end
    return at


@inline
def _word_end(data: Any, at: Any, stop: Any) -> Any:
    """true, false, null."""
    c = data[_u(at)]
    if c == 116 and at + 4 <= stop and data[_u(at + 1)] == 114 and data[_u(at + 2)] == 117 and data[_u(at + 3)] == 101:
        return at + 4
    if c == 110 and at + 4 <= stop and data[_u(at + 1)] == 117 and data[_u(at + 2)] == 108 and data[_u(at + 3)] == 108:
        return at + 4
    if c == 102 and at + 5 <= stop and data[_u(at + 1)] == 97 and data[_u(at + 2)] == 108:
        return at + 5 if data[_u(at + 3)] == 115 and data[_u(at + 4)] == 101 else _BAD
    return _BAD


@kernel(u8, long_, long_)
def key_end(data: Any, at: Any, stop: Any) -> Any:
    """From a member's key to where its value begins; _BAD if there is no key with a colon."""
    if at >= stop or data[_u(at)] != 34:
        return _BAD
    at = string_end(data, at, stop)
    if at < 0:
        return _BAD
    at = _blanks(data, at, stop)
    if at >= stop or data[_u(at)] != 58:
        return _BAD
    return _blanks(data, at + 1, stop)


@kernel(u8, long_, long_, u8w)
def value_end(data: Any, at: Any, stop: Any, stack: Any) -> Any:
    """Behind the value that begins at `at`; _BAD if it is none, _UNSURE if it is nested too deeply. O(bytes)."""
    depth = 0
    while True:
        if at >= stop:
            return _BAD
        c = data[_u(at)]
        if c == 34:
            at = string_end(data, at, stop)
        elif c == 123 or c == 91:
            if depth == stack.size:
                return _UNSURE
            stack[depth] = c
            depth += 1
            at = _blanks(data, at + 1, stop)
            if at < stop and data[_u(at)] == c + 2:
                depth -= 1
                at += 1
            else:
                if c == 123:
                    at = key_end(data, at, stop)
                    if at < 0:
                        return _BAD
                continue
        elif c == 45 or 48 <= c <= 57:
            at = number_end(data, at, stop)
        else:
            at = _word_end(data, at, stop)
        if at < 0:
            return _BAD
        while True:
            if depth == 0:
                return at
            at = _blanks(data, at, stop)
            if at >= stop:
                return _BAD
            top = stack[depth - 1]
            if data[_u(at)] == top + 2:
                depth -= 1
                at += 1
                continue
            if data[_u(at)] != 44:
                return _BAD
            at = _blanks(data, at + 1, stop)
            if top == 123:
                at = key_end(data, at, stop)
                if at < 0:
                    return _BAD
            break


@kernel(u8, long_, long_, u8w)
def whole(data: Any, at: Any, stop: Any, stack: Any) -> Any:
    """Where the one value of a text begins; _BAD, _UNSURE."""
    at = _blanks(data, at, stop)
    end = value_end(data, at, stop, stack)
    if end < 0:
        return end
    return at if _blanks(data, end, stop) == stop else _BAD


@inline
def _is_key(data: Any, at: Any, end: Any, key: Any, low: Any, high: Any) -> Any:
    """Whether the string at..end (with its quotes) is the key; -1: it has escapes."""
    for k in range(at + 1, end - 1):
        if data[_u(k)] == 92:
            return -1
    if end - at - 2 != high - low:
        return 0
    for k in range(high - low):
        if data[_u(at + 1 + k)] != key[low + k]:
            return 0
    return 1


@kernel(u8, long_, long_, u8, long_, long_, u8w)
def member(data: Any, at: Any, stop: Any, key: Any, low: Any, high: Any, stack: Any) -> Any:
    """Where the value of a key begins in the (good) object at `at`, the last of its name; _BAD: there is none, _UNSURE."""
    found = _BAD
    at = _blanks(data, at + 1, stop)
    while data[_u(at)] == 34:
        end = string_end(data, at, stop)
        same = _is_key(data, at, end, key, low, high)
        if same < 0:
            return _UNSURE
        at = key_end(data, at, stop)
        if same:
            found = at
        at = _blanks(data, value_end(data, at, stop, stack), stop)
        if data[_u(at)] != 44:
            return found
        at = _blanks(data, at + 1, stop)
    return found


@kernel(u8, long_, long_, long_, u8w)
def element(data: Any, at: Any, stop: Any, nth: Any, stack: Any) -> Any:
    """Where an element of the (good) array at `at` begins; _BAD: there is none."""
    at = _blanks(data, at + 1, stop)
    while data[_u(at)] != 93:
        if nth == 0:
            return at
        nth -= 1
        at = _blanks(data, value_end(data, at, stop, stack), stop)
        if data[_u(at)] != 44:
            return _BAD
        at = _blanks(data, at + 1, stop)
    return _BAD


@kernel(u8, i32, i32, u8, i64, i64, i64w, i64w, u8w, makes_arrays=True)
def find_path(
    data: Any,
    start: Any,
    length: Any,
    keys: Any,
    key_edges: Any,
    places: Any,
    out_start: Any,
    out_length: Any,
    status: Any,
) -> Any:
    """For each row the value at a path: step s is the key keys[key_edges[s]:key_edges[s + 1]], or element places[s] if >= 0.

    status: NONE, HIT (where it lies is in out_start, out_length), BAD (no JSON), UNSURE.
    """
    stack = np.empty(DEEPEST, np.uint8)
    for i in range(np.uint64(start.size)):
        status[i] = NONE
        out_start[i], out_length[i] = 0, -1
        if length[i] < 0:
            continue
        stop = np.int64(start[i]) + length[i]
        at = whole(data, start[i], stop, stack)
        for s in range(places.size):
            if at < 0:
                break
            if places[s] >= 0:
                at = element(data, at, stop, places[s], stack) if data[_u(at)] == 91 else -3
            else:
                at = member(data, at, stop, keys, key_edges[s], key_edges[s + 1], stack) if data[_u(at)] == 123 else -3
            if at == _BAD:
                at = -3
        if at >= 0:
            status[i] = HIT
            out_start[i] = at
            out_length[i] = value_end(data, at, stop, stack) - at
        elif at == _BAD:
            status[i] = BAD
        elif at == _UNSURE:
            status[i] = UNSURE
    return 0


@kernel(u8, i32, i32, i64w, u8w, makes_arrays=True)
def count_members(data: Any, start: Any, length: Any, counts: Any, status: Any) -> Any:
    """counts: members of each row's object. status: HIT (an object), NONE (null), BAD, UNSURE (also: JSON of another kind)."""
    stack = np.empty(DEEPEST, np.uint8)
    total = 0
    for i in range(np.uint64(start.size)):
        counts[i], status[i] = 0, NONE
        if length[i] < 0:
            continue
        stop = np.int64(start[i]) + length[i]
        at = whole(data, start[i], stop, stack)
        if at < 0 or data[_u(at)] != 123:
            status[i] = BAD if at == _BAD else UNSURE
            continue
        status[i] = HIT
        at = _blanks(data, at + 1, stop)
        while data[_u(at)] == 34:
            counts[i] += 1
            at = key_end(data, at, stop)
            at = _blanks(data, value_end(data, at, stop, stack), stop)
            if data[_u(at)] == 44:
                at = _blanks(data, at + 1, stop)
        total += counts[i]
    return total


@kernel(u8, i32, i32, u8, i64w, i64w, i64w, i64w, makes_arrays=True)
def cut_members(
    data: Any,
    start: Any,
    length: Any,
    status: Any,
    key_start: Any,
    key_length: Any,
    value_start: Any,
    value_length: Any,
) -> Any:
    """The keys (without quotes) and values of the rows that are HIT, one behind the other."""
    stack = np.empty(DEEPEST, np.uint8)
    n = 0
    for i in range(np.uint64(start.size)):
        if status[i] != HIT:
            continue
        stop = np.int64(start[i]) + length[i]
        at = _blanks(data, _blanks(data, np.int64(start[i]), stop) + 1, stop)
        while data[_u(at)] == 34:
            key_start[n] = at + 1
            key_length[n] = string_end(data, at, stop) - at - 2
            at = key_end(data, at, stop)
            end = value_end(data, at, stop, stack)
            value_start[n], value_length[n] = at, end - at
            n += 1
            at = _blanks(data, end, stop)
            if data[_u(at)] == 44:
                at = _blanks(data, at + 1, stop)
    return n


@kernel(u8, i64, i64, u8w, i64w)
def compact(data: Any, start: Any, length: Any, out: Any, ends: Any) -> Any:
    """Each (good) value without the blanks between its parts; ends: behind each in `out`."""
    to = 0
    for i in range(np.uint64(start.size)):
        inside = False
        at, stop = start[i], start[i] + length[i]
        while at < stop:
            c = data[_u(at)]
            if inside:
                out[to] = c
                to += 1
                if c == 92:
                    at += 1
                    out[to] = data[_u(at)]
                    to += 1
                elif c == 34:
                    inside = False
            elif not (c == 32 or c == 10 or c == 13 or c == 9):
                out[to] = c
                to += 1
                inside = c == 34
            at += 1
        ends[i] = to
    return to
