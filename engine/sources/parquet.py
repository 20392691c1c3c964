"""`parquetfile`: row groups as partitions; only the wanted fields, and only groups that their statistics do not rule out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field, replace
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.text import QueryError, fault
from ...planner.types import STRING, Type
from ..arrow import concat
from ..batch import Batch, Column, Origin
from ..context import Context, Settings
from ..notes import At
from ..operator import Partition
from ..storage.footers import fault_of
from ..storage.pagechunk import Chunks, Leaves
from ..storage.pagereader import Pieces, joined, read_columns, read_together
from ..storage.tally import Tally
from .chosenrows import WHOLE_GROUP, ChosenRows, OpenFiles
from .columnar import ColumnarRelation, Maker, Survey, Window, first_line, survey_of
from .counted import CountedRelation
from .files import FileOptions, in_turn
from .groupstats import chunk_range
from .hive import hive_of
from .joinedgroups import joined_parts
from .late import PLACE, LateRows, PlacedRelation
from .pruning import told

Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)


SMALL_GROUP = 150_000  # rows; several such are read as a whole sooner than rows are looked for in each


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
        names, wrong = schema.names, fault_of(_footer(gate, path, held), reader.schema)
    except QueryError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as why:
        raise fault("E605", f"`{shown}` is no Parquet file, or is damaged: {first_line(why)}") from why
    if wrong:
        raise fault("E605", f"`{shown}` is damaged: {wrong}")
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise fault("E605", f"`{shown}` has two columns named `{twice}`")
    return ParquetFile(path, metadata, schema, hive_of(path), held)


def _footer(gate: Any, path: str, held: pa.Buffer | None) -> bytes:
    """What tells of the columns, before its length and the mark, which are the last eight bytes."""
    with pa.BufferReader(held) if held is not None else gate.open_read(path) as source:
        end = source.size() - 8
        source.seek(end)
        n = int.from_bytes(source.read(4), "little")
        source.seek(end - n)
        return cast("bytes", source.read(n))


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

    kernels = frozenset(("pagefile", "pageheads", "pages", "pagerows", "unpack", "select", "codes"))

    def __init__(self, relation: ParquetRelation, request: ScanRequest) -> None:
        self.relation, self._request = relation, request
        names = relation.schema.names() if request.fields is None else request.fields
        self.schema = relation.schema.select(names)
        self.maker = Maker(relation, self.schema, request)
        self.code = self.maker.code
        self._settings: Settings | None = None
        self._is_joined = False
        self._apart: set[str] = set()  # files whose row groups cannot be read together
        self.tally = Tally()
        self.bounds = (*relation.bounds_of(request.filters), *relation.bounds_of_window())
        limit = request.limit if relation.window is None and relation.options.bad == "null" else None
        self.chosen = ChosenRows(self, self.tally)
        self.choose, self.watch = self.chosen.choose, self.chosen.watch
        self.groups = list(self._kept(limit))
        self._sizes = [self._nbytes(g) for g in self.groups]
        self.nbytes_hint = sum(self._sizes)
        self.tally.kept("row_groups", len(self.groups), sum(f.metadata.num_row_groups for f in relation.files))
        self._open = OpenFiles()
        self.close = self._open.close
        self.work_order: list[int] | None = None  # in which partitions are taken; None: as they come

    def begin(self, ctx: Context) -> None:
        self._settings = ctx.settings
        self.maker.begin(ctx)

    def join(self) -> None:
        """What stands on it is quick with large batches: row groups that follow each other may be one partition."""
        self._is_joined = True

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
        for bound in self.bounds:
            at = file.schema.get_field_index(bound.field)
            if at < 0:
                if bound.field in self.relation.data and bound.field not in self.relation.hive:
                    return False  # the file lacks the field: all null, and null passes no comparison
                continue
            n_rows, chunk = file.metadata.row_group(number).num_rows, file.leaves.column(number, bound.field)
            found = chunk_range(chunk, n_rows, file.schema.field(at).type)
            if found is not None and not found.may_hold(bound):
                return False
        return True

    # -- what is chosen of it --

    def stored(self, name: str) -> str | None:
        """`_time` of time=F is F."""
        time, relation = self.relation.options.time, self.relation
        here = time if name == "_time" and time is not None else name
        return here if here in relation.data and here not in relation.hive else None

    def kind_of(self, name: str) -> Type | None:
        return self.relation.data.type(name)

    def form(self, fields: Sequence[str] | None) -> Maker:
        if fields is None:
            return self.maker
        return Maker(self.relation, self.relation.schema.select(fields), replace(self._request, fields=tuple(fields)))

    def _columns_of(self, file: ParquetFile) -> list[str]:
        return self.maker.columns_of(file)

    def _nbytes(self, group: Group) -> int:
        return group.file.leaves.nbytes(group.number, self._columns_of(group.file))

    def describe_run(self) -> str:
        return self.tally.told()

    def partitions(self, target: int) -> Sequence[Partition]:
        settings, parts = self._settings, self.parts()
        n_rows = sum(g.n_rows for g in self.groups)
        may_join = self._is_joined and self._request.limit is None and self.maker.is_quiet
        are_small = not self.chosen.is_asked or n_rows <= SMALL_GROUP * len(parts)
        if may_join and are_small and settings is not None:
            return joined_parts(parts, settings.joined_rows(len(self.schema), self.nbytes_hint, n_rows))
        return in_turn(parts, self.relation.options)

    def parts(self) -> list[GroupPart]:
        made = [GroupPart(self, group, seq, self._sizes[seq]) for seq, group in enumerate(self.groups)]
        self.work_order = self.chosen.work_order(made)
        return made

    def read(self, group: Group, nbytes: int, rows: int, ctx: Context) -> Iterator[pa.RecordBatch]:
        """The wanted columns of a row group, at most `rows` rows at a time."""
        file, names = group.file, self._columns_of(group.file)
        shown = "standard input" if file.path == "-" else file.path
        try:
            found: dict[str, pa.Array[Any] | Pieces] = {}
            if ctx.compiled:
                with self.opened(file) as source:
                    chunks = Chunks(source, file.leaves, group.number, names, self.tally)
                    found = read_columns(chunks, ctx.check, self.maker.coded)
            else:
                self.tally.kept("columns", 0, len(names))
            rest = [n for n in names if n not in found]
            others = self.rest(group, rest, nbytes, rows, shown) if rest else None
            yield from joined(found, others, names, group.n_rows, rows)
        except (pa.ArrowException, OSError) as why:
            raise damaged(shown, group.number, why) from why

    def read_together(self, parts: Sequence[GroupPart], ctx: Context) -> pa.RecordBatch | None:
        """The wanted columns of row groups that follow each other in a file; None: they are to be read one by one."""
        file = parts[0].group.file
        names = self._columns_of(file)
        if not ctx.compiled or not names or file.path in self._apart:
            return None
        tally = Tally()
        with self.opened(file) as source:
            chunks = [Chunks(source, file.leaves, part.number, names, tally) for part in parts]
            found = read_together(chunks, names, ctx.check, self.maker.coded)
        if found is None:
            self._apart.add(file.path)  # its other row groups are hardly of another make
        else:
            self.tally.add(tally)
        return found

    def opened(self, file: ParquetFile) -> AbstractContextManager[pa.NativeFile]:
        if file.held is not None:
            return nullcontext(pa.BufferReader(file.held))
        return self._open.opened(file.path, partial(self.relation.gate.open_read, file.path))

    def rest(self, group: Group, names: list[str], nbytes: int, rows: int, shown: str) -> Iterator[pa.RecordBatch]:
        """Columns as Arrow reads them."""
        file, number = group.file, group.number
        self.tally.read_whole(len(names), file.leaves.nbytes(number, names))
        reader = _open(self.relation.gate, file.path, file.held, file.metadata, file.leaves.dictionaries(number, names))
        if nbytes > WHOLE_GROUP:
            yield from map(checked, reader.iter_batches(rows, row_groups=[number], columns=names, use_threads=False))
            return
        table = reader.read_row_group(number, columns=names, use_threads=False)
        if table.num_rows != group.n_rows:
            raise fault(
                "E605", f"`{shown}` is damaged: row group {number} has {table.num_rows} rows, not {group.n_rows}"
            )
        yield from checked(table).to_batches(max_chunksize=rows)


def checked(rows: Rows) -> Rows:
    """Raises ArrowInvalid where a text is no UTF-8, or a code is beyond its dictionary: Arrow's reader looks at neither."""
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as why:
            raise pa.ArrowInvalid(f"field `{name}`: {first_line(why).rpartition('Invalid: ')[2]}") from why
    return rows


def damaged(shown: str, group: int, why: BaseException) -> QueryError:
    return fault("E605", f"`{shown}` is damaged (row group {group}): {first_line(why)}")


@dataclass(frozen=True, slots=True)
class GroupPart:
    page_bounds = True  # a form is quiet only where no file has other units
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
        if source.chosen.is_behind(self):
            return
        row, step = 0, ctx.settings.scan_rows(len(source.schema), self.nbytes, group.n_rows)
        chosen = source.chosen.batches(self, step, ctx)
        if chosen is not None:
            yield from chosen
            return
        if not source._columns_of(group.file):
            for low in range(0, group.n_rows, step):
                yield from self.of(None, min(step, group.n_rows - low), low, ctx)
            return
        for given in source.read(group, self.nbytes, step, ctx):
            yield from self.of(given, given.num_rows, row, ctx)
            row += given.num_rows
        if row != group.n_rows:
            raise fault(
                "E605",
                f"`{source.relation.name}` is damaged: row group {group.number} of `{shown}` has {row} rows, not {group.n_rows}",
            )

    def general(self, name: str) -> pa.Array[Any]:
        """A column of all rows, as Arrow reads it; nulls if the file lacks it."""
        group = self.group
        if name not in self.schema.names:
            return pa.nulls(group.n_rows)
        try:
            read = self.source.rest(group, [name], self.nbytes, group.n_rows, self.shown)
            return concat([batch.column(0) for batch in read])
        except (pa.ArrowException, OSError) as why:
            raise damaged(self.shown, group.number, why) from why

    def taken(self, rows: NDArray[np.int32], ctx: Context) -> Batch | None:
        return self.source.chosen.taken(self, rows, ctx)

    @property
    def leaves(self) -> Leaves:
        return self.group.file.leaves

    @property
    def schema(self) -> pa.Schema:
        return self.group.file.schema

    @property
    def number(self) -> int:
        return self.group.number

    @property
    def n_rows(self) -> int:
        return self.group.n_rows

    def opened(self) -> AbstractContextManager[pa.NativeFile]:
        return self.source.opened(self.group.file)

    def hides_nan(self, name: str) -> bool:
        return True

    def columns_of(self, form: Maker) -> list[str]:
        return form.columns_of(self.group.file)

    def normal(self, form: Maker, name: str, array: pa.Array[Any]) -> Column:
        return form.normal(name, array)

    def made(
        self, form: Maker, given: pa.RecordBatch | None, n: int, origin: Origin, ctx: Context
    ) -> Iterator[Batch]:  # fmt: skip
        return form.batches(given, n, self.group.file, origin, ctx, self.group.before)

    def of(self, given: pa.RecordBatch | None, n: int, row: int, ctx: Context) -> Iterator[Batch]:
        """Rows of it, and of what follows, from `row` on."""
        origin = Origin(self.seq, self.shown, 0, self.group.skipped + row)
        return self.source.maker.batches(given, n, self.group.file, origin, ctx, self.group.before)
