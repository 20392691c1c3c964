"""Dynamic time warping without compiled kernels: the same steps in the same order, so the same bits.

A block is m points by any number of series, a column each. Cells of one antidiagonal do not depend on each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
Check = Callable[[], None]
LOOK = 32  # antidiagonals between two looks at a cancel, and at what lives


def normalised(block: F64) -> tuple[F64, F64]:
    """Columns less their mean, by their population standard deviation; and their peaks, 0 where a column is flat: all zeros.

    Values are measured from the first and scaled by a power of two, so that neither far levels nor sizes near the ends of
    what a double holds lose digits. Sums run from the first point to the last.
    """
    quarter = block * 0.25
    u = quarter - quarter[0]
    peak = np.abs(u).max(0)
    u *= np.ldexp(1.0, -np.maximum(np.frexp(peak)[1], -1000))
    m = len(u)
    u -= np.add.accumulate(u, 0)[-1] / m
    is_flat = peak == 0.0
    spread = np.sqrt(np.add.accumulate(u * u, 0)[-1] / m)
    u /= np.where(is_flat, 1.0, spread)
    u *= np.where(is_flat, 0.0, 1.0)
    return u, peak


@np.errstate(over="ignore")  # an infinite distance is one
def distances(a: F64, block: F64, low: I32, high: I32, check: Check, cut: float = np.inf) -> F64:
    """Squared distances of `a` to each column of `block`; infinite where no path fits, perhaps where one exceeds `cut`."""
    rows = np.full((3, len(a) + 2, block.shape[1]), np.inf)
    live = np.arange(block.shape[1])
    out: F64 = np.full(block.shape[1], np.inf)
    for k, begin, end in _diagonals(low, high, block.shape[0], check):
        two, one, now = rows[(k - 2) % 3], rows[(k - 1) % 3], rows[k % 3]
        if cut < np.inf and k % LOOK == LOOK - 1:  # every path has a cell on one of two antidiagonals in a row
            stays = np.minimum(two.min(0), one.min(0)) <= cut
            if not stays.all():
                live, block, rows = live[stays], block[:, stays], rows[:, :, stays]
                two, one, now = rows[(k - 2) % 3], rows[(k - 1) % 3], rows[k % 3]
                if not len(live):
                    return out
        d = a[begin:end, None] - block[k - end + 1 : k - begin + 1][::-1]
        d *= d
        if k:
            best = np.minimum(one[begin:end], one[begin + 1 : end + 1])
            np.minimum(best, two[begin:end], out=best)
            d += best
        now[begin + 1 : end + 1] = d
        now[begin] = now[end + 1] = np.inf  # the next two read no further
    out[live] = rows[(len(a) + len(block) - 2) % 3][len(a)]
    return out


def _diagonals(low: I32, high: I32, m: int, check: Check) -> Iterator[tuple[int, int, int]]:
    """Each antidiagonal k = i + j with its rows begin .. end."""
    n = len(low)
    at = np.arange(n)
    k = np.arange(n + m - 1)
    begins = np.searchsorted(at + high - 1, k).tolist()
    ends = np.searchsorted(at + low, k, "right").tolist()
    for i, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if i % LOOK == 0:
            check()
        yield i, begin, max(begin, end)


def moves(a: F64, b: F64, low: I32, high: I32, out: NDArray[np.uint8], check: Check) -> None:
    """As kernels.dtw.moves."""
    n = len(a)
    starts = np.cumsum(high - low, dtype=np.int64) - (high - low) - low  # cell (i, j) is at starts[i] + j
    rows: Any = np.full((3, n + 2), np.inf)
    for k, begin, end in _diagonals(low, high, len(b), check):
        two, one, now = rows[(k - 2) % 3], rows[(k - 1) % 3], rows[k % 3]
        at = np.arange(begin, end)
        d = a[begin:end] - b[k - at]
        d *= d
        if k:
            best, move = two[begin:end].copy(), np.zeros(end - begin, np.uint8)
            for number, other in ((1, one[begin:end]), (2, one[begin + 1 : end + 1])):
                nearer = other < best
                move[nearer] = number
                best = np.where(nearer, other, best)
            out[starts[begin:end] + k - at] = move
            d += best
        else:
            out[0] = 0
        now[begin + 1 : end + 1] = d
        now[begin] = now[end + 1] = np.inf


def walk(moves: NDArray[np.uint8], low: I32, high: I32) -> NDArray[np.int64]:
    """The cells of the best path, a row (i, j) each, from the first to the last. O(points) steps of Python: for short series."""
    starts = np.cumsum(high - low, dtype=np.int64) - (high - low) - low
    i, j = len(low) - 1, int(high[-1]) - 1
    steps = [(i, j)]
    while i or j:
        move = moves[starts[i] + j]
        i, j = i - (move != 2), j - (move != 1)
        steps.append((i, j))
    return np.array(steps[::-1], np.int64)
