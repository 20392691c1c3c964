"""`bin span=X F [as A], ...`: numbers and dates down to the start of their bucket."""

from __future__ import annotations

import math
from typing import Any

from ..engine.calendar import BadSpan, Span
from ..engine.lower import at_of
from ..engine.operators.compute import ComputeTransform
from ..engine.zones import NS, US
from ..planner import ast
from ..planner.expr import Call, Expr, FieldRef, Literal
from ..planner.plan import Names
from ..planner.records import dataclass
from ..planner.text import Span as Place
from ..planner.types import DATE, DOUBLE, DURATION, LONG, NULL, Schema, Type
from .base import REGISTRY, Args, Command, Example, Node, Option, kinds, lowers, register

NUMBERS = ("long", "double", "decimal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin(Node):
    """`made`: field of the result, and its value in terms of the input's fields."""

    made: tuple[tuple[str, Expr], ...]
    command = "bin"

    def derive(self) -> Schema:
        schema = self.inputs[0].schema
        for name, expr in self.made:
            schema = schema.put(name, expr.type)
        return schema

    def needs(self, wanted: Names) -> Names:
        """A field that is overwritten is asked for as well: it holds the place of the new one."""
        before = frozenset(self.inputs[0].schema.names())
        return (wanted & before) | {_field_of(e) for _, e in self.made}

    def lets_filter_through(self, fields: Names) -> bool:
        return fields.isdisjoint(n for n, _ in self.made)

    def lets_limit_through(self) -> bool:
        return True


@lowers(Bin)
@register
class BinCommand(Command[Bin]):
    name = "bin"
    summary = "Replace a number or a date by the start of its bucket."
    syntax = "bin span={DUR,NUMBER} [offset={DUR,NUMBER}] F [as A], ..."
    grammar = "pairs"
    details = """
A date takes a length: its buckets are those of `timechart`, left-closed, in the session's zone. Spans that divide an hour
follow the local hour, hours that divide a day begin at local midnight, `d`, `w` (Mondays), `mon`, `q` and `y` go by the
calendar. A duration takes a length too, a number takes a number: the result is the greatest `offset + k * span` that is
not above the value, for negative values as well. `offset=` moves the grid and is of the kind of `span=`.

With `as` the bucket becomes a field of its own and F stays. Several fields share the span; each is read as it came in.

Null stays null; NaN and infinities stay as they are. A whole number keeps its type where span and offset are whole,
else the result is a double; one whose bucket would begin below 64 bits is null, counted `overflow`. Text is no number
and no date here: convert it first. An unknown field is always E301. Streaming.
"""
    options = (
        Option("span", kinds.NUMBER_OR_DURATION, "width of a bucket: a length for dates and durations, else a number"),
        Option("offset", kinds.NUMBER_OR_DURATION, "moves the grid of buckets"),
    )
    examples = (
        Example(
            title="hours",
            given={"t": "_time:date n:long\n2026-11-01T10:05:00Z 1\n2026-11-01T10:59:00Z 2\n2026-11-01T11:00:00Z 3"},
            query="table t | bin span=1h _time | stats sum(n) as n by _time",
            expect="_time:date n:long\n2026-11-01T10:00:00Z 3\n2026-11-01T11:00:00Z 3",
        ),
        Example(
            title="numbers, beside the field",
            given={"t": "ms:long\n7\n12\n-1\nnull"},
            query="table t | bin span=10 ms as band",
            expect="ms:long band:long\n7 0\n12 10\n-1 -10\nnull null",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        span, offset = args.option("span"), args.option("offset")
        if span is None:
            args.abort("E310", "bin needs span=", hint="bin span=1h _time")
        if offset is not None and isinstance(span, ast.Duration) is not isinstance(offset, ast.Duration):
            args.abort(
                "E311",
                "offset= is of the kind of span=",
                args.option_span("offset"),
                hint="both lengths, or both numbers",
            )
        made: dict[str, Expr] = {}
        for pair in args.many("pairs"):
            for name, target in _targets(args, pair):
                kind = args.schema.type(name)
                if kind is None:
                    continue
                if target in made:
                    args.fail("E350", f"two columns are named '{target}'", pair.span)
                made[target] = _bucket(args, name, kind, pair.left.span)
        return Bin(**args.common, inputs=(source,), made=tuple(made.items()))

    def lower(self, node: Bin) -> ComputeTransform:
        return ComputeTransform(node.made, node.inputs[0].schema, node.schema, at_of(node))


def _field_of(expr: Expr) -> str:
    while isinstance(expr, Call):
        expr = expr.args[0]
    assert isinstance(expr, FieldRef)
    return expr.name


def _targets(args: Args, pair: ast.Pair) -> list[tuple[str, str]]:
    """Fields and what they become; a pattern may stand for several as long as they keep their names."""
    names = args.fields([pair.left], always=True)
    if pair.right is None:
        return [(n, n) for n in names]
    if pair.left.pattern and len(names) > 1:
        args.abort("E350", f"'{pair.left.name}' are {len(names)} fields, and one name", pair.span)
    return [(n, args.binder.field_name(pair.right)) for n in names]


def _bucket(args: Args, name: str, kind: Type, at: Place) -> Expr:
    span, offset = args.option("span"), args.option("offset")
    is_length = isinstance(span, ast.Duration)
    if kind.kind == "null" or (kind.kind == "any" and args.schema.open):  # bound again when the columns are known
        return FieldRef(type=kind, name=name, span=at)
    if kind.kind in ("string", "any"):
        way = f"date({name})" if is_length else f"double({name})"
        args.abort("E320", f"'{name}' is text: bin takes numbers, dates and durations", at, hint=f"eval {name} = {way}")
    if kind.kind not in (*NUMBERS, "date", "duration"):
        args.abort("E330", f"'{name}' is {kind}: bin takes numbers, dates and durations", at)
    if is_length is (kind.kind in NUMBERS):
        what = "a number" if is_length else f"a {kind}"
        takes = "span=10" if is_length else "span=1h"
        args.abort("E311", f"'{name}' is {what}: its buckets are no {'lengths' if is_length else 'numbers'}",
                   args.option_span("span"), hint=f"such as {takes}")  # fmt: skip
    if kind.kind == "date":
        return _of_date(args, name, kind, at)
    field = FieldRef(type=kind, name=name, span=at)
    operands = [_constant(args, "span", span), *([_constant(args, "offset", offset)] if offset is not None else [])]
    whole = [field, *operands]
    return args.binder.apply("bucket", list(whole), [at] * len(whole), at, args.schema)


def _of_date(args: Args, name: str, kind: Type, at: Place) -> Expr:
    span, offset = args.option("span"), args.option("offset")
    try:
        grid = Span.of(span, offset)
    except BadSpan as why:
        blamed = "offset" if offset is not None and offset.months and not span.months else "span"
        args.abort("E311", str(why), args.option_span(blamed))
    if grid.is_zero:
        args.abort("E311", "a span of 0 makes no buckets", args.option_span("span"))
    if not grid.fits(NS if kind.unit == "ns" else US):
        args.abort("E311", "times of microseconds have no buckets of nanoseconds", args.option_span("span"))
    result = Type("date", unit=kind.unit) if kind.unit == "ns" else DATE
    field = FieldRef(type=kind, name=name, span=at)
    return Call(
        type=result, function=REGISTRY.functions["datetrunc"], args=(field, Literal(type=NULL, value=None)), data=grid
    )


def _constant(args: Args, option: str, value: Any) -> Literal:
    """The width or the offset of a grid of numbers or durations."""
    if isinstance(value, ast.Duration):
        if value.months:
            args.abort("E311", "a duration has no months", args.option_span(option), hint="such as 30d")
        if value.ns % 1000:
            args.abort("E311", "durations are whole microseconds", args.option_span(option))
        number: Any = value.ns // 1000
        kind = DURATION
    else:
        number, kind = value, LONG if isinstance(value, int) else DOUBLE
    if not math.isfinite(number) or (isinstance(number, int) and abs(number) >= 2**63):
        args.abort("E311", f"{option}= cannot be {number}", args.option_span(option))
    if option == "span" and not number > 0:
        args.abort("E311", "the width of a bucket is above 0", args.option_span(option))
    return Literal(type=kind, value=number)
