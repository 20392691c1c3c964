"""The keys that `dedup keep=first` has met, and how many rows each has had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import indices, taken
from ..batch import Batch, Column
from ..context import Context
from .codetuples import CodeTuples
from .grouping import Keys, ManyKeys, first_rows, new_keys
from .keytable import Ids
from .occurrence import Occurrences
from .sharedtable import SharedTable


class Seen:
    """`shared`: tables of some keys that others enter values in, too."""

    def __init__(
        self, key_types: Sequence[Any], limit: int, compiled: bool, shared: Mapping[int, SharedTable] | None = None
    ) -> None:
        self.keys: Keys = new_keys(key_types, compiled)
        for j, table in (shared or {}).items():
            self.keys.coders[j].table = table
        self._limit = limit
        self._ranked = limit > 1 or not key_types
        self._rows = Occurrences()
        # while it is there, it has the keys, and the table of several keys none
        self._tuples = CodeTuples(len(key_types)) if compiled and not self._ranked else None

    @property
    def n(self) -> int:
        return self.keys.n if self._tuples is None else self._tuples.n

    def passing(
        self, batch: Batch, columns: Sequence[Any], ctx: Context, known: Mapping[int, Ids]
    ) -> NDArray[Any]:  # fmt: skip
        """The rows that are among the first `limit` of their key, ascending. `known`: codes of some keys, by their shared tables."""
        if ctx.compiled and not self.keys.compiled:
            self.keys.compile(ctx.stop)
        if self._tuples is not None:
            return self._unmet(self._tuples, columns, ctx, known)
        if known and isinstance(self.keys, ManyKeys):
            return self._in_table(self.keys, self._codes(columns, ctx, known), ctx)
        before = self.keys.n
        ids = self.keys.ids(columns, batch.n_rows, ctx.stop)
        ctx.check()
        if not self._ranked:
            return self._first(ids, before)
        return np.flatnonzero(self._rows.ranks(ids, self.keys.n) < self._limit)

    def _first(self, ids: Ids, before: int) -> NDArray[Any]:
        first = first_rows(ids, before, self.keys.n, self.keys.compiled)
        if not isinstance(self.keys, ManyKeys):  # many values of a dictionary are numbered in its order
            first.sort()
        return first

    def _unmet(
        self, tuples: CodeTuples, columns: Sequence[Column], ctx: Context, known: Mapping[int, Ids]
    ) -> NDArray[Any]:
        codes = self._codes(columns, ctx, known)
        if tuples.reach([coder.n for coder in self.keys.coders], len(codes[0])):
            return tuples.unmet(codes)
        assert isinstance(self.keys, ManyKeys)  # codes of one key are as many as bits
        met, self._tuples = tuples.codes(), None
        if tuples.n:
            self.keys.left.add("bits")
            self.keys.of_codes(met, ctx.stop)
        return self._in_table(self.keys, codes, ctx)

    def _in_table(self, keys: ManyKeys, codes: list[Ids], ctx: Context) -> NDArray[Any]:
        before = keys.n
        ids = keys.of_codes(codes, ctx.stop)
        ctx.check()
        return self._first(ids, before)

    def _codes(self, columns: Sequence[Column], ctx: Context, known: Mapping[int, Ids]) -> list[Ids]:
        coders = self.keys.coders
        for j in known:
            coders[j].by_code = True
        codes = [
            known[j] if j in known else coder.codes(column, ctx.stop)
            for j, (coder, column) in enumerate(zip(coders, columns, strict=True))
        ]
        ctx.check()
        return codes

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
