"""The one module that sees every layer: a session wires catalog, registry, planner and engine together."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import pyarrow as pa

from .commands.base import REGISTRY, Registry
from .commands.language import language
from .edge import edge_schema
from .engine.context import Context, QueryState
from .engine.dateparse import parse_time_literal
from .engine.exprs import constant
from .engine.lower import explain_lines, internal
from .engine.memory import Budget
from .engine.noted import raise_at_first
from .engine.notes import At, Ledger
from .engine.profiles import Profiles, profile_of
from .engine.scheduler import EngineSession
from .engine.services import Services
from .engine.settings import SETTINGS, check_in_query, defaults, read_setting
from .engine.storage.paths import Gate, SpillArea
from .planner.bind import Arguments, Binder, BoundQuery, literal_of
from .planner.catalog import Note
from .planner.expr import Expr, Literal
from .planner.header import Param, read_header
from .planner.judged import judged_as
from .planner.optimise import optimise
from .planner.plan import Explain, Here, Node, Pending, Settle, query_text
from .planner.procedures import Library, Procedure
from .planner.rules import Helpers
from .planner.sources import Sources
from .planner.text import Fault, QueryError, Span, error, fault, nearest
from .planner.typed import from_text
from .planner.types import Schema
from .queryfiles import ENDING, QueryFiles, decoded
from .result import NoteEntry, Result
from .running import Progress, Running, engine_settings, note_entry, now_us

if TYPE_CHECKING:
    import pandas
    import polars

    from .procedure import SavedProcedure

F = TypeVar("F", bound=Callable[..., Any])


class Session:
    """Tables, registered objects, settings and worker pools. Safe to use from several threads."""

    def __init__(
        self,
        database: str | os.PathLike[str] | None = None,
        *,
        profiles: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        unknown = [n for n in settings if n not in SETTINGS]
        if unknown:
            read_setting(unknown[0], None)
        self._settings = defaults() | {n: read_setting(n, v) for n, v in settings.items()}
        self._lock = threading.RLock()  # the garbage collector may close a query while it is held
        self._engine_session: EngineSession | None = None
        self._running: set[Running] = set()
        self.last_notes: list[NoteEntry] = []  # of the query that ended last
        roots = self._settings["files"]
        self._gate = Gate(roots or (), closed=self._settings["safe"] or roots == ())
        self._spill: SpillArea | None = None
        self._database = Path(database) if database is not None else None
        self._objects: dict[str, Any] = {}
        self._profiles = Profiles(profiles)
        self._services: Services | None = None
        self._registry: Registry = REGISTRY
        self._closed = False  # from here on there is something to close

    def __repr__(self) -> str:
        state = "closed" if self._closed else str(self._database) if self._database else "in memory"
        return f"<cortado.Session {state}>"

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

    def profile(
        self,
        name: str,
        uri: str | None = None,
        *,
        driver: str | None = None,
        entrypoint: str | None = None,
        options: Mapping[str, Any] | None = None,
        parameters: str = "",
    ) -> None:
        """Name a database for `dbquery NAME SQL`: `s.profile("shop", "postgresql://host/shop")`.

        `driver`: sqlite, postgresql (known by the URI), the name of another ADBC driver, or a library's path with its
        `entrypoint`. `options` go to the driver. `parameters`: how its SQL writes them, `?` or `$1`. E410 if it does not
        fit. Nothing is connected yet.
        """
        given = {"uri": uri, "driver": driver, "entrypoint": entrypoint, "options": options, "parameters": parameters}
        self._profiles.add(profile_of(name, given))

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
        from .appending import append

        ledger = Ledger()
        on_fault = raise_at_first(ledger) if self._settings["strict"] else None
        ctx = _context(self._settings, now_us(), ledger, on_fault)
        n, self.last_notes = append(
            self.services(), ctx, table, frame, writer=writer, seq=seq, create=create, overwrite=overwrite
        )
        return n

    def tables(self) -> list[str]:
        """Names of the stored tables."""
        return list(self.services().tables.names())

    def services(self) -> Services:
        with self._lock:
            if self._closed:
                raise fault("E604", "the session is closed")
            if self._services is None:
                self._services = Services(
                    self._gate,
                    self._folder(),
                    self._settings,
                    self._objects,
                    catalogue=self._catalogue,
                    profiles=self._profiles,
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
                at = _first_use(text, name)
                raise error(text, [Fault(code="E410", message=f"parameter '{name}': {why}", span=at)]) from None
        return self._asked(text, literals, tables, Arguments(given), sys._getframe(1))

    def text_query(self, text: str, params: Mapping[str, str]) -> Query:
        """A query with parameters as text from a command line: read by the types of its header, else as what they look like."""
        literals = {n: from_text(v, "any", lambda t: None) for n, v in params.items()}
        return self._asked(text, literals, {}, Arguments(params, is_text=True), None)

    def _asked(
        self,
        text: str,
        literals: Mapping[str, Literal],
        tables: Mapping[str, Any],
        given: Arguments,
        caller: FrameType | None,
    ) -> Query:
        is_looked_up = caller is not None and self._settings["python_lookup"] and not self._settings["safe"]
        frame = self._frame(caller) if is_looked_up else None
        return Query(self, text, literals, tables, frame, given=given)

    def file(self, path: str | os.PathLike[str], /, **params: Any) -> Query:
        """A saved query with its parameters bound; not run yet. A parameter named by a word of Python has a `_` behind it."""
        return self.saved(path, params)

    def saved(self, path: str | os.PathLike[str], params: Mapping[str, Any], *, as_text: bool = False) -> Query:
        """As `file`. `as_text`: the values are text from a command line, to be read by the parameters' types."""
        gate = self._gate if self._settings["files"] is not None else Gate()  # the caller names it, no query text
        file = self._saved_path(os.fspath(path), gate)
        source = decoded(gate.read_bytes(file), file)
        return Query(self, source, {}, {}, None, file=file, given=Arguments(params, as_text, is_file=True))

    def _saved_path(self, path: str, gate: Gate) -> str:
        """The file; a bare name without a file is looked for along the query path, as `proc` does. E304 if there is none."""
        if path.endswith(ENDING) or os.path.basename(path) != path or gate.exists(path):
            return path
        files = self._query_files()
        found = files.find(path, "")
        if found is None:
            near = nearest(path, [name for name, _ in files.names("")])
            raise fault("E304", f"no procedure is named '{path}'", suggestions=near, hint=files.where(""))
        return found

    def procedure(self, name: str | os.PathLike[str], /) -> SavedProcedure:
        """A saved query as a callable that gives a `Query`: with a signature, annotations and help from its header.

        `name`: a file, or what `proc` would find along the query path.
        """
        from .procedure import SavedProcedure

        return SavedProcedure(self, self.described(name))

    def described(self, name: str | os.PathLike[str]) -> Procedure:
        """What the header of a saved query says; E201, E410, E411 where it cannot be read."""
        gate = self._gate if self._settings["files"] is not None else Gate()
        file = self._saved_path(os.fspath(name), gate)
        texts = Sources(decoded(gate.read_bytes(file), file), file)
        try:
            main = Library(texts, self._query_files(), language()).root().main
        except QueryError as found:
            raise texts.placed(found) from None
        assert main is not None
        return main

    def procedures(self, text: str = "") -> dict[str, Procedure | QueryError]:
        """What `proc` can call by name: from the header of a query's text, and along the query path.

        An error stands for a file that cannot be read.
        """
        texts = Sources(text[: header_end(text)])
        library = Library(texts, self._query_files(), language())
        found = library.reachable(library.declared())
        return {n: texts.placed(p) if isinstance(p, QueryError) else p for n, p in found.items()}

    def run_file(self, path: str | os.PathLike[str], /, **params: Any) -> Result:
        """Run a saved query: `s.run_file("top.cq", day="2026-11-01")`."""
        return self.file(path, **params).run()

    def _frame(self, frame: Any) -> Callable[[str], Any | None]:
        """Variables of the calling frame only."""
        found = {**frame.f_globals, **frame.f_locals}
        return lambda name: found.get(name)

    def bind(self, query: Query) -> BoundQuery:
        """Parse and bind; raises every fault that can be found without reading rows."""
        settings = dict(self._settings)
        services = replace(self.services(), settings=settings, given=query.sources, frame=query.frame)
        library = Library(query.texts, self._query_files(services), language())
        given, tables = _with_tables(query.given, library.root().header.params)
        services.given = {**services.given, **tables}

        def check(name: str, value: Any) -> Any:
            read = check_in_query(name, value, settings)
            if name == "safe" and read:
                services.turn_safe()
                binder.commands = REGISTRY  # no Python functions
            if name == "spill_dir" and read:
                services.gate.real(read)
            return read

        binder = Binder(
            library, self._registry, services, params=query.literals, settings=settings, now_us=now_us(),
            evaluate=_evaluate, parse_time=parse_time_literal, given=given,
            check_setting=check,
        )  # fmt: skip
        return binder.bind()

    def _query_files(self, services: Services | None = None) -> QueryFiles:
        held = services if services is not None else self.services()
        return QueryFiles(lambda: held.gate, self._settings["query_path"], self._database)

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
        """Queries that were started and have not ended."""
        with self._lock:
            held = list(self._running)
        over = [r for r in held if r.is_over]
        with self._lock:
            self._running.difference_update(over)
        return [r for r in held if r not in over]

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
            self._registry = REGISTRY  # no Python functions
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
        self._profiles.close()
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


def _with_tables(given: Arguments, params: Sequence[Param]) -> tuple[Arguments | None, dict[str, Any]]:
    """What the header's parameters are given, and the frames among it: each is a table of this query under a name of its own.

    None where the header has no parameters and the caller says what they are.
    """
    if not params and not given.is_file:
        return None, {}
    from .procedure import query_name

    types = {p.name: p.type for p in params}
    if not given.is_text:
        given = replace(given, values={query_name(n, params): v for n, v in given.values.items()})
    tables = {f"${n}": v for n, v in given.values.items() if types.get(n) == "table" and _is_table(v)}
    values = {n: f"${n}" if f"${n}" in tables else v for n, v in given.values.items()}
    return replace(given, values=values), tables


def header_end(text: str) -> int:
    """Where the header of a query's text ends; 0 where there is none that can be read."""
    try:
        return read_header(text, 0, language(), is_file=False).end
    except QueryError:
        return 0


def _evaluate(expr: Expr, binder: Binder) -> tuple[Any, bool]:
    """The value of an expression without fields, for `set`, options and constant folding."""
    return constant(expr, _context(binder.settings, binder.now_us), At(binder.stage.number, binder.stage.command))


def _context(
    settings: Mapping[str, Any], now: int, ledger: Ledger | None = None, on_fault: Callable[..., None] | None = None
) -> Context:
    state = QueryState(engine_settings(settings), Budget(1 << 20), now_us=now, ledger=ledger or Ledger())
    return Context(state, state.ledger.worker(on_fault))


def _first_use(text: str, name: str) -> Span:
    """Where a query names a parameter; its beginning if it does not."""
    found = re.search(rf"""\$\(\s*["']{re.escape(name)}["']|\${re.escape(name)}\b""", text)
    return Span(*found.span()) if found else Span(0, 0)


def _settled(schema: Schema, slot: int, found: Schema) -> tuple[Node, tuple[Note, ...]]:
    """Nothing follows the stage whose columns the data decides: they are the result's."""
    return Here(columns=schema, slot=slot), ()


class Query:
    """Lazy and immutable; never holds rows. Names and types are checked when it is made."""

    def __init__(
        self, session: Session, text: str, literals: Mapping[str, Literal], sources: Mapping[str, Any],
        frame: Callable[[str], Any | None] | None, *, file: str = "", given: Arguments,
    ) -> None:  # fmt: skip
        self._session, self.text, self.literals, self.sources, self.frame, self.file = (
            session,
            text,
            literals,
            sources,
            frame,
            file,
        )
        self.given = given
        self.texts = Sources(text, file)  # and what it calls
        try:
            self._bound = session.bind(self)
        except QueryError as found:
            raise self._placed(found) from None
        except Exception as why:
            raise self._placed(internal(why, text)) from why
        self._plan: Node = self._bound.plan
        if self._plan.schema.open and not isinstance(self._plan, Pending):
            self._plan = Pending(inputs=(self._plan,), rest=_settled, implied=True)
        if self._bound.explain:
            self._plan = Explain(plan=self._plan, analyze=self._bound.explain == "analyze", stage="1")
        self._optimised: Node | None = None

    def _placed(self, found: QueryError) -> QueryError:
        """The error with the text and the name of the file that it is of."""
        return self.texts.placed(found)

    @property
    def schema(self) -> pa.Schema:
        """The columns; where data decides them, those that are known."""
        return edge_schema(self.known, str(self._bound.settings["timezone"]))

    @property
    def known(self) -> Schema:
        """The same as the engine has them."""
        if isinstance(self._plan, Pending) and self._plan.implied:
            waited = self._plan.inputs[0]
            return waited.opens.schema if isinstance(waited, Settle) else waited.schema
        return self._plan.schema

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
        return [note_entry(n) for n in self._bound.notes]

    def canonical(self) -> str:
        """The same query in its canonical spelling."""
        from .planner.unparse import unparse

        controls = unparse(self._bound.controls)
        body = " | ".join(p for p in (controls, query_text(self._plan)) if p)
        return f"{self._bound.header}\n{body}" if self._bound.header else body

    def explain(self) -> str:
        """The plan as written and as it will run."""
        if isinstance(self._plan, Explain):  # the plan that is wanted, not the plan of showing one
            return explain_lines(self._plan.plan, self.improve(self._plan.plan))
        return explain_lines(self._plan, self.optimised())

    def optimised(self) -> Node:
        if self._optimised is None:
            try:
                self._optimised = self.improve(self._plan)
            except QueryError:
                raise
            except Exception as why:
                raise self._placed(internal(why, self.text)) from why
        return self._optimised

    def improve(self, plan: Node) -> Node:
        settings, now = self._bound.settings, self._bound.now_us
        made = optimise(plan, Helpers(lambda e: constant(e, _context(settings, now), At("", ""), infos=True)))
        return made if settings["optimiser"] else judged_as(plan, made)

    def pipe(self, text: str) -> Query:
        """A longer query: `text` is one stage or several, with or without a pipe in front."""
        more = f"\n| {text.lstrip().removeprefix('|').lstrip()}"  # on a line of its own: the text may end in a comment
        return Query(
            self._session,
            self.text + more,
            self.literals,
            self.sources,
            self.frame,
            file=self.file,
            given=self.given,
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


def connect(
    database: str | os.PathLike[str] | None = None, *, profiles: Mapping[str, Any] | None = None, **settings: Any
) -> Session:
    """Open a session: `database` is a folder of tables (none: they live only as long as the session).

    `profiles`: databases for `dbquery` by name, a URI or what `Session.profile` takes each.
    """
    return Session(database, profiles=profiles, **settings)


def query(text: str, /, *, sources: Mapping[str, Any] | None = None, **params: Any) -> Result:
    """Run one query in a session of its own."""
    with Session() as session:
        return session.query(text, sources=sources, params=params).run()


__all__ = ["Progress", "Query", "Running", "Session", "connect", "query"]
