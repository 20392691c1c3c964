"""Where rows stood at the source, of a stage that takes all rows in order and gives them back in that order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..batch import Batch
from ..notes import Ledger, Sample
from .collect import source_rows


@dataclass(slots=True)
class _Run:
    """Rows of one partition: `first` and the rows behind it, or those that `bits` or `offsets` name behind `first`."""

    seq: int
    first: int
    n: int
    told: Callable[[int], str] | None
    bits: NDArray[np.uint8] | None = None
    offsets: NDArray[np.uint32] | None = None

    def row(self, i: int) -> int:
        if self.bits is not None:
            return self.first + int(np.flatnonzero(np.unpackbits(self.bits))[i])
        return self.first + (i if self.offsets is None else int(self.offsets[i]))


class Trail:
    """By number among all rows, the place of each in words. A whole partition takes one entry, filtered rows a bit a row."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._runs: list[_Run] = []
        self._begins: list[int] = []
        self._n_rows = 0

    def add(self, batch: Batch) -> None:
        origin, n = batch.origin, batch.n_rows
        last = self._runs[-1] if self._runs else None
        if origin.picks:
            self._enter(_picked(batch))
        elif last is not None and last.seq == origin.seq and origin.told is None and _goes_on(last, origin.row):
            last.n += n
        else:
            self._enter(_Run(origin.seq, origin.row, n, origin.told))
        self._n_rows += n

    def _enter(self, run: _Run) -> None:
        self._runs.append(run)
        self._begins.append(self._n_rows)

    def place(self, number: int) -> str:
        at = bisect_right(self._begins, number) - 1
        run = self._runs[at]
        row = run.row(number - self._begins[at])
        if run.told is not None:
            return run.told(row)
        return self._ledger.places()(Sample(run.seq, row, "", ""))

    def behind(self, begin: int) -> Callable[[int], str]:
        """As `place`, by the number among the rows from `begin` on."""
        return lambda row: self.place(begin + row)


def _goes_on(run: _Run, row: int) -> bool:
    return run.told is None and run.bits is None and run.offsets is None and run.first + run.n == row


def _picked(batch: Batch) -> _Run:
    origin, rows = batch.origin, source_rows(batch)
    first = int(rows.min())
    offsets = rows - first
    reach = int(offsets.max()) + 1
    run = _Run(origin.seq, first, batch.n_rows, origin.told)
    if reach // 8 <= 4 * batch.n_rows and bool((np.diff(offsets) > 0).all()):
        mask = np.zeros(reach, np.bool_)
        mask[offsets] = True
        run.bits = np.packbits(mask)
    else:
        run.offsets = offsets.astype(np.uint32)
    return run
