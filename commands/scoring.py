"""What commands share that keep their rows and add columns worked out of whole groups: `stl`, `anomalies`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..planner import ast
from ..planner.expr import Bound, Expr, FieldRef, Literal
from ..planner.plan import Names, Order
from ..planner.records import dataclass
from ..planner.types import DATE, DOUBLE, NULL, Schema, Type
from .base import Args, Node, computed

if TYPE_CHECKING:
    from ..engine.operators.window.whole import WholeFunction

NUMBERS = ("long", "double", "decimal", "null", "any")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored(Node):
    """Adds `made`; a field of such a name is overwritten in place. `fields`: what is computed from."""

    fields: tuple[str, ...]
    by: tuple[str, ...]
    made: tuple[tuple[str, Type], ...]
    time: str | None = None
    blocking = True
    order = Order.NEEDS

    def derive(self) -> Schema:
        schema = self.inputs[0].schema
        for name, kind in self.made:
            schema = schema.put(name, kind)
        return schema

    def used(self) -> Names:
        return frozenset(self.fields) | frozenset(self.by) | ({self.time} if self.time is not None else frozenset())

    def needs(self, wanted: Names) -> Names:
        """A field that is overwritten is still asked for: it holds the place of the new one among the columns."""
        fresh = {n for n, _ in self.made} - frozenset(self.inputs[0].schema.names())
        return (wanted - fresh) | self.used()


def number_fields(
    args: Args, names: Sequence[str], kinds: Sequence[str] = NUMBERS, part: str = "names", takes: str = "numbers"
) -> None:
    """E320 for fields of other types."""
    for name in names:
        type_ = args.schema.type(name) or NULL
        if type_.kind not in kinds:
            args.fail("E320", f"{args.parsed.command} takes {takes}; '{name}' is {type_}", args.place_of(name, part),
                      hint=f"eval {name} = double({name})" if type_.kind == "string" else "")  # fmt: skip


def as_number(name: str, schema: Schema) -> Expr:
    """A field as what kernels compute with: decimals as doubles, a field without a type as a double that is null."""
    kind = schema.type(name) or NULL
    if kind.kind == "null":
        return Literal(type=DOUBLE, value=None)
    return computed(Bound(FieldRef(type=kind, name=name), ast.Name(name=name))).expr


def lowered(node: Scored, state: WholeFunction, outs: Sequence[str]) -> list[Any]:
    """`outs`: which of the state's columns each of `node.made` is. The state's arguments are the fields, then the keys."""
    from ..engine.notes import At
    from ..engine.operators.states.base import Maker
    from ..engine.operators.window.inputs import InputsTransform
    from ..engine.operators.window.spec import WHOLE, Column, Computed, Program, Sorting
    from ..engine.operators.window.wholesink import WholeSink

    before, at = node.inputs[0].schema, At(node.stage, node.name, node.span)
    exprs: list[Expr] = []
    inputs = []
    for name in node.fields:
        expr = as_number(name, before)
        if isinstance(expr, FieldRef):
            inputs.append(before.index(name))
        else:
            inputs.append(len(before) + len(exprs))
            exprs.append(expr)
    keys = tuple((before.index(n), before.type(n) or DATE) for n in node.by)
    sorting = Sorting() if node.time is None else Sorting(before.index(node.time), True)
    args = (*inputs, *(i for i, _ in keys))
    columns = tuple(
        Column(Maker(lambda: state, out), args, None, kind, 0, 0, None)
        for out, (_, kind) in zip(outs, node.made, strict=True)
    )
    program = Program(
        keys=keys, sortings=(sorting,), frames=(WHOLE,), columns=columns,
        types=(*(t for _, t in before.fields), *(e.type for e in exprs)), carried=len(before),
        places=tuple(node.schema.index(n) for n, _ in node.made), schema=node.schema,
    )  # fmt: skip
    sink = WholeSink(program, at, tuple(inputs), state.told)
    return [InputsTransform([Computed(e) for e in exprs], before, at), sink] if exprs else [sink]


__all__ = ["NUMBERS", "Scored", "as_number", "lowered", "number_fields"]
