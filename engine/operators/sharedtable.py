"""One table of texts for several workers, whose dictionaries hold the same values: each value is entered once, and what the workers
know of a text stands at the same number.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .keytable import Ids, KeyTable

Stop = NDArray[np.uint8]
MOST_SHARERS = 4  # workers, of whom one at a time enters values


class SharedTable(KeyTable):
    """Numbers depend on who came first; `n` may grow at any time while workers are at work.

    `is_for_all`: nobody may leave; else whoever would keep the others waiting does.
    """

    def __init__(self, type_: Any, *, is_for_all: bool = False) -> None:
        super().__init__(type_=type_)
        self.is_for_all = is_for_all
        self._n_sharers = 0
        self._lock = threading.Lock()

    def join(self) -> SharedTable:
        """For one more of those who each are charged a part of it."""
        with self._lock:
            self._n_sharers += 1
        return self

    def ids(self, keys: Any, stop: Stop) -> Ids:
        with self._lock:
            return super().ids(keys, stop)

    def expect(self, more: int, stop: Stop) -> None:
        with self._lock:
            super().expect(more, stop)

    def nbytes(self) -> int:
        """One part; all of it where nobody has joined."""
        return super().nbytes() // max(1, self._n_sharers)

    def own(self) -> KeyTable:
        """For a worker that leaves: a copy that is shared with nobody."""
        made = KeyTable(type_=self.type)
        with self._lock:
            self._n_sharers -= 1
            for name in ("slots", "key0", "key1", "sizes", "arena", "state"):
                setattr(made, name, getattr(self, name).copy())
        return made
