"""Small row groups of Parquet files that follow each other, read as one partition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import pyarrow as pa

from ...planner.records import dataclass
from ..batch import Batch
from ..context import Context
from ..operator import Partition

RowGroup: TypeAlias = Any  # a GroupPart of `parquet`


def joined_parts(parts: Sequence[RowGroup], most: int) -> list[Partition]:
    """Row groups that follow each other in a file, of at most so many rows together, as one partition."""
    runs: list[list[RowGroup]] = []
    n_rows = 0
    for part in parts:
        last = runs[-1][-1].group if runs else None
        follows = last is not None and last.file is part.group.file and last.number + 1 == part.group.number
        n_rows += part.n_rows
        if follows and n_rows <= most:
            runs[-1].append(part)
        else:
            runs.append([part])
            n_rows = part.n_rows
    return [_joined_part(run, seq) for seq, run in enumerate(runs)]


def _joined_part(run: Sequence[RowGroup], seq: int) -> Partition:
    """The parts as they stand in one partition: rows of a part are behind those of the ones before it."""
    before, made = 0, []
    for part in run:
        group = replace(part.group, skipped=part.group.skipped + before)
        made.append(replace(part, group=group, seq=seq))
        before += part.n_rows
    return JoinedPart(tuple(made), seq) if len(made) > 1 else made[0]


@dataclass(frozen=True, slots=True)
class JoinedPart:
    """Small row groups that follow each other as one partition: each costs as much of the interpreter as some ten thousand rows."""

    parts: tuple[RowGroup, ...]
    seq: int

    @property
    def nbytes(self) -> int:
        return sum(p.nbytes for p in self.parts)

    def batches(self, ctx: Context) -> Iterator[Batch]:
        first, ledger = self.parts[0], ctx.query.ledger
        n_rows = sum(p.n_rows for p in self.parts)
        ledger.files_by_seq[self.seq], ledger.rows_by_seq[self.seq] = first.shown, n_rows
        rest = self.parts
        while rest and first.source.chosen.is_worth_it():
            yield from rest[0].rows(ctx)
            rest = rest[1:]
        yield from self._together(rest, ctx) if rest else ()

    @staticmethod
    def _together(parts: Sequence[RowGroup], ctx: Context) -> Iterator[Batch]:
        first = parts[0]
        try:
            found = first.source.read_together(parts, ctx)
        except (pa.ArrowException, OSError):  # which of them it was is told by reading it alone
            found = None
        if found is not None:
            if first.source.chosen.is_asked:
                first.source.tally.rows_chosen(found.num_rows, found.num_rows)
            yield from first.of(found, found.num_rows, 0, ctx)
            return
        for part in parts:
            yield from part.rows(ctx)
