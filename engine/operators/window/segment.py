"""Rows of some groups in order: by key, then by the window's order, then as they came in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrow import pooled
from ...aside import aside
from ...context import Context
from ..states.held import stable_order

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]


class Arena:
    """Memory of one piece of work after another: what is written over and over again stays in the processor's cache."""

    def __init__(self) -> None:
        self._block = np.empty(0, np.uint8)
        self._used = self._wanted = 0

    def empty(self, n: int, dtype: Any) -> NDArray[Any]:
        """Until the next `clear`."""
        nbytes = n * np.dtype(dtype).itemsize
        first = self._used
        self._used += -(-nbytes // 64) * 64
        self._wanted = max(self._wanted, self._used)
        if self._used > len(self._block):
            return pooled(n, dtype)
        return self._block[first : first + nbytes].view(dtype)

    def clear(self) -> None:
        if self._wanted > len(self._block):
            self._block = pooled(self._wanted, np.uint8)
        self._used = 0


class Segment:
    """`rows[k]` (ascending) is a row of the part, `pos[k]` its place in order. `starts`: where each group begins, and the end.

    Columns are brought into order, and results out of it, by walking the rows as they came: one open cache line a group,
    where walking the places would touch a new line a row.
    """

    def __init__(self, rows: I32, pos: I32, starts: I64, ctx: Context, arena: Arena, key: I64 | None = None) -> None:
        self.rows, self.pos, self.starts, self.ctx, self.arena = rows, pos, starts, ctx, arena
        self.key = key  # what the rows are ordered by, in order
        self._perm: I32 | None = None
        self._group: I32 | None = None

    @property
    def n(self) -> int:
        return len(self.rows)

    @property
    def perm(self) -> I32:
        """The row at each place."""
        if self._perm is None:
            made = np.empty(self.n, np.int32)
            made[self.pos] = self.rows
            self._perm = made
        return self._perm

    @property
    def group(self) -> I32:
        """The group's number, from 0, at each place."""
        if self._group is None:
            self._group = np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))
        return self._group

    def empty(self, dtype: Any) -> NDArray[Any]:
        """Room for a value at each place, as long as the segment is worked on."""
        return self.arena.empty(self.n, dtype)

    def bring(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the part's rows, in order."""
        out = self.empty(values.dtype)
        if self.ctx.compiled and values.dtype.itemsize == 8:
            from ...kernels import windowrows

            windowrows.bring(values.view(np.int64), self.rows, self.pos, out.view(np.int64), self.ctx.stop)
            self.ctx.check()
        else:
            out[self.pos] = values[self.rows]
        return out

    def give(self, values: NDArray[Any], out: NDArray[Any]) -> None:
        """Values in order to the rows they belong to."""
        if self.ctx.compiled and values.dtype.itemsize == 8 and out.dtype.itemsize == 8:
            from ...kernels import windowrows

            values = np.ascontiguousarray(values)
            windowrows.give(values.view(np.int64), self.rows, self.pos, out.view(np.int64), self.ctx.stop)
            self.ctx.check()
        elif self.ctx.compiled and values.dtype == out.dtype == np.bool_:
            from ...kernels import windowrows

            windowrows.give_bytes(values.view(np.uint8), self.rows, self.pos, out.view(np.uint8), self.ctx.stop)
            self.ctx.check()
        else:
            out[self.rows] = values[self.pos]


def segment(
    codes: I32, rows: I32, first: int, sizes: I64, key: I64 | None, valid: NDArray[np.bool_] | None, arena: Arena, ctx: Context
) -> Segment:  # fmt: skip
    """`rows` (ascending) of groups from `first` on, `sizes` of each. `key`: what they are ordered by; `valid`: rows that
    take part."""
    if valid is not None:
        rows = rows[valid[rows]]
        sizes = np.bincount(codes[rows] - np.int32(first), minlength=len(sizes))
    starts = starts_of(sizes)
    if ctx.compiled:
        return _compiled(codes, rows, first, starts, key, arena, ctx)
    own = codes[rows] - np.int32(first)
    order = aside(ctx, 8 * len(rows), lambda: _order(own, None if key is None else key[rows]))
    pos = np.empty(len(rows), np.int32)
    pos[order] = np.arange(len(rows), dtype=np.int32)
    return Segment(rows, pos, starts, ctx, arena, None if key is None else key[rows[order]])


def starts_of(counts: NDArray[Any]) -> I64:
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def _order(own: I32, key: I64 | None) -> NDArray[np.int64]:
    order = stable_order(own)
    if key is None or _is_ordered(own[order], key[order]):
        return order
    return np.lexsort((key, own))


def _is_ordered(own: I32, key: I64) -> bool:
    return not bool(((key[1:] < key[:-1]) & (own[1:] == own[:-1])).any())


def _compiled(codes: I32, rows: I32, first: int, starts: I64, key: I64 | None, arena: Arena, ctx: Context) -> Segment:
    from ...kernels import windowrows

    pos = arena.empty(len(rows), np.int32)
    windowrows.place(codes, first, rows, starts[:-1].copy(), pos, ctx.stop)
    ctx.check()
    made = Segment(rows, pos, starts, ctx, arena)
    if key is not None:
        values = made.key = made.bring(key)
        if not windowrows.is_ordered(values, starts, ctx.stop):
            ctx.check()
            made.pos = aside(ctx, 8 * len(rows), lambda: _reordered(values, made))
            made.key = made.bring(key)
    return made


def _reordered(values: I64, made: Segment) -> I32:
    """Places after the groups were sorted by `values` (given in order of arrival within the group)."""
    order = np.lexsort((values, made.group))
    rank = np.empty(made.n, np.int32)
    rank[order] = np.arange(made.n, dtype=np.int32)
    return rank[made.pos]
