"""What a scan leaves to the sink of its worker: rows that it groups and adds up itself, where the sink has its groups.

Such work goes past the operators between, which would hand its rows on as they are; rows for which that is not certain come
as batches, as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .batch import Origin


class Groups(Protocol):
    """Groups and sums of one worker, as kernels write to them."""

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """`cells`, `held` and `waiting` of kernels.scangroups, good until they grow."""
        ...

    def grow(self) -> None:
        """Makes room for more."""
        ...


class ScanWork:
    """One call of a scan, in the place of a batch. `run`: does it, and tells of how many rows."""

    def __init__(self, origin: Origin, run: Callable[[Groups], int]) -> None:
        self.origin, self._run = origin, run
        self.n_rows = 0

    def run(self, groups: Groups) -> None:
        self.n_rows = self._run(groups)


class Absorbing(Protocol):
    """A sink that does such work."""

    def absorb(self, work: ScanWork, local: Any) -> None: ...
