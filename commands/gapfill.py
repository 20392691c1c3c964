"""`gapfill span=DUR F [fill M], ...`: the rows of a regular series that are missing, added."""

from __future__ import annotations

from typing import Any

from ..engine.lower import at_of
from ..planner import ast
from ..planner.plan import Names, Order, Sort, SortKey
from ..planner.records import dataclass
from ..planner.types import BOOL, Schema
from .base import Args, Command, Example, Node, lowers, register
from .fills import Filled, doubles, filled, grid_column, of_item, of_option
from .grids import REGULAR_OPTIONS, Regular, regular_of
from .rowtime import row_time


@dataclass(frozen=True, slots=True, kw_only=True)
class GapFill(Node):
    """All rows, and for each key a row for each bound of the grid on which none stands."""

    time: str
    by: tuple[str, ...]
    regular: Regular
    filled: tuple[Filled, ...]
    command = "gapfill"
    blocking = True
    order = Order.SETS

    def derive(self) -> Schema:
        schema = self.inputs[0].schema
        for f in self.filled:
            schema = schema.put(f.name, f.out)
        return schema if self.regular.flag is None else schema.put(self.regular.flag, BOOL)

    def needs(self, wanted: Names) -> Names:
        """The flag goes by all fields that are filled."""
        told = frozenset((self.time, *self.by, *(f.name for f in self.filled)))
        return (wanted | told) & frozenset(self.inputs[0].schema.names())


@lowers(GapFill)
@register
class GapFillCommand(Command[GapFill]):
    name = "gapfill"
    summary = "Add the rows that a regular series lacks; the rows that are there stay as they are."
    syntax = (
        "gapfill span=DUR [offset=DUR] [from=T] [to=T] [grid={key,global}] [fill=M] [maxgap=DUR] [flag=F] [label={left,right}] "
        "[maxrows=N] [time=F] F [fill M], ... [by K, ...]"
    )
    grammar = "filled [by_names]"
    options = REGULAR_OPTIONS
    tier = 3
    details = """
All rows come out as they came in, sorted by keys, then time, ties in input order; between them stands a row for each bound of the grid
on which no row of its key stands. It has its keys and its time, the fields that are listed as `fill` says, and null in all
others. The grid, `from=`, `to=`, `grid=`, `maxgap=`, `maxrows=` and what `fill` may be are those of [resample](resample.md);
`label=right` says that rows carry the ends of their buckets, which is of matter to `from=` and `to=` only.

Rows between bounds stay, too, and are counted in a note (`info`, "off the grid"); several rows of one time stay. A null in a row
that is there stays null: `fillnull` fills those. `prev`, `next` and `linear` go by all rows of the key whose value is not null,
at their own times. `flag=F` is true in rows where a value was filled in.

Rows without a time are left out and counted (`drop`, "null time"). Blocking; rows spill to disk. An unknown field is always E301.
"""
    examples = (
        Example(
            title="days without sales",
            given={
                "t": "_time:date item:string qty:long\n2026-11-01T00:00:00Z a 3\n2026-11-04T00:00:00Z a 5\n2026-11-02T00:00:00Z b 1"
            },
            query="table t | gapfill span=1d qty fill zero by item",
            expect="_time:date item:string qty:long\n2026-11-01T00:00:00Z a 3\n2026-11-02T00:00:00Z a 0\n"
            "2026-11-03T00:00:00Z a 0\n2026-11-04T00:00:00Z a 5\n2026-11-02T00:00:00Z b 1",
        ),
        Example(
            title="a line between readings; which rows were added",
            given={"t": "_time:date v:double note:string\n2026-11-01T10:00:00Z 1.0 x\n2026-11-01T10:03:00Z 4.0 y"},
            query="table t | gapfill span=1m fill=linear flag=added v",
            expect="_time:date v:double note:string added:bool\n2026-11-01T10:00:00Z 1.0 x false\n2026-11-01T10:01:00Z 2.0 null true\n"
            "2026-11-01T10:02:00Z 3.0 null true\n2026-11-01T10:03:00Z 4.0 y false",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        time, kind = row_time(args)
        regular = regular_of(args, kind)
        by = tuple(args.fields(args.many("by_names"), always=True))
        columns = [c for item in args.many("filled") if (c := _column(args, item, {*by, time})) is not None]
        names = [c.name for c in columns]
        for i, (name, item) in enumerate(zip(names, args.many("filled"), strict=False)):
            if name in names[:i]:
                args.fail("E350", f"'{name}' is filled twice", item.span)
        if time in by:
            args.fail("E311", f"'{time}' is the time of a row, and no key", args.place("by_names"))
        if regular.flag is not None and regular.flag in args.schema:
            args.fail("E350", f"two columns are named '{regular.flag}'", args.option_span("flag"))
        return GapFill(**args.common, inputs=(source,), time=time, by=by, regular=regular, filled=tuple(columns))

    def lower(self, node: GapFill) -> list[Any]:
        from ..engine.operators.ongrid import OnGridTransform
        from ..engine.operators.project import ProjectTransform
        from ..engine.operators.regular import GridTransform
        from ..engine.operators.sort import SortSink

        at, schema = at_of(node), node.inputs[0].schema
        first = OnGridTransform(schema.index(node.time), node.regular.span, at)
        sort = Sort(inputs=node.inputs, keys=tuple(SortKey(n) for n in (*node.by, node.time)))
        operators: list[Any] = [first, SortSink(sort, schema, at)]
        here = [f for f in node.filled if f.name in schema]
        doubled = doubles(here)
        if doubled:
            operators.append(ProjectTransform(doubled, schema, at))
            for assign in doubled:
                schema = schema.put(assign.names[0], assign.value.type)
        grid = node.regular.lowered(
            first.extent.ends, keys=tuple(schema.index(n) for n in node.by), time=schema.index(node.time),
            order=tuple(range(len(schema))), columns=tuple(grid_column(f, schema, node.regular.most_ticks) for f in here),
            of_buckets=False,
        )  # fmt: skip
        return [*operators, GridTransform(grid, schema, at)]


def _column(args: Args, item: ast.Item, apart: set[str]) -> Filled | None:
    """A field and what it is filled with; E201 for anything that is no field."""
    if not isinstance(item.expr, ast.Name) or item.where is not None or item.alias is not None:
        args.abort("E201", "gapfill takes fields as they are", item.span, hint="resample takes aggregates and names")
    name, kind = args.field(ast.Field(item.expr.name, item.expr.span), always=True)
    if name in apart:
        args.fail("E311", f"'{name}' is a key or the time of a row: it has no gaps", item.expr.span)
        return None
    return filled(args, of_item(args, item.fill) if item.fill is not None else of_option(args), name, kind)
