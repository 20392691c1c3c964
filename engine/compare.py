"""Typed order of two columns: `less` and `equal` row by row, exact across numeric widths.

NaN equals NaN and follows all numbers, `-0.0 == 0.0`, text goes by code point, arrays element by element and then by
length; inside arrays and maps a null equals a null and comes first.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.types import Type
from .arrow import array_from, bools_of, call, is_valid, list_sizes, nulls, numbers_of

Mask: TypeAlias = "NDArray[np.bool_]"
Order: TypeAlias = "tuple[Mask, Mask]"  # less, equal
OPS = {
    "==": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
}  # fmt: skip
DIRECT = frozenset({"long", "duration", "months", "string", "any", "bool", "ip", "binary"})


def holds(op: str, order: Order) -> Mask:
    """What an operator says of an order."""
    less, equal = order
    match op:
        case "==":
            return equal
        case "!=":
            return ~equal
        case "<":
            return less
        case "<=":
            return less | equal
        case ">":
            return ~(less | equal)
    return ~less


def is_direct(a: Type, b: Type) -> bool:
    """Whether Arrow's own comparison of the physical values is ours."""
    return (a.kind == b.kind and a.kind in DIRECT) or (a.kind == b.kind == "date" and a.unit == b.unit)


def of_numbers(a: Any, b: Any) -> Order:
    """NumPy numbers, which broadcast: int64 with int64, float64 with float64, or one of each."""
    if a.dtype == b.dtype:
        return of_doubles(a, b) if a.dtype == np.float64 else (a < b, a == b)
    if a.dtype == np.float64:
        less, equal = _long_double(b, a)
        return ~(less | equal), equal
    return _long_double(a, b)


def of_doubles(a: Any, b: Any) -> Order:
    with np.errstate(invalid="ignore"):
        less, equal = a < b, a == b
    nan_a, nan_b = np.isnan(a), np.isnan(b)
    if nan_a.any() or nan_b.any():
        return less | (~nan_a & nan_b), equal | (nan_a & nan_b)
    return less, equal


def double_holds(op: str, a: Any, b: Any) -> Any:
    """What `<` and its kin say of doubles, each a column or one number: two comparisons in all, or one beside a number."""
    if op in ("<", ">"):
        return ~double_holds(">=" if op == "<" else "<=", a, b)
    low, high = (a, b) if op == "<=" else (b, a)
    with np.errstate(invalid="ignore"):
        found = low <= high
        if np.ndim(high) or np.isnan(high):
            found |= high != high
    return found


def _long_double(a: Any, b: Any) -> Order:
    """Exact: the double's floor is compared as a long, its fraction decides ties."""
    with np.errstate(invalid="ignore"):
        floor = np.floor(b)
        high, low = ~(b < 2.0**63), b < -(2.0**63)  # NaN is high
        whole = np.where(high | low, 0, floor).astype(np.int64)
        inside = ~(high | low)
        equal = inside & (a == whole) & (b == floor)
        less = high | (inside & ((a < whole) | ((a == whole) & (b > floor))))
    return less, equal


def of_decimals(a: Any, a_type: Type, b: Any, b_type: Type) -> Order:
    """Decimals with decimals and whole numbers exactly, with doubles as doubles."""
    from .decimals import aligned, to_double

    if "double" in (a_type.kind, b_type.kind):
        x, y = (to_double(v) if t.kind == "decimal" else v for v, t in ((a, a_type), (b, b_type)))
        return of_doubles(numbers_of(x), numbers_of(y))
    left, right, _ = aligned(a, a_type, b, b_type)
    return bools_of(call("less", left, right)), bools_of(call("equal", left, right))


def of_dates(a: Any, a_unit: str, b: Any, b_unit: str) -> Order:
    """Ticks of one or two units; nothing is cut."""
    if a_unit == b_unit:
        return a < b, a == b
    if a_unit == "us":
        less, equal = of_dates(b, b_unit, a, a_unit)
        return ~(less | equal), equal
    whole, rest = np.divmod(a, 1000)
    return whole < b, (whole == b) & (rest == 0)


def of_columns(a: Any, a_type: Type, b: Any, b_type: Type) -> Order:
    """Two plain columns of types that go together; what a null row says is undefined."""
    kinds = {a_type.kind, b_type.kind}
    if "null" in kinds:
        n = max(len(a), len(b))
        return np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    if is_direct(a_type, b_type):
        return bools_of(call("less", a, b)), bools_of(call("equal", a, b))
    if kinds <= {"long", "double"}:
        return of_numbers(numbers_of(a), numbers_of(b))
    if "decimal" in kinds:
        return of_decimals(a, a_type, b, b_type)
    if kinds == {"date"}:
        return of_dates(numbers_of(a), a_type.unit, numbers_of(b), b_type.unit)
    if kinds == {"array"}:
        return of_arrays(a, a_type, b, b_type)
    assert kinds == {"map"}
    equal = of_maps(a, a_type, b, b_type)
    return np.zeros(len(equal), np.bool_), equal


def with_nulls(a: Any, a_type: Type, b: Any, b_type: Type) -> Order:
    """As of_columns, but a null equals a null and is less than anything else."""
    less, equal = of_columns(a, a_type, b, b_type)
    null_a, null_b = ~is_valid(a), ~is_valid(b)
    neither = ~(null_a | null_b)
    return (less & neither) | (null_a & ~null_b), (equal & neither) | (null_a & null_b)


def of_arrays(a: Any, a_type: Type, b: Any, b_type: Type) -> Order:
    """The first pair of elements that differ decides, then the length."""
    size_a, size_b = list_sizes(a), list_sizes(b)
    shared = np.minimum(size_a, size_b)
    row = np.repeat(np.arange(len(a)), shared)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(shared) - shared, shared)
    left = a.flatten().take(array_from(_starts(size_a)[row] + nth))
    right = b.flatten().take(array_from(_starts(size_b)[row] + nth))
    less, equal = with_nulls(left, a_type.item or Type("null"), right, b_type.item or Type("null"))
    differ = np.flatnonzero(~equal)
    rows, first = np.unique(row[differ], return_index=True)
    out_less, out_equal = size_a < size_b, size_a == size_b
    out_less[rows], out_equal[rows] = less[differ[first]], False
    return out_less, out_equal


def _starts(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.cumsum(sizes) - sizes


def of_maps(a: Any, a_type: Type, b: Any, b_type: Type) -> Mask:
    """Equal members under equal names; a member that is absent is null. Only equality: maps have no order."""
    if not a_type.members or not b_type.members:
        from .jsontext import json_text

        return bools_of(call("equal", json_text(a, a_type, "UTC"), json_text(b, b_type, "UTC")))
    equal = np.ones(len(a), np.bool_)
    for name in dict.fromkeys([n for n, _ in a_type.members] + [n for n, _ in b_type.members]):
        left, right = a_type.member(name), b_type.member(name)
        x = a.field(name) if left is not None else nulls(len(a), pa.null())
        y = b.field(name) if right is not None else nulls(len(b), pa.null())
        equal &= with_nulls(x, left or Type("null"), y, right or Type("null"))[1]
    return equal


def comparable(a: Type, b: Type) -> bool:
    """Whether `of_columns` knows an order (of maps: equality)."""
    kinds = {a.kind, b.kind}
    if "null" in kinds or kinds <= {"long", "double", "decimal"}:
        return True
    if len(kinds) > 1:
        return False
    if kinds == {"array"}:
        return comparable(a.item or Type("null"), b.item or Type("null"))
    if kinds == {"map"}:
        return all(comparable(t, b.member(n) or Type("null")) for n, t in a.members)
    return a.kind in DIRECT or a.kind == "date"
