"""`table` over a stored table: row groups as partitions, pruned by statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.types import STRING, Schema, holds_decimals, scalar
from ..arrow import array_from
from ..batch import Batch, Column, Origin
from ..context import Context
from ..exprs import spread
from ..operator import Partition
from ..storage.snapshot import Bound, ScanCounts, Snapshot, Split
from . import pruning
from .counted import CountedRelation
from .late import PLACE, LateRows, PlacedRelation
from .memory import META
from .pruning import bounds, told


class TableRelation:
    """One version of a stored table, fixed at bind. `meta`: adds `_table` and `_id`, the row's number in stored order."""

    def __init__(self, snapshot: Snapshot, *, meta: bool = False) -> None:
        self.name, self._snapshot = snapshot.name, snapshot
        self.schema, self._meta = snapshot.declared, frozenset[str]()
        if meta:
            self._meta = frozenset(n for n, _ in META)
            for name, kind in META:
                self.schema = self.schema.put(name, kind)

    def decimals(self) -> list[str]:
        """Fields that the table keeps exactly and that are read as doubles."""
        return [f.name for f in self._snapshot.schema if holds_decimals(f.type)]

    def pushdown(self, predicate: Expr) -> Pushdown:
        return Pushdown.PRUNES if self._bounds((predicate,)) else Pushdown.NO

    def _bounds(self, filters: Sequence[Expr]) -> list[Bound]:
        return [Bound(b.field, cast(Any, b.op), b.value) for b in self._usable(filters)]

    def _usable(self, filters: Sequence[Expr]) -> list[pruning.Bound]:
        known = set(self._snapshot.schema.names) - self._meta
        return [b for b in bounds(filters) if b.field in known and b.op in ("<", "<=", "==", ">=", ">")]

    def scan(self, request: ScanRequest) -> TableSource:
        wanted = self.schema.names() if request.fields is None else request.fields
        return TableSource(self._snapshot, self.schema.select(wanted), self._bounds(request.filters), self._meta)

    def late_fields(self, names: Sequence[str]) -> frozenset[str]:
        if PLACE in self.schema:
            return frozenset()
        return frozenset(n for n in names if n not in self._meta)

    def placed(self) -> tuple[PlacedRelation, str]:
        return PlacedRelation(self), PLACE

    def fetch(self, request: ScanRequest) -> LateRows:
        return LateRows(self.scan(request))

    def counted(self, names: Sequence[str]) -> CountedRelation | None:
        n = self._snapshot.n_rows
        return None if n is None else CountedRelation(self.name, names, n)

    @property
    def n_rows(self) -> int | None:
        return self._snapshot.n_rows

    def describe(self, request: ScanRequest) -> str:
        snap = self._snapshot
        kept = len(snap.files_for(self._bounds(request.filters)))
        usable = self._usable(request.filters)
        pruned = f"; {kept} of {len(snap.files)} files by {told(usable)}" if usable else ""
        fields = ", ".join(self.schema.names() if request.fields is None else request.fields) or "no field"
        return f"{self.name} version {snap.version}: {fields}{pruned}"


class TableSource:
    def __init__(
        self, snapshot: Snapshot, schema: Schema, bounds: Sequence[Bound], meta: frozenset[str] = frozenset()
    ) -> None:
        self._snapshot, self.schema, self._bounds, self._meta = snapshot, schema, bounds, meta
        self.nbytes_hint: int | None = snapshot.nbytes

    def partitions(self, target: int) -> Sequence[Partition]:
        return self.parts()

    def parts(self) -> list[SplitPartition]:
        counts = ScanCounts()
        splits = self._snapshot.splits(self._bounds, counts=counts)
        starts = self._starts() if "_id" in self.schema and self._meta else None
        made: list[SplitPartition] = []
        for i, split in enumerate(splits):
            made.append(
                SplitPartition(split, i, self.schema, 0 if starts is None else starts[split.file.number], self._meta)
            )
        self._counts = counts
        return made

    _counts = ScanCounts()

    def describe_run(self) -> str:
        c = self._counts
        return f"{c.files_opened} of {c.files} files, {c.row_groups_kept} of {c.row_groups} row groups"

    def _starts(self) -> list[int]:
        """Number of each file's first row in stored order."""
        counts = [
            f.n_rows if f.n_rows is not None else self._snapshot.footer(f).metadata.num_rows
            for f in self._snapshot.files
        ]
        return [0, *np.cumsum(counts).tolist()]


@dataclass(frozen=True, slots=True)
class SplitPartition:
    split: Split
    seq: int
    schema: Schema
    start: int
    meta: frozenset[str]  # columns that are made here

    @property
    def nbytes(self) -> int:
        return self.split.nbytes

    def batches(self, ctx: Context) -> Iterator[Batch]:
        stored = [n for n, _ in self.schema.fields if n not in self.meta]
        row = self.first_row
        step = ctx.settings.scan_rows(len(stored), self.nbytes, self.split.n_rows)
        for got in self.split.read(stored, batch_rows=step, check=ctx.check, compiled=ctx.compiled):
            columns = dict(zip(stored, got.columns, strict=True))
            out = tuple(self._column(n, columns, got.num_rows, row) for n in self.schema.names())
            yield Batch(got.num_rows, out, Origin(self.seq, f"table {self.split.snapshot.name}", 0, row))
            row += got.num_rows

    def rows(self, ctx: Context) -> Iterator[Batch]:
        return self.batches(ctx)

    @property
    def first_row(self) -> int:
        """Rows of the table, or of its file, that stand before this row group."""
        metadata = self.split.footer.metadata
        return self.start + sum(metadata.row_group(i).num_rows for i in range(self.split.place[1]))

    def _column(self, name: str, columns: dict[str, pa.Array[Any]], n: int, row: int) -> Column:
        if name in columns:
            return columns[name]
        if name == "_table":
            return spread(scalar(self.split.snapshot.name, STRING), n)
        return array_from(np.arange(row, row + n, dtype=np.int64))
