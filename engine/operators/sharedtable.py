"""One table of keys for several workers, whose dictionaries hold the same values: each value is entered once, and whatever the workers
keep of a key stands at the same number, so that nothing is matched in the end.
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
    """Of texts. Numbers depend on who came first; `n` may grow at any time while workers are at work."""

    def __init__(self, type_: Any) -> None:
        super().__init__(type_=type_)
        self._n_sharers = 0
        self._lock = threading.Lock()

    def join(self) -> SharedTable:
        """For one worker more."""
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
        """One worker's part."""
        return super().nbytes() // max(1, self._n_sharers)

    def own(self) -> KeyTable:
        """For a worker that leaves: a copy that is shared with nobody."""
        made = KeyTable(type_=self.type)
        with self._lock:
            self._n_sharers -= 1
            for name in ("slots", "key0", "key1", "sizes", "arena", "state"):
                setattr(made, name, getattr(self, name).copy())
        return made
