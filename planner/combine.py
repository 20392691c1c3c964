"""Nodes with more than one input: joins, unions, and plans whose parameters a subquery gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .plan import Names, Node, Order
from .types import NULL, Schema, Type, join
from .types import Type as FieldType

KEEPS_LEFT = ("inner", "left", "leftonly", "cross")  # types that give no row without a row of the left


@dataclass(frozen=True, slots=True)
class JoinKey:
    """A field of either side, by whose equality rows match."""

    left: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Node):
    """Rows of the left (the first input) with those of the right that have the same keys.

    Left order, then right order; unmatched rows of the right last. `clashes`: fields of both sides that are no keys, as
    they were at bind: where a row matched the right's value stands. `renamed`: fields of the right by their name
    here. `first`: at most one match a row, the first. `quiet`: what a lookup overwrites is what its text says.
    `carried`: the fields that stages behind it read, and so the only ones that it makes; None: all.
    """

    type: str  # inner, left, leftonly, right, rightonly, full, cross
    keys: tuple[JoinKey, ...]
    nulls_match: bool = False
    clashes: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    first: bool = False
    quiet: bool = False
    may_spill: bool = True
    left_first: bool = field(default=False, compare=False)  # the left is read first, being much smaller
    carried: tuple[str, ...] | None = field(default=None, compare=False)
    command = "join"
    order = Order.KEEPS

    @property
    def left(self) -> Node:
        return self.inputs[0]

    @property
    def right(self) -> Node:
        return self.inputs[1]

    def detail(self) -> str:
        return Node.detail(self) + (" (left first)" if self.left_first else "")

    def fresh(self) -> tuple[tuple[str, str], ...]:
        """Fields of the right that come out: its name there, and here."""
        keys, named = {k.right for k in self.keys}, dict(self.renamed)
        if self.type == "leftonly":
            return ()
        return tuple((n, named.get(n, n)) for n in self.right.schema.names() if n not in keys)

    def prune(self, wanted: Names) -> Node:
        names = self.schema.names()
        carried = tuple(n for n in names if n in wanted)
        return self if len(carried) == len(names) else replace(self, carried=carried)

    def derive(self) -> Schema:
        schema = self._whole()
        return schema if self.carried is None else schema.select(self.carried)

    def _whole(self) -> Schema:
        left, right = self.left.schema, self.right.schema
        if self.type == "rightonly":
            return self._right_alone()
        out = left
        if self.type in ("right", "full"):
            for k in self.keys:
                if k.left in left:
                    out = out.put(k.left, join([left.type(k.left) or NULL, right.type(k.right) or NULL]))
                else:  # no such field on the left: what comes from the right alone
                    out = out.put(k.left, right.type(k.right) or NULL)
        for theirs, ours in self.fresh():
            kind = right.type(theirs) or NULL
            out = out.put(ours, self._clashing(left.type(ours), kind) if ours in left else kind)
        return Schema(out.fields, left.open or right.open)

    def _clashing(self, mine: FieldType | None, theirs: FieldType) -> FieldType:
        return theirs if self.quiet or mine is None else join([mine, theirs])

    def _right_alone(self) -> Schema:
        """Keys under the left's names, then the other fields of the right."""
        right = self.right.schema
        out = Schema(tuple((k.left, right.type(k.right) or NULL) for k in self.keys))
        for theirs, ours in self.fresh():
            out = out.put(ours, right.type(theirs) or NULL)
        return out

    def needs_each(self, wanted: Names) -> tuple[Names, ...]:
        """What must come from the left and from the right."""
        left, right = frozenset(self.left.schema.names()), frozenset(self.right.schema.names())
        theirs = frozenset(t for t, ours in self.fresh() if ours in wanted)
        mine = (wanted & left) | (frozenset(k.left for k in self.keys) & left)
        if not self.quiet:
            mine |= frozenset(self.clashes) & left  # notes show what was overwritten
        return mine, theirs | (frozenset(k.right for k in self.keys) & right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside(Node):
    """A stage that may have a second input: it is read whole before the rows of the first come.

    Its command's `side(node)` is the sink for the second, and `lower_with(node, found)` makes the operators from its result.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Union(Node):
    """Rows of the first input, then those of each other; joined by field name."""

    command = "union"
    order = Order.KEEPS

    def derive(self) -> Schema:
        return union_schema([n.schema for n in self.inputs])

    def needs_each(self, wanted: Names) -> tuple[Names, ...]:
        return tuple((wanted | self.narrowed()) & frozenset(n.schema.names()) for n in self.inputs)

    def narrowed(self) -> Names:
        """Dates in microseconds that become nanoseconds, which not all do: those that do not are told."""
        dates = {n for n, t in self.schema.fields if t.kind == "date" and t.unit == "ns"}
        return frozenset(
            n for n in dates for i in self.inputs if (t := i.schema.type(n)) and t.kind == "date" and t.unit != "ns"
        )


def union_schema(parts: list[Schema]) -> Schema:
    """Fields in order of first sight, types widened, a clash as text."""
    kinds: dict[str, list[Type]] = {}
    for part in parts:
        for name, kind in part.fields:
            kinds.setdefault(name, []).append(kind)
    return Schema(tuple((n, join(k)) for n, k in kinds.items()), any(p.open for p in parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Node):
    """A plan some of whose parameters subqueries give: the first input is the plan, the others run before it, in order.

    `names`: of each subquery, its fields and the names under which `Late` expressions ask for them.
    `rest`: where only the data says which types the last subquery's fields have. Of the types by those names it gives
    the plan and notes; the first input is the plan as far as it could be checked before.
    """

    names: tuple[tuple[tuple[str, str], ...], ...] = ()
    setters: tuple[Any, ...] = field(default=(), compare=False, repr=False)  # the stages as parsed
    rest: Callable[[Mapping[str, Type]], tuple[Node, Any]] | None = field(default=None, compare=False, repr=False)
    command = "setq"
    order = Order.KEEPS

    def derive(self) -> Schema:
        return self.inputs[0].schema if self.rest is None else Schema((), open=True)
