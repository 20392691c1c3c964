"""Distances of one series to many, compiled or not: series of one length in blocks of LANES columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....planner.records import dataclass
from ...context import Context
from . import general
from .band import Cells, band

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
LANES = 32
WIDE = 16  # blocks that the general path takes at once
CALL_CELLS = 1 << 26  # of one compiled call: some tens of milliseconds
HUGE = 1e140  # sums of squares of greater values may overflow


@dataclass(frozen=True, slots=True)
class Blocks:
    """Series of one length: `ids` ascending, `values` blocks x points x LANES, filled with zeros behind the last series."""

    ids: I64
    values: F64
    is_flat: NDArray[np.bool_]

    @property
    def length(self) -> int:
        return int(self.values.shape[1])

    def rows(self) -> F64:
        """The series one behind another."""
        turned = self.values.transpose(0, 2, 1).reshape(-1, self.length)
        return np.ascontiguousarray(turned[: len(self.ids)])

    def row(self, i: int) -> F64:
        """Series i of these."""
        return np.ascontiguousarray(self.values[i // LANES, :, i % LANES])


def blocks_of(values: F64, offsets: I64, ids: I64, znorm: bool, ctx: Context) -> list[Blocks]:
    """The series numbered `ids` (none empty) by length; with `znorm` each is normalised by itself."""
    lengths = offsets[ids + 1] - offsets[ids]
    out = []
    for m in np.unique(lengths).tolist():
        own = ids[lengths == m]
        out.append(_block(values, offsets[own], own, m, znorm, ctx))
    return out


def _block(values: F64, starts: I64, ids: I64, m: int, znorm: bool, ctx: Context) -> Blocks:
    made = np.zeros((-(-len(ids) // LANES), m, LANES))
    is_flat = np.empty(len(ids), np.bool_)
    if ctx.query.compiled():
        from ...kernels import dtw

        dtw.fill(values, np.ascontiguousarray(starts), made, is_flat.view(np.uint8), ctx.stop)
        ctx.check()
    else:
        rows: Any = np.lib.stride_tricks.sliding_window_view(values, m)
        for g in range(len(made)):
            ctx.check()
            own = slice(g * LANES, (g + 1) * LANES)
            block = made[g, :, : len(starts[own])]
            block[:] = rows[starts[own]].T
            is_flat[own] = (block == block[0]).all(0)
    return finished(Blocks(ids, made, is_flat), znorm, ctx)


def side_by_side(points: F64, n: int, znorm: bool, ctx: Context) -> Blocks:
    """n series of one length, a column each of `points`, which has as many columns as fill blocks."""
    m = len(points)
    made = np.ascontiguousarray(points.reshape(m, -1, LANES).transpose(1, 0, 2))
    own = points[:, :n]
    return finished(Blocks(np.arange(n), made, (own == own[0]).all(0)), znorm, ctx)


def finished(blocks: Blocks, znorm: bool, ctx: Context) -> Blocks:
    """With `znorm` every series is normalised, in place."""
    if znorm:
        _normalise(blocks.values, ctx)
    return blocks


def _normalise(blocks: F64, ctx: Context) -> None:
    if not ctx.query.compiled():
        for g in range(len(blocks)):
            ctx.check()
            blocks[g] = general.normalised(blocks[g])[0]
        return
    from ...kernels import dtw

    dtw.normalise(blocks, np.empty((len(blocks), LANES)), ctx.stop)
    ctx.check()


def normalised(x: F64) -> tuple[F64, bool]:
    """One series by itself, and whether it is flat."""
    made, peak = general.normalised(x[:, None])
    return np.ascontiguousarray(made[:, 0]), peak[0] == 0.0


def squared(a: F64, blocks: Blocks, cells: Cells | None, first: int, ctx: Context) -> F64:
    """Squared distances of `a` to the series of the blocks from `first` on; NaN where no path fits the band `cells`."""
    last = len(blocks.values)
    n = len(blocks.ids) - first * LANES
    if cells is None:
        return np.full(n, np.nan)
    low, high = cells
    out = np.empty((last - first, LANES))
    step = max(1, CALL_CELLS // (LANES * int((high - low).sum(dtype=np.int64))))
    g = first
    while g < last:
        ctx.check()
        if ctx.query.compiled():
            from ...kernels import dtw

            end = min(last, g + step)
            dtw.one_to_many(a, blocks.values[g:end], low, high, 0, end - g, out[g - first : end - first], ctx.stop)
            ctx.check()
        else:
            end = min(last, g + WIDE)
            side_by_side = blocks.values[g:end].transpose(1, 0, 2).reshape(blocks.length, -1)
            got = general.distances(a, side_by_side, low, high, ctx.check)
            out[g - first : end - first] = got.reshape(end - g, LANES)
        g = end
    return out.reshape(-1)[:n]


def nearest(q: F64, blocks: Sequence[Blocks], width: int | None, top: int, out: F64, ctx: Context) -> None:
    """Into `out`, by number, the squared distances of at least the `top` series nearest to q; equally near ones by number.

    The same bits as of all distances. Where there are no kernels, or squares might overflow, all are computed.
    """
    best, who = np.full(top, np.inf), np.full(top, np.iinfo(np.int64).max)
    for group in blocks:
        cells = band(group.length, len(q), width)
        if cells is None:
            continue
        if ctx.query.compiled() and max(np.abs(group.values).max(), np.abs(q).max()) < HUGE:
            _pruned(q, group, cells, width, best, who, ctx)
        else:
            out[group.ids] = squared(q, group, band(len(q), group.length, width), 0, ctx)
    found = best < np.inf
    out[who[found]] = best[found]


def _pruned(q: F64, group: Blocks, cells: Cells, width: int | None, best: F64, who: I64,
            ctx: Context) -> None:  # fmt: skip
    from ...kernels import dtwpruned

    turned = band(len(q), group.length, width)
    assert turned is not None
    rows = group.rows()
    step = max(1, CALL_CELLS // int((turned[1] - turned[0]).sum(dtype=np.int64)))
    for begin in range(0, len(rows), step):
        ctx.check()
        end = min(len(rows), begin + step)
        dtwpruned.nearest(rows, group.ids, q, *cells, *turned, begin, end, best, who, ctx.stop)
        ctx.check()
