"""Sorting inside another operator: rows that do not fit into its memory are put in the order it needs, on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from ...planner.plan import Here, Sort, SortKey
from ...planner.records import dataclass
from ...planner.types import LONG, Schema
from ..arrow import array_from
from ..batch import Batch, Origin
from ..context import Context
from ..memory import Portion
from ..notes import At
from .sort import SortSink
from .sortrows import Partitions

PLACE = "\0place"  # no field of a user's has a name like it


def with_place(schema: Schema) -> Schema:
    return schema.put(PLACE, LONG)


class Sorter:
    """Takes batches, then gives their rows in order, once. It uses up to `part` of the operator's memory; stable.

    `keys` after the groups `by`; `limit` rows of each group. One thread uses it. `close` in any case.
    """

    def __init__(
        self,
        schema: Schema,
        ctx: Context,
        at: At,
        *,
        keys: Sequence[SortKey] = (),
        by: Sequence[str] = (),
        limit: int | None = None,
        part: float = 0.5,
    ) -> None:
        node = Sort(inputs=(Here(columns=schema),), keys=tuple(keys), by=tuple(by), limit=limit)
        settings = replace(ctx.settings, threads=1)  # its memory is not shared with other workers
        self._ctx = replace(
            ctx, query=replace(ctx.query, settings=settings), share=Portion(ctx.memory, int(ctx.memory.limit * part))
        )
        self._sink = SortSink(node, schema, at)
        self._local = self._sink.open(self._ctx)

    def add(self, batch: Batch) -> None:
        self._ctx.check()
        self._sink.push(replace(batch, origin=Origin(0)), self._local)

    def batches(self) -> Iterator[Batch]:
        self._sink.combine(self._local)
        for task in self._sink.merge(self._ctx):
            task()
        for part in self._sink.result(self._ctx).partitions(self._ctx.settings.batch_rows):
            yield from part.batches(self._ctx)

    @property
    def spilled_bytes(self) -> int:
        return int(self._sink.describe_run()["spilled_bytes"])

    def close(self) -> None:
        self._sink.close()


def placed(batch: Batch, first: int) -> Batch:
    """The batch with its rows numbered from `first` on, as a last column."""
    return batch.with_columns([array_from(np.arange(first, first + batch.n_rows, dtype=np.int64))])


class Numbered(Partitions):
    """Rows whose numbers are told: those of the stage's result, wherever its rows were kept meanwhile."""

    has_places = True


class Batches(Protocol):
    def batches(self) -> Iterator[Batch]: ...


@dataclass(frozen=True, slots=True)
class SortedPart:
    """What a sorter gives, less the columns behind `n_columns`, as one partition of a stage's result."""

    sorter: Batches
    n_columns: int
    name: str

    def batches(self, ctx: Context) -> Iterator[Batch]:
        row = 0
        for batch in self.sorter.batches():
            cut = batch.select(range(self.n_columns))
            yield Batch(cut.n_rows, cut.columns, Origin(0, self.name, 0, row))
            row += cut.n_rows
