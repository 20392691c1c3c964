"""What commands share that hold the numbers of each group in input order: `correlate`, `curvefit`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from ..engine.operators.states.base import Maker
from ..planner import ast
from ..planner.catalog import AggregateFunction
from ..planner.expr import Bound, FieldRef
from ..planner.plan import AggCall, Aggregate, Key, Names
from ..planner.records import dataclass
from ..planner.types import NULL, Schema, Type, array_of
from ..planner.unparse import stage_text
from .base import Args
from .scoring import as_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Aggregate):
    """All values of some fields by the keys, of which `made` columns become."""

    made: tuple[tuple[str, Type], ...]

    def derive(self) -> Schema:
        return Schema((*((k.name, k.expr.type) for k in self.keys), *self.made))

    def text(self) -> str:
        return stage_text(self.written) if self.written is not None else self.command

    def kept(self, wanted: Names) -> tuple[AggCall, ...]:
        return self.aggs

    @property
    def key_types(self) -> list[Type]:
        return [k.expr.type for k in self.keys]


@cache
def _values(type_: Type) -> AggregateFunction:
    """One object for all binds: plans are compared."""
    return AggregateFunction("array", 1, 1, lambda call: array_of(type_), _state, ordered=True)


def _state(types: list[Type], data: Any) -> Maker:
    from ..engine.operators.states.inorder import InOrder

    return Maker(lambda: InOrder(types), str(data))


def held_fields(names: Sequence[str], schema: Schema) -> tuple[AggCall, ...]:
    """The fields as numbers, each a list in the order of the rows, nulls with them; one state holds them all."""
    values = tuple(Bound(as_number(name, schema), ast.Name(name=name)) for name in names)
    out: list[AggCall] = []
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        call = ast.Call(name="array", args=(value.parsed,))
        out.append(AggCall(_values(value.type), values, array_of(value.type), None, f"\0{i} {name}", call, i))
    return tuple(out)


def key_fields(args: Args, made: Sequence[str] = ()) -> tuple[str, ...]:
    """The fields behind `by`; E350 where one is named twice, or as a column that is made."""
    items = args.many("by_names")
    names = args.fields(items, always=True)
    seen: set[str] = set()
    for item in (i for i in items if not i.pattern):
        if item.name in seen:
            args.fail("E350", f"the key '{item.name}' is given twice", item.span)
        seen.add(item.name)
    for name in names:
        if name in made:
            args.fail("E350", f"two columns are named '{name}'", args.place("by_names"), hint="rename it before")
    return tuple(names)


def group_keys(args: Args, made: Sequence[str]) -> tuple[Key, ...]:
    return tuple(
        Key(Bound(FieldRef(type=args.schema.type(n) or NULL, name=n), ast.Name(name=n)), n)
        for n in key_fields(args, made)
    )
