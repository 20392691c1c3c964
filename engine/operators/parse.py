"""`parse`: fields cut out of text by patterns, brought to their types."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.types import STRING, Schema, Type
from .. import kernels
from ..arrow import call, is_valid, nulls
from ..batch import Batch, Column, Spans
from ..context import Context
from ..exprs import Eval, evaluate, over, plain, spread
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from ..regex import Pattern
from ..regextiers import RE2, find
from ..values import text_column
from .reasons import Reasons


@dataclass(frozen=True, slots=True)
class Cut:
    """One pattern and the groups wanted of it; each becomes a text column of the scratch schema. Of several groups in one
    place at most one takes part in a match."""

    pattern: Pattern
    groups: tuple[tuple[int, ...], ...]


class ParseTransform(StreamTransform):
    """`texts`: the scratch schema of all wanted groups as text; `steps`: values that are computed first and
    added to it by name; `values`: for each output field an expression over it, a
    place in the input, or None for the field of reasons. A row counts as refused when its text is there and one of the patterns does not match.
    `kernel`: the name of a compiled kernel that finds the groups of the one pattern."""

    def __init__(
        self, column: int | None, cuts: Sequence[Cut], texts: Schema, steps: Sequence[tuple[str, Expr]],
        values: Sequence[Expr | int | None], at: At, kernel: str = "", type_: Type = STRING,
    ) -> None:  # fmt: skip
        self._column, self._cuts, self._texts, self._values, self._at = column, cuts, texts, values, at
        self._steps, self._tells = steps, None in values
        self._kernel, self._type = kernel, type_
        self._used = f"regex: {RE2}"

    def describe_run(self) -> str:
        return self._used

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        n = batch.n_rows
        text: Column = nulls(n, pa.string())
        if self._column is not None:
            text = text_column(batch, self._column, self._type, local.settings.timezone)
        if self._kernel and isinstance(text, Spans) and local.compiled:
            columns, matched = self._cut_compiled(text)
        else:
            columns, matched = self._cut(text, compiled=local.compiled)
        refused, reasons = ~matched & _has_value(text), Reasons(n)
        if refused.any():
            reasons.add("no match", refused)
            local.notes.rows(
                self._at, "reject", "no match", batch, np.flatnonzero(refused), text, "the parsed fields are null"
            )
        schema, scratch = self._texts, Batch(n, tuple(columns), batch.origin)
        for name, step in self._steps:
            got = evaluate(step, self._over(scratch, schema, local, reasons))
            schema = schema.put(name, step.type)
            scratch = scratch.with_columns([spread(got, n) if isinstance(got, pa.Scalar) else got])
        ev = self._over(scratch, schema, local, reasons)
        made: list[Column] = []
        for value in self._values:
            if value is None:
                made.append(nulls(n, pa.string()))
            elif isinstance(value, int):
                made.append(batch.columns[value])
            else:
                got = evaluate(value, ev)
                made.append(spread(got, n) if isinstance(got, pa.Scalar) else got)
        if self._tells:
            made[self._values.index(None)] = reasons.column()
        return emit(Batch(n, tuple(made), batch.origin))

    def _over(self, scratch: Batch, schema: Schema, local: Context, reasons: Reasons) -> Eval:
        ev = over(scratch, schema, local, self._at)
        if self._tells:
            reasons.watch(ev)
        return ev

    def _cut(self, text: Column, *, compiled: bool) -> tuple[list[Column], NDArray[np.bool_]]:
        n = len(text)
        source = text if isinstance(text, Spans) else plain(text, n)
        columns: list[Column] = []
        matched = np.ones(n, np.bool_)
        for cut in self._cuts:
            found = find(source, cut.pattern, [g for groups in cut.groups for g in groups], compiled=compiled)
            if n:
                self._used = f"regex: {found.tier}"
            matched &= found.matched
            columns += [_either([found.column(g, source) for g in groups]) for groups in cut.groups]
        return columns, matched

    def _cut_compiled(self, text: Spans) -> tuple[list[Column], NDArray[np.bool_]]:
        """The kernel's places; rows that it is not sure of go to the pattern."""
        module: Any = importlib.import_module(f"{kernels.__name__}.{self._kernel.replace('_', '')}")
        find = getattr(module, self._kernel)
        n, groups = len(text), [min(g) for g in self._cuts[0].groups]
        starts, lengths = np.empty((module.N_FIELDS, n), np.int32), np.empty((module.N_FIELDS, n), np.int32)
        status = np.empty(n, np.uint8)
        matched = np.ones(n, np.bool_)
        if find(text.data, text.start, text.length, starts.ravel(), lengths.ravel(), status):
            rows = np.flatnonzero(status == module.UNSURE)
            found, matched[rows] = self._cut(text.take(rows), compiled=True)
            for group, column in zip(groups, found, strict=True):
                assert isinstance(column, Spans)
                starts[group - 1, rows], lengths[group - 1, rows] = column.start, column.length
        self._used = f"{self._kernel} kernel"
        return [Spans(text.buffer, text.data, starts[g - 1], lengths[g - 1]) for g in groups], matched


def _either(columns: Sequence[Column]) -> Column:
    """Of each row the one that has a value."""
    out = columns[0]
    for other in columns[1:]:
        if isinstance(out, Spans) and isinstance(other, Spans):
            here = out.length >= 0
            start, length = np.where(here, out.start, other.start), np.where(here, out.length, other.length)
            out = Spans(out.buffer, out.data, start, length)
        else:
            out = call("coalesce", plain(out, len(out)), plain(other, len(other)))
    return out


def _has_value(column: Column) -> NDArray[np.bool_]:
    return column.length >= 0 if isinstance(column, Spans) else is_valid(column)
