"""`table` over a stored table: row groups as partitions, pruned by statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.types import STRING, Schema, Type, holds_decimals, scalar
from ..arrow import array_from, concat, nulls
from ..batch import Batch, Column, Origin
from ..context import Context
from ..exprs import spread
from ..operator import Partition
from ..storage.pagechunk import Leaves
from ..storage.snapshot import Bound, ScanCounts, Snapshot, Split
from ..storage.tally import Tally
from . import pruning
from .chosenrows import ChosenRows, OpenFiles
from .counted import CountedRelation
from .late import PLACE, LateRows, PlacedRelation
from .memory import META
from .pruning import bounds, told


class TableRelation:
    """One version of a stored table, fixed at bind. `meta`: adds `_table` and `_id`, the row's number in stored order."""

    def __init__(self, snapshot: Snapshot, *, meta: bool = False) -> None:
        self.name, self.snapshot = snapshot.name, snapshot
        self.schema, self.meta = snapshot.declared, frozenset[str]()
        if meta:
            self.meta = frozenset(n for n, _ in META)
            for name, kind in META:
                self.schema = self.schema.put(name, kind)

    def decimals(self) -> list[str]:
        """Fields that the table keeps exactly and that are read as doubles."""
        return [f.name for f in self.snapshot.schema if holds_decimals(f.type)]

    def pushdown(self, predicate: Expr) -> Pushdown:
        return Pushdown.PRUNES if self.bounds_of((predicate,)) else Pushdown.NO

    def bounds_of(self, filters: Sequence[Expr]) -> list[Bound]:
        return [Bound(b.field, cast(Any, b.op), b.value) for b in self._usable(filters)]

    def _usable(self, filters: Sequence[Expr]) -> list[pruning.Bound]:
        known = set(self.snapshot.schema.names) - self.meta
        return [b for b in bounds(filters) if b.field in known and b.op in ("<", "<=", "==", ">=", ">")]

    def scan(self, request: ScanRequest) -> TableSource:
        return TableSource(self, request)

    def late_fields(self, names: Sequence[str]) -> frozenset[str]:
        if PLACE in self.schema:
            return frozenset()
        return frozenset(n for n in names if n not in self.meta)

    def placed(self) -> tuple[PlacedRelation, str]:
        return PlacedRelation(self), PLACE

    def fetch(self, request: ScanRequest) -> LateRows:
        return LateRows(self.scan(request))

    def counted(self, names: Sequence[str]) -> CountedRelation | None:
        n = self.snapshot.n_rows
        return None if n is None else CountedRelation(self.name, names, n)

    @property
    def n_rows(self) -> int | None:
        return self.snapshot.n_rows

    def describe(self, request: ScanRequest) -> str:
        snap = self.snapshot
        kept = len(snap.files_for(self.bounds_of(request.filters)))
        usable = self._usable(request.filters)
        pruned = f"; {kept} of {len(snap.files)} files by {told(usable)}" if usable else ""
        fields = ", ".join(self.schema.names() if request.fields is None else request.fields) or "no field"
        return f"{self.name} version {snap.version}: {fields}{pruned}"


class Fields:
    """Fields of a table for a scan: those that lie in its files, and those that are made."""

    is_quiet = True  # what does not fit was refused when it was stored

    def __init__(self, schema: Schema, meta: frozenset[str]) -> None:
        self.names = schema.names()
        self.stored = [n for n in self.names if n not in meta]


class TableSource:
    """Partitions are row groups."""

    def __init__(self, relation: TableRelation, request: ScanRequest) -> None:
        self.relation, self.snapshot = relation, relation.snapshot
        wanted = relation.schema.names() if request.fields is None else request.fields
        self.schema = relation.schema.select(wanted)
        self.fields = self.form(self.schema.names())
        self._bounds = relation.bounds_of(request.filters)
        self.tally = Tally()
        self.chosen = ChosenRows(self, self.tally)
        self.choose, self.watch = self.chosen.choose, self.chosen.watch
        self.nbytes_hint: int | None = self.snapshot.nbytes
        self.work_order: list[int] | None = None  # in which partitions are taken; None: as they come
        self.files = OpenFiles()
        self.close = self.files.close

    def stored(self, name: str) -> str | None:
        return name if name not in self.relation.meta else None

    def kind_of(self, name: str) -> Type | None:
        return self.relation.schema.type(name)

    def form(self, fields: Sequence[str] | None) -> Fields:
        return self.fields if fields is None else Fields(self.relation.schema.select(fields), self.relation.meta)

    def partitions(self, target: int) -> Sequence[Partition]:
        return self.parts()

    def parts(self) -> list[SplitPartition]:
        counts = ScanCounts()
        splits = self.snapshot.splits(self._bounds, counts=counts)
        starts = self._starts() if "_id" in self.schema and self.relation.meta else None
        made = []
        for i, split in enumerate(splits):
            present = [n for n in self.fields.stored if n in split.footer.schema.names]
            nbytes = split.footer.leaves.nbytes(split.place[1], present)
            made.append(SplitPartition(split, i, self, nbytes, 0 if starts is None else starts[split.file.number]))
        self.tally.kept("files", counts.files_opened, counts.files)
        self.tally.kept("row_groups", counts.row_groups_kept, counts.row_groups)
        self.nbytes_hint = sum(p.nbytes for p in made)
        self.work_order = self.chosen.work_order(made)
        return made

    def describe_run(self) -> str:
        return self.tally.told()

    def _starts(self) -> list[int]:
        """Number of each file's first row in stored order."""
        counts = [
            f.n_rows if f.n_rows is not None else self.snapshot.footer(f).metadata.num_rows for f in self.snapshot.files
        ]
        return [0, *np.cumsum(counts).tolist()]


@dataclass(frozen=True, slots=True)
class SplitPartition:
    """A row group. `nbytes`: of the wanted columns, unpacked. `start`: rows of the table before its file, if somebody asks.

    Page headers have no checksum, and the footer, which has one, tells as much of our files: theirs are not believed.
    """

    page_bounds = False

    split: Split
    seq: int
    source: TableSource
    nbytes: int
    start: int

    @property
    def first_row(self) -> int:
        """Rows of the table, or of its file, that stand before this row group."""
        metadata = self.split.footer.metadata
        return self.start + sum(metadata.row_group(i).num_rows for i in range(self.number))

    def batches(self, ctx: Context) -> Iterator[Batch]:
        source = self.source
        if source.chosen.is_behind(self):
            return
        step = ctx.settings.scan_rows(len(source.fields.stored), self.nbytes, self.n_rows)
        chosen = source.chosen.batches(self, step, ctx)
        yield from self._all(step, ctx) if chosen is None else chosen

    def _all(self, step: int, ctx: Context) -> Iterator[Batch]:
        fields, row = self.source.fields, self.first_row
        for got in self.split.read(
            fields.stored, batch_rows=step, check=ctx.check, compiled=ctx.compiled, tally=self.source.tally
        ):
            columns = dict(zip(fields.stored, got.columns, strict=True))
            yield self._batch(fields, columns, got.num_rows, Origin(self.seq, self.shown, 0, row))
            row += got.num_rows

    def rows(self, ctx: Context) -> Iterator[Batch]:
        return self.batches(ctx)

    def taken(self, rows: NDArray[np.int32], ctx: Context) -> Batch | None:
        return self.source.chosen.taken(self, rows, ctx)

    # -- a row group of which rows are chosen --

    @property
    def leaves(self) -> Leaves:
        return self.split.footer.leaves

    @property
    def schema(self) -> pa.Schema:
        return self.split.footer.schema

    @property
    def number(self) -> int:
        return self.split.place[1]

    @property
    def n_rows(self) -> int:
        return self.split.n_rows

    @property
    def shown(self) -> str:
        return f"table {self.split.snapshot.name}"

    def opened(self) -> AbstractContextManager[pa.NativeFile]:
        return self.source.files.opened(self.split.file.path, self.split.opened)

    def hides_nan(self, name: str) -> bool:
        return self.split.snapshot.hides_nan(self.split.file, name)

    def general(self, name: str) -> pa.Array[Any]:
        if name not in self.schema.names:
            return pa.nulls(self.n_rows)
        return concat([batch.column(0) for batch in self.split.rest([name], self.n_rows, self.source.tally)])

    def columns_of(self, form: Fields) -> list[str]:
        return [n for n in form.stored if n in self.schema.names]

    def normal(self, form: Fields, name: str, array: pa.Array[Any]) -> Column:
        return self.split.engine_form(name, array)  # type: ignore[no-any-return]

    def made(
        self, form: Fields, given: pa.RecordBatch | None, n: int, origin: Origin, ctx: Context
    ) -> Iterator[Batch]:  # fmt: skip
        names = [] if given is None else given.schema.names
        yield self._batch(
            form, {n: self.normal(form, n, given.column(n)) for n in names if given is not None}, n, origin
        )

    def _batch(self, form: Fields, columns: Mapping[str, Column], n: int, origin: Origin) -> Batch:
        return Batch(n, tuple(self._column(name, columns, n, origin) for name in form.names), origin)

    def _column(self, name: str, columns: Mapping[str, Column], n: int, origin: Origin) -> Column:
        if name in columns:
            return columns[name]
        if name not in self.source.relation.meta:
            return nulls(n, self.split.snapshot.physical.field(name).type)
        if name == "_table":
            return spread(scalar(self.split.snapshot.name, STRING), n)
        rows = origin.picks[0].astype(np.int64) if origin.picks else np.arange(n, dtype=np.int64)
        return array_from(rows + origin.row)
