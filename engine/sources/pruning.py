"""What a filter says of single fields, so that pieces of data whose statistics rule it out are not read.

Sound, never complete: a bound may let too much through, never too little. It follows the language, not Arrow: NaN comes
after all numbers, a null passes no comparison, a string literal behind `==` may be a pattern.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from typing import Any

from ...planner.expr import Call, Expr, FieldRef, Literal, conjuncts
from ...planner.records import dataclass
from ...planner.types import Type

FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
COMPARED = frozenset({"long", "double", "string", "date", "duration"})


@dataclass(frozen=True, slots=True)
class Bound:
    """`field op value` holds for every row that passes. `op`: == < <= > >= or `notnull` (value None).

    `value`: int, float (never NaN) or str; dates and durations as int microseconds.
    """

    field: str
    op: str
    value: Any
    type: Type

    def may_hold(self, low: Any, high: Any, *, has_nan: bool = False) -> bool:
        """Whether some value from `low` to `high` may satisfy it; `has_nan`: there may be NaN as well."""
        match self.op:
            case "<":
                return bool(low < self.value)
            case "<=":
                return bool(low <= self.value)
            case ">":
                return has_nan or bool(high > self.value)
            case ">=":
                return has_nan or bool(high >= self.value)
            case "==":
                return bool(low <= self.value <= high)
        return True


def bounds(filters: Iterable[Expr]) -> tuple[Bound, ...]:
    """The bounds that all of these conjuncts imply; what is not understood implies none."""
    return tuple(b for f in filters for part in conjuncts(f) for b in _of(part))


def _of(part: Expr) -> tuple[Bound, ...]:
    if not isinstance(part, Call):
        return ()
    name, args = part.function.name, part.args
    if name == "isnotnull" and len(args) == 1 and isinstance(args[0], FieldRef):
        return (Bound(args[0].name, "notnull", None, args[0].type),)
    if name == "between" and len(args) == 3:
        return _compared(args[0], ">=", args[1]) + _compared(args[0], "<=", args[2])
    if name == "in" and len(args) > 1:
        return _in(args)
    if name not in FLIPPED or len(args) != 2:
        return ()
    left, right = args
    if isinstance(left, Literal) and isinstance(right, FieldRef):
        left, right, name = right, left, FLIPPED[name]
    return _compared(left, name, right)


def _compared(left: Expr, op: str, right: Expr) -> tuple[Bound, ...]:
    if not isinstance(left, FieldRef) or not isinstance(right, Literal) or right.value is None:
        return ()
    if op == "==" and right.pattern is not None:
        return _matched(left, right)
    return _typed(left, op, right.value, right.type)


def _matched(left: FieldRef, right: Literal) -> tuple[Bound, ...]:
    """A wildcard pattern bounds text by what stands before its first star."""
    assert right.pattern is not None
    pieces = right.pattern.pieces()
    if left.type.kind != "string":
        return (Bound(left.name, "notnull", None, left.type),)
    if len(pieces) == 1:
        return (Bound(left.name, "==", pieces[0], left.type),)
    after = _successor(pieces[0])
    if after is None:
        return (Bound(left.name, "notnull", None, left.type),)
    return (Bound(left.name, ">=", pieces[0], left.type), Bound(left.name, "<", after, left.type))


def _successor(prefix: str) -> str | None:
    """The least text above all that begin with the prefix, by code point."""
    while prefix:
        code = ord(prefix[-1]) + 1
        if code == 0xD800:
            code = 0xE000
        if code <= 0x10FFFF:
            return prefix[:-1] + chr(code)
        prefix = prefix[:-1]
    return None


def _typed(left: FieldRef, op: str, value: Any, kind: Type) -> tuple[Bound, ...]:
    here, there = left.type.kind, kind.kind
    if here not in COMPARED:
        return ()
    comparable = here == there or {here, there} == {"long", "double"}
    if not comparable:  # text beside a number, and the like: each value is converted first
        return ()
    some = Bound(left.name, "notnull", None, left.type)
    if isinstance(value, bool) or (isinstance(value, float) and math.isnan(value)):
        return (some,)
    if there == "date" and kind.unit == "ns":
        whole, rest = divmod(int(value), 1000)
        if op == "==" and rest:
            return (Bound(left.name, ">=", whole, left.type), Bound(left.name, "<=", whole + 1, left.type))
        value = whole + 1 if rest and op in ("<", "<=") else whole
        if rest:
            op = {"<": "<=", ">": ">="}.get(op, op)
    elif there == "date" and left.type.unit == "ns" and op in ("<", ">", "=="):
        # the field may hold nanoseconds within the microsecond that its bounds were cut to
        op = {"<": "<=", ">": ">=", "==": "=="}[op]
    return (Bound(left.name, op, value, left.type),)


def _in(args: tuple[Expr, ...]) -> tuple[Bound, ...]:
    """`in` bounds by the least and the greatest of its values, if it knows all of them."""
    left, found = args[0], []
    for value in args[1:]:
        one = _compared(left, "==", value)
        if len(one) != 1 or one[0].op != "==":
            return ()
        found.append(one[0])
    values = [b.value for b in found]
    if len({isinstance(v, str) for v in values}) != 1:
        return ()
    first = found[0]
    return (Bound(first.field, ">=", min(values), first.type), Bound(first.field, "<=", max(values), first.type))


def told(found: Sequence[Bound]) -> str:
    """For `explain`: what the source skips by."""
    return ", ".join(f"{b.field} is not null" if b.op == "notnull" else f"{b.field} {b.op} {_shown(b)}" for b in found)


def _shown(bound: Bound) -> str:
    if bound.type.kind == "date":
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        try:
            return (epoch + dt.timedelta(microseconds=bound.value)).isoformat()
        except OverflowError:
            return f"{bound.value} us"
    return f'"{bound.value}"' if isinstance(bound.value, str) else str(bound.value)
