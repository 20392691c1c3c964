"""The end of a grouping: Locals and spilled parts are merged by radix part, each part sorted by key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from ...planner.records import dataclass
from ...planner.types import Type
from ..arrow import nulls as null_array
from ..aside import aside
from ..context import Context
from ..memory import Reservation
from .groupaxes import Axes, Cells
from .groupcells import CellMerge, bytes_needed, cell_merge
from .groupdeferred import may_defer
from .groupdense import Dense, dense_of, merged_cells, most_cells
from .groupheld import Held
from .grouping import ManyKeys
from .groupkeys import keyed, tuple_order, word_order
from .groupprogram import Program, Table
from .grouprows import Run
from .groupshared import SharedMerge
from .groupspill import MAX_LEVEL, N_PARTS, PartFiles, RunFile, area_of, chunk_bytes
from .groupwords import PART_GROUPS, SORT_WORK, WordMerge, has_words
from .keyform import from_normal, normal_type
from .keysort import order_of, words_in
from .scanmerge import ScanMerge
from .states.base import Bounds, Bucketed, State

LEAST_GROUPS = 512  # a part below both of these is merged in memory, come what may
LEAST_BYTES = 1 << 20
SMALL = 4096  # groups below which one task merges all
GROUPS_A_TASK = 1 << 15
PART_CELLS = 1 << 16  # that a task merges at least
CELL_WORK = 64  # bytes a row of a part
Source: TypeAlias = Callable[[Table], None]
BucketBounds: TypeAlias = "Callable[[list[pa.Array[Any]]], Bounds]"


@dataclass(slots=True)
class Merge:
    """Shared by the merge tasks of one sink."""

    program: Program
    ctx: Context
    held: list[Held]
    spilled: list[PartFiles]
    bucket_bounds: BucketBounds | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    runs: dict[int, list[Any]] = field(default_factory=dict)
    reservations: list[Reservation] = field(default_factory=list)
    files: list[Any] = field(default_factory=list)  # to be closed whatever happens
    cut: int = 0
    written: int = 0
    share: int = 0  # bytes of the Locals that one task merges
    dense: Dense | None = None
    dense_reservation: Reservation | None = None
    cells: CellMerge | None = None
    words: WordMerge | None = None
    scans: ScanMerge | None = None
    shared: SharedMerge | None = None

    def release(self) -> bool:
        """What only the tasks need. Whether the runs of one part come before those of the next."""
        ordered = any(way is not None for way in (self.dense, self.cells, self.words, self.scans, self.shared))
        self.held.clear()
        self.dense = self.cells = self.words = self.scans = self.shared = None
        if self.dense_reservation is not None:
            self.dense_reservation.release()
        return ordered

    def tasks(self) -> Sequence[Callable[[], None]]:
        if (given := self.cells or self.scans) is not None:
            return given.divisions()
        largest = max((h.table.keys.n for h in self.held), default=0)
        self.share = max((h.table.nbytes() for h in self.held), default=0)
        if not self.program.key_types or (not self.spilled and not self._is_large(largest)):
            return [lambda: self._part(0)]
        self.dense = self._dense()
        if self.dense is not None:
            grows = any(s.grows for s in self.held[0].table.states)  # then a cell may be much work
            n_parts = min(N_PARTS, max(1, self.dense.n_cells // (1 if grows else PART_CELLS)))
            n_parts = -(-n_parts // self.ctx.settings.threads) * self.ctx.settings.threads  # all workers end together
            self.share //= n_parts
            bounds = [self.dense.n_cells * k // n_parts for k in range(n_parts + 1)]
            return [
                partial(self._kept_part, part, partial(self._dense_run, self.dense, *ends))
                for part, ends in enumerate(pairwise(bounds))
            ]
        if self._is_alone():
            return [lambda: self._part(0)]
        self.cells = self._cells()
        if self.cells is not None:
            return self.cells.divisions()
        found = self._words()
        if isinstance(found, SharedMerge):
            self.shared, self.share = found, self.share // len(found.ranges)
            puts = [partial(self._put_together, found, k) for k in range(len(found.ranges))]
            return [partial(aside, self.ctx, SORT_WORK * self.held[0].table.keys.n, found.sort), *puts]
        self.words = found
        if self.words is not None:
            self.share //= self.words.n_parts
            return [
                partial(self._kept_part, part, partial(self._word_run, self.words, part))
                for part in range(self.words.n_parts)
            ]
        for held in self.held:
            aside(self.ctx, 8 * held.table.keys.n, held.divide)
        step = self._parts_a_task()
        self.share = self.share * step // N_PARTS
        parts = [(k, k + step) for k in range(0, N_PARTS, step)]
        return [partial(self._part, *p) for p in parts if self.spilled or any(len(h.members(*p)) for h in self.held)]

    def refine(self) -> Sequence[Callable[[], None]]:
        """What is left to do when the tasks are done."""
        if self.scans is not None:
            return [
                partial(self._kept_part, k, partial(self._scan_run, self.scans, k)) for k in range(self.scans.n_parts)
            ]
        if self.shared is not None:
            bounds = self.shared.parts()
            return [partial(self._kept_part, k, partial(self.shared.part, *ends)) for k, ends in enumerate(bounds)]
        if self.cells is None:
            return ()
        return [
            partial(
                self._kept_part, part, partial(self._cell_run, self.cells, *ends), CELL_WORK * self.cells.rows_of(*ends)
            )
            for part, ends in enumerate(self.cells.parts())
        ]

    def _cells(self) -> CellMerge | None:
        """All groups divided by ranges of their keys, if there is memory for it."""
        if self.spilled or not may_defer(self.program):
            return None
        tables = [h.table for h in self.held]
        reservation = self.reserve("merge")
        if reservation.grow(bytes_needed(tables, ())):
            found = aside(
                self.ctx, self.share, lambda: cell_merge(self.program, self.ctx, tables, [None] * len(tables))
            )
            if found is not None:
                self.dense_reservation = reservation
                return found
        reservation.release()
        return None

    def _words(self) -> WordMerge | SharedMerge | None:
        """All groups of one key by ranges of its words, if there is memory for it."""
        if self.spilled or not self.ctx.compiled or not all(has_words(h.table.keys) for h in self.held):
            return None
        n_groups = sum(h.table.keys.n for h in self.held)
        reservation = self.reserve("merge")
        if not reservation.grow(
            sum(t.nbytes() for h in self.held for t in (h.table, *h.beside)) + SORT_WORK * n_groups
        ):
            reservation.release()
            return None
        self.dense_reservation = reservation
        heavy = any(s.grows for s in self.held[0].table.states)
        n_parts = max(2 * self.ctx.settings.threads, N_PARTS if heavy else 1, n_groups // PART_GROUPS)
        if len(self.held) == 1:
            return SharedMerge(self.program, [self.held[0].table, *self.held[0].beside], n_parts)
        for held in self.held:
            aside(self.ctx, SORT_WORK * held.table.keys.n, held.sort)
        groups = [h.sorted for h in self.held if h.sorted is not None]
        return WordMerge(self.program, [(h.table, *h.beside) for h in self.held], groups, n_parts)

    def _put_together(self, merge: SharedMerge, k: int) -> None:
        """What the tables have of a range of numbers."""
        self.ctx.check()
        low, high = merge.ranges[k]
        run = Run([], [])
        states = aside(self.ctx, self.share, partial(merge.states, low, high))
        every = np.arange(low, high, dtype=np.int32)
        self._give(run, states, high - low, lambda: self.held[0].table.keys.values(every))
        merge.put(k, run)

    def _word_run(self, merge: WordMerge, part: int) -> Run:
        word0, word1, states = merge.groups(part)
        run = merge.run(word0, word1)
        form, types = normal_type(self.program.key_types[0]), self.program.key_types
        self._give(run, states, len(word0), lambda: [from_normal(types[0], run.plain(form).keys[0])])
        return run

    def _kept_part(self, part: int, make: Callable[[], Run], work: int = 0) -> None:
        """`work`: bytes that `make` works on, if not this task's share of the tables."""
        self.ctx.check()
        kept = [self._kept(aside(self.ctx, work or self.share, make))]
        self.ctx.check()
        with self.lock:
            self.runs[part] = kept

    def _cell_run(self, merge: CellMerge, low: int, high: int) -> Run:
        axes, cells, states = merge.groups(low, high)
        return self._run_of(axes, cells, states)

    def _scan_run(self, merge: ScanMerge, part: int) -> Run:
        run, states = merge.part(part)
        self._give(run, states, len(run), lambda: [from_normal(self.program.key_types[0], run.keys[0])])
        return run

    def _parts_a_task(self) -> int:
        """Several where groups are few: a task has some thousand at least, and each worker more than one task."""
        n_groups = sum(h.table.keys.n for h in self.held)
        heavy = any(s.grows for s in self.held[0].table.states) if self.held else True
        if self.spilled or heavy:
            return 1
        step = 1
        while 2 * step * n_groups <= N_PARTS * GROUPS_A_TASK and N_PARTS // (2 * step) >= 2 * self.ctx.settings.threads:
            step *= 2
        return step

    def _is_large(self, n_groups: int) -> bool:
        heavy = n_groups > 1 and any(s.grows and s.nbytes() > 1 << 20 for h in self.held for s in h.table.states)
        return heavy or n_groups >= SMALL

    def _dense(self) -> Dense | None:
        """All groups by their place among the keys, if these lie close together and there is memory for it."""
        if self.spilled or (len(self.held) == 1 and any(s.grows for s in self.held[0].table.states)):
            return None  # values that one table alone has are in their places there
        needed = sum(h.table.nbytes() for h in self.held)
        cells = (len(self.held) + 2) * 4 * most_cells(sum(h.table.keys.n for h in self.held))
        reservation = self.reserve("merge")
        if reservation.grow(needed + cells):
            found = aside(self.ctx, needed, self._placed)
            if found is not None:
                self.dense_reservation = reservation
                return found
        reservation.release()
        return None

    def _placed(self) -> Dense | None:
        return dense_of(self.program.key_types, [h.table.keys for h in self.held])

    def _dense_run(self, dense: Dense, low: int, high: int) -> Run:
        """The groups in cells low .. high."""
        cells, states = merged_cells(self.program, dense, [h.table for h in self.held], low, high, self.ctx.compiled)
        return self._run_of(dense.axes, cells, states)

    def _run_of(self, axes: Axes, cells: Cells, states: Sequence[State]) -> Run:
        """Groups in order of their cells."""
        run = Run(axes.keys(cells), [])
        types = self.program.key_types
        self._give(run, states, len(cells), lambda: [from_normal(t, k) for t, k in zip(types, run.keys, strict=True)])
        return run

    def _part(self, part: int, end: int = N_PARTS) -> None:
        reservation = self.reserve("merge")
        try:
            if self._is_alone():
                runs: list[Any] = [self.finish(self.held[0].table)]
            elif self._is_one_group():
                runs = [self.finish(self._one_group(reservation))]
            else:
                sources = self._sources(part, end)
                runs = self._merged(sources, 1, reservation)
            kept = [self._kept(run) for run in runs]
            with self.lock:
                self.runs[part] = kept
        finally:
            reservation.release()

    def _is_alone(self) -> bool:
        """Whether one table has all rows."""
        return len(self.held) == 1 and not self.held[0].beside and not self.spilled

    def _is_one_group(self) -> bool:
        if self.program.key_types or self.spilled or not self.held:
            return False
        return all(s.takes_more for h in self.held for s in h.table.states)

    def _one_group(self, reservation: Reservation) -> Table:
        """Without keys the others go into the largest table, which is not copied."""
        first, *others = sorted((h.table for h in self.held), key=lambda t: -t.nbytes())
        charged = first.nbytes()  # by the Local that made it
        for other in others:
            self.ctx.check()
            aside(self.ctx, self.share, partial(first.fold, other, np.zeros(1, np.int32), self.ctx))
            if reservation.grow(max(first.nbytes() - charged, 0)):
                charged = max(charged, first.nbytes())
        return first

    def reserve(self, what: str) -> Reservation:
        ctx = self.ctx
        name = f"{self.program.at.command} ({what})"
        made = ctx.memory.reserve(name, ctx.memory.limit // (2 * max(1, ctx.settings.threads)))
        with self.lock:
            self.reservations.append(made)
        return made

    def _sources(self, part: int, end: int) -> Iterator[Source]:
        """Each adds to a table what one Local has of these parts, in memory or in one chunk of a file."""
        for held in self.held:
            yield lambda into, held=held: into.fold(held.table, held.members(part, end), self.ctx, *held.beside)  # type: ignore[misc]
        for files in self.spilled:
            for one in range(part, end):
                yield from self._chunks(files.batches(one))

    def _chunks(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Source]:
        for batch in batches:
            yield lambda into, batch=batch: into.fold_batch(batch, self.program, self.ctx)  # type: ignore[misc]

    def _merged(self, sources: Iterator[Source], level: int, reservation: Reservation) -> list[Any]:
        """Sorted runs of one part. If its groups do not fit, the part is cut by the next bits of their hashes."""
        table = self.program.table(self.ctx.compiled)
        charged = 0
        for add in sources:
            self.ctx.check()
            aside(self.ctx, self.share, partial(add, table))
            now = table.nbytes()
            if now <= charged:
                continue
            if reservation.grow(now - charged):
                charged = now
            elif self._divisible(table, level):
                files = self.part_files(level)
                files.write(self.ctx, table.keys, table.states, now)
                del table
                self._divide(files, sources, now)
                reservation.release()
                return self._below(files, level, reservation)
        run: Any = self.finish(table)
        if self.spilled or level > 1:  # the budget is short, so what is finished goes to disk as well
            run = self._to_file(run)
        return [run]

    def _divisible(self, table: Table, level: int) -> bool:
        """A table of few groups is cut only for the values that its states hold."""
        enough = table.keys.n >= LEAST_GROUPS or (table.keys.n > 1 and table.nbytes() > LEAST_BYTES)
        return enough and level < MAX_LEVEL

    def _divide(self, files: PartFiles, sources: Iterator[Source], full: int) -> None:
        """What is left of a part, written when a table of it takes `full` bytes: one source alone has few groups a file."""
        rest, nbytes = self.program.table(self.ctx.compiled), 0
        for add in sources:
            self.ctx.check()
            add(rest)
            nbytes = rest.nbytes()
            if nbytes >= full:
                files.write(self.ctx, rest.keys, rest.states, nbytes)
                rest = self.program.table(self.ctx.compiled)
        files.write(self.ctx, rest.keys, rest.states, nbytes)
        files.finish()

    def part_files(self, level: int) -> PartFiles:
        ctx = self.ctx
        command = self.program.at.command
        files = PartFiles(area_of(ctx, command), command, level, chunk_bytes(ctx.memory.limit))
        with self.lock:
            self.files.append(files)
        return files

    def _below(self, files: PartFiles, level: int, reservation: Reservation) -> list[Any]:
        runs: list[Any] = []
        for part in range(N_PARTS):
            if files.files[part] is not None:
                runs += self._merged(self._chunks(files.batches(part)), level + 1, reservation)
                reservation.release()
        with self.lock:
            self.written += files.written
        return runs

    def _kept(self, run: Any) -> Any:
        """A finished run stays in memory if the budget lets it."""
        return self._to_file(run) if isinstance(run, Run) and not self._is_kept(run.nbytes()) else run

    def _is_kept(self, nbytes: int) -> bool:
        return self.ctx.query.spill is None or self.reserve("result").grow(nbytes)

    def _to_file(self, run: Run) -> Any:
        if not len(run) or not run.keys:
            return run
        ctx, command = self.ctx, self.program.at.command
        if run.inline:
            run = run.plain(normal_type(self.program.key_types[0]))
        made = RunFile(run, area_of(ctx, command), command, chunk_bytes(ctx.memory.limit))
        with self.lock:
            self.files.append(made)
            self.written += made.written
        return made

    def finish(self, table: Table) -> Run:
        """The groups of a table, sorted by key, with their values."""
        run = aside(self.ctx, table.nbytes(), lambda: self._finished(table))
        self.ctx.check()
        return run

    def _finished(self, table: Table) -> Run:
        run = keyed(table.keys)
        self._give(run, table.states, table.keys.n, table.keys.values)
        if run.inline:
            return run.take(word_order(*(np.array(words_in(k)) for k in run.keys)))
        order = tuple_order(table.keys) if isinstance(table.keys, ManyKeys) else None
        if order is None and run.keys:
            order = order_of(run.keys)
        return run if order is None else run.take(order)

    def _give(self, run: Run, states: Sequence[State], n: int, keys: Callable[[], list[pa.Array[Any]]]) -> None:
        """Puts the values of groups 0 .. n into the run; `keys` makes theirs."""
        compiled, program = self.ctx.compiled, self.program
        for state, asked in zip(states, program.asked, strict=True):
            state.asked = asked
            if isinstance(state, Bucketed) and self.bucket_bounds is not None:
                state.bounds = self.bucket_bounds(keys())
        done = [states[o.slot].finish(n, o.out, compiled) for o in program.outputs]
        run.aggs = [conform(d.values, o.type) for d, o in zip(done, program.outputs, strict=True)]
        run.faults = {i: d.faults for i, d in enumerate(done) if d.faults is not None}
        with self.lock:
            self.cut += sum(d.cut for d in done)

    def close(self) -> None:
        for thing in (*self.files, *self.spilled):
            thing.close()
        for reservation in self.reservations:
            reservation.release()


def conform(array: pa.Array[Any], type_: Type) -> pa.Array[Any]:
    """A column of nulls may come untyped; everything else has its type already."""
    if pa.types.is_null(array.type) and type_.kind != "null":
        return null_array(len(array), type_.arrow)
    return array
