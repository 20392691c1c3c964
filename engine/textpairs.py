"""Searching each row's text for that row's own text: both sides are columns, so no single pattern can be compiled.

A compiled kernel, or NumPy over flat positions: O(bytes) for text that is not made to hurt. Where candidates pile up
the rows concerned are searched one by one in linear time.
"""

from __future__ import annotations

import numpy as np

from .strings import Ints, Mask, View

CHUNK = 1 << 18  # positions looked at in one go: some 10 MiB of scratch memory
PILE = 8  # bytes to compare for each position looked at, before rows are searched singly


def same_bytes(a: Ints, at_a: Ints, b: Ints, at_b: Ints, size: Ints) -> Mask:
    """Whether the `size` bytes at `at_a` of a and at `at_b` of b are equal, for each row."""
    out = np.ones(len(size), np.bool_)
    rows = np.flatnonzero(size > 0)
    bounds = np.cumsum(size[rows], dtype=np.int64)
    begin = 0
    while begin < len(rows):
        base = bounds[begin - 1] if begin else 0
        end = max(int(np.searchsorted(bounds, base + CHUNK, side="right")), begin + 1)
        some = rows[begin:end]
        length = size[some]
        edges = np.append(0, np.cumsum(length, dtype=np.int64))
        within = np.arange(edges[-1]) - np.repeat(edges[:-1], length)
        differ = a[np.repeat(at_a[some], length) + within] != b[np.repeat(at_b[some], length) + within]
        out[some] = ~np.logical_or.reduceat(differ, edges[:-1])
        begin = end
    return out


def starts_with(text: View, sub: View) -> Mask:
    return _stands_at(text, sub, text.start)


def ends_with(text: View, sub: View) -> Mask:
    return _stands_at(text, sub, text.stop - sub.size)


def _stands_at(text: View, sub: View, at: Ints) -> Mask:
    fits = ~text.null & ~sub.null & (sub.size <= text.size)
    return fits & same_bytes(text.data, at, sub.data, sub.start, np.where(fits, sub.size, 0))


def find(text: View, sub: View, last: bool = False, compiled: bool = False) -> Ints:
    """The first (or last) byte of each row, counted from its start, where its `sub` stands; -1 where nowhere or null.

    Empty text stands everywhere: first at 0, last at the end.
    """
    out = np.full(len(text), -1, np.int64)
    if compiled:
        from .kernels.texts import TOO_HARD, find_each

        a, b = ([v.data, *(np.ascontiguousarray(x, np.int32) for x in (v.start, v.length))] for v in (text, sub))
        if find_each(*a, *b, int(last), out):
            _find_singly(text, sub, np.flatnonzero(out == TOO_HARD), last, out)
        return out
    there = ~text.null & ~sub.null
    empty = there & (sub.length == 0)
    out[empty] = text.size[empty] if last else 0
    rows = np.flatnonzero(there & (sub.length > 0) & (sub.length <= text.length))
    places = (text.length[rows] - sub.length[rows] + 1).astype(np.int64)
    bounds = np.cumsum(places)
    begin = 0
    while begin < len(rows):
        base = bounds[begin - 1] if begin else 0
        end = int(np.searchsorted(bounds, base + CHUNK, side="right"))
        if end == begin:  # one row of more than a chunk
            end = begin + 1
            _find_singly(text, sub, rows[begin:end], last, out)
        else:
            _find_chunk(text, sub, rows[begin:end], places[begin:end], last, out)
        begin = end
    return out


def _find_chunk(text: View, sub: View, rows: Ints, places: Ints, last: bool, out: Ints) -> None:
    start, begin, size = text.start[rows].astype(np.int64), sub.start[rows].astype(np.int64), sub.length[rows]
    row = np.repeat(np.arange(len(rows)), places)
    edges = np.append(0, np.cumsum(places))
    at = np.repeat(start - edges[:-1], places) + np.arange(edges[-1])
    hit = np.flatnonzero(text.data[at] == sub.data[begin][row])
    row, at = row[hit], at[hit]
    hit = np.flatnonzero(text.data[at + size[row] - 1] == sub.data[begin + size - 1][row])
    row, at = row[hit], at[hit]
    inner = np.maximum(size - 2, 0)[row]
    if int(inner.sum(dtype=np.int64)) > PILE * CHUNK:
        _find_singly(text, sub, rows, last, out)
        return
    hit = np.flatnonzero(same_bytes(text.data, at + 1, sub.data, (begin + 1)[row], inner))
    row, at = row[hit], at[hit]
    edge = (
        np.flatnonzero(np.append(row[1:] != row[:-1], True))
        if last
        else np.flatnonzero(np.append(True, row[1:] != row[:-1]))
    )
    if len(row):
        out[rows[row[edge]]] = at[edge] - start[row[edge]]


def _find_singly(text: View, sub: View, rows: Ints, last: bool, out: Ints) -> None:
    """Python's search, linear in the worst case; for rows that are huge or made of one letter."""
    for i in rows.tolist():
        start, begin = int(text.start[i]), int(sub.start[i])
        whole = text.data[start : start + int(text.length[i])].tobytes()
        part = sub.data[begin : begin + int(sub.length[i])].tobytes()
        out[i] = whole.rfind(part) if last else whole.find(part)
