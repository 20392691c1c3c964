"""Numbers for pairs of codes by a dense grid, while both have few values; no hashing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..arrow import filled, pooled

Ids = NDArray[np.int32]
# codes, or values and what they are counted from; what each of them is mapped to
Axis = tuple[Ids, NDArray[np.int64], int, Ids]
CELLS = 1 << 18  # a grid of a MiB, about a core's cache
CELLS_A_PAIR = 16  # beyond that a grid may hold so many cells for each pair that was met
MOST_CELLS = 1 << 24
BLOCK, LANES = 1024, 4  # of kernels.codes
LOOKED_AT = 4096  # rows that tell how the grid lies


class PairGrid:
    """Compiled only. Numbers are given in order of first sight, as by a table over the pairs."""

    def __init__(self) -> None:
        self._state = np.zeros(1, np.int64)
        self._height, self._width = 16, 16
        self._second_leads = False  # a line of the grid has one value of the second code
        self._grid = filled(self._height * self._width, -1)

    @property
    def n(self) -> int:
        return int(self._state[0])

    def codes(self) -> NDArray[np.int32]:
        """The two codes of each pair, in order of number."""
        cells = np.flatnonzero(self._grid >= 0)
        made = np.empty((self.n, 2), np.int32)
        at, lead = self._grid[cells], int(self._second_leads)
        made[at, lead], made[at, 1 - lead] = np.divmod(cells, self._width)
        return made

    def in_order(self, first: Ids, second: Ids, begin: int, end: int, out: Ids) -> None:
        """The numbers of pairs `begin` to `end` of all of first x second, in that order; -1: not met. A code may be -1: none."""
        steps = (1, self._width) if self._second_leads else (self._width, 1)
        kernels.codes.pairs_in_order(self._grid, *steps, first, second, begin, end, out)

    def nbytes(self) -> int:
        """With the pairs' codes, which are made in the end."""
        return self._grid.nbytes + 8 * self.n

    def orient(self, first: Ids, second: Ids) -> None:
        """Before the first pair: rows that follow each other are to be near in the grid, as times are in lines of a minute."""
        one, two = first[:LOOKED_AT], second[:LOOKED_AT]
        self._second_leads = bool(np.count_nonzero(one[1:] != one[:-1]) > np.count_nonzero(two[1:] != two[:-1]))

    def reach(self, n_first: int, n_second: int) -> bool:
        """Room for codes below these; False, and nothing changed, if the grid would be too sparse."""
        if self._second_leads:
            n_first, n_second = n_second, n_first
        if n_first <= self._height and n_second <= self._width:
            return True
        height, width = max(self._height, _power(n_first)), max(self._width, _power(n_second))
        if height * width > min(max(CELLS, CELLS_A_PAIR * self.n), MOST_CELLS):
            return False
        grid = filled(height * width, -1)
        grid.reshape(height, width)[: self._height, : self._width] = self._grid.reshape(self._height, self._width)
        self._grid, self._height, self._width = grid, height, width
        return True

    def ids(self, first: Ids, second: Ids) -> Ids:
        """Codes must be within `reach`."""
        if self._second_leads:
            first, second = second, first
        out = pooled(len(first), np.int32)
        self._state[0] = kernels.codes.pair_ids(first, second, self._grid, self._width, self.n, out)
        return out

    def may_count(self, counts: NDArray[np.int64]) -> bool:
        """Whether there is room for the pairs of some rows more."""
        return len(counts) >= LANES * (self.n + BLOCK)

    def number(self, first: Axis, second: Axis, row: int, out: Ids, counts: NDArray[np.int64]) -> int:
        """As `ids` from `row` on into `out`, of keys that are coded on the way; and, or, counts their rows (`kernels.codes`).

        Where it stopped: at a row of which a key has no code, where there was no room to count, or behind the last row.
        """
        if self._second_leads:
            first, second = second, first
        spare = pooled(2 * BLOCK, np.int32)
        return int(
            kernels.codes.number_pairs(*first, *second, row, self._width, self._grid, self._state, out, counts, spare)
        )  # fmt: skip


def _power(n: int) -> int:
    return 1 << (n - 1).bit_length()
