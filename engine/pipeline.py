"""One pipeline at work: its partitions, the leases of the workers that carry them, and when it may stop."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field

from ..planner.records import dataclass
from .batch import Batch
from .chain import Chain, Worker
from .context import Context, Stopped
from .failures import Failures, Phase, Place, RowFault, placed, strict_code
from .memory import Window
from .metrics import Meter, cpu_ns, wall_ns
from .notes import Key, Sample
from .operator import Flow, Partition, Source
from .operators.stream import StreamSink
from .order import OrderGate
from .scanwork import ScanWork
from .spec import PipelineSpec


@dataclass(slots=True, order=True)
class Begun:
    """A partition in work. Put aside between two batches when there is no room; any worker may go on with it."""

    seq: int
    partition: Partition = field(compare=False)
    batches: Iterator[Batch] | None = field(default=None, compare=False)
    ctx: Context | None = field(default=None, compare=False)  # its own: the worker that began it has others by now
    n_rows: int = field(default=0, compare=False)


class Pipeline:
    """Source -> transforms -> sink. Operators from the first that needs order on run behind the gate.

    `lease` runs in the workers, `open` and `finish` once each in one of them; the rest belongs to the scheduler.
    """

    def __init__(
        self, spec: PipelineSpec, key: tuple[int, ...], chain: Chain, window: Window, on_read: Callable[[], None]
    ) -> None:
        self.spec, self.key, self.chain = spec, key, chain
        self.ctx = chain.context(0)
        self.failures = Failures()
        self.phase = Phase.OPEN
        self.is_over = False  # complete, failed or given up: nothing of it runs any more
        self.is_given_up = False  # not to be continued: something before it failed, or the query is cancelled
        self.was_satisfied = False  # an operator said DONE: the rest was not read
        self.nbytes_total: int | None = None
        self.gate: OrderGate | None = None
        self._source: Source | None = None if callable(spec.source) else spec.source
        self.ctx.query.has_room = self.has_room_for
        self._window, self._on_read = window, on_read
        self._lock = threading.Lock()
        self._partitions: Sequence[Partition] = ()
        self._order: Sequence[int] | None = None  # in which they are begun; None: as they are numbered
        self._next = 0
        self._aside: list[Begun] = []
        self._is_done = False  # no more partitions: an operator said DONE, or failed behind the gate
        self._has_tail_failed = False

    # -- what runs in the pools --

    def open(self) -> None:
        """Get the source and its partitions; what runs behind the gate is made here, too."""
        self.ctx.kernels = self.ctx.query.compiled()
        try:
            made, timed, settings = self.spec.source, self.chain.positions[0].timed, self.ctx.settings
            source: Source = timed(lambda: made(self.ctx)) if callable(made) else made
            self.chain.positions[0].operator = source
            self._source = source  # before its partitions are made: they may open files
            begin = getattr(source, "begin", None)
            if begin is not None:
                begin(self.ctx)
            target = settings.morsel_bytes if getattr(source, "bytewise", False) else settings.batch_rows
            self._partitions = timed(lambda: source.partitions(target))
        except Exception as why:
            raise placed(why, self.spec.source_tag) from why.__cause__
        self.nbytes_total = getattr(source, "nbytes_hint", None)
        self.ctx.query.ledger.has_places = getattr(source, "has_places", True)
        self._order = None if self.chain.needs_order else getattr(source, "work_order", None)
        if self.chain.needs_order:
            self.chain.open_tail()
            self.gate = OrderGate(self._through_gate, self._window)

    def lease(self, begun: Begun | None, wanted: Callable[[], bool]) -> None:
        """Work on one partition after the other until there is none, there is no room, or the slot is `wanted` elsewhere."""
        worker: Worker | None = None
        while begun is not None:
            try:
                if worker is None:
                    worker = self.chain.borrow(self.gate.offer if self.gate is not None else None)
                self._carry(worker, begun)
            except BaseException as why:
                if not isinstance(why, Stopped) or not self.ctx.stop[0]:
                    self.failures.add(Phase.SCAN, begun.seq, why)
                if worker is not None:
                    self.chain.discard(worker)  # its Locals are not to be trusted; earlier partitions get others
                return
            if wanted():
                break
            begun = self.take()
        if worker is not None:
            self.chain.give_back(worker)

    def finish(self) -> None:
        """After the last partition: operators behind the gate may still emit; the others hold nothing back."""
        self.chain.finish(self.gate.offer if self.gate is not None else None)

    def on_fault(self, key: Key, sample: Sample, hint: str) -> None:
        """Under strict: a note about a row. Later partitions stop at their next batch; earlier ones finish."""
        if strict_code(key) is not None:
            self.failures.add_fault(self.phase, RowFault(key, sample, hint))

    # -- handing out partitions --

    def take(self) -> Begun | None:
        """The first partition that may be worked on now; None: none, or no room."""
        with self._lock:
            seq = self._next_seq()
            if seq is None:
                return None
            if self._aside:
                return heapq.heappop(self._aside)
            self._next += 1
            return Begun(seq, self._partitions[seq])

    def has_work(self) -> bool:
        with self._lock:
            return self._next_seq() is not None

    def is_exhausted(self) -> bool:
        """No partition is left to work on."""
        with self._lock:
            return self._is_stopped() or self._first_seq() is None

    def _is_stopped(self) -> bool:
        return self._is_done or bool(self.ctx.stop[0])

    def _first_seq(self) -> int | None:
        if self._aside:
            seq = self._aside[0].seq
        elif self._order is None:
            seq = self._next
        else:
            while self._next < len(self._order) and self._order[self._next] > self.failures.seq:
                self._next += 1  # what lies before a failure is still to be read
            seq = self._order[self._next] if self._next < len(self._order) else len(self._partitions)
        return seq if seq < len(self._partitions) and seq <= self.failures.seq else None

    def _next_seq(self) -> int | None:
        if self._is_stopped() or self._is_stream_full():
            return None
        seq = self._first_seq()
        return seq if seq is not None and self._has_room(seq) else None

    def _is_stream_full(self) -> bool:
        return isinstance(self.chain.sink, StreamSink) and self.chain.sink.is_full()

    def _has_room(self, seq: int) -> bool:
        """With the window full only the partition whose turn it is may go on, unless another worker pushes its rows."""
        if self.gate is None or not self._window.is_full():
            return True
        return seq == self.gate.turn and not self.gate.is_busy

    def has_room_for(self, seq: int) -> bool:
        """Whether an operator may put out more rows of a partition that is in work; True, too, where nobody wants any."""
        if self._is_stopped():
            return True
        if self._is_stream_full():
            return False
        return self._has_room(seq) or (self.gate is not None and self.gate.is_pushed_by_me())

    # -- one partition --

    def _carry(self, worker: Worker, begun: Begun) -> None:
        """Push the batches of a partition through the worker's operators, to its end or until it is put aside."""
        self.chain.refresh(worker)
        is_kept = False
        try:
            if begun.batches is None:
                begun.ctx = self.chain.borrow_context()
                begun.batches = iter(begun.partition.batches(begun.ctx))
            while not self._is_stopped() and begun.seq <= self.failures.seq:
                worker.ctx.check()
                batch = self._pull(begun, worker)
                if batch is None:
                    self._end(begun, worker.meter)
                    return
                if isinstance(batch, ScanWork):
                    self.chain.absorb(worker, batch)
                    begun.n_rows += batch.n_rows
                    continue
                if worker.pace.push(batch, worker.head, worker.ctx.check) is Flow.DONE:
                    worker.meter.rows -= worker.pace.left
                    self._stop_reading()
                    return
                del batch
                if begun.seq >= self.failures.seq:
                    return
                if self._is_stream_full() or not self._has_room(begun.seq):
                    is_kept = True
                    return
            worker.ctx.check()
        finally:
            if is_kept:
                with self._lock:
                    heapq.heappush(self._aside, begun)
            else:
                self._drop(begun)

    def _pull(self, begun: Begun, worker: Worker) -> Batch | ScanWork | None:
        assert begun.batches is not None
        meter = worker.meter
        wall, cpu = wall_ns(), cpu_ns()
        try:
            batch = next(begun.batches, None)
        except Exception as why:
            raise placed(why, self.spec.source_tag) from why.__cause__
        finally:
            meter.wall += wall_ns() - wall
            meter.cpu += cpu_ns() - cpu
        if batch is not None:
            if batch.origin.seq != begun.seq:
                raise RuntimeError(f"partition {begun.seq} gave rows of partition {batch.origin.seq}")
            meter.rows += batch.n_rows
            meter.batches += 1
            meter.compiled += worker.is_compiled
            begun.n_rows += batch.n_rows
            if not hasattr(begun.partition, "nbytes"):
                self._read(batch.nbytes(), meter)
        return batch

    def _read(self, nbytes: int, meter: Meter) -> None:
        meter.nbytes += nbytes
        if not self.spec.is_result_of_sink:
            self._on_read()

    def _end(self, begun: Begun, meter: Meter) -> None:
        """All its batches were pushed."""
        self.ctx.query.ledger.rows_by_seq.setdefault(begun.seq, begun.n_rows)
        if hasattr(begun.partition, "nbytes"):
            self._read(begun.partition.nbytes, meter)
        if self.gate is not None and self.gate.close(begun.seq) is Flow.DONE:
            self._stop_reading()

    def _drop(self, begun: Begun) -> None:
        """It ends here, whether or not it was read to its end."""
        close = getattr(begun.batches, "close", None)
        try:
            if close is not None:
                close()
        finally:
            if begun.ctx is not None:
                self.chain.give_back_context(begun.ctx)

    def _stop_reading(self) -> None:
        self._is_done = True
        if not self._has_tail_failed:
            self.was_satisfied = True

    def _through_gate(self, batch: Batch) -> Flow:
        """One at a time, in order; so all that could fail earlier has passed."""
        seq, tail = batch.origin.seq, self.chain.tail
        assert tail is not None
        if seq <= self.failures.seq:
            self.chain.refresh(tail)
            try:
                return tail.pace.push(batch, tail.head, self._look)
            except Stopped:
                self._has_tail_failed = True  # before others are told DONE
                raise
            except BaseException as why:
                self.failures.add(Phase.SCAN, seq, why)
        self._has_tail_failed = True
        return Flow.DONE

    def _look(self) -> None:
        """As `Context.check`, where a lock is held: it lets nobody in."""
        if self.ctx.stop[0]:
            raise Stopped

    # -- scheduler --

    def end_scan(self) -> None:
        """With no lease left: close what was begun, and forget failures behind the last row anyone wanted."""
        was_read = not self._is_stopped() and self.failures.first is None
        if self.gate is not None:
            if was_read and (self.gate.turn != len(self._partitions) or self.gate.holds_rows()):
                raise RuntimeError(f"of {len(self._partitions)} partitions {self.gate.turn} came to their end")
            self.gate.stop()
        aside, self._aside = self._aside, []
        for begun in aside:
            self._drop(begun)
        self._partitions = ()
        if (self.was_satisfied or self.ctx.query.ledger.is_enough) and self.gate is not None:
            self.failures.forget(self._was_wanted)

    def has_failed_early(self) -> bool:
        """A small query is read while it is opened: its failures, too, may lie behind the last row anyone wanted."""
        return self.phase is Phase.SCAN and self.failures.first is not None and self.is_exhausted()

    def _was_wanted(self, place: Place, what: BaseException | RowFault) -> bool:
        """Errors in front of the gate belong to rows behind the last one: those before it all came through."""
        if place.phase != Phase.SCAN:
            return True
        if not isinstance(what, RowFault):
            return False
        assert self.gate is not None
        last = self.ctx.query.ledger.last
        return (place.seq, place.row) <= last if last is not None else place.seq <= self.gate.turn

    def give_up(self) -> None:
        """Whatever runs of it stops at its next look at the stop byte."""
        self.is_given_up = True
        self.ctx.stop[0] = 1

    @property
    def n_partitions(self) -> int:
        return len(self._partitions)

    def close_source(self) -> None:
        source, self._source = self._source, None
        close = getattr(source, "close", None)
        if close is not None:
            close()

    def let_go(self) -> None:
        """The query has ended, and all that is asked of it is told: nothing here refers to itself any more."""
        self.ctx.query.has_room, self.gate, self.spec.then = _always, None, None

    def stage(self) -> str:
        """Where its rows are now: at the source, or behind the last of them at the sink."""
        tag = self.spec.source_tag if self.phase <= Phase.SCAN else self.chain.sink_tag or self.spec.source_tag
        return tag.stage


def _always(seq: int) -> bool:
    return True
