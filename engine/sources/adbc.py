"""ADBC: drivers, connections that only read, statements, and what their errors mean."""

from __future__ import annotations

import importlib
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar, cast

import pyarrow as pa

from ...planner.text import QueryError, fault
from ..profiles import Profile, sqlite_uri

T = TypeVar("T")
CONNECT_S = 10  # how long PostgreSQL is waited for, where the profile does not say
BATCH_BYTES = 4 << 20  # of a record batch, so that a cancel is seen
_SELECTS = re.compile(r"[\s(]*(?:select|with|values|table)\b", re.I)
_NOISE = re.compile(r"^[A-Z_]+: |\[\w+\] |Failed to (?:prepare|execute|step) query: |could not begin COPY: |"
                    r"Execution error \[\w+\]: |(?:ERROR|FATAL):  ")  # fmt: skip


class Database:
    """One database of a session. Connections are made a query, since drivers let one statement work at a time."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._handle: Any = None
        self._lock = threading.Lock()

    @property
    def kind(self) -> str:
        return self.profile.driver

    def connect(self, zone: str) -> Connection:
        """E610 where it cannot be reached."""
        manager = _manager()
        try:
            with self._lock:
                if self._handle is None:
                    self._handle = manager.AdbcDatabase(**self._options())
            made = Connection(self, manager.AdbcConnection(self._handle))
        except manager.Error as why:
            raise self.unreachable(why) from None
        try:
            made.prepare_session(zone)
        except BaseException:
            made.close()
            raise
        return made

    def _options(self) -> dict[str, str]:
        profile = self.profile
        out = {"driver": _library(profile), **profile.options}
        if profile.entrypoint:
            out["entrypoint"] = profile.entrypoint
        if profile.uri is not None:
            out["uri"] = sqlite_uri(profile.uri) if self.kind == "sqlite" else profile.uri
            if self.kind == "postgresql":
                out["uri"] = _with_timeout(profile.uri)
        return out

    def unreachable(self, why: BaseException, more: str = "") -> QueryError:
        return fault("E610", f"database `{self.profile.name}`: {self.said(why)}{more}",
                     hint="is it running, and is the profile's uri right?")  # fmt: skip

    def said(self, why: BaseException) -> str:
        """What the database says, in one line."""
        text = str(why).split("\nQuery was:")[0].split("\nquery:")[0].split(". Detail: ")[0]
        lines = [" ".join(line.split()) for line in text.splitlines()]
        kept = [line for line in lines if line and not re.match(r"LINE \d+:|\^", line)]
        out = _NOISE.sub("", " ".join(kept) or type(why).__name__)
        return self.profile.hidden(re.sub(r"\.? SQLSTATE: \w+$", "", out).rstrip("."))

    def placeholder(self, nth: int) -> str:
        """How the parameter of that number (from 1) is written."""
        if self.profile.parameters:
            return "?" if self.profile.parameters == "?" else f"${nth}"
        return {"postgresql": f"${nth}", "sqlite": f"?{nth}"}.get(self.kind, "?")

    @property
    def is_numbered(self) -> bool:
        """Whether a parameter that is named twice is bound once."""
        return self.placeholder(1) != "?"

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(Exception):
                handle.close()


def is_select(sql: str) -> bool:
    """Whether it can stand in parentheses as a table."""
    return _SELECTS.match(sql) is not None


class Connection:
    """Not for two threads at once, but for `cancel`."""

    def __init__(self, database: Database, handle: Any) -> None:
        self.database, self._handle = database, handle
        self._statements: list[Any] = []
        self._readers: list[pa.RecordBatchReader] = []

    def prepare_session(self, zone: str) -> None:
        """It only reads; times without a zone are of the session's."""
        kind = self.database.kind
        if kind == "sqlite":
            self._do("PRAGMA query_only = on")
        if kind == "postgresql":
            self._do("SET default_transaction_read_only = on")
            with suppress(QueryError):  # a zone that it does not know
                self._do("SET TimeZone TO '" + zone.replace("'", "''") + "'")

    def _do(self, sql: str) -> None:
        manager = _manager()
        try:
            statement = manager.AdbcStatement(self._handle)
            try:
                statement.set_sql_query(sql)
                statement.execute_update()
            finally:
                statement.close()
        except manager.Error as why:
            raise self.database.unreachable(why) from None

    def statement(self, sql: str, bound: pa.RecordBatch | None, **options: str) -> Any:
        made = _manager().AdbcStatement(self._handle)
        self._statements.append(made)
        if options:
            made.set_options(**options)
        made.set_sql_query(sql)
        if bound is not None:
            made.prepare()
            made.bind(bound)
        return made

    def execute(self, sql: str, bound: pa.RecordBatch | None = None, **options: str) -> pa.RecordBatchReader:
        """Raises the driver's errors."""
        handle, _ = self.statement(sql, bound, **options).execute_query()
        reader: pa.RecordBatchReader = cast(Any, pa.RecordBatchReader)._import_from_c(handle.address)
        self._readers.append(reader)
        return reader

    def schema_of(self, sql: str, bound: pa.RecordBatch | None) -> pa.Schema:
        """Of a statement that is prepared and not executed."""
        made = self.statement(sql, bound)
        if bound is None:
            made.prepare()
        handle = made.execute_schema()
        return pa.Schema._import_from_c(handle.address)

    def rows(self, sql: str, bound: pa.RecordBatch | None, sample: int) -> Any:
        """An iterator of record batches. `sample`: rows from which SQLite tells the types of columns."""
        match self.database.kind:
            case "sqlite":
                return self.execute(sql, bound, **{"adbc.sqlite.query.batch_rows": str(sample)})
            case "postgresql" if bound is not None and is_select(sql):
                return self._fetched(sql, bound)
            case "postgresql":
                options = {"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)}
                if not is_select(sql):
                    options["adbc.postgresql.use_copy"] = "false"
                return self.execute(sql, None, **options)
        return self.execute(sql, bound)

    def _fetched(self, sql: str, bound: pa.RecordBatch) -> Any:
        """With parameters the driver would hold the whole result: a cursor gives it in parts."""
        self._handle.set_autocommit(False)
        self.execute(f"DECLARE cortado_rows NO SCROLL CURSOR FOR {sql}", bound).close()
        while True:
            reader = self.execute(
                "FETCH FORWARD 20000 FROM cortado_rows", None, **{"adbc.postgresql.use_copy": "false"}
            )
            n = 0
            for batch in reader:
                n += batch.num_rows
                if batch.num_rows:
                    yield batch
            self._close_statements()
            if not n:
                return

    def cancel(self) -> None:
        """From another thread; drivers that cannot go on to their end."""
        with suppress(Exception):
            self._handle.cancel()

    def _close_statements(self) -> None:
        """Readers first: a connection stays open as long as something of it is."""
        while self._readers:
            with suppress(Exception):
                self._readers.pop().close()
        while self._statements:
            with suppress(Exception):
                self._statements.pop().close()

    def close(self) -> None:
        self._close_statements()
        with suppress(Exception):
            self._handle.close()


def _manager() -> Any:
    try:
        return importlib.import_module("adbc_driver_manager")
    except ImportError:
        raise fault(
            "E610", "databases are read by ADBC, which is not installed", hint="pip install 'cortado[adbc]'"
        ) from None


def _library(profile: Profile) -> str:
    """The path of the driver's library: of an installed package, or as the profile has it."""
    if not re.fullmatch(r"[a-z0-9_]+", profile.driver):
        return profile.driver
    try:
        package = importlib.import_module(f"adbc_driver_{profile.driver}")
    except ImportError:
        if profile.driver in ("sqlite", "postgresql"):
            hint = "pip install 'cortado[adbc]'"
            raise fault(
                "E610", f"the driver of `{profile.name}` is not installed: {profile.driver}", hint=hint
            ) from None
        return profile.driver  # a name that the driver manager knows
    return str(package._driver_path())


def _with_timeout(uri: str) -> str:
    if "connect_timeout" in uri:
        return uri
    if "://" not in uri:
        return f"{uri} connect_timeout={CONNECT_S}"
    return f"{uri}{'&' if '?' in uri else '?'}connect_timeout={CONNECT_S}"


def patiently(call: Callable[[], T], cancel: Callable[[], None] = lambda: None) -> T:
    """The value of a call that may take long, in a thread of its own: the caller can be interrupted meanwhile."""
    done, got, failed = threading.Event(), list[T](), list[BaseException]()

    def run() -> None:
        try:
            got.append(call())
        except BaseException as why:
            failed.append(why)
        finally:
            done.set()

    threading.Thread(target=run, name="cortado-database", daemon=True).start()
    try:
        while not done.wait(0.05):
            pass
    except BaseException:
        cancel()
        raise
    if failed:
        raise failed[0]
    return got[0]


def errors() -> tuple[type[BaseException], ...]:
    """What drivers raise."""
    return (_manager().Error, pa.ArrowException, OSError)


def is_unreachable(why: BaseException) -> bool:
    """Whether the database is gone, and did not just refuse the statement."""
    status = getattr(why, "status_code", None)
    return status is not None and int(status) in (10, 12, 13, 14)  # IO, TIMEOUT, UNAUTHENTICATED, UNAUTHORIZED


__all__: Sequence[str] = ["Connection", "Database", "errors", "is_select", "is_unreachable", "patiently"]
