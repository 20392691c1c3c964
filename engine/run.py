"""One query at work: a scheduler thread releases pipelines whose inputs are complete and collects what fails."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from . import needs
from .chain import Chain
from .context import Context, QueryState, Settings, Stopped
from .ending import cancelled, commit, failure
from .failures import Phase, first_row, placed
from .kernels import aside, load
from .memory import QueryBudget, Window
from .metrics import OperatorMetrics, collect
from .noted import NoteEntry, note_entries
from .notes import At, Key, Ledger, Sample
from .operators.stream import StreamSink
from .parts import Part, Progress, Step, Task
from .pipeline import Pipeline
from .slots import Claim
from .spec import PipelineSpec

if TYPE_CHECKING:
    from .scheduler import EngineSession

Given: TypeAlias = tuple[Part, Step, int, Task]
KERNEL_BYTES = 8 << 20  # below it the general kernels answer sooner than numba is imported
GENERAL_BYTES_S = 100e6  # what the general kernels get through in a second, and so what waiting for better ones costs
PATIENCE_S = 2.0  # loading from the cache takes less; compiling takes more and goes on while the query runs
COMPILING_S = 1.4  # what a long query waits while kernels are compiled, which is quicker while nothing else is at work
URGENT_S = 3.0  # of general work, from which kernels are worth the processors that compiling them takes from the query


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
        self._events: SimpleQueue[None] = SimpleQueue()
        self._turn = threading.Lock()  # whoever has it does the scheduler's work
        self._ended: deque[Step] = deque()  # of tasks that ended, for whoever has the turn next
        self._is_broken = False
        # halves, since what is parked may move on to the reader at once
        half = max(1, min(settings.window_bytes, budget.in_flight) // 2)
        self.parked, self.unread = Window(half, budget, self._wake), Window(half, budget, self._wake)
        self.stream = StreamSink(self.unread, settings.batch_rows)
        if settings.kernels == "always":
            load.ensure(background=False)
        self._is_compiled = False
        self.state = QueryState(
            settings,
            budget,
            now_us=now_us,
            lend=session.slots.lend,
            rest=session.slots.rest,
            compiled=self._may_use_kernels if settings.kernels != "never" else lambda: False,
        )
        self.parts: list[Part] = []
        self._told: tuple[list[OperatorMetrics], Progress, list[NoteEntry]] | None = None  # once it has ended
        self.error: BaseException | None = None
        self.ended = threading.Event()
        self.state.figures, self.state.want_kernels = self.metrics, self.want_kernels
        self._specs = specs
        self._is_cancelled = self._is_abandoned = False
        self._claim = Claim(session.slots, self._wake)
        self._n_running = 0
        self._wants_kernels = False
        self._wanted: frozenset[str] | None = None
        self._knows_kernels = self._is_held_back = False
        self._may_load = settings.kernels == "auto" and not load.ready()
        self._trouble: BaseException | None = None  # of the scheduler itself, or in closing
        self.thread = threading.Thread(target=self._main, name="cortado-scheduler", daemon=True)

    # -- any thread --

    def cancel(self) -> None:
        """Stops everything that has not ended. Does not wait."""
        self._is_cancelled = True
        for part in self.parts:
            part.pipe.ctx.stop[0] = 1
        self._wake()

    def abandon(self) -> None:
        """Nobody will read. Takes no lock: the garbage collector may call it anywhere."""
        self._is_abandoned = True
        if not self.ended.is_set():
            self.cancel()

    def saw_input(self) -> None:
        """Some was read, or is known to come. Compiled kernels are worth loading once there is much of it."""
        if self._may_load:
            parts = [p.pipe for p in self.parts if not p.pipe.spec.is_result_of_sink]
            known = sum(max(p.nbytes_total or 0, p.chain.positions[0].nbytes) for p in parts)
            if known >= KERNEL_BYTES:
                self.want_kernels(known / GENERAL_BYTES_S)

    def want_kernels(self, seconds: float) -> None:
        """`seconds`: what the general kernels would take for work that is known of."""
        if self._may_load:
            self._may_load = False
            self._wants_kernels = True
            load.ensure(background=True, names=self._kernels, is_urgent=seconds >= URGENT_S)
        if self._wants_kernels and not self._may_use_kernels():
            patience, compiling = min(max(PATIENCE_S, seconds / 10), seconds), min(COMPILING_S, seconds / 8)
            load.wait(patience, self._may_use_kernels, self._is_stopping, compiling)

    def _may_use_kernels(self) -> bool:
        """Whether those that the query wants are there. Stays so: rows that were grouped by kernels go on with them."""
        if not self._is_compiled:
            self._is_compiled = load.ready() or (load.is_compiling() and load.ready(self._kernels()))
        return self._is_compiled

    def _n_threads(self) -> int:
        """Less than it may have while others compile its kernels on the same processors."""
        most = self._settings.threads
        if self._is_compiled or not self._wants_kernels or not (n := load.helpers()):
            return most
        return max(1, min(most, aside.processors() - n))

    def _stands_back(self) -> bool:
        """Asked by a worker between two partitions: whether another task should have its place."""
        most = self._n_threads()
        if self._is_held_back and most == self._settings.threads:
            self._is_held_back = False
            self._wake()
        if self._n_running > most:
            self._is_held_back = True
            return True
        return self._session.slots.wanted()

    def _kernels(self) -> frozenset[str] | None:
        """The modules that it wants; asked only where they have to be compiled."""
        if not self._knows_kernels:
            self._wanted, self._knows_kernels = needs.of_query(self._specs), True
        return self._wanted

    def _is_stopping(self) -> bool:
        """Asked by a task that waits: meanwhile others may have its slot."""
        self._session.slots.lend()
        return self._is_cancelled

    def _wake(self) -> None:
        self._events.put(None)

    def metrics(self) -> list[OperatorMetrics]:
        return self._told[0] if self._told is not None else collect(p.pipe.chain.positions for p in self.parts)

    def notes(self) -> list[NoteEntry]:
        if self._told is not None:
            return self._told[2]
        return note_entries([p.pipe for p in self.parts if not p.pipe.spec.is_look])

    def progress(self) -> Progress:
        if self._told is not None:
            return self._told[1]
        parts = [p for p in self.parts if not p.pipe.spec.is_result_of_sink]
        totals = [p.pipe.nbytes_total for p in parts]
        at_work = next((p for p in self.parts if not p.pipe.is_over), None)
        return Progress(
            rows=sum(p.pipe.chain.positions[0].rows for p in parts),
            nbytes=sum(p.pipe.chain.positions[0].nbytes for p in parts),
            nbytes_total=None if not totals or None in totals else sum(t or 0 for t in totals),
            stage=at_work.pipe.stage() if at_work is not None else "",
        )

    # -- scheduler thread --

    def _main(self) -> None:
        try:
            try:
                self._add(self._specs)
                self._loop()
            except BaseException as why:  # a fault of ours: nothing may be left behind even so
                self._trouble = self._trouble or why
                self._drain_tasks()
            self._finish()
            self._let_go()
        except BaseException as why:
            self.error = self.error or why
        finally:
            self.ended.set()
            self.stream.end(self.error)

    def _add(self, specs: Sequence[PipelineSpec], parent: Part | None = None) -> list[Part]:
        """`parent`: whose `then` gave them."""
        made: list[Part] = []
        for i, spec in enumerate(specs):
            key = (*parent.pipe.key, i) if parent is not None else (i,)
            made.append(self._part(spec, key, [made[j] for j in spec.after], parent))
        self.parts = sorted([*self.parts, *made], key=lambda p: p.pipe.key)  # a new list: other threads go through it
        if self._is_cancelled:
            self.cancel()
        return made

    def _part(self, spec: PipelineSpec, key: tuple[int, ...], after: list[Part], parent: Part | None) -> Part:
        query = replace(self.state, ledger=Ledger(), stop=np.zeros(1, np.uint8))
        sink, tag = spec.sink if spec.sink is not None else (self.stream, None)
        holder: list[Pipeline] = []

        def on_fault(key: Key, sample: Sample, hint: str) -> None:
            holder[0].on_fault(key, sample, hint)

        chain = Chain(spec, sink, tag, query, on_fault if self._settings.strict and not spec.is_look else None)
        giver = self._giver(spec, after, parent)
        if giver is not None:  # its rows are read within the memory of the sink that they come from
            chain.lend_share(giver.pipe.chain)
        for i in range(len(spec.transforms)):
            chain.set_share(i + 1, self.budget.share(0))
        if spec.sink is not None:
            self.state.shares[id(sink)] = share = self.budget.share(self.budget.share_bytes)
            chain.set_share(-1, share)
        pipe = Pipeline(spec, key, chain, self.parked, self.saw_input)
        holder.append(pipe)
        if spec.sink is None and self._settings.strict:
            self.stream.first_fault = partial(first_row, pipe.failures)
        return Part(pipe, sink, after, parent)

    def _giver(self, spec: PipelineSpec, after: Sequence[Part], parent: Part | None) -> Part | None:
        """The pipeline whose sink gives this one its rows: its `result` is the source."""
        if spec.giver is not None:
            return next((p for p in self.parts if p.pipe.spec is spec.giver), None) or next(
                (p for p in after if p.pipe.spec is spec.giver), None
            )
        if not callable(spec.source) and spec.is_result_of_sink:
            return parent
        owner = getattr(spec.source, "__self__", None)
        return next((p for p in after if p.sink is owner), None)

    def _loop(self) -> None:
        is_over = False
        while not is_over:
            with self._turn:
                if self._is_broken and self._trouble is not None:  # while a worker had the turn
                    raise self._trouble
                is_over, _ = self._round(None)
            if not (is_over or self._ended):
                self._events.get()

    def _round(self, pool: ThreadPoolExecutor | None) -> tuple[bool, Given | None]:
        """What is to be done now, by whoever has the turn: whether that was the end, and a task that is the caller's.

        `pool`: of the caller, if it may have one.
        """
        if self._is_abandoned:
            self.stream.drop()
        self._settle()
        while any([self._advance(part) for part in self.parts]):  # one that moves may let others move
            pass
        mine = self._dispatch(pool)
        return not self._n_running and not any(self._may_go_on(p) for p in self.parts), mine

    def _settle(self) -> None:
        while self._ended:
            self._ended.popleft().n_running -= 1
            self._n_running -= 1

    def _pass_on(self, step: Step, pool: ThreadPoolExecutor) -> Given | None:
        """A worker whose task has ended does the scheduler's work itself, as a hop to its thread and back may take milliseconds.

        What it is to do next, in its pool. If another has the turn, that one sees what has ended before it leaves.
        """
        self._ended.append(step)
        mine: Given | None = None
        while self._ended and not self._is_broken and self._turn.acquire(blocking=False):
            try:
                if self._is_broken:
                    break
                is_over, found = self._round(pool if mine is None else None)
                mine = mine or found
            except BaseException as why:  # a fault of ours, which the scheduler's thread tells
                self._trouble, self._is_broken, is_over = self._trouble or why, True, True
            finally:
                self._turn.release()
            if is_over:
                self._wake()
        if self._is_broken:
            self._wake()
        return mine

    def _may_go_on(self, part: Part) -> bool:
        return not (part.pipe.is_over or part.pipe.is_given_up)

    # pipelines

    def _advance(self, part: Part) -> bool:
        """To the next step, when the present one has nothing left to do. Whether anything changed."""
        pipe = part.pipe
        if self._is_cancelled:
            pipe.give_up()
        if pipe.is_over or (part.step is not None and not self._is_step_over(part, part.step)):
            return False
        if part.step is None and not pipe.is_given_up and not part.is_ready():
            return False
        if part.step is not None and (part.step.is_scan or pipe.has_failed_early()):
            pipe.end_scan()
        if part.step is not None and part.step.phase is not pipe.phase:
            self._next_step(part)  # its scan began in `_open`: only the end of a scan tells which failures count
        elif pipe.failures.first is not None:
            self._failed(part)
        elif pipe.is_given_up:
            self._over(part)
        else:
            self._next_step(part)
        return True

    def _next_step(self, part: Part) -> None:
        part.steps = part.steps or self._steps(part)
        part.step = next(part.steps, None)
        if part.step is None:
            part.is_complete = True
            self._over(part)
        else:
            part.pipe.phase = part.step.phase

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
        ctx, timed = chain.context(-1), chain.positions[-1].timed
        yield Step(Phase.COMBINE, deque(partial(timed, partial(sink.combine, local)) for local in chain.sink_locals()))
        tasks: list[Task] = []
        yield Step(Phase.MERGE, deque([lambda: tasks.extend(timed(lambda: sink.merge(ctx)))]))
        if tasks:
            yield Step(Phase.MERGE, deque(partial(timed, task) for task in tasks))
        if (refine := getattr(sink, "refine", None)) is not None:
            last: list[Task] = []
            yield Step(Phase.MERGE, deque([lambda: last.extend(timed(lambda: refine(ctx)))]))
            if last:
                yield Step(Phase.MERGE, deque(partial(timed, task) for task in last))
        if spec.then is not None:
            more: list[PipelineSpec] = []
            yield Step(Phase.FOLLOW, deque([lambda: more.extend(self._following(part, ctx))]))
            part.children = self._add(more, part)

    def _following(self, part: Part, ctx: Context) -> list[PipelineSpec]:
        """The pipelines that can be made now that the sink's columns are known."""
        then = part.pipe.spec.then
        assert then is not None
        source = part.pipe.chain.positions[-1].timed(lambda: part.sink.result(ctx))
        more = then(source, ctx)
        for spec in more:
            spec.is_result_of_sink = spec.is_result_of_sink or spec.source is source
        return more

    def _open(self, pipe: Pipeline) -> None:
        pipe.open()
        self.saw_input()
        if pipe.n_partitions == 1:  # a small query: spares it a hop between threads
            pipe.phase = Phase.SCAN
            pipe.lease(pipe.take(), self._stands_back)

    # tasks

    def _dispatch(self, pool: ThreadPoolExecutor | None) -> Given | None:
        """Start what may start, within the session's slots, but for the first task of `pool`, which is the caller's."""
        mine: Given | None = None
        held: list[Step] = []  # of tasks that no pool has
        try:
            while self._n_running < self._n_threads() and (part := self._part_with_work()) is not None:
                if not self._claim.take():
                    return mine
                assert part.step is not None
                begun = self._begin(part, part.step)
                if begun is None:  # another worker took the last of it meanwhile
                    self._session.slots.give()
                    continue
                part.step.n_running += 1
                self._n_running += 1
                held.append(part.step)
                if mine is None and self._pool(part.step) is pool:
                    mine = part, part.step, *begun
                else:
                    self._start(part, part.step, *begun)
                    held.pop()
        except BaseException:  # a fault of ours: nobody does them
            for step in held:
                self._ended.append(step)
                self._session.slots.give()
            raise
        self._claim.give_back()
        return mine

    def _part_with_work(self) -> Part | None:
        for part in self.parts:
            step = part.step if self._may_go_on(part) else None
            if step is not None and (part.pipe.has_work() if step.is_scan else step.tasks):
                return part
        return None

    def _begin(self, part: Part, step: Step) -> tuple[int, Task] | None:
        if not step.is_scan:
            return step.take()
        begun = part.pipe.take()
        if begun is None:
            return None
        step.n_begun += 1
        return step.n_begun, partial(part.pipe.lease, begun, self._stands_back)

    def _pool(self, step: Step) -> ThreadPoolExecutor:
        return self._session.sort if step.phase in (Phase.COMBINE, Phase.MERGE) else self._session.scan

    def _start(self, part: Part, step: Step, number: int, task: Task) -> None:
        try:
            self._pool(step).submit(self._work, part, step, number, task)
        except RuntimeError as why:  # the process ends
            self._session.slots.give()
            part.pipe.failures.add(step.phase, number, why)
            self._ended.append(step)
            self._wake()

    def _work(self, part: Part, step: Step, number: int, task: Task) -> None:
        """Runs in a pool: this task, others of its step while there are any, and what is next in this pool."""
        mine: Given | None = part, step, number, task
        while mine is not None:
            part, step, number, task = mine
            self._session.slots.begin()
            try:
                begun: tuple[int, Task] | None = number, task
                while begun is not None:
                    self._do(part, step, *begun)
                    goes_on = not (part.pipe.ctx.stop[0] or self._stands_back())
                    begun = step.take() if goes_on else None
            finally:
                self._session.slots.give()
                mine = self._pass_on(step, self._pool(step))

    def _do(self, part: Part, step: Step, number: int, task: Task) -> None:
        try:
            task()
        except BaseException as why:
            pipe = part.pipe
            if not isinstance(why, Stopped) or not pipe.ctx.stop[0]:
                tag = pipe.chain.sink_tag if step.phase > Phase.FINISH else None
                pipe.failures.add(step.phase, number, placed(why, tag))
                pipe.ctx.stop[0] = 1  # the other tasks of the step

    def _drain_tasks(self) -> None:
        """After a failure of the scheduler itself: wait for what runs."""
        with self._turn:
            self._is_broken = True
        self.cancel()
        self._settle()
        while self._n_running:
            self._events.get()
            self._settle()

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
        """Also what waits for the pipeline that gave it may read what it made."""
        users, giver = list(part.children), [part]
        while giver[-1].parent is not None:
            giver.append(giver[-1].parent)
        specs = [g.pipe.spec for g in giver]
        users += [
            p
            for p in self.parts
            if any(g in p.after for g in giver) or any(s is k for s in specs for k in p.pipe.spec.keeps)
        ]
        return part.pipe.is_over and all(p.is_over() for p in users)

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
            self._trouble = self._trouble or why

    def _finish(self) -> None:
        """No task runs any more, and none will."""
        self._claim.close()
        for part in self.parts:
            if not part.pipe.is_over:
                self._closing(part.pipe.end_scan)
                self._over(part)
        for part in self.parts:
            if not part.is_closed:
                self._close(part)
        self.error = commit(self.state.endings, self._outcome(), lambda: self._is_cancelled)
        self._note_kernels()
        self._session.forget(self)

    def _let_go(self) -> None:
        """Operators refer to each other and to this: what they hold would wait for Python's collector."""
        self._told = self.metrics(), self.progress(), self.notes()
        for part in self.parts:
            part.pipe.let_go()
            part.children, part.after, part.parent = [], [], None
        self.parts, self._specs = [], ()

    def _outcome(self) -> BaseException | None:
        found = failure(self.parts) or self._trouble
        if found is None and (self._is_cancelled or not all(p.is_complete for p in self.parts)):
            return cancelled()
        return found

    def _note_kernels(self) -> None:
        why = load.failure() if self._wants_kernels else None
        if why is not None and self.parts:
            told = f"{type(why).__name__}: {why}"
            self.parts[0].pipe.ctx.notes.count(
                At("", "engine"), "info", "compiled kernels could not be loaded", 1, told
            )
