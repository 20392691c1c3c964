"""Sums of weights and of weighted values in a cache line a group (see kernels.weighted), while their exponents lie close together.

They are the sums that `Limbs` keeps, with nothing dropped, so they may become `Limbs` at any time and no bit changes.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Groups, fit
from .limbs import COUNT as LIMB_COUNT
from .limbs import LOW32, WIDE_AT, Limbs, halves

WORDS = 8
PRODUCT, WEIGHT, PRODUCT_TOP, WEIGHT_TOP, COUNT = 0, 3, 5, 6, 7
PRODUCT_RANGE, WEIGHT_RANGE = 54, 43
WHOLE_FROM = 1011  # 2**-64 as an exponent
GRID = 1075  # limbs of weights and of products count exponents from 0, which is 2**-1075 and 2**-2150
F64 = NDArray[np.float64]


class Bases:
    """The exponents from which all sums of one aggregate are counted: the first values met decide, with room on both sides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bases: tuple[int, int] | None = None
        self._settled = False

    def settle(self, x: F64, w: F64) -> tuple[int, int] | None:
        """Of products and of weights; None: the values lie too far apart, or all are 0. Once it is told it stays."""
        with self._lock:
            if not self._settled:
                live = (x != 0) & (w != 0) & np.isfinite(x) & np.isfinite(w)
                if live.any():
                    self._bases, self._settled = _bases_of(x[live], w[live]), True
            return self._bases


def _bases_of(x: F64, w: F64) -> tuple[int, int] | None:
    """Of finite values, none of them 0. As low as whole weights want them for the quick way, if these fit."""
    value, weight = halves(x)[1], halves(w)[1]
    whole = int(value.min()) + WHOLE_FROM, WHOLE_FROM
    found = []
    for exponents, room, wish in zip((value + weight, weight), (PRODUCT_RANGE, WEIGHT_RANGE), whole, strict=True):
        low, high = int(exponents.min()), int(exponents.max())
        if high - low > room:
            return None
        base = low - (room - (high - low)) // 2
        found.append(max(0, min(base, wish) if high <= wish + room else base))
    return found[0], found[1]


class WeightCells:
    def __init__(self, bases: Bases) -> None:
        self._bases = bases
        self.at: tuple[int, int] | None = None
        self.cells = np.zeros((0, WORDS), np.int64)
        self.added = 0

    def resize(self, n: int) -> None:
        self.cells = fit(self.cells, n)

    def nbytes(self) -> int:
        return self.cells.nbytes

    def add(self, groups: Groups, x: F64, w: NDArray[Any]) -> int:
        """How many of the rows, from the first on, were added; the others do not fit. `w`: doubles or whole numbers."""
        if not len(groups):
            return 0
        self.at = self.at or self._bases.settle(x, w.astype(np.float64))
        if self.at is None or self.added + len(groups) > WIDE_AT:
            return 0
        from ...kernels import weighted

        flat = self.cells.reshape(-1)
        if w.dtype == np.float64:
            done = int(weighted.add_weighted(groups, x, w, *self.at, flat))
        else:
            done = int(weighted.add_whole(groups, x, w, *self.at, flat))
            if done < len(groups):
                done += int(weighted.add_weighted_longs(groups[done:], x[done:], w[done:], *self.at, flat))
        self.added += done
        return done

    def merge(self, other: WeightCells, members: Groups, groups: Groups) -> bool:
        """False, and nothing done, if the sums may not fit or are counted from other bases."""
        if other.at is None:
            return True
        self.at = self.at or other.at
        if self.at != other.at:
            return False
        if self.added + other.added > WIDE_AT:
            return False
        from ...kernels import weighted

        weighted.merge_weighted(members, other.cells.reshape(-1), groups, self.cells.reshape(-1))
        self.added += other.added
        return True

    def count(self, n: int) -> NDArray[np.int64]:
        return self.cells[:n, COUNT]

    def means(self, n: int) -> tuple[F64, NDArray[np.bool_], NDArray[np.bool_]]:
        """As `ratios.quotients`, of groups 0 .. n."""
        from ...kernels import quotients, weighted

        out, state = np.zeros(n), np.full(n, quotients.NONE, np.uint8)
        if self.at is not None:
            product, weight = self.at
            flat, never = self.cells.reshape(-1), np.zeros(1, np.uint8)
            weighted.whole_means(n, flat, product - 2 * GRID, weight - GRID, out, state, never)
            weighted.weighted_means(n, flat, product - 2 * GRID, weight - GRID, out, state, never)
        return out, state == quotients.SURE, state == quotients.NONE

    def integers(self, members: NDArray[Any]) -> tuple[list[int], list[int]]:
        """Sums of products and of weights as `Limbs.integers` gives them."""
        product, weight = self.at or (0, 0)
        rows = self.cells[members].astype(object)
        low = rows[:, :WEIGHT_TOP] & ((1 << 64) - 1)
        products = (low[:, 0] | (low[:, 1] << 64) | (rows[:, 2] << 128)) << product
        weights = (low[:, WEIGHT] | (rows[:, WEIGHT + 1] << 64)) << weight
        return products.tolist(), weights.tolist()

    def limbs(self, members: Groups, width: int) -> tuple[Limbs, Limbs]:
        """Sums of weights and of products of these groups."""
        product, weight = self.at or (0, 0)
        cells = self.cells[members]
        made = (
            _limbs_of(cells[:, WEIGHT:PRODUCT_TOP], weight, cells[:, WEIGHT_TOP], width),
            _limbs_of(cells[:, PRODUCT:WEIGHT], product, cells[:, PRODUCT_TOP], width),
        )
        made[0].extra[:, LIMB_COUNT] = cells[:, COUNT]
        for one in made:
            one.added = self.added
        return made


def _limbs_of(words: NDArray[np.int64], base: int, top: NDArray[np.int64], width: int) -> Limbs:
    """Whole numbers of several words as sums on the grid of fields; what is above a group's top field stays in it."""
    n, k = words.shape
    made = Limbs(width)
    made.resize(n)
    made.top[:] = top - 1
    digits = np.empty((n, 2 * k), np.int64)
    digits[:, 0::2], digits[:, 1::2] = words & LOW32, (words >> 32) & LOW32
    first, shift = base >> 5, base & 31
    sign = words[:, -1] >> 63
    rest = (sign << shift) | (digits[:, -1] >> (32 - shift))
    for j in range(2 * k, -1, -1):
        if j < 2 * k:
            below = digits[:, j - 1] >> (32 - shift) if j else 0
            digit = ((digits[:, j] << shift) & LOW32) | below
            rest = (rest << 32) | digit
        else:
            digit = rest
        place = (first + j) & (width - 1)
        at_top, under = made.top == first + j, made.top > first + j
        made.limbs[at_top, place] = rest[at_top]
        made.limbs[under, place] = digit[under]
    return made
