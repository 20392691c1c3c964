"""`window`: takes all rows, computes columns over frames of them, and gives the rows back in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ...arrow import is_valid
from ...aside import aside
from ...batch import Batch, Column
from ...context import Context
from ...memory import Reservation
from ...notes import At
from ...operator import Flow, Source
from ..grouping import Keys, new_keys
from ..groupspill import area_of
from ..keyways import KeyWays
from ..trail import Trail
from .chunks import Chunks, kept
from .part import Part, unlent
from .parts import Parts
from .result import SpilledRows, WindowRows
from .spec import Program
from .spill import PartRows, RowFile

NULL_TIME = "null time"
Values: TypeAlias = "pa.Array[Any]"


@dataclass(slots=True)
class Local:
    ctx: Context
    reservation: Reservation
    keys: Keys
    kept: list[Chunks]  # the columns that go out again
    plain: dict[int, Chunks]  # what is computed from, by number
    codes: list[NDArray[np.int32]] = field(default_factory=list)
    held: int = 0  # rows in memory
    n_rows: int = 0
    n_kept: int = 0  # rows in memory that go out again
    n_out: int = 0  # all that go out again: the first of `n_rows`
    keys_bytes: int = 0  # charged
    trail: Trail = field(init=False)

    def __post_init__(self) -> None:
        self.trail = Trail(self.ctx.query.ledger)


class WindowSink:
    """One Local, fed in order: so a row's number is its place, and keys have one table.

    Where memory is short the rows go to one file as they came, and what is computed from them to a file for each part of
    their keys' hash: parts are computed one by one, and results are put back in order by stretches of rows.
    """

    needs_order = True

    def __init__(self, program: Program, at: At) -> None:
        self._program, self._at = program, at
        self._needed = sorted({*program.arguments(), *(s.column for s in program.sortings if s.column is not None)})
        self._time = next((s.column for s in program.sortings if s.is_time), None)
        self._goes_out = True  # whether the rows that are taken now go out again
        self._local: Local | None = None
        self._part: Part | None = None
        self._rows: RowFile | None = None
        self._spilled: PartRows | None = None
        self._parts: Parts | None = None
        self._ways = KeyWays()

    def open(self, ctx: Context) -> Local:
        self._local = Local(ctx, ctx.memory.reserve(self._at.command), self._new_keys(ctx), [], {})
        self._clear(self._local)
        return self._local

    def _new_keys(self, ctx: Context) -> Keys:
        return new_keys([t for _, t in self._program.keys], ctx.compiled)

    def _clear(self, local: Local) -> None:
        local.kept = [Chunks(t.arrow) for t in self._program.types[: self._program.carried]]
        local.plain = {i: Chunks(self._program.types[i].arrow) for i in self._needed}
        local.codes, local.held, local.n_kept, local.keys_bytes = [], 0, 0, 0

    def push(self, batch: Batch, local: Local) -> Flow:
        n = batch.n_rows
        if not n:
            return Flow.MORE
        ctx = local.ctx
        if self._time is not None and (times := batch.array(self._time)).null_count:
            ctx.notes.rows(self._at, "drop", NULL_TIME, batch, np.flatnonzero(~is_valid(times)), None)
        rows = [kept(batch, i) for i in range(self._program.carried)]
        plain = [batch.array(i) for i in self._needed]
        local.trail.add(batch)
        self._take([batch.columns[i] for i, _ in self._program.keys], rows, plain, n, local)
        return Flow.MORE

    def _take(
        self, keys: Sequence[Column], rows: Sequence[Values], plain: Sequence[Values], n: int, local: Local
    ) -> None:  # fmt: skip
        """n rows: their keys, what goes out again of them (nothing where only others are computed from them), the rest."""
        own = sum(p.nbytes for i, p in zip(self._needed, plain, strict=True) if not _is_kept(p, i, rows))
        charge = sum(r.nbytes for r in rows) + own + 4 * n
        fits = local.reservation.grow(charge)
        if not fits and local.held:
            self._spill(local)
            fits = local.reservation.grow(charge)
        self._hold(keys, rows, plain, n, local)
        if not fits or not self._charge_keys(local):
            self._spill(local)

    def _hold(
        self, keys: Sequence[Column], rows: Sequence[Values], plain: Sequence[Values], n: int, local: Local
    ) -> None:  # fmt: skip
        ctx = local.ctx
        if ctx.compiled and not local.keys.compiled:
            local.keys.compile(ctx.stop)
        local.codes.append(local.keys.ids(keys, n, ctx.stop))
        ctx.check()
        for chunks, values in zip(local.kept if rows else (), rows, strict=True):
            chunks.add(values)
        for chunks, values in zip(local.plain.values(), plain, strict=True):
            chunks.add(values)
        local.held += n
        local.n_rows += n
        if self._goes_out:
            local.n_kept += n
            local.n_out += n

    def _charge_keys(self, local: Local) -> bool:
        now = local.keys.nbytes()
        if now > local.keys_bytes:
            if not local.reservation.grow(now - local.keys_bytes):
                return False
            local.keys_bytes = now
        return True

    def _spill(self, local: Local) -> None:
        """All rows held go to disk."""
        ctx = local.ctx
        if not local.held:
            return
        if self._rows is None:
            area, memory = area_of(ctx, self._at.command), ctx.memory.limit
            self._rows = RowFile(area, self._at.command, memory)
            self._spilled = PartRows(area, self._at.command, 0, memory)
        assert self._spilled is not None
        nbytes = sum(c.nbytes() for c in (*local.kept, *local.plain.values())) + 4 * local.held
        kept, columns, codes = aside(ctx, nbytes, lambda: self._sealed(local))
        self._rows.write(kept, local.n_kept, ctx)
        numbers = np.arange(local.n_rows - local.held, local.n_rows)
        self._ways.add(local.keys)
        self._spilled.write(numbers, local.keys, codes, columns, ctx)
        local.keys = self._new_keys(ctx)
        self._clear(local)
        local.reservation.release()

    def _sealed(self, local: Local) -> tuple[list[pa.Array[Any]], list[pa.Array[Any]], NDArray[np.int32]]:
        """What is held, each column as one array: the rows as they came, what is computed from, codes of the keys."""
        for chunks in (*local.kept, *local.plain.values()):
            chunks.seal()
        columns = [local.plain[i].whole() for i in self._needed]
        return [c.whole() for c in local.kept], columns, np.concatenate(local.codes)

    def combine(self, local: Local) -> None:
        """Rows that stay in memory need room for what is computed."""
        if self._rows is not None or not local.reservation.grow(self._work_bytes(local.held)):
            self._spill(local)
        if self._rows is not None and self._spilled is not None:
            self._rows.finish()
            self._spilled.finish()

    def _work_bytes(self, n_rows: int) -> int:
        """Places and keys of all rows; of each column its argument in order, its value in order and in place."""
        return n_rows * (24 + 16 * len(self._program.sortings) + 26 * len(self._program.columns))

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        local = self._local
        assert local is not None
        if self._spilled is not None:
            self._parts = Parts(self._program, self._at, self._spilled, self._needed, local.n_out, ctx)
            return self._parts.tasks()
        nbytes = sum(c.nbytes() for c in local.plain.values()) + 4 * local.held
        return aside(ctx, nbytes, lambda: self._tasks(local, unlent(ctx), ctx))

    def _tasks(self, local: Local, ctx: Context, theirs: Context) -> Sequence[Callable[[], None]]:
        codes = np.concatenate(local.codes) if local.codes else np.empty(0, np.int32)
        local.codes = []
        for chunks in (*local.kept, *local.plain.values()):
            chunks.seal()
        arrays = {i: chunks.whole() for i, chunks in local.plain.items()}
        self._part = Part(self._program, codes, local.keys.n, arrays)
        return [partial(task, theirs) for task in self._part.tasks(ctx.settings.threads, ctx)]

    def result(self, ctx: Context) -> Source:
        local = self._local
        if local is None or (self._part is None and self._parts is None):  # ended before: nobody wants its rows
            return WindowRows(self._program, 0, (), (), self._at, Trail(ctx.query.ledger))
        if self._parts is not None:
            assert self._rows is not None
            self._parts.results.finish()
            self._tell_cut(self._parts.cut, ctx)
            return SpilledRows(self._program, local.n_out, self._rows, self._parts.results, self._at, local.trail)
        part = self._part
        assert part is not None
        aside(ctx, sum(o.nbytes() for o in part.outs), part.seal)
        local.plain = {}
        self._tell_cut(sum(o.cut for o in part.outs), ctx)
        return WindowRows(self._program, local.n_out, local.kept, part.outs, self._at, local.trail)

    def _tell_cut(self, cut: int, ctx: Context) -> None:
        if cut:
            ctx.notes.count(self._at, "truncate", "values", cut)

    def close(self) -> None:
        if self._local is not None:
            self._local.reservation.release()
            self._local.kept, self._local.plain, self._local.codes = [], {}, []
        self._part = None
        for files in (self._rows, self._spilled, self._parts):
            if files is not None:
                files.close()

    def describe_run(self) -> dict[str, int | str]:
        """For `explain analyze`: how groups were found, bytes written to disk."""
        written = sum(f.nbytes for f in (self._rows, self._spilled, self._parts) if f is not None)
        if self._local is not None:
            self._ways.add(self._local.keys)
        return {**self._ways.told(), "spilled_bytes": written}


def _is_kept(values: object, i: int, rows: Sequence[object]) -> bool:
    """Whether a column that is computed from is one of those that go out again: then it is held once."""
    return i < len(rows) and values is rows[i]
