"""One import: rows are written to data files as they come, and become visible together in one commit."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
from deltalake import DeltaTable

from ...planner.records import dataclass
from ...planner.text import QueryError, fault
from . import parquet, rewrite, types
from .delta import Change, Conflict, Log
from .parquet import FilesWriter, WrittenFile
from .snapshot import DataFile, Snapshot, refuse_what_we_cannot_read

if TYPE_CHECKING:
    from .tables import TableStore

MAX_TRIES = 200


@dataclass(frozen=True, slots=True)
class Appended:
    version: int
    n_rows: int
    stored: bool  # False: this writer and seq were stored before, nothing was added


@dataclass(frozen=True, slots=True)
class Target:
    """Where an import goes and how."""

    name: str
    schema: pa.Schema  # of the rows, as stored
    create: bool
    overwrite: bool
    writer: str | None
    seq: int | None

    def fit(self, table: DeltaTable | None) -> tuple[pa.Schema, list[pa.Field[Any]]]:
        """The table's schema after the import, and the fields that are new to it; E603 if it cannot be."""
        if table is None and not self.create:
            raise types.mismatch(f"no table `{self.name}`", "create=t makes it")
        if table is None or self.overwrite:
            if not len(self.schema):
                raise types.mismatch("a table needs at least one field that is not all null", "name its fields' types")
            return self.schema, []
        old = pa.schema(cast(Any, table.schema().to_arrow()))
        added = types.widened(old, self.schema)
        return pa.schema([*old, *added]), added

    def stored_already(self, table: DeltaTable | None) -> bool:
        if table is None or self.writer is None or self.seq is None:
            return False
        last = table.transaction_version(self.writer)
        return last is not None and last >= self.seq


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one version of the table says of an import; `stamp` tells that version from all others."""

    stamp: tuple[int, int] | None
    stored: bool
    schema: pa.Schema
    added: list[pa.Field[Any]]


class Import:
    """Made by `TableStore.begin_import`. One thread at a time; `commit` and `abort` may each be called again.

    A kill at any time leaves the table as before or as after; files of an import that never ended are removed by a
    later `vacuum`.
    """

    def __init__(self, store: TableStore, log: Log, target: Target, durable: bool) -> None:
        self._store, self._log, self._target, self._durable = store, log, target, durable
        self._files: list[WrittenFile] = []
        self._uncertain = False  # a commit was tried and may be in the log: its files must stay
        self._done: Appended | None = None
        self._aborted = False
        self._prepared = False  # all rows lie in files
        self.n_rows = 0
        with store.locked(target.name):
            table = store.open_or_none(log)
            self._seen = self._look(table)
            self._last_order = _last_order(table)
        self._skip = self._seen.stored
        store.gate.make_folder(log.folder)
        self._schema = self._file_schema(self._seen.schema)
        self._writer = FilesWriter(store.gate, log.folder, self._schema, self._next_order, durable=durable)

    @property
    def table(self) -> str:
        return self._target.name

    def _look(self, table: DeltaTable | None) -> _Seen:
        stamp = None if table is None else self._log.stamp(table)
        if self._target.stored_already(table):  # whether its rows would fit no longer matters
            return _Seen(stamp, True, self._target.schema, [])
        if table is not None:
            old = pa.schema(cast(Any, table.schema().to_arrow()))
            refuse_what_we_cannot_read(self._target.name, table, old)
        schema, added = self._target.fit(table)
        return _Seen(stamp, False, schema, added)

    def _file_schema(self, table_schema: pa.Schema) -> pa.Schema:
        """Fields that the rows lack are left out of the files, unless all are."""
        names = [n for n in self._target.schema.names] or table_schema.names[:1]
        return pa.schema([table_schema.field(n) for n in names])

    def _next_order(self) -> int:
        self._last_order = max(time.time_ns() // 1000, self._last_order + 1)
        return self._last_order

    def write(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Adds rows with the fields the import was begun with (absent ones are null). A value that the table cannot
        keep is E603; then the import can only be aborted.
        """
        if self._skip:
            return
        for batch in rows.to_batches() if isinstance(rows, pa.Table) else (rows,):
            with self._watched():
                self._writer.write(rewrite.stored_rows(batch, self._schema))
            self.n_rows += batch.num_rows

    def flush(self) -> None:
        """The rows so far go to files; none is held in memory."""
        with self._watched():
            self._writer.flush()

    def prepare(self) -> None:
        """All rows lie in files, and fit the table as it is now; nothing is to be seen of them yet. After an error `abort`
        was done. Again, once all tables are locked: it only looks whether others changed them.
        """
        if self._done is not None:
            return
        if self._aborted:
            raise fault("E901", "an import was committed after it was aborted")
        try:
            with self._watched():
                if not self._prepared:
                    self._files = self._writer.close()
                    self._prepared = True
                with self._store.locked(self._target.name):
                    self._look_again(self._store.open_or_none(self._log))
        except BaseException:
            self.abort()
            raise

    def commit(self) -> Appended:
        """All rows in one commit, durable on return. After an error the table is as it was, and `abort` was done."""
        if self._done is None:
            self.prepare()
            try:
                with self._watched():
                    self._done = self._commit()
            except BaseException:
                self.abort()
                raise
        return self._done

    def _commit(self) -> Appended:
        for _ in tries():
            with self._store.locked(self._target.name):
                done = self._try_commit()
                if done is not None:
                    return done
        raise busy(self._target.name)

    def _try_commit(self) -> Appended | None:
        """None: someone else was first."""
        log, target = self._log, self._target
        table = self._store.open_or_none(log)
        self._look_again(table)
        if self._seen.stored and table is not None:
            self._remove_files()
            return Appended(int(table.version()), 0, stored=False)
        if table is not None and not target.overwrite:
            if self._seen.added:
                with suppress(Conflict):
                    log.widen(table, self._seen.added)
                return None  # another may have stored this writer and seq meanwhile: look again
            if not self._files and target.writer is None:
                return Appended(int(table.version()), 0, stored=True)
        return self._publish(table, self._seen.schema)

    def _look_again(self, table: DeltaTable | None) -> None:
        """The table as it is now. The caller holds its lock."""
        if table is None or self._log.stamp(table) != self._seen.stamp:
            self._seen = self._look(table)
        if self._seen.stored and table is not None:
            return
        if self._skip:  # dropped and made anew since: there are no rows to give it
            raise self._pulled_away()
        if self._file_schema(self._seen.schema) != self._schema:
            self._convert(self._seen.schema)

    def _publish(self, table: DeltaTable | None, schema: pa.Schema) -> Appended | None:
        self._take_place(_last_order(table))
        if self._durable:
            self._store.gate.sync(self._log.folder)
        change = Change(adds=self._files, writer=self._target.writer, seq=self._target.seq)
        self._uncertain = True
        try:
            if table is None:
                self._log.create(schema, change)
                version = 0
            else:
                version = self._log.commit(table, change, schema, "overwrite" if self._target.overwrite else "append")
        except Conflict:
            self._uncertain = False
            return None
        self._files = []  # the table's now
        self._store.after_commit(self._log, version)
        return Appended(version, self.n_rows, stored=True)

    def _take_place(self, last: int) -> None:
        """Renames the files if others took a later place, and checks that nobody removed them."""
        folder, gate = self._log.folder, self._store.gate
        for i, file in enumerate(self._files):
            if not gate.exists(folder / file.path, folder):
                raise self._pulled_away()
            if file.order <= last:
                moved = replace(file, path=parquet.reordered(file.path, last + 1))
                gate.rename(folder / file.path, folder / moved.path)
                self._files[i] = file = moved
            last = file.order

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Says what it means when the files are gone."""
        try:
            yield
        except FileNotFoundError as gone:
            raise self._pulled_away() from gone
        except OSError as why:
            raise fault(
                "E605", f"table `{self._target.name}` cannot be written: {why}", hint="is the disk full?"
            ) from why
        except QueryError as why:
            raise self._pulled_away() if why.code == "E601" else why from None

    def _pulled_away(self) -> QueryError:
        return types.mismatch(f"table `{self._target.name}` was dropped or vacuumed during the import", "run it again")

    def _convert(self, schema: pa.Schema) -> None:
        """The table changed its types meanwhile: writes the files again in the new ones."""
        old, self._schema = self._files, self._file_schema(schema)
        folder, gate = self._log.folder, self._store.gate
        self._writer = FilesWriter(gate, folder, self._schema, self._next_order, durable=self._durable)
        snap = Snapshot(gate, folder, 0, self._schema, (), pa.table({}))
        for i, file in enumerate(old):
            for rows in rewrite.rows_of(snap, DataFile(i, file.path, file.size, file.order, file.n_rows)):
                self._writer.write(rows)
        self._files = self._writer.close()
        for file in old:
            gate.remove(folder / file.path)

    def abort(self) -> None:
        """Removes what was written; after a commit, or if it is not sure that there was none, it does nothing."""
        self._aborted = True
        if self._done is None and not self._uncertain:
            self._writer.abort()
            self._remove_files()

    def _remove_files(self) -> None:
        for file in self._files:
            self._store.gate.remove(self._log.folder / file.path)
        self._files = []

    def __enter__(self) -> Import:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commits, or aborts after an exception."""
        if why is None:
            self.commit()
        else:
            self.abort()


def _last_order(table: DeltaTable | None) -> int:
    return max((parquet.order_of(uri) or 0 for uri in table.file_uris()), default=0) if table is not None else 0


def tries() -> Iterator[int]:
    """Waits a random while before each but the first."""
    for attempt in range(MAX_TRIES):
        if attempt:
            time.sleep(random.uniform(0, min(0.001 * 2 ** min(attempt, 6), 0.05)))
        yield attempt


def busy(name: str) -> Exception:
    return fault("E605", f"table `{name}` is too busy: {MAX_TRIES} tries", hint="try again, or use fewer writers")
