"""Conjunctions of whole numbers compared with constants: a range a column, which a kernel answers with row numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from ...planner.expr import Call, Expr, FieldRef, Literal, conjuncts
from ...planner.types import Schema
from ..arrow import numbers_of
from ..batch import Batch, Spans
from ..context import Context

LEAST, MOST = -(1 << 63), (1 << 63) - 1
Range: TypeAlias = tuple[int, int, int]  # column, least, greatest value
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
_WHOLE = ("long", "date", "duration")


def ranges_of(predicate: Expr | None, schema: Schema) -> tuple[Range, ...] | None:
    """The predicate as ranges, in the order of its parts; None if it says anything else."""
    if predicate is None:
        return None
    found: dict[int, tuple[int, int]] = {}
    for part in conjuncts(predicate):
        one = _range(part)
        if one is None:
            return None
        name, low, high = one
        column = schema.index(name)
        before = found.get(column, (LEAST, MOST))
        found[column] = max(low, before[0]), min(high, before[1])
    return tuple((column, low, high) for column, (low, high) in found.items())


def _range(part: Expr) -> tuple[str, int, int] | None:
    if not isinstance(part, Call) or part.function.name not in _FLIPPED or len(part.args) != 2:
        return None
    op, (left, right) = part.function.name, part.args
    if isinstance(left, Literal):
        op, left, right = _FLIPPED[op], right, left
    if not isinstance(left, FieldRef) or not isinstance(right, Literal) or not isinstance(right.value, int):
        return None
    kind, other = left.type, right.type
    if kind.kind not in _WHOLE or kind.kind != other.kind or kind.unit != other.unit:
        return None
    value = right.value
    low = {">": value + 1, ">=": value, "==": value}.get(op, LEAST)
    high = {"<": value - 1, "<=": value, "==": value}.get(op, MOST)
    return left.name, low, high


def rows_of(ranges: Sequence[Range], batch: Batch, ctx: Context) -> NDArray[np.int32] | None:
    """Ascending rows that lie in all ranges, in scratch space; None where a column holds nulls."""
    from ..kernels.select import narrow_to_range, rows_in_range

    columns: list[Any] = [batch.columns[column] for column, _, _ in ranges]
    if any(isinstance(c, Spans) or c.null_count for c in columns):
        return None
    rows = cast("NDArray[np.int32]", ctx.scratch("rows in ranges", batch.n_rows + 1, np.int32))
    n = -1
    for values, (_, low, high) in zip(map(numbers_of, columns), ranges, strict=True):
        if low > high:
            n = 0
        elif n < 0:
            n = int(rows_in_range(values, low, high, rows))
        else:
            n = int(narrow_to_range(values, low, high, rows, n))
    return rows[:n]
