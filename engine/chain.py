"""The operators of one pipeline as calls: a chain of pushes for each worker, one behind the gate."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import field
from functools import partial
from typing import Any, cast

from ..planner.records import dataclass
from .batch import Batch
from .context import Context, QueryState
from .failures import placed
from .memory import Budget
from .metrics import Meter, Position, cpu_ns, wall_ns
from .notes import Key, Sample
from .operator import Emit, Flow, Sink, Transform
from .operators.plaintext import plain
from .pace import Pace
from .scanwork import Absorbing, ScanWork
from .spec import PipelineSpec, Tag

FRAMES_BESIDE = 700  # of the interpreter's limit: what stands above and below the operators
MOST_FRAMES = 12_000  # other recursions, which need the C stack, come through with so many, too

OnFault = Callable[[Key, Sample, str], None]


@dataclass(slots=True)
class Step:
    transform: Transform[Any]
    local: Any
    emit: Emit
    meter: Meter
    tag: Tag


@dataclass(slots=True)
class Worker:
    """What one lease works with: a Local and a context for each of its operators, and the calls through them."""

    ctx: Context  # of the loop that feeds it
    meter: Meter  # the source's
    head: Emit
    steps: list[Step] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)
    sink_local: Any = None
    sink_meter: Meter = field(default_factory=Meter)
    is_compiled: bool = False
    pace: Pace = field(default_factory=Pace)


class Chain:
    """Operators before the first that needs order run in every worker, the others in `tail`."""

    def __init__(
        self, spec: PipelineSpec, sink: Sink[Any], sink_tag: Tag | None, query: QueryState, on_fault: OnFault | None
    ) -> None:
        self.sink, self.sink_tag = sink, sink_tag
        self._spec, self._query, self._on_fault = spec, query, on_fault
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._workers: list[Worker] = []
        self._contexts: list[Context] = []  # for partitions, while no partition uses them
        self.tail: Worker | None = None
        transforms = spec.transforms
        self.positions = [
            Position(spec.source_tag, None, is_source=True),
            *(Position(tag, t) for t, tag in transforms),
            Position(sink_tag, sink, is_sink=True),
        ]
        needing = [t.needs_order for t, _ in transforms] + [sink.needs_order]
        self.needs_order = True in needing
        self._split = needing.index(True) if self.needs_order else len(needing)
        self._shares: list[Budget | None] = [None] * len(self.positions)
        _make_room(3 * len(transforms) + FRAMES_BESIDE)

    def set_share(self, position: int, share: Budget) -> None:
        self._shares[position] = share
        self.positions[position].peak = lambda: share.peak

    def lend_share(self, giver: Chain) -> None:
        """The source is what the sink of `giver` made of its rows: it goes on with that sink's memory."""
        self._shares[0] = giver._shares[-1]

    def context(self, position: int) -> Context:
        """A context for a Local of the operator at `position` (0: the source, -1: the sink)."""
        notes = self._query.ledger.worker(self._on_fault, self._query.settings.timezone)
        return Context(self._query, notes, self._shares[position], self._query.compiled())

    # -- making and lending workers --

    def open_tail(self) -> None:
        self.tail = self._build(self._split, len(self._spec.transforms), None)

    def borrow(self, gate: Emit | None) -> Worker:
        """A worker that nobody uses now. `gate`: where its batches go, if there is one."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        worker = (
            self._build(0, self._split, gate) if gate is not None else self._build(0, len(self._spec.transforms), None)
        )
        with self._lock:
            self._workers.append(worker)
        return worker

    def give_back(self, worker: Worker) -> None:
        with self._lock:
            self._idle.append(worker)

    def discard(self, worker: Worker) -> None:
        """It failed in the middle of a push: what its Locals hold is of no use."""
        with self._lock:
            self._workers = [w for w in self._workers if w is not worker]

    def borrow_context(self) -> Context:
        """For one partition, as long as it is in work."""
        with self._lock:
            ctx = self._contexts.pop() if self._contexts else None
        ctx = ctx or self.context(0)
        ctx.kernels = self._query.compiled()
        return ctx

    def give_back_context(self, ctx: Context) -> None:
        with self._lock:
            self._contexts.append(ctx)

    def refresh(self, worker: Worker) -> None:
        """Between two morsels: from here on its operators may use compiled kernels, if they are there."""
        if not worker.is_compiled and self._query.compiled():
            worker.is_compiled = True
            for ctx in worker.contexts:
                ctx.kernels = True

    def _build(self, first: int, last: int, gate: Emit | None) -> Worker:
        """Transforms `first` to `last` (exclusive), then the gate, or the sink if there is none."""
        ctx, source_meter = self.context(0), Meter()
        worker = Worker(ctx, source_meter, _nowhere, is_compiled=self._query.compiled())
        after = Meter()
        is_end = last == len(self._spec.transforms) and getattr(self.sink, "takes_plain", False)
        if gate is not None:
            emit = _metered(gate, after)
        else:
            ctx = self.context(-1)
            worker.contexts.append(ctx)
            worker.sink_local = self.sink.open(ctx)
            emit = _sink_call(self.sink, worker.sink_local, after, self.sink_tag)
            worker.sink_meter = after
            self.positions[-1].meters.append((after, None))
        if is_end:
            emit = _plain_call(emit, ctx)
        for i in reversed(range(first, last)):
            transform, tag = self._spec.transforms[i]
            ctx = self.context(i + 1)
            worker.contexts.append(ctx)
            try:
                local = transform.open(ctx)
            except Exception as why:
                raise placed(why, tag) from None
            meter = Meter()
            self.positions[i + 1].meters.append((meter, after))
            worker.steps.insert(0, Step(transform, local, emit, meter, tag))
            emit = _transform_call(transform, local, emit, meter, tag)
            after = meter
        if first == 0:
            self.positions[0].meters.append((source_meter, None))
        steps = [*(t for t, _ in self._spec.transforms[first:last]), *([self.sink] if gate is None else [])]
        worker.pace = Pace(worker.is_compiled and all(getattr(s, "is_quick", False) for s in steps))
        worker.head = emit
        return worker

    def absorb(self, worker: Worker, work: ScanWork) -> None:
        """What a scan leaves to the sink: its time is the scan's, and its rows count as having gone through all operators."""
        sink = cast(Absorbing, self.sink)
        try:
            worker.meter.timed(lambda: sink.absorb(work, worker.sink_local))
        except Exception as why:
            raise placed(why, self.sink_tag) from why.__cause__
        for meter in (worker.meter, *(step.meter for step in worker.steps), worker.sink_meter):
            meter.rows += work.n_rows

    # -- after the last partition --

    def finish(self, gate: Emit | None) -> None:
        """Tell every Local that there are no more rows: workers first, then what stands behind the gate."""
        if self.tail is None and not self._workers:
            self.give_back(self.borrow(gate))  # a sink that got no rows still has one Local
        for worker in [*self._workers, *([self.tail] if self.tail is not None else [])]:
            for step in worker.steps:
                try:
                    step.meter.timed(partial(step.transform.finish, step.local, step.emit))
                except Exception as why:
                    raise placed(why, step.tag) from None

    def sink_locals(self) -> list[Any]:
        return [w.sink_local for w in ([self.tail] if self.tail is not None else self._workers)]

    def close(self) -> None:
        """Locals are let go, with the memory that transforms hold; figures stay."""
        self._idle.clear()
        self._workers.clear()
        self._contexts.clear()
        self.tail = None
        for share in self._shares[1:-1]:
            if share is not None:
                share.give(share.used)


def _make_room(frames: int) -> None:
    """A batch goes through all operators by nested calls. They are of Python alone, which need no room on the C stack,
    so some hundred stages are no reason to stop. For the process, and never lowered: other threads may be deeper.
    """
    wanted = min(frames, MOST_FRAMES)
    if wanted > sys.getrecursionlimit():
        sys.setrecursionlimit(wanted)


def _nowhere(batch: Batch) -> Flow:
    raise AssertionError("a worker without a chain")


def _metered(emit: Emit, meter: Meter) -> Emit:
    def call(batch: Batch) -> Flow:
        wall, cpu = wall_ns(), cpu_ns()
        try:
            return emit(batch)
        finally:
            meter.rows += batch.n_rows
            meter.wall += wall_ns() - wall
            meter.cpu += cpu_ns() - cpu

    return call


def _transform_call(transform: Transform[Any], local: Any, emit: Emit, meter: Meter, tag: Tag) -> Emit:
    push, swallows = transform.push, getattr(transform, "swallows_done", False)

    def call(batch: Batch) -> Flow:
        wall, cpu = wall_ns(), cpu_ns()
        try:
            flow = push(batch, local, emit)
        except Exception as why:
            raise placed(why, tag) from why.__cause__
        finally:
            meter.rows += batch.n_rows
            meter.nbytes += batch.nbytes()
            meter.batches += 1
            meter.wall += wall_ns() - wall
            meter.cpu += cpu_ns() - cpu
        if swallows and flow is Flow.DONE:
            raise RuntimeError(f"{tag.operator} must take all rows, yet handed DONE on")
        return flow

    return call


def _plain_call(emit: Emit, ctx: Context) -> Emit:
    """Texts are cut out here, where several workers can, and not by the one thread that reads the result."""
    return lambda batch: emit(plain(batch, ctx.compiled))


def _sink_call(sink: Sink[Any], local: Any, meter: Meter, tag: Tag | None) -> Emit:
    push = sink.push

    def call(batch: Batch) -> Flow:
        wall, cpu = wall_ns(), cpu_ns()
        try:
            return push(batch, local)
        except Exception as why:
            raise placed(why, tag) from why.__cause__
        finally:
            meter.rows += batch.n_rows
            meter.nbytes += batch.nbytes()
            meter.batches += 1
            meter.wall += wall_ns() - wall
            meter.cpu += cpu_ns() - cpu

    return call
