"""What a scan found out about text on its way: lines with their captures, captures with their numbers.

Operators that would look for the same take it from here; for all others these are spans like any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..planner.records import dataclass
from .batch import Spans
from .kernels import regexcode


class Asked(Protocol):
    """What a scan was asked to look for."""

    @property
    def tier(self) -> str: ...


@dataclass(frozen=True, slots=True)
class CapturedLines(Spans):
    """Lines in which what `rex` asked for was looked for. `groups`: its captures by number; `status`: see kernels.regexcode, a byte a row.

    Where nobody behind `rex` wants a line it is null if its match is certain, so its captures go with it, and empty if it
    certainly has none, but for the first of a batch, which notes show.
    """

    asked: Asked
    groups: Mapping[int, Spans]
    status: NDArray[np.uint8]
    is_clean: bool  # every row matched for certain
    n_dropped: int = 0  # lines of the batch without a match that are no rows

    @property
    def tier(self) -> str:
        """What looked for it."""
        return f"{self.asked.tier}, at the scan"

    def has_unsure(self) -> bool:
        """Whether there are rows of which the scan is not certain."""
        return not self.is_clean and bool((self.status == regexcode.UNSURE).any())

    def slice(self, begin: int, end: int) -> CapturedLines:
        groups = {k: g.slice(begin, end) for k, g in self.groups.items()}
        start, length, status = self.start[begin:end], self.length[begin:end], self.status[begin:end]
        n_dropped = 0 if begin else self.n_dropped
        return CapturedLines(
            self.buffer, self.data, start, length, self.asked, groups, status, self.is_clean, n_dropped
        )

    def take(self, rows: NDArray[Any]) -> CapturedLines:
        groups = {k: g.take(rows) for k, g in self.groups.items()}
        start, length, status = self.start[rows], self.length[rows], self.status[rows]
        return CapturedLines(
            self.buffer, self.data, start, length, self.asked, groups, status, self.is_clean, self.n_dropped
        )


@dataclass(frozen=True, slots=True)
class ReadSpans(Spans):
    """Text that was read as whole numbers. `status`: see kernels.spans, a byte a row."""

    numbers: NDArray[np.int64]
    status: NDArray[np.uint8]
    is_clean: bool  # every row is a number or null

    def slice(self, begin: int, end: int) -> ReadSpans:
        start, length = self.start[begin:end], self.length[begin:end]
        return ReadSpans(
            self.buffer, self.data, start, length, self.numbers[begin:end], self.status[begin:end], self.is_clean
        )
