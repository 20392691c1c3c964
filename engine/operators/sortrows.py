"""Sorted runs as the source of the next pipeline: key ranges beside one another, or one stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import pyarrow as pa

from ...planner.records import dataclass
from ...planner.types import Schema
from ..batch import Batch, Origin
from ..context import Context
from ..operator import Partition
from .sortgather import Columns, taken
from .sortruns import Chunk, Cursor, Layout, merge_columns, merged, unit_rows

BATCH_BYTES = 16 << 20
SAMPLES = 32  # of a block, by which its borders are chosen

Rows: TypeAlias = "tuple[Columns, int]"  # columns, and how many rows they have
Part: TypeAlias = "tuple[Chunk, int, int]"  # rows from the first number up to the second


def one_dictionary(runs: list[list[Chunk]]) -> list[list[Chunk]]:
    """Columns that are dictionaries in all chunks get the same one, so that blocks are merged by their codes."""
    chunks = [c for run in runs for c in run]
    if len(chunks) < 2:
        return runs
    out = [list(c.columns) for c in chunks]
    for i, column in enumerate(chunks[0].columns):
        if not isinstance(column, pa.DictionaryArray):
            continue
        if not all(isinstance(c.columns[i], pa.DictionaryArray) for c in chunks):
            continue
        shared = pa.chunked_array([c.columns[i] for c in chunks]).unify_dictionaries()
        for columns, piece in zip(out, shared.chunks, strict=True):
            columns[i] = piece
    fresh = iter(Chunk(tuple(columns), c.places, c.layout) for c, columns in zip(chunks, out, strict=True))
    return [[next(fresh) for _ in run] for run in runs]


def block_cuts(runs: Sequence[Sequence[Chunk]], n_blocks: int, ctx: Context) -> list[list[Part]]:
    """Key ranges of about equal numbers of rows: for each block its part of each run. Ties are told apart by place.

    Every so many rows of each chunk one is a sample, in each from another row on: chunks with the same spread of keys would else
    say the same few keys.
    """
    samples = []
    chunks = [chunk for run in runs for chunk in run]
    step = max(1, sum(map(len, chunks)) // (SAMPLES * n_blocks))
    for i, chunk in enumerate(chunks):
        samples += chunk.sample(range(step * (2 * i + 1) // (2 * len(chunks)), len(chunk), step))
        ctx.check()
    samples.sort()
    pivots = [samples[len(samples) * i // n_blocks] for i in range(1, n_blocks)] if samples else []
    blocks: list[list[Part]] = [[] for _ in range(len(pivots) + 1)]
    for chunk in chunks:
        ctx.check()
        ends = [*chunk.ends(pivots), len(chunk)]
        begin = 0
        for found, end in zip(blocks, ends, strict=True):
            if end > begin:
                found.append((chunk, begin, end))
            begin = max(begin, end)
    return [b for b in blocks if b]


@dataclass(frozen=True, slots=True)
class Stream:
    """One partition of the result: sorted rows, made while they are read, cut into batches."""

    rows: Callable[[Context], Iterator[Rows]]
    seq: int
    n_columns: int  # of the rows; keys made for sorting stand behind them
    name: str

    def batches(self, ctx: Context) -> Iterator[Batch]:
        row = 0
        for all_columns, n in self.rows(ctx):
            columns = all_columns[: self.n_columns]
            nbytes = sum(c.nbytes for c in columns)
            step = max(1, min(ctx.settings.batch_rows, n if nbytes <= BATCH_BYTES else n * BATCH_BYTES // nbytes))
            for begin in range(0, n, step):
                ctx.check()
                size = min(step, n - begin)
                part = columns if size == n else tuple(c.slice(begin, size) for c in columns)
                yield Batch(size, part, Origin(self.seq, self.name, 0, row))
                row += size


def rows_of(chunks: Iterable[Chunk]) -> Iterator[Rows]:
    for chunk in chunks:
        yield chunk.columns, len(chunk)


def block(cuts: Sequence[Part], layout: Layout, unit: int, ctx: Context) -> Iterator[Rows]:
    """One key range of all runs, at once if it is about a unit as it should be."""
    parts = [chunk.slice(begin, end) for chunk, begin, end in cuts]
    rows = sum(len(p) for p in parts)
    if len(parts) == 1 or (rows <= 2 * unit_rows(ctx) and sum(p.nbytes() for p in parts) <= 2 * unit):
        columns, order = merge_columns(parts, layout, ctx)
        yield (columns if order is None else taken(columns, order, ctx)), rows
    else:
        yield from rows_of(merged([Cursor([part]) for part in parts], layout, ctx, unit))


class Partitions:
    """Sorted rows as a source. Their numbers are not told: a filter that moves below the sort would change them."""

    has_places = False

    def __init__(self, parts: Sequence[Partition], schema: Schema, on_disk: bool = False) -> None:
        self._parts, self._schema = parts, schema
        self.on_disk = on_disk  # reading them takes memory of its own

    @property
    def schema(self) -> Schema:
        return self._schema

    def partitions(self, target: int) -> Sequence[Partition]:
        return self._parts
