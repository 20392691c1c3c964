"""Group numbers of rows by any keys, for one Local or one radix part.

One key: a table over the key's normal form. Several: a table a key gives codes, and one more table numbers the tuples
of codes, packed into a word, or four bytes each as short texts. No key: group 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Type
from ..batch import Column
from .keycoder import NO_CODES, NO_VALUES, Coder, Stop
from .keydicts import codes_of, same_dictionary
from .keynumbers import distinct_codes, first_rows
from .keytable import Ids
from .keytuples import ManyKeys
from .sharedtable import SharedTable


class NoKeys:
    """All rows are one group, also if there is no row."""

    n = 1
    compiled = False
    coders: Sequence[Coder] = ()

    def ids(self, columns: Sequence[Column], n_rows: int, stop: Stop) -> Ids:
        return np.zeros(n_rows, np.int32)

    def compile(self, stop: Stop) -> None:
        return None

    def merge(self, other: Any, members: Ids, stop: Stop) -> Ids:
        return np.zeros(len(members), np.int32)

    def hashes(self) -> NDArray[np.uint64]:
        return np.zeros(1, np.uint64)

    def values(self, members: Ids | None = None) -> list[pa.Array[Any]]:
        return []

    def nbytes(self) -> int:
        return 0


class OneKey:
    def __init__(
        self, types: Sequence[Type], compiled: bool, capacity: int = 1 << 10, shared: SharedTable | None = None
    ) -> None:  # fmt: skip
        self.coder = Coder(types[0], compiled, capacity, shared)
        self.coders: Sequence[Coder] = (self.coder,)
        self.compiled = compiled

    @property
    def n(self) -> int:
        return self.coder.n

    def ids(self, columns: Sequence[Column], n_rows: int, stop: Stop) -> Ids:
        return self.coder.codes(columns[0], stop)

    def compile(self, stop: Stop) -> None:
        self.coder.compile(stop)
        self.compiled = True

    def merge(self, other: OneKey, members: Ids, stop: Stop) -> Ids:
        return self.coder.merge(other.coder, members, stop)

    def hashes(self) -> NDArray[np.uint64]:
        return self.coder.table.hashes()

    def values(self, members: Ids | None = None) -> list[pa.Array[Any]]:
        return [self.coder.values(members)]

    def nbytes(self) -> int:
        return self.coder.nbytes()


Keys = NoKeys | OneKey | ManyKeys


def new_keys(types: Sequence[Type], compiled: bool, capacity: int = 1 << 10) -> Keys:
    if not types:
        return NoKeys()
    return OneKey(types, compiled, capacity) if len(types) == 1 else ManyKeys(types, compiled, capacity)


def shared_table(keys: Keys) -> SharedTable | None:
    """What keys of other workers have their numbers in, too."""
    table = keys.coder.table if isinstance(keys, OneKey) else None
    return table if isinstance(table, SharedTable) else None


__all__ = [
    "NO_CODES", "NO_VALUES", "Coder", "Keys", "ManyKeys", "NoKeys", "OneKey", "Stop", "codes_of", "distinct_codes", "first_rows",
    "new_keys", "same_dictionary", "shared_table",
]  # fmt: skip
