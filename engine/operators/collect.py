"""Rows as they are, kept in input order until all are there, with their places at the source. Spills."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...planner.plan import Here, Sort
from ...planner.records import dataclass
from ...planner.types import LONG, Schema
from ..arrow import array_from, numbers_of
from ..batch import Batch, Origin
from ..context import Context
from ..notes import At, Ledger, Sample
from ..operator import Flow, Partition, Source
from .sort import PLACE_BITS, SortLocal, SortSink

PLACE = "source place"  # partition and row, as places of a sort are


class CollectSink:
    """A sort without keys. `schema` is set by whoever lowers what comes before: it may not be known earlier."""

    needs_order = False

    def __init__(self, at: At) -> None:
        self._at = at
        self.schema = Schema()
        self._made: SortSink | None = None
        self._lock = threading.Lock()
        self._ledger = Ledger()

    def _sort(self) -> SortSink:
        """One for all workers, who may open at once: the rows of a second one would be lost."""
        with self._lock:
            if self._made is None:
                held = Schema((*self.schema.fields, (PLACE, LONG)))
                self._made = SortSink(Sort(inputs=(Here(columns=held),), keys=()), held, self._at)
            return self._made

    def open(self, ctx: Context) -> SortLocal:
        self._ledger = ctx.query.ledger
        return self._sort().open(ctx)

    def push(self, batch: Batch, local: SortLocal) -> Flow:
        places = source_rows(batch) + (np.int64(batch.origin.seq) << PLACE_BITS)
        return self._sort().push(batch.with_columns([array_from(places)]), local)

    def combine(self, local: SortLocal) -> None:
        self._sort().combine(local)

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        return self._sort().merge(ctx)

    def result(self, ctx: Context) -> Source:
        return Placed(self._sort().result(ctx), self.schema, self._ledger)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def describe_run(self) -> Any:
        return self._made.describe_run() if self._made is not None else ""


def source_rows(batch: Batch) -> NDArray[np.int64]:
    """Number within its partition of each row, at the source."""
    rows = np.arange(batch.n_rows)
    for pick in reversed(batch.origin.picks):
        rows = np.flatnonzero(pick)[rows] if pick.dtype == np.bool_ else pick[rows]
    return rows.astype(np.int64) + batch.origin.row


class Placed:
    """Rows whose last column says where they stood at the source before."""

    def __init__(self, source: Source, schema: Schema, ledger: Ledger) -> None:
        self._source, self.schema, self._ledger = source, schema, ledger
        self.nbytes_hint = getattr(source, "nbytes_hint", None)
        self.on_disk: bool = getattr(source, "on_disk", False)

    def partitions(self, target: int) -> Sequence[Partition]:
        return [_PlacedPart(p, len(self.schema), self._ledger) for p in self._source.partitions(target)]

    def close(self) -> None:
        close = getattr(self._source, "close", None)
        if close is not None:
            close()


@dataclass(frozen=True, slots=True)
class _PlacedPart:
    part: Partition
    n_columns: int
    ledger: Ledger

    def batches(self, ctx: Context) -> Iterator[Batch]:
        row = 0
        for batch in self.part.batches(ctx):
            places = numbers_of(batch.array(self.n_columns))
            origin = Origin(batch.origin.seq, row=row, told=_Told(self.ledger, places, row))
            row += batch.n_rows
            yield replace(batch.select(range(self.n_columns)), origin=origin)


@dataclass(frozen=True, slots=True)
class _Told:
    """The place of a row in words; all of the earlier pipeline has been read by the time someone asks."""

    ledger: Ledger
    places: NDArray[np.int64]
    first: int

    def __call__(self, row: int) -> str:
        at = int(self.places[row - self.first])
        return self.ledger.places()(Sample(at >> PLACE_BITS, at & ((1 << PLACE_BITS) - 1), "", ""))
