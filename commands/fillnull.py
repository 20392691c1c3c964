"""`fillnull [F, ...]`: nulls become a value, or what stands before, behind or between."""

from __future__ import annotations

from typing import Any

from ..engine.lower import at_of
from ..engine.operators.fillcarry import Fill
from ..engine.zones import NS, US
from ..planner import ast
from ..planner.expr import Bound, FieldRef
from ..planner.plan import Assignment, Names
from ..planner.records import dataclass
from ..planner.types import DOUBLE, Schema, Type
from .base import Args, Command, Example, Node, Option, computed, kinds, lowers, register
from .fillvalues import value_fields
from .rowtime import row_time

BETWEEN = ("long", "double", "decimal", "date", "duration")  # what points on a line can be


@dataclass(frozen=True, slots=True, kw_only=True)
class FillNull(Node):
    """`filled`: the fields and their types when they are; `values`: what each is filled with, by method `value`."""

    filled: tuple[tuple[str, Type], ...]
    fill: Fill
    values: tuple[Any, ...] = ()
    by: tuple[str, ...] = ()
    time: str | None = None
    command = "fillnull"

    @property
    def needs_order(self) -> bool:
        return self.fill.method != "value" or self.fill.is_limited

    def derive(self) -> Schema:
        schema = self.inputs[0].schema
        for name, kind in self.filled:
            schema = schema.put(name, kind) if name in schema else schema
        return schema

    def needs(self, wanted: Names) -> Names:
        """Rows without a time are counted where a field could not be filled: all of these are looked at."""
        told = frozenset(n for n, _ in self.filled) if self.fill.by_time else frozenset[str]()
        time = frozenset((self.time,)) if self.time is not None else frozenset[str]()
        return (wanted | frozenset(self.by) | time | told) & frozenset(self.inputs[0].schema.names())

    def lets_limit_through(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class FillGaps(FillNull):
    """A value is known only when more rows are."""

    blocking = True

    def lets_limit_through(self) -> bool:
        return False


@lowers(FillNull)
@lowers(FillGaps)
@register
class FillNullCommand(Command[FillNull]):
    name = "fillnull"
    summary = "Fill nulls with a value, with the value before or behind, or along a line between both."
    syntax = "fillnull [value=0] [method={value,prev,next,linear}] [maxgap=N or DUR] [time=F] [F, ...] [by G, ...]"
    grammar = "[names] [by_names]"
    details = """
**Which fields.** Without names, all fields of a type that takes the value: `value=0` fills whole numbers, doubles, decimals and
fields that are null throughout, `value="x"` text, `value=true` booleans, `value=5m` durations. `prev` and `next`
take fields of any type, `linear` numbers, durations and dates; keys and the row's time are left alone. A field that is
named must be able to take the value: a whole number becomes a double for `value=0.5`, a decimal takes what has no more
digits behind the point than it, text takes the value as it is
written, a date takes a time. Anything else is E311. An unknown field is always E301.

**Methods.** `prev` repeats the last value of the group that was not null, `next` the one that follows, both in input
order. `linear` goes by the row's time (`time=`, else `_time`, else the only date field): a null gets the point on the
line between its neighbours in time, ties in input order; whole numbers and decimals become doubles. What has no neighbour on the
needed side stays null: the first rows for `prev`, the last for `next`, both ends for `linear`. With `by` each group is
filled apart; null is a group.

**Gaps.** `maxgap=N`: a run of more than N nulls (in its group) stays null as a whole. `maxgap=DUR`: the same where more
time than that lies between the rows at its two ends, or, at the end of a group, between its one neighbour and its last
row.

Rows keep their order, and all of them stay. For `linear`, a row without a time is not filled and counted in a note
`reject null time`. NaN is a value, not null.

Streaming for `value` and `prev` (it keeps the last value of each group); with `next`, `linear` or `maxgap` blocking: rows
are held until their gap has ended, in memory or on disk.
"""
    options = (
        Option("value", kinds.LITERAL, "what nulls become; default 0"),
        Option("method", ("value", "prev", "next", "linear"), "where the value comes from", default="value"),
        Option("maxgap", kinds.NUMBER_OR_DURATION, "longer runs of nulls, in rows or time, stay null"),
        Option("time", kinds.FIELD, "the time of a row; default _time, or the only date field"),
    )
    examples = (
        Example(
            title="zero where there is no number",
            given={"t": "host:string bytes:long\na 5\nb null\nnull 7"},
            query="table t | fillnull",
            expect="host:string bytes:long\na 5\nb 0\nnull 7",
        ),
        Example(
            title="the last price goes on, for each symbol",
            given={"t": "sym:string price:double\nA 1.5\nB 7.0\nA null\nB null\nA 2.0"},
            query="table t | fillnull method=prev price by sym",
            expect="sym:string price:double\nA 1.5\nB 7.0\nA 1.5\nB 7.0\nA 2.0",
        ),
        Example(
            title="points on a line, by time; the end stays null",
            given={
                "t": "_time:date v:long\n2026-11-01T00:00:00Z 10\n2026-11-01T00:01:00Z null\n2026-11-01T00:04:00Z 14\n2026-11-01T00:05:00Z null"
            },
            query="table t | fillnull method=linear v",
            expect="_time:date v:double\n2026-11-01T00:00:00Z 10.0\n2026-11-01T00:01:00Z 11.0\n2026-11-01T00:04:00Z 14.0\n2026-11-01T00:05:00Z null",
        ),
        Example(
            title="a gap of more than one row stays",
            given={"t": "n:long\n1\nnull\n2\nnull\nnull\n3"},
            query="table t | fillnull method=prev maxgap=1 n",
            expect="n:long\n1\n1\n2\nnull\nnull\n3",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        method = args.option("method")
        by = tuple(args.fields(args.many("by_names"), always=True))
        listed = tuple(args.fields(args.many("names"), always=True))
        if method != "value" and args.given("value"):
            args.abort(
                "E311", f"value= does not go with method={method}", args.option_span("value"), hint="one of them"
            )
        most_rows, length = _most(args)
        time, ticks = _time(args, method == "linear" or length is not None)
        most_ticks = None if length is None else length.ns * ticks // NS
        fill = Fill(method=method, most_rows=most_rows, most_ticks=most_ticks)
        apart = {*by, *((time,) if time is not None else ()), *(("_time",) if method != "value" else ())}
        values: tuple[Any, ...] = ()
        if method == "value":
            filled, values = value_fields(args, listed, apart)
        else:
            filled = _carried(args, listed, apart, method)
        node = FillGaps if fill.is_limited or (method != "value" and fill.looks_ahead) else FillNull
        return node(**args.common, inputs=(source,), filled=filled, fill=fill, values=values, by=by, time=time)

    def lower(self, node: FillNull) -> Any:
        from ..engine.notes import At
        from ..engine.operators.fillgaps import Gaps
        from ..engine.operators.fillprev import FillPrevTransform
        from ..engine.operators.fillsink import FillSink
        from ..engine.operators.fillvalue import Constant, FillValueTransform
        from ..engine.operators.project import PassTransform, ProjectTransform

        before = node.inputs[0].schema
        here = [(i, f) for i, f in enumerate(node.filled) if f[0] in before]
        if not here:
            return PassTransform()
        places = tuple(before.index(name) for _, (name, _) in here)
        types = tuple(kind for _, (_, kind) in here)
        values = tuple(node.values[i] for i, _ in here) if node.values else ()
        if node.fill.method == "value" and not node.fill.is_limited:
            return FillValueTransform([Constant(*c) for c in zip(places, values, types, strict=True)])
        doubled = _doubled(node, before)
        first = [ProjectTransform(doubled, before, At(node.stage, node.name, node.span))] if doubled else []
        for assign in doubled:
            before = before.put(assign.names[0], DOUBLE)
        gaps = Gaps(
            fill=node.fill, targets=places, types=types, keys=tuple(before.index(n) for n in node.by),
            time=before.index(node.time) if node.time is not None else None, values=values,
        )  # fmt: skip
        operator: Any = FillSink if isinstance(node, FillGaps) else FillPrevTransform
        return [*first, operator(gaps, before, at_of(node))]


def _doubled(node: FillNull, before: Schema) -> list[Assignment]:
    """Decimals through which a line is drawn become doubles, as whole numbers do."""
    if node.fill.method != "linear":
        return []
    named = [(n, before.type(n)) for n, _ in node.filled]
    fields = [FieldRef(type=t, name=n) for n, t in named if t is not None and t.kind == "decimal"]
    return [Assignment((f.name,), computed(Bound(f, ast.Constant(value=None)))) for f in fields]


def _most(args: Args) -> tuple[int | None, ast.Duration | None]:
    """`maxgap=` as rows, or as a length."""
    most = args.option("maxgap")
    if most is None:
        return None, None
    if isinstance(most, ast.Duration):
        if most.months:
            args.abort("E311", "maxgap= takes no months", args.option_span("maxgap"), hint="such as 30d")
        return None, most
    if isinstance(most, float) and most.is_integer():
        most = int(most)
    if not isinstance(most, int) or most < 1:
        args.abort(
            "E311",
            f"maxgap= cannot be {most}",
            args.option_span("maxgap"),
            hint="a number of rows, 1 or more, or a length such as 5m",
        )
    return min(most, (1 << 62)), None


def _time(args: Args, wanted: bool) -> tuple[str | None, int]:
    """The row's time, where it is needed, and its ticks a second."""
    if not wanted:
        if args.given("time"):
            args.abort("E311", "time= goes with method=linear, or with maxgap= as a length", args.option_span("time"))
        return None, US
    name, kind = row_time(args)
    return name, NS if kind.kind == "date" and kind.unit == "ns" else US


def _carried(args: Args, listed: tuple[str, ...], apart: set[str], method: str) -> tuple[tuple[str, Type], ...]:
    """The fields that are filled from others of their column, and their types then."""
    out: list[tuple[str, Type]] = []
    for name in listed or tuple(n for n in args.schema.names() if n not in apart):
        kind = args.schema.type(name)
        if kind is None or kind.kind == "null" or (kind.kind == "any" and args.schema.open):
            continue
        if method == "linear" and kind.kind not in BETWEEN:
            if listed:
                args.fail(
                    "E311",
                    f"'{name}' is {kind}: no line goes through its values",
                    args.place("names"),
                    hint="method=prev or method=next",
                )
            continue
        out.append((name, DOUBLE if method == "linear" and kind.kind in ("long", "decimal") else kind))
    return tuple(out)
