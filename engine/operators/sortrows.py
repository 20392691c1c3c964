"""Sorted runs as the source of the next pipeline: key ranges beside one another, or one stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from ...planner.records import dataclass
from ...planner.types import Schema
from ..batch import Batch, Origin
from ..context import Context
from ..operator import Partition
from .sortruns import Chunk, Cursor, Layout, merge_rows, merged, unit_rows

BATCH_BYTES = 16 << 20


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
    fresh = iter(replace(c, columns=tuple(columns)) for c, columns in zip(chunks, out, strict=True))
    return [[next(fresh) for _ in run] for run in runs]


def block_cuts(runs: Sequence[Sequence[Chunk]], n_blocks: int, ctx: Context) -> list[list[Chunk]]:
    """Key ranges of about equal numbers of rows: for each block its slices of each run. Ties are told apart by place."""
    samples = []
    total = sum(len(c) for run in runs for c in run)
    step = max(1, total // (32 * n_blocks))
    for run in runs:
        for chunk in run:
            samples += [chunk.row(i) for i in range(step // 2, len(chunk), step)]
        ctx.check()
    samples.sort()
    pivots = [samples[len(samples) * i // n_blocks] for i in range(1, n_blocks)] if samples else []
    blocks: list[list[Chunk]] = [[] for _ in range(len(pivots) + 1)]
    for run in runs:
        for chunk in run:
            ctx.check()
            ends = [*(chunk.upto(p) for p in pivots), len(chunk)]
            begin = 0
            for found, end in zip(blocks, ends, strict=True):
                if end > begin:
                    found.append(chunk.slice(begin, end))
                begin = max(begin, end)
    return [b for b in blocks if b]


@dataclass(frozen=True, slots=True)
class Stream:
    """One partition of the result: sorted chunks, made while they are read, cut into batches."""

    chunks: Callable[[Context], Iterator[Chunk]]
    seq: int
    n_columns: int  # of the rows; keys made for sorting stand behind them
    name: str

    def batches(self, ctx: Context) -> Iterator[Batch]:
        row = 0
        for chunk in self.chunks(ctx):
            n, nbytes = len(chunk), sum(c.nbytes for c in chunk.columns[: self.n_columns])
            step = max(1, min(ctx.settings.batch_rows, n if nbytes <= BATCH_BYTES else n * BATCH_BYTES // nbytes))
            for begin in range(0, n, step):
                ctx.check()
                part = chunk.slice(begin, min(begin + step, n))
                yield Batch(len(part), part.columns[: self.n_columns], Origin(self.seq, self.name, 0, row))
                row += len(part)


def block(parts: Sequence[Chunk], layout: Layout, unit: int, ctx: Context) -> Iterator[Chunk]:
    """One key range of all runs, at once if it is about a unit as it should be."""
    rows = sum(len(p) for p in parts)
    if len(parts) == 1 or (rows <= 2 * unit_rows(ctx) and sum(p.nbytes() for p in parts) <= 2 * unit):
        yield merge_rows(parts, layout, ctx)
    else:
        yield from merged([Cursor([part]) for part in parts], layout, ctx, unit)


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
