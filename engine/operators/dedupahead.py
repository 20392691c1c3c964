"""`dedup keep=first` ahead of the order gate: workers find the codes of texts that come as dictionaries, in tables that all of them share.

What is left for the one worker behind the gate is to look which codes, or tuples of codes, were met.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Schema
from ..arrow import array_from, int32_of
from ..batch import Batch, Spans
from ..context import Context
from ..operator import Emit, Flow
from .grouping import Coder
from .keyform import normal_type
from .sharedtable import SharedTable


@dataclass(slots=True)
class AheadLocal:
    ctx: Context
    coders: list[Coder]


class DedupAhead:
    """`places`: the key columns. Batches get a column more for each text among them, its codes; or none, where one is no dictionary."""

    needs_order = False

    def __init__(self, places: Sequence[int], schema: Schema) -> None:
        types = [schema.fields[i][1] for i in places]
        self.texts = [j for j, t in enumerate(types) if t.kind == "string"]  # which of the keys
        self._places, self._types, self._n_columns = list(places), types, len(schema)
        self._tables: list[SharedTable] = []  # while codes are wanted

    def begin(self) -> dict[int, SharedTable]:
        """Codes are wanted from here on: those of key j go by these tables."""
        self._tables = [SharedTable(normal_type(self._types[j]), is_for_all=True) for j in self.texts]
        return dict(zip(self.texts, self._tables, strict=True))

    def end(self) -> None:
        """No codes are wanted any more."""
        self._tables = []

    def open(self, ctx: Context) -> AheadLocal:
        return AheadLocal(ctx, [])

    def push(self, batch: Batch, local: AheadLocal, emit: Emit) -> Flow:
        tables, ctx = self._tables, local.ctx
        if not tables:
            local.coders = []
            return emit(batch)
        columns = [batch.columns[self._places[j]] for j in self.texts]
        if not batch.n_rows or any(isinstance(c, Spans) or not pa.types.is_dictionary(c.type) for c in columns):
            return emit(batch)
        if not local.coders:
            local.coders = [Coder(self._types[j], True, shared=t) for j, t in zip(self.texts, tables, strict=True)]
        codes = [coder.codes(column, ctx.stop) for coder, column in zip(local.coders, columns, strict=True)]
        ctx.check()
        return emit(batch.with_columns([array_from(c) for c in codes]))

    def codes_in(self, batch: Batch) -> tuple[Batch, dict[int, NDArray[Any]]]:
        """The batch as it was, and the codes that it came with, by key."""
        n = self._n_columns
        if len(batch.columns) == n:
            return batch, {}
        found = {j: int32_of(batch.array(n + k)) for k, j in enumerate(self.texts)}
        return batch.select(range(n)), found

    def finish(self, local: AheadLocal, emit: Emit) -> None:
        return None
