"""One pipeline at work: partitions, the workers that carry them through the operators, and what remains to be done."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from .batch import Batch
from .chain import Chain, Worker, close_quietly
from .context import Context, Stopped
from .failures import Failures, Phase, Place, RowFault, placed, strict_code
from .memory import Window
from .metrics import Meter, cpu_ns, wall_ns
from .notes import Key, Sample
from .operator import Flow, Partition, Source
from .operators.stream import StreamSink
from .order import OrderGate
from .spec import PipelineSpec


@dataclass(slots=True, order=True)
class Begun:
    """A partition in work; put aside between two batches when there is no room."""

    seq: int
    partition: Partition = field(compare=False)
    batches: Iterator[Batch] | None = field(default=None, compare=False)
    n_rows: int = field(default=0, compare=False)
    nbytes: int = field(default=0, compare=False)

    def close(self) -> None:
        if self.batches is not None:
            close_quietly(self.batches)


class Pipeline:
    """Source -> transforms -> sink. Operators from the first that needs order on run behind the gate.

    Methods up to `lease` are called by workers, the others by the query's scheduler.
    """

    def __init__(
        self,
        spec: PipelineSpec,
        key: tuple[int, ...],
        chain: Chain,
        ctx: Context,
        window: Window,
        on_read: Callable[[int], None],
    ) -> None:
        self.spec, self.key, self.chain, self.ctx = spec, key, chain, ctx
        self.failures = Failures()
        self.source: Source | None = None if callable(spec.source) else spec.source
        self.phase = Phase.OPEN
        self.is_over = False  # complete, failed or given up: nothing of it runs any more
        self.is_given_up = False  # not to be continued: its failure, one before it, or a cancel
        self.was_satisfied = False  # an operator said DONE: the rest was not read
        self.n_partitions = self.n_closed = 0
        self.nbytes_total: int | None = None
        self._window, self._on_read = window, on_read
        self._lock = threading.Lock()
        self._partitions: Sequence[Partition] = ()
        self._next = 0
        self._aside: list[Begun] = []
        self.is_done = False  # no more partitions: an operator said DONE, or failed behind the gate
        self._tail_failed = False
        self.gate: OrderGate | None = None

    # -- workers --

    def on_fault(self, key: Key, sample: Sample, hint: str) -> None:
        """Under strict: a note about a row. Later partitions stop at their next batch; earlier ones finish."""
        if strict_code(key) is not None:
            self.failures.add(self.phase, sample.seq, sample.row, RowFault(key, sample, hint))

    def take(self) -> Begun | None:
        """The first partition that may be worked on now; None: none, or no room."""
        with self._lock:
            seq = self._next_seq()
            if seq is None:
                return None
            if seq < self._next:
                return heapq.heappop(self._aside)
            self._next += 1
            return Begun(seq, self._partitions[seq])

    def has_work(self) -> bool:
        with self._lock:
            return self._next_seq() is not None

    def _next_seq(self) -> int | None:
        if self.is_done or self.ctx.stop[0] or self._is_stream_full():
            return None
        seq = self._aside[0].seq if self._aside else self._next
        if seq >= len(self._partitions) or seq > self.failures.seq:
            return None
        if self._has_room(seq):
            return seq
        return None

    def _is_stream_full(self) -> bool:
        return isinstance(self.chain.sink, StreamSink) and self.chain.sink.is_full()

    def _has_room(self, seq: int) -> bool:
        """With the window full only the partition whose turn it is may go on, unless another worker pushes its rows."""
        if self.gate is None or not self._window.is_full():
            return True
        return seq == self.gate.turn and not self.gate.is_busy

    def lease(self, begun: Begun | None, wanted: Callable[[], bool]) -> None:
        """Work on one partition after the other until there is none, there is no room, or `wanted` elsewhere."""
        worker = self.chain.borrow(self.gate.offer if self.gate is not None else None)
        while begun is not None:
            try:
                self._carry(worker, begun)
            except Stopped:
                return
            except BaseException as why:
                self.failures.add(Phase.SCAN, begun.seq, -1, why)
                self.chain.discard(worker)
                return  # the worker's Locals are not to be trusted; partitions before this one get others
            if wanted():
                break
            begun = self.take()
        self.chain.give_back(worker)

    def _carry(self, worker: Worker, begun: Begun) -> None:
        """Push the batches of a partition through the worker's operators, to its end or until it is put aside."""
        ctx, meter, seq = worker.ctx, worker.meter, begun.seq
        keep = False
        self.chain.refresh(worker)
        if begun.batches is None:
            begun.batches = iter(begun.partition.batches(ctx))
        batches, nbytes_known = begun.batches, getattr(begun.partition, "nbytes", None) is not None
        try:
            while True:
                ctx.check()
                if self.is_done or seq > self.failures.seq:
                    return
                batch = self._pull(batches, meter)
                if batch is None:
                    break
                begun.n_rows += batch.n_rows
                if not nbytes_known:
                    nbytes = batch.nbytes()
                    begun.nbytes += nbytes
                    meter.nbytes += nbytes
                if worker.head(batch) is Flow.DONE:
                    self._stop_reading()
                    return
                del batch
                if seq >= self.failures.seq:
                    return
                if self._is_pressed(seq):
                    keep = True
                    return
            self._ended(begun, worker)
        finally:
            if keep:
                with self._lock:
                    heapq.heappush(self._aside, begun)
            else:
                begun.close()

    def _pull(self, batches: Iterator[Batch], meter: Meter) -> Batch | None:
        wall, cpu = wall_ns(), cpu_ns()
        try:
            batch = next(batches, None)
        except Exception as why:
            raise placed(why, self.spec.source_tag) from None
        finally:
            meter.wall += wall_ns() - wall
            meter.cpu += cpu_ns() - cpu
        if batch is not None:
            meter.rows += batch.n_rows
            meter.batches += 1
        return batch

    def _ended(self, begun: Begun, worker: Worker) -> None:
        self.ctx.query.ledger.rows_by_seq.setdefault(begun.seq, begun.n_rows)
        nbytes = getattr(begun.partition, "nbytes", None)
        if nbytes is not None:
            worker.meter.nbytes += nbytes
        if not self.spec.is_result_of_sink:
            self._on_read(begun.nbytes if nbytes is None else nbytes)
        with self._lock:
            self.n_closed += 1
        if self.gate is not None and self.gate.close(begun.seq) is Flow.DONE:
            self._stop_reading()

    def _is_pressed(self, seq: int) -> bool:
        return self._is_stream_full() or not self._has_room(seq)

    def _stop_reading(self) -> None:
        self.is_done = True
        if not self._tail_failed:
            self.was_satisfied = True

    def _through_gate(self, batch: Batch) -> Flow:
        """One at a time, in order; so all that could fail earlier has passed."""
        seq, tail = batch.origin.seq, self.chain.tail
        assert tail is not None
        if seq <= self.failures.seq:
            self.chain.refresh(tail)
            try:
                return tail.head(batch)
            except Stopped:
                raise
            except BaseException as why:
                self.failures.add(Phase.SCAN, seq, -1, why)
        self._tail_failed = True
        return Flow.DONE

    # -- the tasks of its phases, run in the pools --

    def open(self) -> None:
        """Get the source and its partitions; what runs behind the gate is made here, too."""
        try:
            made, timed, settings = self.spec.source, self.chain.source_meter.timed, self.ctx.settings
            source: Source = timed(lambda: made(self.ctx)) if callable(made) else made
            self.source = source  # before its partitions are made: they may open files
            target = settings.morsel_bytes if getattr(source, "bytewise", False) else settings.batch_rows
            self._partitions = timed(lambda: source.partitions(target))
        except Exception as why:
            raise placed(why, self.spec.source_tag) from None
        self.n_partitions = len(self._partitions)
        self.nbytes_total = getattr(self.source, "nbytes_hint", None)
        if self.chain.needs_order:
            self.chain.open_tail()
            self.gate = OrderGate(self._through_gate, self._window)

    def finish(self) -> None:
        """After the last partition: operators behind the gate may still emit; the others hold nothing back."""
        self.chain.finish(self.gate.offer if self.gate is not None else None)

    # -- scheduler --

    def is_exhausted(self) -> bool:
        """No partition is left to work on."""
        with self._lock:
            if self.is_done or self.ctx.stop[0]:
                return True
            limit = self.failures.seq
            return not any(b.seq <= limit for b in self._aside) and (
                self._next >= len(self._partitions) or self._next > limit
            )

    def end_scan(self) -> None:
        """With no lease left: close what was begun, and forget failures behind the last row anyone wanted."""
        if self.gate is not None:
            self.gate.stop()
        for begun in self._aside:
            begun.close()
        self._aside.clear()
        self._partitions = ()
        if self.was_satisfied and self.gate is not None:
            self.failures.forget(self._was_wanted)

    def _was_wanted(self, place: Place, what: BaseException | RowFault) -> bool:
        """Behind the gate everything before the last row went well, or the operator that said DONE had not been reached."""
        phase, seq, row = place
        if phase != Phase.SCAN:
            return True
        last = self.ctx.query.ledger.last
        if not isinstance(what, RowFault):
            return False
        assert self.gate is not None
        return (seq, row) <= last if last is not None else seq <= self.gate.turn

    def give_up(self) -> None:
        """Whatever runs of it stops at its next look at the stop byte."""
        self.is_given_up = True
        self.ctx.stop[0] = 1

    def close_source(self) -> None:
        source, self.source = self.source, None
        close = getattr(source, "close", None)
        if close is not None:
            close()

    def stage(self) -> str:
        """Where its rows are now: at the source, or behind the last of them at the sink."""
        tag = self.spec.source_tag if self.phase <= Phase.SCAN else self.chain.sink_tag or self.spec.source_tag
        return tag.stage

    def nbytes_read(self) -> int:
        return sum(m.nbytes for m, _ in self.chain.positions[0].meters)
