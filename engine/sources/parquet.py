"""`parquetfile`: row groups as partitions; only the wanted fields, and only groups that their statistics do not rule out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field
from threading import get_ident
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.text import QueryError, fault
from ...planner.types import STRING
from ..arrow import concat
from ..batch import Batch, Origin
from ..context import Context
from ..notes import At
from ..operator import Partition
from ..storage.pagechunk import Chunks, Leaves
from ..storage.pagereader import joined, read_columns
from ..storage.pagerows import picked, taken
from .chosenrows import ChosenRows
from .columnar import ColumnarRelation, Maker, Survey, Window, first_line, survey_of
from .counted import CountedRelation
from .files import FileOptions, in_turn
from .groupstats import column_range
from .hive import hive_of
from .late import PLACE, LateRows, PlacedRelation
from .pruning import told

MOST_OPEN = 16  # files that are kept open
WHOLE_GROUP = 64 << 20  # unpacked bytes of the wanted columns above which a row group is read in pieces


@dataclass(slots=True)
class ParquetFile:
    """One file as it was found at bind."""

    path: str
    metadata: Any  # pq.FileMetaData
    schema: pa.Schema
    hive: dict[str, str | None] = field(default_factory=dict)
    held: pa.Buffer | None = None  # all of a file that can only be read from front to back
    _leaves: Leaves | None = None

    @property
    def leaves(self) -> Leaves:
        if self._leaves is None:
            self._leaves = Leaves(self.metadata, self.schema)
        return self._leaves


def survey(gate: Any, paths: Sequence[str]) -> Survey:
    """Footers of all files: fields joined by name, types widened; `key=value` folders become fields."""
    return survey_of([_look(gate, path) for path in paths])


def _look(gate: Any, path: str) -> ParquetFile:
    held = None
    if path == "-" or gate.is_packed(path):
        with gate.open_stream(path) as stream:
            held = pa.py_buffer(stream.read())
    shown = "standard input" if path == "-" else path
    try:
        reader = _open(gate, path, held, None, ())
        schema, metadata = reader.schema_arrow, reader.metadata
    except QueryError:
        raise
    except (pa.ArrowException, OSError) as why:
        raise fault("E605", f"`{shown}` is no Parquet file, or is damaged: {first_line(why)}") from why
    twice = next((n for n in schema.names if schema.names.count(n) > 1), None)
    if twice is not None:
        raise fault("E605", f"`{shown}` has two columns named `{twice}`")
    return ParquetFile(path, metadata, schema, hive_of(path), held)


def _open(gate: Any, path: str, held: pa.Buffer | None, metadata: Any, dictionaries: Sequence[str]) -> Any:
    import pyarrow.parquet as pq

    source = pa.BufferReader(held) if held is not None else gate.open_read(path)
    return pq.ParquetFile(
        source, metadata=metadata, read_dictionary=list(dictionaries) or None, page_checksum_verification=True
    )


class ParquetRelation(ColumnarRelation):
    """The rows of one or more files, one after the other, joined by field name."""

    def __init__(
        self, gate: Any, found: Survey, options: FileOptions, name: str, at: At,
        *, columns: Sequence[str] | None = None, window: Window | None = None,
    ) -> None:  # fmt: skip
        super().__init__(gate, found, options, name, at, columns=columns, window=window)

    def pushdown(self, predicate: Expr) -> Pushdown:
        if self.options.is_judged:
            return Pushdown.NO  # a row that is not wanted may be one that does not fit
        found = self.bounds_of((predicate,))
        return Pushdown.PRUNES if any(b.field in self.data for b in found) else Pushdown.NO

    def scan(self, request: ScanRequest) -> ParquetSource:
        return ParquetSource(self, request)

    def late_fields(self, names: Sequence[str]) -> frozenset[str]:
        """Those whose values cannot be refused: reading fewer of them changes no note."""
        if self.window is not None or PLACE in self.schema or self.options.is_judged:
            return frozenset()
        return frozenset(n for n in names if n in self.data and n not in self.hive and self.is_quiet(n))

    def placed(self) -> tuple[PlacedRelation, str]:
        return PlacedRelation(self), PLACE

    def fetch(self, request: ScanRequest) -> LateRows:
        return LateRows(ParquetSource(self, request))

    def counted(self, names: Sequence[str]) -> CountedRelation | None:
        """How many rows there are, if their values do not decide it; None, too, where they are looked at in any case."""
        time = self.options.time
        if self.window is not None or self.options.is_judged:
            return None
        if time is not None and (self.data.type(time) or STRING).kind != "date":
            return None
        return CountedRelation(self.name, names, self.n_rows)

    @property
    def n_rows(self) -> int:
        return sum(f.metadata.num_rows for f in self.files)

    def describe(self, request: ScanRequest) -> str:
        source = ParquetSource(self, request)
        files = self.name if len(self.files) == 1 else f"{self.name} ({len(self.files)} files)"
        kept, total = len(source.groups), sum(f.metadata.num_row_groups for f in self.files)
        fields = ", ".join(source.schema.names()) or "no field"
        by = f" by {told(source.bounds)}" if source.bounds else ""
        return f"{files}: {fields}; {kept} of {total} row groups{by}"


@dataclass(frozen=True, slots=True)
class Group:
    """A row group that is read. `skipped`: rows of its file that pruning left out before it; `before`: those that it did not."""

    file: ParquetFile
    number: int
    n_rows: int
    skipped: int
    before: int = 0


class ParquetSource:
    """Partitions are row groups."""

    kernels = frozenset(("pageheads", "pages", "pagerows", "unpack", "select", "codes"))

    def __init__(self, relation: ParquetRelation, request: ScanRequest) -> None:
        self.relation = relation
        names = relation.schema.names() if request.fields is None else request.fields
        self.schema = relation.schema.select(names)
        self.maker = Maker(relation, self.schema, request)
        self.begin = self.maker.begin
        self.bounds = (*relation.bounds_of(request.filters), *relation.bounds_of_window())
        limit = request.limit if relation.window is None and relation.options.bad == "null" else None
        self.chosen = ChosenRows(relation, request)
        self.choose, self.watch = self.chosen.choose, self.chosen.watch
        self.groups = list(self._kept(limit))
        self.nbytes_hint = sum(self._nbytes(g) for g in self.groups)
        self._open: dict[tuple[str, int], pa.NativeFile] = {}
        self.work_order: list[int] | None = None  # in which partitions are taken; None: as they come

    def _kept(self, limit: int | None) -> Iterator[Group]:
        given = 0
        for file in self.relation.files:
            if not self.relation.file_may_hold(file, self.bounds):
                continue
            skipped = before = 0
            for number in range(file.metadata.num_row_groups):
                n_rows = file.metadata.row_group(number).num_rows
                if limit is not None and given >= limit:
                    return
                if n_rows == 0 or not self._group_may_hold(file, number):
                    skipped += n_rows
                    continue
                given += n_rows
                yield Group(file, number, n_rows, skipped, before)
                before += n_rows

    def _group_may_hold(self, file: ParquetFile, number: int) -> bool:
        group = None
        for bound in self.bounds:
            at = file.schema.get_field_index(bound.field)
            if at < 0:
                if bound.field in self.relation.data and bound.field not in self.relation.hive:
                    return False  # the file lacks the field: all null, and null passes no comparison
                continue
            group = group or file.metadata.row_group(number)
            found = column_range(
                file.metadata, group, bound.field, file.schema.field(at).type, self.relation.options.zone
            )
            if found is not None and not found.may_hold(bound):
                return False
        return True

    def _columns_of(self, file: ParquetFile) -> list[str]:
        return self.maker.columns_of(file)

    def _nbytes(self, group: Group) -> int:
        names = set(self._columns_of(group.file))
        meta = group.file.metadata.row_group(group.number)
        chunks = (meta.column(i) for i in range(meta.num_columns))
        return sum(
            c.total_uncompressed_size
            for c in chunks
            if c.path_in_schema.split(".")[0] in names or c.path_in_schema in names
        )

    def partitions(self, target: int) -> Sequence[Partition]:
        return in_turn(self.parts(), self.relation.options)

    def parts(self) -> list[GroupPart]:
        made = [GroupPart(self, group, seq, self._nbytes(group)) for seq, group in enumerate(self.groups)]
        self.work_order = self.chosen.work_order(made) if self.maker.is_quiet else None
        return made

    def read(self, group: Group, nbytes: int, rows: int, ctx: Context) -> Iterator[pa.RecordBatch]:
        """The wanted columns of a row group, at most `rows` rows at a time."""
        file, names = group.file, self._columns_of(group.file)
        shown = "standard input" if file.path == "-" else file.path
        try:
            found: dict[str, pa.Array[Any]] = {}
            if ctx.compiled:
                with self.opened(file) as source:
                    found = read_columns(Chunks(source, file.leaves, group.number, names), ctx.check)
            rest = [n for n in names if n not in found]
            others = self.rest(group, rest, nbytes, rows, shown) if rest else None
            yield from joined(found, others, names, group.n_rows, rows)
        except (pa.ArrowException, OSError) as why:
            raise damaged(shown, group.number, why) from why

    @contextmanager
    def opened(self, file: ParquetFile) -> Iterator[pa.NativeFile]:
        """The file for one reader at a time; it stays open for the next row group."""
        if file.held is not None:
            yield pa.BufferReader(file.held)
            return
        key = file.path, get_ident()
        raw = self._open.pop(key, None) or self.relation.gate.open_read(file.path)
        yield raw
        if len(self._open) < MOST_OPEN:
            self._open[key] = raw

    def close(self) -> None:
        self._open.clear()

    def rest(self, group: Group, names: list[str], nbytes: int, rows: int, shown: str) -> Iterator[pa.RecordBatch]:
        """Columns as Arrow reads them."""
        file, number = group.file, group.number
        reader = _open(self.relation.gate, file.path, file.held, file.metadata, _dictionaries(file, number, names))
        if nbytes > WHOLE_GROUP:
            yield from reader.iter_batches(rows, row_groups=[number], columns=names, use_threads=False)
            return
        table = reader.read_row_group(number, columns=names, use_threads=False)
        if table.num_rows != group.n_rows:
            raise fault(
                "E605", f"`{shown}` is damaged: row group {number} has {table.num_rows} rows, not {group.n_rows}"
            )
        yield from table.to_batches(max_chunksize=rows)


def damaged(shown: str, group: int, why: BaseException) -> QueryError:
    return fault("E605", f"`{shown}` is damaged (row group {group}): {first_line(why)}")


def _dictionaries(file: ParquetFile, number: int, names: Sequence[str]) -> list[str]:
    """Text columns that lie in the file as dictionaries: they stay so."""
    meta = file.metadata.row_group(number)
    out = []
    for i in range(meta.num_columns):
        chunk = meta.column(i)
        name = chunk.path_in_schema
        if name in names and chunk.has_dictionary_page and chunk.physical_type == "BYTE_ARRAY":
            kind = file.schema.field(name).type
            if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
                out.append(name)
    return out


@dataclass(frozen=True, slots=True)
class GroupPart:
    source: ParquetSource
    group: Group
    seq: int
    nbytes: int

    @property
    def first_row(self) -> int:
        return self.group.skipped

    def batches(self, ctx: Context) -> Iterator[Batch]:
        ledger = ctx.query.ledger
        ledger.files_by_seq[self.seq], ledger.rows_by_seq[self.seq] = self.shown, self.group.n_rows
        yield from self.rows(ctx)

    @property
    def shown(self) -> str:
        return self.group.file.path if self.group.file.path != "-" else "standard input"

    def rows(self, ctx: Context) -> Iterator[Batch]:
        """The rows, of which the ledger is not told."""
        source, group, shown = self.source, self.group, self.shown
        if source.chosen.is_behind(group.file, group.number):
            return
        row, step = 0, ctx.settings.scan_rows(len(source.schema), self.nbytes, group.n_rows)
        if self.nbytes <= WHOLE_GROUP:
            chosen = source.chosen.batches(self, step, ctx)
            if chosen is not None:
                yield from chosen
                return
        if not source._columns_of(group.file):
            for low in range(0, group.n_rows, step):
                yield from self._batches(None, min(step, group.n_rows - low), low, shown, ctx)
            return
        for given in source.read(group, self.nbytes, step, ctx):
            yield from self._batches(given, given.num_rows, row, shown, ctx)
            row += given.num_rows
        if row != group.n_rows:
            raise fault(
                "E605",
                f"`{source.relation.name}` is damaged: row group {group.number} of `{shown}` has {row} rows, not {group.n_rows}",
            )

    def general(self, name: str) -> pa.Array[Any]:
        """A column of all rows, as Arrow reads it."""
        group = self.group
        try:
            read = self.source.rest(group, [name], self.nbytes, group.n_rows, self.shown)
            return concat([batch.column(0) for batch in read])
        except (pa.ArrowException, OSError) as why:
            raise damaged(self.shown, group.number, why) from why

    def taken(self, rows: NDArray[np.int32], ctx: Context) -> Batch | None:
        """These ascending rows of the row group alone; None: it is to be read as a whole."""
        source, group = self.source, self.group
        names = source.maker.columns_of(group.file)
        if not ctx.compiled or not names or self.nbytes > WHOLE_GROUP:
            return None
        with source.opened(group.file) as raw:
            chunks = Chunks(raw, group.file.leaves, group.number, names)
            columns = [self._taken(name, chunks, rows) for name in names]
        origin = Origin(self.seq, self.shown, 0, group.skipped, (rows,))
        given = pa.RecordBatch.from_arrays(columns, names=names)
        return next(iter(source.maker.batches(given, len(rows), group.file, origin, ctx, group.before)))

    def _taken(self, name: str, chunks: Chunks, rows: NDArray[np.int32]) -> pa.Array[Any]:
        chunk = chunks.open(name)
        found = taken(chunk, rows) if chunk is not None else None
        return picked(self.general(name), rows) if found is None else found

    def _batches(self, given: pa.RecordBatch | None, n: int, row: int, shown: str, ctx: Context) -> Iterator[Batch]:
        origin = Origin(self.seq, shown, 0, self.group.skipped + row)
        return self.source.maker.batches(given, n, self.group.file, origin, ctx, self.group.before)
