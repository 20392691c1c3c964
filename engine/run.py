"""One query at work: a scheduler thread releases pipelines whose inputs are complete and collects what fails."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from ..planner.text import fault
from .chain import Chain
from .context import QueryState, Settings, Stopped
from .failures import Phase, RowFault, placed, strict_error
from .kernels import load
from .memory import QueryBudget, Window
from .metrics import Position
from .notes import Ledger
from .operators.stream import StreamSink
from .pipeline import Pipeline
from .spec import PipelineSpec

if TYPE_CHECKING:
    from .scheduler import EngineSession

Task = Callable[[], None]
KERNEL_BYTES = 8 << 20  # below it the general kernels answer sooner than numba is imported


def _compiled(mode: str) -> Callable[[], bool]:
    """`always` loads the kernels here; with `auto` they may come while the query runs."""
    if mode == "never":
        return lambda: False
    if mode == "always":
        load.ensure(background=False)
    return load.ready


@dataclass(slots=True)
class Step:
    """What a pipeline does now: tasks that may run at once. A scan has none: its leases are made as there is room."""

    phase: Phase
    tasks: deque[Task] = field(default_factory=deque)
    n_running: int = 0
    n_begun: int = 0

    @property
    def is_scan(self) -> bool:
        return self.phase is Phase.SCAN


@dataclass(slots=True)
class Part:
    """A pipeline and its place among the others."""

    pipe: Pipeline
    sink: Any
    after: list[Part]
    steps: Iterator[Step] | None = None
    step: Step | None = None
    children: list[Part] = field(default_factory=list)  # what its `then` gave
    is_complete: bool = False
    is_closed: bool = False

    def is_settled(self) -> bool:
        """Complete, and so are the pipelines it gave."""
        return self.is_complete and all(c.is_settled() for c in self.children)

    def is_ready(self) -> bool:
        return all(p.is_settled() for p in self.after)


@dataclass(frozen=True, slots=True)
class Progress:
    """`nbytes_total`: of all sources; None where one cannot tell. `stage`: where the query is."""

    rows: int
    nbytes: int
    nbytes_total: int | None
    stage: str


class Run:
    """The scheduler's side of a query; the user holds a `Query`, so that dropping it can be noticed."""

    def __init__(
        self,
        session: EngineSession,
        specs: Sequence[PipelineSpec],
        settings: Settings,
        budget: QueryBudget,
        now_us: int,
    ) -> None:
        self._session, self._settings, self.budget = session, settings, budget
        self._window = Window(min(settings.window_bytes, budget.in_flight), budget)
        self.stream = StreamSink(self._window, self._wake)
        self.state = QueryState(
            settings, budget, now_us=now_us, lend=session.slots.lend, compiled=_compiled(settings.kernels)
        )
        self.parts: list[Part] = []
        self.positions: list[list[Position]] = []
        self.error: BaseException | None = None
        self.ended = threading.Event()
        self._specs = specs
        self._events: SimpleQueue[tuple[Step, Task] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_cancelled = self._is_over = self._is_waiting = False
        self._n_slots = 0  # granted and not yet used
        self._n_running = 0
        self._nbytes_read = 0
        self._may_load = settings.kernels == "auto" and not load.ready()
        self._scheduler_failure: BaseException | None = None
        self.thread = threading.Thread(target=self._main, name="cortado-scheduler", daemon=True)

    # -- any thread --

    def cancel(self) -> None:
        """Stops everything that has not ended. Does not wait."""
        self._is_cancelled = True
        for part in list(self.parts):
            part.pipe.ctx.stop[0] = 1
        self._wake()

    def drop_reader(self) -> None:
        self.stream.drop()
        if not self.ended.is_set():
            self.cancel()

    def saw_bytes(self, nbytes: int) -> None:
        """Input that was read. Compiled kernels are worth loading once there is much of it, or known to come."""
        self._nbytes_read += nbytes
        if self._may_load:
            known = sum(p.pipe.nbytes_total or 0 for p in self.parts if not p.pipe.spec.is_result_of_sink)
            if max(self._nbytes_read, known) >= KERNEL_BYTES:
                self._may_load = False
                load.ensure(background=True)

    def _wake(self) -> None:
        self._events.put(None)

    def _granted(self) -> None:
        """A slot that was waited for; called by the task that gives it."""
        with self._lock:
            if not self._is_over:
                self._n_slots += 1
                self._is_waiting = False
                self._wake()
                return
        self._session.slots.give()

    def progress(self) -> Progress:
        parts = [p for p in self.parts if not p.pipe.spec.is_result_of_sink]
        totals = [p.pipe.nbytes_total for p in parts]
        at_work = next((p for p in self.parts if not p.pipe.is_over), None)
        return Progress(
            rows=sum(p.pipe.chain.positions[0].rows for p in parts),
            nbytes=sum(p.pipe.nbytes_read() for p in parts),
            nbytes_total=None if not totals or None in totals else sum(t or 0 for t in totals),
            stage=at_work.pipe.stage() if at_work is not None else "",
        )

    # -- scheduler thread --

    def _main(self) -> None:
        try:
            self._add(self._specs, ())
            self._loop()
        except BaseException as why:  # a fault of ours: nothing may be left behind even so
            self._scheduler_failure = why
            self._drain_tasks()
        self._finish()

    def _add(self, specs: Sequence[PipelineSpec], prefix: tuple[int, ...]) -> list[Part]:
        made: list[Part] = []
        for i, spec in enumerate(specs):
            made.append(self._part(spec, (*prefix, i), [made[j] for j in spec.after]))
        self.parts = sorted([*self.parts, *made], key=lambda p: p.pipe.key)  # a new list: other threads go through it
        if self._is_cancelled:
            self.cancel()
        return made

    def _part(self, spec: PipelineSpec, key: tuple[int, ...], after: list[Part]) -> Part:
        query = replace(self.state, ledger=Ledger(), stop=np.zeros(1, np.uint8))
        sink, tag = spec.sink if spec.sink is not None else (self.stream, None)
        holder: list[Pipeline] = []
        on_fault = (lambda *fault: holder[0].on_fault(*fault)) if self._settings.strict else None
        chain = Chain(spec, sink, tag, query, on_fault)
        for i in range(len(spec.transforms)):
            chain.set_share(i + 1, self.budget.share(0))
        if spec.sink is not None:
            chain.set_share(-1, self.budget.share(self.budget.share_bytes))
        pipe = Pipeline(spec, key, chain, chain.context(0), self._window, self.saw_bytes)
        holder.append(pipe)
        self.positions.append(chain.positions)
        return Part(pipe, sink, after)

    def _loop(self) -> None:
        while True:
            for part in list(self.parts):
                self._advance(part)
            self._dispatch()
            if not self._n_running and not any(self._may_go_on(p) for p in self.parts):
                return
            self._handle(self._events.get())
            while True:
                try:
                    self._handle(self._events.get_nowait())
                except Empty:
                    break

    def _may_go_on(self, part: Part) -> bool:
        pipe = part.pipe
        return not pipe.is_over and not pipe.is_given_up

    def _handle(self, event: tuple[Step, Task] | None) -> None:
        if event is not None:
            event[0].n_running -= 1
            self._n_running -= 1

    # pipelines

    def _advance(self, part: Part) -> None:
        """To the next step, when the present one has nothing left to do."""
        pipe = part.pipe
        if pipe.is_over:
            return
        if self._is_cancelled and not pipe.is_given_up:
            pipe.give_up()
        if part.step is None:
            if pipe.is_given_up:
                self._over(part)
                return
            if not part.is_ready():
                return
            part.steps = self._steps(part)
            part.step = next(part.steps)
        while part.step is not None and self._is_step_over(part, part.step):
            if part.step.is_scan:
                pipe.end_scan()
            if pipe.failures.first is not None:
                self._failed(part)
                return
            if pipe.is_given_up:
                self._over(part)
                return
            assert part.steps is not None
            part.step = next(part.steps, None)
            if part.step is None:
                part.is_complete = True
                self._over(part)
                return
            pipe.phase = part.step.phase

    def _is_step_over(self, part: Part, step: Step) -> bool:
        if step.n_running:
            return False
        if part.pipe.is_given_up:
            return True
        return part.pipe.is_exhausted() if step.is_scan else not step.tasks

    def _steps(self, part: Part) -> Iterator[Step]:
        """The life of a pipeline; each step begins when all tasks of the one before have ended well."""
        pipe, chain, sink, spec = part.pipe, part.pipe.chain, part.sink, part.pipe.spec
        yield Step(Phase.OPEN, deque([partial(self._open, pipe)]))
        yield Step(Phase.SCAN)
        yield Step(Phase.FINISH, deque([pipe.finish]))
        if spec.sink is None:
            return
        ctx = chain.context(-1)
        timed = chain.sink_meter.timed
        yield Step(Phase.COMBINE, deque(partial(timed, partial(sink.combine, local)) for local in chain.sink_locals()))
        tasks: list[Task] = []
        yield Step(Phase.MERGE, deque([lambda: tasks.extend(timed(lambda: sink.merge(ctx)))]))
        if tasks:
            yield Step(Phase.MERGE, deque(partial(timed, task) for task in tasks))
        if spec.then is not None:
            then, more = spec.then, list[PipelineSpec]()
            yield Step(Phase.FOLLOW, deque([lambda: more.extend(then(timed(lambda: sink.result(ctx)), ctx))]))
            part.children = self._add(more, pipe.key)

    def _open(self, pipe: Pipeline) -> None:
        pipe.open()
        self.saw_bytes(0)

    # tasks

    def _dispatch(self) -> None:
        """Start what may start, within the session's slots."""
        while self._n_running < self._settings.threads and (part := self._part_with_work()) is not None:
            if not self._has_slot():
                return
            assert part.step is not None
            task = self._task(part, part.step)
            if task is None:  # another worker took the last of it meanwhile
                self._give_slot()
                continue
            self._start(part, part.step, task)
        self._return_slots()

    def _part_with_work(self) -> Part | None:
        for part in self.parts:
            if part.step is None or part.pipe.is_over or part.pipe.is_given_up:
                continue
            if part.pipe.has_work() if part.step.is_scan else part.step.tasks:
                return part
        return None

    def _task(self, part: Part, step: Step) -> Task | None:
        if not step.is_scan:
            return step.tasks.popleft()
        begun = part.pipe.take()
        return partial(part.pipe.lease, begun, self._session.slots.wanted) if begun is not None else None

    def _start(self, part: Part, step: Step, task: Task) -> None:
        step.n_running += 1
        step.n_begun += 1
        self._n_running += 1
        pool = self._session.sort if step.phase in (Phase.COMBINE, Phase.MERGE) else self._session.scan
        number = step.n_begun
        try:
            pool.submit(self._work, part, step, number, task)
        except RuntimeError as why:  # the process ends
            self._session.slots.give()
            part.pipe.failures.add(step.phase, number, -1, why)
            self._events.put((step, task))

    def _work(self, part: Part, step: Step, number: int, task: Task) -> None:
        """Runs in a pool."""
        self._session.slots.begin()
        try:
            task()
        except Stopped:
            pass
        except BaseException as why:
            tag = part.pipe.chain.sink_tag if step.phase > Phase.FINISH else None
            part.pipe.failures.add(step.phase, number, -1, placed(why, tag))
            if not step.is_scan:
                part.pipe.ctx.stop[0] = 1
        finally:
            self._session.slots.give()
            self._events.put((step, task))

    def _drain_tasks(self) -> None:
        """After a failure of the scheduler itself: wait for what runs."""
        self.cancel()
        while self._n_running:
            self._handle(self._events.get())

    # slots

    def _has_slot(self) -> bool:
        with self._lock:
            if self._n_slots:
                self._n_slots -= 1
                return True
            if self._is_waiting:
                return False
            self._is_waiting = True  # before it may be granted
        if self._session.slots.take(self._granted):
            with self._lock:
                self._is_waiting = False
            return True
        return False

    def _give_slot(self) -> None:
        self._session.slots.give()

    def _return_slots(self) -> None:
        """Nothing to do for them now."""
        with self._lock:
            n, self._n_slots = self._n_slots, 0
        for _ in range(n):
            self._session.slots.give()

    # the end

    def _failed(self, part: Part) -> None:
        """Under strict, pipelines before this one go on: a fault of theirs comes first. Else nothing does."""
        self._over(part)
        for other in self.parts:
            if not other.pipe.is_over and (not self._settings.strict or other.pipe.key > part.pipe.key):
                other.pipe.give_up()

    def _over(self, part: Part) -> None:
        part.pipe.is_over = True
        part.step = None
        self._closing(part.pipe.close_source)
        for other in self.parts:
            if not other.is_closed and self._is_unused(other):
                self._close(other)

    def _is_unused(self, part: Part) -> bool:
        users = [p for p in self.parts if part in p.after] + part.children
        return part.pipe.is_over and all(p.pipe.is_over for p in users)

    def _close(self, part: Part) -> None:
        part.is_closed = True
        if part.pipe.spec.sink is not None:
            self._closing(part.sink.close)
        for transform, _ in part.pipe.spec.transforms:
            close = getattr(transform, "close", None)
            if close is not None:
                self._closing(close)
        part.pipe.chain.close()

    def _closing(self, close: Callable[[], None]) -> None:
        """A failure to close is told only if nothing else is."""
        try:
            close()
        except BaseException as why:
            self._scheduler_failure = self._scheduler_failure or why

    def _finish(self) -> None:
        with self._lock:
            self._is_over = True
        if self._session.slots.withdraw(self._granted):
            self._is_waiting = False
        self._return_slots()
        for part in self.parts:
            if not part.pipe.is_over:
                part.pipe.end_scan()
                self._over(part)
        for part in self.parts:
            if not part.is_closed:
                self._close(part)
        self.error = self._outcome()
        self._commit()
        self._session.forget(self)
        self.ended.set()
        self.stream.end(self.error)

    def _outcome(self) -> BaseException | None:
        for part in self.parts:
            first = part.pipe.failures.first
            if isinstance(first, RowFault):
                return strict_error(first, part.pipe.ctx.query.ledger.place(first.sample))
            if first is not None:
                return first
        if self._scheduler_failure is not None:
            return self._scheduler_failure
        if self._is_cancelled or not all(p.is_complete for p in self.parts):
            return fault("E704", "the query was cancelled")
        return None

    def _commit(self) -> None:
        """What writers left to be done: all of it in order of stages, or all of it undone."""
        commits = sorted(enumerate(self.state.commits), key=lambda c: c[1][0])
        undo = dict(enumerate(self.state.aborts))
        for i, (_, commit) in commits:
            if self.error is not None or self._is_cancelled:
                break
            try:
                commit()
                del undo[i]
            except BaseException as why:
                self.error = why
        if undo and self.error is None:
            self.error = fault("E704", "the query was cancelled")
        for abort in undo.values():
            try:
                abort()
            except BaseException as why:
                self.error = self.error or why
