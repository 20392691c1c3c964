"""`rollup`, `cube`: subtotals from one pass over the rows.

The rows are grouped by all keys; the states of these groups, not their values, are then merged into the groups of every
wanted grouping. In such a group each key has a flag before it, 1 where it is rolled up (its value is null there): so a
rolled-up key is no null key, and sorts behind all values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner import ast
from ...planner.expr import Bound, Literal
from ...planner.plan import Aggregate, Key, is_hidden
from ...planner.records import dataclass
from ...planner.types import LONG, STRING, Schema, Type, of_arrow, scalar
from ..arrow import array_from, call, numbers_of
from ..arrow import nulls as null_array
from ..batch import Batch, Origin
from ..context import Context
from ..exprs import spread
from ..notes import At
from ..operator import Emit, Flow, Partition, Source, StreamTransform
from ..values import to_text
from .aggregate import AggregateSink
from .grouplocal import Local
from .groupprogram import Program, Table
from .groupspill import N_PARTS, PartFiles
from .keytable import Ids

CHUNK_BYTES = 4 << 20
Grouping = tuple[bool, ...]  # which keys are rolled up


def groupings(n: int, cube: bool) -> list[Grouping]:
    """Of n keys: each prefix, the longest first; or with `cube` each combination."""
    if cube:
        return [tuple(bool(code >> i & 1) for i in range(n)) for code in range(1 << n)]
    return [tuple(i >= kept for i in range(n)) for kept in range(n, -1, -1)]


class FineSink(AggregateSink):
    """Groups by all keys; what comes out are keys and exported states, a group perhaps several times."""

    may_defer = may_share = False

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        spilled = [local.spilled for local in self._locals if local.spilled is not None]
        self._spilled_bytes = sum(s.written for s in spilled)
        return ()

    def result(self, ctx: Context) -> Source:
        held = [local.table for local in self._locals if local.spilled is None]
        spilled = [local.spilled for local in self._locals if local.spilled is not None]
        return StateRows(self._program, held, spilled)


class StateRows:
    """Groups that were held or spilled, as rows of keys and exported states."""

    def __init__(self, program: Program, held: Sequence[Table], spilled: Sequence[PartFiles]) -> None:
        self._command, self._types = program.at.command, program.key_types
        self._held, self._spilled = held, spilled
        self._parts: list[Partition] = []

    @property
    def schema(self) -> Schema:
        return Schema(tuple((f"k{i}", t) for i, t in enumerate(self._types)))

    def partitions(self, target: int) -> Sequence[Partition]:
        parts: list[Partition] = []
        for table in self._held:
            n = table.keys.n
            rows = max(1, min(target, n, n * CHUNK_BYTES // max(1, table.nbytes())))
            for low in range(0, n, rows):
                parts.append(HeldPart(table, low, min(low + rows, n), len(parts), self._command))
        for files in self._spilled:
            for part in range(N_PARTS):
                if files.files[part] is not None:
                    parts.append(SpilledPart(files, part, len(parts), self._command))
        return parts


@dataclass(frozen=True, slots=True)
class HeldPart:
    table: Table
    low: int
    high: int
    seq: int
    name: str

    def batches(self, ctx: Context) -> Iterator[Batch]:
        members = np.arange(self.low, self.high, dtype=np.int32)
        columns = self.table.keys.values(members)
        for state in self.table.states:
            columns += state.export(members)
        yield Batch(len(members), tuple(columns), Origin(self.seq, self.name, 0, 0))


@dataclass(frozen=True, slots=True)
class SpilledPart:
    files: PartFiles
    part: int
    seq: int
    name: str

    def batches(self, ctx: Context) -> Iterator[Batch]:
        row = 0
        for batch in self.files.batches(self.part):
            yield Batch(batch.num_rows, tuple(batch.columns), Origin(self.seq, self.name, 0, row))
            row += batch.num_rows


def flagged(node: Aggregate) -> Aggregate:
    """The same aggregates by a flag and a key for each key."""
    keys: list[Key] = []
    for i, key in enumerate(node.keys):
        flag = Bound(Literal(type=LONG, value=i), ast.Number(value=i))
        keys += [Key(flag, f"\0flag{i}"), key]
    return Aggregate(inputs=node.inputs, aggs=node.aggs, keys=tuple(keys), derived=node.derived)


class CoarseSink(AggregateSink):
    """Takes rows of keys and states; gives the groups of all groupings, and the grand total also where there is no row."""

    may_share = False

    def __init__(self, node: Aggregate, schema: Schema, at: At, groupings: Sequence[Grouping]) -> None:
        super().__init__(flagged(node), schema, at)
        self.needs_order = False
        self._types = [k.expr.type for k in node.keys]
        self._groupings = groupings

    def push(self, batch: Batch, local: Local) -> Flow:
        ctx, n, n_keys = local.ctx, batch.n_rows, len(self._types)
        columns: list[Any] = [batch.array(i) for i in range(len(batch.columns))]
        members, at, loaded = np.arange(n, dtype=np.int32), n_keys, []
        for slot, width in zip(self._program.slots, self._program.widths(), strict=True):
            state = slot.make()
            state.resize(n)
            state.load(columns[at : at + width])
            state.seal()
            loaded.append(state)
            at += width
        keys: list[_Codes] = []
        table: Table | None = None
        for grouping in self._groupings:
            ctx.check()
            if local.table is not table:  # at first, and after it was spilled
                table = self._table(local)
                keys = [_Codes(table, i, column, ctx) for i, column in enumerate(columns[:n_keys])]
            groups = self._ids(local, [c for key, rolled in zip(keys, grouping, strict=True) for c in key.of(rolled)])
            for mine, theirs in zip(table.states, loaded, strict=True):
                mine.merge(theirs, members, groups, ctx.compiled)
            local.charge()
        return Flow.MORE

    def _table(self, local: Local) -> Table:
        if local.ctx.compiled and not local.table.keys.compiled:
            local.table.keys.compile(local.ctx.stop)
        return local.table

    def _ids(self, local: Local, codes: list[Ids]) -> Ids:
        keys: Any = local.table.keys
        groups: Ids = keys.of_codes(codes, local.ctx.stop)
        local.ctx.check()
        local.table.fit()
        return groups

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        total = self.open(ctx)
        table = self._table(total)
        keys = [_Codes(table, i, null_array(1, t.arrow), ctx) for i, t in enumerate(self._types)]
        self._ids(total, [c for key in keys for c in key.of(True)])
        self.combine(total)
        return super().merge(ctx)


class _Codes:
    """A key of some rows in the codes of a table, as it is and rolled up: each time with its flag before it."""

    def __init__(self, table: Table, number: int, column: pa.Array[Any], ctx: Context) -> None:
        flags, values = table.keys.coders[2 * number : 2 * number + 2]
        n, stop = len(column), ctx.stop
        none = null_array(1, column.type)
        self._kept = (
            np.full(n, flags.codes(array_from(np.zeros(1, np.int64)), stop)[0], np.int32),
            values.codes(column, stop),
        )
        self._rolled = tuple(
            np.full(n, coder.codes(one, stop)[0], np.int32)
            for coder, one in ((flags, array_from(np.ones(1, np.int64))), (values, none))
        )
        ctx.check()

    def of(self, rolled: bool) -> tuple[Ids, ...]:
        return self._rolled if rolled else self._kept


class LabelTransform(StreamTransform):
    """Flags and keys become keys, with the label where they are rolled up; `_level` says how many are."""

    def __init__(self, node: Aggregate, keys: Sequence[Type], label: tuple[Type, Any] | None) -> None:
        grouped = flagged(node).grouped()
        self._types = [k.expr.type for k in node.keys]
        self._out, self._label = tuple(keys), label
        first = 2 * len(self._types)
        self._aggs = [i for i, (name, _) in enumerate(grouped.fields) if i >= first and not is_hidden(name)]

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        level = np.zeros(batch.n_rows, np.int64)
        columns: list[Any] = []
        for i, (type_, out) in enumerate(zip(self._types, self._out, strict=True)):
            flags = numbers_of(batch.array(2 * i))
            level += flags
            columns.append(self._key(batch.array(2 * i + 1), flags == 1, type_, out, local.settings.timezone))
        aggs = [batch.columns[i] for i in self._aggs]
        return emit(Batch(batch.n_rows, (*columns, *aggs, array_from(level)), batch.origin))

    def _key(
        self, key: pa.Array[Any], is_rolled: NDArray[np.bool_], type_: Type, out: Type, zone: str
    ) -> pa.Array[Any]:
        if self._label is None:
            return key
        if out != type_ and of_arrow(key.type).kind != out.kind:
            key = to_text(key, type_, zone) if out.kind == "string" else call("cast", key, out.arrow)
        kind, value = self._label
        if out.kind == "string" and kind.kind != "string":
            shown = to_text(spread(scalar(value, kind), 1), kind, zone)[0].as_py()
            kind, value = STRING, shown
        if out.kind == "double":
            value = float(value)
        return call("if_else", array_from(is_rolled), scalar(value, out), key)


__all__ = ["CoarseSink", "FineSink", "LabelTransform", "groupings"]
