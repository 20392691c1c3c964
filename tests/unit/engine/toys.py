"""Operators that fail, stall, cancel or say DONE where a test wants it, and that keep count of what is done to them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pyarrow as pa

from cortado.engine.arrow import array_from
from cortado.engine.batch import Batch, Origin
from cortado.engine.context import Context, Settings
from cortado.engine.memory import Reservation
from cortado.engine.notes import At
from cortado.engine.operator import Emit, Flow, Source
from cortado.engine.operators.rows import Rows
from cortado.engine.scheduler import EngineSession, PipelineSpec, Query, Tag
from cortado.planner.text import QueryError
from cortado.planner.types import LONG, Schema

SCHEMA = Schema((("x", LONG),))
Hook = Callable[[int, int], Any]  # seq, number of the batch in it


class Boom(Exception):
    pass


def nothing(seq: int, k: int) -> None:
    return None


def fail_at(seq: int, k: int = 0, why: str = "boom") -> Hook:
    def hook(s: int, b: int) -> None:
        if (s, b) == (seq, k):
            raise Boom(f"{why} {seq}.{k}")

    return hook


def done_at(seq: int, k: int = 0) -> Hook:
    return lambda s, b: Flow.DONE if (s, b) == (seq, k) else None


def jitter(seed: int, most_s: float = 0.002) -> Hook:
    """A delay that depends on the place only."""

    def hook(s: int, b: int) -> None:
        time.sleep(float(np.random.default_rng((seed, s, b)).random()) * most_s)

    return hook


class Numbers:
    """0, 1, 2, ... in `n_parts` partitions of `n_batches` batches of `n_rows` rows."""

    def __init__(
        self, n_parts: int = 6, n_batches: int = 3, n_rows: int = 10, hook: Hook = nothing, file: str = ""
    ) -> None:
        self.schema = SCHEMA
        self.n_parts, self.n_batches, self.n_rows, self.hook, self.file = n_parts, n_batches, n_rows, hook, file
        self.begun: Counter[int] = Counter()
        self.ended: Counter[int] = Counter()  # iterators that came to an end, or were closed
        self.contexts: set[int] = set()  # of partitions that are in work
        self.n_closed = 0
        self.n_batches_read = 0
        self.fails_to_open = False

    @property
    def values(self) -> list[int]:
        return list(range(self.n_parts * self.n_batches * self.n_rows))

    def partitions(self, target: int) -> Sequence[Part]:
        if self.fails_to_open:
            raise Boom("open")
        return [Part(self, i) for i in range(self.n_parts)]

    def close(self) -> None:
        self.n_closed += 1

    def assert_closed(self) -> None:
        assert self.n_closed == 1
        assert self.begun == self.ended
        assert all(n == 1 for n in self.begun.values())


@dataclass(frozen=True)
class Part:
    source: Numbers
    seq: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        s = self.source
        s.begun[self.seq] += 1
        assert id(ctx) not in s.contexts, "a context is of one partition at a time"
        s.contexts.add(id(ctx))
        per_part = s.n_batches * s.n_rows
        ctx.query.ledger.rows_by_seq[self.seq] = per_part
        if s.file:
            ctx.query.ledger.files_by_seq[self.seq] = s.file
        try:
            for k in range(s.n_batches):
                s.hook(self.seq, k)
                first = self.seq * per_part + k * s.n_rows
                values = np.arange(first, first + s.n_rows, dtype=np.int64)
                s.n_batches_read += 1
                yield Batch(s.n_rows, (array_from(values),), Origin(self.seq, s.file, 0, k * s.n_rows))
        finally:
            s.contexts.discard(id(ctx))
            s.ended[self.seq] += 1


@dataclass(eq=False)
class Local:
    ctx: Context
    n_pushed: int = 0
    n_finished: int = 0
    n_combined: int = 0
    held: list[Batch] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    memory: Reservation | None = None
    seen: Counter[int] = field(default_factory=Counter)


class Probe:
    """Hands every batch on; with `holds` (which needs order) the last one only in `finish`."""

    def __init__(
        self, hook: Hook = nothing, *, needs_order: bool = False, holds: bool = False, fails_at: str = ""
    ) -> None:
        self.needs_order = needs_order or holds
        self.hook, self.holds, self.fails_at = hook, holds, fails_at
        self.locals: list[Local] = []
        self.order: list[tuple[int, int]] = []
        self.n_closed = 0
        self._counts: Counter[int] = Counter()
        self._inside = threading.Lock()

    def open(self, ctx: Context) -> Local:
        if self.fails_at == "open":
            raise Boom("open")
        local = Local(ctx, memory=ctx.memory.reserve("probe"))
        assert local.memory is not None and local.memory.grow(1000)
        self.locals.append(local)
        return local

    def push(self, batch: Batch, local: Local, emit: Emit) -> Flow:
        if self.needs_order:
            assert self._inside.acquire(blocking=False), "two pushes at once"
        try:
            seq, k = batch.origin.seq, batch.origin.row // max(1, batch.n_rows)
            local.n_pushed += 1
            if self.needs_order:
                self.order.append((seq, k))
            told = self.hook(seq, k)
            if told is Flow.DONE:
                return Flow.DONE
            if self.holds:
                local.held.append(batch)
                return emit(local.held.pop(0)) if len(local.held) > 1 else Flow.MORE
            return emit(batch)
        finally:
            if self.needs_order:
                self._inside.release()

    def finish(self, local: Local, emit: Emit) -> None:
        local.n_finished += 1
        if self.fails_at == "finish":
            raise Boom("finish")
        for batch in local.held:
            emit(batch)

    def close(self) -> None:
        self.n_closed += 1

    def assert_finished(self) -> None:
        assert self.locals and all(local.n_finished == 1 for local in self.locals)
        assert not self.needs_order or len(self.locals) == 1
        assert self.n_closed == 1


class Swallow(Probe):
    """A writer: takes all rows, whatever is said below."""

    swallows_done = True

    def __init__(self, *, is_honest: bool = True) -> None:
        super().__init__(needs_order=True)
        self.is_honest, self.n_rows, self._below_is_done = is_honest, 0, False

    def push(self, batch: Batch, local: Local, emit: Emit) -> Flow:
        self.n_rows += batch.n_rows
        if not self._below_is_done and emit(batch) is Flow.DONE:
            self._below_is_done = True
            if not self.is_honest:
                return Flow.DONE
        return Flow.MORE


class Collect:
    """Keeps all rows, in memory that it reserves, and gives them sorted."""

    def __init__(
        self, hook: Hook = nothing, *, needs_order: bool = False, fails_at: str = "", n_tasks: int = 3
    ) -> None:
        self.needs_order, self.hook, self.fails_at, self.n_tasks = needs_order, hook, fails_at, n_tasks
        self.locals: list[Local] = []
        self.rows: list[int] = []
        self.n_closed = self.n_tasks_run = 0
        self.max_share = 0
        self._lock = threading.Lock()

    def _maybe(self, where: str) -> None:
        if self.fails_at == where:
            raise Boom(where)

    def open(self, ctx: Context) -> Local:
        self._maybe("sink open")
        local = Local(ctx, memory=ctx.memory.reserve("collect", ctx.memory.limit // ctx.settings.threads))
        self.max_share = ctx.memory.limit
        self.locals.append(local)
        return local

    def push(self, batch: Batch, local: Local) -> Flow:
        k = local.seen[batch.origin.seq]
        local.seen[batch.origin.seq] += 1
        self._maybe("sink push")
        assert local.memory is not None and local.memory.grow(8 * batch.n_rows)
        local.rows += batch.array(0).to_pylist()
        return self.hook(batch.origin.seq, k) or Flow.MORE

    def combine(self, local: Local) -> None:
        local.n_combined += 1
        self._maybe("combine")
        with self._lock:
            self.rows += local.rows

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        self._maybe("merge")
        return [self._task] * self.n_tasks

    def _task(self) -> None:
        self._maybe("merge task")
        with self._lock:
            self.n_tasks_run += 1

    def result(self, ctx: Context) -> Source:
        self._maybe("result")
        return Rows([pa.array(sorted(self.rows), pa.int64())], SCHEMA)

    def close(self) -> None:
        self.n_closed += 1
        for local in self.locals:
            if local.memory is not None:
                local.memory.release()

    def assert_combined(self) -> None:
        assert self.locals and all(local.n_combined == 1 for local in self.locals)
        assert self.n_tasks_run == self.n_tasks
        assert self.n_closed == 1


def tag(i: int, name: str = "op") -> Tag:
    return Tag(i, f"{name}{i}", str(i), name)


def pipe(
    source: Any, *transforms: Any, sink: Any = None, first: int = 1, after: tuple[int, ...] = (), then: Any = None
) -> PipelineSpec:
    """A pipeline whose operators are tagged first, first + 1, ..."""
    steps = [(t, tag(first + 1 + i)) for i, t in enumerate(transforms)]
    end = (sink, tag(first + 1 + len(transforms))) if sink is not None else None
    return PipelineSpec(source=source, transforms=steps, sink=end, source_tag=tag(first), after=after, then=then)


def through(source: Any, *transforms: Any, sink: Any, behind: Sequence[Any] = ()) -> list[PipelineSpec]:
    """Source, transforms and sink, then the sink's rows through `behind`."""
    first = pipe(source, *transforms, sink=sink)
    second = pipe(sink.result, *behind, first=2 + len(transforms), after=(0,))
    second.is_result_of_sink = True
    return [first, second]


def start(session: EngineSession, specs: list[PipelineSpec], **settings: Any) -> Query:
    settings.setdefault("threads", session.threads)
    settings.setdefault("kernels", "never")
    return session.run(specs, Settings(**settings), now_us=0)


def values(query: Query) -> list[int]:
    return [v for batch in query for v in cast(Any, batch.array(0)).to_pylist()]


def code_of(why: BaseException) -> str:
    assert isinstance(why, QueryError)
    return why.code


def assert_clean(session: EngineSession, query: Query) -> None:
    """Nothing of an ended query is left."""
    assert query.wait(5)
    run = query._run
    assert run.budget.used == run.parked.nbytes == run.unread.nbytes == 0
    assert run.budget.pool + run.budget.in_flight <= run.budget.limit
    deadline = time.monotonic() + 2
    while session.slots.n_free != session.threads and not session._runs and time.monotonic() < deadline:
        time.sleep(0.001)
    assert session.slots.n_free == session.threads or session._runs
    assert run not in session._runs


def our_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("cortado-") and t.name != "cortado-kernels"]


AT = At("2", "op")
