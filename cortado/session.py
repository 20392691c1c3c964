"""The one module that sees every layer: a session wires catalog, registry, planner and engine together."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import pyarrow as pa

from .commands.base import REGISTRY, Registry
from .commands.language import language
from .edge import edge_schema, record_batch
from .engine.batch import Batch
from .engine.context import Context, QueryState, Settings
from .engine.dateparse import parse_time_literal
from .engine.exprs import constant
from .engine.lower import Lowering, explain_lines, internal
from .engine.memory import Budget
from .engine.noted import ledger_entries, raise_at_first
from .engine.notes import At
from .engine.scheduler import EngineSession
from .engine.scheduler import Query as EngineQuery
from .engine.services import Services
from .engine.settings import SETTINGS, check_in_query, defaults, read_setting
from .engine.sources.memory import relation_of
from .engine.storage.paths import Gate, SpillArea
from .planner.bind import Binder, BoundQuery, literal_of
from .planner.catalog import Note, ScanRequest
from .planner.expr import Expr, Literal
from .planner.fieldparams import with_fields
from .planner.optimise import optimise
from .planner.parse import parse
from .planner.plan import Explain, Here, Node, Pending, query_text
from .planner.rules import Helpers
from .planner.text import Fault, QueryError, Span, error, fault
from .planner.types import Schema
from .result import NoteEntry, OperatorStats, Result, Stats

if TYPE_CHECKING:
    import pandas
    import polars

F = TypeVar("F", bound=Callable[..., Any])


def now_us() -> int:
    return time.time_ns() // 1000


class Session:
    """Tables, registered objects, settings and worker pools. Safe to use from several threads."""

    def __init__(self, database: str | os.PathLike[str] | None = None, **settings: Any) -> None:
        unknown = [n for n in settings if n not in SETTINGS]
        if unknown:
            read_setting(unknown[0], None)
        self._settings = defaults() | {n: read_setting(n, v) for n, v in settings.items()}
        self._lock = threading.Lock()
        self._engine_session: EngineSession | None = None
        self._running: set[Running] = set()
        self._closed = False
        self.last_notes: list[NoteEntry] = []  # of the query that ended last
        roots = self._settings["files"]
        self._gate = Gate(roots if roots is not None else (), closed=self._settings["safe"])
        self._spill: SpillArea | None = None
        self._database = Path(database) if database is not None else None
        self._objects: dict[str, Any] = {}
        self._services: Services | None = None
        self._registry: Registry = REGISTRY

    # objects and tables

    def register(self, name: str, frame: Any) -> None:
        """Make an object known to queries: pandas, Polars, Arrow, or anything with `__arrow_c_stream__`."""
        if not name or not isinstance(name, str):
            raise fault("E410", "an object is registered under a name")
        from .engine.sources.memory import check_readable

        check_readable(frame, name)
        self._objects[name] = frame

    def unregister(self, name: str) -> None:
        self._objects.pop(name, None)

    @overload
    def function(self, python: F, /) -> F: ...
    @overload
    def function(self, /, *, name: str | None = None, volatile: bool = False) -> Callable[[F], F]: ...
    def function(self, python: Any = None, /, *, name: str | None = None, volatile: bool = False) -> Any:
        """Make a Python function known to this session's queries. A decorator; types come from the annotations.

        It gets whole Arrow arrays and gives one of as many rows; a row's value may depend on that row only. `volatile`:
        it may give another value for the same arguments. E410 if its types or its name do not fit, E705 in safe mode.
        """
        if python is None:
            return lambda f: self._enter(f, name, volatile)
        return self._enter(python, name, volatile)

    def _enter(self, python: Any, name: str | None, volatile: bool) -> Any:
        from .functions import function_of

        if self._settings["safe"]:
            raise fault("E705", "Python functions are not registered in safe mode")
        made = function_of(python, name, volatile)
        language()  # loads every function of the language
        if made.name in REGISTRY.functions or made.name in REGISTRY.aggregates:
            raise fault("E410", f"a function of the language is named '{made.name}'", hint="give another: name=...")
        with self._lock:
            registry = copy(self._registry)
            registry.functions = {**registry.functions, made.name: made}
            self._registry = registry
        return python

    @property
    def registry(self) -> Registry:
        """Commands, functions and aggregates, those of this session among them."""
        return self._registry

    def append(
        self,
        table: str,
        frame: Any,
        *,
        writer: str | None = None,
        seq: int | None = None,
        create: bool = True,
        overwrite: bool = False,
    ) -> int:
        """Store rows in a table, durable when it returns: how many were stored.

        `seq` rises within a `writer`; one at or below the last stored adds nothing and 0 is returned, so a retry is safe.
        What was refused of the rows, and a `seq` that was stored before, stand in `last_notes`.
        """
        services = self.services()
        relation = relation_of(frame, table, zone=services.timezone, at=At("", "append"), spent=services.spent)
        ctx = _context(self._settings, now_us())
        ledger = ctx.query.ledger
        if self._settings["strict"]:
            ctx = Context(ctx.query, ledger.worker(raise_at_first(ledger)))
        shape = relation.schema.arrow()
        target = services.tables.begin_import(table, shape, create=create, overwrite=overwrite, writer=writer, seq=seq)
        try:
            for part in relation.scan(ScanRequest()).partitions(self._settings["batch_rows"]):
                for batch in part.batches(ctx):
                    arrays = [batch.array(i) for i in range(len(shape))]
                    target.write(pa.RecordBatch.from_arrays(arrays, schema=shape))
            stored = target.commit()
        except BaseException:
            target.abort()
            raise
        self.last_notes = [
            NoteEntry(n.stage, n.command, n.kind, n.reason, n.count, n.samples, n.hint) for n in ledger_entries(ledger)
        ]
        if not stored.stored:
            again = "this seq was stored before: nothing was added"
            self.last_notes.append(NoteEntry("", "append", "info", again, 1, (), f"writer {writer}, seq {seq}"))
        return int(stored.n_rows) if stored.stored else 0

    def tables(self) -> list[str]:
        """Names of the stored tables."""
        return list(self.services().tables.names())

    def services(self) -> Services:
        with self._lock:
            if self._closed:
                raise fault("E604", "the session is closed")
            if self._services is None:
                self._services = Services(
                    self._gate, self._folder(), self._settings, self._objects, catalogue=self._catalogue
                )
            return self._services

    def _folder(self) -> Path:
        """The database folder; without one tables live below the spill folder and go with the session."""
        return self._database if self._database is not None else self.spill_area().make_folder("database")

    def spill_area(self) -> SpillArea:
        if self._spill is None:
            root = self._settings["spill_dir"] or tempfile.gettempdir()
            self._spill = SpillArea(root, self._settings["spill_limit"] or None)
        return self._spill

    # queries

    def query(
        self,
        text: str,
        /,
        *,
        sources: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Query:
        """Check a query and bind its names; nothing runs yet. Keyword arguments are its parameters,
        and the tables among them are tables of this query: `s.query("table t", t=frame)`.
        """
        if not isinstance(text, str):
            raise TypeError(f"a query is text, not {type(text).__name__}")
        given = {**(params or {}), **more}
        literals, tables = {}, dict(sources or {})
        for name, value in given.items():
            if _is_table(value):
                tables[name] = value
                continue
            try:
                literals[name] = value if isinstance(value, Literal) else literal_of(value, self._settings["timezone"])
            except TypeError as why:
                raise error(text, [Fault(code="E410", message=f"parameter '{name}': {why}", span=Span(0, 0))]) from None
        is_looked_up = self._settings["python_lookup"] and not self._settings["safe"]
        frame = self._frame(sys._getframe(1)) if is_looked_up else None
        return Query(self, text, literals, tables, frame)

    def file(self, path: str | os.PathLike[str], /, **params: Any) -> Query:
        """A saved query with its parameters bound; not run yet."""
        return self.saved(path, params)

    def saved(self, path: str | os.PathLike[str], params: Mapping[str, Any], *, as_text: bool = False) -> Query:
        """As `file`. `as_text`: the values are text from a command line, to be read by the parameters' types."""
        from .saved import bind_params, decoded, read_saved

        gate = self._gate if self._settings["files"] is not None else Gate()  # the caller names it, no query text
        source = decoded(gate.read_bytes(Path(path)), os.fspath(path))
        saved = read_saved(source, os.fspath(path))
        zone = self._settings["timezone"]
        literals = bind_params(
            saved, source, params, is_text=as_text, zone=zone,
            time=lambda t: parse_time_literal(t, zone), evaluate=self._evaluated,
        )  # fmt: skip
        return Query(self, saved.text, literals, {}, None, file=saved.file, shown=source)

    def run_file(self, path: str | os.PathLike[str], /, **params: Any) -> Result:
        """Run a saved query: `s.run_file("top.cq", day="2026-11-01")`."""
        return self.saved(path, params).run()

    def _evaluated(self, text: str, known: Mapping[str, Literal]) -> Literal:
        """The value of an expression in a saved query's header; it sees the parameters above it."""
        bound = Query(self, f'json "{{}}" | eval value = {text}', known, {}, None)
        return literal_of(bound.run().to_arrow().column("value")[0].as_py())

    def _frame(self, frame: Any) -> Callable[[str], Any | None]:
        """Variables of the calling frame only."""
        found = {**frame.f_globals, **frame.f_locals}
        return lambda name: found.get(name)

    def bind(self, query: Query) -> BoundQuery:
        """Parse and bind; raises every fault that can be found without reading rows."""
        parsed = parse(query.text, language())
        parsed = with_fields(
            parsed, {n: v.value for n, v in query.literals.items() if v.type.width == "field" and v.value}
        )
        settings = dict(self._settings)
        services = replace(self.services(), settings=settings, given=query.sources, frame=query.frame)

        def check(name: str, value: Any) -> Any:
            read = check_in_query(name, value, settings)
            if name == "safe" and read:
                services.turn_safe()
            if name == "spill_dir" and read:
                services.gate.real(read)
            return read

        binder = Binder(
            parsed, self._registry, services, params=query.literals, settings=settings, now_us=now_us(),
            evaluate=_evaluate, parse_time=parse_time_literal, file=query.file,
            check_setting=check,
        )  # fmt: skip
        return binder.bind()

    # engine

    def engine(self) -> EngineSession:
        with self._lock:
            if self._closed:
                raise fault("E604", "the session is closed")
            if self._engine_session is None:
                s = self._settings
                self._engine_session = EngineSession(s["threads"], s["memory"])
            return self._engine_session

    def started(self, running: Running) -> None:
        with self._lock:
            self._running.add(running)

    def ended(self, running: Running) -> None:
        with self._lock:
            self._running.discard(running)
            self.last_notes = running.notes

    def cancel(self) -> None:
        """Cancel every query of this session."""
        with self._lock:
            running = list(self._running)
        for r in running:
            r.cancel()

    def _catalogue(self, what: str, name: str, binder: Binder) -> Any:
        from .catalogue import rows_of

        return rows_of(self, what, name, binder)

    def running(self) -> list[Running]:
        with self._lock:
            return list(self._running)

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._settings

    def set(self, name: str, value: Any) -> None:
        """Change a setting of this session: `s.set("timezone", "Asia/Seoul")`.

        `threads` and `memory` are those of the worker pools: what still runs on the old pools is cancelled.
        """
        self._settings[name] = read = check_in_query(name, value, self._settings)
        if name == "safe" and read:
            self._gate = self._gate.safe()
            self.services().turn_safe()
        if name in ("threads", "memory"):
            with self._lock:
                engine, self._engine_session = self._engine_session, None
            if engine is not None:
                engine.close()

    def close(self) -> None:
        """Cancel what runs, stop the workers, remove what belongs to the session alone."""
        self.cancel()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            engine = self._engine_session
        if engine is not None:
            engine.close()
        if self._spill is not None:
            self._spill.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *why: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_closed", True) is False:
            self.close()


def _is_table(value: Any) -> bool:
    """Whether a keyword argument is a table and no parameter: arrays and scalars are parameters."""
    if value is None or isinstance(value, str | bytes | int | float | list | tuple | dict | Literal):
        return False
    from .engine.sources.memory import is_readable

    return is_readable(value)


def _evaluate(expr: Expr, binder: Binder) -> tuple[Any, bool]:
    """The value of an expression without fields, for `set`, options and constant folding."""
    return constant(expr, _context(binder.settings, binder.now_us), At(binder.stage.number, binder.stage.command))


def _context(settings: Mapping[str, Any], now: int) -> Context:
    state = QueryState(_engine_settings(settings), Budget(1 << 20), now_us=now)
    return Context(state, state.ledger.worker())


def _engine_settings(s: Mapping[str, Any]) -> Settings:
    return Settings(
        threads=s["threads"], batch_rows=s["batch_rows"], morsel_bytes=s["morsel_bytes"], memory=s["memory"],
        timezone=s["timezone"], strict=s["strict"], seed=s["seed"], kernels=s["kernels"], optimiser=s["optimiser"],
        spill_dir=s["spill_dir"], spill_limit=s["spill_limit"],
    )  # fmt: skip


def _settled(schema: Schema) -> tuple[Node, tuple[Note, ...]]:
    """Nothing follows the stage whose columns the data decides: they are the result's."""
    return Here(columns=schema), ()


class Query:
    """Lazy and immutable; never holds rows. Names and types are checked when it is made."""

    def __init__(
        self, session: Session, text: str, literals: Mapping[str, Literal], sources: Mapping[str, Any],
        frame: Callable[[str], Any | None] | None, *, file: str = "", shown: str = "",
    ) -> None:  # fmt: skip
        self._session, self.text, self.literals, self.sources, self.frame, self.file = (
            session,
            text,
            literals,
            sources,
            frame,
            file,
        )
        self._shown = shown or text
        try:
            self._bound = session.bind(self)
        except QueryError as found:
            raise self._placed(found) from None
        self._plan: Node = self._bound.plan
        if self._plan.schema.open and not isinstance(self._plan, Pending):
            self._plan = Pending(inputs=(self._plan,), rest=_settled, implied=True)
        if self._bound.explain:
            self._plan = Explain(plan=self._plan, analyze=self._bound.explain == "analyze", stage="1")
        self._optimised: Node | None = None

    def _placed(self, found: QueryError) -> QueryError:
        """An error of a saved query shows the file's text, header and all, and names the file."""
        if self.file and any(not f.file for f in found.faults):
            out = error(self._shown, [replace(f, file=f.file or self.file) for f in found.faults])
            out.notes = found.notes
            return out
        if found.text != self._shown:
            out = error(self._shown, found.faults)
            out.notes = found.notes
            return out
        return found

    @property
    def schema(self) -> pa.Schema:
        """The columns; where data decides them, those that are known."""
        return edge_schema(self._plan.schema, str(self._bound.settings["timezone"]))

    @property
    def is_open(self) -> bool:
        """Whether data may add columns."""
        return self._plan.schema.open

    @property
    def plan(self) -> Node:
        return self._plan

    @property
    def notes(self) -> list[NoteEntry]:
        """What is known before the query runs."""
        return [_entry(n) for n in self._bound.notes]

    def canonical(self) -> str:
        """The same query in its canonical spelling."""
        from .planner.unparse import unparse

        controls = unparse(self._bound.controls)
        return " | ".join(p for p in (controls, query_text(self._plan)) if p)

    def explain(self) -> str:
        """The plan as written and as it will run."""
        return explain_lines(self._plan, self.optimised())

    def optimised(self) -> Node:
        if self._optimised is None:
            self._optimised = self.improve(self._plan)
        return self._optimised

    def improve(self, plan: Node) -> Node:
        if not self._bound.settings["optimiser"]:
            return plan
        settings, now = self._bound.settings, now_us()
        return optimise(plan, Helpers(lambda e: constant(e, _context(settings, now), At("", ""))))

    def pipe(self, text: str) -> Query:
        """A longer query."""
        more = f"\n| {text}"  # on a line of its own: the text may end in a comment
        return Query(
            self._session,
            self.text + more,
            self.literals,
            self.sources,
            self.frame,
            file=self.file,
            shown=self._shown + more,
        )

    def start(self, on_progress: Callable[[Any], None] | None = None) -> Running:
        """Start it; the handle cancels, waits and gives the result."""
        return Running(self._session, self, self._bound, on_progress)

    def run(self, on_progress: Callable[[Any], None] | None = None, timeout: float | None = None) -> Result:
        """Run it to the end. Ctrl-C cancels the query and leaves the session usable."""
        return self.start(on_progress).result(timeout)

    def stream(self) -> pa.RecordBatchReader:
        """Record batches as they come; a slow reader slows the query, closing the reader cancels it."""
        return self.start().reader()

    def to_arrow(self) -> pa.Table:
        return self.run().to_arrow()

    def to_pandas(self) -> pandas.DataFrame:
        return self.run().to_pandas()

    def to_polars(self) -> polars.DataFrame:
        return self.run().to_polars()

    def to_pylist(self) -> list[dict[str, Any]]:
        return self.run().to_pylist()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return cast(Any, self.stream()).__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __repr__(self) -> str:
        fields = ", ".join(f"{f.name}: {f.type}" for f in self.schema)
        return f"<cortado.Query {self.text!r} -> {fields}{', ...' if self.is_open else ''}>"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.explain())}</pre>"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a query is. `fraction` is None where the total is not known."""

    rows: int
    bytes: int
    bytes_total: int | None
    elapsed_s: float
    stage: str

    @property
    def fraction(self) -> float | None:
        return min(1.0, self.bytes / self.bytes_total) if self.bytes_total else None


class Running:
    """A query that runs. Read it once: by `result`, by `reader`, or by iterating."""

    def __init__(
        self, session: Session, query: Query, bound: BoundQuery, on_progress: Callable[[Any], None] | None
    ) -> None:
        self._session, self._query, self._bound = session, query, bound
        self.zone = str(bound.settings["timezone"])
        self._late_notes: list[Note] = []
        self._schema = query.plan.schema
        self._began = time.monotonic()
        self._on_progress = on_progress
        self._next_call = 0.0
        self._lowering = Lowering(REGISTRY.lowerings, self._again, self._late_notes.extend, self._figures)
        self._engine: EngineQuery | None = None
        self._limit_s: float | None = None  # that has passed
        self._timer: threading.Timer | None = None
        plan = query.optimised()
        try:
            specs = self._lowering.pipelines(plan)
            self._engine = session.engine().run(specs, _engine_settings(bound.settings), now_us=now_us())
        except QueryError as found:
            raise self._located(found) from None
        session.started(self)

    def _again(self, plan: Node) -> Node:
        """A part of the plan that was bound late; its columns are the result's."""
        made = self._query.improve(plan)
        if self._query.plan.schema.open:
            self._schema = made.schema
        return made

    def _figures(self) -> Mapping[int, Any]:
        assert self._engine is not None
        return {m.tag.id: m for m in self._engine.metrics()}

    def _located(self, found: QueryError) -> QueryError:
        return self._query._placed(found if found.text else error(self._query.text, found.faults))

    @property
    def text(self) -> str:
        return self._query.text

    # control

    def cancel(self) -> None:
        if self._engine is not None:
            self._engine.cancel()

    @property
    def progress(self) -> Progress:
        assert self._engine is not None
        p = self._engine.progress()
        return Progress(p.rows, p.nbytes, p.nbytes_total, time.monotonic() - self._began, p.stage)

    def limit(self, seconds: float | None) -> None:
        """Cancel it after so long; whoever reads its rows then gets E703."""
        if seconds is None:
            return

        def stop() -> None:
            self._limit_s = seconds
            self.cancel()

        self._timer = threading.Timer(seconds, stop)
        self._timer.daemon = True
        self._timer.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it has ended. Rows that nobody reads hold it up."""
        assert self._engine is not None
        return self._engine.wait(timeout)

    # rows

    @property
    def schema(self) -> Schema:
        return self._schema

    def rows(self) -> Generator[Batch, None, None]:
        """The engine's batches in order, of `schema`; the first error of the query is raised here."""
        assert self._engine is not None
        try:
            for batch in self._engine:
                self._tick()
                yield batch
        except QueryError as found:
            raise self._with_notes(self._late(self._located(found))) from None
        except KeyboardInterrupt:
            self.cancel()
            raise
        except (GeneratorExit, pa.ArrowCancelled):
            self.cancel()
            raise
        except Exception as why:
            self.cancel()
            raise internal(why, self._query.text) from why
        finally:
            self._finished()

    def batches(self) -> Generator[pa.RecordBatch, None, None]:
        """Record batches in order; the first error of the query is raised here."""
        edge: pa.Schema | None = None
        shape = self._schema
        with closing(self.rows()) as rows:
            for batch in rows:
                if edge is None:
                    shape = self._schema
                    edge = edge_schema(shape, self.zone)
                yield record_batch(batch, shape, edge)

    def _late(self, found: QueryError) -> QueryError:
        """A cancel by the time limit is E703."""
        if self._limit_s is None or found.code != "E704":
            return found
        return error(
            found.text, [Fault(code="E703", message=f"the query took longer than {self._limit_s:g} s", span=Span(0, 0))]
        )

    def _tick(self) -> None:
        if self._on_progress is None:
            return
        now = time.monotonic()
        if now >= self._next_call:
            self._next_call = now + 0.1
            self._on_progress(self.progress)

    def _with_notes(self, found: QueryError) -> QueryError:
        found.notes = tuple(self.notes)
        return found

    def _finished(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._engine is not None:
            self._engine.close()
        self._session.ended(self)

    def reader(self) -> pa.RecordBatchReader:
        """A reader over the rows as they come; closing it cancels the query."""
        from .stream import RowStream

        rows = self.batches()
        first = next(rows, None) if self._schema.open else None
        edge = edge_schema(self._schema, self.zone)
        return RowStream(edge, rows if first is None else _with_first(first, rows), self.cancel)

    def result(self, timeout: float | None = None) -> Result:
        """All rows, once the query has ended; E703 after `timeout` seconds."""
        self.limit(timeout)
        batches = list(self.batches())
        table = pa.Table.from_batches(batches, edge_schema(self._schema, self.zone))
        return Result(table, self.notes, self.stats())

    # what it says

    @property
    def notes(self) -> list[NoteEntry]:
        """The ledger so far, whole once the query has ended; by stage."""
        assert self._engine is not None
        found = [_entry(n) for n in (*self._bound.notes, *self._late_notes)]
        found += [
            NoteEntry(e.stage, e.command, e.kind, e.reason, e.count, tuple(e.samples), e.hint)
            for e in self._engine.notes()
        ]
        return sorted(found, key=lambda n: (_stage_order(n.stage), n.kind, n.reason))

    def stats(self) -> Stats:
        assert self._engine is not None
        operators = tuple(
            OperatorStats(m.tag.stage, m.tag.operator, m.rows_in, m.rows_out, m.batches, m.nbytes, m.wall_ns / 1e9, m.cpu_ns / 1e9,
                          m.peak_memory, m.spilled_bytes, m.said)
            for m in self._engine.metrics()
        )  # fmt: skip
        p = self._engine.progress()
        return Stats(
            time.monotonic() - self._began,
            p.rows,
            p.nbytes,
            self._engine.peak_memory,
            sum(o.spilled_bytes for o in operators),
            operators,
        )


def _with_first(first: pa.RecordBatch, rows: Generator[pa.RecordBatch, None, None]) -> Iterator[pa.RecordBatch]:
    with closing(rows):
        yield first
        yield from rows


def _stage_order(stage: str) -> tuple[tuple[int, str], ...]:
    out = []
    for part in stage.split("."):
        digits = "".join(c for c in part if c.isdigit())
        out.append((int(digits) if digits else 0, part))
    return tuple(out)


def _entry(note: Note) -> NoteEntry:
    return NoteEntry(note.stage, note.command, note.kind, note.reason, note.count, (), note.hint, note.message)


def connect(database: str | os.PathLike[str] | None = None, **settings: Any) -> Session:
    """Open a session: `database` is a folder of tables (none: they live only as long as the session)."""
    return Session(database, **settings)


def query(text: str, /, *, sources: Mapping[str, Any] | None = None, **params: Any) -> Result:
    """Run one query in a session of its own."""
    with Session() as session:
        return session.query(text, sources=sources, params=params).run()


__all__ = ["Query", "Running", "Session", "connect", "query"]
