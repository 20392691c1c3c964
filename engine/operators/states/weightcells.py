"""Sums of weights and of weighted values in half a cache line a group (see kernels.weighted), while their exponents lie close together.

They are the sums that `Limbs` keeps, with nothing dropped, so they may become `Limbs` at any time and no bit changes.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import kernels
from ...arrow import pooled, zeros
from .base import Groups, fit
from .limbs import COUNT as LIMB_COUNT
from .limbs import LOW32, WIDE_AT, Limbs, halves

WORDS, LOW_WORDS = 4, 2
PRODUCT, WEIGHT, TALLY = 0, 2, 3
WEIGHT_TOP, PRODUCT_TOP, TOP, ROWS = 32, 48, 0xFFFF, 0xFFFFFFFF  # what a tally is made of
PRODUCT_RANGE, WEIGHT_RANGE = 54, 43
WHOLE_FROM = 1011  # 2**-64 as an exponent
LOOKED_AT = 1024  # values that decide, where they are not all 0
GRID = 1075  # limbs of weights and of products count exponents from 0, which is 2**-1075 and 2**-2150
F64 = NDArray[np.float64]


class Bases:
    """The exponents from which all sums of one aggregate are counted: the first values met decide, with room on both sides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bases: tuple[int, int] | None = None
        self._settled = False

    def settle(self, x: F64, w: NDArray[Any]) -> tuple[int, int] | None:
        """Of products and of weights; None: the values lie too far apart, or all are 0. Once it is told it stays."""
        with self._lock:
            for n in (LOOKED_AT, len(x)):
                if not self._settled:
                    self._look(x[:n], w[:n].astype(np.float64))
            return self._bases

    def _look(self, x: F64, w: F64) -> None:
        live = (x != 0) & (w != 0) & np.isfinite(x) & np.isfinite(w)
        if live.any():
            self._bases, self._settled = _bases_of(x[live], w[live]), True


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
    """`low`: the lowest words of all groups; empty while weights are whole and so these are 0."""

    def __init__(self, bases: Bases) -> None:
        self._bases = bases
        self.at: tuple[int, int] | None = None
        self.cells = np.zeros((0, WORDS), np.int64)
        self.low = np.zeros((0, LOW_WORDS), np.int64)
        self.added = 0

    def resize(self, n: int) -> None:
        self.cells = fit(self.cells, n)
        if len(self.low):
            self.low = fit(self.low, n)

    def nbytes(self) -> int:
        return self.cells.nbytes + self.low.nbytes

    def add(self, groups: Groups, x: F64, w: NDArray[Any]) -> int:
        """How many of the rows, from the first on, were added; the others do not fit. `w`: doubles or whole numbers."""
        if not self._is_room(groups, x, w):
            return 0
        assert self.at is not None
        kernel = kernels.weighted.add_weighted if w.dtype == np.float64 else kernels.weighted.add_weighted_longs
        done = int(kernel(groups, x, w, *self.at, self.cells.reshape(-1), self._lowest()))
        self.added += done
        return done

    def add_whole(self, groups: Groups, x: F64, w: NDArray[np.int64]) -> int:
        """As `add`, of the rows before the first that has no plain whole weight; the lowest words stay as they are."""
        if not self._is_room(groups, x, w):
            return 0
        assert self.at is not None
        done = int(kernels.weighted.add_whole(groups, x, w, *self.at, self.cells.reshape(-1)))
        self.added += done
        return done

    def _is_room(self, groups: Groups, x: F64, w: NDArray[Any]) -> bool:
        if self.at is None and len(groups):
            self.at = self._bases.settle(x, w)
        return self.at is not None and self.added + len(groups) <= WIDE_AT

    def _lowest(self) -> NDArray[np.int64]:
        if len(self.low) < len(self.cells):
            self.low = fit(self.low, len(self.cells))
        return self.low.reshape(-1)

    def lay(self, other: WeightCells, members: Groups) -> bool:
        """For fresh cells: those of some groups of others, -1: none. False, and nothing done, where there are low words."""
        if other.at is None or len(other.low):
            return False
        self.at, self.added = other.at, other.added
        self.cells = pooled(WORDS * len(members), np.int64).reshape(-1, WORDS)
        kernels.weighted.lay_weighted(members, other.cells.reshape(-1), self.cells.reshape(-1))
        return True

    def merge(self, other: WeightCells, members: Groups, groups: Groups) -> bool:
        """False, and nothing done, if the sums may not fit or are counted from other bases."""
        if other.at is None:
            return True
        self.at = self.at or other.at
        if self.at != other.at:
            return False
        if self.added + other.added > WIDE_AT:
            return False
        low = self._lowest() if len(other.low) else self.low.reshape(-1)
        kernels.weighted.merge_weighted(
            members, other.cells.reshape(-1), other.low.reshape(-1), groups, self.cells.reshape(-1), low
        )
        self.added += other.added
        return True

    def whole_weights(self, members: Groups | slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sums and counts of the weights of these groups; only where `add_whole` took all rows, so that each sum is a word."""
        rows = self.cells[members]
        by = WHOLE_FROM - self.at[1] if self.at is not None else 0
        return rows[:, WEIGHT] >> by, rows[:, TALLY] & ROWS

    def whole_sums(self, n: int) -> NDArray[np.int64] | None:
        """The sums of `whole_weights` of groups 0 .. n; None: some group has none."""
        if self.at is None:
            return None
        out = pooled(n, np.int64)
        return None if kernels.weighted.whole_sums(n, self.cells.reshape(-1), WHOLE_FROM - self.at[1], out) else out

    def means(self, n: int) -> tuple[F64, NDArray[np.bool_], NDArray[np.bool_]]:
        """As `ratios.quotients`, of groups 0 .. n."""
        from ...kernels import quotients, weighted

        out, state = zeros((n,), np.float64), np.full(n, quotients.NONE, np.uint8)
        if self.at is not None:
            product, weight = self.at
            scales = product - 2 * GRID, weight - GRID
            flat, low, never = self.cells.reshape(-1), self.low.reshape(-1), np.zeros(1, np.uint8)
            if not len(low):
                weighted.whole_means(n, flat, *scales, out, state, never)
            weighted.weighted_means(n, flat, low, *scales, out, state, never)
        return out, state == quotients.SURE, state == quotients.NONE

    def integers(self, members: NDArray[Any]) -> tuple[list[int], list[int]]:
        """Sums of products and of weights as `Limbs.integers` gives them."""
        product, weight = self.at or (0, 0)
        over, under = (words.astype(object) for words in self._words(members))
        low = (1 << 64) - 1
        products = ((over[:, 0] & low) | ((over[:, 1] & low) << 64) | (over[:, 2] << 128)) << product
        weights = ((under[:, 0] & low) | (under[:, 1] << 64)) << weight
        return products.tolist(), weights.tolist()

    def _words(self, members: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Products in three words and weights in two, lowest first."""
        cells = self.cells[members]
        low = self.low[members] if len(self.low) else np.zeros((len(cells), LOW_WORDS), np.int64)
        return np.column_stack([low[:, 0], cells[:, :WEIGHT]]), np.column_stack([low[:, 1], cells[:, WEIGHT]])

    def limbs(self, members: Groups, width: int) -> tuple[Limbs, Limbs]:
        """Sums of weights and of products of these groups."""
        product, weight = self.at or (0, 0)
        products, weights = self._words(members)
        tally = self.cells[members, TALLY]
        made = (
            _limbs_of(weights, weight, (tally >> WEIGHT_TOP) & TOP, width),
            _limbs_of(products, product, (tally >> PRODUCT_TOP) & TOP, width),
        )
        made[0].extra[:, LIMB_COUNT] = tally & ROWS
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
