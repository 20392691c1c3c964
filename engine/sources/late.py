"""Fields read late: first only those that decide which rows are wanted, then the others of just those rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr, fields_of
from ...planner.records import dataclass
from ...planner.types import LONG, Schema
from ..arrow import array_from, concat
from ..batch import Batch
from ..context import Context
from ..operator import Partition
from ..operators.filter import Choice
from ..storage.tally import Tally

PLACE = "(row)"
ROW_BITS = 36  # of a place are the row in its partition, the others the partition


class LatePart(Partition, Protocol):
    """A partition that may be read a second time. `first_row`: what its batches' origins call their first row."""

    @property
    def seq(self) -> int: ...
    @property
    def first_row(self) -> int: ...
    def rows(self, ctx: Context) -> Iterator[Batch]:
        """The rows once more, of which the ledger is not told."""


class LateSource(Protocol):
    """Gives the same partitions whatever its fields are."""

    @property
    def schema(self) -> Schema: ...
    def parts(self) -> Sequence[LatePart]: ...
    @property
    def tally(self) -> Tally: ...


class Base(Protocol):
    """A relation whose sources can be read late."""

    @property
    def name(self) -> str: ...
    @property
    def schema(self) -> Schema: ...
    def pushdown(self, predicate: Expr) -> Pushdown: ...
    def scan(self, request: ScanRequest) -> LateSource: ...
    def describe(self, request: ScanRequest) -> str: ...


class PlacedRelation:
    """The rows of a relation, and the place of each: number of its partition and row within that."""

    def __init__(self, base: Base) -> None:
        self._base, self.name = base, base.name
        self.schema = Schema((*base.schema.fields, (PLACE, LONG)))

    def pushdown(self, predicate: Expr) -> Pushdown:
        return self._base.pushdown(predicate)

    def scan(self, request: ScanRequest) -> PlacedSource:
        return PlacedSource(self._base.scan(_bare(request)))

    def describe(self, request: ScanRequest) -> str:
        return self._base.describe(_bare(request))


def _bare(request: ScanRequest) -> ScanRequest:
    if request.fields is None or request.fields[-1:] != (PLACE,):
        raise ValueError("the place is asked for last")
    return replace(request, fields=request.fields[:-1])


class PlacedSource:
    def __init__(self, source: LateSource) -> None:
        self._source = source
        self.schema = Schema((*source.schema.fields, (PLACE, LONG)))
        self.nbytes_hint: int | None = getattr(source, "nbytes_hint", None)
        self.work_order: list[int] | None = None

    def choose(self, choice: Choice) -> None:
        choose = getattr(self._source, "choose", None)
        if choose is not None and choice.carried[-1:] == (PLACE,) and PLACE not in fields_of(choice.predicate):
            choose(replace(choice, carried=choice.carried[:-1]))

    def describe_run(self) -> str:
        return self._source.tally.told()

    def watch(self, floor: Any) -> None:
        watch = getattr(self._source, "watch", None)
        if watch is not None:
            watch(floor)

    def partitions(self, target: int) -> Sequence[Partition]:
        parts = self._source.parts()
        self.work_order = getattr(self._source, "work_order", None)
        return [PlacedPart(part) for part in parts]


@dataclass(frozen=True, slots=True)
class PlacedPart:
    part: LatePart

    @property
    def nbytes(self) -> int:
        return getattr(self.part, "nbytes", 0)

    def batches(self, ctx: Context) -> Iterator[Batch]:
        first = (self.part.seq << ROW_BITS) - self.part.first_row
        for batch in self.part.batches(ctx):
            low, picks = first + batch.origin.row, batch.origin.picks  # at most one: there is no window
            rows = np.arange(batch.n_rows) if not picks else picks[0].astype(np.int64)
            yield batch.with_columns([array_from(rows + low)])


class LateRows:
    """Late fields of rows given by place. `source` is asked for these only, but for the same row groups."""

    def __init__(self, source: LateSource) -> None:
        self._parts, self._tally = source.parts(), source.tally
        self._tally.kept("row_groups", -len(self._parts), 0)  # only those are read of which a row is asked for
        self.schema = source.schema

    def told(self) -> str:
        """What was read, for `explain analyze`."""
        return self._tally.told()

    def partitions_of(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return places >> ROW_BITS

    def read(self, seq: int, places: NDArray[np.int64], ctx: Context) -> list[pa.Array[Any]]:
        """Columns of the schema at ascending places of partition `seq`; stops behind the last of them."""
        self._tally.kept("row_groups", 1, 0)
        rows, part = places - (seq << ROW_BITS), self._parts[seq]
        single = getattr(part, "taken", None)
        only: Batch | None = None if single is None else single(rows.astype(np.int32), ctx)
        if only is not None:
            return list(only.own(range(len(self.schema))))
        found: list[tuple[pa.Array[Any], ...]] = []
        low = done = 0
        for batch in part.rows(ctx):
            ctx.check()
            upto = int(np.searchsorted(rows, low + batch.n_rows))
            if upto > done:
                few = batch.take((rows[done:upto] - low).astype(np.int32))
                found.append(few.own(range(len(self.schema))))
            low, done = low + batch.n_rows, upto
            if done == len(rows):
                break
        return [concat(pieces) for pieces in zip(*found, strict=True)]
