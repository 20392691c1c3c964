"""What a scan found out about text on its way: lines with their captures, captures with their numbers.

Operators that would look for the same take it from here; for all others these are spans like any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..planner.records import dataclass
from .batch import Spans


@dataclass(frozen=True, slots=True)
class CapturedLines(Spans):
    """Lines in which what `rex` asked for was looked for. `groups`: its captures by number; `status`: see kernels.regexcode, a byte a row.

    A line itself is null where its match is certain and nobody behind `rex` wants it, so its captures go with it.
    """

    asked: object
    groups: Mapping[int, Spans]
    status: NDArray[np.uint8]
    is_clean: bool  # every row matched for certain

    def slice(self, begin: int, end: int) -> CapturedLines:
        groups = {k: g.slice(begin, end) for k, g in self.groups.items()}
        start, length, status = self.start[begin:end], self.length[begin:end], self.status[begin:end]
        return CapturedLines(self.buffer, self.data, start, length, self.asked, groups, status, self.is_clean)

    def take(self, rows: NDArray[Any]) -> CapturedLines:
        groups = {k: g.take(rows) for k, g in self.groups.items()}
        start, length, status = self.start[rows], self.length[rows], self.status[rows]
        return CapturedLines(self.buffer, self.data, start, length, self.asked, groups, status, self.is_clean)


@dataclass(frozen=True, slots=True)
class ReadSpans(Spans):
    """Text that was read as whole numbers. `status`: see kernels.spans, a byte a row."""

    numbers: NDArray[np.int64]
    status: NDArray[np.uint8]
    is_clean: bool  # every row is a number

    def slice(self, begin: int, end: int) -> ReadSpans:
        start, length = self.start[begin:end], self.length[begin:end]
        return ReadSpans(
            self.buffer, self.data, start, length, self.numbers[begin:end], self.status[begin:end], self.is_clean
        )
