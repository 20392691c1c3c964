"""The windows of a long series that are nearest to a pattern, one after the other."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....planner.records import dataclass
from ...context import Context
from . import general
from .band import band
from .distances import LANES

F64 = NDArray[np.float64]
UNIT = 1 << 15  # windows of a piece of work
BLOCK, FEW = 1024, 64  # windows that the general path normalises, and warps, at once
SLACK = 1.0 + 1e-9  # of bounds, which are sums in another order
SIZE = 900  # powers of two between the greatest value and one


@dataclass(frozen=True, slots=True)
class Near:
    """What compiled passes need of the windows of one unit, with LANES more points and windows as many as fill LANES."""

    n_points: int  # without those
    t: F64
    x: F64  # made smaller, and less the level that they begin at
    lead: int  # points before the first window
    mean: F64
    scale: F64


def whole_windows(valid: NDArray[np.bool_], m: int) -> NDArray[np.uint8]:
    """Which windows of m points have no hole."""
    if valid.all():
        return np.ones(len(valid) - m + 1, np.uint8)
    holes = np.concatenate([[0], np.cumsum(~valid)])
    whole: NDArray[np.uint8] = (holes[m:] == holes[:-m]).astype(np.uint8)
    return whole


class Search:
    """Windows of `t` (where `valid`) against the pattern `q`, which is normalised already where `znorm`.

    Greedy: the nearest window, then the nearest of those that overlap no better one by more than `exclude` of the length.
    A pass looks at every unit once, in any order, by any number of workers, each of which has a part of `best`.
    """

    def __init__(
        self, t: F64, valid: NDArray[np.bool_], q: F64, width: int | None, exclude: float, znorm: bool
    ) -> None:  # fmt: skip
        m = len(q)
        self._q, self._znorm, self.n = q, znorm, len(t) - m + 1
        self._t = t if valid.all() else np.where(valid, t, 0.0)
        self.allowed = whole_windows(valid, m)
        cells = band(m, m, width)
        assert cells is not None
        self._low, self._high = cells
        self._before = int((np.arange(m) - self._low).max())
        self._behind = int((self._high - np.arange(m)).max())
        self._reach = max(1, ceil(m * (1.0 - exclude) - 1e-9))  # windows that begin closer overlap too much
        self._upper = np.array([q[a:b].max() for a, b in zip(self._low, self._high, strict=True)])
        self._lower = np.array([q[a:b].min() for a, b in zip(self._low, self._high, strict=True)])
        peak = float(np.abs(self._t).max())
        self._size = float(np.ldexp(1.0, -max(int(np.frexp(peak)[1]), -SIZE))) if znorm else 1.0
        self._near: dict[int, Near] = {}
        self.best, self.where = np.empty(0), np.empty(0, np.int64)

    @property
    def units(self) -> range:
        return range(-(-self.n // UNIT))

    def begin(self, workers: int) -> None:
        self.best, self.where = np.full(workers, np.inf), np.full(workers, -1, np.int64)

    def take(self) -> tuple[int, float] | None:
        """Place and distance of the window that the pass found; those that overlap it too much are barred."""
        found = np.lexsort((self.where, self.best))[0]
        at = int(self.where[found])
        if at < 0:
            return None
        self.allowed[max(0, at - self._reach + 1) : at + self._reach] = 0
        return at, sqrt(self.best[found])

    def let_go(self) -> None:
        """Of all but what was counted."""
        self._near, self._t, self.allowed = {}, np.empty(0), np.empty(0, np.uint8)

    def look(self, unit: int, worker: int, ctx: Context) -> None:
        begin, end = unit * UNIT, min(self.n, (unit + 1) * UNIT)
        if ctx.query.compiled():
            self._compiled(worker, unit, begin, end, ctx)
        else:
            self._general(worker, begin, end, ctx)

    def _compiled(self, worker: int, unit: int, begin: int, end: int, ctx: Context) -> None:
        from ...kernels import dtwsearch

        near = self._near.get(unit)
        if near is None:
            near = self._near[unit] = self._prepared(begin, end, ctx)
        off = dtwsearch.CLOSE if self._znorm else 0.0
        allowed = np.zeros(len(near.mean), np.uint8)
        allowed[: end - begin] = self.allowed[begin:end]
        dtwsearch.search(
            near.t, near.x, near.n_points, self._q, near.mean, near.scale, allowed, self._low, self._high, self._upper + off,
            self._lower - off, off, near.lead, begin, worker, self.best, self.where, ctx.stop,
        )  # fmt: skip
        ctx.check()

    def _prepared(self, begin: int, end: int, ctx: Context) -> Near:
        """Running means and deviations of the windows begin .. end, and their points with those that the band reaches."""
        from ...kernels import dtwsearch

        m, n = len(self._q), end - begin
        low = max(0, begin - self._before)
        points = self._t[low : end + m - 1 + self._behind]
        t = np.zeros(len(points) + LANES)
        t[: len(points)] = points
        n_windows = -(-n // LANES) * LANES
        mean, scale = np.zeros(n_windows), np.ones(n_windows)
        if not self._znorm:
            return Near(len(points), t, t, begin - low, mean, scale)
        x = t * self._size
        x -= x[0]
        own = slice(begin - low, end + m - 1 - low)
        dtwsearch.running(x[own], t[own], m, mean[:n], scale[:n], ctx.stop)
        ctx.check()
        return Near(len(points), t, x, begin - low, mean, scale)

    def _general(self, worker: int, begin: int, end: int, ctx: Context) -> None:
        """Bounds of all windows, then warping in order of their bounds while these are small enough."""
        at = begin + np.flatnonzero(self.allowed[begin:end])
        if not len(at):
            return
        bound = np.concatenate([self._bounds(at[i : i + BLOCK], ctx) for i in range(0, len(at), BLOCK)])
        order = np.argsort(bound, kind="stable")
        i = 0
        while i < len(order) and bound[order[i]] <= self.best.min() * SLACK and not ctx.query.compiled():
            few = at[order[i : i + (FEW if i else 1)]]  # the first alone: it may spare many others
            d = general.distances(
                self._q, self._windows(few), self._low, self._high, ctx.check, self.best.min() * SLACK
            )
            nearest = np.lexsort((few, d))[0]
            place = int(few[nearest])
            better = (d[nearest], place) < (self.best[worker], self.where[worker])
            if d[nearest] < np.inf and (better or self.where[worker] < 0):
                self.best[worker], self.where[worker] = d[nearest], place
            i += len(few)
        if ctx.query.compiled() and i < len(order):  # they have come meanwhile
            self._compiled(worker, begin // UNIT, begin, end, ctx)

    def _windows(self, at: NDArray[Any]) -> F64:
        """The windows that begin there, a column each."""
        windows: Any = np.lib.stride_tricks.sliding_window_view(self._t, len(self._q))
        block = np.ascontiguousarray(windows[at].T)
        return general.normalised(block)[0] if self._znorm else block

    def _bounds(self, at: NDArray[Any], ctx: Context) -> F64:
        """What they cost at least: how far their points are from the pattern's envelope."""
        ctx.check()
        block = self._windows(at)
        off = np.maximum(block - self._upper[:, None], self._lower[:, None] - block)
        np.maximum(off, 0.0, out=off)
        total: F64 = (off * off).sum(0)
        return total
