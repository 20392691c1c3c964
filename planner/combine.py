"""Nodes with more than one input: joins, unions, and plans whose parameters a subquery gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Any

from .plan import Filter, Names, Node, Order, Sort
from .records import dataclass
from .types import DOUBLE, DURATION, LONG, NULL, Schema, Type, join
from .types import Type as FieldType

KEEPS_LEFT = ("inner", "left", "leftonly", "cross")  # types that give no row without a row of the left


@dataclass(frozen=True, slots=True)
class JoinKey:
    """A field of either side, by whose equality rows match."""

    left: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sided(Node):
    """A stage that may have a side input: the second one, which a subquery gives and which is taken whole by a sink first.

    With a side, its command's `lower(node)` gives a SideRun: operators for the side, and those for the rows once it is there.
    """

    @property
    def left(self) -> Node:
        return self.inputs[0]

    @property
    def right(self) -> Node:
        return self.inputs[1]


def has_side(node: Node) -> bool:
    return isinstance(node, Sided) and len(node.inputs) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched(Sided):
    """Rows of the left with those of its side, the right, that have the same keys.

    `clashes`: fields of both sides that are no keys, as they were at bind: where a row matched the right's value stands.
    `renamed`: fields of the right by their name here. `quiet`: what is overwritten is what the text says.
    """

    type: str
    keys: tuple[JoinKey, ...]
    nulls_match: bool = False
    clashes: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    quiet: bool = False
    order = Order.KEEPS

    def fresh(self) -> tuple[tuple[str, str], ...]:
        """Fields of the right that come out: its name there, and here."""
        keys, named = {k.right for k in self.keys}, dict(self.renamed)
        return tuple((n, named.get(n, n)) for n in self.right.schema.names() if n not in keys)

    def _with_fresh(self, out: Schema) -> Schema:
        left, right = self.left.schema, self.right.schema
        for theirs, ours in self.fresh():
            kind = right.type(theirs) or NULL
            out = out.put(ours, self._clashing(left.type(ours), kind) if ours in left else kind)
        return Schema(out.fields, left.open or right.open)

    def _clashing(self, mine: FieldType | None, theirs: FieldType) -> FieldType:
        return theirs if self.quiet or mine is None else join([mine, theirs])

    def needs_each(self, wanted: Names) -> tuple[Names, ...]:
        """What must come from the left and from the right."""
        left, right = frozenset(self.left.schema.names()), frozenset(self.right.schema.names())
        theirs = frozenset(t for t, ours in self.fresh() if ours in wanted)
        mine = (wanted & left) | (frozenset(k.left for k in self.keys) & left)
        if not self.quiet:
            mine |= frozenset(self.clashes) & left  # notes show what was overwritten
        return mine, theirs | (frozenset(k.right for k in self.keys) & right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Matched):
    """Left order, then right order; unmatched rows of the right last.

    `type`: inner, left, leftonly, right, rightonly, full, cross. `first`: at most one match a row, the first. `carried`: the
    fields that stages behind it read, and so the only ones that it makes; None: all.
    """

    first: bool = False
    may_spill: bool = True
    left_first: bool = field(default=False, compare=False)  # the left is read first, being much smaller
    carried: tuple[str, ...] | None = field(default=None, compare=False)
    command = "join"

    def detail(self) -> str:
        return Node.detail(self) + (" (left first)" if self.left_first else "")

    def fresh(self) -> tuple[tuple[str, str], ...]:
        return () if self.type == "leftonly" else Matched.fresh(self)

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
        return self._with_fresh(out)

    def _right_alone(self) -> Schema:
        """Keys under the left's names, then the other fields of the right."""
        right = self.right.schema
        out = Schema(tuple((k.left, right.type(k.right) or NULL) for k in self.keys))
        for theirs, ours in self.fresh():
            out = out.put(ours, right.type(theirs) or NULL)
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Asof(Matched):
    """Each row of the left once, in its order, with the row of the right that has its keys and is nearest in time.

    `type`: inner, left. `on`, `righton`: the fields that order the rows of either side. `direction`: backward, forward,
    nearest. `tolerance`: nanoseconds between times, else a number, inclusive; None: any distance. `exact`: whether equal
    times match. `skipnull`: each field of the right is taken from the nearest row that has a value. `gap`: the field for
    the distance. `keeps_time`: `righton` comes out, too.
    """

    on: str
    righton: str
    direction: str = "backward"
    tolerance: int | float | None = None
    exact: bool = True
    skipnull: bool = False
    gap: str | None = None
    keeps_time: bool = False
    command = "asof"

    def foretold(self) -> str:
        """How rows will be looked for: where the plan does not say it, their order is seen when they come."""
        both = is_sorted_by(self.left, self.on) and is_sorted_by(self.right, self.righton)
        return "sweep" if both else "sweep if both sides are in order of time, else partition"

    def fresh(self) -> tuple[tuple[str, str], ...]:
        return tuple((t, o) for t, o in Matched.fresh(self) if self.keeps_time or t != self.righton)

    def derive(self) -> Schema:
        out = self._with_fresh(self.left.schema)
        if self.gap is None:
            return out
        return out.put(self.gap, gap_type(self.left.schema.type(self.on), self.right.schema.type(self.righton)))

    def needs_each(self, wanted: Names) -> tuple[Names, ...]:
        mine, theirs = Matched.needs_each(self, wanted)
        return mine | {self.on}, theirs | {self.righton}


def is_sorted_by(node: Node, name: str) -> bool:
    """Whether a plan says that its rows rise by a field, nulls aside; False where only the rows can say it."""
    while isinstance(node, Filter):
        node = node.inputs[0]
    if not isinstance(node, Sort) or node.by or not node.keys:
        return False
    return node.keys[0].name == name and not node.keys[0].descending


def gap_type(mine: FieldType | None, theirs: FieldType | None) -> FieldType:
    """Of the difference of two values that order rows."""
    kinds = {t.kind for t in (mine, theirs) if t is not None}
    if "date" in kinds or "duration" in kinds:
        return DURATION
    return DOUBLE if "double" in kinds else LONG if "long" in kinds else DURATION


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
