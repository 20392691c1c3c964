"""The nodes of `dtw`: series by group, and rows that are series."""

from __future__ import annotations

from ..engine.operators.dtw.band import Width
from ..planner.combine import Sided, has_side
from ..planner.plan import Names, Order
from ..planner.records import dataclass
from ..planner.types import BOOL, DOUBLE, LONG, STRING, Schema, Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Warping(Sided):
    """The pattern is the field `theirs` of the second input, by its field `their_order` if any; or `points`; or the parameter
    `late`, whose value a subquery gives."""

    widths: tuple[Width, ...]
    znorm: bool = True
    nulls: str = "null"
    theirs: str = ""
    their_order: str | None = None
    points: tuple[float | None, ...] | None = None
    late: str = ""
    command = "dtw"

    def needs_each(self, wanted: Names) -> tuple[Names, ...]:
        own = (self.needs(wanted),)
        order = frozenset((self.their_order,) if self.their_order is not None else ())
        return (*own, order | {self.theirs}) if has_side(self) else own


@dataclass(frozen=True, slots=True, kw_only=True)
class Dtw(Warping):
    """`mode`: distance, search or matrix. Its input comes in order of `by`, then `sort`."""

    mode: str
    value: str
    by: tuple[str, ...] = ()
    sort: str | None = None
    top: int | None = None
    path: bool = False
    exclude: float = 0.5
    blocking = True
    order = Order.NEEDS

    def derive(self) -> Schema:
        before = self.inputs[0].schema
        keys = tuple((n, before.type(n) or STRING) for n in self.by)
        return Schema((*self.told_keys(keys), *self.columns()))

    def told_keys(self, keys: tuple[tuple[str, Type], ...]) -> tuple[tuple[str, Type], ...]:
        """Of a pair: `a`, `b` where there is one key, else each behind the side's name."""
        if self.mode != "matrix":
            return keys
        return tuple((side if len(keys) == 1 else f"{side}_{n}", t) for side in ("a", "b") for n, t in keys)

    def columns(self) -> tuple[tuple[str, Type], ...]:
        if self.mode == "matrix":
            return (("_distance", DOUBLE),)
        if self.mode == "search":
            kind = self.inputs[0].schema.type(self.sort) if self.sort is not None else None
            times = (("_start_time", kind), ("_end_time", kind)) if kind is not None else ()
            return (("_start", LONG), ("_end", LONG), *times, ("_distance", DOUBLE), ("_rank", LONG))
        several = (("_window", STRING),) if len(self.widths) > 1 else ()
        if self.path:
            return (*several, ("step", LONG), ("i", LONG), ("j", LONG), ("cost", DOUBLE))
        score = () if self.top is not None else (("_zscore", DOUBLE),)
        return (*several, ("_distance", DOUBLE), ("_rank", LONG), ("_len", LONG), ("_flat", BOOL), *score)

    def needs(self, wanted: Names) -> Names:
        return frozenset((self.value, *self.by, *((self.sort,) if self.sort is not None else ())))


@dataclass(frozen=True, slots=True, kw_only=True)
class DtwWide(Warping):
    """Adds columns; rows and their order stay."""

    fields: tuple[str, ...]

    def derive(self) -> Schema:
        schema = self.inputs[0].schema
        for name, kind in self.added():
            schema = schema.put(name, kind)
        return schema

    def added(self) -> tuple[tuple[str, Type], ...]:
        names = ["_distance"] if len(self.widths) == 1 else [f"_distance_{w.text}" for w in self.widths]
        return (*((n, DOUBLE) for n in names), ("_flat", BOOL))

    def needs(self, wanted: Names) -> Names:
        made = {n for n, _ in self.added()}
        return (wanted - made) | frozenset(self.fields)

    def lets_limit_through(self) -> bool:
        return True
