"""One pipeline at work: partitions, the workers that carry them through the operators, and what remains to be done."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .batch import Batch
from .chain import Chain, Worker, close_quietly
from .context import Context, Stopped
from .failures import NEVER, Failures, Phase, RowFault, placed, strict_code
from .metrics import cpu_ns, wall_ns
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


Key_ = tuple[int, ...]


class Pipeline:
    """Source -> transforms -> sink. Operators from the first that needs order on run behind the gate.

    Methods up to `lease` are called by workers, the others by the query's scheduler.
    """

    def __init__(self, spec: PipelineSpec, key: tuple[int, ...], chain: Chain, ctx: Context, window_is_full: Callable[[], bool]) -> None:
        self.spec, self.key, self.chain, self.ctx = spec, key, chain, ctx
        self.failures = Failures()
        self.source: Source | None = None if callable(spec.source) else spec.source
        self.phase = Phase.OPEN
        self.is_over = False  # complete, failed or given up: nothing of it runs any more
        self.is_given_up = False  # not to be continued: its failure, one before it, or a cancel
        self.was_satisfied = False  # an operator said DONE: the rest was not read
        self.n_partitions = self.n_closed = 0
        self.nbytes_total: int | None = None
        self._window_is_full = window_is_full
        self._lock = threading.Lock()
        self._partitions: Sequence[Partition] = ()
        self._next = 0
        self._aside: list[Begun] = []
        self._done = False
        self._satisfied_tail = False
        self.gate: OrderGate | None = None

    # -- workers --

    def on_fault(self, key: Key, sample: Sample, hint: str) -> None:
        """Under strict: a note about a row. Later partitions stop at their next batch; earlier ones finish."""
        if strict_code(key) is not None:
            self.failures.add(self.phase, sample.seq, sample.row, RowFault(key, sample, hint))

    def take(self) -> Begun | None:
        """The first partition that may be worked on now; None: none, or no room."""
        with self._lock:
            if self._done or self.ctx.stop[0]:
                return None
            if isinstance(self.chain.sink, StreamSink) and self.chain.sink.is_full():
                return None
            if self._aside:
                if self._aside[0].seq <= self.failures.seq and self._has_room(self._aside[0].seq):
                    return heapq.heappop(self._aside)
            if self._next >= len(self._partitions) or self._next > self.failures.seq or not self._has_room(self._next):
                return None
            begun = Begun(self._next, self._partitions[self._next])
            self._next += 1
            return begun

    def _has_room(self, seq: int) -> bool:
        """With the window full only the partition whose turn it is may go on, unless another worker pushes its rows."""
        if self.gate is None or not self._window_is_full():
            return True
        return seq == self.gate.turn and not self.gate.is_busy

    def lease(self, begun: Begun | None, wanted: Callable[[], bool]) -> None:
        """Work on one partition after the other until there is none, there is no room, or `wanted` elsewhere."""
        worker = self.chain.borrow(self.ctx)
        while begun is not None:
            try:
                self._carry(worker, begun)
            except Stopped:
                return
            except BaseException as why:
                self.failures.add(Phase.SCAN, begun.seq, -1, why)
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
                if self._done or seq > self.failures.seq:
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

    def _pull(self, batches: Iterator[Batch], meter: Any) -> Batch | None:
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
        with self._lock:
            self.n_closed += 1
        if self.gate is not None and self.gate.close(begun.seq) is Flow.DONE:
            self._stop_reading()

    def _is_pressed(self, seq: int) -> bool:
        sink = self.chain.sink
        if isinstance(sink, StreamSink) and sink.is_full():
            return True
        return not self._has_room(seq)

    def _stop_reading(self) -> None:
        self._done = True

    def _through_gate(self, push: Callable[[Batch], Flow], batch: Batch) -> Flow:
        """One at a time, in order. A failure here comes before anything that is parked."""
        seq = batch.origin.seq
        if seq > self.failures.seq:
            return Flow.DONE
        try:
            flow = push(batch)
        except Stopped:
            raise
        except BaseException as why:
            self.failures.add(Phase.SCAN, seq, -1, why)
            return Flow.DONE
        if flow is Flow.DONE:
            self._satisfied_tail = True
            return flow
        return Flow.DONE if seq >= self.failures.seq and self.failures.seq != NEVER and self._is_tail_fault(seq) else flow
