"""One row that tells how many rows a source has, of which none is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.types import LONG, Schema
from ..arrow import array_from
from ..batch import Batch, Origin
from ..context import Context
from ..operator import Partition


class CountedRelation:
    """`names`: a field for each count that was asked for."""

    def __init__(self, name: str, names: Sequence[str], n_rows: int) -> None:
        self.name, self.n_rows = name, n_rows
        self.schema = Schema(tuple((n, LONG) for n in names))

    def pushdown(self, predicate: Expr) -> Pushdown:
        return Pushdown.NO

    def scan(self, request: ScanRequest) -> CountedSource:
        names = self.schema.names() if request.fields is None else request.fields
        return CountedSource(self.name, self.schema.select(names), self.n_rows)

    def describe(self, request: ScanRequest) -> str:
        return f"{self.name}: the number of its rows as it is stored"


@dataclass(frozen=True, slots=True)
class CountedSource:
    name: str
    schema: Schema
    n_rows: int

    def partitions(self, target: int) -> Sequence[Partition]:
        return [CountedPart(self)]


@dataclass(frozen=True, slots=True)
class CountedPart:
    source: CountedSource

    def batches(self, ctx: Context) -> Iterator[Batch]:
        count = array_from(np.array([self.source.n_rows], np.int64))
        yield Batch(1, (count,) * len(self.source.schema), Origin(0, self.source.name))
