"""`pivot AGG [as A], ... [{by,rows} F, ...] [{for,cols} F, ...]`: a column for each value."""

from __future__ import annotations

from typing import Any

from ..planner.ast import Call
from ..planner.expr import Literal
from ..planner.plan import AggCall, Aggregate, Key, Names
from ..planner.records import dataclass
from ..planner.types import LONG, Schema, Type
from ..planner.unparse import stage_text
from .base import REGISTRY, Args, Command, Example, Node, Option, kinds, lowers, register

ROWS = "\0rows"  # the hidden column that counts the rows of each group


@dataclass(frozen=True, slots=True, kw_only=True)
class Pivot(Aggregate):
    """Keys are those of the rows, then those of the columns, of which there are `n_cols`.

    `listed`: label and name of each column's value; None: those that there are.
    """

    n_cols: int
    listed: tuple[tuple[str, str], ...] | None = None
    command = "pivot"

    def row_keys(self) -> tuple[tuple[str, Type], ...]:
        return tuple((k.name, k.expr.type) for k in self.keys[: len(self.keys) - self.n_cols])

    def layout(self) -> Any:
        from ..engine.operators.pivot import PivotLayout

        cols = tuple(k.expr.type for k in self.keys[len(self.keys) - self.n_cols :])
        return PivotLayout(self.row_keys(), cols, self.columns(), self.listed)

    def derive(self) -> Schema:
        if self.listed is None:
            return Schema(self.row_keys(), open=True)
        made = [f for _, name in self.listed for f in self.layout().names(name)]
        return Schema((*self.row_keys(), *made))

    def grouping(self) -> Aggregate:
        """The rows `keys, aggregates` that the table is made of, with their number where some may be left out."""
        count = AggCall(REGISTRY.aggregates["count"], (), LONG, None, ROWS, Call(name="count", bare=True))
        return Aggregate(
            inputs=self.inputs, aggs=self.aggs if self.listed is None else (*self.aggs, count), keys=self.keys,
            derived=self.derived, drop_null_keys=self.drop_null_keys, span=self.span, stage=self.stage,
            written=self.written,
        )  # fmt: skip

    def text(self) -> str:
        return stage_text(self.written) if self.written is not None else f"pivot {self.aggs_text()}"

    def kept(self, wanted: Names) -> tuple[AggCall, ...]:
        return self.aggs  # the rows stay whatever columns are read


@lowers(Pivot)
@register
class PivotCommand(Command[Pivot]):
    name = "pivot"
    summary = "Aggregate into a table with a row for each value of some fields and a column for each value of others."
    syntax = "pivot [values=V,...] [nulls={keep,drop}] AGG [where E] [as A], ... [{by,rows} F, ...] [{for,cols} F, ...]"
    grammar = "aggs [rows_part] [cols_part] | aggs cols_part rows_part"
    options = (
        Option("values", kinds.FIELDS, "the values that become columns, in this order; others are left out and noted"),
        Option("nulls", ("keep", "drop"), "drop: rows with a null key are left out and noted", default="keep"),
    )
    details = """
The rows are one for each combination of the fields of `by` (or `rows`), in order of these; the columns are one for each
value of the fields of `for` (or `cols`), ascending. Without `for` it is `stats`; without `by` there is one row.

A column is named by the text of its value: null is `null`, several fields join with `_`, and with several aggregates the
name is `value_alias`. A value that some row does not have is null there, also under `count`. Two values that give one name
are an error (E350), such as a text "null" beside a null.

The columns depend on the data, so the schema behind `pivot` is open. `values=a,b,c` fixes them: these columns, in this
order, whether or not there are such rows. Values are written as their text is, or as the language writes a literal of the
field's type (`values=2026-11-01` for a date, `values=1` for 1.0). Rows of other values make no column; they are
counted in a note (`truncate`), and their row keys stay.

Blocking. Groups spill to disk; the table itself is held in memory (E702 where it does not fit, E701 beyond 100 million
cells).
"""
    examples = (
        Example(
            title="trips by month and kind of member",
            given={"t": "month:string member:string\n2026-01 casual\n2026-01 member\n2026-02 member\n2026-02 member"},
            query="table t | pivot count by month for member",
            expect="month:string casual:long member:long\n2026-01 1 1\n2026-02 null 2",
        ),
        Example(
            title="only some values, in a given order",
            given={"t": "shop:string day:string n:long\ns mon 1\ns tue 2\ns wed 3"},
            query="table t | pivot values=wed,mon sum(n) as n, count as c rows shop cols day",
            expect="shop:string wed_n:long wed_c:long mon_n:long mon_c:long\ns 3 1 1 1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        row_items, col_items = args.many("by_keys"), args.many("columns")
        rows, cols = args.keys(row_items), args.keys(col_items)
        aggs = args.aggregates(args.items())
        derived = args.take_derived()
        drop = args.option("nulls") == "drop"
        if not cols:
            if args.given("values"):
                args.fail("E311", "values= needs fields whose values become columns", args.option_span("values"),
                          hint="for FIELD")  # fmt: skip
            spans = [i.span for i in (*row_items, *args.items())]
            args.binder.distinct_columns((*rows, *aggs), spans)
            return Aggregate(
                **args.common, inputs=(source,), keys=rows, aggs=aggs, derived=derived, drop_null_keys=drop
            )
        args.binder.distinct_columns(rows, [i.span for i in row_items])
        args.binder.distinct_columns(aggs, [i.span for i in args.items()])
        node = Pivot(
            **args.common, inputs=(source,), keys=(*rows, *cols), aggs=aggs, derived=derived, drop_null_keys=drop,
            n_cols=len(cols), listed=_listed(args, cols) if args.option("values") is not None else None,
        )  # fmt: skip
        if node.listed is not None:
            _check_columns(args, node)
        return node

    def lower(self, node: Pivot) -> Any:
        from ..engine.notes import At
        from ..engine.operators.aggregate import AggregateSink
        from ..engine.operators.pivot import PivotSink
        from ..engine.operators.project import derived

        at, grouping = At(node.stage, node.name, node.span), node.grouping()
        sink = AggregateSink(grouping, node.inputs[0].schema, at)
        return [sink, *derived(grouping, at, keep=(ROWS,)), PivotSink(node.layout(), at)]


def _listed(args: Args, cols: tuple[Key, ...]) -> tuple[tuple[str, str], ...]:
    """The label that each listed value has among the columns, and the name that it was given."""
    out = []
    for text in args.option("values"):
        label = _label(args, text, cols[0].expr.type) if len(cols) == 1 else text
        out.append((label, text))
    if not out:
        args.abort("E311", "values= lists no value", args.option_span("values"))
    return tuple(out)


CASTS = {"long": "long", "double": "double", "date": "date", "bool": "bool", "ip": "ip"}


def _label(args: Args, text: str, type_: Type) -> str:
    """The text of a value of this type that is written so."""
    if text == "null" or type_.kind not in CASTS:
        return text
    inner = Literal(type=Type("string"), value=text)
    span = args.option_span("values")
    call = args.binder.apply(CASTS[type_.kind], [inner], [span], span, Schema())
    shown = args.binder.apply("string", [call], [span], span, Schema())
    value, refused = args.binder.evaluated(shown)
    if refused or value is None:
        args.abort("E311", f"'{text}' is no {type_}", span, hint=f"values of {type_}, or null")
    return str(value)


def _check_columns(args: Args, node: Pivot) -> None:
    seen: set[str] = set()
    for name, _ in node.schema.fields:
        if name in seen:
            args.fail("E350", f"two columns are named '{name}'", args.option_span("values"))
        seen.add(name)
