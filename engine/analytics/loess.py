"""Local lines over evenly spaced values (Cleveland 1979), many series side by side: the general path of `engine.kernels.loess`.

Values lie in rows of `p` columns, one series a column; the last row may be short, so that the columns behind it have one point fewer.
All sums go in the order of the window, so both paths give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
LOOSE = 1e-3  # part of the second moment that the variance must be for five sums to do
CELLS = 1 << 16  # weights of one piece of work


@dataclass(frozen=True, slots=True)
class Lines:
    """`span`: points of a window, odd, 3 or more; `beyond` 1: also a point before and one behind each series; `jump`: points are made
    so far apart, with straight lines between; `check`: raises when the work is not wanted any more. Values * span, by `jump`."""

    span: int
    beyond: int = 0
    jump: int = 1
    check: Callable[[], None] = lambda: None

    def smooth(self, y: F64, p: int, rw: F64 | None = None) -> F64:
        """The lines through the values of `y`; `rw`: how much each weighs. With `beyond` the row before comes first."""
        n = -(-len(y) // p)
        cut = len(y) - (n - 1) * p
        grid, weights = _grid(y, n, p), None if rw is None else _grid(rw, n, p)
        out = np.full((n + 2 * self.beyond, p), np.nan)
        for low, high, own in ((0, cut, n), (cut, p, n - 1)):
            if low < high:
                part = slice(low, high)
                made = self._columns(grid[:own, part], None if weights is None else weights[:own, part])
                out[: own + 2 * self.beyond, part] = made
        return out.reshape(-1)[: len(y) + 2 * self.beyond * p]

    def _columns(self, y: F64, rw: F64 | None) -> F64:
        n = len(y)
        jump = min(self.jump, n - 1)
        at = np.arange(0, n, max(jump, 1))
        made = self._made(y, rw, at, at)
        if jump > 1:
            made = self._between(y, rw, at, made)
        if not self.beyond:
            return made
        ends = np.array([-1, n])
        outer = self._points(y, rw, ends, ends)
        outer = np.where(np.isnan(outer), made[[0, -1]], outer)
        return np.concatenate([outer[:1], made, outer[1:]])

    def _between(self, y: F64, rw: F64 | None, at: I64, made: F64) -> F64:
        """Straight lines from point to point and, made in the window of the one before it, to the last."""
        n, last = len(y), int(at[-1])
        ends = np.append(at[1:], n)
        if last != n - 1:
            made = np.concatenate([made, self._made(y, rw, np.array([n - 1]), np.array([last]))])
        rises = np.diff(made, axis=0) / np.diff(np.append(at, n - 1)[: len(made)])[:, None].astype(np.float64)
        rises = np.concatenate([rises, np.zeros((1, y.shape[1]))])
        owner = np.repeat(np.arange(len(at)), ends - at)
        out: F64 = made[owner] + rises[owner] * (np.arange(n) - at[owner])[:, None].astype(np.float64)
        return out

    def _made(self, y: F64, rw: F64 | None, at: I64, seats: I64) -> F64:
        made = self._points(y, rw, at, seats)
        return np.where(np.isnan(made), y[at], made)

    def _points(self, y: F64, rw: F64 | None, at: I64, seats: I64) -> F64:
        """The points `at`, in the windows of the points `seats`; NaN where nothing has weight."""
        n, half = len(y), (self.span - 1) // 2
        size = min(self.span, n)
        first = np.clip(seats - half, 0, n - size)
        is_edge = (at < half) | (at >= n - half) | (n <= self.span)
        out = np.empty((len(at), y.shape[1]))
        for rows in (np.flatnonzero(is_edge), np.flatnonzero(~is_edge)):
            step = max(1, CELLS // max(size if is_edge[rows[:1]].any() else 1, y.shape[1]))
            for i in range(0, len(rows), step):
                piece = rows[i : i + step]
                leans = bool(is_edge[piece[0]])
                same = piece if leans else piece[:1]  # points inside have one row of weights
                start = (first[same] - at[same])[:, None] + np.arange(size)
                reach = np.abs(start[:, [0, -1]]).max(axis=1).astype(np.float64) + max(0, self.span - n) // 2
                windows = Windows(y, rw, first[piece], start.astype(np.float64), self.check)
                out[piece] = windows.fitted(_tricube(np.abs(windows.place), reach[:, None]), leans)
        return out


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of some points: from which row each begins; `place`: of each of its rows as seen from the point."""

    y: F64
    rw: F64 | None
    first: I64
    place: F64
    check: Callable[[], None]

    def fitted(self, weights: F64, leans: bool) -> F64:
        if self.rw is not None:
            return self._weighed(weights)
        weights = weights / _sum(weights)[:, None]
        if leans:
            weights = _leant(weights, self.place, len(self.y))
        out = np.zeros((len(self.first), self.y.shape[1]))
        for j in range(weights.shape[1]):
            self.check()
            out += weights[:, j : j + 1] * self._rows(self.y, j)
        return out

    def _weighed(self, weights: F64) -> F64:
        assert self.rw is not None
        sums = np.zeros((5, len(self.first), self.y.shape[1]))
        for j in range(weights.shape[1]):
            self.check()
            r, k = self._rows(self.rw, j), weights[:, j : j + 1]
            v, by = r * self._rows(self.y, j), k * self.place[:, j : j + 1]
            for into, part in zip(sums, (k * r, by * r, by * self.place[:, j : j + 1] * r, k * v, by * v), strict=True):
                into += part
        weight = np.where(sums[0] <= 0.0, np.nan, sums[0])
        place, square, value, slope = sums[1:] / weight
        spread = square - place * place
        leans = np.sqrt(np.maximum(spread, 0.0)) > 0.001 * float(len(self.y) - 1)
        out: F64 = np.where(leans, value - place / spread * (slope - place * value), value)
        at, column = np.nonzero(spread < LOOSE * square)
        if len(at):
            out[at, column] = self._careful(weights, at, column)
        return out

    def _careful(self, weights: F64, at: I64, column: I64) -> F64:
        """Single points, in steps that lose nothing where few values have all the weight."""
        assert self.rw is not None
        mine = at if len(weights) > 1 else np.zeros_like(at)
        rows = self.first[at][:, None] + np.arange(weights.shape[1])
        w = weights[mine] * self.rw[rows, column[:, None]]
        w = _leant(w / _sum(w)[:, None], self.place[mine], len(self.y))
        return _sum(w * self.y[rows, column[:, None]])

    def _rows(self, values: F64, j: int) -> F64:
        """Row j of each window."""
        first, n = int(self.first[0]) + j, len(self.first)
        step = int(self.first[1] - self.first[0]) if n > 1 else 1
        if (
            step > 0
            and first + (n - 1) * step - j == int(self.first[-1])
            and (n < 3 or (np.diff(self.first) == step).all())
        ):
            return values[first : first + (n - 1) * step + 1 : step]
        gathered: F64 = values[self.first + j]
        return gathered


def _grid(values: F64, n: int, p: int) -> F64:
    if len(values) == n * p:
        return values.reshape(n, p)
    out = np.zeros(n * p)
    out[: len(values)] = values
    return out.reshape(n, p)


def _tricube(far: F64, reach: F64) -> F64:
    u = far / reach
    t = 1.0 - u * u * u
    return np.where(far <= 0.001 * reach, 1.0, np.where(far <= 0.999 * reach, t * t * t, 0.0))


def _sum(rows: F64) -> F64:
    """Of each row, from left to right."""
    out: F64 = np.cumsum(rows, axis=1)[:, -1]
    return out


def _leant(weights: F64, place: F64, n: int) -> F64:
    """Weights of a mean become weights of a line at the point the places are seen from."""
    mean = _sum(weights * place)[:, None]
    off = place - mean
    spread = _sum(weights * (off * off))[:, None]
    return np.where(np.sqrt(spread) > 0.001 * float(n - 1), weights * (-mean / spread * off + 1.0), weights)
