"""Late fields: the few rows that a sort kept get the fields that it had no need of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.plan import Fetch
from ...planner.text import fault
from ..arrow import concat, indices, numbers_of
from ..batch import Batch
from ..context import Context
from ..memory import Reservation
from ..notes import At
from ..operator import Flow, Source
from .sortrows import Partitions
from .wide import MemoryPart


class FetchSink:
    """Takes rows in order, with a place each; a task reads what is wanted of one partition of the source."""

    needs_order = True

    def __init__(self, node: Fetch, at: At) -> None:
        self._node, self._at = node, at
        self._late = node.relation.fetch(node.request)
        self._batches: list[tuple[pa.Array[Any], ...]] = []
        self._order: NDArray[np.int64] = np.empty(0, np.int64)  # rows by place
        self._found: dict[int, list[pa.Array[Any]]] = {}
        self._reservation: Reservation | None = None

    def open(self, ctx: Context) -> Context:
        self._reservation = ctx.memory.reserve(self._at.command)
        return ctx

    def push(self, batch: Batch, local: Context) -> Flow:
        columns = batch.own(range(len(batch.columns)))
        self._charge(columns)
        self._batches.append(columns)
        return Flow.MORE

    def _charge(self, columns: Sequence[pa.Array[Any]]) -> None:
        assert self._reservation is not None
        if not self._reservation.grow(sum(c.nbytes for c in columns)):
            raise fault(
                "E702", f"{self._at.command} needs more memory than the query has", hint="a smaller limit of sort"
            )

    def combine(self, local: Context) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        if not self._batches:
            return ()
        self._batches = [tuple(concat(parts) for parts in zip(*self._batches, strict=True))]
        places = numbers_of(self._early(self._node.place))
        self._order = np.argsort(places)
        ordered = places[self._order]
        partitions = self._late.partitions_of(ordered)
        cuts = np.flatnonzero(np.diff(partitions, prepend=-1, append=-1))
        return [
            partial(self._read, int(partitions[low]), ordered[low:high], ctx)
            for low, high in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)
        ]

    def _read(self, partition: int, places: NDArray[np.int64], ctx: Context) -> None:
        found = self._late.read(partition, places, ctx)
        self._charge(found)
        self._found[partition] = found

    def _early(self, name: str) -> pa.Array[Any]:
        return self._batches[0][self._node.inputs[0].schema.index(name)]

    def result(self, ctx: Context) -> Source:
        """One partition, told of as the sort's own."""
        schema = self._node.schema
        if not self._batches:
            return Partitions((), schema)
        back = np.empty_like(self._order)
        back[self._order] = np.arange(len(back))
        wanted = indices(back)
        parts = [self._found[i] for i in sorted(self._found)]
        late = {n: concat([p[j] for p in parts]).take(wanted) for j, n in enumerate(self._late.schema.names())}
        made = tuple(late[n] if n in late else self._early(n) for n in schema.names())
        self._batches.clear()
        self._found.clear()
        return Partitions([MemoryPart(made, 0, 0, len(back), self._node.inputs[0].name)], schema)

    def describe_run(self) -> str:
        return str(self._late.told())

    def close(self) -> None:
        if self._reservation is not None:
            self._reservation.release()
