"""The right side of an as-of join once it is all there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...arrow import array_from, is_valid, numbers_of
from ..joinkeys import nulls_of
from ..joinparts import PartWriter
from ..knownkeys import KnownKeys
from .index import I32, I64, Index
from .times import Mask


class Held:
    """`columns`: those that come out, by place in the right's schema; `known`: their keys. `writers`: on disk instead."""

    def __init__(
        self,
        columns: dict[int, pa.Array[Any]],
        index: Index,
        known: KnownKeys,
        writers: Sequence[PartWriter] = (),
    ) -> None:
        self.columns, self.index, self.known, self.writers = columns, index, known, writers
        self._valid: dict[int, Mask] = {}  # of columns with nulls
        self.masked: dict[int, Index] = {}  # of columns whose values are looked for by themselves

    @property
    def is_spilled(self) -> bool:
        return bool(self.writers)

    def way(self) -> str:
        """How rows were looked for, for `explain analyze`."""
        indexes = (self.index, *self.masked.values())
        ways = (
            "sweep" if any(i.was_swept for i in indexes) else "",
            "partition" if any(i.was_searched for i in indexes) else "",
        )
        return " and ".join(w for w in ways if w)

    def gathered(self, i: int, rows: I32, missing: Mask | None) -> pa.Array[Any]:
        """Words of a column by row, null where `missing`; with compiled kernels."""
        from ...kernels import select

        column = self.columns[i]
        out = np.empty(len(rows), np.int64)  # not of Arrow's pool, which clears huge pages for what is kept
        select.gather(numbers_of(column).view(np.int64), rows, out)
        if column.null_count:
            if i not in self._valid:
                self._valid[i] = is_valid(column)
            nulls = ~self._valid[i][np.maximum(rows, 0)]
            missing = nulls if missing is None else missing | nulls
        return array_from(out, missing, column.type)

    def mask(self) -> None:
        """An index for each column that has nulls, of the rows that have a value there."""
        for i, column in self.columns.items():
            nulls = nulls_of(column)
            if nulls is not None:
                self.masked[i] = self.index.masked(~nulls)

    def extremes(self, rows_of: Callable[[Index, I32], I32]) -> I64:
        """Rows that `rows_of` picks of an index for each of its keys, ascending."""
        code = np.arange(self.index.n_keys, dtype=np.int32)
        rows = np.unique(np.concatenate([rows_of(index, code) for index in (self.index, *self.masked.values())]))
        return rows[rows >= 0].astype(np.int64)
