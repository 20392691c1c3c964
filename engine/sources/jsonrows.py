"""Rows that are known at bind, as a relation: what `json "..."` gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.types import Schema
from ..batch import Batch, Origin
from ..context import Context
from ..operator import Partition
from .jsonvalues import Seen, column, settled, survey


def rows_relation(rows: Sequence[dict[str, Any]], name: str, zone: str) -> RowsRelation:
    """Objects as rows: fields in the order they first appear, types from all values."""
    seen: dict[str, Seen] = survey(rows)
    fields, columns = [], []
    for field, kinds in seen.items():
        kind = settled(kinds.type())
        fields.append((field, kind))
        columns.append(column([row.get(field) for row in rows], kind, zone, _accept))
    mixed = {path: kinds for n, s in seen.items() for path, kinds in s.mixes(n)}
    return RowsRelation(name, Schema(tuple(fields)), columns, len(rows), mixed)


def _accept(row: int, reason: str, value: Any) -> None:
    """The types came from these very values: only what is mixed becomes text, and that is noted for the column."""


@dataclass(slots=True, eq=False)
class RowsRelation:
    """Columns in memory, in physical form; there may be rows without any column."""

    name: str
    schema: Schema
    columns: Sequence[pa.Array[Any]]
    n_rows: int
    mixed: dict[str, dict[str, int]]

    def pushdown(self, predicate: Expr) -> Pushdown:
        return Pushdown.NO

    def scan(self, request: ScanRequest) -> RowsSource:
        names = self.schema.names() if request.fields is None else request.fields
        n = self.n_rows if request.limit is None else min(self.n_rows, request.limit)
        return RowsSource(self, self.schema.select(names), n)

    def describe(self, request: ScanRequest) -> str:
        return f"{self.n_rows} rows: {', '.join(self.schema.names() if request.fields is None else request.fields) or 'no field'}"


@dataclass(frozen=True, slots=True)
class RowsSource:
    relation: RowsRelation
    schema: Schema
    n_rows: int

    @property
    def nbytes_hint(self) -> int:
        return sum(c.nbytes for c in self.relation.columns)

    def partitions(self, target: int) -> Sequence[Partition]:
        step = max(target, 1)
        return [
            RowsSlice(self, seq, low, min(low + step, self.n_rows))
            for seq, low in enumerate(range(0, self.n_rows, step))
        ]


@dataclass(frozen=True, slots=True)
class RowsSlice:
    source: RowsSource
    seq: int
    low: int
    high: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        relation = self.source.relation
        wanted = [relation.columns[relation.schema.index(n)] for n in self.source.schema.names()]
        ctx.query.ledger.files_by_seq[self.seq] = relation.name
        ctx.query.ledger.rows_by_seq[self.seq] = self.high - self.low
        for low in range(self.low, self.high, ctx.settings.batch_rows):
            n = min(ctx.settings.batch_rows, self.high - low)
            yield Batch(n, tuple(c.slice(low, n) for c in wanted), Origin(self.seq, relation.name, 0, low - self.low))
