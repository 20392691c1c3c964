"""The rows with their new columns, in input order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import array_from
from ...batch import Batch, Origin
from ...context import Context
from ...notes import At
from ...operator import Partition
from .outs import Out
from .spec import Program

HINTS = {"overflow": "use double(x) inside the aggregate", "div0": "the row before is 0"}


@dataclass(slots=True)
class Piece:
    """Rows as they came, in memory of their own."""

    n_rows: int
    columns: tuple[pa.Array[Any], ...]


class WindowRows:
    """Pieces in order, each with its stretch of the computed columns."""

    def __init__(self, program: Program, pieces: Sequence[Piece], outs: Sequence[Out], at: At) -> None:
        self.program, self.pieces, self.outs, self.at = program, pieces, outs, at
        self.schema = program.schema
        self.faults = [f for out in outs for f in out.faults()]

    def partitions(self, target: int) -> Sequence[Partition]:
        made: list[Partition] = []
        begin = first = held = row = 0
        for i, piece in enumerate(self.pieces):
            held += piece.n_rows
            if held >= target or i == len(self.pieces) - 1:
                made.append(Stretch(self, len(made), begin, i + 1, first))
                begin, first, held = i + 1, row + piece.n_rows, 0
            row += piece.n_rows
        return made

    def batch(self, piece: Piece, low: int, high: int, row: int, origin: Origin, ctx: Context) -> Batch:
        """Rows low .. high of a piece whose first is row number `row` of all."""
        columns: list[Any] = [c.slice(low, high - low) for c in piece.columns]
        columns += [None] * (len(self.schema) - len(columns))
        for place, out in zip(self.program.places, self.outs, strict=True):
            columns[place] = out.column(row + low, row + high)
        made = Batch(high - low, tuple(columns), origin)
        for reason, rows, texts in self.faults:
            a, b = np.searchsorted(rows, (row + low, row + high)).tolist()
            if a < b:
                bad = rows[a:b] - (row + low)
                ctx.notes.rows(
                    self.at, "reject", reason, made, bad, _spread(texts.slice(a, b - a), bad, high - low), HINTS[reason]
                )
        return made


def _spread(texts: pa.Array[Any], rows: NDArray[np.int64], n: int) -> pa.Array[Any]:
    """Texts of some rows as a column of n."""
    at = np.full(n, -1, np.int64)
    at[rows] = np.arange(len(rows))
    return texts.take(array_from(np.maximum(at, 0), at < 0))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Pieces begin .. end; the first row of them is number `row` of all."""

    source: WindowRows
    seq: int
    begin: int
    end: int
    row: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        row, done = self.row, 0
        for piece in self.source.pieces[self.begin : self.end]:
            step = max(1, ctx.settings.batch_rows)
            for low in range(0, piece.n_rows, step):
                high = min(low + step, piece.n_rows)
                origin = Origin(self.seq, self.source.at.command, 0, done + low)
                yield self.source.batch(piece, low, high, row, origin, ctx)
            row += piece.n_rows
            done += piece.n_rows
