"""`stats AGG [where E] [as A], ... [by F, ...]`: aggregates by keys."""

from __future__ import annotations

from ..planner.plan import Aggregate
from .base import Args, Command, Example, Node, Option, register


@register
class Stats(Command[Aggregate]):
    name = "stats"
    summary = "Aggregate rows, by keys if given; the output is sorted by its keys."
    syntax = "stats [nulls={keep,drop}] AGG [where E] [as A], ... [by F, ...]"
    grammar = "aggs [by_keys]"
    options = (Option("nulls", ("keep", "drop"), "drop: rows with a null key are left out and noted", default="keep"),)
    details = """
    One row for each combination of keys, sorted by them; without `by` one row, also of no input (`count` 0, others
    null). Null is a key like any other, and so is NaN; `nulls=drop` leaves out rows with a null key and notes how
    many. Keys may be expressions: `by datetrunc(_time, "1h") as hour`.

    A column without `as` has the text of its call as its name, with one blank after commas and around operators:
    `sum(bytes)`, `percentile(x, 95)`. Two columns of one name are E350. `AGG where E` counts only the rows where E
    is truthy, and names the column without the condition, so give it an `as`: `count where status >= 500 as
    errors`. Beware of `count(status >= 500)`, which counts false, too (W330).

    [Aggregates](../aggregates/README.md) ignore nulls. Numeric ones pass over text; warning W320 names the column.
    Sums of doubles do not depend on the order of rows, to the last bit. Groups that do not fit in memory are
    spilled to disk.
    """
    examples = (
        Example(
            title="sums by key; null is a key of its own",
            given={"t": "ip:string bytes:long\na 1\nnull 2\na 5"},
            query="table t | stats count, sum(bytes) as total by ip",
            expect="ip:string count:long total:long\nnull 1 2\na 2 6",
        ),
        Example(
            title="count only some rows",
            given={"t": "status:long\n200\n500\n200"},
            query="table t | stats count where status >= 500 as errors, count as hits",
            expect="errors:long hits:long\n1 3",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        items = args.many("by_keys")
        keys = args.keys(items)
        aggs = args.aggregates(args.items())
        args.binder.distinct_columns((*keys, *aggs), [i.span for i in (*items, *args.items())])
        return Aggregate(
            **args.common,
            inputs=(source,),
            keys=keys,
            aggs=aggs,
            derived=args.take_derived(),
            drop_null_keys=args.option("nulls") == "drop",
        )
