"""Keys of both sides of a join in one form, in which equal values are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.combine import Matched
from ...planner.records import dataclass
from ...planner.types import DATE, DOUBLE, LONG, NULL, Schema, Type, join, value_of
from ..arrow import array_from, is_valid, numbers_of
from ..arrow import nulls as null_array
from ..batch import Batch, Column, Spans
from ..decimals import of_scale, rescaled, scale_of, to_double
from ..values import unify

Mask = NDArray[np.bool_]
AS_IT_IS, TO_LONG, TO_MICROS, NO_VALUE, NOTHING, TO_DECIMAL, TO_DOUBLE, WIDENED = range(8)
NESTED = ("array", "map", "other")  # kinds whose types differ in what is within


@dataclass(frozen=True, slots=True)
class Side:
    """How the key fields of one side are brought to the common form: column (None: no such field), way and own type."""

    columns: tuple[tuple[int | None, int, Type], ...]
    types: tuple[Type, ...]

    def keys(self, batch: Batch) -> tuple[list[Column], Mask | None]:
        """The columns, and rows that equal none of the other side whatever they hold (None: there is none)."""
        out: list[Column] = []
        never: Mask | None = None
        for (i, way, own), type_ in zip(self.columns, self.types, strict=True):
            if i is None:
                out.append(null_array(batch.n_rows, type_.arrow))
                continue
            column, odd = _brought(batch, i, way, own, type_)
            out.append(column)
            if odd is not None:
                never = odd if never is None else never | odd
        return out, never if never is not None and never.any() else None


def sides(node: Matched, left: Schema, right: Schema) -> tuple[Side, Side]:
    """Of the left and of the right."""
    mine: list[tuple[int | None, int, Type]] = []
    theirs: list[tuple[int | None, int, Type]] = []
    types: list[Type] = []
    for key in node.keys:
        a, b = left.type(key.left) or NULL, right.type(key.right) or NULL
        common, way_a, way_b = _common(a, b)
        mine.append((left.index(key.left) if key.left in left else None, way_a, a))
        theirs.append((right.index(key.right) if key.right in right else None, way_b, b))
        types.append(common)
    return Side(tuple(mine), tuple(types)), Side(tuple(theirs), tuple(types))


def comparable(a: Type, b: Type) -> bool:
    """Whether a value of one type can equal one of the other."""
    common, way, _ = _common(a, b)
    return way != NOTHING or common.kind != "null"


def _common(a: Type, b: Type) -> tuple[Type, int, int]:
    if a.kind == "null" or b.kind == "null":
        other = b if a.kind == "null" else a
        return other, NO_VALUE if a.kind == "null" else AS_IT_IS, NO_VALUE if b.kind == "null" else AS_IT_IS
    if a.kind == b.kind == "date" and a.unit != b.unit:
        return DATE, TO_MICROS if a.unit == "ns" else AS_IT_IS, TO_MICROS if b.unit == "ns" else AS_IT_IS
    if "decimal" in (a.kind, b.kind) and {a.kind, b.kind} <= {"long", "double", "decimal"}:
        if "double" in (a.kind, b.kind):
            return (
                DOUBLE,
                TO_DOUBLE if a.kind == "decimal" else AS_IT_IS,
                TO_DOUBLE if b.kind == "decimal" else AS_IT_IS,
            )
        finest = of_scale(max(scale_of(a), scale_of(b)))
        return finest, AS_IT_IS if a == finest else TO_DECIMAL, AS_IT_IS if b == finest else TO_DECIMAL
    if a.kind == b.kind and (a.kind not in NESTED or a.arrow == b.arrow):
        return a, AS_IT_IS, AS_IT_IS
    if a.kind in NESTED and _is_widened(a, b):
        return join([a, b]), WIDENED, WIDENED
    if {a.kind, b.kind} == {"long", "double"}:
        return LONG, TO_LONG if a.kind == "double" else AS_IT_IS, TO_LONG if b.kind == "double" else AS_IT_IS
    return NULL, NOTHING, NOTHING


def _is_widened(a: Type, b: Type) -> bool:
    """Whether values of both types are the same in the type that holds both: numbers are, and what lacks elements."""
    if "null" in (a.kind, b.kind) or a.arrow == b.arrow:
        return True
    if a.kind == b.kind == "array":
        return _is_widened(a.item or NULL, b.item or NULL)
    if a.kind == b.kind == "map" and bool(a.members) == bool(b.members):
        if not a.members:
            return _is_widened(value_of(a), value_of(b))
        return all(_is_widened(t, b.member(n) or NULL) for n, t in a.members)
    return {a.kind, b.kind} == {"long", "double"}


def _brought(batch: Batch, i: int, way: int, own: Type, type_: Type) -> tuple[Column, Mask | None]:
    column = batch.columns[i]
    if way == AS_IT_IS:
        return column, None
    if way == NO_VALUE:
        return null_array(batch.n_rows, type_.arrow), None
    if way == NOTHING:  # only null is like null
        valid = column.length >= 0 if isinstance(column, Spans) else is_valid(batch.array(i))
        return null_array(batch.n_rows, type_.arrow), valid
    array: Any = batch.array(i)
    if way == WIDENED:
        return unify(array, own, type_, "UTC"), None
    if way == TO_DOUBLE:
        return to_double(array), None
    if way == TO_DECIMAL:
        given = of_scale(array.type.scale) if pa.types.is_decimal(array.type) else LONG
        exact, beyond = rescaled(array, given, scale_of(type_))
        return exact, beyond if beyond.any() else None
    valid = is_valid(array)
    values = numbers_of(array)
    if way == TO_MICROS:
        odd = values % 1000 != 0
        return array_from(values // 1000, ~valid, type_.arrow), odd & valid
    with np.errstate(invalid="ignore"):
        whole = (values == np.floor(values)) & (values >= -(2.0**63)) & (values < 2.0**63)
        made = np.where(whole, values, 0.0).astype(np.int64)
    return array_from(made, ~valid), ~whole & valid


def null_rows(columns: Sequence[Column]) -> Mask | None:
    """Rows one of whose keys is null; None if there is no such."""
    out: Mask | None = None
    for column in columns:
        nulls = nulls_of(column)
        if nulls is not None:
            out = nulls if out is None else out | nulls
    return out


def nulls_of(column: Column) -> Mask | None:
    """Rows that are null; None if there is no such."""
    if isinstance(column, Spans):
        nulls: Mask = column.length < 0
        return nulls if nulls.any() else None
    if isinstance(column, pa.DictionaryArray):
        coded: Any = column
        if not coded.dictionary.null_count:
            return ~is_valid(coded.indices) if coded.indices.null_count else None
        column = coded.dictionary.take(coded.indices)
    plain: Any = column
    return ~is_valid(plain) if plain.null_count else None
