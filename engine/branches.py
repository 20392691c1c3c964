"""Several sources as one: their partitions one after the other, each branch through operators of its own.

A union is one pipeline. The partitions of all its branches are numbered on, so order, notes and early ends are those of
any pipeline; an operator of one branch lets the batches of others pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from typing import Any

from numpy.typing import NDArray

from ..planner.records import dataclass
from ..planner.types import Schema
from .batch import Batch, Column
from .context import Context
from .metrics import Meter, total
from .notes import At, Ledger, WorkerNotes
from .operator import Emit, Flow, Partition, Source
from .spec import Tag

MORSEL = 2 << 20  # bytes of a text file among sources that count rows


@dataclass(eq=False, slots=True)
class Branch:
    """One source. A callable is called when the pipelines that it depends on are complete. `meters`: one a partition begun."""

    source: Any
    tag: Tag
    first: int = 0  # numbers of its partitions: first .. end
    end: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    meters: list[Meter] = field(default_factory=list)

    def holds(self, seq: int) -> bool:
        return self.first <= seq < self.end


class Branches:
    """The source of a pipeline behind a union."""

    schema = Schema()  # batches have the columns of their branch

    def __init__(self, branches: Sequence[Branch]) -> None:
        self._branches = branches
        self._sources: list[Source] = []
        self._ledger = Ledger()
        self.nbytes_hint: int | None = None

    def ready(self, ctx: Context) -> Branches:
        """Called once, when all that the branches depend on is complete."""
        for branch in self._branches:
            own, made = _within(ctx, branch), branch.source
            branch.ledger.whole = ctx.query.ledger
            source = made(own) if callable(made) else made
            self._sources.append(source)
            begin = getattr(source, "begin", None)
            if begin is not None:
                begin(own)
        hints = [getattr(s, "nbytes_hint", None) for s in self._sources]
        self.nbytes_hint = None if None in hints else sum(h or 0 for h in hints)
        self._ledger = ctx.query.ledger
        return self

    def partitions(self, target: int) -> Sequence[Partition]:
        made: list[Partition] = []
        for branch, source in zip(self._branches, self._sources, strict=True):
            wanted = max(target, MORSEL) if getattr(source, "bytewise", False) else target
            branch.first = len(made)
            parts = source.partitions(wanted)
            branch.ledger.has_places = getattr(source, "has_places", True)
            made += [_Shifted(p, branch) for p in parts]
            branch.ledger.first, branch.end = branch.first, len(made)
        self._ledger.parts = [(b.first, b.end, b.ledger) for b in self._branches]
        return made

    def shares(self) -> list[tuple[Tag, Meter, Any]]:
        """Of each branch its node, what was read for it, and its source, if it came to that."""
        sources: Sequence[Any] = self._sources or [None] * len(self._branches)
        return [(b.tag, total(b.meters), s) for b, s in zip(self._branches, sources, strict=True)]

    def close(self) -> None:
        for source in self._sources:
            close = getattr(source, "close", None)
            if close is not None:
                close()


def _within(ctx: Context, branch: Branch) -> Context:
    """The same context, with the branch's own places and the memory of the sink that its rows come from."""
    query = replace(ctx.query, ledger=branch.ledger)
    owner = getattr(branch.source, "__self__", None)
    return Context(query, ctx.notes, ctx.query.shares.get(id(owner), ctx.share), ctx.kernels)


class _Notes(WorkerNotes):
    """Notes of a source, whose partitions have other numbers in the whole."""

    def __init__(self, into: WorkerNotes, first: int) -> None:
        self._into, self._first = into, first

    def rows(
        self, at: At, kind: str, reason: str, batch: Batch, rows: NDArray[Any], text: Column | None, hint: str = "",
        n_others: int = 0,
    ) -> None:  # fmt: skip
        self._into.rows(at, kind, reason, _moved(batch, self._first), rows, text, hint, n_others)

    def count(self, at: At, kind: str, reason: str, n: int, hint: str = "", samples: Sequence[str] = ()) -> None:
        self._into.count(at, kind, reason, n, hint, samples)


def _moved(batch: Batch, by: int) -> Batch:
    return replace(batch, origin=replace(batch.origin, seq=batch.origin.seq + by))


class _Shifted:
    """A partition of a branch under its number in the whole."""

    def __init__(self, part: Partition, branch: Branch) -> None:
        self._part, self._branch = part, branch
        if hasattr(part, "nbytes"):
            self.nbytes = part.nbytes

    def batches(self, ctx: Context) -> Iterator[Batch]:
        branch = self._branch
        own = _within(ctx, branch)
        own.notes = _Notes(ctx.notes, branch.first)
        n_rows, seq, meter = 0, 0, Meter()
        branch.meters.append(meter)
        rows, has_size = iter(self._part.batches(own)), hasattr(self._part, "nbytes")
        while (batch := meter.timed(lambda: next(rows, None))) is not None:
            meter.rows += batch.n_rows
            meter.batches += 1
            if not has_size:
                meter.nbytes += batch.nbytes()
            n_rows, seq = n_rows + batch.n_rows, batch.origin.seq
            yield _moved(batch, branch.first)
            own.kernels = ctx.kernels
        if has_size:
            meter.nbytes = self.nbytes
        if n_rows:
            branch.ledger.rows_by_seq.setdefault(seq, n_rows)


def behind(operator: Any, branches: Sequence[Branch]) -> Routed:
    """The operator for the rows of these branches only. It may not be one that ends its input early."""
    return operator if isinstance(operator, Routed) else Routed(operator, branches)


@dataclass(slots=True)
class Passing:
    """The Local of the operator within, and what passed by it."""

    inner: Any
    rows: int = 0
    nbytes: int = 0


class Routed:
    """Lets the batches of other branches pass."""

    def __init__(self, inner: Any, branches: Sequence[Branch]) -> None:
        self.inner, self._branches = inner, tuple(branches)
        self._passing: list[Passing] = []
        self.needs_order = inner.needs_order
        self.swallows_done = getattr(inner, "swallows_done", False)
        self.is_steady = getattr(inner, "is_steady", False)

    def open(self, ctx: Context) -> Passing:
        made = Passing(self.inner.open(ctx))
        self._passing.append(made)
        return made

    def push(self, batch: Batch, local: Passing, emit: Emit) -> Flow:
        seq = batch.origin.seq
        if any(b.holds(seq) for b in self._branches):
            flow: Flow = self.inner.push(batch, local.inner, emit)
            return flow
        local.rows += batch.n_rows
        local.nbytes += batch.nbytes()
        return emit(batch)

    def finish(self, local: Passing, emit: Emit) -> None:
        self.inner.finish(local.inner, emit)

    def passed_by(self) -> tuple[int, int]:
        """Rows that were none of its own, and the bytes of their batches."""
        return sum(p.rows for p in self._passing), sum(p.nbytes for p in self._passing)

    def describe_run(self) -> Any:
        told = getattr(self.inner, "describe_run", None)
        return told() if told is not None else ""

    def close(self) -> None:
        close = getattr(self.inner, "close", None)
        if close is not None:
            close()
