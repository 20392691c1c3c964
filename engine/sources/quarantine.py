"""`quarantine=TABLE`: records that do not fit, as they lay in their file, into a stored table when the query is done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import BINARY, DATE, LONG, STRING, Schema, of_arrow
from ..arrow import array_from, call, decode
from ..batch import Batch, Column, Spans
from ..context import Context
from ..notes import At, Key, Ledger, shown
from ..values import texts_from

if TYPE_CHECKING:
    from ...planner.bind import Args

FIELDS = Schema(
    (
        ("_time", DATE),
        ("source", STRING),
        ("line", LONG),
        ("offset", LONG),
        ("column", STRING),
        ("reason", STRING),
        ("raw", BINARY),
    )
)
"""`_time`: when the query began. `line` counts from 1, rows where a file has no lines. `offset`: bytes, of the unpacked
file, null where it has none. `column`: null where the whole record does not fit."""

Raw: TypeAlias = "tuple[pa.Array[Any], NDArray[np.int64] | None]"  # bytes of records, and where each begins
_HELD: pa.Schema = cast(Any, pa.schema)([("row", pa.int64()), ("offset", pa.int64()), ("column", pa.string()), ("reason", pa.string()),
                   ("raw", pa.binary())])  # fmt: skip
KEPT_BYTES = 8 << 20  # in memory, before they go to disk


@dataclass(frozen=True, slots=True)
class Target:
    """The table. `store` is engine.storage.tables.TableStore."""

    table: str
    store: Any = field(compare=False, repr=False)


def target_of(args: Args) -> Target | None:
    """What `quarantine=` says. E603 where the table cannot take such rows, E310 where it would stay empty."""
    name = args.option("quarantine")
    if name is None:
        return None
    if args.option("bad") == "fail":
        span = args.option_span("quarantine")
        args.abort("E310", "bad=fail ends the query, so that quarantine= would get nothing", span)
    from ...planner.text import QueryError
    from ..storage import types

    store = args.services.tables
    try:
        if store.exists(name):
            types.widened(store.snapshot(name).schema, types.stored_schema(FIELDS.arrow()))
        else:
            store.check_name(name)
    except QueryError as why:
        known = ", ".join(f"{n}: {t}" for n, t in FIELDS.fields)
        hint = f"a quarantine has {known}" if store.exists(name) else why.hint
        args.abort(why.code, why.message, args.option_span("quarantine"), hint=hint)
    return Target(name, store)


@dataclass(slots=True)
class _Chunk:
    """Rows of one batch: in memory, or at a place of the spill file."""

    rows: pa.RecordBatch | None
    key: Key  # under which its rows were counted
    n: int
    place: int = 0
    size: int = 0


class Quarantine:
    """Of one source in one run. Workers add rows; the query's success stores them, in input order."""

    @staticmethod
    def of(target: Target | None, at: At) -> Quarantine | None:
        return None if target is None else Quarantine(target, at)

    def __init__(self, target: Target, at: At) -> None:
        self._target, self._at = target, at
        self._lock = threading.Lock()
        self._chunks: dict[tuple[int, int], list[_Chunk]] = {}  # by partition and first row of the batch
        self._sources: dict[int, str] = {}
        self._held = 0
        self._spilled: Any = None
        self._import: Any = None
        self._ctx: Context | None = None

    def begin(self, ctx: Context) -> None:
        """Before anything is read: the table is there or can be made, and the query's end is told of it."""
        self._ctx = ctx
        self._import = self._target.store.begin_import(self._target.table, FIELDS.arrow(), create=True)
        stage = int("".join(c for c in self._at.stage.split(".")[0] if c.isdigit()) or 0)
        ctx.on_success(stage, lambda: self._commit(ctx), self._abort)

    def add(
        self,
        bare: Batch,
        rows: NDArray[Any],
        column: str | Sequence[str],
        key: Key,
        text: Column | None,
        raw: Callable[[NDArray[Any]], Raw] | None,
    ) -> None:
        """`rows`: of the batch, ascending; they were counted under `key`. Without `raw` the values in `text` are kept."""
        bytes_, offsets = (_values(text, rows), None) if raw is None else raw(rows)
        n, origin = len(rows), bare.origin
        places = rows
        for pick in reversed(origin.picks):
            places = (np.flatnonzero(pick) if pick.dtype == np.bool_ else pick)[places]
        places = places.astype(np.int64) + origin.row
        named = _repeated(column or None, n) if isinstance(column, str) else texts_from([c or None for c in column])
        texts = [named, _repeated(key[2], n)]
        where = pa.nulls(n, pa.int64()) if offsets is None else array_from(offsets)
        made: Any = pa.RecordBatch.from_arrays([array_from(places), where, *texts, bytes_], schema=_HELD)
        with self._lock:
            self._sources[origin.seq] = origin.source
            chunk = _Chunk(made, key, n)
            self._chunks.setdefault((origin.seq, origin.source_row(0)), []).append(chunk)
            self._held += made.nbytes
            if self._held > KEPT_BYTES:
                self._spill()

    def _spill(self) -> None:
        """All that is in memory goes to disk."""
        assert self._ctx is not None
        area = self._ctx.query.spill
        if area is None:
            return
        if self._spilled is None:
            self._spilled = area.new_file("quarantine")
        for chunks in self._chunks.values():
            for chunk in chunks:
                if chunk.rows is not None:
                    message = chunk.rows.serialize()
                    chunk.place, chunk.size, chunk.rows = self._spilled.sink.tell(), message.size, None
                    self._spilled.sink.write(message)
        self._spilled.charge()
        self._held = 0

    def _commit(self, ctx: Context) -> None:
        try:
            for batch in self._batches(ctx):
                self._import.write(batch)
            self._import.commit()
        finally:
            self._close()

    def _abort(self) -> None:
        self._import.abort()
        self._close()

    def _close(self) -> None:
        self._chunks = {}
        if self._spilled is not None:
            self._spilled.close()

    def _batches(self, ctx: Context) -> Iterator[pa.RecordBatch]:
        """The table's rows in input order; none behind the last row that the query wanted."""
        ledger, last = ctx.query.ledger, ctx.query.ledger.last_wanted()
        line = ledger.lines()
        source = self._spilled.open_read(last=False) if self._spilled is not None else None
        try:
            for seq, first in sorted(self._chunks):
                chunks = self._chunks[seq, first]
                if last is not None and seq > last[0]:
                    for chunk in chunks:
                        ledger.take_back(chunk.key, chunk.n)
                    continue
                parts = [_read(c, source) for c in chunks]
                if last is not None and seq == last[0]:
                    self._take_back(chunks, parts, last[1], ledger)
                table = pa.Table.from_batches(parts).combine_chunks()
                row = table.column("row").to_numpy()
                order = np.lexsort(
                    (cast(Any, table.column("offset")).fill_null(0).to_numpy(), row)
                )  # several may share a line
                if last is not None and seq == last[0]:
                    order = order[row[order] <= last[1]]
                if len(order):
                    yield self._made(table.take(array_from(order)), row[order] + line(seq), seq, ctx, ledger)
        finally:
            if source is not None:
                source.close()

    @staticmethod
    def _take_back(chunks: Sequence[_Chunk], parts: Sequence[pa.RecordBatch], last: int, ledger: Ledger) -> None:
        """What is counted is kept: rows that are not kept are not counted."""
        for chunk, part in zip(chunks, parts, strict=True):
            behind = int((np.asarray(part.column(0)) > last).sum())
            if behind:
                ledger.take_back(chunk.key, behind)

    def _made(self, table: Any, lines: NDArray[np.int64], seq: int, ctx: Context, ledger: Ledger) -> pa.RecordBatch:
        n = len(lines)
        by_name = {
            "_time": array_from(np.full(n, ctx.query.now_us, np.int64), None, DATE.arrow),
            "source": _repeated(ledger.files_by_seq.get(seq, self._sources[seq]), n),
            "line": array_from(lines),
            **{name: table.column(name).combine_chunks() for name in ("offset", "column", "reason", "raw")},
        }
        arrays = [_one(by_name[name]) for name in FIELDS.names()]
        return pa.RecordBatch.from_arrays(arrays, schema=FIELDS.arrow())


def _one(array: Any) -> Any:
    if not isinstance(array, pa.ChunkedArray):
        return array
    return array.chunk(0) if array.num_chunks == 1 else pa.concat_arrays(array.chunks)


def _read(chunk: _Chunk, source: Any) -> pa.RecordBatch:
    if chunk.rows is not None:
        return chunk.rows
    return pa.ipc.read_record_batch(pa.py_buffer(source.read_at(chunk.size, chunk.place)), _HELD)


def _repeated(text: str | None, n: int) -> pa.Array[Any]:
    if text is None:
        return pa.nulls(n, pa.string())
    return texts_from([text]).take(array_from(np.zeros(n, np.int64)))


def _values(text: Column | None, rows: NDArray[Any]) -> pa.Array[Any]:
    """The values of these rows as bytes of their text."""
    if text is None:
        return pa.nulls(len(rows), pa.binary())
    if isinstance(text, Spans):
        return call("cast", text.take(rows).to_arrow(), pa.binary())
    taken: Any = text.take(array_from(rows.astype(np.int64)))
    if isinstance(taken, pa.DictionaryArray):
        taken = decode(taken)
    if of_arrow(taken.type).kind == "binary":
        return call("cast", taken, pa.binary())
    try:
        texts = taken if pa.types.is_string(taken.type) else taken.cast(pa.string())
    except pa.ArrowException:
        texts = texts_from([shown(taken, i) for i in range(len(taken))])
    return call("cast", texts, pa.binary())


def raw_of(data: NDArray[np.uint8], start: NDArray[Any], stop: NDArray[Any], base: int | None) -> Raw:
    """data[start:stop] of each record as bytes; `base`: what a place in `data` lacks to be one in the file, if known."""
    sizes = (stop - start).astype(np.int64)
    ends = np.cumsum(sizes)
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    total = int(ends[-1]) if len(ends) else 0
    at = np.repeat(start.astype(np.int64) - (ends - sizes), sizes) + np.arange(total)
    buffers: Sequence[Any] = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data[at].tobytes())]
    made: Any = pa.Array.from_buffers(pa.binary(), len(sizes), list(buffers))
    return made, None if base is None else start.astype(np.int64) + base


__all__ = ["FIELDS", "Quarantine", "Raw", "Target", "raw_of", "target_of"]
