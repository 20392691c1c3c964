"""Groups: keys, aggregates and expressions over them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import field, replace
from typing import Any

from .. import ast
from ..catalog import AggregateFunction
from ..expr import Bound, FieldRef, fields_of, is_volatile
from ..records import dataclass
from ..types import Schema, Type
from .node import Names, Node, Order
from .rows import Assignment

HIDDEN = "\0"  # begins the names of columns that only expressions over aggregates read


def column_name(expr: ast.Expr) -> str:
    """The name of an unaliased column: the canonical text; a field's own name without back quotes."""
    return expr.name if isinstance(expr, ast.Name) else expr.text()


@dataclass(frozen=True, slots=True)
class Key:
    """A column of `by`: an expression and its name."""

    expr: Bound
    name: str

    def text(self) -> str:
        own = column_name(self.expr.parsed)
        out = self.expr.text()
        return out if self.name == own else f"{out} as {ast.quote_name(self.name)}"


@dataclass(frozen=True, slots=True)
class AggCall:
    """One aggregate: function, arguments, its filter, its name."""

    function: AggregateFunction
    args: tuple[Bound, ...]
    type: Type
    where: Bound | None
    name: str
    parsed: ast.Expr
    data: Any = field(default=None, compare=False, repr=False)

    def text(self) -> str:
        own = column_name(self.parsed)
        out = self.parsed.text() + (f" where {self.where.text()}" if self.where else "")
        return out if self.name == own else f"{out} as {ast.quote_name(self.name)}"

    def fields(self) -> Names:
        out: Names = frozenset()
        for b in (*self.args, *((self.where,) if self.where else ())):
            out |= fields_of(b.expr)
        return out


def is_hidden(name: str) -> bool:
    return name.startswith(HIDDEN)


@dataclass(frozen=True, slots=True)
class Derived:
    """An expression over aggregates: `sum(a) / sum(b) as r`.

    Its first aggregate is a column of this name, the others are hidden ones; `value` reads these and the keys, and is
    put in the first one's place. `value.parsed` is the expression as written.
    """

    name: str
    value: Bound
    where: Bound | None = None  # of all its aggregates

    def text(self) -> str:
        where = f" where {self.where.text()}" if self.where else ""
        return f"{self.value.text()}{where} as {ast.quote_name(self.name)}"

    def assignment(self) -> Assignment:
        return Assignment((self.name,), self.value)

    def reads(self, aggs: Container[str]) -> Names:
        """The aggregates that it is made of."""
        return frozenset(n for n in (self.name, *fields_of(self.value.expr)) if n in aggs)


def visible(aggs: Iterable[AggCall], derived: Sequence[Derived] = ()) -> tuple[tuple[str, Type], ...]:
    """Names and types of the columns that users see of these aggregates: one for each that was written."""
    made = {d.name: d.value.type for d in derived}
    return tuple((a.name, made.get(a.name, a.type)) for a in aggs if not is_hidden(a.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(Node):
    """`stats`: keys first, then aggregates as written; sorted by keys unless `sorted` is off."""

    aggs: tuple[AggCall, ...]
    keys: tuple[Key, ...]
    derived: tuple[Derived, ...] = ()
    drop_null_keys: bool = False
    sorted: bool = True  # off where a sort follows that has the keys as its last ones
    command = "stats"
    blocking = True
    bounded = True
    order = Order.SETS

    @property
    def needs_order(self) -> bool:
        """Random draws and row numbers go by the place of a row."""
        made = [*(k.expr for k in self.keys), *(b for a in self.aggs for b in (*a.args, a.where) if b is not None)]
        return any(is_volatile(b.expr) for b in made)

    def derive(self) -> Schema:
        return Schema(tuple((k.name, k.expr.type) for k in self.keys) + self.columns())

    def only_keys(self) -> Names:
        """Fields that are keys as they are, and are read for nothing else."""
        keys = [k.expr.expr for k in self.keys]
        own = frozenset(k.name for k in keys if isinstance(k, FieldRef))
        return own.difference(
            *(a.fields() for a in self.aggs), *(fields_of(k) for k in keys if not isinstance(k, FieldRef))
        )

    def columns(self) -> tuple[tuple[str, Type], ...]:
        """What stands behind the keys."""
        return visible(self.aggs, self.derived)

    def grouped(self) -> Schema:
        """The columns before expressions over aggregates are worked out: keys, then all aggregates."""
        return Schema(tuple((k.name, k.expr.type) for k in self.keys) + tuple((a.name, a.type) for a in self.aggs))

    def text(self) -> str:
        by = ", ".join(k.text() for k in self.keys)
        head = "stats nulls=drop " if self.drop_null_keys else "stats "
        return head + self.aggs_text() + (f" by {by}" if by else "")

    def aggs_text(self) -> str:
        made = {d.name: d.text() for d in self.derived}
        return ", ".join(made.get(a.name) or a.text() for a in self.aggs if not is_hidden(a.name))

    def needs(self, wanted: Names) -> Names:
        out: Names = frozenset()
        for k in self.keys:
            out |= fields_of(k.expr.expr)
        for a in self.kept(wanted):
            out |= a.fields()
        return out

    def kept(self, wanted: Names) -> tuple[AggCall, ...]:
        """The aggregates that stay if only `wanted` is read: those, and what may refuse values; one column at least without keys."""
        from ..rules.total import is_total, is_total_aggregate

        parts = {a.name: a for a in self.aggs}
        read = {n: frozenset([n]) for n, _ in self.columns()} | {d.name: d.reads(parts) for d in self.derived}
        refusing = {d.name for d in self.derived if not is_total(d.value.expr)}
        refusing |= {n for n, names in read.items() if not all(is_total_aggregate(parts[p]) for p in names)}
        found = [n for n in read if n in wanted or n in refusing]
        if not found and not self.keys:
            found = list(read)[:1]
        names = frozenset().union(*(read[n] for n in found))
        return tuple(a for a in self.aggs if a.name in names)

    def prune(self, wanted: Names) -> Node:
        kept = self.kept(wanted)
        if len(kept) == len(self.aggs):
            return self
        names = {a.name for a in kept}
        return replace(self, aggs=kept, derived=tuple(d for d in self.derived if d.name in names))
