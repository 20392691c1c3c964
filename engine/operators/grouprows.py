"""The output of a grouping: runs sorted by key, merged while they are read, in parallel by ranges of keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Schema, Type
from ..arrow import concat, indices, taken
from ..arrow import nulls as null_array
from ..batch import Batch, Origin
from ..context import Context
from ..notes import At
from ..operator import Partition
from .keyform import from_normal, is_opaque
from .keysort import order_of, place_of, row_key, words_in
from .keytable import inline_keys

PIECE_ROWS = 32_768
PIECES = 4  # at least, where pieces are larger
OVERFLOW_HINT = "use double(x) inside the aggregate"


@dataclass(slots=True)
class Run:
    """Groups sorted by key. `keys`: normal forms, or the two sort words of a text key of at most 15 bytes (`inline`).

    `opaque`: values of keys whose normal form cannot be turned back, by number of key. `faults`: by number of the
    aggregate, the exact value as text where the result is null because it does not fit.
    """

    keys: list[pa.Array[Any]]
    aggs: list[pa.Array[Any]]
    inline: bool = False
    opaque: dict[int, pa.Array[Any]] = field(default_factory=dict)
    faults: dict[int, pa.Array[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len((self.keys or self.aggs)[0])

    def slice(self, low: int, high: int) -> Run:
        def cut(array: pa.Array[Any]) -> pa.Array[Any]:
            return array.slice(low, high - low)

        return Run(
            [cut(k) for k in self.keys], [cut(a) for a in self.aggs], self.inline,
            {i: cut(a) for i, a in self.opaque.items()}, {i: cut(a) for i, a in self.faults.items()},
        )  # fmt: skip

    def take(self, order: NDArray[np.int32]) -> Run:
        rows = indices(order)
        return Run(
            [taken(k, rows) for k in self.keys], [taken(a, rows) for a in self.aggs], self.inline,
            {i: taken(a, rows) for i, a in self.opaque.items()}, {i: taken(a, rows) for i, a in self.faults.items()},
        )  # fmt: skip

    def named(self) -> list[tuple[str, pa.Array[Any]]]:
        """The columns under names that say what each is; not for inline runs."""
        return [
            *((f"k{i}", a) for i, a in enumerate(self.keys)), *((f"a{i}", a) for i, a in enumerate(self.aggs)),
            *((f"o{i}", a) for i, a in self.opaque.items()), *((f"f{i}", a) for i, a in self.faults.items()),
        ]  # fmt: skip

    @staticmethod
    def of_named(columns: Sequence[tuple[str, pa.Array[Any]]]) -> Run:
        run = Run([], [])
        for name, array in columns:
            if name[0] in "ka":
                (run.keys if name[0] == "k" else run.aggs).append(array)
            else:
                (run.opaque if name[0] == "o" else run.faults)[int(name[1:])] = array
        return run

    def nbytes(self) -> int:
        return sum(a.nbytes for a in (*self.keys, *self.aggs, *self.opaque.values(), *self.faults.values()))

    def plain(self, type_: pa.DataType) -> Run:
        """With a whole text key instead of its words."""
        if not self.inline:
            return self
        text = inline_keys(words_in(self.keys[0]), words_in(self.keys[1]), np.arange(len(self), dtype=np.int32), type_)
        return Run([text], self.aggs, False, self.opaque, self.faults)


def joined(runs: Sequence[Run]) -> Run:
    """One behind the other."""
    first = runs[0]
    if len(runs) == 1:
        return first
    faults: dict[int, pa.Array[Any]] = {}
    for i in sorted({i for r in runs for i in r.faults}):
        faults[i] = concat([r.faults[i] if i in r.faults else null_array(len(r), pa.string()) for r in runs])
    return Run(
        [concat([r.keys[j] for r in runs]) for j in range(len(first.keys))],
        [concat([r.aggs[j] for r in runs]) for j in range(len(first.aggs))],
        first.inline,
        {i: concat([r.opaque[i] for r in runs]) for i in first.opaque},
        faults,
    )


def merged(runs: Sequence[Run]) -> Run:
    """All rows of several sorted runs, sorted."""
    parts = [r for r in runs if len(r)]
    if len(parts) <= 1:
        return parts[0] if parts else runs[0]
    whole = joined(parts)
    if whole.inline:
        return whole.take(_merge_words(whole, [len(p) for p in parts]))
    return whole.take(order_of(whole.keys))


def _merge_words(whole: Run, sizes: list[int]) -> NDArray[np.int32]:
    from ..kernels import group

    word0, word1 = (words_in(k) for k in whole.keys)
    word0, word1 = np.array(word0), np.array(word1)
    bounds = [0, *np.cumsum(sizes).tolist()]
    order = np.arange(bounds[-1], dtype=np.int32)
    while len(bounds) > 2:
        out = np.empty_like(order)
        left = [0]
        for i in range(0, len(bounds) - 1, 2):
            middle, high = bounds[i + 1], bounds[min(i + 2, len(bounds) - 1)]
            group.merge_runs(word0, word1, order, bounds[i], middle, high, out)
            left.append(high)
        order, bounds = out, left
    return order


Report = Callable[[Context, Batch, Run], None]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the output looks like, and of which stage it is."""

    schema: Schema
    key_types: tuple[Type, ...]
    key_form: pa.DataType | None  # of a single text key
    at: At

    def batch(self, run: Run, origin: Origin) -> Batch:
        if run.inline:
            assert self.key_form is not None
            run = run.plain(self.key_form)
        keys = [
            run.opaque[j] if is_opaque(type_) else from_normal(type_, run.keys[j])
            for j, type_ in enumerate(self.key_types)
        ]
        return Batch(len(run), (*keys, *run.aggs), origin)

    def emit(self, run: Run, seq: int, ctx: Context, first: int = 0) -> Iterator[Batch]:
        """`first`: number, within the partition, of the run's first row."""
        step = ctx.settings.batch_rows
        for low in range(0, len(run), step):
            part = run.slice(low, min(low + step, len(run)))
            batch = self.batch(part, Origin(seq, self.at.command, 0, first + low))
            for column in part.faults.values():
                bad = np.flatnonzero(~np.asarray(column.is_null()))
                if len(bad):
                    ctx.notes.rows(self.at, "reject", "overflow", batch, bad, column, OVERFLOW_HINT)
            yield batch


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of keys: a slice of every run."""

    layout: Layout
    parts: tuple[Run, ...]
    seq: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        ctx.check()
        yield from self.layout.emit(merged(self.parts), self.seq, ctx)


class GroupRows:
    """Runs in memory as a source. Pieces are cut at keys of the longest run, so the last step is parallel too.

    `ordered`: each run's keys are before those of the next.
    """

    def __init__(self, layout: Layout, runs: Sequence[Run], ordered: bool = False) -> None:
        self._ordered = ordered
        self._layout, self._runs = layout, [r for r in runs if len(r)]
        if any(not r.inline for r in self._runs) and layout.key_form is not None:
            self._runs = [r.plain(layout.key_form) for r in self._runs]

    @property
    def schema(self) -> Schema:
        return self._layout.schema

    def drop(self) -> None:
        """Nobody reads it any more; who holds it holds no rows."""
        self._runs = []

    def partitions(self, target: int) -> Sequence[Partition]:
        runs, total = self._runs, sum(map(len, self._runs))
        if not runs:
            return []
        rows = max(1, min(target, PIECE_ROWS))
        if self._ordered:
            rows = max(rows, min(target, total // PIECES))
            return [Piece(self._layout, (s,), i) for i, s in enumerate(s for r in runs for s in slices(r, rows))]
        n = -(-total // rows)
        if len(runs) == 1 or n == 1:
            parts = [(s,) for s in slices(runs[0], rows)] if len(runs) == 1 else [tuple(runs)]
            return [Piece(self._layout, p, i) for i, p in enumerate(parts)]
        longest = max(runs, key=len)
        n = min(n, len(longest))
        cuts = [[0] * len(runs)]
        for k in range(1, n):
            bound = row_key(longest.keys, k * len(longest) // n)
            cuts.append([place_of(r.keys, bound, low) for r, low in zip(runs, cuts[-1], strict=True)])
        cuts.append([len(r) for r in runs])
        return [
            Piece(self._layout, tuple(r.slice(a, b) for r, a, b in zip(runs, low, high, strict=True)), i)
            for i, (low, high) in enumerate(pairwise(cuts))
        ]


def slices(run: Run, rows: int) -> list[Run]:
    """Of equal length, of at most so many rows."""
    n = -(-len(run) // rows)
    return [run.slice(a, b) for a, b in pairwise(k * len(run) // n for k in range(n + 1))]


class Cursor:
    """A run read chunk by chunk."""

    def __init__(self, chunks: Iterator[Run]) -> None:
        self._chunks = chunks
        self.head: Run | None = None

    def fetch(self) -> bool:
        """False at the end."""
        self.head = next(self._chunks, None)
        return self.head is not None

    def cut(self, bound: tuple[Any, ...]) -> Run | None:
        """The rows up to and with `bound`; keys are distinct, so at most one is equal."""
        assert self.head is not None
        at = place_of(self.head.keys, bound)
        if at < len(self.head) and row_key(self.head.keys, at) == bound:
            at += 1
        if not at:
            return None
        rows, self.head = self.head.slice(0, at), self.head.slice(at, len(self.head))
        return rows


class StreamedRows:
    """Runs of which some are on disk, as a source of one partition: a chunk of each is in memory."""

    def __init__(self, layout: Layout, runs: Sequence[Any]) -> None:
        self._layout, self._runs = layout, runs

    @property
    def schema(self) -> Schema:
        return self._layout.schema

    def drop(self) -> None:
        """As of `GroupRows`."""
        self._runs = []

    def partitions(self, target: int) -> Sequence[Partition]:
        return [self]

    def batches(self, ctx: Context) -> Iterator[Batch]:
        n_out = 0
        for run in self._merged(ctx):
            yield from self._layout.emit(run, 0, ctx, n_out)
            n_out += len(run)

    def _merged(self, ctx: Context) -> Iterator[Run]:
        """Each step takes from every run all rows up to the least last key of the heads."""
        live = [c for c in (Cursor(r.chunks() if hasattr(r, "chunks") else iter([r])) for r in self._runs) if c.fetch()]
        while live:
            ctx.check()
            bound = min(row_key(c.head.keys, len(c.head) - 1) for c in live if c.head is not None)
            parts = [part for c in live if (part := c.cut(bound)) is not None]
            yield merged(parts)
            live = [c for c in live if (c.head is not None and len(c.head)) or c.fetch()]
