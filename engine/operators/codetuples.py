"""Which tuples of codes were met: a bit for each that there could be, no hashing and no numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..arrow import pooled, zeros
from .keytable import Ids

BITS_A_TUPLE = 64  # met: eight bytes, less than a table has
LEAST_BITS = 1 << 20  # that may always be: they lie in a core's cache
MOST_BITS = 1 << 31
LISTED = 1 << 14  # words whose bits are listed together


class CodeTuples:
    """Compiled only. Codes of each key are numbered from 0 on, and have so many bits of a tuple's place."""

    def __init__(self, n_keys: int) -> None:
        self.n = 0
        self._shifts, self._bits = [0] * n_keys, [0] * n_keys
        self._met = _new_bits(0)

    def reach(self, sizes: Sequence[int], n_rows: int) -> bool:
        """Room for codes below these; False, and nothing changed, if so many rows more do not pay for it."""
        if self.n and all(n <= 1 << b for n, b in zip(sizes, self._bits, strict=True)):
            return True
        bits = [max((n - 1).bit_length(), b) for n, b in zip(sizes, self._bits, strict=True)]
        if 1 << sum(bits) > min(MOST_BITS, max(LEAST_BITS, BITS_A_TUPLE * max(self.n, n_rows))):
            return False
        widened = [j for j, b in enumerate(self._bits) if b != bits[j]]
        if self.n and len(widened) == 1 and self._shifts[widened[0]] + self._bits[widened[0]] == sum(self._bits):
            self._met = np.concatenate(
                [self._met, _new_bits(1 << sum(bits))[len(self._met) :]]
            )  # those that are there stay
            self._bits = bits
        else:
            self._lay_out(bits)
        return True

    def _lay_out(self, bits: list[int]) -> None:
        known = self.codes()
        at = 0
        for j in sorted(range(len(bits)), key=lambda j: bits[j]):  # the one that may grow most comes last
            self._shifts[j] = at
            at += bits[j]
        self._bits, self._met = bits, _new_bits(1 << at)
        if self.n:
            self.n = 0
            self.unmet(known)

    def unmet(self, codes: Sequence[Ids]) -> Ids:
        """The first row of each tuple that was not met before, ascending. Codes must be within `reach`."""
        cells, shifted = pooled(len(codes[0]), np.int32), pooled(len(codes[0]), np.int32)
        np.left_shift(codes[0], np.int32(self._shifts[0]), out=cells)
        for column, shift in zip(codes[1:], self._shifts[1:], strict=True):
            np.left_shift(column, np.int32(shift), out=shifted)
            np.bitwise_or(cells, shifted, out=cells)
        rows = pooled(len(cells) + 1, np.int32)
        rows = rows[: kernels.dense.unmet_rows(cells, self._met, rows)]
        self.n += len(rows)
        return rows

    def codes(self) -> list[Ids]:
        """Of each tuple that was met, a column a key."""
        cells = self._cells()
        return [(cells >> s) & ((1 << b) - 1) for s, b in zip(self._shifts, self._bits, strict=True)]

    def _cells(self) -> NDArray[np.int32]:
        words = np.flatnonzero(self._met)
        out, at = np.empty(self.n, np.int32), 0
        for low in range(0, len(words), LISTED):
            some = words[low : low + LISTED]
            row, bit = np.nonzero(np.unpackbits(self._met[some].view(np.uint8), bitorder="little").reshape(-1, 64))
            out[at : at + len(row)] = 64 * some[row] + bit
            at += len(row)
        return out

    def nbytes(self) -> int:
        return self._met.nbytes


def _new_bits(n: int) -> NDArray[np.uint64]:
    """So many bits, none of them set."""
    return zeros((n // 64 + 1,), np.uint64)
