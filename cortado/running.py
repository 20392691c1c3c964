"""A query that runs: its handle, its rows, what it says of itself."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .commands.base import REGISTRY
from .edge import edge_schema, record_batch
from .engine.batch import Batch
from .engine.context import Settings
from .engine.lower import Lowering, internal
from .engine.scheduler import Query as EngineQuery
from .planner.bind import BoundQuery
from .planner.catalog import Note
from .planner.plan import Node
from .planner.records import dataclass
from .planner.text import Fault, QueryError, Span, error, fault
from .planner.types import Schema
from .result import NoteEntry, OperatorStats, Result, Stats

if TYPE_CHECKING:
    from .session import Query, Session

EVERY_S = 0.1  # between two calls of `on_progress`


def now_us() -> int:
    return time.time_ns() // 1000


def engine_settings(s: Mapping[str, Any]) -> Settings:
    return Settings(
        threads=s["threads"], batch_rows=s["batch_rows"], morsel_bytes=s["morsel_bytes"], memory=s["memory"],
        timezone=s["timezone"], strict=s["strict"], seed=s["seed"], kernels=s["kernels"], optimiser=s["optimiser"],
        spill_dir=s["spill_dir"], spill_limit=s["spill_limit"],
    )  # fmt: skip


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
    """A query that runs. Its rows are read once: by `result`, which keeps them, by `reader` or by `rows`.

    `on_progress` is called every 0.1 s from a thread of its own, whether or not rows come, and once when the query
    has ended. What it raises ends the query and reaches whoever reads the rows.
    """

    def __init__(
        self, session: Session, query: Query, bound: BoundQuery, on_progress: Callable[[Any], None] | None
    ) -> None:
        self._session, self._query, self._bound = session, query, bound
        self.zone = str(bound.settings["timezone"])
        self._late_notes: list[Note] = []
        self._schema = query.plan.schema
        self._began = time.monotonic()
        self._took_s: float | None = None  # once it has ended
        self._is_read = self._is_closed = False
        self._result: Result | None = None
        self._failure: BaseException | None = None  # what the reader of the rows got
        self._callback_failure: BaseException | None = None
        self._lowering = Lowering(REGISTRY.lowerings, self._again, self._late_notes.extend, self._figures)
        self._engine: EngineQuery | None = None
        self._limit_s: float | None = None  # that has passed
        self._timer: threading.Timer | None = None
        plan = query.optimised()
        try:
            specs = self._lowering.pipelines(plan)
            self._engine = session.engine().run(specs, engine_settings(bound.settings), now_us=bound.now_us)
        except QueryError as found:
            raise self._located(found) from None
        session.started(self)
        self._caller: threading.Thread | None = None
        if on_progress is not None:
            self._caller = threading.Thread(target=self._call, args=(on_progress,), name="progress", daemon=True)
            self._caller.start()

    def _call(self, on_progress: Callable[[Any], None]) -> None:
        assert self._engine is not None
        try:
            while not self._engine.wait(EVERY_S) and not self._is_closed:
                on_progress(self.progress)
            on_progress(self.progress)
        except BaseException as why:
            self._callback_failure = why
            self.cancel()

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
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began if self._took_s is None else self._took_s

    @property
    def progress(self) -> Progress:
        assert self._engine is not None
        p = self._engine.progress()
        return Progress(p.rows, p.nbytes, p.nbytes_total, self.elapsed_s, p.stage)

    def limit(self, seconds: float | None) -> None:
        """Cancel it after so long; whoever reads its rows then gets E703."""
        if seconds is None or seconds == math.inf:
            return
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
            self.close()
            raise fault("E311", f"a timeout is a number of seconds above 0, not {seconds!r}")

        def stop() -> None:
            self._limit_s = seconds
            self.cancel()

        self._timer = threading.Timer(seconds, stop)
        self._timer.daemon = True
        self._timer.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it has ended. Rows that nobody reads hold it up. Ctrl-C meanwhile cancels it."""
        assert self._engine is not None
        try:
            return self._engine.wait(timeout)
        except KeyboardInterrupt:
            self.cancel()
            raise

    @property
    def is_over(self) -> bool:
        return self._is_closed or self._engine is None or self._engine.wait(0)

    def close(self) -> None:
        """Cancel what has not ended and wait until nothing of it runs. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._engine is not None:
            self._engine.close()
        self._took_s = time.monotonic() - self._began
        if self._caller is not None and self._caller is not threading.current_thread():
            self._caller.join()
        self._session.ended(self)

    # rows

    @property
    def schema(self) -> Schema:
        return self._schema

    def rows(self) -> Generator[Batch, None, None]:
        """The engine's batches in order, of `schema`; the first error of the query is raised here. E604 a second time."""
        if self._failure is not None:
            raise self._failure
        if self._is_read or self._is_closed:
            raise self._located(fault("E604", "the rows of this query were read already", hint="result() keeps them"))
        self._is_read = True
        return self._read()

    def _read(self) -> Generator[Batch, None, None]:
        assert self._engine is not None
        try:
            yield from self._engine
            self.close()
        except QueryError as found:
            self._failure = self._with_notes(self._late(self._located(found)))
        except (KeyboardInterrupt, GeneratorExit, pa.ArrowCancelled):
            raise
        except Exception as why:
            self._failure = internal(why, self._query.text)
            self._failure.__cause__ = why
        finally:
            self.close()
        if (failed := self._callback_failure or self._failure) is not None:
            self._failure = failed
            raise failed

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

    def _with_notes(self, found: QueryError) -> QueryError:
        found.notes = tuple(self.notes)
        return found

    def reader(self) -> pa.RecordBatchReader:
        """A reader over the rows as they come; closing it cancels the query."""
        from .stream import RowStream

        rows = self.batches()
        first = next(rows, None) if self._schema.open else None
        edge = edge_schema(self._schema, self.zone)
        return RowStream(edge, rows if first is None else _with_first(first, rows), self.close)

    def result(self, timeout: float | None = None) -> Result:
        """All rows, once the query has ended; E703 after `timeout` seconds. The same result when it is asked again."""
        if self._result is None:
            self.limit(timeout)
            batches = list(self.batches())
            table = pa.Table.from_batches(batches, edge_schema(self._schema, self.zone))
            self._result = Result(table, self.notes, self.stats())
        return self._result

    # what it says

    @property
    def notes(self) -> list[NoteEntry]:
        """The ledger so far, whole once the query has ended; by stage."""
        assert self._engine is not None
        found = [note_entry(n) for n in (*self._bound.notes, *self._late_notes)]
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
            self.elapsed_s,
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


def note_entry(note: Note) -> NoteEntry:
    return NoteEntry(note.stage, note.command, note.kind, note.reason, note.count, (), note.hint, note.message)


__all__ = ["Progress", "Running", "engine_settings", "note_entry", "now_us"]
