"""The windows of a long series that are nearest to a pattern, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...context import Context
from . import general
from .band import band

F64 = NDArray[np.float64]
CHUNK = 1 << 16  # windows of one compiled call
BLOCK, FEW = 1024, 64  # windows that the general path normalises, and warps, at once
SLACK = 1.0 + 1e-9  # of bounds, which are sums in another order
UNITS = 900  # powers of two between a series' greatest value and the greatest double


class Search:
    """Windows of `t` (finite where `valid`) against the pattern `q`, normalised already where `znorm`.

    Greedy: the nearest window, then the nearest of those that overlap no better one by more than `exclude` of the length.
    """

    def __init__(
        self, t: F64, valid: NDArray[np.bool_], q: F64, width: int | None, exclude: float, znorm: bool
    ) -> None:  # fmt: skip
        m = len(q)
        self._q, self._znorm, self.n = q, znorm, len(t) - m + 1
        self._t = np.where(valid, t, 0.0)
        holes = np.concatenate([[0], np.cumsum(~valid)])
        self.allowed = (holes[m:] == holes[:-m]).astype(np.uint8)
        cells = band(m, m, width)
        assert cells is not None
        self._low, self._high = cells
        self._reach = max(1, ceil(m * (1.0 - exclude) - 1e-9))  # windows that begin closer overlap too much
        self._upper = np.array([q[a:b].max() for a, b in zip(self._low, self._high, strict=True)])
        self._lower = np.array([q[a:b].min() for a, b in zip(self._low, self._high, strict=True)])
        self._fast: tuple[Any, ...] | None = None
        self.best, self.where = np.empty(0), np.empty(0, np.int64)

    def begin(self, parts: int) -> None:
        self.best, self.where = np.full(parts, np.inf), np.full(parts, -1, np.int64)

    def tasks(self, ctx: Context) -> Sequence[Callable[[], None]]:
        """One pass, in parts that may run side by side."""
        parts = len(self.best)
        cuts = [self.n * p // parts for p in range(parts + 1)]
        return [partial(self._part, p, cuts[p], cuts[p + 1], ctx) for p in range(parts)]

    def take(self) -> tuple[int, float] | None:
        """Place and distance of the window that the pass found; those that overlap it too much are barred."""
        found = np.lexsort((self.where, self.best))[0]
        at = int(self.where[found])
        if at < 0:
            return None
        self.allowed[max(0, at - self._reach + 1) : at + self._reach] = 0
        return at, sqrt(self.best[found])

    def _part(self, part: int, begin: int, end: int, ctx: Context) -> None:
        while begin < end:
            ctx.check()
            if ctx.query.compiled():
                begin = self._compiled(part, begin, min(end, begin + CHUNK), ctx)
            else:
                begin = self._general(part, begin, min(end, begin + BLOCK), ctx)

    def prepare(self, ctx: Context) -> None:
        """What compiled passes share: running means and deviations, and the envelope of the series."""
        if self._fast is not None or not ctx.query.compiled():
            return
        from ...kernels import dtwpruned, dtwsearch

        t, m = self._t, len(self._q)
        mean, scale, off = np.zeros(self.n), np.ones(self.n), 0.0
        if self._znorm:
            peak = np.abs(t).max()
            t = t * np.ldexp(1.0, -max(int(np.frexp(peak)[1]), -UNITS))
            off = dtwsearch.CLOSE
            dtwsearch.running(t, m, mean, scale, ctx.stop)
            ctx.check()
        at = np.arange(len(t))
        left, right = (self._high - np.arange(m)).max(), (np.arange(m) - self._low).max()
        reach = int(max(left - 1, right))
        upper, lower = np.empty(len(t)), np.empty(len(t))
        low, high = np.maximum(0, at - reach), np.minimum(len(t), at + reach + 1)
        dtwpruned.envelope(t, low.astype(np.int32), high.astype(np.int32), upper, lower)
        ctx.check()
        self._fast = (t, self._q, mean, scale, self.allowed, upper, lower, self._low, self._high,
                      self._upper + off, self._lower - off, off)  # fmt: skip

    def _compiled(self, part: int, begin: int, end: int, ctx: Context) -> int:
        if self._fast is None:
            self.prepare(ctx)
        assert self._fast is not None
        from ...kernels import dtwsearch

        dtwsearch.search(*self._fast, begin, end, part, self.best, self.where, ctx.stop)
        ctx.check()
        return end

    def _general(self, part: int, begin: int, end: int, ctx: Context) -> int:
        """Bounds of all windows at once, then warping in order of their bounds while these are small enough."""
        at = begin + np.flatnonzero(self.allowed[begin:end])
        if not len(at):
            return end
        windows: Any = np.lib.stride_tricks.sliding_window_view(self._t, len(self._q))
        block = np.ascontiguousarray(windows[at].T)
        if self._znorm:
            block = general.normalised(block)[0]
        off = np.maximum(block - self._upper[:, None], self._lower[:, None] - block)
        np.maximum(off, 0.0, out=off)
        bound = (off * off).sum(0)
        order = np.argsort(bound, kind="stable")
        for i in range(0, len(order), FEW):
            few = order[i : i + FEW]
            few = few[bound[few] <= self.best.min() * SLACK]
            if not len(few):
                break
            d = general.distances(self._q, block[:, few], self._low, self._high, ctx.check)
            nearest = np.lexsort((at[few], d))[0]
            place = int(at[few[nearest]])
            if (d[nearest], place) < (self.best[part], self.where[part]) and d[nearest] < np.inf:
                self.best[part], self.where[part] = d[nearest], place
        return end
