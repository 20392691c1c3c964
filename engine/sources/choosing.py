"""Which rows of a row group a query wants, told by the columns that decide it; only of these the others are read.

A test of one column that lies as a dictionary is asked of the dictionary's values, and the codes are looked up where they
are unpacked. Source of the idea: "late materialization" of column stores (Abadi et al., "Materialization Strategies in a
Column-Oriented DBMS", ICDE 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.expr import Expr, conjuncts, fields_of
from ...planner.records import dataclass
from ...planner.types import Schema
from ..arrow import is_valid, nulls, numbers_of
from ..batch import Batch, Column, Origin
from ..context import Context
from ..exprs import Eval, evaluate, truth
from ..notes import At
from ..operators.ranges import Range, ranges_of, rows_of
from ..storage.pagechunk import Chunk, Chunks
from ..storage.pagereader import decoded
from ..storage.pagerows import chosen, picked, taken, values_of

Span = tuple[int, int, bool]  # least and greatest whole number of a field that may pass, and whether null may
Rows = NDArray[np.int32]
Mask = NDArray[np.bool_]


class Refused(Exception):
    """A test has something to tell of a row, which its operator has to do."""


class Test(Protocol):
    """What a row must pass, by the values of some columns."""

    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def span(self) -> Span | None: ...
    def mask(self, columns: Sequence[Column], n: int, ctx: Context) -> Mask: ...
    def null_passes(self, kind: pa.DataType, ctx: Context) -> bool: ...
    def rows(self, columns: Sequence[Column], n: int, ctx: Context) -> Rows:
        """The same, as ascending rows."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """Conjuncts over the same columns. None of them refuses a row."""

    exprs: tuple[Expr, ...]
    schema: Schema
    at: At
    ranges: tuple[Range, ...] | None
    _null: list[bool] = field(default_factory=list, compare=False)  # the answer for a null, once it was asked for

    @property
    def fields(self) -> tuple[str, ...]:
        return self.schema.names()

    @property
    def span(self) -> Span | None:
        if self.ranges is None or len(self.schema) != 1:
            return None
        return max(low for _, low, _ in self.ranges), min(high for _, _, high in self.ranges), False

    def null_passes(self, kind: pa.DataType, ctx: Context) -> bool:
        if self.ranges is not None:
            return False
        if not self._null:
            self._null.append(bool(self.mask([nulls(1, kind)], 1, ctx)[0]))
        return self._null[0]

    def mask(self, columns: Sequence[Column], n: int, ctx: Context) -> Mask:
        if self.ranges is not None and all(isinstance(c, pa.Array) for c in columns):
            return _in_ranges(self.ranges, columns)  # type: ignore[arg-type]

        def refuse(reason: str, rows: NDArray[Any], text: Column | None, hint: str) -> None:
            raise Refused

        ev = Eval(n, ctx, self.at, self.schema, columns.__getitem__, refuse)
        made = [truth(evaluate(e, ev), n) for e in self.exprs]
        return made[0] if len(made) == 1 else np.logical_and.reduce(made)

    def rows(self, columns: Sequence[Column], n: int, ctx: Context) -> Rows:
        if self.ranges is not None:
            found = rows_of(self.ranges, Batch(n, tuple(columns), Origin(0)), ctx)
            if found is not None:
                return found.copy()
        return rows_in(self.mask(columns, n, ctx))


def _in_ranges(ranges: Sequence[Range], columns: Sequence[pa.Array[Any]]) -> Mask:
    passes: list[Mask] = []
    for i, low, high in ranges:
        values = numbers_of(columns[i])
        passes.append((values >= low) & (values <= high))
        if columns[i].null_count:
            passes.append(is_valid(columns[i]))
    return np.logical_and.reduce(passes) if len(passes) > 1 else passes[0]


def rows_in(mask: Mask) -> Rows:
    return np.flatnonzero(mask).astype(np.int32)


def predicates_of(expr: Expr, schema: Schema, at: At) -> tuple[Predicate, ...] | None:
    """The parts of a predicate by the columns that they read; None if one reads none."""
    by_fields: dict[tuple[str, ...], list[Expr]] = {}
    for part in conjuncts(expr):
        names = tuple(n for n in schema.names() if n in fields_of(part))
        by_fields.setdefault(names, []).append(part)
    if () in by_fields:
        return None
    return tuple(_predicate(exprs, schema.select(names), at) for names, exprs in by_fields.items())


def _predicate(exprs: Sequence[Expr], schema: Schema, at: At) -> Predicate:
    ranges = [ranges_of(e, schema) for e in exprs]
    known = [r for one in ranges if one is not None for r in one]
    return Predicate(tuple(exprs), schema, at, tuple(known) if None not in ranges else None)


@dataclass(slots=True)
class Group:
    """A row group that is looked at. `general`: a column as Arrow reads it. `stored`: its name of a field. `normal`: a column
    in the engine's form. `absent`: names of which its file has no column, so that all rows are null. `page_bounds`: whether
    what page headers tell of their values is used."""

    chunks: Chunks
    general: Callable[[str], pa.Array[Any]]
    stored: Callable[[str], str]
    normal: Callable[[str, pa.Array[Any]], Column]
    absent: frozenset[str]
    page_bounds: bool
    ctx: Context


class Chooser:
    """Narrows the rows of one row group test by test, and keeps what it has read of the columns on the way."""

    def __init__(self, group: Group, wanted: frozenset[str]) -> None:
        self._group, self._wanted, self._ctx = group, wanted, group.ctx
        self._kept = wanted  # read once, and used again
        self.n_rows = group.chunks.n_rows
        self.rows: Rows | None = None  # None: all of them
        self._open: dict[str, Chunk | None] = {}
        self._read: dict[str, pa.Array[Any]] = {}  # values of the rows that are left

    @property
    def n_left(self) -> int:
        return self.n_rows if self.rows is None else len(self.rows)

    def narrow(self, tests: Sequence[Test]) -> None:
        """May raise Refused. The tests of small columns come first."""
        asked = [self._group.stored(n) for t in tests for n in t.fields]
        self._kept = self._wanted | {n for n in asked if asked.count(n) > 1}
        for test in sorted(tests, key=self._size):
            if not self.n_left:
                return
            self._ctx.check()
            if self.rows is None:
                self._by_pages(test)
            if self.n_left and not self._by_codes(test):
                self._by_values(test)

    def _size(self, test: Test) -> int:
        names = {self._group.stored(n) for n in test.fields} - self._group.absent
        return sum(map(self._group.chunks.size, names))

    def column(self, name: str) -> pa.Array[Any]:
        """Values of the rows that are left, as they lie in the file."""
        known = self._read.get(name)
        if known is not None:
            return known
        self._ctx.check()
        chunk = self._chunk(name)
        if chunk is not None:
            found = decoded(chunk) if self.rows is None else taken(chunk, self.rows)
            self._open.pop(name, None)
            if found is not None:
                return found
        whole = self._group.general(name)
        return whole if self.rows is None else picked(whole, self.rows)

    def _chunk(self, name: str) -> Chunk | None:
        if name not in self._open:
            self._open[name] = self._group.chunks.open(name)
        return self._open[name]

    def _by_pages(self, test: Test) -> None:
        """What pages tell of their values may rule them out."""
        span = test.span if self._group.page_bounds else None
        chunk = None if span is None else self._chunk(self._group.stored(test.fields[0]))
        if span is not None and chunk is not None:
            rows = chunk.rows_between(span[0], span[1], nulls_pass=span[2])
            if rows is not None:
                self._keep(rows)

    def _by_codes(self, test: Test) -> bool:
        """Asked of the values of a dictionary, as long as all rows are there."""
        if self.rows is not None or len(test.fields) != 1:
            return False
        name = self._group.stored(test.fields[0])
        chunk = self._chunk(name)
        if chunk is None or not chunk.is_coded:
            return False
        data = chunk.unpacked()
        values = None if data is None else values_of(chunk)
        if data is None or values is None:
            return False
        passes = np.empty(len(values) + 1, np.uint8)
        column: Any = self._group.normal(name, values)
        passes[:-1] = test.mask([column], len(values), self._ctx)
        passes[-1] = test.null_passes(column.type, self._ctx)
        if passes.all():
            return True
        rows = chosen(chunk, data, passes) if passes.any() else np.empty(0, np.int32)
        if rows is None:
            return False
        self._keep(rows)
        return True

    def _by_values(self, test: Test) -> None:
        columns = []
        for name in map(self._group.stored, test.fields):
            column = self.column(name)
            if name in self._kept:
                self._read[name] = column
            columns.append(self._group.normal(name, column))
        left = test.rows(columns, self.n_left, self._ctx)
        if len(left) < self.n_left:
            self._keep(left)

    def _keep(self, left: Rows) -> None:
        """Of the rows that are left only these, by their numbers among them."""
        self._read = {n: picked(c, left) for n, c in self._read.items()}
        self.rows = left if self.rows is None else self.rows[left]


__all__ = ["Chooser", "Group", "Predicate", "Refused", "Test", "predicates_of", "rows_in"]
