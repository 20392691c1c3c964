"""The band of cells that a warping path may use, and its half-width as users write it."""

from __future__ import annotations

from decimal import Decimal
from math import floor

import numpy as np
from numpy.typing import NDArray

from ....planner.records import dataclass

I32 = NDArray[np.int32]
Cells = tuple[I32, I32]  # of each row its first column, and the one behind its last


@dataclass(frozen=True, slots=True)
class Width:
    """Half the width of the band, as written: a fraction of a length, a number of points, or neither: no band."""

    text: str
    fraction: Decimal | None = None
    points: int | None = None

    @property
    def meaning(self) -> tuple[Decimal | None, int | None]:
        """Equal for equal widths, however they are written."""
        return (None, 0) if self.fraction == 0 else (self.fraction, self.points)

    def of(self, length: int) -> int | None:
        """In points. The fraction is a decimal number, so that 0.29 of 100 is 29."""
        if self.fraction is not None:
            return floor(self.fraction * length)
        return self.points


def band(n: int, m: int, width: int | None) -> Cells | None:
    """Columns low[i] .. high[i] of each row i of an n x m table: abs(i * (m - 1) - j * (n - 1)) <= width * max(n - 1, m - 1).

    The Sakoe-Chiba band for equal lengths, else the band about the stretched diagonal: the same from either side, connected
    from width 1 on. Neither end ever falls. None where no path fits: a width of 0 for two lengths.
    """
    if width is None or n == 1 or m == 1:
        return None if width == 0 and n != m else (np.zeros(n, np.int32), np.full(n, m, np.int32))
    if width == 0 and n != m:
        return None
    i = np.arange(n, dtype=np.int64)
    last_n, last_m = n - 1, m - 1
    reach = min(width, max(n, m)) * max(last_n, last_m)
    low = np.maximum(0, -((reach - i * last_m) // last_n))
    high = np.minimum(m, (i * last_m + reach) // last_n + 1)
    return low.astype(np.int32), high.astype(np.int32)
