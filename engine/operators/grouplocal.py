"""One worker's groups: a table, rows whose groups are found in the end, what was spilled, and the memory they may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..aside import aside
from ..batch import Column
from ..context import Context
from ..memory import Reservation
from .groupdeferred import DeferredRows, again, coded, seems_few
from .groupheld import Held
from .grouping import ManyKeys
from .groupprogram import Program, Table, Values
from .groupspill import PartFiles, area_of, chunk_bytes
from .keyways import KeyWays
from .scangroups import ScanGroups
from .sharedtable import SharedTable


@dataclass(slots=True)
class Local:
    """`may_defer`: whether rows of many groups may be kept. `ways`: of all Locals of the sink."""

    ctx: Context
    program: Program
    reservation: Reservation
    ways: KeyWays
    may_defer: bool
    shared: SharedTable | None = None  # of the keys, with other Locals
    table: Table = field(init=False)
    charged: int = 0
    spilled: PartFiles | None = None
    spills: int = 0
    held: Held | None = None  # its groups, when all rows were seen
    seen: int = 0  # rows before the batch; only with needs_order
    deferred: DeferredRows | None = None
    scanned: ScanGroups | None = None  # what a scan has grouped, until it comes into the table
    is_undecided: bool = True  # whether rows are to be deferred

    def __post_init__(self) -> None:
        self.table = self.program.table(self.ctx.compiled, shared=self.shared)

    def make_room(self) -> None:
        table = self.table
        if table.needs_room():
            # room that nothing was written to yet is only counted, so where there is plenty of memory fewer copies are made
            plenty = self.reservation.limit // max(1, 2 * table.nbytes())
            growth = 8 if plenty > 8 else 4 if plenty > 4 else 2
            aside(self.ctx, self.charged, partial(table.fit, growth=growth))

    def charge(self, beside: int = 0) -> None:
        """`beside`: bytes that are held beside the table."""
        if not self._is_charged(beside):
            self.spill()

    def _is_charged(self, beside: int) -> bool:
        now = self.table.nbytes() + (self.scanned.nbytes() if self.scanned is not None else 0) + beside
        if now > self.charged:
            if not self.reservation.grow(now - self.charged):
                return False
            self.charged = now
        return True

    def spill(self) -> None:
        """All groups of this Local go to disk; other Locals are left alone."""
        ctx, command = self.ctx, self.program.at.command
        self.spills += 1
        self.table.leave_shared()
        if self.spilled is None:
            self.spilled = PartFiles(area_of(ctx, command), command, 0, chunk_bytes(ctx.memory.limit))
        tables = [self.table]
        if self.scanned is not None and not self.scanned.is_empty():
            tables.append(aside(ctx, self.scanned.nbytes(), partial(self.scanned.take, self.program)))
        for table in tables:
            self.ways.add(table.keys)
            self.spilled.write(ctx, table.keys, table.states, table.nbytes())
        self.table = self.program.table(ctx.compiled)
        self.reservation.release()
        self.charged = 0

    def defers(self, columns: Sequence[Column], values: Values, place: NDArray[np.int64] | None) -> bool:
        """Whether rows with these keys are kept, their groups to be found in the end."""
        ctx, keys = self.ctx, self.table.keys
        if not (self.may_defer and ctx.compiled and isinstance(keys, ManyKeys)):
            return False
        if self.deferred is None:
            if not self.is_undecided or (keys.grid is not None and keys.n):
                return False
            few = seems_few(keys, columns, values.batch.n_rows, ctx.stop)
            ctx.check()
            if few is not None:
                self.is_undecided = few
                return False
            self.deferred = DeferredRows()
        codes = coded(keys, columns, ctx.stop)
        ctx.check()
        self.deferred.add(codes, values, place)
        if (found := self.deferred.is_worth_it(keys)) is not None:
            self.is_undecided = self.deferred.has_grid
        has_room = 2 * self.deferred.nbytes <= self.reservation.limit
        if found is False or not has_room or not self._is_charged(self.deferred.nbytes):
            self.settle()
        return True

    def settle(self) -> None:
        """Rows that were deferred get their groups after all: these are few, or there is no memory to keep rows, or to sort them."""
        ctx, deferred, keys = self.ctx, self.deferred, self.table.keys
        self.deferred = None
        if deferred is None:
            return
        assert isinstance(keys, ManyKeys)
        rest = deferred.nbytes
        for rows in deferred.taken():
            ctx.check()
            if self.table.keys is keys:
                groups = keys.of_codes(rows.codes, ctx.stop)
            else:  # it was spilled with the codes of its keys
                groups = self.table.keys.ids(again(keys, rows), len(rows), ctx.stop)
            ctx.check()
            self.make_room()
            rows.update(self.program, self.table.states, groups, ctx.stop)
            rest -= rows.nbytes()
            self.charge(rest)

    def hand_over(self) -> None:
        """Rows that were deferred are the merge's from here on."""
        keys = self.table.keys
        if self.deferred is not None and isinstance(keys, ManyKeys):
            keys.left.add("sorted")
            self.ways.add(keys)
        self.deferred = None

    def seal(self) -> None:
        """No row comes any more."""
        if self.spilled is not None:
            self.spill()
            self.spilled.finish()
        elif self.scanned is not None and not self.scanned.is_empty():
            aside(self.ctx, self.scanned.nbytes(), partial(self._take, self.scanned))
        self.scanned = None
        self.ways.add(self.table.keys)
        for state in self.table.states:
            aside(self.ctx, state.nbytes(), state.seal)
        self.held = Held(self.table) if self.spilled is None else None

    def is_scanned_alone(self) -> bool:
        """Whether a scan has grouped all of its rows, if there were any."""
        return not (self.table.keys.n or self.spilled is not None or self.deferred is not None)

    def _take(self, scanned: ScanGroups) -> None:
        """What a scan has grouped comes into the table; the rows that came as batches are few, if any."""
        table = scanned.take(self.program)
        self.table.leave_shared()
        if self.table.keys.n:
            self.table.keys.compile(self.ctx.stop)
            for state in self.table.states:
                state.seal()
            table.fold(self.table, np.arange(self.table.keys.n, dtype=np.int32), self.ctx)
        self.table = table

    def close(self) -> None:
        self.reservation.release()
        if self.spilled is not None:
            self.spilled.close()
