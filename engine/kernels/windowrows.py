"""Rows of a window in order of their group, the way back, and where frames of time begin and end."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32w, i64, i64w, kernel, long_, u8w

LEAST, MOST = np.int64(-(1 << 63)), np.int64((1 << 63) - 1)


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


@kernel(i64w, i64w, long_, long_, i32w, u8w)
def search_from(time: Any, starts: Any, by: Any, after_equal: Any, out: Any, stop: Any) -> Any:
    """As `search`, for targets at `by` from each time; those beyond 64 bits are at their ends. O(places).

    With a branch for each step: without one it took a quarter longer.
    """
    slack = np.int64(1) if after_equal else np.int64(0)
    for g in range(starts.size - 1):
        end = starts[g + 1]
        at = starts[g]
        if (g & 0xFF) == 0 and stop[0]:
            return g
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
