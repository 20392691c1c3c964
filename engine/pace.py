"""How many rows go through a worker's operators at a time: so many that a cancel is seen soon, whatever they do with a row."""

from __future__ import annotations

from collections.abc import Callable

from .batch import Batch
from .metrics import cpu_ns
from .operator import Flow

FIRST = 1024  # until it is known what a row costs
SLOW, QUICK, AIM = 40_000_000, 10_000_000, 20_000_000  # nanoseconds of one push
SURE = 100_000  # nanoseconds that a push takes whatever its rows are
MOST = 1 << 30


class Pace:
    """Of one worker. Rows do not depend on it, as they do not on the size of batches.

    `is_quick`: it is known that a row costs next to nothing, whatever it holds.
    """

    def __init__(self, is_quick: bool = False) -> None:
        self._rows = MOST if is_quick else FIRST
        self.left = 0  # rows of the last batch that nobody wanted

    def push(self, batch: Batch, head: Callable[[Batch], Flow], check: Callable[[], None]) -> Flow:
        """The batch in pieces, with a look at the stop byte before each but the first."""
        begin, n = 0, batch.n_rows
        while True:
            end = min(n, begin + self._rows)
            began = cpu_ns()
            flow = head(batch if end - begin == n else batch.slice(begin, end))
            self._learn(end - begin, cpu_ns() - began)
            if flow is Flow.DONE or end == n:
                self.left = n - end
                return flow
            begin = end
            check()

    def _learn(self, rows: int, spent: int) -> None:
        if spent > SLOW:
            self._rows = max(1, rows * AIM // spent)
        elif spent < QUICK and rows == self._rows:
            self._rows = min(max(2 * rows, rows * QUICK // max(spent, SURE)), MOST)
