"""Parts of a window that were spilled: each is read, computed, and its results written by stretch of rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import array_from, call, concat, numbers_of
from ...arrow import nulls as null_array
from ...context import Context
from ...exprs import truth
from ...memory import Reservation
from ...notes import At
from ..grouping import new_keys
from ..groupspill import MAX_LEVEL, N_PARTS, area_of
from ..states.base import Rows, State
from .functions import Function
from .outs import Out
from .part import Part
from .spec import WHOLE, Column, Program
from .spill import PartRows, Results, too_little

SEPARATOR = "\x1f"  # between the reason of a fault and the value


class Parts:
    """What the tasks share. A part that does not fit into a task's memory is cut by the next bits of its keys' hashes."""

    def __init__(
        self, program: Program, at: At, spilled: PartRows, needed: Sequence[int], n_rows: int, ctx: Context
    ) -> None:
        self._program, self._at, self._spilled, self._needed, self._ctx = program, at, spilled, needed, ctx
        row_bytes = sum(24 + 4 for _ in program.columns) + 8
        self.results = Results(area_of(ctx, at.command), at.command, n_rows, row_bytes, ctx.memory.limit)
        self.cut = 0
        self._lock = threading.Lock()
        self._open: list[PartRows] = []
        self._reservations: list[Reservation] = []
        self._written = 0
        self._is_whole = all(is_of_group(c, program) for c in program.columns)
        self._large: list[tuple[PartRows, int]] = []  # those of one group that no single task has the memory for
        self._left = 0  # tasks that are not done

    @property
    def nbytes(self) -> int:
        return self.results.nbytes + self._written

    def tasks(self) -> Sequence[Callable[[], None]]:
        live = [part for part in range(N_PARTS) if self._spilled.rows[part]]
        self._left = len(live)
        return [partial(self._task, self._spilled, part) for part in live]

    def _task(self, files: PartRows, part: int) -> None:
        share = self._ctx.memory.limit // max(1, self._ctx.settings.threads)
        self._reserved(share, lambda reservation: self._compute(files, part, reservation))
        with self._lock:
            self._left -= 1
            is_last = not self._left
        if is_last:  # the others have let their memory go
            for large, at in self._large:
                self._reserved(None, partial(self._compute_large, large, at))

    def _reserved(self, limit: int | None, work: Callable[[Reservation], None]) -> None:
        """`limit`: None: all that the operator may have, and what the query has promised to nobody."""
        reservation = self._ctx.memory.reserve(self._at.command, limit)
        with self._lock:
            self._reservations.append(reservation)
        try:
            work(reservation)
        finally:
            reservation.release()

    def _needed_bytes(self, files: PartRows, part: int) -> int:
        row_bytes = 40 + 16 * len(self._program.sortings) + 40 * len(self._program.columns)
        return 2 * files.sizes[part] + files.rows[part] * row_bytes

    def _compute(self, files: PartRows, part: int, reservation: Reservation) -> None:
        if reservation.grow(self._needed_bytes(files, part)):
            self._in_memory(files, part)
            reservation.release()
        elif not self._divide(files, part, reservation):
            with self._lock:
                self._large.append((files, part))

    def _compute_large(self, files: PartRows, part: int, reservation: Reservation) -> None:
        needed = self._needed_bytes(files, part)
        if reservation.grow(needed):
            self._in_memory(files, part)
        elif self._is_whole:
            self._by_state(files, part, reservation)
        else:
            raise too_little(self._at.command, needed)

    def _in_memory(self, files: PartRows, part: int) -> None:
        ctx, n = self._ctx, files.rows[part]
        batches = []
        for batch in files.read(part):
            ctx.check()
            batches.append(batch)
        columns = [concat(list(c)) for c in zip(*(b.columns for b in batches), strict=True)]
        batches.clear()
        numbers, n_keys = np.array(numbers_of(columns[0])), len(self._program.keys)
        keys = new_keys([t for _, t in self._program.keys], ctx.compiled)
        codes = keys.ids(columns[1 : 1 + n_keys], n, ctx.stop)
        ctx.check()
        arrays = dict(zip(self._needed, columns[1 + n_keys :], strict=True))
        made = Part(self._program, codes, keys.n, arrays)
        for task in made.tasks(1, ctx):
            task(ctx)
        made.seal()
        with self._lock:
            self.cut += sum(o.cut for o in made.outs)
        self.results.add(numbers, result_columns(made.outs, n), ctx)

    def _by_state(self, files: PartRows, part: int, reservation: Reservation) -> None:
        """One value a group: its rows are read twice and never held."""
        ctx, program, n_keys = self._ctx, self._program, len(self._program.keys)
        keys = new_keys([t for _, t in program.keys], ctx.compiled)
        states = [c.maker.make() for c in program.columns]
        charged = seen = 0
        for batch in files.read(part, last=False):
            ctx.check()
            codes = keys.ids(batch.columns[1 : 1 + n_keys], batch.num_rows, ctx.stop)
            arrays = dict(zip(self._needed, batch.columns[1 + n_keys :], strict=True))
            for state, column in zip(states, program.columns, strict=True):
                feed(state, column, codes, keys.n, arrays, seen, ctx)
            seen += batch.num_rows
            now = sum(s.nbytes() for s in states) + keys.nbytes()
            if now > charged and not reservation.grow(now - charged):
                raise too_little(self._at.command, now)
            charged = max(charged, now)
        made = []
        for state, column in zip(states, program.columns, strict=True):
            state.seal()
            state.asked = (column.maker.out,)
            made.append(state.finish(keys.n, column.maker.out, ctx.compiled))
        with self._lock:
            self.cut += sum(m.cut for m in made)
        for batch in files.read(part):
            ctx.check()
            by_code = array_from(keys.ids(batch.columns[1 : 1 + n_keys], batch.num_rows, ctx.stop))
            columns: list[pa.Array[Any]] = []
            for m in made:
                texts = (
                    null_array(batch.num_rows, pa.string()) if m.faults is None else reasoned(m.faults.take(by_code))
                )
                columns += [m.values.take(by_code), texts]
            self.results.add(np.array(numbers_of(batch.column(0))), columns, ctx)
        reservation.release()

    def _divide(self, files: PartRows, part: int, reservation: Reservation) -> bool:
        """False: there is but one group, or no end of cutting."""
        ctx, n_keys = self._ctx, len(self._program.keys)
        level = files.level + 1
        if not n_keys or level >= MAX_LEVEL or self._has_one_group(files, part):
            return False
        finer = PartRows(area_of(ctx, self._at.command), self._at.command, level, ctx.memory.limit)
        with self._lock:
            self._open.append(finer)
        for batch in files.read(part):
            ctx.check()
            keys = new_keys([t for _, t in self._program.keys], ctx.compiled)
            codes = keys.ids(batch.columns[1 : 1 + n_keys], batch.num_rows, ctx.stop)
            ctx.check()
            finer.write(numbers_of(batch.column(0)), keys, codes, batch.columns[1 + n_keys :], ctx)
        finer.finish()
        with self._lock:
            self._written += finer.nbytes
        for i in range(N_PARTS):
            if finer.rows[i]:
                self._compute(finer, i, reservation)
        return True

    def _has_one_group(self, files: PartRows, part: int) -> bool:
        ctx, n_keys = self._ctx, len(self._program.keys)
        keys = new_keys([t for _, t in self._program.keys], ctx.compiled)
        for batch in files.read(part, last=False):
            ctx.check()
            keys.ids(batch.columns[1 : 1 + n_keys], batch.num_rows, ctx.stop)
            if keys.n > 1:
                return False
        return True

    def close(self) -> None:
        self.results.close()
        for files in self._open:
            files.close()
        for reservation in self._reservations:
            reservation.release()


def is_of_group(column: Column, program: Program) -> bool:
    """Whether it is an aggregate of each row's whole group."""
    return program.frames[column.frame] == WHOLE and not isinstance(column.maker.make(), Function)


def feed(
    state: State, column: Column, codes: NDArray[np.int32], n: int, arrays: dict[int, pa.Array[Any]], seen: int, ctx: Context
) -> None:  # fmt: skip
    """Rows of groups below n, the first of which is number `seen`, to the state of a column."""
    state.resize(n)
    places = np.arange(seen, seen + len(codes))
    args = [arrays[i] for i in column.args]
    if column.where is not None:
        keep = np.flatnonzero(truth(arrays[column.where], len(codes)))
        codes, places, args = codes[keep], places[keep], [a.take(array_from(keep)) for a in args]
    if len(codes):
        state.update(Rows(codes, args, places if state.ordered else None, ctx.compiled, ctx.stop))
        ctx.check()


def reasoned(texts: pa.Array[Any]) -> pa.Array[Any]:
    """Sums that do not fit, with the reason in front."""
    return call("binary_join_element_wise", f"overflow{SEPARATOR}", texts, "", null_handling="emit_null")


def result_columns(outs: Sequence[Out], n: int) -> list[pa.Array[Any]]:
    """Of each column its values and what was refused in its place."""
    columns: list[pa.Array[Any]] = []
    for out in outs:
        columns += [out.column(0, n), refused(out, n)]
    return columns


def refused(out: Out, n: int) -> pa.Array[Any]:
    """Reason and value as one text where a value was refused, else null."""
    found = out.faults()
    if not found:
        return null_array(n, pa.string())
    at: NDArray[np.int64] = np.full(n, -1, np.int64)
    texts: list[str] = []
    for reason, rows, values in found:
        at[rows] = np.arange(len(texts), len(texts) + len(rows))
        texts += [f"{reason}{SEPARATOR}{v}" for v in values.to_pylist()]
    return pa.array(texts, pa.string()).take(array_from(np.maximum(at, 0), at < 0))
