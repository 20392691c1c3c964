"""The keys that `dedup keep=first` has met, and how many rows each has had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import indices, taken
from ..batch import Batch, Column
from ..context import Context
from .codetuples import CodeTuples
from .grouping import Keys, ManyKeys, first_rows, new_keys
from .occurrence import Occurrences


class Seen:
    def __init__(self, key_types: Sequence[Any], limit: int, compiled: bool) -> None:
        self.keys: Keys = new_keys(key_types, compiled)
        self._limit = limit
        self._ranked = limit > 1 or not key_types
        self._rows = Occurrences()
        # of several keys, while it is there: it has the tuples and the table of `keys` none
        self._tuples = CodeTuples(len(key_types)) if compiled and limit == 1 and len(key_types) > 1 else None

    @property
    def n(self) -> int:
        return self.keys.n if self._tuples is None else self._tuples.n

    def passing(self, batch: Batch, columns: Sequence[Any], ctx: Context) -> NDArray[Any]:
        """The rows that are among the first `limit` of their key, ascending."""
        if ctx.compiled and not self.keys.compiled:
            self.keys.compile(ctx.stop)
        if self._tuples is not None:
            assert isinstance(self.keys, ManyKeys)
            return self._unmet(self.keys, self._tuples, columns, ctx)
        before = self.keys.n
        ids = self.keys.ids(columns, batch.n_rows, ctx.stop)
        ctx.check()
        if not self._ranked:
            return self._first(ids, before)
        return np.flatnonzero(self._rows.ranks(ids, self.keys.n) < self._limit)

    def _first(self, ids: NDArray[np.int32], before: int) -> NDArray[Any]:
        first = first_rows(ids, before, self.keys.n, self.keys.compiled)
        if not isinstance(self.keys, ManyKeys):  # many values of a dictionary are numbered in its order
            first.sort()
        return first

    def _unmet(self, keys: ManyKeys, tuples: CodeTuples, columns: Sequence[Column], ctx: Context) -> NDArray[Any]:
        codes = [coder.codes(column, ctx.stop) for coder, column in zip(keys.coders, columns, strict=True)]
        ctx.check()
        if tuples.reach([coder.n for coder in keys.coders], len(codes[0])):
            return tuples.unmet(codes)
        known = tuples.codes()
        self._tuples = None
        if tuples.n:
            keys.left.add("bits")
            keys.of_codes(known, ctx.stop)
        before = keys.n
        ids = keys.of_codes(codes, ctx.stop)
        ctx.check()
        return self._first(ids, before)

    def counts(self) -> NDArray[np.int64]:
        """Of the rows that passed, for each key."""
        if not self._ranked:
            return np.ones(self.n, np.int64)
        return np.minimum(self._rows.counts[: self.keys.n], self._limit)

    def values(self) -> list[pa.Array[Any]]:
        """The keys, in the order of `counts`."""
        if self._tuples is None:
            return self.keys.values()
        codes = self._tuples.codes()
        return [taken(c.values(), indices(at)) for c, at in zip(self.keys.coders, codes, strict=True)]

    def ended(self) -> Keys:
        """The tables, for what is told of how keys were found."""
        if self._tuples is not None and self._tuples.n and isinstance(self.keys, ManyKeys):
            self.keys.left.add("bits")
        return self.keys

    def nbytes(self) -> int:
        tuples = self._tuples.nbytes() if self._tuples is not None else 0
        return self.keys.nbytes() + self._rows.nbytes() + tuples
