"""Objects of the Python session as relations: Arrow, pandas, Polars, and whatever exports an Arrow stream or array."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import LONG, STRING, Schema, holds_decimals, of_arrow
from ..arrow import array_from, concat, nulls
from ..batch import Batch, Column, Origin
from ..context import DEFAULT_ROWS, Context, Settings
from ..exprs import INFOS
from ..normalise import ignore, normalise
from ..notes import At
from ..operator import Partition
from .files import file_column, note_decimal, note_mixed

if TYPE_CHECKING:
    from ...planner.bind import Args

META = (("_table", STRING), ("_id", LONG))
QUICK_PIECES = 5  # the same, where what is done with them takes little time
PIECES = 8  # of a table for each worker, at least, so that none waits long for the last
Reader = Callable[[Sequence[str] | None], Any]  # wanted columns -> pa.RecordBatchReader


def is_readable(thing: Any) -> bool:
    """Whether `relation_of` can make rows of it."""
    return _kind_of(thing) != ""


def check_readable(thing: Any, name: str) -> None:
    """E605 for an object of which `relation_of` can make no rows."""
    if not is_readable(thing):
        raise fault("E605", f"`{name}` is a {type(thing).__name__}, which holds no rows",
                    hint="pandas, Polars and Arrow tables do, and objects with __arrow_c_stream__")  # fmt: skip


def relation_of(
    thing: Any, name: str, *, zone: str = "UTC", at: At | None = None, spent: set[int] | None = None, meta: bool = False
) -> MemoryRelation:
    """The rows of an object. `spent`: one-shot streams that were read; E604 at a second use, E605 for no rows at all.
    `meta` adds `_table`, its name, and `_id`, the row's number from 0.
    """
    at = at or At("", "table")
    check_readable(thing, name)
    kind = _kind_of(thing)
    mixed: dict[str, dict[str, int]] = {}
    try:
        if kind in ("reader", "stream", "dataset"):
            found = _streamed(thing, kind, name, zone, at, spent if spent is not None else set())
            return found.with_meta() if meta else found
        table = _table(thing, kind, mixed)
    except (pa.ArrowException, TypeError, ValueError) as why:
        raise fault("E605", f"`{name}` cannot be read as a table: {why}") from why
    made = MemoryRelation(table.schema, name, zone, at, table=table, mixed=mixed)
    return made.with_meta() if meta else made


def note_object(args: Args, relation: MemoryRelation) -> None:
    """What was chosen for the columns of an object."""
    note_mixed(args, relation.mixed, hint="long(x), double(x) or date(x) reads it")
    for column in relation.renamed:
        args.note("info", f"a column name is there twice: the later one is '{column}'")
    for column, kind in relation.given.items():
        if holds_decimals(kind):
            note_decimal(args, column)
        elif of_arrow(kind).kind == "other":
            args.note("info", f"field '{column}' is of type {kind}: it passes through, functions see its text")


def _kind_of(thing: Any) -> str:
    module = type(thing).__module__
    if isinstance(thing, pa.Table | pa.RecordBatch):
        return "arrow"
    if isinstance(thing, pa.RecordBatchReader):
        return "reader"
    if module.startswith("pyarrow._dataset"):
        return "dataset"
    if module.split(".")[0] == "pandas" and hasattr(thing, "iloc"):
        return "pandas"
    if module.startswith("polars") and hasattr(thing, "collect") and not hasattr(thing, "__arrow_c_stream__"):
        return "lazy"
    if isinstance(thing, pa.ChunkedArray) or (module.startswith("polars") and hasattr(thing, "to_frame")):
        return "values"
    if isinstance(thing, Mapping):
        return "columns"
    if isinstance(thing, list) and all(isinstance(row, Mapping) for row in thing):
        return "rows"
    if hasattr(thing, "__arrow_c_stream__"):
        return "stream"
    return "array" if hasattr(thing, "__arrow_c_array__") else ""


def _table(thing: Any, kind: str, mixed: dict[str, dict[str, int]]) -> pa.Table:
    match kind:
        case "arrow":
            return thing if isinstance(thing, pa.Table) else pa.Table.from_batches([thing])
        case "pandas":
            return _of_pandas(thing, mixed)
        case "values":
            return _plain_table(thing.to_frame()) if hasattr(thing, "to_frame") else pa.table({"value": thing})
        case "lazy":
            return _plain_table(thing.collect())
        case "columns":
            return _of_columns({str(name): values for name, values in thing.items()}, mixed)
        case "rows":
            names = dict.fromkeys(name for row in thing for name in row)  # Arrow looks at the first row's only
            return _of_columns({str(n): [row.get(n) for row in thing] for n in names}, mixed)
    return pa.Table.from_batches([pa.record_batch(thing)])


def _plain_table(thing: Any) -> pa.Table:
    return pa.table(thing)


def _of_columns(columns: Mapping[str, Any], mixed: dict[str, dict[str, int]]) -> pa.Table:
    """Lists of Python values; one that mixes kinds becomes text."""
    arrays = []
    for name, values in columns.items():
        try:
            arrays.append(values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values))
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            arrays.append(_as_text(name, list(values), [v is None for v in values], mixed))
    return pa.Table.from_arrays(arrays, names=list(columns))


def _as_text(name: str, values: list[Any], nulls: list[bool], mixed: dict[str, dict[str, int]]) -> pa.Array[Any]:
    kinds: dict[str, int] = {}
    for value, is_null in zip(values, nulls, strict=True):
        if not is_null:
            kinds[type(value).__name__] = kinds.get(type(value).__name__, 0) + 1
    mixed[name] = kinds
    return pa.array([None if n else str(v) for v, n in zip(values, nulls, strict=True)], pa.string())


def _of_pandas(frame: Any, mixed: dict[str, dict[str, int]]) -> pa.Table:
    """An index without a name is dropped, one with a name is a column. An object column that mixes kinds becomes text."""
    if not hasattr(frame, "columns"):  # a series
        frame = frame.to_frame(name="value" if frame.name is None else frame.name)
    named = [n for n in frame.index.names if n is not None and n not in frame.columns]
    if named:
        frame = frame.reset_index(level=named)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        pass
    arrays, names = [], []
    for i, name in enumerate(frame.columns):
        series = frame.iloc[:, i]
        names.append(str(name))
        try:
            arrays.append(pa.Array.from_pandas(series))
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            arrays.append(_as_text(str(name), series.tolist(), series.isna().tolist(), mixed))
    return pa.Table.from_arrays(arrays, names=names)


def _streamed(thing: Any, kind: str, name: str, zone: str, at: At, spent: set[int]) -> MemoryRelation:
    if kind == "dataset":
        # its own threads would compete with ours, so it gives its batches on the worker that asks
        return MemoryRelation(
            thing.schema,
            name,
            zone,
            at,
            reader=lambda fields: thing.scanner(columns=fields, use_threads=False).to_reader(),
        )
    if kind == "reader":

        def once(fields: Sequence[str] | None) -> Any:
            _spend(thing, name, spent)
            return thing

        return MemoryRelation(thing.schema, name, zone, at, reader=once)
    if hasattr(thing, "__arrow_c_schema__"):
        return MemoryRelation(pa.schema(thing), name, zone, at, reader=lambda fields: _open_stream(thing, name))
    if id(thing) in spent:
        raise _reused(name)
    first: list[Any] = [pa.RecordBatchReader.from_stream(thing)]  # to know its columns; perhaps it can be had only once
    schema = first[0].schema
    return MemoryRelation(
        schema, name, zone, at, reader=lambda fields: first.pop() if first else _open_stream(thing, name)
    )


def _open_stream(thing: Any, name: str) -> Any:
    try:
        return pa.RecordBatchReader.from_stream(thing)
    except (pa.ArrowException, RuntimeError, ValueError, TypeError) as why:
        raise _reused(name) from why


def _spend(thing: Any, name: str, spent: set[int]) -> None:
    if id(thing) in spent:
        raise _reused(name)
    spent.add(id(thing))


def _reused(name: str) -> Exception:
    return fault(
        "E604",
        f"`{name}` is a stream that was read already",
        hint="read_all() makes a table of it, which can be read again",
    )


class MemoryRelation:
    """`table` can be scanned in slices and again; `reader` gives the batches of a stream, once a scan."""

    def __init__(
        self, schema: pa.Schema, name: str, zone: str, at: At, *, table: pa.Table | None = None,
        reader: Reader | None = None, mixed: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:  # fmt: skip
        self.name, self.zone, self.at = name, zone, at
        self.table, self.reader = table, reader
        self.is_live = table is None
        self.mixed = dict(mixed or {})  # columns whose kinds mix, so that they became text: for a note at bind
        self.places: dict[str, int] = {}
        self.renamed: list[str] = []
        for i, given in enumerate(schema.names):
            fresh, n = given, 2
            while fresh in self.places:
                fresh, n = f"{given}_{n}", n + 1
            if fresh != given:
                self.renamed.append(fresh)
            self.places[fresh] = i
        self.schema = Schema(tuple((n, of_arrow(schema.field(i).type)) for n, i in self.places.items()))
        self.given = {n: schema.field(i).type for n, i in self.places.items()}

    def with_meta(self) -> MemoryRelation:
        for name, kind in META:
            self.schema = self.schema.put(name, kind)
        self.meta = frozenset(n for n, _ in META)
        return self

    meta: frozenset[str] = frozenset()  # columns that are made here

    @property
    def n_rows(self) -> int | None:
        return self.table.num_rows if self.table is not None else None

    @cached_property
    def nbytes(self) -> int | None:
        """Memory of the table's rows; None of a stream."""
        return self.table.nbytes if self.table is not None else None

    def pushdown(self, predicate: Expr) -> Pushdown:
        return Pushdown.NO

    def scan(self, request: ScanRequest) -> MemorySource:
        names = self.schema.names() if request.fields is None else request.fields
        return MemorySource(self, self.schema.select(names), request.limit, request.unjudged(names))

    def describe(self, request: ScanRequest) -> str:
        fields = ", ".join(self.schema.names() if request.fields is None else request.fields) or "no field"
        rows = f" ({self.n_rows} rows)" if self.n_rows is not None else ""
        return f"{self.name}{rows}: {fields}"


class MemorySource:
    """Partitions are slices of a table, or the one stream."""

    def __init__(
        self, relation: MemoryRelation, schema: Schema, limit: int | None, silent: frozenset[str] = frozenset()
    ) -> None:
        self.relation, self.schema, self._limit = relation, schema, limit
        self._silent = silent  # columns of which nothing is told, since nothing reads them
        self.held = tuple(n for n in schema.names() if n not in relation.meta)  # columns of the object
        self._stream: Any = None
        if relation.table is None:
            assert relation.reader is not None
            self._stream = relation.reader(list(self.held) if self.held and not relation.renamed else None)
        self.nbytes_hint = relation.nbytes
        self._settings: Settings | None = None
        self._is_joined = False

    def join(self) -> None:
        """What stands on it is quick with large batches."""
        self._is_joined = True

    def begin(self, ctx: Context) -> None:
        self._settings = ctx.settings

    def partitions(self, target: int) -> Sequence[Partition]:
        if self._stream is not None:
            return [StreamSlice(self, self._stream)]
        table = self.relation.table
        assert table is not None
        end = table.num_rows if self._limit is None else min(table.num_rows, self._limit)
        step = max(self._rows(table, end) if self._settings is not None else target, 1)
        return [TableSlice(self, seq, low, min(low + step, end)) for seq, low in enumerate(range(0, end, step))]

    def _rows(self, table: pa.Table, n_rows: int) -> int:
        """Of a partition, which is one batch: large ones, where all workers get several."""
        settings = self._settings
        assert settings is not None
        most = settings.scan_rows(len(self.schema), self.relation.nbytes or 0, table.num_rows)
        pieces = PIECES
        if self._is_joined and settings.batch_rows >= DEFAULT_ROWS:
            most, pieces = 2 * most, QUICK_PIECES
        return max(min(settings.batch_rows, most), min(most, n_rows // (pieces * settings.threads)))

    def batch(self, arrays: Sequence[pa.Array[Any]], n: int, seq: int, row: int, first: int, ctx: Context) -> Batch:
        """The columns of `held` as a batch. `first`: the number of its first row in the whole object."""
        origin = Origin(seq, self.relation.name, 0, row)
        bare = Batch(n, (), origin)

        def told(reason: str, rows: Any, values: Any, hint: str) -> None:
            kind = "info" if reason in INFOS else "reject"
            if values is None or len(rows) != n:  # inside a list or map: the row is not known
                ctx.notes.count(self.relation.at, kind, reason, int(np.count_nonzero(rows)), hint)
            else:
                ctx.notes.rows(self.relation.at, kind, reason, bare, np.flatnonzero(rows), values, hint)

        given = dict(zip(self.held, arrays, strict=True))
        columns: list[Column] = [
            normalise(given[name], kind, self.relation.zone, ignore if name in self._silent else told)
            if name in given
            else self._made(name, n, first)
            for name, kind in self.schema.fields
        ]
        return Batch(n, tuple(columns), origin)

    def _made(self, name: str, n: int, first: int) -> Column:
        if name == "_id":
            return array_from(np.arange(first, first + n, dtype=np.int64))
        return file_column(self.relation.name, n)


@dataclass(frozen=True, slots=True)
class TableSlice:
    """Rows low..high of a table."""

    source: MemorySource
    seq: int
    low: int
    high: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        table, places = self.source.relation.table, self.source.relation.places
        assert table is not None
        wanted = [table.column(places[n]) for n in self.source.held]
        row, step = self.low, self.high - self.low
        ctx.query.ledger.files_by_seq[self.seq] = self.source.relation.name
        ctx.query.ledger.rows_by_seq[self.seq] = self.high - self.low
        while row < self.high:
            end = min(row + step, self.high)
            for begin, stop in _chunk_cuts(wanted, row, end):
                arrays = [_one_chunk(c.slice(begin, stop - begin)) for c in wanted]
                yield self.source.batch(arrays, stop - begin, self.seq, begin - self.low, begin, ctx)
            row = end


def _chunk_cuts(columns: Sequence[Any], low: int, high: int) -> Iterator[tuple[int, int]]:
    """low..high cut where a dictionary column changes its values: dictionaries are not joined."""
    borders = {low, high}
    for column in columns:
        if pa.types.is_dictionary(column.type):
            at = 0
            for chunk in column.chunks:
                at += len(chunk)
                if low < at < high:
                    borders.add(at)
    cuts = sorted(borders)
    yield from pairwise(cuts)


def _one_chunk(column: Any) -> pa.Array[Any]:
    chunks = [c for c in column.chunks if len(c)]
    if len(chunks) == 1:
        return chunks[0]  # type: ignore[no-any-return]
    if not chunks:
        return nulls(0, column.type)
    return concat(chunks)


def _said(why: BaseException) -> str:
    """Arrow puts the whole traceback of a Python stream into its message."""
    return (str(why).splitlines() or [type(why).__name__])[0].split(". Detail: ")[0]


@dataclass(frozen=True, slots=True)
class StreamSlice:
    """All batches of a stream, one after the other."""

    source: MemorySource
    stream: Any

    def batches(self, ctx: Context) -> Iterator[Batch]:
        row, step = 0, ctx.settings.batch_rows
        relation, names = self.source.relation, self.source.held
        ctx.query.ledger.files_by_seq[0] = relation.name
        by_place = len(self.stream.schema) == len(relation.places)
        while True:
            ctx.check()
            try:
                given = self.stream.read_next_batch()
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as why:
                raise fault("E605", f"the stream `{relation.name}` failed behind row {row}: {_said(why)}") from why
            for low in range(0, given.num_rows, step):
                n = min(step, given.num_rows - low)
                part = given.slice(low, n)
                arrays = [part.column(relation.places[x]) if by_place else part.column(x) for x in names]
                ctx.query.ledger.rows_by_seq[0] = row + n
                yield self.source.batch(arrays, n, 0, row, row, ctx)
                row += n
