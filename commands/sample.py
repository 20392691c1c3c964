"""`sample {count=N, ratio=R} [by G]`: rows chosen at random, in input order."""

from __future__ import annotations

from typing import Any

from ..engine.lower import at_of
from ..planner.plan import Names, Order
from ..planner.records import dataclass
from .base import Args, Command, Example, Node, Option, kinds, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Node):
    """`count` or `ratio` is given."""

    count: int | None = None
    ratio: float | None = None
    seed: int = 0
    by: tuple[str, ...] = ()
    command = "sample"
    blocking = True
    order = Order.NEEDS

    def needs(self, wanted: Names) -> Names:
        return wanted | frozenset(self.by)


@lowers(Sample)
@register
class SampleCommand(Command[Sample]):
    name = "sample"
    summary = "Choose rows at random: exactly so many, or such a part of them; they stay in input order."
    syntax = "sample {count=N, ratio=R} [seed=0] [by G, ...]"
    grammar = "[by_names]"
    tier = 2
    details = """
`count=N` gives N rows, or all where there are fewer; `ratio=R`, from 0 to 1, gives that part of the rows, to the nearest
whole number, halves up. Every set of rows of that size is as likely as any other. With `by` the number holds for each
group; null is a group.

The choice depends on the seed and on the number of each row in the input, so the same input and seed give the same rows,
whatever the number of threads; another `seed=` gives others. The note `truncate sample` counts the rows left out.

Blocking: with `count` only the rows that may be chosen are held, with `ratio` all of them; what does not fit into memory
goes to disk.
"""
    options = (
        Option("count", kinds.INT, "so many rows", least=0),
        Option("ratio", kinds.NUMBER, "such a part of the rows, 0 to 1"),
        Option("seed", kinds.INT, "another seed chooses other rows", default=0),
    )
    examples = (
        Example(
            title="three of a hundred rows, in order",
            query='json "{}" | repeat count=100 | eval n = seq() | sample count=3',
            expect="n:long\n7\n15\n54",
        ),
        Example(
            title="half of each group",
            given={"t": "g:string n:long\na 1\nb 2\na 3\nb 4\na 5\na 6"},
            query="table t | sample ratio=0.5 by g | stats count by g",
            expect="g:string count:long\na 2\nb 1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        count, ratio = args.option("count"), args.option("ratio")
        if (count is None) is (ratio is None):
            if count is not None:
                args.abort("E311", "count= and ratio= exclude each other", args.option_span("ratio"), hint="choose one")
            args.abort("E310", "sample needs count= or ratio=", hint="sample count=100")
        if ratio is not None and not 0 <= ratio <= 1:
            args.abort("E311", f"ratio= cannot be {ratio}", args.option_span("ratio"), hint="a part: 0 to 1")
        by = tuple(args.fields(args.many("by_names"), always=True))
        return Sample(
            **args.common,
            inputs=(source,),
            count=count,
            ratio=None if ratio is None else float(ratio),
            seed=args.option("seed"),
            by=by,
        )

    def lower(self, node: Sample) -> Any:
        from ..engine.operators.sample import SampleSink, Share

        before = node.inputs[0].schema
        keys = [before.index(n) for n in node.by if n in before]
        return SampleSink(Share(node.count, node.ratio), node.seed, keys, before, at_of(node))
