"""Rows of a window in order of their group, the way back, and where frames of time begin and end."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32w, i64, i64w, inline, kernel, long_, u8w

LEAST, MOST = np.int64(-(1 << 63)), np.int64((1 << 63) - 1)
MANY = 64  # places of a group that are worth a start at four of them


@kernel(i32w, i32w, i64w, i32w, u8w)
def cut(codes: Any, piece: Any, cursor: Any, rows: Any, stop: Any) -> Any:
    """Rows by the piece that their group belongs to, ascending in each. `cursor`: where the next row of a piece goes. O(rows)."""
    for i in range(codes.size):
        if (i & 0xFFFF) == 0 and stop[0]:
            return i
        at = np.uint64(piece[np.uint64(codes[np.uint64(i)])])
        to = cursor[at]
        rows[np.uint64(to)] = np.int32(i)
        cursor[at] = to + 1
    return codes.size


@kernel(i32w, long_, i32w, i64w, i32w, u8w)
def place(codes: Any, low: Any, rows: Any, cursor: Any, pos: Any, stop: Any) -> Any:
    """The place of each row in order of group. `cursor`: where the next row of each group goes; moved on. O(rows)."""
    for k in range(rows.size):
        if (k & 0xFFFF) == 0 and stop[0]:
            break
        code = np.uint64(np.int64(codes[np.uint64(rows[np.uint64(k)])]) - low)
        at = cursor[code]
        pos[np.uint64(k)] = np.int32(at)
        cursor[code] = at + 1
    return rows.size


@kernel(i64, i32w, i32w, i64w, u8w)
def bring(values: Any, rows: Any, pos: Any, out: Any, stop: Any) -> Any:
    """Words of rows to their places. O(rows)."""
    for k in range(rows.size):
        if (k & 0xFFFF) == 0 and stop[0]:
            break
        out[np.uint64(pos[np.uint64(k)])] = values[np.uint64(rows[np.uint64(k)])]
    return rows.size


@kernel(i64w, i32w, i32w, i64w, u8w)
def give(values: Any, rows: Any, pos: Any, out: Any, stop: Any) -> Any:
    """Words of places to their rows. O(rows)."""
    for k in range(rows.size):
        if (k & 0xFFFF) == 0 and stop[0]:
            break
        out[np.uint64(rows[np.uint64(k)])] = values[np.uint64(pos[np.uint64(k)])]
    return rows.size


@kernel(u8w, i32w, i32w, u8w, u8w)
def give_bytes(values: Any, rows: Any, pos: Any, out: Any, stop: Any) -> Any:
    """As `give`. O(rows)."""
    for k in range(rows.size):
        if (k & 0xFFFF) == 0 and stop[0]:
            break
        out[np.uint64(rows[np.uint64(k)])] = values[np.uint64(pos[np.uint64(k)])]
    return rows.size


@kernel(i64w, u8w, i64w, long_, i64w, u8w, u8w)
def shift(values: Any, valid: Any, starts: Any, by: Any, out: Any, known: Any, stop: Any) -> Any:
    """To each place the value `by` places before it (negative: behind) in its group, and whether there is one.

    `valid` empty: all are. O(places).
    """
    for g in range(starts.size - 1):
        if (g & 0xFF) == 0 and stop[0]:
            return g
        first, end = starts[g], starts[g + 1]
        for i in range(first, end):
            at = i - by
            is_in = first <= at and at < end
            out[np.uint64(i)] = values[np.uint64(at)] if is_in else np.int64(0)
            known[np.uint64(i)] = is_in and (not valid.size or valid[np.uint64(at)] != 0)
    return out.size


@kernel(i64w, i64w, u8w)
def is_ordered(values: Any, starts: Any, stop: Any) -> Any:
    """Whether no value is less than the one before it in its group. O(places)."""
    for g in range(starts.size - 1):
        if (g & 0xFF) == 0 and stop[0]:
            return 1
        for i in range(starts[g] + 1, starts[g + 1]):
            if values[np.uint64(i)] < values[np.uint64(i - 1)]:
                return 0
    return 1


@kernel(i64w, i64w, i64w, long_, i32w, u8w)
def search(time: Any, targets: Any, starts: Any, after_equal: Any, out: Any, stop: Any) -> Any:
    """For each place the first of its group whose time is not less than its target (`after_equal`: greater).

    Two pointers: O(places) where targets rise with time, as they do but for a few calendar lengths.
    """
    slack = np.int64(1) if after_equal else np.int64(0)
    for g in range(starts.size - 1):
        first, end = starts[g], starts[g + 1]
        at = first
        for i in range(first, end):
            if (i & 0xFFFF) == 0 and stop[0]:
                return i
            target = targets[np.uint64(i)]
            if slack and target == MOST:
                at = end
                out[np.uint64(i)] = np.int32(at)
                continue
            target += slack
            while at > first and time[np.uint64(at - 1)] >= target:
                at -= 1
            while at < end and time[np.uint64(at)] < target:
                at += 1
            out[np.uint64(i)] = np.int32(at)
    return out.size


@inline
def reached(time: Any, first: Any, end: Any, target: Any) -> Any:
    """The first place whose time is not less than the target. O(log places)."""
    while first < end:
        middle = (first + end) >> 1
        if time[np.uint64(middle)] < target:
            first = middle + 1
        else:
            end = middle
    return first


@inline
def trailed(time: Any, i: Any, at: Any, shift: Any, out: Any) -> Any:
    """One step, without a branch: the place moves on where its time is less than the target, else the row does."""
    is_less = np.int64(time[np.uint64(at)] < time[np.uint64(i)] + shift)
    out[np.uint64(i)] = np.int32(at)
    return i + 1 - is_less, at + is_less


@inline
def trail(time: Any, first: Any, end: Any, shift: Any, out: Any, stop: Any) -> Any:
    """One group, whose targets lie at `shift` <= 0 from each time.

    How far a place moves at each row is chance, which a processor cannot foretell; four stretches go side by side, so that
    none of their steps waits for the one before.
    """
    step = (end - first) >> 2
    i0, i1, i2, i3 = first, first + step, first + 2 * step, first + 3 * step
    e0, e1, e2 = i1, i2, i3
    a0 = first
    a1 = reached(time, a0, i1, time[np.uint64(i1)] + shift)
    a2 = reached(time, a1, i2, time[np.uint64(i2)] + shift)
    a3 = reached(time, a2, i3, time[np.uint64(i3)] + shift)
    while not stop[0]:
        steps = min(min(e0 - i0, e1 - i1), min(e2 - i2, end - i3), 1 << 16)
        if not steps:
            break
        for _ in range(steps):
            i0, a0 = trailed(time, i0, a0, shift, out)
            i1, a1 = trailed(time, i1, a1, shift, out)
            i2, a2 = trailed(time, i2, a2, shift, out)
            i3, a3 = trailed(time, i3, a3, shift, out)
    while i0 < e0 and not stop[0]:
        i0, a0 = trailed(time, i0, a0, shift, out)
    while i1 < e1 and not stop[0]:
        i1, a1 = trailed(time, i1, a1, shift, out)
    while i2 < e2 and not stop[0]:
        i2, a2 = trailed(time, i2, a2, shift, out)
    while i3 < end and not stop[0]:
        i3, a3 = trailed(time, i3, a3, shift, out)


@kernel(i64w, i64w, long_, long_, i32w, u8w)
def search_from(time: Any, starts: Any, by: Any, after_equal: Any, out: Any, stop: Any) -> Any:
    """As `search`, for targets at `by` from each time; those beyond 64 bits are at their ends. O(places)."""
    slack = np.int64(1) if after_equal else np.int64(0)
    for g in range(starts.size - 1):
        end = starts[g + 1]
        at = starts[g]
        if (g & 0xFF) == 0 and stop[0]:
            return g
        if by < 0 and end - at >= MANY and time[np.uint64(at)] >= LEAST - by:
            trail(time, at, end, by + slack, out, stop)
            continue
        for i in range(starts[g], end):
            if (i & 0xFFFF) == 0 and stop[0]:
                return i
            now = time[np.uint64(i)]
            target = now + by
            if by < 0 and now < LEAST - by:
                target = LEAST
            elif by > 0 and now > MOST - by:
                target = MOST
            if slack and target == MOST:
                at = end
            else:
                target += slack
                while at < end and time[np.uint64(at)] < target:
                    at += 1
            out[np.uint64(i)] = np.int32(at)
    return out.size


@kernel(i64w, long_, long_, i32w, i32w, u8w)
def rows_around(starts: Any, before: Any, after: Any, low: Any, high: Any, stop: Any) -> Any:
    """Stretches of so many places before and after each (either may be -1), within its group. O(places)."""
    for g in range(starts.size - 1):
        if (g & 0xFF) == 0 and stop[0]:
            return g
        first, end = starts[g], starts[g + 1]
        for i in range(first, end):
            begin = min(max(first, i - before), end)
            until = max(min(end, i + after + 1), first)
            low[np.uint64(i)] = np.int32(begin)
            high[np.uint64(i)] = np.int32(max(begin, until))
    return low.size


@kernel(i64w, i64w, i32w, u8w)
def ends(time: Any, starts: Any, out: Any, stop: Any) -> Any:
    """The place behind the last of its group that has the same time. O(places)."""
    for g in range(starts.size - 1):
        first, end = starts[g], starts[g + 1]
        if (g & 0xFF) == 0 and stop[0]:
            return g
        border = end
        for k in range(end - first):
            i = end - 1 - k
            if (i & 0xFFFF) == 0 and stop[0]:
                return i
            if i + 1 < end and time[np.uint64(i + 1)] != time[np.uint64(i)]:
                border = i + 1
            out[np.uint64(i)] = np.int32(border)
    return 0


@kernel(i64w, i64w, i32w, u8w)
def beginnings(time: Any, starts: Any, out: Any, stop: Any) -> Any:
    """The first place of its group that has the same time. O(places)."""
    for g in range(starts.size - 1):
        if (g & 0xFF) == 0 and stop[0]:
            return g
        border = starts[g]
        for i in range(starts[g], starts[g + 1]):
            if (i & 0xFFFF) == 0 and stop[0]:
                return i
            if i > starts[g] and time[np.uint64(i - 1)] != time[np.uint64(i)]:
                border = i
            out[np.uint64(i)] = np.int32(border)
    return 0


@kernel(i32w, i64w, u8w)
def count(codes: Any, counts: Any, stop: Any) -> Any:
    """Rows a group. O(rows)."""
    for i in range(codes.size):
        if (i & 0xFFFF) == 0 and stop[0]:
            return i
        counts[np.uint64(codes[np.uint64(i)])] += 1
    return codes.size
