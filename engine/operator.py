"""The protocols every operator is written against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from typing import Any, Protocol, TypeAlias, TypeVar

from ..planner.types import Schema
from .batch import Batch
from .context import Context

Local = TypeVar("Local")
Emit: TypeAlias = Callable[[Batch], "Flow"]


class Flow(Enum):
    """The answer to every push."""

    MORE = auto()
    DONE = auto()  # this branch wants no more; its source stops, siblings go on


class Partition(Protocol):
    """A morsel's worth: a file range, a row group, a slice.

    `batches` runs on one worker at a time, but may be put aside between two batches and continued by another worker;
    it is closed early if the query ends. Every batch of partition number s has `origin.seq == s`, in order. It may have
    `nbytes`, what it reads; else the batches are measured.
    """

    def batches(self, ctx: Context) -> Iterator[Batch]: ...


class Source(Protocol):
    """Where a pipeline begins. `partitions` is cheap: it reads no data. `target`: rows a piece.

    A source may have `bytewise = True` (`target` is bytes), `nbytes_hint` (all it will read; None: unknown), `begin(ctx)`,
    called once before its partitions are made, and `close()`, called once, whatever happened, also if nothing was read. It may
    do some of the work of what stands on it: `choose(choice)` is told of a filter (`FilterTransform.offer`), `watch(floor)` of
    a sort with a limit (`TopKSink.watch`), and `work_order` then says in which order its partitions are best begun.
    """

    @property
    def schema(self) -> Schema: ...
    def partitions(self, target: int) -> Sequence[Partition]: ...


class Transform(Protocol[Local]):
    """A streaming operator. Each worker has a Local of its own, except with `needs_order`: then there is one.

    `push` answers for the rows it was given, by any number of calls of `emit`, and hands on its answer. Only with
    `needs_order` (one call at a time, in sequence) may rows be held back for `finish`. `finish` is called once for
    each Local after the last push, also after DONE; never after an error. What a Local has reserved is given back by the
    scheduler.

    It may have `swallows_done = True` (a writer: takes all rows, never answers DONE), `is_steady = True` (it needs order, yet
    never answers DONE by itself nor holds rows back), `is_quick = True` (with kernels a row takes some nanoseconds, whatever
    it holds), `may_spill = True` (it wants scratch space), `describe_run()` (words, or figures by name, for `explain analyze`)
    and `close()`, called once, always, also after an error.
    """

    needs_order: bool

    def open(self, ctx: Context) -> Local: ...
    def push(self, batch: Batch, local: Local, emit: Emit) -> Flow: ...
    def finish(self, local: Local, emit: Emit) -> None: ...


class Sink(Protocol[Local]):
    """Takes all its input, then becomes a source.

    `push` runs in parallel, each worker with its own Local (one, in sequence, with `needs_order`). `combine` is called
    once for each Local, in parallel: it prepares the Local, then hands it over under the sink's lock. The tasks of
    `merge` run in parallel after the last `combine`, then those of `refine(ctx)`, if it has one; `result` once after the
    last of them; `close` always, once, also after an error: it gives back memory and files. It may have `is_quick`, and
    `describe_run()`, with `spilled_bytes` among the figures.
    """

    needs_order: bool

    def open(self, ctx: Context) -> Local: ...
    def push(self, batch: Batch, local: Local) -> Flow: ...
    def combine(self, local: Local) -> None: ...
    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]: ...
    def result(self, ctx: Context) -> Source: ...
    def close(self) -> None: ...


class SideRun:
    """A stage with a side input as operators.

    `right`: what the side goes through; the last is a sink. `before`: what the rows go through ahead of that, where the
    side is read last.
    """

    right: Sequence[Any]
    before: Sequence[Any] = ()

    def left(self, taken: Any, ordered: bool) -> Sequence[Any]:
        """What the rows go through, of the sink's result. `ordered`: whether what follows needs them in order."""
        raise NotImplementedError


class StreamTransform:
    """A transform without state that takes batches in any order; its Local is the worker's context."""

    needs_order = False

    def open(self, ctx: Context) -> Context:
        return ctx

    def finish(self, local: Any, emit: Emit) -> None:
        return None
