"""`tail`: the last rows, in order, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import Schema
from ..batch import Batch, Origin
from ..context import Context
from ..memory import Reservation
from ..notes import At
from ..operator import Flow, Partition, Source

if TYPE_CHECKING:
    from ..storage.spill import SpillFile

LEND_BATCHES = 2  # the newest are kept as they came: with a small count nothing is ever copied


@dataclass(slots=True)
class Piece:
    """Rows in a row: as they came, copied into memory of their own, or on disk."""

    n_rows: int
    batch: Batch | None = None
    columns: tuple[pa.Array[Any], ...] | None = None
    file: SpillFile | None = None
    nbytes: int = 0  # charged

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


@dataclass(slots=True)
class TailLocal:
    ctx: Context
    memory: Reservation
    pieces: deque[Piece] = field(default_factory=deque)
    n_rows: int = 0


class TailSink:
    """Rows before the last `count` are let go as soon as enough came behind them. What does not fit goes to disk."""

    needs_order = True

    def __init__(self, count: int, schema: Schema, at: At) -> None:
        self._count, self._schema, self._at = count, schema, at
        self._local: TailLocal | None = None
        self._spilled_bytes = 0

    def open(self, ctx: Context) -> TailLocal:
        self._local = TailLocal(ctx, ctx.memory.reserve(self._at.command, ctx.memory.limit))
        return self._local

    def push(self, batch: Batch, local: TailLocal) -> Flow:
        if not self._count:
            return Flow.DONE
        if batch.n_rows > self._count:
            batch = batch.slice(batch.n_rows - self._count, batch.n_rows)
        if batch.n_rows:
            local.pieces.append(Piece(batch.n_rows, batch))
            local.n_rows += batch.n_rows
            self._let_go(local)
            if len(local.pieces) > LEND_BATCHES:
                self._keep(local.pieces[-1 - LEND_BATCHES], local)
        return Flow.MORE

    def _let_go(self, local: TailLocal) -> None:
        while local.n_rows - local.pieces[0].n_rows >= self._count:
            piece = local.pieces.popleft()
            local.n_rows -= piece.n_rows
            local.memory.shrink(piece.nbytes)
            piece.close()

    def _keep(self, piece: Piece, local: TailLocal) -> None:
        """In memory that holds on to no morsel; if there is none left, all that was kept so far goes to disk."""
        if piece.batch is None:
            return
        columns = piece.batch.own(range(len(self._schema)))
        nbytes = sum(c.nbytes for c in columns)
        piece.batch, piece.columns = None, columns
        if local.memory.grow(nbytes):
            piece.nbytes = nbytes
            return
        self._spill(local)

    def _spill(self, local: TailLocal) -> None:
        """Kept pieces become one file. It is dropped as a whole, when all its rows are out."""
        area = local.ctx.query.spill
        if area is None:
            raise fault("E702", f"{self._at.command} {self._count} needs more memory, and there is no spill folder",
                        hint="raise the setting `memory`")  # fmt: skip
        file, n_rows, first = area.new_file(self._at.command), 0, len(local.pieces)
        made = Piece(0, file=file)
        names = [str(i) for i in range(len(self._schema))]
        kept = [p for p in local.pieces if p.columns is not None]
        try:
            for piece in kept:
                local.ctx.check()
                assert piece.columns is not None
                file.write_batch(pa.RecordBatch.from_arrays(list(piece.columns), names=names))
                n_rows += piece.n_rows
            file.finish()
        except BaseException:
            file.close()
            raise
        self._spilled_bytes += file.nbytes
        made.n_rows = n_rows
        first = next(i for i, p in enumerate(local.pieces) if p.columns is not None)
        rest = list(local.pieces)
        local.pieces = deque([*rest[:first], made, *rest[first + len(kept) :]])
        local.memory.release()

    def combine(self, local: TailLocal) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        return ()

    def result(self, ctx: Context) -> Source:
        assert self._local is not None
        return TailRows(self._schema, list(self._local.pieces), max(0, self._local.n_rows - self._count))

    def close(self) -> None:
        if self._local is None:
            return
        for piece in self._local.pieces:
            piece.close()
        self._local.pieces.clear()
        self._local.memory.release()

    def describe_run(self) -> dict[str, int]:
        return {"spilled_bytes": self._spilled_bytes}


class TailRows:
    """The kept pieces, a partition each."""

    def __init__(self, schema: Schema, pieces: list[Piece], skip: int) -> None:
        self.schema, self._pieces, self._skip = schema, pieces, skip

    def partitions(self, target: int) -> Sequence[Partition]:
        return [TailPart(p, i, self._skip if i == 0 else 0) for i, p in enumerate(self._pieces)]


@dataclass(frozen=True, slots=True)
class TailPart:
    piece: Piece
    seq: int
    skip: int  # rows at its beginning that are not among the last

    def batches(self, ctx: Context) -> Iterator[Batch]:
        skip, row = self.skip, 0
        for columns, n_rows in self._columns():
            if skip >= n_rows:
                skip -= n_rows
                continue
            batch = Batch(n_rows, columns, Origin(self.seq))
            for begin in range(skip, n_rows, ctx.settings.batch_rows):
                end = min(begin + ctx.settings.batch_rows, n_rows)
                cut = batch.slice(begin, end)
                yield Batch(cut.n_rows, cut.columns, Origin(self.seq, row=row))
                row += end - begin
            skip = 0

    def _columns(self) -> Iterator[tuple[tuple[Any, ...], int]]:
        piece = self.piece
        if piece.file is not None:
            for batch in piece.file.batches():
                yield tuple(batch.columns), batch.num_rows
        elif piece.batch is not None:
            yield piece.batch.columns, piece.n_rows
        else:
            yield piece.columns or (), piece.n_rows
