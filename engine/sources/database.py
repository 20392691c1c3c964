"""`dbquery`: rows of a database. Its columns are known at bind; the rows come batch by batch from a thread of their own."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr, Late, Literal
from ...planner.records import dataclass
from ...planner.sqltext import is_one, parameters, pieces, trimmed
from ...planner.text import QueryError, fault, nearest
from ...planner.types import Type
from ..batch import Batch, Origin
from ..context import Context
from ..notes import At
from ..operator import Partition
from .adbc import Connection, Database, errors, is_select, is_unreachable, patiently
from .columnar import ColumnarRelation, Maker, Survey, survey_of
from .dbtypes import Column, cast_of, columns_of, wall_text, without_infinite
from .files import FileOptions
from .ipc import checked

AHEAD = 2  # batches that are fetched before they are asked for
LOOK_S = 0.02

READS = {
    "sqlite": ("select", "with", "values", "explain", "pragma"),
    "postgresql": ("select", "with", "values", "table", "show", "explain"),
}

Value = Literal | Late


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL as it is sent, and the values of its parameters in their order."""

    sql: str
    values: tuple[Value, ...] = ()

    @property
    def is_late(self) -> bool:
        return any(isinstance(v, Late) for v in self.values)


def statement_of(database: Database, sql: str, values: Mapping[str, Value]) -> Statement:
    """`:name` becomes what the driver takes; no value becomes part of the text."""
    sql = trimmed(sql)
    if not sql:
        raise fault("E307", "the SQL is empty")
    known = READS.get(database.kind, ())
    word = re.match(r"[\s(]*(\w*)", _begin(sql))
    if known and word is not None and word[1].lower() not in known:
        raise fault("E307", f"dbquery only reads, and this SQL begins with '{word[1]}'", hint="it begins with " + ", ".join(known),
                    suggestions=nearest(word[1].lower(), known, 1))  # fmt: skip
    if not is_one(sql):
        raise fault("E307", "the SQL is more than one statement", hint="a semicolon in text stands in quotes")
    out, at, order = [], 0, list[str]()
    for name, low, high in parameters(sql):
        if name not in order or not database.is_numbered:
            order.append(name)
        nth = order.index(name) + 1 if database.is_numbered else len(order)
        out += [sql[at:low], database.placeholder(nth)]
        at = high
    return Statement("".join([*out, sql[at:]]), tuple(values[n] for n in order))


def _begin(sql: str) -> str:
    """The SQL without comments before its first word."""
    for kind, low, high in pieces(sql):
        if kind not in ("line", "block") or sql[:low].strip():
            break
        sql = " " * high + sql[high:]
    return sql


def bound_values(
    statement: Statement, kind: str, zone: str, late: Mapping[str, tuple[Any, Type]]
) -> pa.RecordBatch | None:
    """One row with the parameters, as Arrow has them."""
    if not statement.values:
        return None
    arrays = [_array(v, kind, zone, late) for v in statement.values]
    made: Any = pa.RecordBatch.from_arrays(arrays, names=[f"p{i}" for i in range(len(arrays))])
    return made  # type: ignore[no-any-return]


def _array(value: Value, driver: str, zone: str, late: Mapping[str, tuple[Any, Type]]) -> Any:
    kind, got = value.type, None
    if isinstance(value, Literal):
        got = value.value
    elif value.name in late:
        known, kind = late[value.name]
        return _of_driver(pa.array([known.as_py()], kind.arrow), kind, driver, zone)
    make = cast(Any, pa.array)
    match kind.kind:
        case "months":
            return make(
                [None if got is None else cast(Any, pa).MonthDayNano([got, 0, 0])], pa.month_day_nano_interval()
            )
        case "null" | "any":
            return make([None], pa.string())
        case "ip":
            from ..ip import to_text

            return to_text(make([got], kind.arrow))
        case "map":
            import json

            return make([None if got is None else json.dumps(got)], pa.string())
    return _of_driver(make([got], kind.arrow), kind, driver, zone)


def _of_driver(array: Any, kind: Type, driver: str, zone: str) -> Any:
    """SQLite has no dates: its functions read and compare this text."""
    return wall_text(array, zone) if driver == "sqlite" and kind.kind == "date" else array


@dataclass(slots=True)
class DbFile:
    """The one input, in the shape of a file's columns."""

    path: str
    schema: pa.Schema
    hive: dict[str, str | None] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """What the database says of a statement. `sql`: as it is run, odd types as text."""

    survey: Survey
    columns: tuple[Column, ...]
    sql: str


def survey(database: Database, statement: Statement, zone: str, sample: int) -> Found:
    """The columns of a statement, which is prepared, or run for `sample` rows where that does not tell."""
    box: list[Connection] = []

    def look() -> Found:
        connection = database.connect(zone)
        box.append(connection)
        try:
            return _look(database, connection, statement, zone, sample)
        except errors() as why:
            raise _refused(database, why) from None
        finally:
            connection.close()

    def cancel() -> None:
        for connection in box:
            connection.cancel()

    return patiently(look, cancel)


def _look(database: Database, connection: Connection, statement: Statement, zone: str, sample: int) -> Found:
    sql = statement.sql
    bound = None if statement.is_late else bound_values(statement, database.kind, zone, {})
    schema = _schema(database, connection, sql, bound, sample, is_late=statement.is_late)
    casts = [cast_of(f) for f in schema] if database.kind == "postgresql" and is_select(sql) else []
    if any(casts):
        names = [f"c{i}" for i in range(len(schema))]
        shown = ", ".join(f"q.{n}{c} AS {_quoted(f.name)}" for n, c, f in zip(names, casts, schema, strict=True))
        sql = f"SELECT {shown} FROM (\n{sql}\n) AS q({', '.join(names)})"
        schema = _schema(database, connection, sql, bound, sample, is_late=statement.is_late)
    columns = columns_of(schema, database.kind)
    out = survey_of([DbFile(database.profile.name, pa.schema([c.field for c in columns]))])
    out.decimals += [c.field.name for c in columns if c.is_decimal]
    out.renamed = [c.field.name for c in columns if c.is_renamed]
    return Found(out, columns, sql)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _schema(
    database: Database, connection: Connection, sql: str, bound: Any, sample: int, *, is_late: bool
) -> pa.Schema:
    if database.kind == "postgresql":
        return connection.schema_of(sql, bound)
    if database.kind != "sqlite":
        try:
            return connection.schema_of(sql, bound)
        except errors() as why:
            if int(getattr(why, "status_code", 0) or 0) != 2:  # NOT_IMPLEMENTED
                raise
    if is_late:
        raise fault("E410", "a value that a subquery gives may not shape a stage",
                    hint="only PostgreSQL tells its columns before values are known; use set")  # fmt: skip
    text = f"SELECT * FROM (\n{sql}\n) LIMIT 0" if is_select(sql) and database.kind != "sqlite" else sql
    reader = connection.rows(text, bound, sample)
    try:
        found: pa.Schema = reader.schema
        return found if database.kind != "sqlite" else _of_values(found, next(iter(reader), None))
    finally:
        reader.close()


def _of_values(schema: pa.Schema, first: pa.RecordBatch | None) -> pa.Schema:
    """SQLite's columns without a value have no type."""
    fields: list[Any] = [
        f.with_type(pa.null()) if first is None or first.column(i).null_count == first.num_rows else f
        for i, f in enumerate(schema)
    ]
    return pa.schema(fields)


def _refused(database: Database, why: BaseException) -> QueryError:
    """At bind: the database is not there, or does not take the SQL."""
    if isinstance(why, QueryError):
        return why
    said = database.said(why)
    is_gone = is_unreachable(why) and (database.kind != "sqlite" or "unable to open" in said or "locked" in said)
    if is_gone:
        return database.unreachable(why)
    return fault("E307", f"the database does not take this SQL: {said}", hint=":name is a parameter of the query")


class DbRelation(ColumnarRelation):
    """The rows of one statement."""

    is_live = True  # nobody waits for a row only to tell that there is one

    def __init__(
        self, database: Database, found: Found, statement: Statement, options: FileOptions, at: At, sample: int
    ) -> None:
        super().__init__(None, found.survey, options, database.profile.name, at)
        self.database, self.found, self.statement, self.sample = database, found, statement, sample

    def pushdown(self, predicate: Expr) -> Pushdown:
        return Pushdown.NO

    def scan(self, request: ScanRequest) -> DbSource:
        return DbSource(self, request)

    def describe(self, request: ScanRequest) -> str:
        fields = ", ".join(self.schema.names() if request.fields is None else request.fields) or "no field"
        return f"{self.name}: {fields}"


class DbSource:
    """One partition: rows come in the database's order."""

    nbytes_hint: int | None = None

    def __init__(self, relation: DbRelation, request: ScanRequest) -> None:
        self.relation = relation
        names = relation.schema.names() if request.fields is None else request.fields
        self.schema = relation.schema.select(names)
        self.maker = Maker(relation, self.schema, request)

    def partitions(self, target: int) -> Sequence[Partition]:
        return [DbPart(self)]


class Reader:
    """Fetches in a thread of its own, so that a cancel need not wait for the database."""

    def __init__(self, relation: DbRelation, bound: pa.RecordBatch | None) -> None:
        self._relation, self._bound = relation, bound
        self._ready: queue.Queue[Any] = queue.Queue(AHEAD)
        self._is_stopped = threading.Event()
        self._connection: Connection | None = None
        threading.Thread(target=self._run, name="cortado-database", daemon=True).start()

    def _run(self) -> None:
        relation = self._relation
        connection: Connection | None = None
        end: Any = None
        try:
            connection = self._connection = relation.database.connect(relation.options.zone)
            for batch in connection.rows(relation.found.sql, self._bound, relation.sample):
                if not self._put(batch):
                    return
        except BaseException as why:
            end = why
        finally:
            if connection is not None:
                connection.close()
            self._put(end)

    def _put(self, thing: Any) -> bool:
        while not self._is_stopped.is_set():
            try:
                self._ready.put(thing, timeout=LOOK_S)
                return True
            except queue.Full:
                continue
        return False

    def next(self, ctx: Context) -> pa.RecordBatch | None:
        """Raises what the thread raised."""
        while True:
            ctx.check()
            try:
                found = self._ready.get(timeout=LOOK_S)
            except queue.Empty:
                continue
            if isinstance(found, BaseException):
                raise found
            return cast("pa.RecordBatch | None", found)

    def stop(self) -> None:
        """Nothing more is wanted; the thread closes what it opened."""
        if not self._is_stopped.is_set():
            self._is_stopped.set()
            connection = self._connection
            if connection is not None and self._ready.empty():
                threading.Thread(target=connection.cancel, name="cortado-cancel", daemon=True).start()


@dataclass(frozen=True, slots=True)
class DbPart:
    source: DbSource

    seq = 0

    def batches(self, ctx: Context) -> Iterator[Batch]:
        relation, database = self.source.relation, self.source.relation.database
        name = database.profile.name
        bound = bound_values(relation.statement, database.kind, relation.options.zone, ctx.query.late)
        reader, row = Reader(relation, bound), 0
        try:
            while True:
                try:
                    given = reader.next(ctx)
                    if given is None:
                        return
                    self._compare(checked(given), row)
                except errors() as why:
                    raise self._ended(why, row) from None
                ctx.query.ledger.rows_by_seq[0] = row + given.num_rows
                for part, lost in self._parts(given, ctx):
                    origin = Origin(0, name, 0, row)
                    for rows in lost:
                        bare = Batch(part.num_rows, (), origin)
                        ctx.notes.rows(relation.at, "reject", "overflow", bare, rows, None, "an infinite time is null")
                    yield from self.source.maker.batches(part, part.num_rows, relation.files[0], origin, ctx)
                    row += part.num_rows
        finally:
            reader.stop()

    def _parts(self, given: pa.RecordBatch, ctx: Context) -> Iterator[tuple[Any, list[NDArray[Any]]]]:
        """The wanted columns, in the engine's sizes; with rows whose times are infinite."""
        relation = self.source.relation
        wanted = set(self.source.maker.columns_of(relation.files[0]))
        chosen = [(c, given.column(i)) for i, c in enumerate(relation.found.columns) if c.field.name in wanted]
        step = ctx.settings.batch_rows
        for low in range(0, given.num_rows, step):
            n = min(step, given.num_rows - low)
            arrays, lost = [], []
            for c, a in chosen:
                array = c.read(a.slice(low, n))
                if c.infinite:
                    array, odd = without_infinite(array, c.infinite)
                    lost += [np.flatnonzero(odd)] if odd.any() else []
                arrays.append(array)
            if not arrays:
                yield Bare(n), []
                continue
            yield pa.RecordBatch.from_arrays(arrays, names=[c.field.name for c, _ in chosen]), lost

    def _compare(self, given: pa.RecordBatch, row: int) -> None:
        """The columns are what they were when the query was bound."""
        relation = self.source.relation
        for column, now, i in zip(relation.found.columns, given.schema, range(given.num_columns), strict=False):
            empty = column.given == pa.null() and given.column(i).null_count == given.num_rows
            if now.type != column.given and not empty:
                told = "has a value behind row" if column.given == pa.null() else "is of another type since row"
                raise fault("E605", f"database `{relation.name}`: column '{column.field.name}' {told} {row}",
                            hint="run the query again; with SQLite infer=all looks at every row")  # fmt: skip
        if given.num_columns != len(relation.found.columns):
            raise fault("E605", f"database `{relation.name}`: the columns changed", hint="run the query again")

    def _ended(self, why: BaseException, row: int) -> QueryError:
        database = self.source.relation.database
        said = database.said(why)
        if "ype mismatch in column" in said:
            return fault("E605", f"database `{database.profile.name}`, behind row {row}: {said}",
                         hint="SQLite's columns have no types: infer=all looks at every row, cast() fixes one")  # fmt: skip
        return fault("E610", f"database `{database.profile.name}` ended the query behind row {row}: {said}",
                     hint="the rows before it are not the whole answer")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bare:
    """Rows without columns, in the shape of a record batch."""

    num_rows: int
    schema: Any = field(default_factory=lambda: pa.schema([]))


__all__ = ["DbRelation", "Statement", "statement_of", "survey"]
